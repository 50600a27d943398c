"""What is repeated inside one split."""

from __future__ import annotations

from mtnlg.contamination.repeats import RowHashes, num_repeats, text_hash
from mtnlg.records.rows import Row


def test_hash_is_the_same_on_every_machine() -> None:
    """Oracle: `printf '猫 café' | b2sum -l 64` of GNU coreutils."""
    assert text_hash(" 猫\u3000cafe\u0301 ") == text_hash("猫 café") == 0x3B2E49BA4076BB6C


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

    assert num_repeats(hashes.rows) == 1
    assert num_repeats(hashes.sources) == 3
    assert num_repeats(hashes.ids) == 1


def test_empty_sources_of_plain_text_are_no_repeats() -> None:
    hashes = RowHashes()

    for row in [Row("0", "", ("x",)), Row("1", "", ("y",)), Row("2", "", ("x",))]:
        hashes.add(row)

    assert (num_repeats(hashes.sources), num_repeats(hashes.rows)) == (0, 1)
