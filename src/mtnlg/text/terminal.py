"""Text for a terminal: one line, and tables whose columns are aligned."""

from __future__ import annotations

from collections.abc import Container, Sequence

from mtnlg.text.visible import visible


def one_line(text: str) -> str:
    """The text without line ends and without what a terminal would obey."""
    return visible(text).replace("\n", "⏎").replace("\t", " ")


def aligned(rows: Sequence[Sequence[str]], *, numbers: Container[int] = ()) -> list[str]:
    """A line for each row: columns of equal width, those of numbers to the right. Chinese
    characters take two columns of a terminal.
    """
    import tabulate  # slow to import

    sides = ["right" if column in numbers else "left" for column in range(len(rows[0]))]
    text = tabulate.tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=sides)
    return [line.rstrip() for line in text.split("\n")]
