"""Files that are not what their endings say, refused before a model is trained on their markup."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path

from mtnlg.errors import DataError
from mtnlg.records.files import open_bytes
from mtnlg.records.recognition import recognize
from mtnlg.records.request import HEAD_BYTES, Shape
from mtnlg.records.table_shapes import SEPARATORS

logger = logging.getLogger(__name__)

LINES = "lines"
"""Stands for the ending of parallel plain text."""
EXPECTED = {
    "jsonl": "JSON lines",
    "tsv": "a table separated by tabs",
    "csv": "a table separated by commas",
    "txt": "paragraphs of text",
    LINES: "a text on each line",
}
ALLOWED = {
    "jsonl": ("jsonl",),
    "tsv": ("tsv",),
    "csv": ("csv",),
    "txt": ("text", "numbered"),
    LINES: ("text",),
}
"""Ending -> the formats that it may have."""
REMEDIES = {
    "json": "write an object a line: jq -c '.[]' FILE > NEW.jsonl",
    "jsonl": "let its name end in .jsonl",
    "csv": "let its name end in .csv, and separate its cells by commas",
    "tsv": "let its name end in .tsv",
    "decoder": "cut the ids and scores off: cut -f3- FILE > NEW",
    "numbered": "cut the numbers off",
}
"""Format -> what to do; for any other, its texts must be taken out."""


def check_format(path: Path, ending: str) -> None:
    """Raise DataError for a file that is not what its ending says, judged by its first 64 KiB."""
    if ending not in EXPECTED:
        return
    try:
        with open_bytes(path) as stream:
            head = stream.read(HEAD_BYTES)
    except (EOFError, OSError, zlib.error):
        return  # reading it names the line
    shape = recognize(head, path.name)
    if shape.format == "text" and shape.what:
        logger.warning(f"{path}: is {shape.what}")
    if shape.format in ALLOWED[ending]:
        _check_separator(path, shape, ending)
    elif ending != "txt" or not shape.what.startswith(("XML", "HTML")):
        remedy = shape.remedy or REMEDIES.get(str(shape.format), "write its texts one a line")
        is_encoded = "UTF-" in shape.what
        what = f"1: not UTF-8 but {shape.what}" if is_encoded else f" is {shape.what or 'text'}"
        raise DataError(f"{path}:{what}, not {EXPECTED[ending]}; {remedy}")


def _check_separator(path: Path, shape: Shape, ending: str) -> None:
    wanted = {"csv": ",", "tsv": "\t"}.get(ending, shape.separator)
    if shape.separator != wanted:
        given = SEPARATORS.get(shape.separator, shape.separator)
        raise DataError(
            f"{path}:1: its cells are separated by {given}; save it with "
            f"{SEPARATORS[wanted]} between them, which .{ending} means here"
        )
