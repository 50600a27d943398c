"""Each kind of artifact that a run builds: what its key is made of, and the rooms that build it,
which are imported only where a folder is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import Artifact, file_sha256, make_folder, recorded_sha256
from mtnlg.config import Config, TaskConfig, plain_settings
from mtnlg.config.third_party import changing_callbacks
from mtnlg.experiment.initial_model import (
    initial_inputs,
    initial_tokenizer,
    tokenizer_source,
    write_initial_tokenizer,
)
from mtnlg.experiment.machine import arithmetic, num_threads
from mtnlg.experiment.naming import WATCHING_SETTINGS, run_folder
from mtnlg.experiment.ranks import is_under_torchrun, train_in_ranks
from mtnlg.experiment.teacher import logits_inputs
from mtnlg.plugins import UsedRow
from mtnlg.process.progress import track
from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.places import (
    CONFIG_FILE,
    METRICS_FILE,
    PREDICTIONS_FILE,
    PROFILE_FILE,
    TRAIN,
    TRAINING_FILE,
    VALIDATION,
    rows_file,
)
from mtnlg.records.runs import Kind
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE

logger = logging.getLogger(__name__)

RECORDS_OF_TRAINING = (TRAINING_FILE, METRICS_FILE, PROFILE_FILE)
"""Files of a model folder on which predictions do not depend."""


@dataclass
class Prepared:
    """What the first stage gives; rows and tokens by the task's key in the configuration."""

    rows: dict[str, Artifact] = field(default_factory=dict)
    tokens: dict[str, Artifact] = field(default_factory=dict)
    tokenizer: Artifact | None = None
    contamination: Artifact | None = None

    @property
    def artifacts(self) -> list[Artifact]:
        """All that is there so far."""
        single = (self.contamination, self.tokenizer)
        return [*self.rows.values(), *self.tokens.values(), *filter(None, single)]

    def signals_file(self, name: str, test_set: str) -> Path:
        """The contamination signals of one test set's rows, in all training sets of the model."""
        assert self.contamination is not None, "prepare searches for contamination"
        return self.contamination.folder / rows_file(f"{name}.{test_set}")

    def rows_hash(self, name: str, split: str) -> str:
        """The hash of one split's rows."""
        return recorded_sha256(self.rows[name].folder, rows_file(split))

    def tokenizer_file(self) -> Path:
        """The tokenizer of all tasks."""
        assert self.tokenizer is not None, "prepare makes a tokenizer"
        return self.tokenizer.folder / TOKENIZER_FILE

    def tokenizer_hash(self) -> str:
        """The hash of the tokenizer."""
        return recorded_sha256(self.tokenizer_file().parent, TOKENIZER_FILE)


@dataclass(frozen=True)
class Decoded:
    """The predictions of one system on one test set."""

    task: str
    test_set: str
    system: str
    kind: Kind
    predictions: Artifact


def make_rows(config: Config, name: str, task: TaskConfig) -> Artifact:
    """The cleaned rows of one data set, and their audit."""
    from mtnlg.corpus.preparation import prepare_rows, read_audits
    from mtnlg.corpus.sources.sources import source_fingerprint

    data_root = Path(config.data_root) if config.data_root else None
    cache = Path(config.artifacts_root) / "source_hashes.json"
    where = ("hub", "hub_config", "hub_folder", "revision", "streaming", "folder")
    use = ("prompt", "weight", "main_metric")
    inputs: JsonObject = {
        "source": source_fingerprint(task, data_root, cache=cache),
        "task": plain_settings(task, without=(*where, *use)),
        "cleaning": plain_settings(config.cleaning),
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

    code = Code(make_rows, packages=("ftfy",), rows=reading_rows([task]))
    rows = make_folder(config.artifacts_root, "rows", inputs, build, code=code, is_resumable=True)
    for split, audit in read_audits(rows.folder).items():
        if audit["misaligned"] is not None:
            logger.warning("tasks.%s: %s: %s", name, split, audit["misaligned"])
    return rows


def search_contamination(config: Config, prepared: Prepared) -> Artifact:
    """What the test sets share with all training sets."""
    from mtnlg.contamination.audit import RunFiles, write_contamination

    folders = {name: artifact.folder for name, artifact in prepared.rows.items()}
    files = RunFiles.of(config.tasks, folders)

    def build(folder: Path) -> None:
        with track("contamination", 0) as progress:
            lines = write_contamination(
                folder,
                files,
                num_workers=config.preparation.num_workers,
                on_rows=progress.advance,
            )
            for line in lines:
                logger.info(line)

    code = Code(search_contamination, packages=("numpy",))
    return make_folder(config.artifacts_root, "contamination", files.identity, build, code=code)


def make_tokenizer(config: Config, prepared: Prepared) -> Artifact:
    """The tokenizer of all tasks."""
    markers = sorted({task.marker for task in config.tasks.values()})
    rows = {  # by content: the tasks' names and their order change nothing
        prepared.rows_hash(name, TRAIN): prepared.rows[name].folder / rows_file(TRAIN)
        for name in config.tokenizer_tasks
    }
    trained_from: JsonObject = {
        "rows": list[JsonValue](sorted(rows)),
        "tokenizer": plain_settings(config.tokenizer, without=("tasks",)),
    }
    inputs: JsonObject = {
        **(initial_tokenizer(config) or trained_from),
        "markers": list[JsonValue](markers),
    }

    def build(folder: Path) -> None:
        from mtnlg.tokenization.sampling import TrainingRows, training_texts
        from mtnlg.tokenization.tokenizer import train_tokenizer

        source = tokenizer_source(config)
        if source is not None:
            write_initial_tokenizer(source, folder, markers=markers)
            return
        files = [TrainingRows.of(rows[digest]) for digest in sorted(rows)]
        with track("tokenizer", 0) as progress:
            texts = training_texts(files, config.tokenizer, on_progress=progress.advance)
            tokenizer = train_tokenizer(texts, config.tokenizer, markers=markers)
        tokenizer.save(folder / TOKENIZER_FILE)

    code = Code(make_tokenizer, packages=("tokenizers",))
    return make_folder(config.artifacts_root, "tokenizer", inputs, build, code=code)


def make_tokens(
    config: Config,
    name: str,
    task: TaskConfig,
    prepared: Prepared,
    *,
    targets: Artifact | None = None,
) -> Artifact:
    """The training and validation rows of one data set as token arrays; a teacher's `targets` stand
    in place of the training rows.
    """
    splits = [
        stem
        for stem, split in ((TRAIN, task.train_split), (VALIDATION, task.validation_split))
        if split
    ]
    folders = dict.fromkeys(splits, prepared.rows[name].folder)
    if targets is not None:
        folders[TRAIN] = targets.folder
    inputs: JsonObject = {
        "rows": {split: recorded_sha256(folders[split], rows_file(split)) for split in splits},
        "tokenizer": prepared.tokenizer_hash(),
    }

    def build(folder: Path) -> None:
        from mtnlg.tokenization.tokenizer import TextTokenizer
        from mtnlg.tokenization.tokens import remove_progress, write_token_split

        tokenizer = TextTokenizer.load(prepared.tokenizer_file())
        with track(f"tokens {name}", 0) as progress:
            for split in splits:
                write_token_split(
                    folders[split] / rows_file(split),
                    folder,
                    tokenizer,
                    num_workers=config.preparation.num_workers,
                    keeps_progress=True,
                    on_progress=progress.advance,
                )
        remove_progress(folder)

    code = Code(make_tokens, packages=("tokenizers",))
    return make_folder(config.artifacts_root, "tokens", inputs, build, code=code, is_resumable=True)


def make_model(config: Config, prepared: Prepared) -> Artifact:
    """Token arrays to a model folder."""
    logs = run_folder(config)
    threads = num_threads(config.trainer.num_threads, ranks=config.trainer.devices)
    config = replace(config, trainer=replace(config.trainer, num_threads=threads))
    inputs: JsonObject = {
        "tokens": {name: artifact.content() for name, artifact in prepared.tokens.items()},
        "tokenizer": prepared.tokenizer_hash(),
        "validation_rows": {
            name: prepared.rows_hash(name, VALIDATION)
            for name, task in config.tasks.items()
            if task.validation_split
        },
        "tasks": {
            name: {
                "kind": task.kind.value,
                "marker": task.marker,
                "weight": task.weight,
                "metric": task.main_metric,
            }
            for name, task in config.training_tasks.items()
        },
        "cleaning": plain_settings(config.cleaning),
        "model": plain_settings(config.our_model, without=("name",)),
        "optimizer": plain_settings(config.optimizer),
        "trainer": plain_settings(config.trainer, without=WATCHING_SETTINGS),
        "seed": config.seed,
        "machine": {**arithmetic(config.trainer.accelerator)},
        **initial_inputs(config),
        **logits_inputs(config),
    }
    if callbacks := changing_callbacks(config.callbacks):
        inputs["callbacks"] = {name: plain_settings(chosen) for name, chosen in callbacks.items()}

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
        tokenizer = prepared.tokenizer_file()
        if config.trainer.devices > 1 or is_under_torchrun():
            frozen = logs / CONFIG_FILE
            train_in_ranks(
                config, data, config_file=frozen, tokenizer_file=tokenizer, folder=folder
            )
        else:
            train_model(config, data, tokenizer_file=tokenizer, folder=folder, run_folder=logs)

    code = Code(make_model, packages=("torch", "lightning"), rows=validation_rows(config))
    return make_folder(config.artifacts_root, "model", inputs, build, code=code, is_resumable=True)


def make_predictions(
    config: Config, prepared: Prepared, model: Artifact, name: str, test_set: str
) -> Decoded:
    """The model's outputs for one test set."""
    signals_file = prepared.signals_file(name, test_set)
    model_task = config.task_title(config.model_task(name))
    inputs: JsonObject = {
        "model": model.content(without=RECORDS_OF_TRAINING),
        "rows": prepared.rows_hash(name, test_set),
        "signals": file_sha256(signals_file),
        "task": model_task,
        "decoding": plain_settings(config.decoding),
    }
    threads = num_threads(config.trainer.num_threads)
    if config.decoding.num_alternatives > 1 or config.decoding.has_likelihood:
        # scores are written, whose last digits depend on them; texts do not
        inputs |= {"threads": threads, "machine": {**arithmetic(config.trainer.accelerator)}}

    def build(folder: Path) -> None:
        import torch

        from mtnlg.inference.predict import predict_test_set

        torch.set_num_threads(threads)
        predict_test_set(
            model.folder,
            model_task,
            prepared.rows[name].folder / rows_file(test_set),
            config.decoding,
            signals_file=signals_file,
            folder=folder,
        )

    code = Code(make_predictions, packages=("torch",), rows=decoding_rows(config))
    artifact = make_folder(config.artifacts_root, "predictions", inputs, build, code=code)
    return Decoded(name, test_set, config.our_model.name, "trained", artifact)


def make_baseline(
    config: Config, prepared: Prepared, system: str, name: str, test_set: str
) -> Decoded:
    """A trivial system's outputs for one test set."""
    task, signals_file = config.tasks[name], prepared.signals_file(name, test_set)
    inputs: JsonObject = {
        "baseline": system,
        "rows": prepared.rows_hash(name, test_set),
        "own_training_rows": prepared.rows_hash(name, TRAIN) if task.train_split else None,
        "signals": file_sha256(signals_file),
        "kind": task.kind.value,
        "language": task.source_language,
    }

    def build(folder: Path) -> None:
        from mtnlg.evaluation import write_baseline
        from mtnlg.records.rows import read_tags

        write_baseline(
            folder / PREDICTIONS_FILE,
            system,
            task,
            prepared.rows[name].folder / rows_file(test_set),
            tags=read_tags(signals_file),
        )

    code = Code(make_baseline)
    artifact = make_folder(config.artifacts_root, "predictions", inputs, build, code=code)
    return Decoded(name, test_set, system, "baseline", artifact)


def reading_rows(tasks: Iterable[TaskConfig]) -> tuple[UsedRow, ...]:
    """The readers of these data sets."""
    from mtnlg.corpus.sources.readers import READER_TABLE, find_reader

    return tuple(READER_TABLE.used(task.reader, find_reader(task.reader)) for task in tasks)


def validation_rows(config: Config) -> tuple[UsedRow, ...]:
    """The metrics that choose the checkpoint."""
    from mtnlg.evaluation.metrics.registry import used_metrics

    metrics = (task.main_metric for task in config.training_tasks.values())
    return used_metrics(metric for metric in metrics if metric)


def decoding_rows(config: Config) -> tuple[UsedRow, ...]:
    """The decoding strategy, and the metric of minimum Bayes risk."""
    from mtnlg.evaluation.metrics.registry import used_metrics
    from mtnlg.generation.strategies import STRATEGY_TABLE, find_strategy

    strategy = STRATEGY_TABLE.used(config.decoding.strategy, find_strategy(config.decoding))
    utility = config.decoding.mbr_utility
    return (strategy, *used_metrics([utility] if utility else []))
