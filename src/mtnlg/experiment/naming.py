"""The names of a run: its experiment, its id, its folder, and which settings count in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mtnlg.config import Config
from mtnlg.config.model import without_unused
from mtnlg.config.third_party import changing_callbacks
from mtnlg.records import places
from mtnlg.records.run_config import FAST_DUMPER

EFFECTLESS_KEYS = (
    "data_root",
    "artifacts_root",
    "runs_root",
    "reports_root",
    "tags",
    "logger",
    "preparation",
    "report",
    "trial",
    "endpoint",
)
"""Settings without effect on results: a run has the same id wherever it is."""
OF_SYSTEMS = ("system", "prompt_format", "endpoint")
"""Settings that are in no file and no run id of a model of ours."""
NO_MODEL = "~model"
"""The override that leaves out a model of ours, in place of which a system is named."""
WATCHING_SETTINGS = (
    *("num_workers", "log_every_steps", "profiler", "detect_anomaly", "enable_progress_bar"),
    "validation_samples",
)
"""Settings of the trainer that change no weights."""


def experiment_name(config: Config) -> str:
    """The folder name of a launch: the given name, or one from tasks and model."""
    tasks = "+".join(config.tasks)
    return slug(config.name or f"{tasks}-{config.system_name}")


def run_id(config: Config) -> str:
    """A readable name with a hash of every setting that can change a result."""
    from mtnlg.experiment.pretrained import source_files
    from mtnlg.generation.strategies import decoding_label

    plain = {
        key: value for key, value in plain_config(config).items() if key not in EFFECTLESS_KEYS
    }
    for task in plain["tasks"].values():
        del task["license"]
    plain["trainer"] = {
        key: value for key, value in plain["trainer"].items() if key not in WATCHING_SETTINGS
    }
    if config.model is not None:
        plain["model"] = without_unused(plain["model"])
    if config.system is not None:
        from mtnlg.experiment.systems import system_identity

        plain["system"] = system_identity(config)
    if config.lora.rank is None:
        del plain["lora"]
    if config.distillation.teacher is None:
        del plain["distillation"]
    if config.initial_model is not None:
        plain["initial_model"] = source_files(config.initial_model) or config.initial_model
    plain["callbacks"] = {
        name: plain["callbacks"][name] for name in changing_callbacks(config.callbacks)
    }
    digest = _settings_hash(json.dumps(plain))
    label = decoding_label(config.decoding)
    return slug(f"{config.system_name}-{label}-seed{config.seed}") + f"-{digest}"


@cache
def _settings_hash(settings: str) -> str:
    """Of the YAML of settings, which are given as JSON: a launch asks for it several times."""
    text = yaml.dump(json.loads(settings), Dumper=FAST_DUMPER, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def plain_config(config: Config) -> dict[str, Any]:
    """Every setting as YAML has it, without the known contamination of data sets, and without what
    only a system of others is asked where there is none.
    """
    plain: Any = _values(config)
    for task in plain["tasks"].values():
        del task["known_contamination"]
        if config.system is None:
            del task["instruction"]
    for name in OF_SYSTEMS if config.system is None else ():
        del plain[name]
    return dict(plain)


def _values(node: Any) -> Any:
    """Dataclasses as dicts, and enums by name."""
    if is_dataclass(node):
        return {field.name: _values(getattr(node, field.name)) for field in fields(node)}
    if isinstance(node, dict):
        return {key: _values(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_values(value) for value in node]
    return node.name if isinstance(node, Enum) else node


def run_folder(config: Config) -> Path:
    """Where a run keeps its manifest and its logs."""
    return places.run_folder(Path(config.runs_root), experiment_name(config), run_id(config))


def without_paths(overrides: Sequence[str]) -> list[str]:
    """The overrides that can distinguish runs: those with an effect on results."""
    watching = {f"trainer.{name}" for name in WATCHING_SETTINGS}
    return [
        word
        for word in overrides
        if word != NO_MODEL
        and (key := word.lstrip("+~").partition("=")[0]) not in watching
        and key.split(".")[0] not in EFFECTLESS_KEYS
    ]


def slug(name: str) -> str:
    """A safe file name; a changed or long name gets a hash, so that no two are the same."""
    safe = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("._")[:80]
    if safe and safe == name:
        return safe
    return f"{safe or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
