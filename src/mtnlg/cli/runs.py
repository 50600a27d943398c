"""`mtnlg runs list|show|compare|clean|du`: what ran, what it took, and what can go."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import re
import time
import typing
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtnlg.cli.command import Parser, Subparsers, add_command, add_roots
from mtnlg.errors import ConfigError, suggestion
from mtnlg.text.display import aligned, one_line

if TYPE_CHECKING:
    from mtnlg.provenance.inventory import RunEntry

Document = dict[str, Any]
"""What --json prints of a run, or of all of them."""
AGE = re.compile(r"(\d{1,6})(m|h|d|w)")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
POLL_SECONDS = 1.0
ENDED_BADLY, GOING_ON = ("failed", "killed"), ("running", "waiting")
SORTS: dict[str, Callable[[Document], Any]] = {
    "experiment": lambda row: (row["experiment"], row["run"]),
    "started": lambda row: row["started"] or "",
    "seconds": lambda row: row["seconds"] or 0,
    "score": lambda row: [-score for score in row["scores"].values()] or [0],
}
"""Name -> what rows are sorted by."""


def add_parser(subparsers: Subparsers) -> None:
    """Declare the command and its subcommands."""
    runs = add_command(subparsers, "runs", None, "list, show, compare, clean and measure runs")
    actions = runs.add_commands()
    listed = add_command(actions, "list", run_list, "the runs, with their status and main scores")
    listed.add_argument("--sort", choices=list(SORTS), default="experiment", help="(experiment)")
    shown = add_command(actions, "show", run_show, "one run: settings, artifacts, scores, cost")
    shown.add_argument("run_word", metavar="RUN", help="its folder, id, or the beginning of its id")
    compared = add_command(
        actions,
        "compare",
        run_compare,
        "settings that differ, and main scores, side by side",
        epilog="`mtnlg diff A B` compares two runs in depth, with tests and examples.",
    )
    compared.add_argument("run_words", nargs="+", metavar="RUN", help="a folder or id")
    cleaned = add_command(
        actions,
        "clean",
        run_clean,
        "remove runs and artifacts that nothing refers to",
        description="Show, and with --yes remove, the runs and artifacts that no board, import, "
        "rating, published record or process refers to: runs of earlier launches, artifacts of "
        "removed runs, unfinished and damaged folders. To remove a whole experiment, delete its "
        "folder of runs first.",
    )
    cleaned.add_argument("--older-than", metavar="AGE", help="as in 30d, 12h, 2w")
    cleaned.add_argument("--failed", action="store_true", help="only runs that failed or died")
    cleaned.add_argument("--yes", action="store_true", help="remove it; without, only show it")
    measured = add_command(actions, "du", run_du, "bytes by experiment, run and stage")
    waited = add_command(actions, "wait", run_wait, "wait for the runs of an experiment to end")
    waited.add_argument("experiment", metavar="EXPERIMENT", help="a folder of runs")
    waited.add_argument("--minutes", type=float, metavar="N", help="at most; then the status is 1")
    add_roots(waited, ["runs"])
    for parser in (listed, cleaned, measured):
        _add_filters(parser)
    for parser in (listed, shown, compared, cleaned, measured):
        parser.add_argument("--json", action="store_true", help="for programs")
        add_roots(parser, ["runs", "artifacts", "reports"])


def _add_filters(parser: Parser) -> None:
    parser.add_argument(
        "settings", nargs="*", metavar="KEY=VALUE", help="as in seed=1 model.name='mt_*'"
    )
    parser.add_argument("--experiment", metavar="NAME", help="a folder of runs")
    parser.add_argument("--task", metavar="NAME", help="as in translation/x, or x")
    parser.add_argument("--status", metavar="NAME", help="such as finished, failed or killed")
    parser.add_argument("--tag", metavar="NAME", help="one of the tags of a run")


def _chosen(options: argparse.Namespace, entries: Sequence[RunEntry]) -> list[RunEntry]:
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
        and not (getattr(options, "failed", False) and run.status not in ENDED_BADLY)
        and options.tag in (None, *run.tags)
        and options.task in (None, *tasks)
    )


def _setting(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ConfigError(f"{word!r}: a filter by a setting is KEY=VALUE, as in seed=1")
    return name, value


def _row(entry: RunEntry, options: argparse.Namespace) -> Document:
    """A run as JSON has it."""
    from mtnlg.provenance.inventory import main_scores

    run = entry.run
    scores = main_scores(run, artifacts_root=options.artifacts_root)
    return {
        "experiment": entry.folder.parent.name,
        "run": run.run_id,
        "status": run.status,
        "reason": run.reason,
        "system": run.system,
        "seed": run.seed,
        "decoding": run.decoding,
        "tags": list(run.tags),
        "tasks": [task.task for task in run.tasks],
        "scores": {title: score.value for title, score in scores.items()},
        "started": run.started.isoformat() if run.started else None,
        "seconds": run.seconds,
    }


def _show(options: argparse.Namespace, document: object, lines: Iterator[str]) -> None:
    """Print the document with --json, or else the lines."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False) if options.json else None
    print(text or "\n".join(lines))


def run_wait(options: argparse.Namespace) -> int:
    """Wait until no run of an experiment waits or works; 0 if all did what they were asked for."""
    from mtnlg.records.launches import read_launch, read_runs
    from mtnlg.records.places import experiment_folder
    from mtnlg.records.runs import STANDING

    end = time.monotonic() + 60 * (math.inf if options.minutes is None else options.minutes)
    while True:
        launch = read_launch(options.experiment, runs_root=options.runs_root)
        folder = experiment_folder(options.runs_root, launch.experiment)
        runs = [
            dataclasses.replace(run, status="waiting", reason="its cluster may continue it")
            if run.status == "killed" and _is_queued(folder / run.run_id)
            else run
            for run in read_runs(launch, runs_root=options.runs_root)
        ]
        if not any(run.status in GOING_ON for run in runs) or time.monotonic() >= end:
            break
        time.sleep(POLL_SECONDS)
    for run in runs:
        reason = f": {run.reason}" if run.status in ENDED_BADLY else ""
        print(f"{run.run_id}  {run.status}{reason}")
    return int(any(run.status not in STANDING for run in runs))


def _is_queued(run_folder: Path) -> bool:
    """Whether a cluster still has a job for a run."""
    from mtnlg.records.places import SUBMITTED_FILE

    if not (run_folder / SUBMITTED_FILE).exists():
        return False
    from mtnlg.experiment.cluster import may_continue

    return may_continue(run_folder)


def run_list(options: argparse.Namespace) -> None:
    """Print the runs that pass the filters."""
    from mtnlg.provenance.inventory import read_entries
    from mtnlg.report.display import ABSENT, duration_text

    entries = read_entries(options.runs_root)
    rows = [_row(entry, options) for entry in _chosen(options, entries)]
    rows.sort(key=SORTS[options.sort])
    header = ["experiment", "run", "status", "tags", "started", "took", "main scores"]
    table = [
        [
            *(one_line(str(row[name])) for name in ("experiment", "run", "status")),
            one_line(",".join(row["tags"])) or ABSENT,
            (row["started"] or ABSENT)[:16],
            duration_text(row["seconds"]),
            _scores_text(row) or one_line(row["reason"] or ABSENT),
        ]
        for row in rows
    ]
    count = f"{len(rows)} of {len(entries)} runs of {options.runs_root}"
    _show(options, rows, iter([*aligned([header, *table]), count] if rows else [count]))


def _scores_text(row: Any) -> str:
    scores = ((title.split(", ")[-1], value) for title, value in row["scores"].items())
    return "; ".join(f"{name} {value:.2f}" for name, value in scores)


def run_show(options: argparse.Namespace) -> None:
    """Print one run."""
    from mtnlg.provenance.inventory import RunEntry
    from mtnlg.provenance.manifest import find_run
    from mtnlg.records.codec import encode

    found = find_run(options.run_word, runs_root=options.runs_root)
    entry = RunEntry(found.folder, found.record, found.config, is_launched=True)
    own = [score for score in found.record.scores if score.kind == "trained"]
    document = {
        **_row(entry, options),
        "folder": str(found.folder),
        "settings": dict(_changed_settings(found.config)),
        "artifacts": encode(found.record.artifacts),
        "predictions": {f"{one.task}, {one.test_set}": one.predictions for one in own},
        "cost": encode(own[0].cost) if own else {},
        "exit_code": found.record.exit_code,
        "finished": found.record.finished.isoformat() if found.record.finished else None,
    }
    _show(options, document, _sections(document))


def _sections(document: Document) -> Iterator[str]:
    """A line for each fact; of a group, a heading and indented lines."""
    for name, value in document.items():
        if isinstance(value, dict):
            rows = [[key, one_line(str(fact))] for key, fact in value.items() if fact]
            yield from [name, *(f"  {line}" for line in aligned(rows))] if rows else ()
        elif value not in (None, []):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{name:<12}{one_line(text)}"


def _changed_settings(config: Document) -> Iterator[tuple[str, str]]:
    """The settings that are not the defaults, without those of the data sets themselves."""
    from mtnlg.config import Config
    from mtnlg.records.run_config import settings_of

    usual = dict(settings_of(_defaults(Config)))
    for name, value in settings_of({**config, "tasks": list(config.get("tasks") or ())}):
        if value not in (usual.get(name), "[]"):
            yield name, value


def _defaults(settings: Any) -> Document:
    """The defaults of a settings class, as config.yaml writes them."""
    defaults: Document = {}
    for name, kind in typing.get_type_hints(settings).items():
        field = settings.__dataclass_fields__[name]
        if dataclasses.is_dataclass(kind):
            defaults[name] = _defaults(kind)
        elif field.default is not dataclasses.MISSING:
            defaults[name] = getattr(field.default, "name", field.default)
        elif field.default_factory is not dataclasses.MISSING:
            defaults[name] = field.default_factory()
    return defaults


def run_compare(options: argparse.Namespace) -> None:
    """Print what differs between runs, a column for each."""
    from mtnlg.provenance.inventory import main_scores
    from mtnlg.provenance.manifest import find_run
    from mtnlg.records.run_config import differences
    from mtnlg.report.display import ABSENT, pair_text

    runs = [find_run(word, runs_root=options.runs_root) for word in options.run_words]
    ids = [run.record.run_id for run in runs]
    settings = differences([run.config for run in runs])
    scores = [main_scores(run.record, artifacts_root=options.artifacts_root) for run in runs]
    titles = list(dict.fromkeys(title for run_scores in scores for title in run_scores))
    document = {
        "runs": ids,
        "settings": {row.key: list(row.values) for row in settings},
        "scores": {
            title: [run[title].value if title in run else None for run in scores]
            for title in titles
        },
    }
    rows = [[one_line(row.key), *(value or ABSENT for value in row.values)] for row in settings]
    rows += [["status", *(run.record.status for run in runs)]]
    rows += [
        [title, *(pair_text(run[title]) if title in run else ABSENT for run in scores)]
        for title in titles
    ]
    hint = f"`mtnlg diff {' '.join(ids)}` tests them and shows examples" if len(ids) == 2 else ""
    table = aligned([["", *ids], *([one_line(cell) for cell in row] for row in rows)])
    _show(options, document, iter([*table, *filter(None, [hint])]))


def run_du(options: argparse.Namespace) -> None:
    """Print the bytes of each experiment, run and stage."""
    from mtnlg.provenance.inventory import bytes_of, read_entries, usage
    from mtnlg.report.display import bytes_text

    entries = read_entries(options.runs_root)
    roots = (options.runs_root, options.artifacts_root)
    document: Document = {
        **usage(entries, chosen=_chosen(options, entries), artifacts_root=roots[1]),
        "total": sum(map(bytes_of, roots)),
    }
    _show(options, document, _usage_lines(document, bytes_text))


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
    filters = ("settings", "experiment", "task", "status", "tag", "failed")
    has_filter = any(getattr(options, name) for name in filters)
    removals = list(
        find_removals(
            entries,
            chosen=_chosen(options, entries) if has_filter else None,
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
    _show(options, document, iter([*lines, f"{len(table)} folders, {total}: {end}"]))


def _age(word: str | None) -> timedelta:
    if word is None:
        return timedelta(0)
    match = AGE.fullmatch(word)
    if match is None:
        raise ConfigError(f"--older-than {word}: must be a number and m, h, d or w, as in 30d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
