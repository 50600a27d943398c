"""The leaderboard as Markdown: for each board a sentence, a table and the notes that its numbers
stand on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard
from mtnlg.records.runs import RunRecord
from mtnlg.records.scores import MetricScore
from mtnlg.report.display import (
    ABSENT,
    board_title,
    count_text,
    duration_text,
    interval_text,
    leak_notes,
    share_text,
    spread_text,
    value_text,
)
from mtnlg.report.notes import board_notes
from mtnlg.report.rating_tables import RatingSection, rating_section
from mtnlg.report.summary import board_sentence, no_board_sentence
from mtnlg.text.visible import visible

SPECIAL = re.compile(r"[\\`*_<>|\[\]{}~&#$!]|(?<=[A-Za-z]):(?=//)")
"""What Markdown, GitHub's formulas and autolinks, or a site generator's templates would take for
markup.
"""

ENDS = ("n", "parameters", "training time", "flagged / checked", "note")
"""The last columns; only the first and the last of them say something of files."""


def render_markdown(leaderboard: Leaderboard) -> str:
    """The whole document; text from data is escaped, and no cell can break its row."""
    parts = [f"# {escape(leaderboard.experiment)}"]
    if leaderboard.command:
        parts.append(f"Command: {escape(leaderboard.command)}")
    if not leaderboard.boards:
        parts.append(no_board_sentence(len(leaderboard.runs)))
    for board in leaderboard.boards:
        parts += _board_parts(board, is_of_files=leaderboard.is_of_files)
    if not leaderboard.is_of_files:
        parts += ["## Runs", *_runs_table(leaderboard.runs)]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text on one line that shows as itself."""
    line = visible(text).replace("\n", " ↵ ").replace("\t", " ")
    return SPECIAL.sub(lambda found: "\\" + found.group(), line)


def _board_parts(board: Board, *, is_of_files: bool) -> Iterator[str]:
    yield f"## {escape(board_title(board))}"
    yield escape(board_sentence(board))
    lines = [_header(board), *(_cells(row, board) for row in board.rows)]
    if is_of_files:
        lines = [[*cells[: 1 - len(ENDS)], cells[-1]] for cells in lines]
    yield table(lines[0], lines[1:])
    yield "\n".join(_notes(board))
    for one in board.ratings:
        yield from _rating_parts(rating_section(one))


def _rating_parts(rated: RatingSection) -> Iterator[str]:
    yield f"### {escape(rated.title)}"
    for part in (rated.systems, rated.metrics):
        yield table(part.header, [[escape(cell) for cell in cells] for cells in part.rows])
    yield "\n".join(
        f"- **{escape(heading)}**: {escape('; '.join(lines))}"
        for heading, lines in rated.notes.items()
    )


def _notes(board: Board) -> Iterator[str]:
    for heading, notes in board_notes(board).items():
        yield f"- **{escape(heading)}**: {escape('; '.join(notes))}"
    for note in leak_notes(board):
        yield f"- **leaks**: {escape(note)}"


def _header(board: Board) -> list[str]:
    metrics = [escape(name) for name in board.metric_names]
    group = ["group"] if board.comparisons else []
    return ["rank", *group, "system", "kind", *metrics, *ENDS]


def _cells(row: BoardRow, board: Board) -> list[str]:
    main = row.metrics.get(board.main_metric or "")
    seeds = f" (seeds {', '.join(map(str, row.seeds))})" if len(row.seeds) > 1 else ""
    state = "" if row.status == "finished" else f"**{row.status}**: "
    return [
        ABSENT if row.rank is None else str(row.rank),
        *([row.groups.get(board.main_metric or "", ABSENT)] if board.comparisons else []),
        escape(row.label) + seeds,
        row.kind,
        *(_score_cell(row.metrics.get(name), main) for name in board.metric_names),
        ABSENT if main is None else str(main.num_examples),
        count_text(row.cost.parameters),
        duration_text(row.cost.training_seconds),
        share_text(row.contamination.flagged, row.contamination.checked),
        state + escape(row.reason or ""),
    ]


def _score_cell(metric: MetricScore | None, main: MetricScore | None) -> str:
    """Value and interval; n too where it is not that of the row."""
    if metric is None:
        return ABSENT
    own = main is None or metric.num_examples != main.num_examples
    size = f", n = {metric.num_examples}" if own else ""
    words = [value_text(metric), spread_text(metric), escape(interval_text(metric))]
    return " ".join(word for word in words if word) + size


def _runs_table(runs: Sequence[RunRecord]) -> Iterator[str]:
    yield table(
        ["run", "system", "status", "seed", "overrides", "note"],
        [
            [
                escape(run.run_id),
                escape(run.system),
                run.status,
                ABSENT if run.seed is None else str(run.seed),
                escape(" ".join(run.overrides)),
                escape(run.reason or ""),
            ]
            for run in runs
        ],
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are escaped already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
