"""Files that are not what their endings say, refused before a model is trained on their markup."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path

from mtnlg.errors import DataError
from mtnlg.records.files import open_bytes
from mtnlg.records.recognition import recognize
from mtnlg.records.request import HEAD_BYTES

logger = logging.getLogger(__name__)

LINES = "lines"
"""Stands for the ending of parallel plain text."""
EXPECTED = {
    "jsonl": "JSON lines",
    "tsv": "a table separated by tabs",
    "csv": "a table",
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
    "csv": "let its name end in .csv",
    "tsv": "let its name end in .tsv",
    "decoder": "cut the ids and scores off: cut -f3- FILE > NEW",
    "numbered": "cut the numbers off",
}
"""Format -> what to do; for any other, its texts must be taken out."""


def check_format(path: Path, ending: str) -> str:
    """The separator of a table, as `mtnlg score` recognizes it. Raises DataError for a file that is
    not what its ending says, judged by its first 64 KiB.
    """
    usual = "\t" if ending == "tsv" else ","
    if ending not in EXPECTED:
        return usual
    try:
        with open_bytes(path) as stream:
            head = stream.read(HEAD_BYTES)
    except (EOFError, OSError, zlib.error):
        return usual  # reading it names the line
    shape = recognize(head, path.name)
    if shape.format == "text" and shape.what:
        logger.warning(f"{path}: is {shape.what}")
    is_markup = ending == "txt" and shape.what.startswith(("XML", "HTML"))
    if shape.format not in ALLOWED[ending] and not is_markup:
        remedy = shape.remedy or REMEDIES.get(str(shape.format), "write its texts one a line")
        is_encoded = "UTF-" in shape.what
        what = f"1: not UTF-8 but {shape.what}" if is_encoded else f" is {shape.what or 'text'}"
        raise DataError(f"{path}:{what}, not {EXPECTED[ending]}; {remedy}")
    return shape.separator or usual
