"""Files that are not plain text are read rightly, or refused by name; honest text stays text.

Oracle: the texts that each test wrote into the file by hand or by the format's own library.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import pickle
import random
import sqlite3
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from sacrebleu.dataset.fake_sgml import FakeSGMLDataset

from mtnlg.errors import DataError
from mtnlg.records.recognition import recognize
from mtnlg.records.request import FORMAT_NAMES, HEAD_BYTES
from mtnlg.records.text_files import FORMATS, TextFile, read_texts

TEXTS = [
    "Der Zug hält, leider, nicht.",
    'Sie sagte: "Komm; bitte!"',
    "Das Haus & der Garten sind alt.",
    "Niemand öffnete die Tür.",
]
SOURCES = ["The train does not stop.", "She said so.", "House and garden.", "Nobody did."]
IDS = [2, 0, 3, 1]


def read(path: Path, content: str | bytes, **options: str) -> TextFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_texts(str(path), **{"field": "prediction", **options})


def texts_of(file: TextFile) -> list[str]:
    return [text for (text,) in file.examples]


def table(separator: str, *, header: Sequence[str] = ("id", "prediction")) -> str:
    """As the csv module writes it."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerows([header, *((str(index), text) for index, text in enumerate(TEXTS))])
    return stream.getvalue()


def lines(texts: Sequence[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


RECORDS = [{"id": index, "prediction": text} for index, text in enumerate(TEXTS)]
FAIRSEQ = lines(
    [
        "2026-01-01 12:00:00 | INFO | fairseq_cli.generate | loading model",
        *(
            f"{letter}-{index}\t{text}"
            for index in IDS
            for letter, text in (
                ("S", SOURCES[index]),
                ("T", f"Ziel {index}"),
                ("H", f"-0.25\t{TEXTS[index]}"),
                ("D", f"-0.25\t{TEXTS[index]}"),
                ("P", "-0.1 -0.4"),
                ("H", "-0.5\tzweitbeste"),
                ("D", "-0.5\tzweitbeste"),
            )
        ),
        "2026-01-01 12:00:09 | INFO | fairseq_cli.generate | Translated 4 sentences",
    ]
)
SEGMENTS = lines([f'<seg id="{index}"> {text} </seg>' for index, text in enumerate(TEXTS, 1)])
SGML = f'<tstset setid="s" srclang="en" trglang="de">\n<doc docid="d">\n{SEGMENTS}</doc>\n</tstset>'
READ = {
    "array.json": json.dumps(RECORDS),
    "array.txt": json.dumps(RECORDS, indent=1),
    "array.jsonl": json.dumps(RECORDS, indent=1),
    "texts.json": json.dumps(TEXTS),
    "texts-over-lines": json.dumps(TEXTS, indent=2, ensure_ascii=False),
    "columns.json": json.dumps({"prediction": TEXTS, "id": [0, 1, 2, 3]}),
    "pandas.json": json.dumps({"prediction": dict(enumerate(TEXTS))}),
    "nested.json": json.dumps({"version": 1, "data": RECORDS}),
    "lines.json": lines([json.dumps(record) for record in RECORDS]),
    "lines.ndjson": lines([json.dumps(record) for record in RECORDS]),
    "lines.txt": lines([json.dumps(record) for record in RECORDS]),
    "pretty-stream.txt": lines([json.dumps(record, indent=2) for record in RECORDS]),
    "comma.csv": table(","),
    "semicolon.csv": table(";"),
    "bar.csv": table("|"),
    "excel.csv": "\ufeffsep=;\n" + table(";"),
    "comma.txt": table(","),
    "semicolon.out": table(";"),
    "tabs.txt": lines(["id\tprediction", *(f"{i}\t{text}" for i, text in enumerate(TEXTS))]),
    "hyp.sgm": SGML,
    "hyp.xml": f'<?xml version="1.0"?>\n<!DOCTYPE mteval SYSTEM "x.dtd">\n<mteval>{SGML}</mteval>',
    "indented.sgml": SGML.replace("<seg", "  <seg"),
    "generate.log": FAIRSEQ,
    "h.txt": lines([f"H-{index}\t-0.41\t{TEXTS[index]}" for index in IDS]),
    "numbered.txt": lines([f"{index}\t{text}" for index, text in enumerate(TEXTS, 1)]),
    "ids.txt": lines([f"{index}\t{TEXTS[index]}" for index in IDS]),
    "scored.txt": lines([f"-1.5e-01\t{text}" for text in TEXTS]),
    "cat-n.txt": lines([f"{index:6}\t{text}" for index, text in enumerate(TEXTS, 1)]),
    "dots.txt": lines([f"{index}. {text}" for index, text in enumerate(TEXTS, 1)]),
    "grep-n.txt": lines([f"{index}:{text}" for index, text in enumerate(TEXTS, 1)]),
    "moses.nbest": lines(
        [
            f"{index} ||| {text} ||| LM0= -3.5 TM0= -1 -2 ||| {score}"
            for index, best in enumerate(TEXTS)
            for text, score in ((best, -1.5), ("zweitbeste", -2.5))
        ]
    ),
    "marian.nbest": lines(
        [
            f"{index} ||| {text} ||| F0= {score} ||| {score}"
            for index, best in enumerate(TEXTS)
            for text, score in (("zweitbeste", -2.5), (best, -1.5))
        ]
    ),
    "old-moses.nbest": lines(
        [f"{i} ||| {text} ||| d: 0 lm: -3 ||| -4.2 ||| 0-0 1-1" for i, text in enumerate(TEXTS)]
    ),
    "three-fields.nbest": lines([f"{i} ||| {text} ||| -4.2" for i, text in enumerate(TEXTS)]),
    "crlf.csv": table(",").replace("\n", "\r\n"),
}
"""Name -> content of files that hold TEXTS."""


@pytest.mark.parametrize("name", READ)
def test_the_texts_of_a_recognized_format_are_read(tmp_path: Path, name: str) -> None:
    file = read(tmp_path / name, READ[name])

    assert texts_of(file) == TEXTS


@pytest.mark.parametrize("name", READ)
def test_packed_files_are_recognized_whatever_their_names_end_in(tmp_path: Path, name: str) -> None:
    packed = gzip.compress(READ[name].encode())

    assert texts_of(read(tmp_path / f"{name}.gz", packed)) == TEXTS
    assert texts_of(read(tmp_path / name, packed)) == TEXTS


def test_sgml_is_read_as_sacrebleu_reads_it(tmp_path: Path) -> None:
    """Oracle: sacreBLEU's FakeSGMLDataset."""
    path, expected = tmp_path / "ref.sgm", tmp_path / "expected.txt"
    content = SGML.replace("tstset", "refset").replace("alt.", "  alt &amp; <b>gut</b>. ")
    path.write_text(content, encoding="utf-8")
    FakeSGMLDataset("x")._convert_format(str(path), str(expected))  # type: ignore[no-untyped-call]

    file = read_texts(str(path), field="references", role="reference")

    assert lines(texts_of(file)) == expected.read_text(encoding="utf-8")


def test_xml_of_wmt_gives_each_kind_of_text(tmp_path: Path) -> None:
    german = ["eins", "zwei", "drei", "vier"]
    segments = [
        lines([f'<seg id="{number}">{text}</seg>' for number, text in enumerate(texts, 1)])
        for texts in (SOURCES, german, SOURCES[::-1])
    ]
    content = (
        '<?xml version="1.0"?>\n<dataset id="x"><doc id="d" origlang="en">'
        f'<src lang="en"><p>{segments[0]}</p></src>'
        f'<ref lang="de" translator="A"><p>{segments[1]}</p></ref>'
        f'<hyp lang="de" system="S"><p>{segments[2]}</p></hyp></doc></dataset>'
    )

    by_role = {
        role: texts_of(read(tmp_path / "wmt.xml", content, role=role))
        for role in ("source", "reference", "hypothesis")
    }

    assert by_role["source"] == SOURCES
    assert by_role["reference"] == german
    assert by_role["hypothesis"] == SOURCES[::-1]


def test_a_fairseq_log_gives_references_and_sources_too(tmp_path: Path) -> None:
    references = read(tmp_path / "log", FAIRSEQ, role="reference")
    sources = read(tmp_path / "log", FAIRSEQ, role="source")

    assert texts_of(references) == [f"Ziel {index}" for index in range(4)]
    assert texts_of(sources) == SOURCES


ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w") as archive:
    archive.writestr("xl/workbook.xml", "<workbook/>")
NUMPY, PARQUET = io.BytesIO(), io.BytesIO()
np.save(NUMPY, np.zeros(3))
pyarrow.parquet.write_table(pyarrow.table({"prediction": TEXTS}), PARQUET)
XML = '<?xml version="1.0"?>\n<{0}><x>Hallo.</x>\n</{0}>\n'
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "a.xlsx": (ZIP.getvalue(), "zip archive"),
    "a.txt": (lzma.compress(b"eins\nzwei\n"), "xz -dc"),
    "b.txt": (bz2.compress(b"eins\nzwei\n"), "bzip2 -dc"),
    "c.txt": (b"\x28\xb5\x2f\xfd\x04\x00", "zstd -dc"),
    "d.npy": (NUMPY.getvalue(), "NumPy"),
    "e.pkl": (pickle.dumps(TEXTS), "pickle"),
    "f.parquet": (PARQUET.getvalue(), "Parquet"),
    "g.pdf": (b"%PDF-1.7\n", "PDF"),
    "h.txt": (lines(TEXTS).encode("utf-16"), "iconv -f UTF-16"),
    "i.txt": (lines(SOURCES).encode("utf-16-le"), "UTF-16"),
    "j.txt": (lines(TEXTS).encode("utf-32"), "UTF-32"),
    "k.tmx": (XML.format("tmx"), "TMX"),
    "l.xlf": (XML.format("xliff"), "XLIFF"),
    "m.txt": ("<html>\n<body>\n<p>Hallo.</p>\n</body>\n</html>\n", "HTML"),
    "n.xml": (XML.format("corpus"), "is XML"),
    "o.srt": ("1\n00:00:01,000 --> 00:00:02,000\nHallo.\n\n2\n00:00:03,000 --> 00:00:04,000\nDu.\n",
              "SubRip"),
    "p.vtt": ("WEBVTT\n\n00:01.000 --> 00:02.000\nHallo.\n", "WebVTT"),
    "q.po": ('#: a.c\nmsgid "Hello"\nmsgstr "Hallo"\n\nmsgid "You"\nmsgstr "Du"\n', "gettext"),
    "r.conllu": (
        "# text = Du\n" + "1\tDu\tdu\tPRON\t_\t_\t0\troot\t_\t_\n" * 3, "CoNLL-U"
    ),
    "s.txt": ("-DOCSTART- O\nDu PRP O\nMaria NNP B-PER\n", "CoNLL"),
    "ss.txt": ("1\tDu\tP\n2\tda\tA\n\n1\tJa\tI\n", "CoNLL"),
    "t.tok": (lines([f"{a} ||| {b}" for a, b in zip(SOURCES, TEXTS, strict=True)]), "|||"),
    "u.log": ("SENT 1: Hello\nPRED 1: Hallo\nPRED SCORE: -0.5\n", "OpenNMT"),
    "v.txt": (lines([f"{a}\t{b}" for a, b in zip(SOURCES, TEXTS, strict=True)]), "-field"),
    "w.tags": ("<url>http://x</url>\n<title>T</title>\n<talkid>1</talkid>\nHallo.\n", "IWSLT"),
    "y.txt": (lines([repr([text]) for text in TEXTS]), "Python"),
    "z.txt": ("Ja.\rNein.\rDoch.\r", "end in CR"),
    "x.md": ("| a | b |\n|---|---|\n| c | d |\n", "Markdown"),
}  # fmt: skip
"""Name -> content of a file that has no reader, and what its refusal names."""


@pytest.mark.parametrize("name", REFUSED)
def test_a_format_without_a_reader_is_refused_by_name_with_the_way_out(
    tmp_path: Path, name: str
) -> None:
    content, named = REFUSED[name]

    with pytest.raises(DataError) as caught:
        read(tmp_path / name, content)

    message = str(caught.value)
    assert named in message
    assert "--format text" in message
    assert "\n" not in message


def test_an_sqlite_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("create table texts (prediction text)")
    connection.commit()
    connection.close()

    with pytest.raises(DataError, match="SQLite"):
        read_texts(str(tmp_path / "a.db"), field="prediction")


HONEST = [
    ["1 Apfel.", "2 Birnen.", "3 Kirschen."],
    ["3. Mai 1999.", "7. Juni.", "Am 8. Juli."],
    ["1. Platz für Maria.", "2. Platz für Paul.", "Kein Platz."],
    ["{name} ist da.", "Nein.", '{"a": 1} ist JSON.'],
    ['{"a": 1}', "Das war JSON.", "Das nicht."],
    ["[Lachen] Ja.", "[Applaus]", "Nein."],
    ['["Hallo", sagte er.', "Nein.", "Doch."],
    ["<unk> kam an.", "Er ging.", "<s> und </s>."],
    ["<s>Ja.</s>", "<s>Nein.</s>", "<s>Doch.</s>"],
    ["<3 ist ein Herz.", "a < b.", "b > a."],
    ["Ja, gerne.", "Nein, danke.", "Gut, bitte."],
    ["id, bitte", "Nein, danke.", "Gut, bitte schön, ja."],
    ["Er sagte; sie auch.", "Sie ging; er blieb."],
    ["0.5 Liter.", "1.5 Liter.", "2.5 Liter."],
    ["H-1 ist ein Visum.", "S-2 auch.", "T-3 nicht."],
    ["- Ja?", "- Nein.", "- Doch."],
    ["| Ja", "Nein |", "Doch"],
    ["10:30 Uhr.", "11:45 Uhr.", "12:00 Uhr."],
    ["2019\tEin Jahr.", "Kein Jahr.", "Noch eins."],
    ['"Komm!"', '"Geh!"', '"Bleib!"'],
    ["PK ist ein Kürzel.", "BZ auch."],
    ["1.\u2028zwei", "drei"],
]


@pytest.mark.parametrize("texts", HONEST, ids=lambda texts: texts[0][:12])
def test_honest_text_that_looks_a_little_like_a_format_stays_text(
    tmp_path: Path, texts: list[str]
) -> None:
    assert texts_of(read(tmp_path / "a.txt", lines(texts))) == texts
    assert texts_of(read(tmp_path / "hyp.de", lines(texts))) == texts


@pytest.mark.parametrize("name", READ)
def test_the_format_text_takes_every_line_as_it_stands(tmp_path: Path, name: str) -> None:
    file = read(tmp_path / name, READ[name], format_name="text")

    expected = READ[name].removeprefix("\ufeff").replace("\r\n", "\n").removesuffix("\n")
    assert texts_of(file) == expected.split("\n")
    assert file.remark == ""


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_a_header_above_a_numbered_column_is_no_example(tmp_path: Path, ending: str) -> None:
    separator = {"tsv": "\t", "csv": ","}[ending]
    content = lines(["id,hyp", "1,ein Haus", "2,zwei Tiere"]).replace(",", separator)

    file = read(tmp_path / f"a.{ending}", content, field="2")
    without = read(tmp_path / f"b.{ending}", content.split("\n", 1)[1], field="2")

    assert texts_of(file) == texts_of(without) == ["ein Haus", "zwei Tiere"]
    assert file.line_numbers == [2, 3]
    assert "whose line 1 names the columns (id, hyp)" in file.remark
    assert without.remark == ""


def test_a_first_line_that_is_the_name_of_a_column_is_named(tmp_path: Path) -> None:
    file = read(tmp_path / "a.txt", lines(["prediction", *TEXTS]))

    assert texts_of(file) == ["prediction", *TEXTS]
    assert "'prediction', like the name of a column" in file.remark


def test_a_quoted_cell_may_hold_lines_and_quotes(tmp_path: Path) -> None:
    """Oracle: the csv module."""
    stream = io.StringIO()
    csv.writer(stream).writerows([["n", "prediction"], ["1", 'a "b"\nc'], ["2", "d, e"]])

    file = read(tmp_path / "a.csv", stream.getvalue())

    assert texts_of(file) == ['a "b"\nc', "d, e"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.log", "H-0\t-0.1\teins\nH-2\t-0.1\tdrei\nH-1\t-0.1\tzwei\nH-4\t-0.1\tv\n", "id 3 is"),
        ("a.txt", "5\teins\n5\tzwei\n", "the id 5 has several texts"),
        ("a.csv", 'id,prediction\n1,"ohne Ende\n', "not valid CSV"),
        ("a.json", '[{"prediction": "a"}, {"text": "b"}]', "item 2: has no field 'prediction'"),
        ("a.json", '{"prediction": "a",', "not valid JSON"),
        ("a.sgm", SGML.replace("tstset", "srcset"), "has srcset and no tstset"),
    ],
)
def test_a_broken_file_of_a_format_is_named(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        read(tmp_path / name, content)


def test_lines_that_break_a_pattern_after_the_head_are_an_error(tmp_path: Path) -> None:
    content = lines([f"{number}\tein Satz" for number in range(20_000)])

    with pytest.raises(DataError, match="'und Schluss' has no id"):
        read(tmp_path / "a.txt", f"{content}und Schluss\n")


def test_only_the_head_is_read_to_recognize_a_file(tmp_path: Path) -> None:
    """Oracle: a stream that counts what is taken of it before its first line is used."""
    taken: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            taken.append(-1 if size is None else size)
            return super().read(size)

    import mtnlg.records.text_files as text_files

    stream = Counting(lines(TEXTS * 5_000).encode())
    original = text_files.open_bytes
    text_files.open_bytes = lambda path: stream
    try:
        shape, _ = text_files._opened("a.txt", "prediction", None)
    finally:
        text_files.open_bytes = original

    assert shape.format == "text"
    assert taken == [HEAD_BYTES]
    assert stream.tell() == HEAD_BYTES


def test_random_bytes_never_break_the_recognizer() -> None:
    """Oracle: none is an exception other than a DataError."""
    random.seed(7)
    pieces = [b"{", b"[", b'"a"', b":", b",", b"\n", b"<a>", b"1\t", b"\xff", b"\0", b"x ", b"||| "]
    for _ in range(2_000):
        head = b"".join(random.choices(pieces, k=random.randint(0, 30)))
        for name in ("a.txt", "a.json", "a.csv", "a.jsonl", "a.tsv"):
            recognize(head, name, field=random.choice(["prediction", "2"]))


def test_formats_of_the_command_line_are_those_with_a_reader() -> None:
    assert tuple(FORMATS) == FORMAT_NAMES
