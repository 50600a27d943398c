"""The stages of a run, each a function from inputs to folders, and the hash of the code of each.

A complete folder is not built again, and what is not built is not even imported: a run whose
artifacts are all there loads no PyTorch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import Artifact, make_folder
from mtnlg.config import Config, DistillationKind, parse_system
from mtnlg.errors import MtnlgError
from mtnlg.experiment.artifacts import (
    Decoded,
    Prepared,
    decoding_rows,
    make_baseline,
    make_model,
    make_predictions,
    make_rows,
    make_tokenizer,
    make_tokens,
    reading_rows,
    search_contamination,
    validation_rows,
)
from mtnlg.experiment.systems import BUILDERS, make_system_predictions
from mtnlg.experiment.targets import make_targets
from mtnlg.records.scores import read_scores

logger = logging.getLogger(__name__)


def prepare(config: Config) -> Prepared:
    """Raw text to rows and their contamination, to a tokenizer, to token arrays. A system that is
    not ours needs only the rows.
    """
    prepared = Prepared()
    for name, task in config.tasks.items():
        prepared.rows[name] = make_rows(config, name, task)
    prepared.contamination = search_contamination(config, prepared)
    if config.system is not None:
        return prepared
    prepared.tokenizer = make_tokenizer(config, prepared)
    for name, task in config.training_tasks.items():
        has_targets = config.distilled is DistillationKind.sequence and bool(task.train_split)
        targets = make_targets(config, name, prepared) if has_targets else None
        prepared.tokens[name] = make_tokens(config, name, task, prepared, targets=targets)
    return prepared


def train(config: Config, prepared: Prepared) -> Artifact:
    """Token arrays to a model folder."""
    return make_model(config, prepared)


def generate(config: Config, prepared: Prepared, model: Artifact | None) -> list[Decoded]:
    """A model folder, or a system that is not ours, and each test set to predictions."""
    decoded = [
        make_system_predictions(config, prepared, name, test_set)
        if model is None
        else make_predictions(config, prepared, model, name, test_set)
        for name, task in config.tasks.items()
        for test_set in task.test_sets
    ]
    if not decoded:
        logger.info("no task has a test set: nothing is decoded or ranked")
    return decoded


def predict_baselines(config: Config, prepared: Prepared) -> list[Decoded]:
    """The trivial systems' predictions on each test set."""
    from mtnlg.evaluation import baselines_for

    return [
        make_baseline(config, prepared, system, name, test_set)
        for name, task in (config.tasks.items() if config.evaluation.has_baselines else ())
        for test_set in task.test_sets
        for system in baselines_for(task.kind.value, has_training_rows=bool(task.train_split))
    ]


def evaluate(config: Config, decoded: list[Decoded]) -> list[tuple[Decoded, Artifact]]:
    """Predictions to scores."""
    from mtnlg.evaluation.score import make_scores

    return [
        (
            system,
            make_scores(
                config.artifacts_root,
                system.predictions,
                language=config.tasks[system.task].output_language,
                settings=config.evaluation.for_kind(config.tasks[system.task].kind),
            ),
        )
        for system in decoded
    ]


def track_scores(
    config: Config, run_folder: Path, scored: list[tuple[Decoded, Artifact]], *, step: int
) -> None:
    """Send the trained system's scores on test sets to the trackers, at the last training step."""
    if not config.logger:
        return
    from mtnlg.training.trainer import Loggers, run_names

    values: dict[str, float] = {}
    for system, scores in scored:
        subsets = read_scores(scores.key, artifacts_root=Path(config.artifacts_root))
        if system.kind == "trained" and not isinstance(subsets, str):
            name = f"test/{config.task_title(system.task)}/{system.test_set}"
            metrics = subsets["all"].metrics.items()
            values |= {f"{name}/{metric}": score.value for metric, score in metrics}
    trackers = Loggers(config, run_names(run_folder))
    trackers.start()
    trackers.log_metrics(values, step)
    trackers.finalize("success")


def stage_line(stage: str, artifacts: Sequence[Artifact], seconds: float) -> str:
    """How many artifacts of a stage were built and cached, or which where there is one."""
    num_built = sum(artifact.is_new for artifact in artifacts)
    counts = {"built": num_built, "cached": len(artifacts) - num_built}
    parts = [f"{count} {state}" for state, count in counts.items() if count]
    if len(artifacts) == 1:
        parts = [f"{artifacts[0].folder} {'built' if num_built else 'cached'}"]
    return f"{stage:<10}{', '.join(parts)}" + (f" in {seconds:,} s" if num_built else "")


@contextmanager
def stage_lines() -> Iterator[None]:
    """Leave the line of each artifact to the log: a user sees one for each stage."""

    def demote(record: logging.LogRecord) -> bool:
        if record.levelno == logging.INFO and record.funcName == make_folder.__name__:
            record.levelno = logging.DEBUG
        return True

    store = logging.getLogger(make_folder.__module__)
    store.addFilter(demote)
    try:
        yield
    finally:
        store.removeFilter(demote)


def code_hashes(config: Config) -> dict[str, str]:
    """Stage -> the hash of its code, as in the keys; empty if the settings name an unknown row."""
    from mtnlg.evaluation.metrics.registry import used_metrics
    from mtnlg.evaluation.score import make_scores

    try:
        codes = {
            "rows": Code(make_rows, rows=reading_rows(config.tasks.values())),
            "contamination": Code(search_contamination),
            "baselines": Code(make_baseline),
            "scores": Code(make_scores, rows=used_metrics(config.metrics)),
        }
        if config.system is None:
            codes |= {
                "tokenizer": Code(make_tokenizer),
                "tokens": Code(make_tokens),
                "model": Code(make_model, rows=validation_rows(config)),
                "predictions": Code(make_predictions, rows=decoding_rows(config)),
            }
        else:
            codes["predictions"] = Code(BUILDERS[parse_system(config.system).kind][0])
    except MtnlgError:  # the run itself says it
        return {}
    return {stage: code.digest(Path(config.artifacts_root)) for stage, code in codes.items()}
