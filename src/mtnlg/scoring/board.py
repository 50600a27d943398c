"""The table of `mtnlg score` as a leaderboard of the reporting room, for its formats.

Refuses to know: how a format looks. Samples go through a folder of predictions, as those of runs
do, of which only the rows to be shown are written.
"""

from __future__ import annotations

from pathlib import Path

from mtnlg.records import Prediction, write_jsonl
from mtnlg.reporting.leaderboard import Board, BoardRow, Leaderboard
from mtnlg.reporting.ranking import rank_rows
from mtnlg.reporting.samples import evenly_spaced
from mtnlg.scoring.table import Inputs, SystemScores, Table


def leaderboard_of(
    table: Table, *, title: str, task: str, test_set: str, language: str, command: str, folder: Path
) -> Leaderboard:
    """One board; the samples are looked for in the folder."""
    main = table.metric_names[0]
    rows = rank_rows(
        [_row(system, place, table) for place, system in enumerate(table.systems)],
        metric_names=table.metric_names,
    )
    board = Board(
        task,
        test_set,
        "all",
        language,
        tuple(rows),
        tuple(table.metric_names),
        tuple(table.comparisons[main]),
        table.not_tested[main],
    )
    return Leaderboard(title, command, (board,), (), folder)


def write_samples(inputs: Inputs, folder: Path, *, num_samples: int) -> None:
    """The predictions of each system for the rows that are shown."""
    file = inputs.references[0]
    for system in range(len(inputs.hypotheses)):
        path = folder / "predictions" / _key(system) / "predictions.jsonl"
        path.parent.mkdir(parents=True)
        write_jsonl(
            path,
            (
                Prediction(
                    f"line {file.line_numbers[place]}",
                    inputs.sources.examples[place][0] if inputs.sources else "",
                    inputs.targets[place],
                    inputs.hypotheses[system].examples[place][0],
                ).to_json()
                for place in evenly_spaced(range(len(inputs.targets)), num_samples)
            ),
        )


def _row(system: SystemScores, place: int, table: Table) -> BoardRow:
    left_out = "; ".join(f"{name} is not computed: {why}" for name, why in system.left_out.items())
    main = table.metric_names[0]
    # A board says one number of comparisons, that of its main metric.
    num_pairs = len(table.comparisons[main])
    groups = {
        name: letters
        for name, letters in system.groups.items()
        if num_pairs and len(table.comparisons[name]) == num_pairs
    }
    has_number = main in system.metrics
    return BoardRow(
        system.name,
        "external",
        "finished",
        left_out or None,
        metrics={
            name: system.metrics[name] for name in table.metric_names if name in system.metrics
        }
        if has_number
        else {},
        groups=groups if has_number else {},
        predictions=(_key(place),),
        label=system.name,
    )


def _key(place: int) -> str:
    return f"system-{place + 1}"
