"""Where two files of an artifact first differ, and how far apart their numbers are. Times are left
out: no two runs take the same.
"""

from __future__ import annotations

import csv
import filecmp
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from mtnlg.records.places import GENERATION_FILE, METRICS_FILE, TRAINING_FILE
from mtnlg.records.run_config import settings_of
from mtnlg.text.display import one_line

TIMES = {
    METRICS_FILE: {"seconds", "tokens_per_second", "achieved_tflops"},
    TRAINING_FILE: {"training_seconds", "peak_memory_bytes"},
    GENERATION_FILE: {"seconds", "decoding_tokens_per_second"},
}
"""File -> its fields that hold a time, or what depends on one."""
SHOWN = 40
"""Characters of a text around the first one that differs."""


@dataclass(frozen=True, slots=True)
class FileDifference:
    """Where a file first differs between A and B."""

    file: str
    where: str
    first: str
    second: str
    error: float | None
    """The largest relative difference in the file; None where more than fractions differ."""


def first_difference(first: Path, second: Path) -> FileDifference | None:
    """Where two files first differ in more than times; None if they do not."""
    if filecmp.cmp(first, second, shallow=False):
        return None
    earliest: FileDifference | None = None
    try:
        for where, left, right, error in _differences(first, second):
            texts = one_line(str(left)), one_line(str(right))
            earliest = earliest or FileDifference(first.name, where, *texts, error)
            if error is None or earliest.error is None:
                return replace(earliest, error=None)
            earliest = replace(earliest, error=max(error, earliest.error))
    except Exception as error:  # whatever the reader of a format raises for a damaged file
        return FileDifference(first.name, f"cannot be read: {one_line(str(error))}", "", "", None)
    return earliest


def _differences(first: Path, second: Path) -> Iterator[tuple[str, Any, Any, float | None]]:
    """Place, both values and their relative difference; ends at the first place of one file only,
    and after the first row that has moved.
    """
    is_moved = first.suffix == ".jsonl" and _sorted_rows(first) == _sorted_rows(second)
    for left, right in zip_longest(_values(first), _values(second)):
        if left is None or right is None or left[0] != right[0] or is_moved:
            if left == right:
                continue
            (where, _), *_ = filter(None, (left, right))
            what = "same rows in another order" if is_moved else "not in both"
            yield f"{where}: {what}", *(pair and pair[1] for pair in (left, right)), None
            return
        if isinstance(left[1], np.ndarray):
            yield from _array_differences(left[0], left[1], right[1])
        elif left[1] != right[1]:
            yield _text_difference(left[0], left[1], right[1])


def _sorted_rows(path: Path) -> list[bytes]:
    """The rows of a file, without ids, which may only count them."""
    return sorted(re.sub(rb'^{"id": "[^"]*"', b"", row) for row in path.read_bytes().splitlines())


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """Places of a file with their values: texts, or arrays."""
    if path.name == METRICS_FILE:
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            names = [name for name in row if name not in TIMES[METRICS_FILE]]
            yield from ((f"step {row['step']}, {name}", row[name]) for name in names)
    elif path.suffix == ".jsonl":
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            row = json.loads(line)
            for name, value in settings_of(row):
                yield f"row {number} ({row.get('id')}), {name}", value
    elif path.suffix == ".json":
        for name, value in settings_of(json.loads(path.read_bytes())):
            if name not in TIMES.get(path.name, ()):
                yield name, value
    elif path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        yield from sorted(load_file(path).items())
    elif path.suffix == ".bin":
        yield "token", np.fromfile(path, np.uint32)
    elif path.suffix in (".npz", ".npy"):
        arrays = np.load(path, allow_pickle=False)
        yield from [("array", arrays)] if path.suffix == ".npy" else sorted(arrays.items())
    else:
        yield from ((f"line {n}", line) for n, line in enumerate(path.read_bytes().splitlines(), 1))


def _text_difference(where: str, first: str, second: str) -> tuple[str, str, str, float | None]:
    """Two texts, cut around where they part; two fractions with how far apart they are."""
    try:
        left, right = float(first), float(second)
        if not (first.isdecimal() and second.isdecimal()):
            error = abs(left - right) / max(abs(left), abs(right))
            return where, first, second, error if math.isfinite(error) else None
    except (ValueError, ZeroDivisionError):
        pairs = enumerate(zip_longest(first, second))
        start = next(position for position, (left, right) in pairs if left != right)
        if max(len(first), len(second)) > SHOWN:
            cut = slice(max(0, start - SHOWN // 2), start + SHOWN // 2)
            return f"{where}, character {start + 1}", first[cut], second[cut], None
    return where, first, second, None


def _array_differences(
    name: str, left: Any, right: Any
) -> Iterator[tuple[str, Any, Any, float | None]]:
    """The first place where the bits of two arrays differ, and their largest difference."""
    if left.ndim == 1 and len(left) != len(right):
        shorter = min(len(left), len(right))
        yield from _array_differences(name, left[:shorter], right[:shorter])
    if (left.shape, left.dtype) != (right.shape, right.dtype):
        sizes = [f"{array.dtype}{list(array.shape)}" for array in (left, right)]
        yield f"{name}, size", sizes[0], sizes[1], None
        return
    bits = (np.ascontiguousarray(a).reshape(-1).view(np.uint8) for a in (left, right))
    places = np.unique(np.flatnonzero(np.not_equal(*bits)) // left.itemsize)
    if not len(places):
        return
    index = np.unravel_index(places[0], left.shape)
    where, error = f"{name}{[int(part) for part in index]}", None
    if left.dtype.kind == "f":
        apart = float(np.abs(left - right).max())
        scale = float(max(np.abs(left).max(), np.abs(right).max()))
        error = apart / scale if math.isfinite(apart) and scale > 0 else None
        where += f", largest difference {apart:.3g}"
    yield f"{where}, {len(places):,} of {left.size:,} values", left[index], right[index], error
