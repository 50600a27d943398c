"""Every key of the configuration, for `mtnlg run --help KEY` and docs/configuration.md."""

from __future__ import annotations

import pkgutil
import shutil
import textwrap
from collections.abc import Sequence

from mtnlg.cli.hydra_flags import choices_of
from mtnlg.config.descriptions import GROUP, Setting, all_settings, find_settings

WHOLE_GROUPS = {
    "experiment": "A whole run: tasks, model and all settings that are not the defaults.",
    "debug": "A short run that looks for mistakes.",
}
"""Groups of files without settings of their own."""
TABLES = {
    "decoding.strategy": "generation.strategies:STRATEGY_TABLE",
    "evaluation.metrics": "evaluation.metrics.registry:METRIC_TABLE",
    "report.formats": "report.formats:FORMAT_TABLE",
    "tasks.<name>.reader": "corpus.sources.readers:READER_TABLE",
}
"""Setting -> the table whose rows it names."""
MAX_WIDTH = 100
"""Characters of a line on a wide terminal."""
PAGE_HEAD = """# Configuration

All keys, with their values and defaults. A key is set on the command line, as in
`mtnlg run experiment=demo trainer.max_steps=500`, or in a YAML file. `mtnlg run --help trainer`
shows this text. Made from the classes in `src/mtnlg/config` by `make configuration`.
"""


def settings_text(words: Sequence[str]) -> str:
    """The settings that the words name; raises ConfigError for a word that names none."""
    named = {setting.key: setting for word in words for setting in _find(word)}
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    lines = []
    for setting in named.values():
        lines.append(f"{setting.key}: {_values(setting)}")
        for text in (setting.description, *_choices(setting)):
            lines += textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)


def settings_page() -> str:
    """The Markdown of docs/configuration.md: a section for each group."""
    groups = {
        setting.key: setting
        for setting in all_settings()
        if "." not in setting.key and setting.values.startswith(GROUP)
    }
    sections = {"": "\n## A run\n\n"} | {
        key: f"\n## {key}\n\n{' '.join([group.description, *_choices(group)])}\n\n"
        for key, group in groups.items()
    }
    for setting in all_settings():
        if setting.key not in groups:
            text = " ".join([setting.description, *_choices(setting)])
            section = setting.key.partition(".")[0] if "." in setting.key else ""
            sections[section] += f"- `{setting.key}` ({_values(setting)}): {text}\n"
    return PAGE_HEAD + "".join(sections.values())


def _find(word: str) -> list[Setting]:
    group = word.partition("=")[0]
    if group in WHOLE_GROUPS:
        return [Setting(group, GROUP, "", WHOLE_GROUPS[group], {})]
    return find_settings(word)


def _values(setting: Setting) -> str:
    return setting.values + (f"; default {setting.default}" if setting.default else "")


def _choices(setting: Setting) -> list[str]:
    """Sentences about the values that a setting can have."""
    if setting.choices:
        texts = (f"{name}: {text}" if text else name for name, text in setting.choices.items())
        return ["Choices: " + " ".join(texts)]
    names = _names(setting.key)
    return [f"Choices: {', '.join(names)}."] if names else []


def _names(key: str) -> Sequence[str]:
    """The names that a setting can have: rows of a table, or files of a group."""
    if key in TABLES:
        names: Sequence[str] = pkgutil.resolve_name(f"mtnlg.{TABLES[key]}").known_names()
        return names
    group = "task" if key == "tasks" else key.removeprefix("trainer.")
    return [f"{group}={name}" for name in choices_of(group)]
