"""What each setting is: key, values, default and description, read from the classes of settings."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from mtnlg.config import Config
from mtnlg.config.checks import Range
from mtnlg.config.foreign_names import look_up, setting_hint
from mtnlg.errors import ConfigError, nearest

GROUP = "group"
ANY_NAME = "<name>"
WORDS: dict[Any, str] = {
    NoneType: "null",
    Any: "anything",
    bool: "true or false",
    float: "number",
    int: "whole number",
    str: "text",
}


@dataclass(frozen=True)
class Setting:
    """One key of the configuration, or a group of keys."""

    key: str
    """Dotted; <name> stands for any name."""
    values: str
    """What its values are, in words."""
    default: str
    """As YAML has it; empty where there is none."""
    description: str
    choices: dict[str, str]
    """The values that it can have and what they mean, where they are few."""


@cache
def all_settings() -> tuple[Setting, ...]:
    """Every key, in the order of the classes; a group stands before its settings."""
    return tuple(_settings(Config, ""))


def find_settings(word: str) -> list[Setting]:
    """The settings whose key is or ends in the word, and all below them; a value may stand beside.
    Raises ConfigError for a word that is no key.
    """
    name = word.lstrip("+~").partition("=")[0].replace("/", ".")
    name = re.sub(r"^task\b", "tasks", name)
    key = re.sub(r"^(tasks|logger|callbacks)\.[^.]+", rf"\1.{ANY_NAME}", name)
    known = {setting.key: setting for setting in all_settings()}
    named = [key] if key in known else [full for full in known if full.endswith(f".{key}")]
    if not named:
        last, close = name.split(".")[-1], nearest(name, known)
        is_foreign = look_up(last, "Config", "anywhere") is not None
        is_near = close is not None and not is_foreign
        hint = f"; did you mean {close!r}?" if is_near else setting_hint(last, Config)
        raise ConfigError(f"--help {word}: no such setting{hint}")
    return [
        setting
        for full, setting in known.items()
        if any(full == key or full.startswith(f"{key}.") for key in named)
    ]


def docstrings(kind: type) -> dict[str, str]:
    """Field or member -> the text below it in the source of its class, on one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef), f"{kind} is no class"
    texts: dict[str, str] = {}
    for node, below in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign | ast.Assign):
            name = ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
            value = below.value if isinstance(below, ast.Expr) else None
            text = value.value if isinstance(value, ast.Constant) else None
            texts[name] = " ".join(text.split()) if isinstance(text, str) else ""
    return texts


def _settings(kind: Any, prefix: str) -> Iterator[Setting]:
    """The fields of a class, and those of the classes that they hold."""
    hints, texts = get_type_hints(kind, include_extras=True), docstrings(kind)
    for item in fields(kind):
        hint, key = hints[item.name], f"{prefix}{item.name}"
        held = next((part for part in _parts(hint) if is_dataclass(part)), None)
        description = texts[item.name] or " ".join((inspect.getdoc(held) or "").split())
        choices = {
            member.name: text
            for part in _parts(hint)
            if isinstance(part, type) and issubclass(part, Enum)
            for member, text in zip(part, docstrings(part).values(), strict=True)
        }
        yield Setting(key, _values(hint), _default(item), _plain(description), choices)
        if held is not None:
            is_named = get_origin(hint) in (dict, list)
            yield from _settings(held, f"{key}.{ANY_NAME}." if is_named else f"{key}.")


def _parts(hint: Any) -> Iterator[Any]:
    """A type and all types within it."""
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _values(hint: Any) -> str:
    """What values of a type are, in words."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        allowed = " ".join(part.allowed for part in parts[1:] if isinstance(part, Range))
        return f"{WORDS[parts[0]]} {allowed.removeprefix('a finite number ')}"
    if origin in (Union, UnionType):
        return " or ".join(map(_values, parts))
    if origin is list:
        return f"list of {_values(parts[0])}s"
    if origin is dict:
        return f"{_values(parts[1])} by name"
    if is_dataclass(hint):
        return GROUP
    return "choice" if isinstance(hint, type) and issubclass(hint, Enum) else WORDS[hint]


def _default(item: Field[Any]) -> str:
    """The default as YAML has it; empty for a group and where there is none."""
    value = item.default
    if item.default_factory is not MISSING:
        value = item.default_factory()
    if value is MISSING or is_dataclass(value):
        return ""
    return value.name if isinstance(value, Enum) else json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    """A description with values as YAML has them."""
    return re.sub(r"\bNone\b", "null", text)
