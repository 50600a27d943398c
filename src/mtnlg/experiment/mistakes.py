"""What to say about words and YAML files that Hydra refuses, or reads other than a user expects."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from mtnlg.config import Config
from mtnlg.config.foreign_names import foreign_names, setting_hint, setting_paths
from mtnlg.errors import ConfigError, nearest

CHOICE = re.compile(r"\+*(?P<group>\w+)(@[\w.]*)?=(?P<value>.*)")
SHIPPED = Path(str(resources.files("mtnlg.conf")))
GROUPS = sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())
NEEDED = ("task", "model")
"""Groups of which every run chooses something."""
PACKAGES = {
    "task": "tasks.{name}",
    "callbacks": "callbacks.{name}",
    "logger": "logger.{name}",
    **dict.fromkeys(("experiment", "debug"), "_global_"),
}
"""Group -> the package that its files need, where it is not the group's name."""
SECTIONS = {field.name for field in dataclasses.fields(Config)} & set(GROUPS)
"""Groups whose files need no package, since it is the group's name."""


def check_words(words: Sequence[str], folder: Path | None) -> None:
    """Raise ConfigError for overrides without a name or a value, and for YAML files of the user's
    folder that cannot be read or that have the name of a shipped one.
    """
    for word in words:
        name, equals, value = word.partition("=")
        if not equals and not name.startswith("~"):
            raise ConfigError(_without_equals(word))
        if equals and not value:
            raise ConfigError(
                f"{word}: no value; write {word}VALUE without spaces, {word}null for none or "
                f"'{word}\"\"' for an empty text"
            )
        if pattern := re.fullmatch(r"glob\((.*)\)", value):
            known = _choices(name, folder)
            if not fnmatch.filter(known, pattern[1].split(",")[0]):
                raise ConfigError(f"{word}: matches none of {', '.join(known)}")
    for file in _yaml_files(folder):
        try:
            file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise ConfigError(f"{file}, line {line}: is not UTF-8; save it as UTF-8") from None
    if folder is not None:
        check_names([SHIPPED, folder])


def check_names(folders: Sequence[Path]) -> None:
    """Raise ConfigError where a file has the name of another in an earlier folder, which Hydra
    silently prefers.
    """
    for position, folder in enumerate(folders):
        for earlier in folders[:position]:
            for file in _yaml_files(folder):
                taken = earlier / file.relative_to(folder)
                if taken.is_file() and file.read_bytes() != taken.read_bytes():
                    raise ConfigError(f"{file}: is hidden by {taken}; rename it")


def explain_null(words: Sequence[str]) -> ConfigError:
    """The error for the word that sets something below a setting that is null."""
    for word in words:
        for section, hint in foreign_names()["values"].items():
            if re.match(rf"\+*{re.escape(section)}[.=]", word):
                return ConfigError(f"{word}: {section} is null; {hint}")
    return ConfigError(f"{' '.join(words)}: sets something below a setting that is null")


def explain_several(word: str) -> ConfigError:
    """The error for a word whose commas are neither a list nor a sweep."""
    name, _, value = word.partition("=")
    return ConfigError(
        f"{word}: several values; write '{name}=[{value}]' for a list, '{name}=\"{value}\"' for "
        "one text, or add -m to run each of them"
    )


def explain_unchosen(key: str, words: Sequence[str]) -> str:
    """The end of a message about a setting below a name that no chosen file defines."""
    group = key.split(".")[0]
    if group == "tasks":
        names = ", ".join(Path(name).name for name in dict(chosen(words)).get("task", []))
        return f"; the tasks chosen are {names or 'those of the experiment'}"
    known = ", ".join(_choices(group, None))
    return f"; choose {group}=<one of {known}> first" if known else ""


def _without_equals(word: str) -> str:
    """What to write instead of a word that is neither key=value nor a flag."""
    name = Path(word).with_suffix("").as_posix() if word.endswith((".yaml", ".yml")) else word
    for group in GROUPS:
        full = [choice for choice in _choices(group, None) if choice.split("/")[-1] == name]
        if name in _choices(group, None) or full:
            return f"{word}: settings are key=value; did you mean {group}={(full or [name])[0]}?"
    path = setting_paths().get(name.split(".")[-1])
    example = f"{path}=VALUE" if path else "experiment=demo or seed=2"
    return f"{word}: settings are key=value, without spaces, as in {example}"


def explain_grammar(word: str) -> ConfigError:
    """The error for a word that Hydra's grammar does not take."""
    name, _, value = word.partition("=")
    if value.count("[") != value.count("]") or value.count("{") != value.count("}"):
        return ConfigError(f"{word}: close its brackets, and quote the whole word for the shell")
    is_list = value.startswith("[") and value.endswith("]")
    items = value[1:-1].split(",") if is_list else [value]
    text = ",".join(f'"{_escaped(item)}"' for item in items)
    return ConfigError(
        f"{word}: cannot be read; quote it: '{name}={f'[{text}]' if is_list else text}'"
    )


def _escaped(text: str) -> str:
    return text.strip(" \"'").replace("\\", "\\\\").replace('"', '\\"')


def explain_choices(words: Sequence[str], folder: Path | None, message: str) -> ConfigError:
    """One error for all choices that are unknown or missing, and for words that are neither a
    group nor a setting; Hydra's message names one of them.
    """
    choices = dict(chosen(words))
    settings = [field.name for field in dataclasses.fields(Config)]
    sentences = []
    for group, names in choices.items():
        known = _choices(group, folder)
        if not known and group not in settings:
            sentences.append(f"{group}: no such setting{setting_hint(group, Config)}")
        for name in names if known else ():
            if name.removesuffix(".yaml") not in [*known, "null"]:
                sentences.append(f"Could not find '{group}/{name}'{_nearest(name, known)}")
    missing = re.search(r"Could not find '([^']+)'", message)
    if missing is not None and f"'{missing[1]}'" not in str(sentences):
        sentences.insert(0, message)
    for group in () if "experiment" in choices else NEEDED:
        if group not in choices:
            available = ", ".join(_choices(group, folder))
            sentences.append(f"You must specify '{group}', as {group}=<one of {available}>")
    return ConfigError("; ".join(sentences or [message]).replace("?;", "?"))


def _nearest(name: str, known: Sequence[str]) -> str:
    """The end of a message: the choice most like a name, or all of them."""
    by_stem = {choice.split("/")[-1]: choice for choice in known}
    close = nearest(name.split("/")[-1], by_stem)
    if close:
        return f"; did you mean {by_stem[close]!r}?"
    none = ", or null for none" if name.lower() in ("none", "no", "false", "off") else ""
    return f"; Available options: {', '.join(known)}{none}"


def chosen(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each group that the words choose from, and its choices."""
    for word in words:
        match = CHOICE.fullmatch(word)
        if match is not None:
            value = match["value"].strip("[]'\"")
            yield match["group"], [name.strip(" []'\"") for name in value.split(",")]


def _choices(group: str, folder: Path | None) -> list[str]:
    """The files of a group, shipped ones and the user's."""
    roots = [root / group for root in (SHIPPED, folder) if root is not None]
    return sorted(
        file.relative_to(root).with_suffix("").as_posix()
        for root in roots
        for file in root.rglob("*.yaml")
    )


def wrong_packages(
    words: Sequence[str], folder: Path | None, message: str
) -> Iterator[tuple[Path, str]]:
    """The user's chosen files whose package line is missing or another, and what it must be."""
    asked = {f"{group}/{name}" for group, names in chosen(words) for name in names}
    for file in _yaml_files(folder):
        assert folder is not None, "files are of a folder"
        choice = file.relative_to(folder).with_suffix("").as_posix()
        group = choice.split("/")[0]
        if group not in {*PACKAGES, *SECTIONS} or not (choice in asked or f"'{choice}'" in message):
            continue
        package = PACKAGES.get(group, group).format(name=file.stem)
        header = re.search(r"^# @package +(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        given = header[1] if header else "" if group in PACKAGES else package
        if given.split(".")[0] != package.split(".")[0]:
            yield file, package


def _yaml_files(folder: Path | None) -> list[Path]:
    """The files of our groups in a folder, which may hold much else."""
    groups = () if folder is None else (folder / group for group in GROUPS)
    return sorted(file for group in groups for file in group.rglob("*.yaml"))


def one_line(text: str) -> str:
    """A message without Hydra's search path and types, its indented options joined to a list."""
    sentences: list[str] = []
    options: list[str] = []
    for line in text.split("Config search path")[0].splitlines():
        if not line.strip() or "object_type" in line or "reference_type" in line:
            continue
        (options if line.startswith("\t") else sentences).append(line.strip())
    return " ".join(["; ".join(sentences), ", ".join(options)]).strip()
