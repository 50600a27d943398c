"""`mtnlg runs du|clean`: the bytes of runs and artifacts, and what can go."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from mtnlg.cli.run_filters import FILTERS, chosen_runs, show
from mtnlg.errors import ConfigError
from mtnlg.text.display import aligned

AGE = re.compile(r"(\d{1,6})(m|h|d|w)")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def run_du(options: argparse.Namespace) -> None:
    """Print the bytes of each experiment, run and stage."""
    from mtnlg.provenance.inventory import bytes_of, read_entries, usage
    from mtnlg.report.display import bytes_text

    entries = read_entries(options.runs_root)
    roots = (options.runs_root, options.artifacts_root)
    document: dict[str, Any] = {
        **usage(entries, chosen=chosen_runs(options, entries), artifacts_root=roots[1]),
        "total": sum(map(bytes_of, roots)),
    }
    show(options, document, _usage_lines(document, bytes_text))


def _usage_lines(document: Any, text: Callable[[float], str]) -> Iterator[str]:
    stages = [[name, *map(text, row.values())] for name, row in document["stages"].items()]
    yield from aligned([["stage", "bytes", "unused"], *stages], numbers=(1, 2))
    rows = [[name, *map(text, row.values())] for name, row in document["experiments"].items()]
    rows += [[name, *map(text, row.values())] for name, row in document["runs"].items()]
    header = ["experiment, run", "folder", "artifacts", "of no other"]
    yield from ("", *aligned([header, *rows], numbers=(1, 2, 3)))
    yield f"{text(document['total'])} in all; artifacts that several use count for each, here once"


def run_clean(options: argparse.Namespace) -> None:
    """Show what nothing refers to, and with --yes remove it."""
    from mtnlg.provenance.inventory import find_removals, read_entries, remove
    from mtnlg.report.display import bytes_text

    entries = read_entries(options.runs_root)
    has_filter = any(getattr(options, name) for name in FILTERS)
    removals = list(
        find_removals(
            entries,
            chosen=chosen_runs(options, entries) if has_filter else None,
            artifacts_root=options.artifacts_root,
            reports_root=options.reports_root,
            least_age=_age(options.older_than),
        )
    )
    if options.yes and removals:
        removals = list(remove(removals, artifacts_root=options.artifacts_root))
    total = bytes_text(sum(removal.num_bytes for removal in removals))
    table = [[str(item.path), bytes_text(item.num_bytes), item.why] for item in removals]
    end = "removed" if options.yes else "would be removed; add --yes to remove it"
    document = {
        "removed": options.yes,
        "folders": [
            {"path": str(item.path), "bytes": item.num_bytes, "why": item.why} for item in removals
        ],
    }
    lines = [*aligned(table, numbers=(1,))] if table else []
    show(options, document, iter([*lines, f"{len(table)} folders, {total}: {end}"]))


def _age(word: str | None) -> timedelta:
    if word is None:
        return timedelta(0)
    match = AGE.fullmatch(word)
    if match is None:
        raise ConfigError(f"--older-than {word}: must be a number and m, h, d or w, as in 30d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
