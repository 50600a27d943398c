"""`mtnlg export MODEL` and `mtnlg push MODEL REPO`: a model in a format of others, on the hub."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.cli.command import Parser, Subparsers, add_command, add_roots
from mtnlg.errors import ConfigError

if TYPE_CHECKING:
    from mtnlg.records.runs import RunRecord

FORMATS = ("hf", "ctranslate2", "gguf")
ADAPTERS = "peft"
"""The format of adapters apart from the model that they adapt."""
TASK_FORMAT = "lm-eval"
"""Of the tasks of a run, not of its model."""
MODEL_FILE = "model.safetensors"


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare `mtnlg export`."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Write a model in a format of others, with its tokenizer and a model card.",
    )
    _add_options(parser, [*FORMATS, ADAPTERS, TASK_FORMAT])
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a new folder")
    parser.add_argument(
        "--initial-model",
        type=Path,
        metavar="FOLDER",
        help="peft: the model folder that was adapted, where it is not in the artifacts",
    )


def add_push_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare `mtnlg push`."""
    parser = add_command(
        subparsers,
        name,
        run_push,
        summary,
        description="Export a model and upload it. Log in before, by `hf auth login`.",
    )
    _add_options(parser, FORMATS)
    parser.add_argument("repository", metavar="REPO", help="OWNER/NAME on the hub")
    parser.add_argument("--private", action="store_true", help="where the repository is new")


def _add_options(parser: Parser, formats: Sequence[str]) -> None:
    parser.add_argument("MODEL", help="a model folder, or a run's folder or id")
    parser.add_argument("--format", choices=formats, default=formats[0], help="(hf)")
    add_roots(parser, ["runs", "artifacts"])


def run(options: argparse.Namespace) -> None:
    """Write the folder."""
    if options.format == TASK_FORMAT:
        _export_tasks(options)
        return
    _export(options, options.to)
    print(options.to)


def run_push(options: argparse.Namespace) -> None:
    """Write the folder elsewhere, and upload it."""
    from mtnlg.interop.export import push_folder

    with tempfile.TemporaryDirectory(prefix="mtnlg-push-") as temporary:
        folder = Path(temporary, "model")
        _export(options, folder)
        print(push_folder(folder, options.repository, is_private=options.private))


def _export(options: argparse.Namespace, folder: Path) -> None:
    from mtnlg.inference.card import model_card
    from mtnlg.inference.prompts import read_tasks
    from mtnlg.interop.export import export_model
    from mtnlg.records.places import TASKS_FILE

    model, record = _find(options)
    tasks_file = model / TASKS_FILE
    card = model_card(
        options.format,
        read_tasks(tasks_file)[0] if tasks_file.is_file() else {},
        folder=model,
        name=model.name,
        run=record,
        artifacts_root=options.artifacts_root,
    )
    base = _initial_model(options, model) if options.format == ADAPTERS else None
    export_model(model, options.format, folder, card=card, base=base)


def _initial_model(options: argparse.Namespace, model: Path) -> Path:
    """The model folder whose weights the adapters of a model adapt."""
    from mtnlg.artifacts.store import RECORD_FILE, file_sha256, recorded_sha256
    from mtnlg.model.lora import initial_weights_of

    weights = initial_weights_of(model)
    given: Path | None = options.initial_model
    root = options.artifacts_root
    for folder in [given] if given else [*root.glob("pretrained/*"), *root.glob("model/*")]:
        has_record = (folder / RECORD_FILE).is_file()
        if (folder / MODEL_FILE).is_file() and weights == (
            recorded_sha256(folder, MODEL_FILE) if has_record else file_sha256(folder / MODEL_FILE)
        ):
            return folder
    where = f"--initial-model {given}" if given else f"artifacts_root={root}"
    raise ConfigError(
        f"{where}: no model folder with the weights that {model} adapts (sha256 {weights[:16]}); "
        "give its initial model by --initial-model FOLDER"
    )


def _export_tasks(options: argparse.Namespace) -> None:
    """Write the test sets of a run as tasks of lm-evaluation-harness, and print their names."""
    from mtnlg.interop.lm_eval_task import write_tasks
    from mtnlg.provenance.manifest import find_run

    manifest = find_run(options.MODEL, runs_root=options.runs_root)
    if not manifest.config:
        raise ConfigError(f"{options.MODEL}: {manifest.config_reason}; give a run that has one")
    for name in write_tasks(
        manifest.record, manifest.config, options.to, artifacts_root=options.artifacts_root
    ):
        print(name)


def _find(options: argparse.Namespace) -> tuple[Path, RunRecord | None]:
    """The model folder, and the run that MODEL names, if it is one."""
    from mtnlg.provenance.manifest import find_run
    from mtnlg.records.places import model_folder

    folder = Path(options.MODEL)
    if (folder / MODEL_FILE).is_file():
        return folder, None
    record = find_run(options.MODEL, runs_root=options.runs_root).record
    if record.model is None:
        raise ConfigError(f"{options.MODEL}: run {record.run_id} has no model; train it first")
    return model_folder(options.artifacts_root, record.model), record
