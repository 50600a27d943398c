"""The rows that a tokenizer learns from, chosen by hand where a test names no other oracle."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtnlg.config import TokenizerConfig
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Row
from mtnlg.tokenization.sampling import TrainingRows, row_quotas, strided_rows, training_texts


def rows_file(path: Path, count: int) -> TrainingRows:
    rows = (Row(f"{number}", f"s{number}", (f"t{number}",)) for number in range(count))
    write_jsonl(path, (row.to_json() for row in rows))
    return TrainingRows.of(path)


def test_all_rows_are_read_without_a_bound(tmp_path: Path) -> None:
    tasks = [rows_file(tmp_path / "a", 3), rows_file(tmp_path / "b", 2)]

    texts = list(training_texts(tasks, TokenizerConfig()))

    assert texts == ["s0", "t0", "s1", "t1", "s2", "t2", "s0", "t0", "s1", "t1"]


@pytest.mark.parametrize(
    ("temperature", "max_rows", "quotas"),
    [
        (None, None, [10_000, 100]),
        (1.0, None, [10_000, 100]),
        (2.0, None, [1_000, 100]),
        (1e9, None, [100, 100]),
        (None, 101, [100, 1]),
        (2.0, 110, [100, 10]),
        (None, 1, [1, 1]),
        (None, 10**6, [10_000, 100]),
    ],
)
def test_quotas_of_two_tasks(
    temperature: float | None, max_rows: int | None, quotas: list[int]
) -> None:
    """Oracle: 100 is the root of 10,000 and 10 that of 100; the small task is never repeated."""
    assert row_quotas([10_000, 100], temperature=temperature, max_rows=max_rows) == quotas


@given(
    st.lists(st.integers(1, 10**7), min_size=1, max_size=5),
    st.one_of(st.none(), st.floats(1, 100)),
    st.one_of(st.none(), st.integers(1, 10**6)),
)
def test_no_row_is_taken_twice_and_the_bound_holds(
    counts: list[int], temperature: float | None, max_rows: int | None
) -> None:
    quotas = row_quotas(counts, temperature=temperature, max_rows=max_rows)

    assert all(1 <= quota <= count for quota, count in zip(quotas, counts, strict=True))
    if max_rows is not None:
        assert sum(quotas) <= max(max_rows, 0) + len(counts)


@pytest.mark.parametrize("quota", [1, 2, 5, 22, 23, 99])
def test_stride_is_even_and_gives_the_quota(tmp_path: Path, quota: int) -> None:
    task = rows_file(tmp_path / "rows", 23)

    indexes = [int(row.id) for row in strided_rows(task, quota)]

    assert len(indexes) == min(quota, 23)
    gaps = {after - before for before, after in pairwise(indexes)}
    assert indexes[0] == 0
    assert max(gaps, default=0) - min(gaps, default=0) <= 1
