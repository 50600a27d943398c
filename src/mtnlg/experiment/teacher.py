"""The teacher of a distillation: its folder, its identity, its fit."""

from __future__ import annotations

from pathlib import Path

from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, DistillationKind, TaskKind, plain_settings
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment.initial_model import CONFIG_FILE, FILES
from mtnlg.records.files import JsonObject, read_json
from mtnlg.records.places import RUN_FILE, TASKS_FILE, model_folder
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer


def teacher_folder(teacher: str, *, runs_root: Path, artifacts_root: Path) -> str:
    """The model folder of a teacher, which may be given as a run; raises ConfigError for a run that
    is not there.
    """
    is_run = Path(teacher).name == teacher or (Path(teacher) / RUN_FILE).is_file()
    if not is_run or (Path(teacher) / CONFIG_FILE).is_file():
        return teacher
    from mtnlg.provenance.manifest import find_run

    try:
        record = find_run(teacher, runs_root=runs_root).record
    except ConfigError as error:
        raise ConfigError(f"distillation.teacher={teacher}: no model folder, and {error}") from None
    if record.model is None:
        raise ConfigError(f"distillation.teacher={teacher}: the run has no model; train it first")
    return str(model_folder(artifacts_root, record.model))


def teacher_inputs(config: Config) -> JsonObject:
    """The teacher's files in a key, by content."""
    folder = Path(str(config.distillation.teacher))
    return {"teacher": {name: file_sha256(folder / name) for name in (*FILES, TASKS_FILE)}}


def logits_inputs(config: Config) -> JsonObject:
    """What a training learns of its teacher's logits in a key; empty where it does not."""
    if config.distilled is not DistillationKind.logits:
        return {}
    settings = plain_settings(config.distillation, without=("teacher", "kind", "num_beams"))
    return {"distillation": {**teacher_inputs(config), **settings}}


def check_teacher(config: Config) -> None:
    """Raise ConfigError where the teacher cannot teach the tasks of a run."""
    distillation = config.distillation
    if distillation.teacher is None:
        return
    folder = Path(distillation.teacher)
    key = f"distillation.teacher={folder}"
    for name in (*FILES, TASKS_FILE):
        if not (folder / name).is_file():
            raise ConfigError(f"{key}: has no {name}; give a model folder that a training wrote")
    for name in config.training_tasks:
        if config.distilled is DistillationKind.sequence:
            teacher_task(config, name)
            if config.tasks[name].kind is TaskKind.language_modeling:
                raise ConfigError(
                    f"distillation.kind=sequence: tasks.{name} has no sources to answer; use "
                    "distillation.kind=logits"
                )
    if config.distilled is DistillationKind.logits:
        _check_tokens(config, folder, key)


def teacher_task(config: Config, name: str) -> str:
    """The teacher's full name of a task: the same, or one with the same marker."""
    folder, title = config.distillation.teacher, config.task_title(name)
    tasks = read_json(Path(str(folder)) / TASKS_FILE).get("tasks")
    markers = {
        str(task["name"]): task["marker"]
        for task in (tasks if isinstance(tasks, list) else ())
        if isinstance(task, dict)
    }
    wanted = config.tasks[name].marker
    alike = sorted(
        (task for task, marker in markers.items() if marker == wanted),
        key=lambda task: task != title,
    )
    if not alike:
        raise ConfigError(
            f"distillation.teacher={folder}: was not trained for the marker {wanted} of "
            f"tasks.{name}, only for {', '.join(markers) or 'none'}; take another teacher"
        )
    return alike[0]


def _check_tokens(config: Config, folder: Path, key: str) -> None:
    """The student's tokens must be the teacher's, whose context must hold its sequences."""
    markers = sorted({task.marker for task in config.tasks.values()})
    teachers = TextTokenizer.load(folder / TOKENIZER_FILE)
    before = teachers.to_json()
    if new := teachers.add_markers(markers):
        raise ConfigError(f"{key}: has no token for {', '.join(new)}; take another teacher")
    if config.initial_model is not None:
        students = TextTokenizer.load(Path(config.initial_model) / TOKENIZER_FILE)
        students.add_markers(markers)
        if students.to_json() != before:
            raise ConfigError(
                f"{key}: has other tokens than initial_model={config.initial_model}; use "
                "distillation.kind=sequence"
            )
    settings = read_json(folder / CONFIG_FILE).get("model")
    longest = settings.get("context_length") if isinstance(settings, dict) else None
    if not isinstance(longest, int):
        raise ArtifactError(f"{folder / CONFIG_FILE}: no model.context_length")
    if longest < config.our_model.context_length:
        raise ConfigError(
            f"model.context_length={config.our_model.context_length}: the teacher's is {longest}; "
            "give at most that"
        )
