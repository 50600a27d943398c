"""Training files that are not what their endings say are refused with their format and the remedy.

Oracle: the format that each test wrote, and messages written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mtnlg.config import TaskConfig, TaskKind
from mtnlg.corpus.sources.file_checks import LINES, check_format
from mtnlg.corpus.sources.formats import parallel_records, read_file
from mtnlg.corpus.sources.readers import Quarantine, Record
from mtnlg.errors import DataError
from mtnlg.records.text_files import read_texts

TASK = TaskConfig(
    kind=TaskKind.translation, reader="parallel_text", source_language="en", target_language="zh"
)
ARRAY = '[\n {"en": "One.", "zh": "一。"},\n {"en": "Two.", "zh": "二。"}\n]\n'
OBJECTS = '{"en": "One.", "zh": "一。"}\n{"en": "Two.", "zh": "二。"}\n'
TMX = '<?xml version="1.0"?>\n<tmx version="1.4">\n<body/>\n</tmx>\n'
LOG = "S-1\tOne.\nH-1\t-0.2\tEins.\nS-0\tTwo.\nH-0\t-0.2\tZwei.\n"
CASES = [
    ("train.jsonl", ARRAY, "is one JSON array, not JSON lines; .*jq"),
    ("train.jsonl", TMX, "is TMX"),
    ("train.csv", OBJECTS, "is JSON lines, not a table"),
    (
        "train.csv",
        "en,zh,,\nOne.,一。,,\n",
        "columns 3 and 4 have no name; all cells below are empty",
    ),
    ("train.csv", "en,zh,\nOne.,一。,note\n", "column 3 has no name; put the names there"),
    ("train.tsv", "en,zh\nOne.,一。\n", "names one column, 'en,zh'.*separated by ','"),
    ("train.csv", "en^zh\nOne.^一。\n", "names one column, 'en.zh'.*separated by '.'; save"),
    ("train.tsv", ARRAY, "is one JSON array"),
    ("train.txt", OBJECTS, "is JSON lines, not paragraphs"),
    ("train.txt", TMX, "is TMX"),
    ("train.en", ARRAY, "is one JSON array"),
    ("train.en", OBJECTS, "end in .jsonl"),
    ("train.en", TMX, "is TMX"),
    ("train.en", LOG, "lines of fairseq"),
    ("train.en", "1\tOne.\n2\tTwo.\n3\tThree.\n", "lines with an id"),
    ("train.en", "<url>x</url>\n<title>y</title>\n<talkid>1</talkid>\nOne.\n", "IWSLT"),
    ("train.en", "source,target\nOne.,Eins.\n", "separated by commas"),
]


def records(path: Path) -> Iterator[Record]:
    """Those of a split's file, or of one of two parallel files."""
    if path.suffix == ".en":
        return parallel_records([path, path], "train", TASK, Quarantine())
    return read_file(path, "train", Quarantine(1.0))


@pytest.mark.parametrize(
    ("separator", "head"),
    [(",", ""), (";", "\ufeff"), (";", "sep=;\n"), ("|", ""), ("|", "sep=|\n"), ("\t", "")],
)
def test_table_of_any_separator_is_read_as_score_reads_it(
    tmp_path: Path, separator: str, head: str
) -> None:
    """Oracle: the cells by hand, and the reader of `mtnlg score`."""
    cells = [["en", "zh"], ["One; two, three.", "一；二。"], ["Four | five.", "四。"]]
    quote = "" if separator == "\t" else '"'
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in cells]
    path = tmp_path / "train.csv"
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")

    read = [record.fields for record in records(path)]

    assert read == [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]
    for name in cells[0]:
        texts = read_texts(str(path), field=name).examples
        assert [(record[name],) for record in read] == texts


@pytest.mark.parametrize(("name", "content", "complaint"), CASES)
def test_a_file_of_another_format_is_refused(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    with pytest.raises(DataError, match=complaint):
        list(records(path))


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("txt", "<html>\n<body>\n<p>One.</p>\n</body>\n</html>\n"),
        ("txt", "One, two.\n\nThree, four.\n"),
        (LINES, "1 apple.\n2 pears.\n3 plums.\n"),
        (LINES, "{x} is here.\n[Applause] Yes.\n"),
        ("jsonl", '{"text": "' + "word " * 20_000 + '"}\n'),
    ],
)
def test_honest_files_pass(tmp_path: Path, ending: str, content: str) -> None:
    path = tmp_path / f"train.{ending}"
    path.write_text(content, encoding="utf-8")

    check_format(path, ending)
