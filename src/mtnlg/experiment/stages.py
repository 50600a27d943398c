"""The five stages, each a function from inputs to folders; the rooms below do the work and are
imported only when there is some.

A stage asks for what it needs from the stage before. A folder that is complete is not made again,
and what is not made is not even imported: a run whose artifacts are all there loads no PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mtnlg.artifacts.store import Artifact, file_sha256, make_folder, recorded_sha256, versions
from mtnlg.config import Config, TaskConfig
from mtnlg.config.plain import plain_settings as _plain
from mtnlg.experiment.compose import experiment_name, run_folder
from mtnlg.experiment.initial_model import initial_inputs, write_initial_tokenizer
from mtnlg.progress import say, track
from mtnlg.records.files import JsonObject, JsonValue

TRAIN, VALIDATION = "train", "validation"
"""Names of the prepared splits, whatever the raw data calls them."""


@dataclass
class Prepared:
    """What the first stage gives, by the task's key in the configuration."""

    rows: dict[str, Artifact] = field(default_factory=dict)
    tokens: dict[str, Artifact] = field(default_factory=dict)
    tokenizer: Artifact | None = None
    contamination: Artifact | None = None

    def signals_file(self, name: str, test_set: str) -> Path:
        """The contamination signals of one test set's rows, in all training sets of the model."""
        assert self.contamination is not None, "prepare looks for contamination"
        return self.contamination.folder / f"{name}.{test_set}.jsonl"

    def rows_hash(self, name: str, split: str) -> str:
        """What identifies the rows of one split: a new test set changes nothing for a model that
        does not read it.
        """
        return recorded_sha256(self.rows[name].folder, f"{split}.jsonl")


@dataclass(frozen=True)
class Decoded:
    """The predictions of one system on one test set."""

    task: str
    test_set: str
    system: str
    kind: str
    predictions: Artifact


def prepare(config: Config) -> Prepared:
    """Raw text to rows and their contamination signals, to a tokenizer, to token arrays."""
    prepared = Prepared()
    for name, task in config.tasks.items():
        prepared.rows[name] = make_rows(config, name, task)
    prepared.contamination = _find_contamination(config, prepared)
    prepared.tokenizer = make_tokenizer(config, prepared)
    for name, task in config.training_tasks.items():
        prepared.tokens[name] = _make_tokens(config, name, task, prepared)
    return prepared


def train(config: Config, prepared: Prepared) -> Artifact:
    """Token arrays to a model folder."""
    inputs: JsonObject = {
        **versions("model", "torch", "lightning"),
        "tokens": {name: artifact.key for name, artifact in prepared.tokens.items()},
        "validation_rows": {
            name: prepared.rows_hash(name, VALIDATION)
            for name, task in config.tasks.items()
            if task.validation_split
        },
        "tasks": {name: _training_settings(task) for name, task in config.training_tasks.items()},
        "cleaning": _plain(config.cleaning),
        "model": _plain(config.model, without=("name",)),
        "optimizer": _plain(config.optimizer),
        "trainer": _plain(config.trainer, without=("num_workers", "log_every_steps")),
        "seed": config.seed,
        **initial_inputs(config),
    }

    def build(folder: Path) -> None:
        from mtnlg.training import TrainingData, train_model

        data = [
            TrainingData(
                config.task_title(name),
                name,
                prepared.rows[name].folder,
                prepared.tokens[name].folder,
            )
            for name in sorted(config.training_tasks)  # the key knows no order, nor may the model
        ]
        assert prepared.tokenizer is not None, "training needs a tokenizer"
        train_model(
            config,
            data,
            tokenizer_file=prepared.tokenizer.folder / "tokenizer.json",
            folder=folder,
            run_folder=run_folder(config),
        )

    return make_folder(config.artifacts_root, "model", inputs, build, is_resumable=True)


def generate(config: Config, prepared: Prepared, model: Artifact) -> list[Decoded]:
    """A model folder and each test set to predictions."""
    decoded = []
    for name, task in config.tasks.items():
        model_task = config.task_title(config.model_task(name))
        for test_set in task.test_sets:
            inputs: JsonObject = {
                **versions("predictions", "torch"),
                "model": model.key,
                "rows": prepared.rows_hash(name, test_set),
                "signals": file_sha256(prepared.signals_file(name, test_set)),
                "task": model_task,
                "decoding": _plain(config.decoding),
            }

            def build(
                folder: Path,
                name: str = name,
                test_set: str = test_set,
                model_task: str = model_task,
            ) -> None:
                from mtnlg.inference.predict import predict_test_set

                predict_test_set(
                    model.folder,
                    model_task,
                    prepared.rows[name].folder / f"{test_set}.jsonl",
                    config.decoding,
                    signals_file=prepared.signals_file(name, test_set),
                    folder=folder,
                )

            artifact = make_folder(config.artifacts_root, "predictions", inputs, build)
            decoded.append(Decoded(name, test_set, config.model.name, "trained", artifact))
    if not decoded:
        say("no task has a test set: nothing is decoded or ranked")
    return decoded


def predict_baselines(config: Config, prepared: Prepared) -> list[Decoded]:
    """The trivial systems' predictions on each test set."""
    from mtnlg.contamination.audit import read_tags
    from mtnlg.evaluation import baselines_for, write_baseline

    decoded = []
    for name, task in config.tasks.items() if config.evaluation.has_baselines else ():
        systems = baselines_for(task.kind.value, has_training_rows=bool(task.train_split))
        for test_set in task.test_sets:
            for system in systems:
                inputs: JsonObject = {
                    **versions("predictions"),
                    "baseline": system,
                    "rows": prepared.rows_hash(name, test_set),
                    "own_training_rows": prepared.rows_hash(name, TRAIN)
                    if task.train_split
                    else None,
                    "signals": file_sha256(prepared.signals_file(name, test_set)),
                    "kind": task.kind.value,
                    "language": task.source_language,
                }

                def build(
                    folder: Path, name: str = name, test_set: str = test_set, system: str = system
                ) -> None:
                    write_baseline(
                        folder / "predictions.jsonl",
                        system,
                        config.tasks[name],
                        prepared.rows[name].folder / f"{test_set}.jsonl",
                        tags=read_tags(prepared.signals_file(name, test_set)),
                    )

                artifact = make_folder(config.artifacts_root, "predictions", inputs, build)
                decoded.append(Decoded(name, test_set, system, "baseline", artifact))
    return decoded


def evaluate(config: Config, decoded: list[Decoded]) -> list[tuple[Decoded, Artifact]]:
    """Predictions to scores."""
    from mtnlg.evaluation.stage import make_scores

    scored = []
    for one in decoded:
        scores = make_scores(
            config.artifacts_root,
            one.predictions,
            language=config.tasks[one.task].output_language,
            settings=config.evaluation,
        )
        scored.append((one, scores))
    return scored


def report(config: Config) -> list[Path]:
    """The launch's manifests and scores to a report, whatever became of the runs."""
    from mtnlg.leaderboard.board import build_leaderboard
    from mtnlg.report import write_report

    name = experiment_name(config)
    leaderboard = build_leaderboard(
        name,
        runs_root=Path(config.runs_root),
        artifacts_root=Path(config.artifacts_root),
        has_paired_bootstrap=config.report.has_paired_bootstrap,
    )
    paths = write_report(
        leaderboard,
        Path(config.reports_root) / name,
        formats=config.report.formats,
        num_samples=config.report.num_samples,
    )
    for path in paths:
        say(f"report: {path}")
    return paths


def make_rows(config: Config, name: str, task: TaskConfig) -> Artifact:
    """The cleaned rows of one data set, and their audit."""
    from mtnlg.corpus.preparation import prepare_rows
    from mtnlg.corpus.sources.sources import source_fingerprint

    data_root = Path(config.data_root) if config.data_root else None
    cache = Path(config.artifacts_root) / "source_hashes.json"
    source = ("hub", "hub_config", "hub_folder", "revision", "streaming", "folder")
    settings = _plain(task, without=("prompt", "weight", "main_metric", *source))
    inputs: JsonObject = {
        **versions("rows", "ftfy"),
        "source": source_fingerprint(task, data_root, cache=cache),
        "task": settings,
        "cleaning": _plain(config.cleaning),
    }

    def build(folder: Path) -> None:
        with track(f"rows {name}", 0) as progress:
            prepare_rows(
                name,
                task,
                config.cleaning,
                data_root=data_root,
                folder=folder,
                num_workers=config.preparation.num_workers,
                on_progress=progress.reach,
            )

    return make_folder(config.artifacts_root, "rows", inputs, build, is_resumable=True)


def _find_contamination(config: Config, prepared: Prepared) -> Artifact:
    """Every test set against all training sets, each read once."""
    from mtnlg.contamination.audit import RunFiles, write_contamination

    files = RunFiles.of(config.tasks, {name: one.folder for name, one in prepared.rows.items()})
    inputs: JsonObject = {**versions("contamination", "numpy"), **files.identity}

    def build(folder: Path) -> None:
        with track("contamination", 0) as progress:
            for line in write_contamination(folder, files, on_rows=progress.advance):
                say(line)

    return make_folder(config.artifacts_root, "contamination", inputs, build)


def make_tokenizer(config: Config, prepared: Prepared) -> Artifact:
    """The tokenizer of all tasks, whose rows are there."""
    markers = sorted({task.marker for task in config.tasks.values()})
    hashes = sorted(prepared.rows_hash(name, TRAIN) for name in config.tokenizer_tasks)
    trained_from: JsonObject = {
        "rows": list[JsonValue](hashes),
        "tokenizer": _plain(config.tokenizer, without=("tasks",)),
    }
    inputs: JsonObject = {
        **versions("tokenizer", "tokenizers"),
        **(initial_inputs(config, ["tokenizer.json"]) or trained_from),
        "markers": list[JsonValue](markers),
    }

    def build(folder: Path) -> None:
        from mtnlg.tokenization.sampling import TrainingRows, training_texts
        from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, train_tokenizer

        if config.initial_model is not None:
            write_initial_tokenizer(Path(config.initial_model), folder, markers=markers)
            return
        learnt = [TrainingRows.of(file) for file in _tokenizer_files(config, prepared)]
        with track("tokenizer", 0) as progress:
            texts = training_texts(learnt, config.tokenizer, on_progress=progress.advance)
            tokenizer = train_tokenizer(texts, config.tokenizer, markers=markers)
        tokenizer.save(folder / TOKENIZER_FILE)

    return make_folder(config.artifacts_root, "tokenizer", inputs, build)


def _make_tokens(config: Config, name: str, task: TaskConfig, prepared: Prepared) -> Artifact:
    assert prepared.tokenizer is not None, "tokens need a tokenizer"
    tokenizer_folder = prepared.tokenizer.folder
    splits = [
        stem
        for stem, split in ((TRAIN, task.train_split), (VALIDATION, task.validation_split))
        if split
    ]
    inputs: JsonObject = {
        **versions("tokens", "tokenizers"),
        "rows": {split: prepared.rows_hash(name, split) for split in splits},
        "tokenizer": prepared.tokenizer.key,
    }
    is_trained = config.initial_model is None
    if is_trained and config.tokenizer.algorithm is not None:  # made again, it has other bytes
        inputs["tokenizer_sha256"] = recorded_sha256(tokenizer_folder, "tokenizer.json")

    def build(folder: Path) -> None:
        from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer
        from mtnlg.tokenization.tokens import write_token_split

        tokenizer = TextTokenizer.load(tokenizer_folder / TOKENIZER_FILE)
        with track(f"tokens {name}", 0) as progress:
            for split in splits:
                write_token_split(
                    prepared.rows[name].folder / f"{split}.jsonl",
                    folder,
                    tokenizer,
                    num_workers=config.preparation.num_workers,
                    on_progress=progress.advance,
                )

    return make_folder(config.artifacts_root, "tokens", inputs, build, is_resumable=True)


def _tokenizer_files(config: Config, prepared: Prepared) -> list[Path]:
    """Training rows to learn from, in an order that does not depend on the tasks' names."""
    files = {
        prepared.rows_hash(name, TRAIN): prepared.rows[name].folder / f"{TRAIN}.jsonl"
        for name in config.tokenizer_tasks
    }
    return [files[key] for key in sorted(files)]


def _training_settings(task: TaskConfig) -> JsonObject:
    return {
        "kind": task.kind.value,
        "marker": task.marker,
        "weight": task.weight,
        "metric": task.main_metric,
    }
