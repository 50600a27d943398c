"""Configurations composed as the command line does."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mtnlg.config import Config
from mtnlg.experiment.compose import (
    explain,
    load,
    register_schema,
    with_model,
)

CONF = Path(str(resources.files("mtnlg.conf")))


def composed(*overrides: str) -> Config:
    """What the command line makes of the overrides, errors included."""
    register_schema()
    try:
        with initialize_config_module("mtnlg.conf", version_base="1.3"):
            raw = compose("config", with_model(overrides), return_hydra_config=True)
            return load(raw, [word.lstrip("+").partition("=")[0] for word in overrides])
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error, overrides) from error


def choices(group: str) -> list[str]:
    return sorted(
        path.relative_to(CONF / group).with_suffix("").as_posix()
        for path in (CONF / group).rglob("*.yaml")
    )
