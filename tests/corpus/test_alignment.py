"""Rows whose sides do not belong together, by their lengths.

Oracle: what each test plants. Pearson's r is scipy's.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mtnlg.cli.main import main
from mtnlg.corpus.alignment import WINDOW_ROWS, find_misalignment

NUM_ROWS = 10 * WINDOW_ROWS


def lengths(*, noise: float = 0.2, seed: int = 0) -> NDArray[np.uint32]:
    """Lengths of sources, and of translations that are about as long."""
    random = np.random.default_rng(seed)
    sources = random.lognormal(4, 0.6, NUM_ROWS)
    targets = sources * random.lognormal(0, noise, NUM_ROWS)
    return np.stack([sources, targets], axis=1).astype(np.uint32)


def without(array: NDArray[np.uint32], *, side: int, row: int) -> NDArray[np.uint32]:
    """The same rows where one side lacks a row, so that all after it move up."""
    sides = [array[:-1, 0], array[:-1, 1]]
    sides[side] = np.delete(array[:, side], row)
    return np.stack(sides, axis=1)


@pytest.mark.parametrize("seed", range(20))
def test_translations_and_unrelated_texts_show_nothing(seed: int) -> None:
    """Whatever they are, no other row fits better."""
    rows = lengths(noise=0.2 * seed, seed=seed)

    assert find_misalignment(rows) is None
    assert find_misalignment(np.sort(rows, axis=0)) is None
    assert find_misalignment(rows[: WINDOW_ROWS - 1]) is None
    assert find_misalignment(np.ones_like(rows)) is None


@pytest.mark.parametrize(("side", "shift"), [(0, -1), (1, 1)])
@pytest.mark.parametrize("row", [0, 2 * WINDOW_ROWS, 7 * WINDOW_ROWS])
def test_a_missing_line_is_found_with_its_side_and_its_place(
    side: int, shift: int, row: int
) -> None:
    found = find_misalignment(without(lengths(), side=side, row=row))

    assert found is not None
    assert (found.shift, found.first_row) == (shift, row + 1)
    assert (found.num_windows, found.num_checked) == (9 - row // WINDOW_ROWS, 9)
    assert found.is_everywhere == (row < 5 * WINDOW_ROWS)


def test_correlations_are_those_of_logarithms() -> None:
    rows = without(lengths(), side=1, row=0)
    sources, targets = np.log1p(rows[:WINDOW_ROWS].astype(float)).T

    found = find_misalignment(rows)

    assert found is not None
    assert found.own_correlation == pytest.approx(stats.pearsonr(sources, targets).statistic)
    assert found.correlation == pytest.approx(stats.pearsonr(sources[1:], targets[:-1]).statistic)


def prepared(tmp_path: Path, rows: NDArray[np.uint32]) -> int:
    """The exit status of `mtnlg prepare` on texts of these lengths."""
    folder = tmp_path / "data" / "translation" / "multi30k_en_de"
    folder.mkdir(parents=True, exist_ok=True)
    for split, part in (("train", rows), ("validation", rows[:9]), ("test", rows[9:18])):
        lines = [
            json.dumps({"translation": {"en": f"{row} {'a' * left}", "de": f"{row} {'b' * right}"}})
            for row, (left, right) in enumerate(part.tolist())
        ]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    where = [f"{name}_root={tmp_path / name}" for name in ("data", "artifacts", "runs", "reports")]
    task = ["task=translation/multi30k_en_de", "tasks.multi30k_en_de.test_sets=[test]"]
    return main(["prepare", *task, "model=mt_nlg_nano", "tokenizer.vocabulary_size=300", *where])


def test_a_split_that_is_apart_everywhere_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(tmp_path, without(lengths(), side=1, row=0)) == 3

    message = capsys.readouterr().err
    assert (
        "tasks.multi30k_en_de: split train: from row 1 on, targets fit the sources 1 row later"
        in message
    )
    assert "one side has a line too many or too few" in message


def test_a_split_that_is_apart_at_its_end_is_named_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = without(lengths(), side=1, row=7 * WINDOW_ROWS)

    for _ in range(2):
        caplog.clear()
        assert prepared(tmp_path / "x", rows) == 0
        assert "tasks.multi30k_en_de: train: from row 897 on, targets fit" in caplog.text
