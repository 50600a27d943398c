"""All families: each module of this package declares its own in FAMILY."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from mtnlg.config import ModelConfig
from mtnlg.errors import ConfigError
from mtnlg.interop.family import Family

REASONS = {
    "is_prefix_bidirectional": "there, no token sees a later one",
    "has_pointer": "there, no output copies a token of the source",
}
"""Why some of our settings have no equal."""


@cache
def all_families() -> dict[str, Family]:
    """The families by model_type."""
    names = sorted(module.name for module in iter_modules(__path__))
    families = [import_module(module_of(name)).FAMILY for name in names]
    return {family.model_type: family for family in families}


def module_of(model_type: str) -> str:
    """The module of a family."""
    return f"{__name__}.{model_type}"


def find_family(model_type: object, *, path: object) -> Family:
    """The family of that model_type; raises ConfigError for any other."""
    families = all_families()
    if model_type not in families:
        known = ", ".join(families)
        raise ConfigError(f"{path}: model_type={model_type}: our transformer can be {known}")
    return families[str(model_type)]


def find_gguf_family(architecture: str, *, path: object) -> Family:
    """The first family with that architecture in GGUF files; raises ConfigError without one."""
    families = {family.gguf: family for family in reversed(all_families().values()) if family.gguf}
    if architecture not in families:
        known = ", ".join(sorted(families))
        raise ConfigError(
            f"{path}: general.architecture={architecture}: our transformer can be {known}"
        )
    return families[architecture]


def family_of(model: ModelConfig) -> Family:
    """The first family that can say all settings of a model of ours; raises ConfigError naming the
    settings that none can.
    """
    differences = [(family, family.differences(model)) for family in all_families().values()]
    family, names = min(differences, key=lambda pair: len(pair[1]))
    if not names:
        return family
    given = "; ".join(f"model.{name}={_plain(getattr(model, name))}" for name in names)
    reasons = "".join(f" ({REASONS[name]})" for name in names if name in REASONS)
    raise ConfigError(
        f"{given}: no architecture of others has this{reasons}; the nearest is "
        f"{family.architecture}"
    )


def _plain(value: object) -> object:
    return getattr(value, "name", value)
