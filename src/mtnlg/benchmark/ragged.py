"""Training on parallel text, whose sentences have many lengths, beside Hugging Face's Trainer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mtnlg.benchmark.measurement import Cases, Row, alternate, ratio_row
from mtnlg.benchmark.training import PEER, Theirs, check_losses, train_ours
from mtnlg.benchmark.workbench import Workbench

GROUP = "ragged"
SORTED_BATCHES = 50
"""Batches that their sampler sorts together: a shorter run would see only its longest ones."""
STEP_TOKENS = 2_048


def cases(bench: Workbench) -> Cases:
    """The case of this file."""
    size = bench.sizes[0]
    return {f"parallel text, {size}": partial(parallel_text, bench, size)}


def parallel_text(bench: Workbench, size: str) -> Iterator[Row]:
    """Parallel text in target tokens a second, with as many sentences a step on both sides."""
    dataset = bench.ragged()
    theirs = Theirs(bench, size, dataset)
    check = f"{check_losses(bench.model(size), dataset, theirs)}; steps of {STEP_TOKENS:,} tokens"
    num_steps = bench.scaled(SORTED_BATCHES, 2)
    lengths, _ = dataset.lengths()
    num_rows = max(STEP_TOKENS // int(lengths.mean()), 1)
    train = partial(train_ours, bench, size, dataset, batch_tokens=STEP_TOKENS)
    sides = {"ours": lambda: train(num_steps=num_steps).cost}
    for strategy in ("random", "group_by_length"):
        sides[strategy] = partial(
            theirs.train, num_steps=num_steps, num_rows=num_rows, strategy=strategy
        )
    costs = alternate(sides, repeats=bench.repeats, warms_up=False)
    for strategy, name in (("random", "random order"), ("group_by_length",) * 2):
        both = (costs["ours"], costs[strategy])
        yield ratio_row(GROUP, f"parallel text, {size}", f"{PEER}, {name}", both, check)
