"""The configurations of a sweep. Those that differ from an earlier one in plain values alone are
made from it, since Hydra takes a fifth of a second to compose each anew.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mtnlg.config import Config
from mtnlg.experiment.compose import check_decoding, load_composed, plain_values

PLAIN_WORD = re.compile(r"(?P<key>[a-z_][\w.]*)=[^${}\[\]()]*")
Path = tuple[str, ...]


class Variations:
    """Composes the overrides of one job after the other."""

    def __init__(self, compose: Callable[[list[str]], DictConfig]) -> None:
        self._compose = compose
        self._words: list[str] = []

    def config(self, words: Sequence[str]) -> Config:
        """The checked configuration of a job."""
        varied = self._varied([*words])
        if varied is not None:
            return varied
        self._words = []
        self._raw = self._compose([*words])
        self._config = load_composed(self._raw)
        keys = [word.partition("=")[0] for word in words]
        self._plain, self._words = plain_values(self._raw, keys), [*words]
        return copy.deepcopy(self._config)

    def _varied(self, words: list[str]) -> Config | None:
        """The last configuration with other values; None where that is not enough."""
        changed = [new for old, new in zip(self._words, words, strict=False) if new != old]
        keys = [word.partition("=")[0] for word in words]
        if keys != [word.partition("=")[0] for word in self._words] or not changed:
            return None
        if not all(self._is_plain(word) for word in changed):
            return None
        self._words = []  # until all is well
        try:
            for word in OverridesParser.create().parse_overrides(changed):
                OmegaConf.update(self._raw, word.key_or_group, word.value())
            plain = plain_values(self._raw, keys)
            config: Any = self._config
            for path, value in _differences(self._plain, plain):
                config = _replaced(config, path, value)
        except (OmegaConfBaseException, _UnlikeError):
            return None
        check_decoding(config, words)
        self._config, self._plain, self._words = config, plain, words
        return copy.deepcopy(self._config)

    def _is_plain(self, word: str) -> bool:
        """Whether a word sets one value, and chooses no file."""
        match = PLAIN_WORD.fullmatch(word)
        return match is not None and match["key"] not in self._raw.hydra.runtime.choices


class _UnlikeError(Exception):
    """Two configurations differ in more than single values."""


def _differences(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Where two trees of plain values differ, and the new value."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from _differences(old[key], new[key], (*path, key))
    elif old != new or type(old) is not type(new):
        if type(old) is not type(new) or not isinstance(new, bool | int | float | str):
            raise _UnlikeError
        yield path, new


def _replaced(node: Any, path: Path, value: Any) -> Any:
    """A copy of a configuration with one other value, checked as a new one."""
    if not path:
        return type(node)[value] if isinstance(node, Enum) else value
    if isinstance(node, dict):
        return {**node, path[0]: _replaced(node[path[0]], path[1:], value)}
    inner = _replaced(getattr(node, path[0]), path[1:], value)
    return dataclasses.replace(node, **{path[0]: inner})
