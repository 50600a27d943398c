"""Texts in the formats that test sets and decoders come in: SGML, WMT's XML, logs, n-best lists."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from mtnlg.errors import DataError
from mtnlg.records.files import decode_line
from mtnlg.records.recognition import DECODER_LINE, FAIRSEQ, NUMBER, NUMBERED
from mtnlg.records.request import Example, Examples, Lines, Request

SETS = {"hypothesis": "tstset", "reference": "refset", "source": "srcset"}
"""Kind of text -> the element of SGML that holds it."""
SET = re.compile(r"<(srcset|refset|tstset)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
SEGMENT = re.compile(r"<seg\b[^>]*>(.*?)</seg>", re.DOTALL | re.IGNORECASE)
LETTERS = {"hypothesis": "DH", "reference": "T", "source": "S"}
"""Kind of text -> what its lines of a fairseq log begin with: detokenized outputs first."""


def sgml_examples(lines: Lines, request: Request) -> Examples:
    """The segments of SGML or of NIST's and IWSLT's XML as sacreBLEU reads them, entities as they
    stand; of several sets, those of the asked kind, which for references can be several.
    """
    text = "".join(_texts(lines, request))
    sets = [(match[1].lower(), match.group()) for match in SET.finditer(text)]
    wanted = [body for name, body in sets if name == SETS[request.role]]
    is_other = {name == "srcset" for name, _ in sets} != {request.role == "source"}
    if not wanted and sets and (len(sets) > 1 or is_other):
        names = ", ".join(name for name, _ in sets)
        raise DataError(f"{request.shown}: has {names} and no {SETS[request.role]}; name its file")
    columns = [
        [" ".join(segment.split()) for segment in SEGMENT.findall(body)]
        for body in wanted or [text]
    ]
    if len(set(map(len, columns))) > 1 or (len(columns) > 1 and request.role != "reference"):
        counts = " and ".join(str(len(column)) for column in columns)
        raise DataError(
            f"{request.shown}: has {len(columns)} sets of {counts} segments; give each its own file"
        )
    yield from enumerate(zip(*columns, strict=True), start=1)


def wmt_xml_examples(lines: Lines, request: Request) -> Examples:
    """The segments of WMT's XML since 2021, read by sacreBLEU: all references, or the source, or
    the only system's outputs, or of several that which the field names.
    """
    from sacrebleu.dataset.wmt_xml import WMTXMLDataset

    content = b"".join(raw for _, raw in lines)
    try:
        fields = WMTXMLDataset._unwrap_wmt21_or_later(io.BytesIO(content))  # type: ignore[no-untyped-call]
    except (AssertionError, KeyError, SyntaxError, TypeError, ValueError) as error:
        reason = str(error).partition(":")[0]
        raise DataError(
            f"{request.shown}: sacreBLEU cannot read this XML of WMT ({reason}); take its texts "
            "out by hand"
        ) from None
    known = {"src", "docid", "origlang", "domain"}
    references = [name for name in fields if name == "ref" or name.startswith("ref:")]
    systems = [name for name in fields if name not in (*known, *references)]
    of_role = {"source": ["src"], "reference": references, "hypothesis": systems}
    names = [request.field] if request.field in fields else of_role[request.role]
    if not names or (request.role != "reference" and len(names) > 1):
        have = ", ".join([*references, *systems]) or "no texts"
        raise DataError(f"{request.shown}: has {have}; name one of them by --{request.role}-field")
    rows = zip(*(fields[name] for name in names), strict=True)
    for number, row in enumerate(rows, start=1):
        texts = tuple(" ".join((text or "").split()) for text in row)
        yield number, tuple(filter(None, texts)) or ("",)


def decoder_examples(lines: Lines, request: Request) -> Examples:
    """The texts after an id, a score or both, in the order of the ids. Of fairseq's lines, those of
    the asked kind; of several with one id, the first.
    """
    matches = [(text, DECODER_LINE.fullmatch(text)) for text in _texts(lines, request)]
    rows = [match for _, match in matches if match and (match["id"] or match["score"])]
    letters = {row["letter"] for row in rows} - {None}
    for text, match in matches:
        is_read = match and (match["id"] or match["score"])
        if not is_read and (not letters or FAIRSEQ.match(text)):
            raise DataError(
                f"{request.shown}: {text[:80]!r} has no id or score before one text, as the lines "
                "before it have; repair it, or read the file with --format text"
            )
    if letters:
        is_asked = next((letter for letter in LETTERS[request.role] if letter in letters), None)
        chosen = is_asked or (letters.pop() if len(letters) == 1 else None)
        if chosen is None:
            raise DataError(
                f"{request.shown}: has lines {', '.join(sorted(letters))} and none of "
                f"{LETTERS[request.role]}, as fairseq writes a {request.role}"
            )
        rows = [row for row in rows if row["letter"] == chosen]
    if any(row["id"] is None for row in rows):
        yield from enumerate(((row["text"],) for row in rows), start=1)
        return
    first: dict[int, Example] = {}
    for row in rows:
        if first.setdefault(int(row["id"]), (row["text"],)) != (row["text"],) and not letters:
            raise DataError(f"{request.shown}: the id {row['id']} has several texts; keep one")
    yield from _by_id(first, request)


def nbest_examples(lines: Lines, request: Request) -> Examples:
    """The text with the highest total score of each id, as Moses and Marian write n-best lists."""
    best: dict[int, tuple[float, str]] = {}
    for text in _texts(lines, request):
        parts = text.split(" ||| ")
        if len(parts) < 3 or not parts[0].isdecimal():
            raise DataError(f"{request.shown}: {text[:80]!r} is no line of an n-best list")
        index, total = int(parts[0]), _total(parts[2:], request)
        if index not in best or total > best[index][0]:
            best[index] = (total, parts[1])
    yield from _by_id({index: (text,) for index, (_, text) in best.items()}, request)


def _total(parts: Sequence[str], request: Request) -> float:
    """The total score: the last number of the two parts after the text."""
    for part in (*parts[1:2], parts[0]):
        if re.fullmatch(NUMBER, part.strip()):
            return float(part)
    raise DataError(f"{request.shown}: {' ||| '.join(parts)[:80]!r} has no total score")


def numbered_examples(lines: Lines, request: Request) -> Examples:
    """The texts without the numbers before them."""
    for number, text in enumerate(_texts(lines, request), start=1):
        match = NUMBERED.fullmatch(text)
        if match is None:
            raise DataError(
                f"{request.shown}:{number}: has no number, which the lines before it have; repair "
                "it, or read the numbers as text with --format text"
            )
        yield number, (match["text"],)


def _by_id(examples: dict[int, Example], request: Request) -> Iterator[tuple[int, Example]]:
    """The examples in the order of their ids, which must leave none out."""
    ids: Sequence[int] = sorted(examples)
    gap = next((number for number, index in enumerate(ids, start=ids[0]) if number != index), None)
    if gap is not None and list(examples) != ids:
        raise DataError(
            f"{request.shown}: the id {gap} is missing, and the others are not in order; decode "
            "its text again"
        )
    yield from ((index + 1 - ids[0], examples[index]) for index in ids)


def _texts(lines: Lines, request: Request) -> Iterator[str]:
    """The lines that are not blank."""
    for number, raw in lines:
        if raw.strip():
            yield decode_line(raw, path=request.shown, number=number)
