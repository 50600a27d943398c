"""The files that a command names, read and checked to belong together line by line.

Refuses to know: what is scored.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mtnlg.config import EvaluationConfig, TaskKind
from mtnlg.errors import DataError
from mtnlg.evaluation.significance.comparison import NUM_TRIALS
from mtnlg.leaderboard.file_board import Inputs
from mtnlg.records.text_files import (
    FORMATS,
    STANDARD_INPUT,
    Example,
    TextFile,
    check_aligned,
    read_texts,
)
from mtnlg.report.formats import NUM_SAMPLES


def read_inputs(options: argparse.Namespace) -> Inputs:
    """The texts that the options of a command name; raises DataError, naming file and line."""
    sources = [options.sources] if options.sources else []
    paths = [*options.references, *options.hypotheses, *sources]
    if paths.count(STANDARD_INPUT) > 1:
        raise DataError("- stands for standard input, which can be read only once; name files")

    def read(path: str, field: str) -> TextFile:
        return read_texts(path, field=field, format_name=options.format)

    references = [read(path, options.reference_field) for path in options.references]
    hypotheses = [_single(read(path, options.hypothesis_field)) for path in options.hypotheses]
    others = [_single(read(path, options.source_field)) for path in sources]
    check_aligned([*references, *hypotheses, *others])
    return Inputs(
        hypotheses=hypotheses,
        references=references,
        sources=others[0] if others else None,
        targets=_targets(references),
    )


def _single(file: TextFile) -> TextFile:
    """The file, if it has one text for each example."""
    for place, texts in enumerate(file.examples):
        if len(texts) > 1:
            raise DataError(
                f"{file.location(place)}: has {len(texts)} texts; it must be one, only references "
                "can be several"
            )
    return file


def _targets(references: Sequence[TextFile]) -> list[Example]:
    """The references of each example; an empty line is none, but one there must be."""
    targets = []
    for place, several in enumerate(zip(*(file.examples for file in references), strict=True)):
        kept = tuple(text for texts in several for text in texts if text.strip())
        if not kept:
            raise DataError(
                f"{references[0].location(place)}: the reference is empty; remove the example from "
                "all files"
            )
        targets.append(kept)
    return targets


STANDARD_METRICS = {
    TaskKind.translation.value: ("bleu", "chrf"),
    TaskKind.summarization.value: ("rougeL", "rouge1", "rouge2", "rougeLsum"),
    TaskKind.dialogue.value: ("rougeL", "rouge1", "rouge2", "bleu"),
}
"""Kind of task -> metrics, where none are named; the first is what the table is sorted by."""


FIELDS = {"hypothesis": "prediction", "reference": "references", "source": "source"}
"""What a text is -> where JSON lines and tables have it: as in predictions.jsonl of a run."""


def make_parser() -> argparse.ArgumentParser:
    """The parser, which exits with status 2 where options are missing or unknown."""
    parser = argparse.ArgumentParser(
        prog="mtnlg score",
        description="Score files of outputs against references, line by line, and say which "
        "systems are told apart. Files are plain text, JSON lines (.jsonl) or tables (.tsv), each "
        "also as .gz; - is standard input.",
    )
    add_files(parser)
    parser.add_argument("--hypotheses", nargs="+", required=True, metavar="FILE")
    parser.add_argument(
        "--sources",
        metavar="FILE",
        help="for metrics that compare outputs with them; shown beside the outputs in --html",
    )
    parser.add_argument(
        "--metrics", nargs="+", metavar="NAME", help="the table is sorted by the first of them"
    )
    parser.add_argument(
        "--model-folder",
        action="append",
        default=[],
        metavar="METRIC=FOLDER",
        help="the local model of a metric that reads one, as bertscore or comet",
    )
    _add_style(parser)
    _add_sampling(parser)
    return parser


def _add_style(parser: argparse.ArgumentParser) -> None:
    style = parser.add_mutually_exclusive_group()
    for name, what in (
        ("json", "numbers, groups and all pairs, for programs"),
        ("latex", "a booktabs table"),
        ("markdown", "a table and its notes"),
        ("csv", "a line for each system and metric"),
    ):
        style.add_argument(f"--{name}", dest="style", action="store_const", const=name, help=what)
    parser.set_defaults(style="table")
    parser.add_argument(
        "--html", type=Path, metavar="FOLDER", help="also write index.html with samples there"
    )
    parser.add_argument(
        "--samples", type=int, default=NUM_SAMPLES, help=f"examples on the page ({NUM_SAMPLES})"
    )


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    defaults = EvaluationConfig
    for name, kind, default, what in (
        ("resamples", int, defaults.num_resamples, "of the bootstrap"),
        ("confidence", float, defaults.confidence, "of the intervals"),
        ("trials", int, NUM_TRIALS, "of the paired tests"),
        ("seed", int, defaults.seed, "of both"),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{what} ({default})")


def add_files(parser: argparse.ArgumentParser) -> None:
    """What any command on files of texts asks: references, task, language, and how to read."""
    parser.add_argument(
        "--references",
        nargs="+",
        required=True,
        metavar="FILE",
        help="one or several; an empty line of one of several is no reference",
    )
    parser.add_argument("--task", required=True, choices=list(STANDARD_METRICS))
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
