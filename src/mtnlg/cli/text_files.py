"""The files that a command names, read and checked to belong together line by line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mtnlg.errors import DataError
from mtnlg.leaderboard.file_board import Inputs
from mtnlg.records.text_files import (
    STANDARD_INPUT,
    Example,
    TextFile,
    check_aligned,
    read_texts,
)


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
    source_files = [_single(read(path, options.source_field)) for path in sources]
    check_aligned([*references, *hypotheses, *source_files])
    return Inputs(
        hypotheses=hypotheses,
        references=references,
        sources=source_files[0] if source_files else None,
        targets=_targets(references),
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


def _targets(references: Sequence[TextFile]) -> list[Example]:
    """The references of each example, at least one; an empty line is no reference."""
    targets = []
    for index, several in enumerate(zip(*(file.examples for file in references), strict=True)):
        kept = tuple(text for texts in several for text in texts if text.strip())
        if not kept:
            raise DataError(
                f"{references[0].location(index)}: the reference is empty; remove the example from "
                "all files"
            )
        targets.append(kept)
    return targets
