"""Each symptom that `mtnlg doctor` knows is found where it is planted, and nowhere else.

Oracle: the lines that each test changes itself.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

import pytest

from mtnlg.evaluation import Texts
from mtnlg.evaluation.line_order import Finding, find_order
from mtnlg.evaluation.symptoms import find_symptoms
from mtnlg.text.scripts import SIMPLIFIED, TRADITIONAL, script_of

NOUNS = ["Boot", "Haus", "Schiff", "Dorf", "Feld", "Buch", "Café"]
VERBS = ["trägt", "zeigt", "verdeckt", "überragt", "meidet"]
COLORS = ["rote", "gelbe", "winzige", "uralte", "schöne", "breite", "Wiener"]
GERMAN = [
    f"Das {COLORS[i % 7]} {NOUNS[3 * i % 7]} {VERBS[i % 5]} die {COLORS[i * i % 7]} Nummer {i}."
    for i in range(60)
]
THINGS = ["苹果", "电车", "图书馆", "医生", "红花", "银行", "学校"]
DOINGS = ["出现在", "来到了", "离开了", "经过", "买下"]
CHINESE = [
    f"第{i}个人说，{THINGS[i % 7]}{DOINGS[i % 5]}{THINGS[(2 * i + 3) % 7]}。" for i in range(60)
]


def symptoms(
    hypotheses: Sequence[str],
    references: Sequence[str],
    language: str,
    sources: Sequence[str] | None = None,
) -> list[Finding]:
    texts = Texts(hypotheses, [[one] for one in references], language=language, sources=sources)
    shift = find_order(texts)
    return find_symptoms(texts) + ([shift] if shift is not None else [])


def only(found: list[Finding]) -> Finding:
    (finding,) = found
    return finding


def planted(texts: Sequence[str], change: Callable[[str], str], start: int = 5) -> list[str]:
    """The texts, changed from one place on."""
    return [*texts[:start], *map(change, texts[start:])]


TO_TRADITIONAL = str.maketrans(SIMPLIFIED, TRADITIONAL)


@pytest.mark.parametrize(
    ("name", "language", "change"),
    [
        ("empty", "de", lambda text: " "),
        ("tokenized", "de", lambda text: text.replace(".", " .")),
        ("escapes", "de", lambda text: f"&quot;{text}"),
        ("language", "zh", lambda text: " ".join(chr(97 + ord(c) % 26) for c in text[1:-4])),
        ("escapes", "de", lambda text: text.replace("die ", "die @-@ ")),
        ("pieces", "de", lambda text: text.replace("Nummer", "Num@@ mer")),
        ("pieces", "de", lambda text: text.replace(" ", "▁")),
        ("pieces", "de", lambda text: text.replace("Nummer", "<unk>")),
        ("normalization", "de", lambda text: unicodedata.normalize("NFD", text)),
        ("segmented", "zh", lambda text: text.replace("个人", "个 人")),
        ("script", "zh", lambda text: text.translate(TO_TRADITIONAL)),
        ("marks", "zh", lambda text: text.replace("，", ",").replace("。", ".")),
        ("marks", "de", lambda text: text.replace(".", "。")),
    ],
)
def test_planted_symptom_is_found_with_its_first_line(
    name: str, language: str, change: Callable[[str], str]
) -> None:
    clean = CHINESE if language == "zh" else GERMAN
    changed = planted(clean, change)

    found = {one.name: one for one in symptoms(changed, clean, language)}

    expected = [place for place in range(5, 60) if changed[place] != clean[place]]
    assert found[name].positions == tuple(expected)
    assert found[name].remedy
    assert set(found) <= {name} | ({"length", "order"} if name == "empty" else set())


def test_lower_cased_outputs_are_found() -> None:
    finding = only(symptoms([text.lower() for text in GERMAN], GERMAN, "de"))

    assert (finding.name, len(finding.positions)) == ("lower-cased", 60)


def test_copies_are_found_but_not_where_the_reference_is_the_source_too() -> None:
    sources = [f"{text} ({place})" for place, text in enumerate(GERMAN)]
    hypotheses = [*GERMAN[:30], sources[30], *GERMAN[31:]]
    references = [sources[0], *GERMAN[1:]]
    hypotheses[0] = sources[0]

    finding = only(symptoms(hypotheses, references, "de", sources))

    assert (finding.name, finding.positions) == ("copies", (30,))


def test_outputs_that_are_cut_off_or_go_on_are_found_by_length() -> None:
    cut = only(symptoms([text[:12] for text in GERMAN], GERMAN, "de"))
    loops = only(symptoms([text + text for text in GERMAN], GERMAN, "de"))

    assert cut.name == loops.name == "length"
    assert "cut off" in cut.remedy
    assert "2.00 of" in loops.what
    assert "loops" in loops.remedy


@pytest.mark.parametrize(("shift", "words"), [(1, "1 line earlier"), (-2, "2 lines later")])
def test_shifted_outputs_are_found_with_the_direction(shift: int, words: str) -> None:
    moved = [GERMAN[(place - shift) % 60] for place in range(60)]

    finding = only(symptoms(moved, GERMAN, "de"))

    assert finding.name == "order"
    assert words in finding.what
    assert finding.positions[0] == 0


def test_line_lost_in_the_middle_is_found_in_its_block() -> None:
    clean = [f"{text} {place * 7919 % 1009}" for place, text in enumerate(GERMAN * 4)]
    moved = [*clean[:120], *clean[121:], "Ende."]

    finding = only(symptoms(moved, clean, "de"))

    assert finding.name == "order"
    assert "1 line later" in finding.what
    assert 100 <= finding.positions[0] <= 150


def test_outputs_that_fit_no_reference_are_not_taken_for_shifted() -> None:
    other = [f"Nummer {place}: ein Satz ohne Sinn und Zweck." for place in range(60)]

    assert "order" not in [one.name for one in symptoms(other, GERMAN, "de")]


@pytest.mark.parametrize(("texts", "language"), [(GERMAN, "de"), (CHINESE, "zh")])
def test_clean_outputs_have_no_finding(texts: list[str], language: str) -> None:
    almost = [text.replace("Nummer", "Zahl").replace("经过", "路过") for text in texts]

    assert symptoms(texts, texts, language) == []
    assert symptoms(almost, texts, language) == []


def test_what_the_references_have_too_is_no_symptom() -> None:
    spaced = [text.replace(".", " .").lower() for text in GERMAN]
    spaced[7] += " &quot; <unk>"

    assert symptoms(spaced, spaced, "de") == []


def test_damage_that_many_references_have_too_is_a_symptom() -> None:
    damaged = [f"{text} &quot; <unk> a\\n" for text in GERMAN]

    names = [finding.name for finding in symptoms(damaged, damaged, "de")]

    assert names == ["both: escapes", "both: backslashes", "both: pieces"]


def test_few_lines_of_habit_are_no_symptom_but_one_escape_is() -> None:
    hypotheses = [GERMAN[0].replace(".", " ."), GERMAN[1] + " &amp;", *GERMAN[2:]]

    finding = only(symptoms(hypotheses, GERMAN, "de"))

    assert (finding.name, finding.positions) == ("escapes", (1,))


def test_script_of_mixed_text_is_that_of_most_characters() -> None:
    assert script_of("這個国") == "traditional"
    assert script_of("这个國") == "simplified"
    assert script_of("天地人") is None
    assert len(SIMPLIFIED) == len(TRADITIONAL)
