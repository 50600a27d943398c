"""Two trainings side by side, each in its own process with one thread, beside a single one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from mtnlg.benchmark.measurement import CLOCKS, Cases, Cost, Row, alternate, ratio_row
from mtnlg.benchmark.training import train_ours
from mtnlg.benchmark.workbench import Workbench

GROUP, CASE, PEER = "processes", "two trainings, one thread each", "one training"
PATIENCE_SECONDS = 600


_shared: dict[str, Any] = {}


def start(bench: Workbench, barrier: Any) -> None:
    """Begin the life of a process: it keeps what all its trainings need."""
    import torch

    torch.set_num_threads(1)
    _shared.update(bench=bench, barrier=barrier, dataset=bench.blocks())


def train(is_alone: bool) -> Cost:
    """One training, at the same time as the other one where there is one."""
    bench, dataset = _shared["bench"], _shared["dataset"]
    train_ours(bench, bench.sizes[0], dataset, num_steps=1)
    if not is_alone:
        _shared["barrier"].wait(PATIENCE_SECONDS)
    return train_ours(bench, bench.sizes[0], dataset, num_steps=bench.scaled(3, 2)).cost


def side_by_side(pool: ProcessPoolExecutor, number: int) -> Cost:
    """What so many trainings cost at the same time: the slowest, with the work of all."""
    costs = [*pool.map(train, [number == 1] * number)]
    processor, wall = (max(getattr(cost, clock) for cost in costs) for clock in CLOCKS)
    return Cost(processor, wall, sum(cost.work for cost in costs))


def cases(bench: Workbench) -> Cases:
    """The case of this file."""
    return {CASE: partial(two_trainings, bench)}


def two_trainings(bench: Workbench) -> Iterator[Row]:
    """Two by one, in tokens a second."""
    assert bench.tokenizer, "prepared before the processes start"
    context = multiprocessing.get_context("spawn")
    given = (bench, context.Barrier(2))
    with ProcessPoolExecutor(2, mp_context=context, initializer=start, initargs=given) as pool:
        sides = {"ours": lambda: side_by_side(pool, 2), PEER: lambda: side_by_side(pool, 1)}
        costs = alternate(sides, repeats=bench.repeats)
    yield ratio_row(GROUP, CASE, PEER, (costs["ours"], costs[PEER]), "")
