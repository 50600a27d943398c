"""What `mtnlg score`, `import` and `doctor` say of outputs that are empty, damaged or out of order.

Oracle: the damage that each test does, counted by hand, and sacreBLEU for numbers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from unicodedata import normalize

import pytest
from sacrebleu.metrics.bleu import BLEU

from made_board import REFERENCES as BOARD_REFERENCES
from made_board import MadeBoard
from mtnlg.artifacts.store import RECORD_FILE
from mtnlg.cli.main import main
from mtnlg.records.places import predictions_file
from mtnlg.records.rows import read_predictions

THINGS = ["boat", "house", "ship", "village", "field", "book", "bridge"]
DOINGS = ["carries", "shows", "hides", "avoids", "loses"]
TEXTS = [
    f"The {THINGS[i % 7]} {DOINGS[i % 5]} a {THINGS[3 * i % 7]} and {i * 7919 % 1009} people."
    for i in range(40)
]
BAD = [f"A {THINGS[i % 6]} {DOINGS[i % 4]} {THINGS[i % 5]}." for i in range(40)]
SOURCES = [f"Satz {i * 31 % 997} sagt etwas." for i in range(40)]


def write(path: Path, texts: Sequence[str]) -> str:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return str(path)


def command(
    name: str, folder: Path, outputs: Sequence[str], references: Sequence[str] = TEXTS
) -> list[str]:
    return [
        *(name, "--references", write(folder / "ref.txt", references)),
        *("--hypotheses", write(folder / "hyp.txt", outputs)),
        *("--task", "translation", "--language", "en"),
    ]


def note(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    """The note on the only row."""
    assert main([*words, "--resamples", "20", "--trials", "20", "--json"]) == 0
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    return str(board["rows"][0]["reason"])


def as_mojibake(text: str) -> str:
    return text.replace("The", "Thé").encode().decode("latin-1")


DAMAGE: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda text: " ", "40 of 40 outputs empty"),
    "constant": (lambda text: "I do not know.", "one text 40 of 40 times"),
    "markup": (
        lambda text: f"<p>{text}</p>",
        "tags of HTML or XML, which the references do not have: 40 of 40",
    ),
    "escapes": (
        lambda text: f"{text} &quot; &#124;",
        "&quot; or @-@, which the references do not have: 40 of 40",
    ),
    "quotes": (
        lambda text: f'"{text}"',
        "cell of a table or a string of a program, which the references do not have: 40 of 40",
    ),
    "backslashes": (
        lambda text: json.dumps(text.replace("The", "Thé"))[1:-1],
        "\\u00fc, which the references do not have: 40 of 40",
    ),
    "mojibake": (as_mojibake, "which the references do not have; repaired, BLEU is"),
    "zero-width": (
        lambda text: text.replace(" ", " \u200b"),
        "a soft hyphen, which the references do not have: 40 of 40",
    ),
    "no-break": (
        lambda text: text.replace(" ", "\u00a0"),
        "U+00A0, which the references do not have: 40 of 40",
    ),
    "byte-order": (
        lambda text: f"A \ufeff{text}",
        "inside the text, which the references do not have: 40 of 40",
    ),
    "replacement": (
        lambda text: f"{text}\ufffd",
        "were lost, which the references do not have: 40 of 40",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_outputs_are_a_note_on_the_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, expected = DAMAGE[name]

    assert expected in note(capsys, command("score", tmp_path, list(map(change, TEXTS))))


OTHERWISE_WRITTEN: dict[str, tuple[Callable[[str], str], str]] = {
    "lower-cased": (str.lower, "no capital letter, where the references have some: 40 of 40"),
    "tokenized": (lambda text: text.replace(".", " ."), "a space before punctuation"),
    "plain letters": (lambda text: text.replace("é", ""), "no letter with an accent"),
    "quotation marks": (lambda text: text.replace("'", "’"), "straight quotation marks against"),
    "NFD": (lambda text: normalize("NFD", text), "composed (NFC) against decomposed (NFD): 40"),
    "lost": (lambda text: "nan" if "boat" in text else text, "in place of the output, such as nan"),
    "refused": (lambda text: f"As an AI, I can{text}", "or a refusal"),
}


@pytest.mark.parametrize("name", OTHERWISE_WRITTEN)
def test_outputs_that_are_written_otherwise_are_a_note_on_the_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, expected = OTHERWISE_WRITTEN[name]
    right = [text.replace("The", "Thé").replace("a ", "a 'big' ") for text in TEXTS]

    assert expected in note(capsys, command("score", tmp_path, list(map(change, right)), right))


@pytest.mark.parametrize("name", ["lower-cased", "plain letters"])
def test_references_that_lost_letters_are_a_note_on_the_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, expected = OTHERWISE_WRITTEN[name]
    right = [text.replace("The", "Thé") for text in TEXTS]
    words = f"references: {expected.partition(',')[0]}"

    assert words in note(capsys, command("score", tmp_path, right, list(map(change, right))))


@pytest.mark.parametrize("name", ["markup", "escapes", "quotes", "mojibake", "replacement"])
def test_damage_of_outputs_and_references_alike_is_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    damaged = list(map(DAMAGE[name][0], TEXTS))

    assert "in the output and in a reference, which count as matches: 40 of 40" in note(
        capsys, command("score", tmp_path, damaged, damaged)
    )


@pytest.mark.parametrize("name", [name for name in DAMAGE if name not in ("empty", "constant")])
def test_doctor_names_damage_of_outputs_and_of_references(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    damaged = list(map(DAMAGE[name][0], TEXTS))

    assert main(command("doctor", tmp_path, damaged)) == 0
    of_outputs = capsys.readouterr().out
    assert main(command("doctor", tmp_path, TEXTS, damaged)) == 0
    of_references = capsys.readouterr().out

    assert f"\n{name}: " in of_outputs
    assert "40 of 40 lines, first" in of_outputs
    assert f"\nreferences: {name}: " in of_references


def test_doctor_gives_the_bleu_of_repaired_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: sacreBLEU on the texts before they were damaged."""
    references = [text.replace("The", "Thé") for text in TEXTS]
    right = [*references[:30], *references[:10]]

    words = command("doctor", tmp_path, list(map(as_mojibake, right)), references)
    assert main(words) == 0

    expected = BLEU().corpus_score(right, [references]).score
    assert f"repaired, BLEU is {expected:.2f} and not" in capsys.readouterr().out


def test_a_note_is_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*command("score", tmp_path, [""] * 40), "--resamples", "20", "--trials", "20"]
    printed = []
    for style in ([], ["--markdown"], ["--csv"], ["--json"], ["--latex"]):
        assert main([*words, *style, "--html", str(tmp_path / "page")]) == 0
        printed.append(capsys.readouterr().out)
    printed.append((tmp_path / "page" / "index.html").read_text(encoding="utf-8"))

    assert all("40 of 40 outputs empty" in text for text in printed)


def test_copies_of_sources_and_of_other_references_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shuffled = random.Random(3).sample(TEXTS, len(TEXTS))
    num_moved = sum(left != right for left, right in zip(TEXTS, shuffled, strict=True))
    copies = [*SOURCES[:30], *TEXTS[30:]]
    sources = ["--sources", write(tmp_path / "src.txt", SOURCES)]

    of_sources = note(capsys, [*command("score", tmp_path, copies), *sources])
    of_others = note(capsys, command("score", tmp_path, shuffled))
    longer = [f"{source} {text}" for source, text in zip(SOURCES[:30], TEXTS, strict=False)]
    of_both = note(capsys, [*command("score", tmp_path, [*longer, *TEXTS[30:]]), *sources])

    assert "30 of 40 outputs are copies of the source" in of_sources
    assert "30 of 40 outputs begin with the source" in of_both
    assert f"{num_moved} of 40 outputs are references of other lines" in of_others


ORDERS = {
    "late": ([*TEXTS[1:], TEXTS[0]], "1 line later"),
    "early": ([TEXTS[-1], *TEXTS[:-1]], "1 line earlier"),
    "five": ([*TEXTS[5:], *TEXTS[:5]], "5 lines later"),
    "reversed": (TEXTS[::-1], "in reverse order"),
    "sorted": (sorted(TEXTS), "in alphabetical order"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_outputs_of_other_lines_are_a_note_and_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    outputs, expected = ORDERS[name]

    assert expected in note(capsys, command("score", tmp_path, outputs))
    assert main(command("doctor", tmp_path, outputs)) == 0
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize("outputs", [TEXTS, [text[:-9] for text in TEXTS], BAD])
def test_honest_outputs_have_no_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outputs: list[str]
) -> None:
    assert note(capsys, command("score", tmp_path, outputs)) == "None"


@pytest.mark.parametrize("name", ["score", "doctor"])
def test_empty_references_are_refused_or_left_out_visibly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Oracle: sacreBLEU on the examples that have a reference."""
    references = ["", *TEXTS[1:20], " ", *TEXTS[21:]]
    outputs = [text.replace("boat", "ship") for text in TEXTS]
    words = command(name, tmp_path, outputs, references)

    assert main(words) == 2
    refused = capsys.readouterr().err
    assert main([*words, "--skip-empty-references"]) == 0
    printed = capsys.readouterr().out

    assert "ref.txt:1: the reference is empty, as in 2 of 40 examples" in refused
    assert "--skip-empty-references" in refused
    assert "2 of 40 examples have no reference and are left out" in printed
    assert "n = 38" in printed
    kept = [index for index in range(40) if index not in (0, 20)]
    bleu = BLEU().corpus_score([outputs[i] for i in kept], [[TEXTS[i] for i in kept]])
    assert f"{bleu.score:.2f}" in printed


@pytest.mark.parametrize("missing", ["null", "[]", '""', '[""]'])
def test_references_that_json_has_not_count_as_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    records = [f'{{"references": {missing}}}', *(json.dumps({"references": [t]}) for t in TEXTS)]
    words = command("score", tmp_path, ["more", *TEXTS])
    words[2] = write(tmp_path / "ref.jsonl", records)

    assert main(words) == 2
    assert "the reference is empty, as in 1 of 41 examples" in capsys.readouterr().err
    assert "1 of 41 examples have no reference" in note(capsys, [*words, "--skip-empty-references"])


AFFIXED = {
    "'utt-0'": [f"utt-{index} {text}" for index, text in enumerate(TEXTS)],
    "'0'": [f"{index} {text}" for index, text in enumerate(TEXTS)],
    "'Assistant:'": [f"Assistant: {text}" for text in TEXTS],
    "'(utt-0)'": [f"{text} (utt-{index})" for index, text in enumerate(TEXTS)],
    "'Here is it:'": [f"Here is it: {text}" if i % 3 else text for i, text in enumerate(TEXTS)],
    "'**'": [f"**{text}**" if i % 2 else text for i, text in enumerate(TEXTS)],
    "'In English this'": [f"In English this is {text}" for text in TEXTS],
    "'EOS'": [f"{text} EOS" for text in TEXTS],
}


@pytest.mark.parametrize("shape", AFFIXED)
def test_what_a_program_left_before_or_after_outputs_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: str
) -> None:
    assert f"with {shape} " in note(capsys, command("score", tmp_path, AFFIXED[shape]))
    assert main(command("doctor", tmp_path, AFFIXED[shape])) == 0
    assert f"with {shape} " in capsys.readouterr().out


@pytest.mark.parametrize("shape", ["'utt-0'", "'0'", "'(utt-0)'"])
def test_an_affix_that_references_have_too_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: str
) -> None:
    same = note(capsys, command("score", tmp_path, AFFIXED[shape], AFFIXED[shape]))

    assert f"with {shape} " in same
    assert "as references do: 40 of 40" in same


def test_words_that_references_repeat_are_no_affix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"We show that {text}" for text in TEXTS]

    assert note(capsys, command("score", tmp_path, texts, texts)) == "None"


def test_a_file_that_was_recognized_says_how_it_was_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbered = [f"{index}\t{text}" for index, text in enumerate(TEXTS)]

    assert "hyp.txt was read as lines with an id" in note(
        capsys, command("score", tmp_path, numbered)
    )


@pytest.fixture
def late(board: MadeBoard) -> list[str]:
    """Outputs that are right for a board of many rows, one line late."""
    rows = [f"{text}{index}号。" for index in range(4) for text in BOARD_REFERENCES]
    return [*rows[1:], rows[0]]


def test_import_refuses_outputs_one_line_late_unless_forced(
    board: MadeBoard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str], late: list[str],
) -> None:  # fmt: skip
    right = [late[-1], *late[:-1]]
    monkeypatch.setattr("made_board.REFERENCES", right)
    board.make(right)
    path = board.write("late.txt", "".join(f"{text}\n" for text in late))

    assert board.run(path) == 2
    refused = capsys.readouterr().err
    assert board.run(path, "--force") == 0

    assert "fit the references 1 line later" in refused
    assert "--force" in refused
    assert "20 of 20 outputs are references of other lines" in str(board.rows()["NMT-X"].reason)


def test_empty_outputs_of_a_run_and_of_an_import_are_noted(board: MadeBoard) -> None:
    board.make([""] * len(BOARD_REFERENCES))
    assert board.run(board.write("out.txt", "同一句。\n" * len(BOARD_REFERENCES))) == 0

    rows = board.rows()

    assert rows["nano"].reason == "5 of 5 outputs empty"
    assert "one text 5 of 5 times" in str(rows["NMT-X"].reason)
    assert board.rows("clean")["nano"].reason == "5 of 5 outputs empty"


def test_a_board_without_all_predictions_has_no_note(board: MadeBoard) -> None:
    """As a published board, which keeps the few that it shows."""
    board.make([""] * len(BOARD_REFERENCES))
    (key,) = board.rows()["nano"].predictions
    path = predictions_file(board.roots["artifacts"], key)
    assert len(read_predictions(path)) == len(BOARD_REFERENCES)

    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:2]), "utf-8")
    (path.parent / RECORD_FILE).unlink()

    assert board.rows()["nano"].reason is None
