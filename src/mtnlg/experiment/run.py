"""One run: from a configuration to its artifacts and its manifest, whatever happens on the way."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from mtnlg.artifacts.store import Artifact, acquired, artifact_record, nothing_built
from mtnlg.config import Config
from mtnlg.errors import (
    ArtifactError,
    InterruptedTrainingError,
    MtnlgError,
    OutOfMemoryError,
    PrunedTrainingError,
    is_out_of_memory,
)
from mtnlg.experiment import stages
from mtnlg.experiment.artifacts import RECORDS_OF_TRAINING, Decoded, Prepared
from mtnlg.experiment.compose import freeze_run
from mtnlg.experiment.machine import hardware
from mtnlg.experiment.naming import run_folder
from mtnlg.experiment.preflight import preflight
from mtnlg.process.progress import logged_to, silent
from mtnlg.process.signals import end_at_once, handled_by
from mtnlg.provenance.manifest import Manifest
from mtnlg.records.codec import read_record
from mtnlg.records.files import JsonObject, disk_fault, read_json
from mtnlg.records.launches import launched_code
from mtnlg.records.places import (
    CONTAMINATION_FILE,
    GENERATION_FILE,
    LOG_FILE,
    RUN_FILE,
    TRAINING_FILE,
)
from mtnlg.records.runs import (
    UNKNOWN_TRAINING,
    Contamination,
    Cost,
    RunArtifacts,
    RunRecord,
    ScoreRecord,
    TaskRecord,
    read_run,
)
from mtnlg.records.stages import ContaminationSummary, Generation, Training, find_training

logger = logging.getLogger(__name__)

BUILDING = ("prepare", "train", "generate", "evaluate")
"""The stages of one run."""
UNSEEN_TEXT = "; the training text of its initial model was not looked up"
UNSEEN_TEXT_OF_TEACHER = "; the training text of its teacher was not looked up"


def execute(config: Config, last_stage: str) -> None:
    """Run the stages up to the last one; run.json and the log also record a failure. A run that
    has finished is left as it is, and one that another process works on is waited for.
    """
    folder = freeze_run(config).parent
    with acquired(run_lock(folder), f"works on {folder.name}"):
        if config.trial is not None and _record(folder).status == "pruned":
            logger.info("pruned by an earlier search: not trained again")
        elif has_finished(config):
            logger.info(f"{folder.name} has finished before: nothing is built")
        else:
            _execute(config, folder, last_stage)


def run_lock(folder: Path) -> FileLock:
    """What a process holds while it works on a run."""
    return FileLock(folder / ".lock")


def _record(folder: Path) -> RunRecord:
    return read_run(folder.name, folder=folder.parent)


def has_finished(config: Config) -> bool:
    """Whether all stages of a run, as its manifest names them, are there and would not be built."""
    folder = run_folder(config)
    try:
        read_json(folder / RUN_FILE, is_sealed=True)
    except ArtifactError:  # missing or changed: it is written again
        return False
    record = _record(folder)
    if config.trainer.num_threads is None and (threads := _threads(record, config)):
        config = replace(config, trainer=replace(config.trainer, num_threads=threads))
    asked = _asked(config, folder)
    same = ("system", "kind", "seed", "decoding", "tags", "tasks")
    if record.status != "finished" or any(
        getattr(record, name) != getattr(asked, name) for name in same
    ):
        return False
    existing = Existing.of(config, "evaluate")
    scores = existing.fields.get("scores", ())
    return existing.num_stages == len(BUILDING) and _keys(scores) == _keys(record.scores)


def _threads(record: RunRecord, config: Config) -> int | None:
    """How many the training took on the machine that ran it."""
    training = find_training(record.model, artifacts_root=Path(config.artifacts_root))
    return None if training is None else training.threads


def _keys(scores: Iterable[ScoreRecord]) -> list[tuple[str | None, str | None]]:
    return [(score.predictions, score.scores) for score in scores]


class Existing:
    """In place of a manifest: what is there already of a run's stages."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.num_stages = 0

    @classmethod
    def of(cls, config: Config, last_stage: str) -> Existing:
        """What is there of these stages, up to the first that would be built."""
        existing = cls()
        with nothing_built(), silent(), suppress(MtnlgError):
            _stages(config, last_stage, existing)
        return existing

    def add(self, **fields: Any) -> None:
        """Keep fields of the record, and count its stages."""
        self.fields |= fields
        self.num_stages += "built" in fields


class _Laps:
    """The seconds of each stage of which anything was built."""

    def __init__(self, manifest: Manifest | Existing) -> None:
        self._manifest, self._start = manifest, time.monotonic()
        self._built: dict[str, float] = {}

    def end(self, stage: str, artifacts: Iterable[Artifact]) -> None:
        """Note that a stage has ended."""
        artifacts, start, self._start = list(artifacts), self._start, time.monotonic()
        seconds = round(self._start - start, 1)
        if any(artifact.is_new for artifact in artifacts):
            self._built[stage] = seconds
        logger.info(stages.stage_line(stage, artifacts, seconds))
        self._manifest.add(built=self._built)


def _execute(config: Config, folder: Path, last_stage: str) -> None:
    machine = hardware(config.trainer.accelerator, config.trainer.num_threads)
    manifest = Manifest(folder, _asked(config, folder), hardware=machine)
    with logged_to(folder / LOG_FILE), handled_by(end_at_once), stages.stage_lines():
        try:
            logger.debug(f"{last_stage} is asked for")
            preflight(config, has_training=last_stage != "prepare")
            _record_code(config, manifest)
            _stages(config, last_stage, manifest)
        except PrunedTrainingError as pruned:
            logger.info(str(pruned))
            manifest.prune(str(pruned).removeprefix("pruned "), pruned.validations)
            return
        except BaseException as fault:
            error = _as_user_error(fault, folder)
            if not isinstance(error, MtnlgError | KeyboardInterrupt):
                logger.debug(traceback.format_exc())
            logger.debug(f"failed: {_reason(error)}")
            is_killed = isinstance(error, KeyboardInterrupt | InterruptedTrainingError)
            with suppress(OSError):  # where the disk is full, the first error says so
                manifest.fail(_reason(error), exit_code=_exit_code(error), is_killed=is_killed)
            if error is not fault:
                raise error from fault
            raise
        logger.debug("finished")
    manifest.finish(is_scored=last_stage == "evaluate")


def _as_user_error(error: BaseException, folder: Path) -> BaseException:
    """The error itself, or one with a remedy where memory or a disk is used up."""
    if not isinstance(error, MtnlgError) and (words := disk_fault(error, folder)):
        return ArtifactError(words)
    if isinstance(error, MtnlgError) or not is_out_of_memory(error):
        return error
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return OutOfMemoryError(
        f"out of memory ({text}); give the process more, take a smaller model or less data, or "
        "lower preparation.num_workers"
    )


def _record_code(config: Config, manifest: Manifest) -> None:
    """Record the hash of each stage's code, and warn of code that changed since the launch."""
    code = stages.code_hashes(config)
    launched = launched_code(manifest.folder)
    changed = [stage for stage, digest in launched.items() if code.get(stage) != digest]
    manifest.add(code=code, code_changed=tuple(changed))
    if changed:
        logger.warning(
            f"the code of {', '.join(changed)} was changed after the launch; "
            "the other runs of the launch may have the older one"
        )


def _stages(config: Config, last_stage: str, manifest: Manifest | Existing) -> None:
    laps = _Laps(manifest)
    prepared = stages.prepare(config)
    assert prepared.contamination is not None, "prepare searches for contamination"
    artifacts = RunArtifacts(
        rows={name: artifact.key for name, artifact in prepared.rows.items()},
        contamination=prepared.contamination.key,
        tokenizer=prepared.tokenizer.key if prepared.tokenizer else None,
        tokens={name: artifact.key for name, artifact in prepared.tokens.items()},
    )
    contents = _contents(prepared)
    manifest.add(artifacts=artifacts, sources=_sources(prepared), contents=contents)
    laps.end("prepare", prepared.artifacts)
    if last_stage == "prepare":
        return
    model, training = None, None
    if config.system is None:
        model, training = _train(config, prepared, artifacts, contents, manifest)
    laps.end("train", [model] if model else [])
    if last_stage == "train":
        return
    decoded = stages.generate(config, prepared, model)
    laps.end("generate", [system.predictions for system in decoded])
    if last_stage == "generate":
        return
    decoded += stages.predict_baselines(config, prepared)
    scored = stages.evaluate(config, decoded)
    laps.end("evaluate", [scores for _, scores in scored])
    if isinstance(manifest, Manifest) and training is not None:
        stages.track_scores(config, manifest.folder, scored, step=training.steps)
    for system, scores in scored:
        name = f"{system.task}/{system.test_set}/{system.system}"
        contents[f"predictions/{name}"] = system.predictions.content(without=(GENERATION_FILE,))
        contents[f"scores/{name}"] = scores.content()
    manifest.add(
        contents=contents,
        scores=tuple(
            _score_record(config, system, scores, prepared, training) for system, scores in scored
        ),
    )


def _train(
    config: Config,
    prepared: Prepared,
    artifacts: RunArtifacts,
    contents: dict[str, str],
    manifest: Manifest | Existing,
) -> tuple[Artifact, Training]:
    """The model and what its training took, both recorded."""
    model = stages.train(config, prepared)
    training = read_record(model.folder / TRAINING_FILE, Training)
    contents["model"] = model.content(without=RECORDS_OF_TRAINING)
    manifest.add(
        artifacts=replace(artifacts, model=model.key),
        objective=training.objective,
        processes=training.processes,
        contents=contents,
        training_tokens=training.training_tokens,
        training_flops=training.training_flops,
    )
    return model, training


def _contents(prepared: Prepared) -> dict[str, str]:
    """Part of the preparation -> hash of its files."""
    assert prepared.contamination is not None, "prepare searches for contamination"
    tokenizer = prepared.tokenizer
    return {
        **{f"rows/{name}": artifact.content() for name, artifact in prepared.rows.items()},
        "contamination": prepared.contamination.content(),
        **({"tokenizer": tokenizer.content()} if tokenizer else {}),
        **{f"tokens/{name}": artifact.content() for name, artifact in prepared.tokens.items()},
    }


def _sources(prepared: Prepared) -> dict[str, JsonObject]:
    """Task -> the hashes of its raw files, as the keys of its rows have them."""
    return {
        name: artifact_record(artifact.folder).inputs["source"]
        for name, artifact in prepared.rows.items()
    }


def _score_record(
    config: Config,
    system: Decoded,
    scores: Artifact,
    prepared: Prepared,
    training: Training | None,
) -> ScoreRecord:
    from mtnlg.generation.strategies import decoding_label

    is_trained, is_external = system.kind == "trained", system.kind == "external"
    earlier = (
        (config.initial_model, UNSEEN_TEXT),
        (config.distillation.teacher, UNSEEN_TEXT_OF_TEACHER),
    )
    unseen = "".join(words for name, words in earlier if is_trained and name is not None)
    generation, decoding = None, decoding_label(config.decoding)
    if system.kind != "baseline":
        generation = read_record(system.predictions.folder / GENERATION_FILE, Generation)
    if is_external and generation is not None:
        decoding = f"{decoding}, {generation.prompt}"
    return ScoreRecord(
        config.task_title(system.task),
        system.test_set,
        config.tasks[system.task].output_language,
        system.kind,
        system.system,
        None if generation is None else decoding,
        system.predictions.key,
        scores.key,
        Cost() if generation is None else _cost(generation, training),
        Contamination(rule=UNKNOWN_TRAINING)
        if is_external
        else _contamination(prepared, system, unseen=unseen),
        prepared.rows_hash(system.task, system.test_set),
        generation.note if is_external and generation else None,
    )


def _cost(generation: Generation, training: Training | None) -> Cost:
    """What a system cost; of one that is not ours, no training is known."""
    if training is None:
        return Cost(
            parameters=generation.parameters,
            decoding_tokens_per_second=generation.decoding_tokens_per_second,
        )
    return Cost(
        parameters=training.parameters,
        training_tokens=training.training_tokens,
        training_flops=training.training_flops,
        training_seconds=training.training_seconds,
        decoding_tokens_per_second=generation.decoding_tokens_per_second,
        peak_memory_bytes=training.peak_memory_bytes,
        trained_parameters=training.trained_parameters,
    )


def _contamination(prepared: Prepared, system: Decoded, *, unseen: str) -> Contamination:
    from mtnlg.contamination.search import RULE

    assert prepared.contamination is not None, "prepare searches for contamination"
    summary = read_record(prepared.contamination.folder / CONTAMINATION_FILE, ContaminationSummary)
    return summary.of(f"{system.task}.{system.test_set}", rule=RULE + unseen)


def _asked(config: Config, folder: Path) -> RunRecord:
    from mtnlg.generation.strategies import decoding_label

    return RunRecord(
        folder.name,
        "running",
        None,
        config.system_name,
        experiment=folder.parent.name,
        kind="trained" if config.system is None else "external",
        seed=config.seed,
        seeds={
            "training": config.seed,
            "decoding": config.decoding.seed,
            "resampling": config.evaluation.seed,
        },
        decoding=decoding_label(config.decoding),
        tags=tuple(config.tags),
        tasks=tuple(
            TaskRecord(
                config.task_title(name),
                task.output_language,
                tuple(task.test_sets),
                task.main_metric,
                config.evaluation.equivalence_margin.get(task.main_metric or ""),
            )
            for name, task in config.tasks.items()
        ),
    )


def _exit_code(error: BaseException) -> int:
    usual = 130 if isinstance(error, KeyboardInterrupt) else 1
    return int(getattr(error, "exit_code", usual))


def _reason(error: BaseException) -> str:
    if isinstance(error, MtnlgError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted by the user"
    return f"{type(error).__name__}: {error}"
