"""Contamination: which held-out rows a model has seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtnlg.corpus.contamination import RowHashes, TrainingIndex, text_hash
from mtnlg.records import Row

TRAINING = [Row("0", "a cat", ("eine Katze", "die Katze")), Row("1", "a dog", ("ein Hund",))]


@pytest.mark.parametrize(
    ("source", "references", "tags"),
    [
        ("a bird", ("ein Vogel",), ()),
        ("a cat", ("ein Vogel",), ("train_source",)),
        ("a bird", ("ein Vogel", "die Katze"), ("train_target",)),
        ("a cat", ("ein Hund",), ("train_source", "train_target")),
        ("a cat", ("x", "die Katze"), ("train_source", "train_target", "train_pair")),
        ("  a \n dog ", ("ein  Hund",), ("train_source", "train_target", "train_pair")),
        ("A cat", ("Ein Hund",), ()),
    ],
)
def test_tags_say_what_was_seen(
    source: str, references: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    assert TrainingIndex.of(TRAINING).tags(Row("x", source, references)) == tags


def test_nothing_is_tagged_without_training_rows() -> None:
    assert TrainingIndex.of([]).tags(TRAINING[0]) == ()


def test_hash_is_the_same_on_every_machine() -> None:
    """Oracle: `printf '猫 café' | b2sum -l 64` of GNU coreutils."""
    assert text_hash(" 猫\u3000cafe\u0301 ") == text_hash("猫 café") == 0x3B2E49BA4076BB6C


@given(
    st.lists(st.tuples(st.text("ab", max_size=2), st.text("ab", max_size=2)), max_size=20),
    st.tuples(st.text("ab", max_size=2), st.text("ab", max_size=2)),
)
def test_tags_equal_plain_set_membership(
    pairs: list[tuple[str, str]], held_out: tuple[str, str]
) -> None:
    """Oracle: sets of strings; an empty source, that of plain text, was seen by nobody."""
    index = TrainingIndex.of(Row("", source, (target,)) for source, target in pairs)
    sources = {source for source, _ in pairs if source}
    expected = (
        *(["train_source"] if held_out[0] in sources else []),
        *(["train_target"] if held_out[1] in {target for _, target in pairs} else []),
        *(["train_pair"] if held_out in pairs else []),
    )

    assert index.tags(Row("", held_out[0], (held_out[1],))) == expected


def test_repeats_inside_a_split_are_counted() -> None:
    hashes = RowHashes()

    for row in [
        Row("0", "a", ("x",)),
        Row("1", "a", ("x",)),
        Row("1", "a", ("y",)),
        Row("3", "a", ("x", "y")),
        Row("4", "b", ("x",)),
    ]:
        hashes.add(row)

    assert hashes.num_repeated_rows == 1
    assert hashes.num_repeated_sources == 3
    assert hashes.num_repeated_ids == 1
