"""The only bridge to Hydra: registers the schema, turns what Hydra composed into typed objects, freezes and thaws them.

Hydra checks keys against the schema, but lets `+unknown=1` pass; merging the resolved values into a fresh structured config refuses
it. Nothing below this module sees a DictConfig.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mtnlg.config import Config
from mtnlg.errors import ConfigError
from mtnlg.records import write_text

CONFIG_MODULE = "pkg://mtnlg.conf"
PATH_KEYS = ("data_root", "artifacts_root", "runs_root", "reports_root", "tags")
"""Settings that say where things lie, or nothing: a run has the same id wherever it is."""


def register_schema() -> None:
    """Make the schema known to Hydra."""
    ConfigStore.instance().store(name="schema", node=Config)


def load(raw: DictConfig) -> Config:
    """The typed, checked configuration; raises ConfigError naming the key that is unknown, missing or out of range."""
    try:
        plain: Any = OmegaConf.to_container(raw, resolve=True, enum_to_str=True, throw_on_missing=True)
        plain.pop("hydra", None)
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), plain))
    except ConfigError:
        raise
    except OmegaConfBaseException as error:
        raise ConfigError(_first_lines(error)) from None
    assert isinstance(config, Config), f"composition gave {type(config).__name__}"
    return config


def freeze(config: Config) -> str:
    """The resolved configuration as YAML, with every default written out."""
    plain = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
    return str(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False))


def thaw(path: Path) -> Config:
    """A frozen configuration; raises ConfigError where the file is missing or does not fit this version."""
    try:
        raw = OmegaConf.create(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"--frozen {path}: {error}") from None
    assert isinstance(raw, DictConfig), f"{path} holds no mapping"
    return load(raw)


def experiment_name(config: Config) -> str:
    """The folder name of a launch: the given name, or one from tasks and model."""
    tasks = "+".join(config.tasks)
    return slug(config.name or f"{tasks}-{config.model.name}")


def run_id(config: Config) -> str:
    """A readable name with a hash of everything that is not a path; the same configuration has the same id anywhere."""
    plain: Any = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
    for key in PATH_KEYS:
        del plain[key]
    digest = hashlib.sha256(yaml.safe_dump(plain, sort_keys=True).encode()).hexdigest()[:8]
    return slug(f"{config.model.name}-{config.decoding.label}-seed{config.seed}") + f"-{digest}"


def slug(name: str) -> str:
    """A file name without surprises; a changed or long name gets a hash, so that two never meet."""
    safe = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("._")[:80]
    if safe == name:
        return safe
    return f"{safe or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def freeze_run(config: Config) -> Path:
    """Write runs/<experiment>/<run id>/config.yaml and give its path."""
    path = Path(config.runs_root) / experiment_name(config) / run_id(config) / "config.yaml"
    write_text(path, freeze(config))
    return path


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "object_type" not in line]
    return "; ".join(lines[:2])


