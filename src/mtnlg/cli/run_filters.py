"""Which runs a subcommand of `mtnlg runs` is about, and how its answer is printed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mtnlg.cli.command import Parser
from mtnlg.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from mtnlg.provenance.inventory import RunEntry

FILTERS = ("settings", "experiment", "task", "status", "tag", "failed")
"""Names of the options that leave runs out."""


def add_filters(parser: Parser) -> None:
    """Declare the options that leave runs out."""
    parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="as in seed=1 model.name='mt_*'"
    )
    parser.add_argument("--experiment", metavar="NAME", help="a folder of runs")
    parser.add_argument("--task", metavar="NAME", help="as in translation/x, or x")
    parser.add_argument("--status", metavar="NAME", help="such as finished, failed or killed")
    parser.add_argument("--tag", metavar="NAME", help="one of the tags of a run")


def chosen_runs(options: argparse.Namespace, entries: Sequence[RunEntry]) -> list[RunEntry]:
    """The runs that pass all filters; raises ConfigError for a setting that no run has."""
    from mtnlg.records.run_config import settings_of
    from mtnlg.records.runs import STATUSES

    if options.status not in (None, *STATUSES):
        raise ConfigError(f"--status {options.status}: must be one of {', '.join(STATUSES)}")
    wanted = dict(_setting(word) for word in options.settings)
    flat = [dict(settings_of(entry.config)) for entry in entries]
    for name in wanted:
        if flat and not any(name in settings for settings in flat):
            known = {key for settings in flat for key in settings}
            raise ConfigError(f"{name}: no run has this setting{suggestion(name, known)}")
    return [
        entry
        for entry, settings in zip(entries, flat, strict=True)
        if _passes(entry, options)
        and all(fnmatchcase(settings.get(name, "\0"), value) for name, value in wanted.items())
    ]


def _passes(entry: RunEntry, options: argparse.Namespace) -> bool:
    """Whether a run passes the filters that are no settings."""
    run = entry.run
    tasks = {name for task in run.tasks for name in (task.task, task.task.split("/")[-1])}
    return (
        options.experiment in (None, entry.folder.parent.name)
        and options.status in (None, run.status)
        and not (getattr(options, "failed", False) and run.status not in ("failed", "killed"))
        and options.tag in (None, *run.tags)
        and options.task in (None, *tasks)
    )


def _setting(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ConfigError(f"{word!r}: a filter by a setting is KEY=VALUE, as in seed=1")
    return name, value


def show(options: argparse.Namespace, document: object, lines: Iterator[str]) -> None:
    """Print the document with --json, or else the lines."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False) if options.json else None
    print(text or "\n".join(lines))
