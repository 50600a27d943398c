"""The file formats: what is written comes back, what is broken is an error with file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtnlg.errors import ArtifactError, DataError
from mtnlg.records.files import read_json, write_json, write_jsonl, write_text
from mtnlg.records.rows import Prediction, Row, read_predictions, read_rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Any text that UTF-8 can hold, with U+2028, control characters and line ends."""


@given(source=TEXTS, references=st.lists(TEXTS, max_size=3))
def test_any_text_comes_back_from_a_row(
    tmp_path_factory: pytest.TempPathFactory, source: str, references: list[str]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    row = Row("a-1", source, tuple(references))

    write_jsonl(path, [row.to_json()])

    assert list(read_rows(path)) == [row]


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_line_of_a_row_is_that_of_json(id: str, source: str, references: list[str]) -> None:
    """Oracle: json of the standard library."""
    row = Row(id, source, tuple(references))
    fields = {"id": id, "source": source, "references": references}

    assert row.to_line() == json.dumps(fields, ensure_ascii=False) + "\n"


def test_predictions_come_back(tmp_path: Path) -> None:
    rows = [
        Prediction("1", "猫", ("a cat", "the cat"), "cats", ("train_source",)),
        Prediction("2", "dog", ("Hund",), ""),
    ]

    count = write_jsonl(tmp_path / "predictions.jsonl", (row.to_json() for row in rows))

    assert count == 2
    assert read_predictions(tmp_path / "predictions.jsonl") == rows


def test_predictions_of_others_need_no_tags(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "1", "source": "s", "references": ["r"], "prediction": "p"}\n')

    assert read_predictions(path) == [Prediction("1", "s", ("r",), "p", ())]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"id": "1", "source": "s", "references": ["r"]}', "missing required field `prediction`"),
        (
            '{"id": "1", "source": "s", "references": "r", "prediction": "p"}',
            r"Expected `array`, got `str` - at `\$\.references`",
        ),
        (
            '{"id": "1", "source": "s", "references": [3], "prediction": "p"}',
            r"Expected `str`, got `int` - at `\$\.references\[0\]`",
        ),
        (
            '{"id": "1", "source": null, "references": [], "prediction": "p"}',
            r"Expected `str`, got `null` - at `\$\.source`",
        ),
        ('{"id": "1", "source": "s"', "not valid JSON"),
        ('["a"]', "expected a JSON object, found list"),
        ('{"id": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_broken_line_is_an_error_with_file_and_line(tmp_path: Path, line: str, fault: str) -> None:
    path = tmp_path / "p.jsonl"
    good = '{"id": "1", "source": "s", "references": ["r"], "prediction": "p"}'
    path.write_text(f"{good}\n\n{line}\n", encoding="utf-8")

    with pytest.raises(DataError, match=rf"p\.jsonl:3: .*{fault}"):
        read_predictions(path)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(
        b'{"id": "b", "source": "", "references": []}\n'
        b'{"id": "\xff", "source": "", "references": []}\n'
    )

    with pytest.raises(DataError, match=r"p\.jsonl:2: not UTF-8 \(byte 9 is 0xff\)"):
        list(read_rows(path))


def test_compressed_file_with_a_byte_order_mark_and_windows_line_ends_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "p.jsonl.gz"
    lines = [f'{{"id": "{name}", "source": "", "references": []}}\r\n' for name in ("猫", "b")]
    path.write_bytes(gzip.compress(f"\ufeff{''.join(lines)}".encode()))

    assert list(read_rows(path)) == [Row("猫", "", ()), Row("b", "", ())]


@pytest.mark.parametrize(("name", "fault"), [("no.jsonl", "no such file"), (".", "cannot be read")])
def test_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        list(read_rows(tmp_path / name))


def test_document_begins_with_its_version(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "x.json", {"name": "猫"})

    assert (tmp_path / "new" / "x.json").read_text().startswith('{\n "schema_version": 1')
    assert read_json(tmp_path / "new" / "x.json") == {"schema_version": 1, "name": "猫"}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('{"schema_version": 2}', "schema_version 2 is newer than 1; update mtnlg"),
        ('{"schema_version": "x"}', "schema_version 'x' is newer"),
        ("[]", "expected a JSON object, found list"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_broken_document_is_an_error_with_its_path(tmp_path: Path, body: str, fault: str) -> None:
    (tmp_path / "x.json").write_text(body)

    with pytest.raises(ArtifactError, match=rf"x\.json: {fault}"):
        read_json(tmp_path / "x.json")


def test_document_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path, fault in ((tmp_path / "x.json", "no such file"), (tmp_path, "cannot be read")):
        with pytest.raises(ArtifactError, match=fault):
            read_json(path)


def test_no_file_ever_holds_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_jsonl(tmp_path / "x.jsonl", [{"value": float("inf")}])

    assert not (tmp_path / "x.json").exists()


def test_failed_write_keeps_the_old_text_and_leaves_no_other_file(tmp_path: Path) -> None:
    write_text(tmp_path / "x.txt", "old")

    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "x.txt", "a lone surrogate: \ud800")

    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]
    assert (tmp_path / "x.txt").read_text() == "old"


@pytest.mark.parametrize("change", [("8", "9"), ("ä", "a"), ("schema_version", "schema_versiom")])
def test_sealed_document_shows_that_it_was_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str]
) -> None:
    """Oracle: a value or key replaced by hand in valid JSON."""
    path = tmp_path / "x.json"
    write_json(path, {"size": 8, "text": "ä", "share": 0.25}, is_sealed=True)
    assert read_json(path, is_sealed=True)["size"] == 8

    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")

    with pytest.raises(ArtifactError, match=r"x\.json is corrupt: document_sha256"):
        read_json(path, is_sealed=True)
    read_json(path)
    assert f"warning: {path}: was changed after it was written" in capsys.readouterr().err


def test_document_without_a_seal_is_read_unless_it_must_have_one(tmp_path: Path) -> None:
    """Oracle: the document that was written."""
    write_json(tmp_path / "x.json", {"size": 8})

    assert read_json(tmp_path / "x.json")["size"] == 8
    with pytest.raises(ArtifactError, match="document_sha256 is None"):
        read_json(tmp_path / "x.json", is_sealed=True)
