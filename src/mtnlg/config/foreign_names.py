"""What people of other tools call our commands, settings and metrics, from foreign_names.toml."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, get_type_hints

from mtnlg.errors import suggestion


@cache
def foreign_names() -> dict[str, dict[str, str]]:
    """Kind of names or class of settings -> a name of other tools -> what to do here instead.
    Below `values`: setting -> what its values are here.
    """
    import tomllib  # for those who use such a name

    file = resources.files("mtnlg.config") / "foreign_names.toml"
    sections = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        section: {name: hint for names, hint in hints.items() for name in names.split(", ")}
        for section, hints in sections.items()
    }


def look_up(word: str, *sections: str) -> str | None:
    """What to do instead of a name, by the first section that knows it in any spelling."""
    name = _plain(word)
    return next((names[name] for names in map(_section, sections) if name in names), None)


def setting_hint(key: str, section: Any) -> str:
    """The end of a message: what to set instead of a setting that a class of settings lacks."""
    if hint := look_up(key, section.__name__, "anywhere"):
        return f"; {hint}"
    settings, known = setting_paths(), [field.name for field in dataclasses.fields(section)]
    if _plain(key) in settings:
        return f"; set {settings[_plain(key)]}"
    return suggestion(key, known) or suggestion(key, settings) or f"; known: {', '.join(known)}"


@cache
def setting_paths() -> dict[str, str]:
    """Name of a setting -> its dotted key, in the first section that has it."""
    from mtnlg.config import Config, TaskConfig

    hints = get_type_hints(Config)
    sections = {"": Config} | {
        f"{name}.": kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)
    }
    sections["tasks.<name>."] = TaskConfig
    paths: dict[str, str] = {}
    for prefix, kind in sections.items():
        for field in dataclasses.fields(kind):
            paths.setdefault(field.name, f"{prefix}{field.name}")
    return paths


def metric_hint(name: str, known: Iterable[str]) -> str:
    """The end of a message: the metric that other tools call so; empty if none is like it."""
    by_spelling = {_plain(metric): metric for metric in known}
    ours = look_up(name, "metrics") or by_spelling.get(_plain(name))
    return f"; did you mean {ours!r}?" if ours else suggestion(_plain(name), by_spelling.values())


@cache
def _section(name: str) -> dict[str, str]:
    return {_plain(word): hint for word, hint in foreign_names().get(name, {}).items()}


def _plain(word: str) -> str:
    """A name without dashes before it, in lower case and with underscores."""
    return word.lstrip("-").lower().replace("-", "_").replace(" ", "_")
