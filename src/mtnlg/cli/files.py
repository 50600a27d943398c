"""The files of texts that a command takes: its options, and how they are read."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mtnlg.cli.command import Parser
from mtnlg.config.evaluation import DEFAULT_METRICS
from mtnlg.errors import DataError
from mtnlg.records.request import FORMAT_NAMES

if TYPE_CHECKING:
    from mtnlg.leaderboard.file_inputs import Inputs
    from mtnlg.records.request import Example
    from mtnlg.records.text_files import TextFile

FIELDS = {"hypothesis": "prediction", "reference": "references", "source": "source"}
"""Kind of text -> its field in JSON lines and tables, as in predictions.jsonl of a run."""


def add_files(parser: Parser) -> None:
    """Add the options that all commands on files share: all but the outputs."""
    parser.add_argument(
        "--references",
        nargs="+",
        required=True,
        metavar="FILE",
        help="one or several; an empty line of one of several is no reference",
    )
    parser.add_argument(
        "--task",
        required=True,
        choices=[kind.name for kind in DEFAULT_METRICS],
        help="the kind of task",
    )
    parser.add_argument(
        "--language",
        required=True,
        help="of the references, as ISO 639 code (en, zh, yue): it chooses the tokens",
    )
    add_format(parser)
    for name, field in FIELDS.items():
        parser.add_argument(
            f"--{name}-field",
            default=field,
            metavar="NAME",
            help=f"key of JSON lines; column of tables, also by number from 1 ({field})",
        )


def add_format(parser: Parser) -> None:
    """Add the options about how files are read."""
    parser.add_argument(
        "--format",
        choices=FORMAT_NAMES,
        help="of all files, whatever their names end in; without it, their beginnings are looked "
        "at, and text forces plain text",
    )
    parser.add_argument(
        "--skip-empty-references",
        action="store_true",
        help="leave examples without a reference out, and say how many",
    )


def read_inputs(options: argparse.Namespace) -> Inputs:
    """The texts that the options name; raises DataError with file and line."""
    from mtnlg.leaderboard.file_inputs import Inputs
    from mtnlg.records.text_files import STANDARD_INPUT, check_aligned, compare_ids, read_fields

    sources = [options.sources] if options.sources else []
    paths = [*options.references, *options.hypotheses, *sources]
    if paths.count(STANDARD_INPUT) > 1:
        raise DataError("- stands for standard input, which can be read only once; name files")

    ids: list[TextFile] = []

    def read(path: str, role: str) -> TextFile:
        field = getattr(options, f"{role}_field")
        files = read_fields(
            path, field=field, optional=("id",), role=role, format_name=options.format
        )
        ids.extend(files[name] for name in files if name == "id" != field)
        return files[field]

    references = [read(path, "reference") for path in options.references]
    hypotheses = [_single(read(path, "hypothesis")) for path in options.hypotheses]
    source_files = [_single(read(path, "source")) for path in sources]
    check_aligned([*references, *hypotheses, *source_files])
    targets = _targets(references)
    mask = [bool(kept) for kept in targets]
    num_empty = mask.count(False)
    if num_empty and not options.skip_empty_references:
        raise DataError(
            f"{references[0].location(mask.index(False))}: the reference is empty, as in "
            f"{num_empty} of {len(mask)} examples; leave them out of all files, or add "
            "--skip-empty-references"
        )
    if num_empty == len(mask):
        raise DataError(f"{references[0].shown}: all references are empty; name the right file")
    if num_empty:
        hypotheses, references, source_files = (
            [file.where(mask) for file in files] for files in (hypotheses, references, source_files)
        )
    notes = compare_ids(ids)
    left_out = f"{num_empty} of {len(mask)} examples have no reference and are left out"
    return Inputs(
        hypotheses=hypotheses,
        references=references,
        sources=source_files[0] if source_files else None,
        targets=list(filter(None, targets)),
        notes=[*notes, left_out] if num_empty else notes,
    )


def _single(file: TextFile) -> TextFile:
    """The file, which must have one text for each example."""
    for index, texts in enumerate(file.examples):
        if len(texts) > 1:
            raise DataError(
                f"{file.location(index)}: has {len(texts)} texts; it must be one, only references "
                "can be several"
            )
    return file


def _targets(references: list[TextFile]) -> list[Example]:
    """The references of each example; an empty line is no reference."""
    return [
        tuple(text for texts in several for text in texts if text.strip())
        for several in zip(*(file.examples for file in references), strict=True)
    ]
