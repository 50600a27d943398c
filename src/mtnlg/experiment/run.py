"""One run: from a configuration to its artifacts and its manifest, whatever happens on the way."""

from __future__ import annotations

import traceback
from collections import Counter
from pathlib import Path

from mtnlg.artifacts.store import Artifact
from mtnlg.config import Config
from mtnlg.errors import MtnlgError
from mtnlg.experiment import stages
from mtnlg.experiment.artifacts import Decoded
from mtnlg.experiment.code import code_hashes
from mtnlg.experiment.compose import freeze_run
from mtnlg.experiment.machine import arithmetic, num_threads
from mtnlg.experiment.preflight import preflight
from mtnlg.progress import keep, logged, say
from mtnlg.provenance.manifest import Manifest
from mtnlg.records.files import JsonObject, JsonValue, read_json
from mtnlg.records.rows import read_predictions
from mtnlg.records.runs import launched_code

LOG_FILE = "log.txt"
STAGES = ("prepare", "train", "generate", "evaluate")
"""In order; each makes what is missing of those before it. `report` reads a launch, not a run."""


def execute(config: Config, last_stage: str) -> None:
    """Run the stages up to the last one asked for and write run.json and the log; a failure is
    recorded there and raised again.
    """
    folder = freeze_run(config).parent
    trainer = config.trainer
    rounding = {"threads": num_threads(trainer.num_threads), **arithmetic(trainer.accelerator)}
    manifest = Manifest(folder, _asked(config), rounding=rounding)
    with logged(folder / LOG_FILE):
        try:
            keep(f"{last_stage} is asked for")
            preflight(config)
            _record_code(config, manifest)
            _stages(config, last_stage, manifest)
        except BaseException as error:
            if not isinstance(error, MtnlgError | KeyboardInterrupt):
                keep(traceback.format_exc())
            keep(f"failed: {_reason(error)}")
            manifest.fail(_reason(error))
            raise
        keep("finished")
    manifest.finish(is_scored=last_stage == "evaluate")


def _record_code(config: Config, manifest: Manifest) -> None:
    """Note the code of each stage, and say which is not as it was when the run was launched."""
    code = code_hashes(config)
    launched = launched_code(manifest.folder)
    changed = [stage for stage, digest in launched.items() if code.get(stage) != digest]
    manifest.record_code(code, changed=changed)
    if changed:
        say(
            f"warning: the code of {', '.join(changed)} was changed after the launch; "
            "the other runs of the launch may have the older one"
        )


def _stages(config: Config, last_stage: str, manifest: Manifest) -> None:
    prepared = stages.prepare(config)
    assert prepared.tokenizer is not None, "prepare gives a tokenizer"
    assert prepared.contamination is not None, "prepare searches for contamination"
    manifest.artifacts |= {
        "rows": {name: artifact.key for name, artifact in prepared.rows.items()},
        "contamination": prepared.contamination.key,
        "tokenizer": prepared.tokenizer.key,
        "tokens": {name: artifact.key for name, artifact in prepared.tokens.items()},
    }
    if last_stage == "prepare":
        return
    model = stages.train(config, prepared)
    manifest.artifacts["model"] = model.key
    training = read_json(model.folder / "training.json")
    manifest.objective = _objective(training)
    if last_stage == "train":
        return
    decoded = stages.generate(config, prepared, model)
    if last_stage == "generate":
        return
    decoded += stages.predict_baselines(config, prepared)
    for one, scores in stages.evaluate(config, decoded):
        manifest.scores.append(_score_entry(config, one, scores, training))


def _objective(training: JsonObject) -> float | None:
    """What a sweep maximizes: the best validation metric, or the loss where no task has one."""
    metric, loss = training.get("best_validation_metric"), training.get("best_validation_loss")
    if isinstance(metric, int | float):
        return float(metric)
    return -float(loss) if isinstance(loss, int | float) else None


def _score_entry(
    config: Config, one: Decoded, scores: Artifact, training: JsonObject
) -> JsonObject:
    from mtnlg.generation.strategies import decoding_label

    is_trained = one.kind == "trained"
    has_earlier_text = is_trained and config.initial_model is not None
    return {
        "task": config.task_title(one.task),
        "test_set": one.test_set,
        "language": config.tasks[one.task].output_language,
        "kind": one.kind,
        "system": one.system,
        "decoding": decoding_label(config.decoding) if is_trained else None,
        "predictions": one.predictions.key,
        "scores": scores.key,
        "cost": _cost(one.predictions.folder, training) if is_trained else {},
        "contamination": _contamination(one.predictions.folder, has_earlier_text=has_earlier_text),
    }


def _cost(predictions: Path, training: JsonObject) -> JsonObject:
    generation = read_json(predictions / "generation.json")
    names = (
        "parameters",
        "training_tokens",
        "training_flops",
        "training_seconds",
        "peak_memory_bytes",
    )
    cost: JsonObject = {name: training.get(name) for name in names}
    return {**cost, "decoding_tokens_per_second": generation.get("decoding_tokens_per_second")}


def _contamination(predictions: Path, *, has_earlier_text: bool) -> JsonObject:
    from mtnlg.contamination.search import RULE

    rows = read_predictions(predictions / "predictions.jsonl")
    tags: JsonObject = dict[str, JsonValue](
        sorted(Counter(tag for row in rows for tag in row.tags).items())
    )
    unseen = "; the training text of its initial model was not looked up"
    return {
        "checked": len(rows),
        "flagged": sum(bool(row.tags) for row in rows),
        "rule": RULE + (unseen if has_earlier_text else ""),
        "tags": tags,
    }


def _asked(config: Config) -> JsonObject:
    from mtnlg.generation.strategies import decoding_label

    tasks: list[JsonValue] = [
        {
            "task": config.task_title(name),
            "language": task.output_language,
            "test_sets": list[JsonValue](task.test_sets),
            "main_metric": task.main_metric,
        }
        for name, task in config.tasks.items()
    ]
    return {
        "system": config.model.name,
        "seed": config.seed,
        "decoding": decoding_label(config.decoding),
        "tags": list[JsonValue](config.tags),
        "tasks": tasks,
    }


def _reason(error: BaseException) -> str:
    if isinstance(error, MtnlgError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted by the user"
    return f"{type(error).__name__}: {error}"
