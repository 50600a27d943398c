"""`mtnlg runs list|show|compare`: what ran, and what it took."""

from __future__ import annotations

import argparse
import dataclasses
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mtnlg.cli.command import Subparsers, add_command, add_roots
from mtnlg.cli.run_filters import add_filters, chosen_runs, show
from mtnlg.cli.runs_disk import run_clean, run_du
from mtnlg.cli.runs_wait import run_wait
from mtnlg.text.display import aligned, one_line

if TYPE_CHECKING:
    from mtnlg.provenance.inventory import RunEntry

Document = dict[str, Any]
"""What --json prints of a run, or of all of them."""
SORTS: dict[str, Callable[[Document], Any]] = {
    "experiment": lambda row: (row["experiment"], row["run"]),
    "started": lambda row: row["started"] or "",
    "seconds": lambda row: row["seconds"] or 0,
    "score": lambda row: [-score for score in row["scores"].values()] or [0],
}
"""Name -> what rows are sorted by."""


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command and its subcommands."""
    runs = add_command(subparsers, name, None, summary)
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
        add_filters(parser)
    for parser in (listed, shown, compared, cleaned, measured):
        parser.add_argument("--json", action="store_true", help="for programs")
        add_roots(parser, ["runs", "artifacts", "reports"])


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


def run_list(options: argparse.Namespace) -> None:
    """Print the runs that pass the filters."""
    from mtnlg.provenance.inventory import read_entries
    from mtnlg.report.display import ABSENT, duration_text

    entries = read_entries(options.runs_root)
    rows = [_row(entry, options) for entry in chosen_runs(options, entries)]
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
    show(options, rows, iter([*aligned([header, *table]), count] if rows else [count]))


def _scores_text(row: Any) -> str:
    scores = ((title.split(", ")[-1], value) for title, value in row["scores"].items())
    return "; ".join(f"{name} {value:.2f}" for name, value in scores)


def run_show(options: argparse.Namespace) -> None:
    """Print one run."""
    from mtnlg.provenance.inventory import RunEntry
    from mtnlg.provenance.manifest import find_run
    from mtnlg.records.codec import encode

    run = find_run(options.run_word, runs_root=options.runs_root)
    entry = RunEntry(run.folder, run.record, run.config, is_launched=True)
    trained = [score for score in run.record.scores if score.kind == "trained"]
    document = {
        **_row(entry, options),
        "folder": str(run.folder),
        "settings": dict(_changed_settings(run.config)),
        "artifacts": encode(run.record.artifacts),
        "predictions": {f"{score.task}, {score.test_set}": score.predictions for score in trained},
        "cost": encode(trained[0].cost) if trained else {},
        "exit_code": run.record.exit_code,
        "finished": run.record.finished.isoformat() if run.record.finished else None,
    }
    show(options, document, _sections(document))


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
    show(options, document, iter([*table, *filter(None, [hint])]))
