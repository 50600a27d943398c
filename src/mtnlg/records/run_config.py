"""The configuration of a run, from its config.yaml, without anything of the machine it ran on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.places import CONFIG_FILE

LEFT_OUT = ("data_root", "artifacts_root", "runs_root", "reports_root", "logger")
"""Where things lie, and trackers, whose arguments may hold keys; they change no result."""

FAST_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""In ASCII it writes the same bytes as the other."""

MACHINE_PATH = re.compile(
    r"(?:(?<![\w./:~])|(?<=\blocal/)|(?<=\bhf/))(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\\"']+[/\\])+"
)
"""The folders of an absolute path, before its last part, also of system=local/PATH."""


class Difference(NamedTuple):
    """A setting that is not the same in some configurations, and its value in each, if any."""

    key: str
    values: tuple[str | None, ...]


def read_config(folder: Path) -> JsonObject | str:
    """The public part of a run's configuration, or why there is none."""
    path = folder / CONFIG_FILE
    try:
        document = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"there is no {CONFIG_FILE} in the run's folder"
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        return f"{CONFIG_FILE} cannot be read: {str(error).replace(str(path), CONFIG_FILE)}"
    if not isinstance(document, dict):
        return f"{CONFIG_FILE} holds no settings"
    return {str(key): _public(value) for key, value in document.items() if key not in LEFT_OUT}


@lru_cache(maxsize=1000)
def _parsed(text: str) -> object:
    """A report reads each configuration twice."""
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def config_text(config: Mapping[str, Any]) -> str:
    """A configuration as YAML."""
    text = str(yaml.dump(config, Dumper=FAST_DUMPER, allow_unicode=True, sort_keys=False))
    if text.isascii() and "\\" not in text:
        return text
    return str(yaml.safe_dump(config, allow_unicode=True, sort_keys=False))


def without_folders(text: str) -> str:
    """The text with the folders of absolute paths left out."""
    return MACHINE_PATH.sub("…/", text)


def settings_of(config: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The single settings with their dotted names; a text as it is, all else as JSON."""
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from settings_of(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield prefix + name, value
        else:
            yield prefix + name, json.dumps(value, ensure_ascii=False)


def differences(configs: Sequence[Mapping[str, JsonValue]]) -> list[Difference]:
    """The settings that are not the same in all, in the order of their first mention."""
    flat = [dict(settings_of(config)) for config in configs]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    rows = [Difference(key, tuple(settings.get(key) for settings in flat)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1]


def _public(value: object) -> JsonValue:
    """The value as JSON has it, without the folders of absolute paths."""
    if isinstance(value, dict):
        return {str(key): _public(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_public(entry) for entry in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return without_folders(str(value))
