"""Systems that are not ours, in the place of a trained model: what their outputs depend on, and
the adapter that gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import file_sha256, make_folder
from mtnlg.config import Config, PromptFormat, TaskConfig, parse_system, plain_settings
from mtnlg.corpus.sources.files import file_hashes
from mtnlg.errors import ConfigError, MtnlgError
from mtnlg.experiment.artifacts import Decoded, Prepared
from mtnlg.experiment.initial_model import CONFIG_FILE, FILES
from mtnlg.experiment.machine import arithmetic, device, num_threads
from mtnlg.experiment.pretrained import find_source, make_pretrained, source_files
from mtnlg.process.progress import silent
from mtnlg.records.files import JsonObject
from mtnlg.records.places import ANSWERS_FOLDER, TRAIN, rows_file
from mtnlg.records.rows import Row

if TYPE_CHECKING:
    from mtnlg.inference.systems import System

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx")
"""Endings of weights that are never read, and so in no key."""


def system_identity(config: Config) -> JsonObject:
    """What outputs of the system depend on: the content of its files, or an endpoint's address."""
    kind, source, model = parse_system(config.system or "")
    if kind == "openai":
        return {"kind": kind, "url": source, "model": model}
    if kind == "hf":
        folder = _hf_folder(config)
        files = [path for path in sorted(folder.iterdir()) if _is_read(path)]
        return {"kind": kind, **_hashes(files, config)}
    folder = _local_folder(config)
    made_of = source_files(str(folder)) or _hashes([folder / name for name in FILES], config)
    return {"kind": kind, **made_of}


def check_system(config: Config) -> None:
    """Raise ConfigError for tasks, files or settings of decoding that the system cannot have."""
    system = str(config.system)
    kind = parse_system(system).kind
    if kind == "hf":
        from mtnlg.inference.hf_system import check_hf

        check_hf(config.decoding, system=system)
    elif kind == "local":
        from mtnlg.inference.local_system import check_local

        check_local(config.decoding, system=system)
    else:
        from mtnlg.inference.endpoint import check_endpoint

        check_endpoint(config.decoding, config.prompt_format, system=system)
    system_identity(config)
    for name, task in config.tasks.items():
        _check_task(config, name, task)


def _check_task(config: Config, name: str, task: TaskConfig) -> None:
    instruction = task.instruction
    if instruction is None:
        is_needed = config.prompt_format in (PromptFormat.chat, PromptFormat.text)
        if is_needed or parse_system(str(config.system)).kind == "openai":
            raise ConfigError(
                f"tasks.{name}.instruction=null: system={config.system} needs one; set "
                f"+tasks.{name}.instruction.doc_to_text"
            )
    elif instruction.num_fewshot and task.train_split is None:
        raise ConfigError(
            f"tasks.{name}.instruction.num_fewshot={instruction.num_fewshot}: the task has no "
            "train_split to draw examples from"
        )


def make_system_predictions(
    config: Config, prepared: Prepared, name: str, test_set: str
) -> Decoded:
    """The system's outputs for one test set."""
    task, signals_file = config.tasks[name], prepared.signals_file(name, test_set)
    kind = parse_system(str(config.system)).kind
    inputs: JsonObject = {
        "system": system_identity(config),
        "rows": prepared.rows_hash(name, test_set),
        "signals": file_sha256(signals_file),
        "kind": task.kind.value,
        "languages": [task.source_language, task.output_language],
        "prompt_format": config.prompt_format.name if config.prompt_format else None,
        "decoding": plain_settings(config.decoding),
    }
    if kind == "hf":  # its library promises no equal bits elsewhere
        inputs["machine"] = {**arithmetic(config.trainer.accelerator)}
    if task.instruction is not None:
        inputs["instruction"] = plain_settings(task.instruction)
        if task.instruction.num_fewshot:
            inputs["examples"] = {
                "seed": config.seed,
                "train": prepared.rows_hash(name, TRAIN),
                "not_in": [prepared.rows_hash(name, split) for split in task.test_sets],
            }
    build, packages = BUILDERS[kind]
    code = Code(build, packages=packages)
    artifact = make_folder(
        config.artifacts_root,
        "predictions",
        inputs,
        partial(build, config, prepared, name, test_set),
        code=code,
    )
    return Decoded(name, test_set, config.system_name, "external", artifact)


def predict_hf(config: Config, prepared: Prepared, name: str, test_set: str, folder: Path) -> None:
    """Outputs of a folder of transformers."""
    import torch

    from mtnlg.inference.hf_system import HfSystem

    torch.set_num_threads(num_threads(config.trainer.num_threads))
    has_device = device(config.trainer.accelerator) != "cpu" and torch.cuda.is_available()
    system = HfSystem(_hf_folder(config), device="cuda" if has_device else "cpu")
    _predict(config, prepared, name, test_set, folder, system)


def predict_local(
    config: Config, prepared: Prepared, name: str, test_set: str, folder: Path
) -> None:
    """Outputs of weights of others in our decoder."""
    import torch

    from mtnlg.inference.local_system import LocalSystem

    torch.set_num_threads(num_threads(config.trainer.num_threads))
    _predict(config, prepared, name, test_set, folder, LocalSystem(_local_folder(config)))


def predict_endpoint(
    config: Config, prepared: Prepared, name: str, test_set: str, folder: Path
) -> None:
    """Answers of an endpoint, each kept as soon as it is there."""
    from mtnlg.inference.endpoint import Endpoint

    _, url, model = parse_system(str(config.system))
    answers = Path(config.artifacts_root) / ANSWERS_FOLDER
    system = Endpoint(url, model, config.endpoint, answers)
    _predict(config, prepared, name, test_set, folder, system)


BUILDERS = {
    "hf": (predict_hf, ("torch", "transformers")),
    "local": (predict_local, ("torch", "tokenizers", "jinja2")),
    "openai": (predict_endpoint, ("jinja2",)),
}
"""Kind of a system -> what asks it, and the packages whose release can change an output."""


def _predict(
    config: Config, prepared: Prepared, name: str, test_set: str, folder: Path, system: System
) -> None:
    from mtnlg.inference.prompting import draw_examples
    from mtnlg.inference.prompts import TaskPrompt
    from mtnlg.inference.systems import Assignment, predict_with_system

    task, rows = config.tasks[name], prepared.rows[name].folder
    assignment = Assignment(
        task=TaskPrompt.of(config.task_title(name), task, config.cleaning),
        instruction=task.instruction,
        format=config.prompt_format,
        decoding=config.decoding,
        rows_file=rows / rows_file(test_set),
        signals_file=prepared.signals_file(name, test_set),
    )

    def examples_of(number: int) -> Sequence[Row]:
        test_files = [rows / rows_file(split) for split in task.test_sets]
        return draw_examples(rows / rows_file(TRAIN), test_files, number=number, seed=config.seed)

    predict_with_system(system, assignment, folder, examples_of=examples_of)


def _hf_folder(config: Config) -> Path:
    folder = find_source(parse_system(str(config.system)).source)
    if not (folder / CONFIG_FILE).is_file():
        raise ConfigError(
            f"system={config.system}: no folder with {CONFIG_FILE}; give one that transformers' "
            "save_pretrained wrote, or OWNER/NAME@REVISION of the hub"
        )
    return folder


def _local_folder(config: Config) -> Path:
    source, root = parse_system(str(config.system)).source, Path(config.artifacts_root)
    try:
        with silent():  # asked for many times, and converted once
            folder, _ = make_pretrained(source, root)
    except MtnlgError as error:  # of a source that is named as another setting
        message = str(error).replace("initial_model=", "system=local/")
        raise type(error)(message) from None
    return folder


def _is_read(path: Path) -> bool:
    """Whether a file of a folder of transformers can change what its model says."""
    is_text = path.name.startswith(".") or path.suffix in (".md", ".py")
    return path.is_file() and not is_text and path.suffix not in PICKLES


def _hashes(files: Sequence[Path], config: Config) -> JsonObject:
    cache = Path(config.artifacts_root) / "source_hashes.json"
    return file_hashes({"files": files}, cache=cache)
