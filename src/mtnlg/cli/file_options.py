"""What every command on files of texts asks for: references, task, language and how to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtnlg.cli.parser import Parser

STANDARD_METRICS = {
    "translation": ("bleu", "chrf"),
    "summarization": ("rougeL", "rouge1", "rouge2", "rougeLsum"),
    "dialogue": ("rougeL", "rouge1", "rouge2", "bleu"),
}
"""Kind of task -> its metrics if none are named; the board is sorted by the first."""
FIELDS = {"hypothesis": "prediction", "reference": "references", "source": "source"}
"""Kind of text -> its field in JSON lines and tables, as in predictions.jsonl of a run."""


def add_files(parser: Parser) -> None:
    """Add these options, except the outputs themselves."""
    from mtnlg.records.text_files import FORMATS

    parser.add_argument(
        "--references",
        nargs="+",
        required=True,
        metavar="FILE",
        help="one or several; an empty line of one of several is no reference",
    )
    parser.add_argument(
        "--task", required=True, choices=list(STANDARD_METRICS), help="the kind of task"
    )
    parser.add_argument(
        "--language", required=True, help="of the references, as ISO 639-1: it chooses the tokens"
    )
    parser.add_argument(
        "--format", choices=list(FORMATS), help="of all files, whatever their names end in"
    )
    for name, field in FIELDS.items():
        parser.add_argument(
            f"--{name}-field",
            default=field,
            metavar="NAME",
            help=f"key of JSON lines; column of tables, also by number from 1 ({field})",
        )
