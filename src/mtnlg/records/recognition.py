"""What a file of texts is, by its first 64 KiB and the ending of its name.

A format is recognized where all lines agree, or where its first lines can be nothing else: honest
text may begin with a number or a brace now and then.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import warnings
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from mtnlg.records.request import Head, Shape, read_head
from mtnlg.records.table_shapes import COLUMN_NAMES, find_table

MOST = 0.9
"""Of the lines, where a few may be broken."""
LEAST_NUMBERED = 3
"""Fewer lines can begin with 1, 2, ... by chance."""


UNPACK = "unpack it first: {} -dc FILE > NEW"
EXPORT = "export its texts, one a line or as JSON lines"
MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\xff\xfe\0\0", "UTF-32 text", "iconv -f UTF-32 -t UTF-8 FILE > NEW"),
    (b"\0\0\xfe\xff", "UTF-32 text", "iconv -f UTF-32 -t UTF-8 FILE > NEW"),
    (b"\xff\xfe", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"\xfe\xff", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (b"\x1f\x8b", "packed by gzip", UNPACK.format("gzip")),
    (b"\xfd7zXZ\0", "packed by xz", UNPACK.format("xz")),
    (b"BZh91AY&SY", "packed by bzip2", UNPACK.format("bzip2")),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", UNPACK.format("zstd")),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first: 7z x FILE"),
    (b"PK\x03\x04", "a zip archive, as .xlsx, .docx and .npz are", "save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Office file, as .xls and .doc are", "save the sheet as CSV"),
    (b"PAR1", "Parquet", EXPORT),
    (b"ARROW1", "Arrow", EXPORT),
    (b"FEA1", "Feather", EXPORT),
    (b"\xff\xff\xff\xff", "an Arrow stream", EXPORT),
    (b"\x93NUMPY", "a NumPy array", EXPORT),
    *((bytes((0x80, version)), "a pickle of Python", EXPORT) for version in (2, 3, 4, 5)),
    (b"\x89HDF", "HDF5", EXPORT),
    (b"SQLite format 3", "an SQLite database", EXPORT),
    (b"Obj\x01", "Avro", EXPORT),
    (b"%PDF-", "PDF", "export its texts: pdftotext FILE NEW"),
    (b"{\\rtf", "rich text (RTF)", "save it as plain text"),
)
"""First bytes of a file, what it is, and what to do."""
NUL_SHARE = 0.2
"""More zero bytes than this are no text with a damaged character."""

ROOTS = {
    **dict.fromkeys(("refset", "tstset", "srcset", "mteval"), "sgml"),
    "tmx": "TMX, a translation memory",
    "xliff": "XLIFF",
    "html": "HTML",
    "tt": "TTML subtitles",
}
"""Root element -> its reader, or its name in words."""
IWSLT_TAGS = re.compile(r"<(?:url|keywords|speaker|talkid|title|description|translator)\b.*</\w+>")
PROLOG = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^>\[]|\[.*?\])*>)", re.DOTALL | re.I)
ONE_A_LINE = "write its texts into a file, one a line"

UNREADABLE: tuple[tuple[str, str, float, str], ...] = (
    ("SubRip subtitles", r"\d\d:\d\d:\d\d[,.]\d{3} --> ", 0.15, ONE_A_LINE),
    ("WebVTT subtitles", r"WEBVTT\b|(?:\d\d:)?\d\d:\d\d\.\d{3} --> ", 0.15, ONE_A_LINE),
    ("SubStation subtitles", r"\[Script Info\]|Dialogue: ?\d+,", 0.5, ONE_A_LINE),
    ("a gettext catalog (.po)", r'msg(?:id|str)(?:\[\d\])? "', 0.3, "po2csv FILE NEW.csv"),
    (
        "CoNLL-U",
        r"\d+(?:[-.]\d+)?(?:\t[^\t]+){9}$",
        0.5,
        "grep '^# text = ' FILE | cut -c10- > NEW",
    ),
    (
        "CoNLL",
        r"-DOCSTART-|\S+(?:[ \t]\S+)* (?:O|[BI]-\w+)$",
        1.0,
        "join its tokens, a text a line",
    ),
    (
        "a log of OpenNMT",
        r"(?:\[.*\] *)?(?:SENT|PRED) \d+: ",
        0.2,
        "sed -n 's/^PRED [0-9]*: //p' FILE > NEW",
    ),
    (
        "a log of Marian",
        r"\[[\d: -]+\] Best translation \d+ : ",
        0.2,
        "sed -n 's/.*Best translation [0-9]* : //p' FILE > NEW",
    ),
    ("a table of Markdown", r"\|.*\|\s*$", 1.0, "save it as CSV"),
    ("a table separated by |||", r"[^|]+ \|\|\| [^|]+$", 1.0, r"sed 's/ ||| /\t/g' FILE > NEW.tsv"),
)
"""Name, what its lines begin with, the least share of such lines, what to do."""

PYTHON_LINE = re.compile(r"[\[({]\s*[\[({'\"]")
FAIRSEQ = re.compile(r"[STHDP]-\d+\t")
NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
NBEST = re.compile(rf"\d+ \|\|\| .* \|\|\| (?:.* \|\|\| )?{NUMBER}(?: \|\|\| .*)?")
DECODER_LINE = re.compile(
    r"(?:(?P<letter>[A-Za-z]+)-)?(?:(?P<id>\d+)\t)?(?:(?P<score>-?\d+\.\d+(?:e-?\d+)?)\t)?"
    r"(?P<text>[^\t]*)"
)
"""An id, a score or both before a text, with tabs between them."""
QUOTED_CELL = re.compile(r'^"(?:[^"]|"")*",|,"(?:[^"]|"")*"$')
NUMBERED = re.compile(
    r"\s*[\[(]?(?P<number>\d+)(?:\] ?|[,;] ?|[.)] |:(?!\d) ?| \|\|\| |\t)(?P<text>.*)"
)

JSON_ENDINGS = {"json": "json", "jsonl": "jsonl", "ndjson": "jsonl"}


def recognize(head: bytes, name: str, *, field: str = "") -> Shape:
    """What the file is whose first HEAD_BYTES these are."""
    for magic, what, remedy in MAGIC:
        if head.startswith(magic):
            return Shape(format=None, what=what, remedy=remedy)
    if head[257:262] == b"ustar":
        return Shape(format=None, what="a tar archive", remedy="unpack it first: tar xf FILE")
    if head.count(0) > NUL_SHARE * len(head):
        remedy = "iconv -f UTF-16LE -t UTF-8 FILE > NEW, if it is text at all"
        return Shape(format=None, what="binary, or UTF-16 text without its mark", remedy=remedy)
    start = read_head(head, name, field=field)
    checks: Sequence[Callable[[Head], Shape | None]] = (_json, _xml, _python, find_table, _lines)
    usual = Shape(format=JSON_ENDINGS.get(start.ending, "text"))
    return next(filter(None, (check(start) for check in checks)), usual)


def _json(head: Head) -> Shape | None:
    named = Shape(format=JSON_ENDINGS.get(head.ending, "json"))
    is_lines = named.format == "jsonl"
    if not head.text.startswith(("{", "[")):
        return None
    if is_lines and head.text.startswith("{") and not (head.lines or head.is_whole):
        return named  # the first object is longer than the head
    values = [_parsed(line) for line in head.lines]
    first = values[0] if values else None
    lines = Shape(format="jsonl", what="" if is_lines else "JSON lines")
    if isinstance(first, dict):
        num_objects = sum(isinstance(value, dict) for value in values)
        if not is_lines and len(values) == 1 and head.ending == "json":
            return named
        return lines if is_lines or num_objects >= MOST * len(values) else None
    if _is_texts(first) and (is_lines or (len(values) > 1 and all(map(_is_texts, values)))):
        return lines
    if _begins_document(head):
        what = "one JSON array" if head.text.startswith("[") else "JSON over several lines"
        return Shape(format="json", what=what)
    return named if is_lines or head.ending == "json" else None


def _python(head: Head) -> Shape | None:
    """Lists or the like as Python prints them, and lines of old Macs."""
    if "\r" in head.text.rstrip("\r") and "\n" not in head.text:
        remedy = "tr '\\r' '\\n' < FILE > NEW"
        return Shape(format=None, what="text whose lines end in CR, as on old Macs", remedy=remedy)
    if not head.lines or not all(map(PYTHON_LINE.match, head.lines)):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            values = [ast.literal_eval(line) for line in head.lines]
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not all(isinstance(value, list | dict | tuple) and value for value in values):
        return None
    remedy = "write it with json.dumps, which --format jsonl reads"
    return Shape(format=None, what="written as Python prints lists", remedy=remedy)


def parse_stream(text: str) -> list[object]:
    """The JSON values of a text, one after another; raises ValueError where it has others."""
    decoder, values, position = json.JSONDecoder(), [], 0
    while (position := _next_position(text, position)) < len(text):
        value, position = decoder.raw_decode(text, position)
        values.append(value)
    return values


def _next_position(text: str, position: int) -> int:
    """The position of the next character that is not white space."""
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _begins_document(head: Head) -> bool:
    """Whether a text is an array of objects or texts or an object, or the beginning of one."""
    if not re.match(r'\[\s*[{"]|\{\s*"[^"\n]{1,100}"\s*:\s*["\[{\dntf-]', head.text):
        return False
    if not head.is_whole:
        return head.text.startswith("{") or _begins_array(head.text)
    try:
        return bool(parse_stream(head.text))
    except (ValueError, RecursionError):
        return False


def _begins_array(text: str) -> bool:
    start = _next_position(text, 1)
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return text[start] == "{"
    return text[_next_position(text, end) :][:1] in (",", "]")


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _xml(head: Head) -> Shape | None:
    if not head.text.startswith("<"):
        return None
    if sum(IWSLT_TAGS.match(line) is not None for line in head.lines) >= LEAST_NUMBERED:
        remedy = "remove the lines that begin with <: grep -v '^<' FILE > NEW"
        return Shape(format=None, what="IWSLT's training text with tags", remedy=remedy)
    body = head.text
    while prolog := PROLOG.match(body):
        body = body[prolog.end() :]
    root = re.match(r"\s*<([A-Za-z][\w:.-]*)", body)
    name = root[1].lower() if root else ""
    known = ROOTS.get(name)
    if known == "sgml" or (name == "doc" and "<seg " in body):
        return Shape(format="sgml", what="SGML or XML of NIST, WMT or IWSLT")
    if name == "dataset" and re.search(r"<(?:src|ref|hyp)\b", body):
        return Shape(format="wmt-xml", what="XML of WMT")
    is_declared = body is not head.text and name != ""
    if known is None and not (is_declared or (root and _is_well_formed(head))):
        return None
    what = known or ("XML" if is_declared else f"XML (<{name}>)")
    return Shape(format=None, what=what, remedy=ONE_A_LINE)


def _is_well_formed(head: Head) -> bool:
    """Whether the text is one XML element, or begins like one over many lines."""
    parser: ElementTree.XMLPullParser[ElementTree.Element] = ElementTree.XMLPullParser()
    try:
        parser.feed(head.text)
        if head.is_whole:
            parser.close()
    except ElementTree.ParseError:
        return False
    num_tags = sum(line.lstrip().startswith("<") for line in head.lines)
    return len(head.lines) > 1 and num_tags >= len(head.lines) / 2


def _is_numbered(lines: Sequence[str], first: int) -> bool:
    """Whether each line begins with its number, counted from `first`."""
    matches = map(NUMBERED.fullmatch, lines)
    return all(
        match is not None and int(match["number"]) == number
        for number, match in enumerate(matches, start=first)
    )


def _is_csv(lines: Sequence[str]) -> bool:
    """Whether lines are rows of a table: of one width, with quoted cells after numbers or nearly
    everywhere.
    """
    if len(lines) < LEAST_NUMBERED or not re.match(r'\d+,|"', lines[0]):
        return False
    try:
        rows = [*csv.reader(lines, strict=True)]
    except csv.Error:
        return False
    num_quoted = sum(QUOTED_CELL.search(line) is not None for line in lines)
    is_numbered = num_quoted > 0 and all(row[0].isdecimal() for row in rows)
    is_table = len(rows) == len(lines) and len(set(map(len, rows))) == 1 and len(rows[0]) > 1
    return is_table and (is_numbered or num_quoted >= MOST * len(lines))


def _lines(head: Head) -> Shape | None:
    """Logs of decoders, subtitles and the like."""
    lines = head.lines
    count = len(lines)
    if not count or head.ending in ("tsv", "csv"):
        return None
    if 0.3 * count <= sum(FAIRSEQ.match(line) is not None for line in lines):
        return Shape(format="decoder", what="lines of fairseq, by their ids")
    if all(map(NBEST.match, lines)):
        return Shape(format="nbest", what="an n-best list, of which the best texts are taken")
    for what, pattern, share, remedy in UNREADABLE:
        begins = re.compile(pattern).match
        if share == 1.0 and not begins(lines[0]):
            continue
        matches = sum(begins(line) is not None for line in lines)
        if matches and matches >= share * count:
            return Shape(format=None, what=what, remedy=remedy)
    decoded = map(DECODER_LINE.fullmatch, lines)
    if all(match and (match["id"] or match["score"]) for match in decoded):
        return Shape(format="decoder", what="lines with an id or a score before each text")
    widths = {line.count("\t") + 1 for line in lines}
    if _is_csv(lines):
        remedy = "let its name end in .csv, and number the column by the option that ends in -field"
        what = "a table without names, separated by commas"
        return Shape(format=None, what=what, remedy=remedy)
    if (
        count >= LEAST_NUMBERED
        and min(widths) <= 2
        and (_is_numbered(lines, 0) or _is_numbered(lines, 1))
    ):
        return Shape(format="numbered", what="numbered lines")
    first_cells = [line.split("\t", 1)[0] for line in lines]
    if max(widths) > 2 and all(map(str.isdecimal, first_cells)) and first_cells.count("1") > 1:
        return Shape(format=None, what="CoNLL", remedy="join its tokens, a text a line")
    if count > 1 and len(widths) == 1 and max(widths) > 1:
        cells = max(widths)
        remedy = f"give the number of the column, from 1 to {cells}, by the option that ends in "
        what = f"a table of {cells} columns without names, separated by tabs"
        return Shape(format=None, what=what, remedy=f"{remedy}-field")
    if lines[0].strip().lower() in COLUMN_NAMES - {"no", "line"} and count > 1:
        what = f"text whose first line is {lines[0].strip()!r}, like the name of a column"
        return Shape(format="text", what=what)
    if head.field.isdecimal() and int(head.field) > 1:
        return Shape(format="text", what=f"plain text, which has no column {head.field}")
    return None
