"""Repeats inside one split, counted by hand where a test names no other oracle."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from mtnlg.contamination import repeats
from mtnlg.contamination.repeats import RowHashes, num_repeats, num_repeats_on_disk, text_hash
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


EDGES = [0, 1, 2**63 - 1, 2**63, 2**64 - 1]
THIRDS = [part * 2**64 // 3 + step for part in (1, 2) for step in (-1, 0, 1)]


@pytest.mark.parametrize("block", [3, 4, 7, 1_000])
@pytest.mark.parametrize("values", [[], [5], EDGES, THIRDS, [*EDGES, *THIRDS], [7] * 9])
def test_repeats_on_disk_are_those_of_a_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: list[int], block: int
) -> None:
    """Oracle: Python's sets; values at the ends of every range, with and without repeats, in blocks
    of a few and all at once.
    """
    monkeypatch.setattr(repeats, "BLOCK_HASHES", block)
    path = tmp_path / "column.hashes"
    for repeated in (values, values * 2, [*values, *values[::2]], sorted(values * 3)):
        path.write_bytes(array("Q", repeated).tobytes())

        assert num_repeats_on_disk(path) == len(repeated) - len(set(repeated))
        assert isinstance(num_repeats_on_disk(path), int), "audit.json says 3, and not 3.0"
        assert num_repeats(array("Q", repeated)) == len(repeated) - len(set(repeated))
