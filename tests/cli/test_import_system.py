"""`mtnlg import`: a row like the others, that stays, and claims that must hold.

Oracle unless a test names another: the board before the import, sacreBLEU's value of the same
texts, and messages written by hand.
"""

from __future__ import annotations

import gzip
import io
import json
import sys

import pytest
from sacrebleu.metrics.bleu import BLEU

from made_board import OUTPUTS, REFERENCES, TASK, MadeBoard
from mtnlg.report.publish import Publication, check_published, publish
from read_report import record_texts

THEIRS = [REFERENCES[0], "小镇下雨。", *REFERENCES[2:]]
SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version:2.4.0"


def lines(texts: list[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def bleu() -> float:
    return float(BLEU(tokenize="zh").corpus_score(THEIRS, [REFERENCES]).score)


def error_of(capsys: pytest.CaptureFixture[str], status: int) -> str:
    """The one line of a command that must have failed with status 2."""
    assert status == 2
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error: ")]
    return line


def test_imported_system_is_ranked_and_tested_with_sacrebleus_number(board: MadeBoard) -> None:
    """Oracle: sacreBLEU."""
    assert board.run(board.write("out.txt", lines(THEIRS))) == 0

    row = board.rows()["NMT-X"]
    assert row.kind == "external"
    assert row.metrics["bleu"].value == pytest.approx(bleu(), abs=1e-9)
    assert row.metrics["bleu"].interval == board.rows()["nano"].metrics["bleu"].interval
    assert row.rank == 1
    assert row.cld["bleu"]
    page = (board.roots["reports"] / "tiny" / "leaderboard.md").read_text("utf-8")
    assert "| NMT-X | external |" in page


def test_imported_system_is_on_the_clean_board_with_contamination_unknown(board: MadeBoard) -> None:
    assert board.run(board.write("out.txt", lines(THEIRS)), "--url", "https://x.org") == 0

    assert board.rows("clean")["NMT-X"].metrics["bleu"].num_examples == 4
    row = board.rows()["NMT-X"]
    assert (row.contamination.checked, row.contamination.flagged) == (None, None)
    assert row.contamination.rule == "not checked: training data unknown"
    assert row.reason == "contamination not checked: training data unknown; https://x.org"


def test_import_survives_a_new_launch_and_is_replaced_by_a_new_import(board: MadeBoard) -> None:
    assert board.run(board.write("out.txt", lines(OUTPUTS))) == 0
    assert board.run(board.write("out.txt", lines(OUTPUTS)), system="other") == 0

    board.make(REFERENCES)
    assert {"nano", "NMT-X", "other"} == set(board.rows())

    assert board.run(board.write("out.txt", lines(THEIRS))) == 0
    assert [one["system"] for one in board.imports()] == ["NMT-X", "other"]
    assert board.rows()["NMT-X"].metrics["bleu"].value == pytest.approx(bleu(), abs=1e-9)


@pytest.mark.parametrize("ending", ["txt.gz", "jsonl", "tsv", "-"])
def test_every_form_of_file_gives_the_same_entry(
    board: MadeBoard, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert board.run(board.write("out.txt", lines(THEIRS))) == 0
    (expected,) = board.imports()
    records = [
        {"id": f"row-{place}", "references": [f" {reference}"], "prediction": text}
        for place, (reference, text) in enumerate(zip(REFERENCES, THEIRS, strict=True))
    ]
    content = {
        "jsonl": lines([json.dumps(record) for record in records]),
        "tsv": lines(["id\tprediction", *(f"{one['id']}\t{one['prediction']}" for one in records)]),
    }.get(ending, lines(THEIRS))
    path = board.root / f"again.{ending}"
    path.write_bytes(gzip.compress(content.encode()) if "gz" in ending else content.encode())
    standard_input = io.TextIOWrapper(io.BytesIO(content.encode()))
    monkeypatch.setattr(sys, "stdin", standard_input)

    assert board.run("-" if ending == "-" else path) == 0

    assert board.imports() == [expected]


def test_how_a_file_was_read_is_kept_as_the_rows_note(board: MadeBoard) -> None:
    """Oracle: the same outputs, as lines of another ending than theirs."""
    quoted = [f'"{text}";x' for text in THEIRS]
    table = board.write("out.csv", lines(["prediction;other", *quoted]))

    assert board.run(table, "--note", "by hand") == 0

    words = "out.csv was read as a table separated by semicolons"
    (entry,) = board.imports()
    assert entry["note"] == f"by hand; {words}"
    row = board.rows()["NMT-X"]
    assert row.reason == f"contamination not checked: training data unknown; by hand; {words}"
    assert row.metrics["bleu"].value == pytest.approx(bleu(), abs=1e-9)


def test_published_numbers_and_signature_that_hold_are_kept(board: MadeBoard) -> None:
    path = board.write("out.txt", lines(THEIRS))
    words = ("--published", f"bleu={bleu():.1f}", "--signature", SIGNATURE)

    assert board.run(path, *words) == 0

    (entry,) = board.imports()
    assert entry["published"] == [f"bleu={bleu():.1f}"]
    assert entry["signatures"] == [SIGNATURE]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--published", "bleu=12.3"], ["bleu=12.3", f"{bleu():.4f}", "tok:zh", "mtnlg doctor"]),
        (["--published", f"bleu={bleu() / 100:.3f}"], ["scale of 0 to 1"]),
        (["--published", f"bleu={bleu() + 0.006:.2f}"], ["these outputs have"]),
        (["--published", "bleu"], ["such as bleu=25.3"]),
        (["--published", "blue=3"], ["did you mean 'bleu'"]),
        (
            ["--signature", SIGNATURE.replace("tok:zh", "tok:13a")],
            ["tok:13a against tok:zh", "other tokens", "mtnlg doctor"],
        ),
        (["--signature", "BLEU+case.lc+numrefs.1+tok.zh+version.1.4.0"], ["case:lc against"]),
        (["--signature", "chrF2|#:1|c:mixed|e:yes|nc:6|nw:2|v:2.0"], ["chrf", "nw:2 against nw:0"]),
        (["--signature", "chrF2"], ["no part of a signature"]),
        (["--task", "translation/other"], ["known: translation/tiny_en_zh"]),
        (["--test-set", "valid"], ["known: test"]),
        (["--system", "a\nb"], ["one line"]),
    ],
)
def test_claim_that_does_not_hold_leaves_no_trace(
    board: MadeBoard, words: list[str], named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = board.write("out.txt", lines(THEIRS))
    before = board.paths()

    message = error_of(capsys, board.run(path, *words))

    assert [word for word in named if word not in message] == []
    assert board.paths() == before


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("a.txt", lines(THEIRS[:4]), ["has 4 examples", "has 5 rows", "predictions.jsonl"]),
        ("a.txt", lines(THEIRS).replace("雨", "\0"), ["a.txt:2", "U+0000"]),
        ("a.txt", "", ["empty"]),
        ("a.jsonl", lines(['{"prediction": "x", "id": "row-1"}'] * 5), ["a.jsonl:1", "'row-0'"]),
        ("a.jsonl", lines(['{"prediction": "x", "references": "y"}'] * 5), ["a.jsonl:1", "'y'"]),
        ("a.jsonl", lines(['{"prediction": ["x", "y"]}'] * 5), ["a.jsonl:1", "2 texts"]),
        ("a.jsonl", lines(['{"text": "x"}'] * 5), ["'prediction'", "'text'"]),
    ],
)
def test_file_that_does_not_fit_is_named_with_its_line_and_leaves_no_trace(
    board: MadeBoard,
    name: str,
    content: str,
    named: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = board.write(name, content)
    before = board.paths()

    message = error_of(capsys, board.run(path))

    assert [word for word in named if word not in message] == []
    assert board.paths() == before


def test_number_that_others_would_give_is_explained(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: sacreBLEU with its default tokens, which are wrong for Chinese."""
    value = BLEU(lowercase=False, force=True).corpus_score(THEIRS, [REFERENCES]).score
    path = board.write("out.txt", lines(THEIRS))

    message = error_of(capsys, board.run(path, "--published", f"bleu={value:.2f}"))

    assert "it is what these give: bleu, 13a tokens, whatever the language" in message


def test_outputs_with_symptoms_are_imported_with_a_warning(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = board.write("out.txt", lines(["", *THEIRS[1:]]))

    assert board.run(path) == 0

    assert "warning: empty: the output is empty: 1 outputs" in capsys.readouterr().err


def test_ids_in_another_order_are_to_be_sorted(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [{"id": f"row-{place}", "prediction": "x"} for place in reversed(range(5))]

    message = error_of(
        capsys, board.run(board.write("a.jsonl", lines([*map(json.dumps, records)])))
    )

    assert "sort the lines by the ids" in message


def test_experiment_without_launch_is_an_error(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = board.write("out.txt", lines(THEIRS))
    board.experiment = "absent"

    assert board.run(path) == 4
    assert "run the experiment first" in capsys.readouterr().err


def test_published_board_carries_the_imported_system(board: MadeBoard) -> None:
    assert board.run(board.write("out.txt", lines(THEIRS)), "--note", "by <b>us</b>") == 0
    root = board.roots["reports"] / "published"

    paths = publish(
        Publication("tiny", num_samples=2),
        runs_root=board.roots["runs"],
        artifacts_root=board.roots["artifacts"],
        published_root=root,
    )

    assert check_published(root, readme=None) == []
    pages = {path.name: path.read_text("utf-8") for path in paths if path.suffix != ".zip"}
    assert "| NMT-X | external |" in pages["leaderboard.md"]
    assert "<b>us</b>" not in pages["index.html"]
    assert str(board.root) not in "".join([*pages.values(), *record_texts(root / "tiny").values()])


def test_broken_imports_are_an_error_that_names_the_file(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = board.write("out.txt", lines(THEIRS))
    imports = board.roots["runs"] / "tiny" / "imports.json"
    imports.write_text('{"imports": [{"system": "x"}]}')
    before = board.paths()

    assert board.run(path) == 4

    assert str(imports) in capsys.readouterr().err
    assert board.paths() == before


def test_broken_imports_are_a_failed_row_of_the_report(board: MadeBoard) -> None:
    (board.roots["runs"] / "tiny" / "imports.json").write_text('{"imports": [{}]}')

    rows = board.rows()

    assert rows["nano"].rank == 1
    assert rows["imported systems"].status == "failed"
    assert rows["imported systems"].reason == (
        "tiny/imports.json: Object missing required field `task` - at `$.imports[0]`; "
        "import its system again"
    )


@pytest.mark.parametrize("name", ["nano", "Nano "])
def test_name_of_another_row_is_refused(
    board: MadeBoard, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Oracle: the names on the board; nothing is imported."""
    line = error_of(capsys, board.run(board.write("out.txt", lines(THEIRS)), system=name))

    assert line == (
        f"error: --system {name}: {TASK}, test has a trained system of that name; choose another, "
        f"such as {name.strip()!r} with who made it"
    )
    assert list(board.rows()) == ["nano"]


def test_signature_of_wmt_with_all_references_is_taken(board: MadeBoard) -> None:
    """Oracle: the signature that the shared task prints, of as many references as there are."""
    words = ["--signature", SIGNATURE.replace("nrefs:1", "nrefs:all")]

    assert board.run(board.write("out.txt", lines(THEIRS)), *words) == 0
