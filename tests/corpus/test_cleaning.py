"""Cleaning: what it repairs, keeps, drops and counts.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import time
import unicodedata

import ftfy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtnlg.config import CleaningConfig
from mtnlg.corpus.cleaning import PLAIN, Cleaner, clean_text
from mtnlg.records.rows import Row

CONFIG = CleaningConfig()
EVIL = (
    "\u200b\u200c\u200d\ufeff\u202e\x00\x85\r\n\t \u3000\u2028\ud800\udc00"
    "Ãâ€™é\u0301م👩🔬\U000e0067🏴"
)


@pytest.mark.parametrize(
    "text",
    [
        "“你好”，他说：‘价格（１２３元）！’",
        "全角ＡＢＣ，半角ABC；～……——《书》",
        "ﬁne “curly” ‘quotes’ – and &amp; entities",
        "fünf Äpfel\nzweite Zeile",
        "👩‍🔬 and 👨‍👩‍👧 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "می‌خواهم",
        "क्‍ष",
    ],
)
def test_good_text_is_untouched(text: str) -> None:
    assert clean_text(text, CONFIG) == text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("donâ€™t", "don’t"),
        ("fÃ¼r", "für"),
        ("wait\x85", "wait…"),
        ("e\u0301te\u0301", "été"),
        ("a\x00b\x07c\x7fd", "abcd"),
        ("\ufeffa\u200bb\u2060c\u00add", "abcd"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("wo\u200drd a\u200cb", "word ab"),
        ("  a \t\u00a0 b\u3000\u3000c  ", "a b c"),
        ("a \r\n\r\n  b\rc\u2028d", "a\nb\nc\nd"),
        ("x\ud83d\ude00y", "x😀y"),
        ("x\ud83dy", "x\ufffdy"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        (" \u200b\n ", ""),
    ],
)
def test_damage_is_repaired(raw: str, clean: str) -> None:
    assert clean_text(raw, CONFIG) == clean


def test_settings_switch_each_repair_off() -> None:
    off = CleaningConfig(repair_unicode=False, strip_control=False, normalize_space=False)

    assert clean_text("Ã©\u200b  e\u0301\x00", off) == "Ã©\u200b  e\u0301\x00"


def test_lone_surrogates_go_even_where_repair_is_off() -> None:
    """UTF-8 cannot hold them, so the row could not be written."""
    assert clean_text("a\udc80", CleaningConfig(repair_unicode=False)) == "a\ufffd"


@settings(max_examples=300, deadline=None)
@given(st.text(st.one_of(st.sampled_from(EVIL), st.characters()), max_size=40))
def test_cleaning_twice_equals_cleaning_once(text: str) -> None:
    once = clean_text(text, CONFIG)

    assert clean_text(once, CONFIG) == once
    once.encode("utf-8")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab.Z9~ \n"), max_size=20))
def test_ascii_text_equals_a_plain_split_and_join(text: str) -> None:
    """Oracle: str.split and str.join, for the fast path of plain text."""
    expected = "\n".join(" ".join(line.split()) for line in text.split("\n") if line.split())

    assert clean_text(text, CONFIG) == expected


def test_each_character_of_plain_text_is_left_alone_by_every_library() -> None:
    """Oracle: ftfy, the composition of Unicode, and str.isprintable."""
    plain = [chr(code) for code in range(0x11000) if PLAIN.fullmatch(chr(code))]

    assert len(plain) > 20_000
    assert {"a", "猫", "。", "，", "！"} <= set(plain)
    assert "".join(plain).isprintable()
    for words in ("".join(plain), " ".join(plain), "a".join(plain)):
        assert ftfy.fix_encoding(words) == words
        assert unicodedata.normalize("NFC", words) == words


def test_rows_are_dropped_with_a_reason() -> None:
    cleaner = Cleaner(CleaningConfig(max_characters=5))

    kept = [
        cleaner.clean(row)
        for row in [
            Row("a", " ok ", ("fine",)),
            Row("b", "\u200b", ("x",)),
            Row("c", "x", ("", " ")),
            Row("d", "x", ()),
            Row("e", "sixsix", ("x",)),
            Row("f", "x", ("y", "sixsix")),
            Row("g", "x", ("", "y")),
        ]
    ]

    assert [row for row in kept if row] == [Row("a", "ok", ("fine",)), Row("g", "x", ("y",))]
    assert cleaner.rows_in == 7
    assert cleaner.dropped == {"empty_source": 1, "empty_reference": 2, "too_long": 2}
    assert cleaner.changed == {"space": 2, "control": 1, "empty_removed": 1}


def test_limit_of_characters_is_that_of_cleaned_texts() -> None:
    """Oracle: lengths counted by hand: 16 spaces become one, so that a text of 20 has five left and
    stays, in a source as in a reference; 21 are over four times the limit and too many uncleaned.
    """
    cleaner = Cleaner(CleaningConfig(max_characters=5))
    spaces = " " * 16

    kept = [
        cleaner.clean(row)
        for row in [
            Row("a", f"ab{spaces}cd", ("x",)),
            Row("b", "x", (f"abc{spaces}d", "y")),
            Row("c", "abcde", ("abcde", "vwxyz")),
            Row("d", f"ab{spaces}c  d", ("x",)),
            Row("e", "x", ("y", f"ab {spaces}cd")),
            Row("f", "abcdef", ("x",)),
            Row("g", "x", ("abcdef",)),
        ]
    ]

    assert [row for row in kept if row] == [
        Row("a", "ab cd", ("x",)),
        Row("b", "x", ("abc d", "y")),
        Row("c", "abcde", ("abcde", "vwxyz")),
    ]
    assert cleaner.dropped == {"too_long": 4}


def test_changes_are_counted_by_text_and_kind() -> None:
    cleaner = Cleaner(CONFIG)

    cleaner.clean(Row("a", "fÃ¼r  x", ("e\u0301", "\ud800\x00")))

    assert cleaner.changed == {
        "mojibake": 1,
        "space": 1,
        "composition": 1,
        "surrogates": 1,
        "control": 1,
    }


def test_a_text_of_ten_megabytes_is_dropped_at_once() -> None:
    cleaner = Cleaner(CONFIG)
    text = "é " * 5_000_000

    start = time.perf_counter()
    row = cleaner.clean(Row("a", text, ("x",)))

    assert row is None
    assert cleaner.dropped == {"too_long": 1}
    assert time.perf_counter() - start < 0.5


def test_an_id_with_a_lone_surrogate_can_be_written() -> None:
    row = Cleaner(CONFIG).clean(Row("\ud800", "a", ("b",)))

    assert row is not None
    assert row.id == "\ufffd"


def test_rows_without_a_source_are_kept_where_none_is_needed() -> None:
    row = Row("1", " ", (" a text ", ""))

    kept = Cleaner(CleaningConfig(), needs_source=False).clean(row)

    assert kept == Row("1", "", ("a text",))
    assert Cleaner(CleaningConfig()).clean(row) is None
    assert Cleaner(CleaningConfig(), needs_source=False).clean(Row("2", "", (" ",))) is None
