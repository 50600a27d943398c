"""An object of another package that users choose by its Python name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from mtnlg.errors import ConfigError


@dataclass(kw_only=True)
class ThirdParty:
    """A class and its arguments; `build` makes it, if its name is on the list."""

    target: str
    """Full Python name, such as lightning.pytorch.loggers.CSVLogger."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments. In texts `{run_folder}`, `{run_id}` and `{experiment}` are filled in."""


LOGGER_PREFIX = "lightning.pytorch.loggers."
ALLOWED_PREFIXES = (LOGGER_PREFIX,)
LOGGER_PACKAGES = {
    "TensorBoardLogger": (("tensorboard", "tensorboardX"), "tensorboard"),
    "MLFlowLogger": (("mlflow",), "mlflow"),
    "WandbLogger": (("wandb",), "wandb"),
    "CometLogger": (("comet_ml",), None),
    "NeptuneLogger": (("neptune",), None),
    "CSVLogger": ((), None),
}
"""Class -> the packages of which one must be there, and the extra of mtnlg that installs it."""


def check_loggers(loggers: Mapping[str, ThirdParty]) -> None:
    """Raise ConfigError for a tracker that cannot be built here, saying what to install."""
    for name, one in loggers.items():
        key = f"logger.{name}"
        _check_allowed(one.target, key)
        packages, extra = LOGGER_PACKAGES.get(one.target.removeprefix(LOGGER_PREFIX), (None, None))
        if packages is None:
            find_class(one.target, key)
        elif packages and not any(find_spec(package) for package in packages):
            wanted = packages[0] if extra is None else f"'mtnlg[{extra}]'"
            raise ConfigError(
                f"{key}.target={one.target}: needs {packages[0]}, which is not installed; "
                f"pip install {wanted}, or leave {key} out"
            )


def build(one: ThirdParty, key: str, places: Mapping[str, str]) -> Any:
    """The object, its arguments filled in with `places`; raises ConfigError for arguments that its
    class does not take.
    """
    made = find_class(one.target, key)
    try:
        return made(**{name: _filled(value, places) for name, value in one.arguments.items()})
    except TypeError as error:
        raise ConfigError(f"{key}.arguments: {error}") from None


def find_class(target: str, key: str) -> type:
    """The class of this name; raises ConfigError where it is not on the list or not there."""
    _check_allowed(target, key)
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{key}.target={target}: no such class ({error})") from None
    if not isinstance(found, type) or not found.__module__.startswith(module_name):
        raise ConfigError(f"{key}.target={target}: no class of {module_name}")
    return found


def _check_allowed(target: str, key: str) -> None:
    if not target.startswith(ALLOWED_PREFIXES):
        allowed = ", ".join(f"{prefix}<class>" for prefix in ALLOWED_PREFIXES)
        raise ConfigError(f"{key}.target={target}: must be {allowed}; nothing else is ever built")


def _filled(value: Any, places: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    for name, text in places.items():
        value = value.replace(f"{{{name}}}", text)
    return value
