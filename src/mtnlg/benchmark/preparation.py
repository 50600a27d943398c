"""How fast parallel text becomes rows, a tokenizer and token arrays, as a whole process."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path

from mtnlg.benchmark.measurement import (
    CLOCKS,
    Cases,
    Cost,
    DifferentOutputError,
    Row,
    alternate,
    ours,
    ratio_row,
    timed_command,
)
from mtnlg.benchmark.workbench import Workbench, roots
from mtnlg.corpus.builtin.corpus import generate_rows

GROUP, CASE, PEER = "preparation", "parallel text", "one worker"
TASK = "multi30k_en_de"
"""A task whose files this one replaces."""
FULL_BYTES, QUICK_BYTES, HELD_OUT_ROWS = 10_000_000, 100_000, 500


def write_text_pairs(folder: Path, num_bytes: int) -> float:
    """Write parallel files of that size, made of pairs of the built-in corpus, three to a row in
    new combinations; returns their megabytes.
    """
    pairs = generate_rows("translation", "train", num_rows=2_000)
    source = random.Random(0)
    folder.mkdir(parents=True)
    numbers, total = count(), 0
    for split, limit in (("validation", 0), ("test", 0), ("train", num_bytes)):
        lines: list[tuple[str, str]] = []
        while len(lines) < HELD_OUT_ROWS or total < limit:
            number = next(numbers)
            chosen = source.sample(pairs, 3)
            left = " ".join([*(row.source for row in chosen), f"Case {number}."])
            right = "".join([*(row.references[0] for row in chosen), f"第{number}号。"])
            lines.append((left, right))
            total += len(left.encode()) + len(right.encode()) + 2
        for language, texts in zip(("en", "de"), zip(*lines, strict=True), strict=True):
            text = "".join(f"{line}\n" for line in texts)
            (folder / f"{split}.{language}").write_text(text, encoding="utf-8")
    return total / 1e6


def cases(bench: Workbench) -> Cases:
    """The case of this file."""
    return {CASE: partial(parallel_text, bench)}


def parallel_text(bench: Workbench) -> Iterator[Row]:
    """Megabytes a second with one worker, and two by one."""
    root, made = bench.scratch / "text", bench.scratch / "made"
    num_bytes = bench.scaled(FULL_BYTES, QUICK_BYTES)
    megabytes = write_text_pairs(root / "translation" / TASK, num_bytes)
    digests: set[str] = set()

    def prepare(num_workers: int) -> Cost:
        shutil.rmtree(made, ignore_errors=True)
        words = [f"task=translation/{TASK}", f"tasks.{TASK}.test_sets=[test]", f"data_root={root}"]
        words += ["model=mt_nlg_nano", f"tokenizer.vocabulary_size={bench.vocabulary_size}"]
        words += [*roots(made), f"preparation.num_workers={num_workers}"]
        cost, _ = timed_command(ours("prepare", *words), threads=bench.threads)
        files = sorted(made.glob("artifacts/tokens/*/*.ids.bin"))
        digests.add(sha256(b"".join(path.read_bytes() for path in files)).hexdigest())
        if len(digests) != 1:
            raise DifferentOutputError(f"{num_workers} workers give other tokens")
        return replace(cost, work=megabytes)

    sides = {PEER: lambda: prepare(1), "two": lambda: prepare(2)}
    costs = alternate(sides, repeats=bench.repeats, warms_up=False)
    processor, wall = ([cost.rate(clock) for cost in costs[PEER]] for clock in CLOCKS)
    check = f"the same tokens of {megabytes:.1f} MB each time"
    yield Row(GROUP, CASE, unit="MB/s", processor=processor, wall=wall, check=check)
    both = (costs["two"], costs[PEER])
    yield ratio_row(GROUP, f"{CASE}, two workers", PEER, both, check, clock="wall")
