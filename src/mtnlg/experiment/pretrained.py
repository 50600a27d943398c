"""The model folder that stands for a pretrained model of others: converted once, under a key of its
files and of the code that converts them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import RECORD_FILE, ArtifactRecord, make_folder
from mtnlg.config import ModelConfig
from mtnlg.corpus.sources.files import file_hashes
from mtnlg.errors import ArtifactError, ConfigError, DataError
from mtnlg.experiment.initial_model import MAY_DIFFER
from mtnlg.plugins import UsedRow
from mtnlg.process.progress import track
from mtnlg.records.codec import read_record
from mtnlg.records.files import JsonObject, read_json

STAGE = "pretrained"
CONFIG_FILE = "config.json"
HUB_MODEL = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
HUB_FILES = ["*.json", "*.safetensors", "*.jinja"]
SIZES = ("num_layers", "hidden_size", "num_heads")
"""Settings of a model without a default; model=pretrained leaves them open."""
MISSING = "???"
"""What OmegaConf has in their place."""


class Pretrained(NamedTuple):
    """What a configuration takes from a pretrained model."""

    initial_model: str | None
    model: JsonObject


def settings_of_pretrained(
    source: str | None, artifacts_root: Path, given: Mapping[str, Any], named: Sequence[str]
) -> Pretrained:
    """The source's folder, and the settings of its model that nobody set. In `given`, `???` and
    defaults are not set, unless the command line names them (`named`).
    """
    if source is None:
        if any(given[name] != MISSING for name in SIZES):
            return Pretrained(None, {})
        raise ConfigError(
            "initial_model=null: model=pretrained has the shape of its initial model; give a "
            "folder, a .gguf file, or OWNER/NAME@REVISION"
        )
    folder, theirs = make_pretrained(source, artifacts_root)
    filled: JsonObject = {}
    for field in fields(ModelConfig):
        name = field.name
        is_default = given[name] in (MISSING, field.default)
        is_shape = name not in MAY_DIFFER and "dropout" not in name
        if name in theirs and is_shape and is_default and f"model.{name}" not in named:
            filled[name] = theirs[name]
    longest, chosen = theirs.get("context_length"), given["context_length"]
    if "context_length" not in filled and isinstance(longest, int) and chosen > longest:
        raise ConfigError(
            f"model.context_length={chosen}: initial_model={source} has {longest}; give at most "
            "that"
        )
    return Pretrained(str(folder), filled)


def make_pretrained(source: str, artifacts_root: Path) -> tuple[Path, JsonObject]:
    """The model folder of a source, and the settings of its model. The source is such a folder, a
    folder of transformers, a GGUF file, or a model of the hub.
    """
    path = find_source(source)
    settings = None
    if (path / CONFIG_FILE).is_file():
        settings = read_json(path / CONFIG_FILE, has_only_finite=False).get("model")
    if isinstance(settings, dict):
        return path, settings
    from mtnlg.interop.checkpoint import checkpoint_files
    from mtnlg.interop.convert import convert
    from mtnlg.interop.families import all_families, module_of

    files = file_hashes(
        {"files": checkpoint_files(path)}, cache=artifacts_root / "source_hashes.json"
    )
    rows = [UsedRow(family, module_of(name), None) for name, family in all_families().items()]

    def build(folder: Path) -> None:
        with track(f"conversion of {source}", 0):
            convert(path, folder)

    code = Code(convert, packages=("torch", "tokenizers"), rows=tuple(rows))
    artifact = make_folder(artifacts_root, STAGE, files, build, code=code)
    settings = read_json(artifact.folder / CONFIG_FILE)["model"]
    assert isinstance(settings, dict), "a conversion writes a model folder"
    return artifact.folder, settings


def find_source(source: str) -> Path:
    """The folder or file of a source; a model of the hub is downloaded into its cache."""
    path = Path(source)
    if not path.exists() and (match := HUB_MODEL.fullmatch(source)):
        return _download(source, *match.groups())
    return path


def source_files(initial_model: str) -> JsonObject | None:
    """The hashes of the files that a converted folder was made of; None for any other folder."""
    path = Path(initial_model) / RECORD_FILE
    if not path.is_file():
        return None
    try:
        record = read_record(path, ArtifactRecord)
    except ArtifactError:
        return None
    return {"files": record.inputs["files"]} if record.stage == STAGE else None


def _download(source: str, name: str, revision: str | None) -> Path:
    """The files of a model of the hub, in its cache."""
    if revision is None:
        raise ConfigError(
            f"initial_model={source}: no such folder or file; of a model of the hub, name the "
            f"revision, as in {name}@main or, better, a commit"
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=HUB_FILES))
    except (OSError, ValueError) as error:  # those of the hub are of these kinds
        reason = "".join(str(error).strip().splitlines()[:1])
        raise DataError(
            f"initial_model={source}: the hub gave no files ({reason}); give a local folder"
        ) from None
