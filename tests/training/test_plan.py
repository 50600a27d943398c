"""The plan of an epoch: every example once, full steps, the same order for any number of ranks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

import mtnlg.training.plan
from mtnlg.errors import TrainingError
from mtnlg.training.plan import (
    MicroBatch,
    PlanSettings,
    accumulation_for,
    micro_batches,
    plan_epoch,
)


def settings(
    *, count: int = 53, group: int = 1, weight: float = 1.0, seed: int = 5
) -> PlanSettings:
    random = np.random.default_rng(11)
    lengths = random.integers(4, 40, count)
    return PlanSettings(
        seed=seed,
        lengths=lengths,
        num_labels=np.maximum(lengths // 2, 1),
        weights=np.full(count, weight),
        batch_tokens=100,
        micro_batches_per_step=group,
    )


def examples(steps: Iterable[list[MicroBatch]]) -> Counter[int]:
    return Counter(example for step in steps for batch in step for example in batch.examples)


@pytest.mark.parametrize("group", [1, 2, 3, 4, 7])
def test_every_example_appears_once_in_full_steps(group: int) -> None:
    steps = plan_epoch(settings(group=group), epoch=2)

    assert examples(steps) == Counter(range(53))
    assert {len(step) for step in steps} == {group}


def test_step_total_counts_the_labels_of_all_its_micro_batches() -> None:
    plan = settings(group=3)

    for step in plan_epoch(plan, epoch=0):
        total = sum(int(plan.num_labels[example]) for batch in step for example in batch.examples)
        assert {batch.num_step_labels for batch in step} == {total}


def test_micro_batches_hold_at_most_their_tokens_when_padded() -> None:
    plan = settings()

    for step in plan_epoch(plan, epoch=0):
        longest = max(int(plan.lengths[example]) for example in step[0].examples)
        assert longest * len(step[0].examples) <= plan.batch_tokens


def test_plan_is_a_function_of_seed_and_epoch() -> None:
    again = list(plan_epoch(settings(), epoch=1))

    assert list(plan_epoch(settings(), epoch=1)) == again
    assert list(plan_epoch(settings(), epoch=2)) != again
    assert list(plan_epoch(settings(seed=6), epoch=1)) != again


@pytest.mark.parametrize("num_ranks", [1, 2, 4])
def test_ranks_together_read_the_plan_in_order(num_ranks: int) -> None:
    """Oracle: the stream of a single rank."""
    plan = settings(group=4)
    alone = list(islice(micro_batches(plan, rank=0, num_ranks=1, start_step=0), 40))

    streams = [
        micro_batches(plan, rank=rank, num_ranks=num_ranks, start_step=0)
        for rank in range(num_ranks)
    ]
    together = [next(stream) for _ in range(40 // num_ranks) for stream in streams]

    assert together == alone


@pytest.mark.parametrize("start_step", [0, 1, 5, 11, 12, 13, 40])
def test_stream_from_a_later_step_skips_exactly_the_steps_before(start_step: int) -> None:
    """Oracle: the whole stream, sliced; 12 or so steps are one epoch."""
    plan = settings(group=2)
    whole = list(islice(micro_batches(plan, rank=0, num_ranks=1, start_step=0), 100))

    later = list(islice(micro_batches(plan, rank=0, num_ranks=1, start_step=start_step), 10))

    assert later == whole[2 * start_step :][:10]


def test_weights_repeat_examples_and_draw_their_fraction() -> None:
    counts = examples(plan_epoch(settings(count=2000, weight=2.3), epoch=0))

    assert set(counts.values()) <= {2, 3}
    assert sum(counts.values()) / 2000 == pytest.approx(2.3, abs=0.05)


def test_too_few_examples_for_a_step_are_an_error_that_names_the_settings() -> None:
    with pytest.raises(TrainingError, match=r"3 examples, too few for 4 .*trainer\.accumulation"):
        plan_epoch(settings(count=3, group=4), epoch=0)


def spelt_out(plan: PlanSettings, epoch: int) -> list[list[MicroBatch]]:
    """The plan as Python lists, example by example: what `plan_epoch` was before it was compact."""
    random = np.random.Generator(np.random.PCG64([plan.seed, epoch]))
    repeats = np.floor(plan.weights).astype(np.int64)
    repeats += random.random(len(plan.weights)) < plan.weights - repeats
    drawn = np.repeat(np.arange(len(plan.weights)), repeats)
    by_length = drawn[np.lexsort((random.random(len(drawn)), plan.lengths[drawn]))]
    batches, start, held = [], 0, 0.0
    share = (plan.step_labels or math.inf) / plan.micro_batches_per_step
    for place, example in enumerate(by_length):
        num_labels = int(plan.num_labels[example])
        is_full = (place - start + 1) * int(plan.lengths[example]) > plan.batch_tokens
        if place > start and (is_full or held + num_labels / 2 > share):
            batches.append(by_length[start:place])
            start, held = place, 0.0 if is_full else min(held - share, share)
        held += num_labels
    batches.append(by_length[start:])
    while len(batches) % plan.micro_batches_per_step:
        whole = batches.pop(max(range(len(batches)), key=lambda place: len(batches[place])))
        batches += [whole[: len(whole) // 2], whole[len(whole) // 2 :]]
    steps = []
    for places in random.permutation(len(batches)).reshape(-1, plan.micro_batches_per_step):
        step = [batches[place] for place in places]
        total = int(sum(plan.num_labels[batch].sum() for batch in step))
        steps.append([MicroBatch(tuple(map(int, batch)), total) for batch in step])
    return steps


@pytest.mark.parametrize("block", [7, 1_000_000])
@pytest.mark.parametrize("group", [1, 3, 7])
@pytest.mark.parametrize("step_labels", [None, 150])
@pytest.mark.parametrize(("count", "weight"), [(53, 1.0), (211, 2.3), (97, 0.4)])
def test_compact_plan_is_the_one_spelt_out(
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    weight: float,
    step_labels: int | None,
    group: int,
    block: int,
) -> None:
    """Oracle: the plan built example by example; blocks of 7 make several of everything."""
    monkeypatch.setattr(mtnlg.training.plan, "BLOCK_EXAMPLES", block)
    plan = settings(count=count, weight=weight, group=group)
    plan = replace(plan, step_labels=step_labels)

    for epoch in (0, 1):
        assert list(plan_epoch(plan, epoch)) == spelt_out(plan, epoch)


def test_compact_plan_of_narrow_numbers_and_a_sequence_over_the_budget_is_the_same() -> None:
    """Oracle: as above; one sequence alone has more tokens than a micro-batch may hold."""
    plan = settings(count=61)
    lengths = plan.lengths.astype(np.int32)
    lengths[17] = 5 * plan.batch_tokens
    narrow = replace(plan, lengths=lengths, num_labels=plan.num_labels.astype(np.int32))

    assert list(plan_epoch(narrow, 3)) == spelt_out(replace(plan, lengths=lengths), 3)


def test_step_of_a_plan_by_its_index_is_that_of_the_list() -> None:
    """Oracle: the plan as Python lists."""
    plan, steps = plan_epoch(settings(), epoch=0), spelt_out(settings(), 0)

    assert [plan[index] for index in range(2, 9, 3)] == steps[2:9:3]
    assert plan[-1] == steps[-1]


def by_labels(step_labels: int, *, num_ranks: int) -> PlanSettings:
    plan = settings(count=2000)
    group = num_ranks * accumulation_for(plan, step_labels, num_ranks=num_ranks)
    return replace(plan, micro_batches_per_step=group, step_labels=step_labels)


@pytest.mark.parametrize("num_ranks", [1, 2])
@pytest.mark.parametrize("step_labels", [100, 300])
def test_steps_of_a_size_in_labels_come_near_it(step_labels: int, num_ranks: int) -> None:
    """The band of a step: up to one example of 19 labels more or less in each micro-batch, apart
    from the few that are halved; over an epoch the mean lies within a twentieth.
    """
    plan = by_labels(step_labels, num_ranks=num_ranks)

    steps = plan_epoch(plan, epoch=3)

    totals = np.array([step[0].num_step_labels for step in steps])
    rounding = plan.micro_batches_per_step * 19
    assert examples(steps) == Counter(range(2000))
    assert {len(step) for step in steps} == {plan.micro_batches_per_step}
    assert totals.max() <= step_labels + rounding
    assert (totals >= step_labels - rounding).mean() > 0.98
    assert totals.mean() == pytest.approx(step_labels, rel=0.05)


def test_accumulation_gives_nine_in_ten_micro_batches_their_share() -> None:
    """Oracle: micro-batches that are all alike: 100 tokens hold five examples of 20 tokens and 10
    labels, so a step of 300 labels has six of them, on two ranks three.
    """
    plan = replace(settings(count=1000), lengths=np.full(1000, 20), num_labels=np.full(1000, 10))

    found = [accumulation_for(plan, 300, num_ranks=num_ranks) for num_ranks in (1, 2, 4, 7)]

    assert found == [6, 3, 2, 1]


def test_step_larger_than_an_epoch_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(TrainingError, match=r"trainer\.step_target_tokens=99999: an epoch has \d+"):
        accumulation_for(settings(), 99_999, num_ranks=1)


@pytest.mark.parametrize("num_ranks", [1, 2, 3])
@pytest.mark.parametrize("step_labels", [60, 109, 350, 1_000])
def test_share_of_a_step_fits_nine_in_ten_micro_batches_and_no_fewer(
    step_labels: int, num_ranks: int
) -> None:
    """Oracle: the definition, over 101 micro-batches of one example each, with 10 to 110 labels:
    nine in ten hold their share of a step, and would not with one micro-batch less a rank.
    """
    labels = np.random.default_rng(3).permutation(np.arange(10, 111))
    plan = replace(
        settings(count=101), lengths=np.full(101, 120), num_labels=labels, batch_tokens=120
    )

    found = accumulation_for(plan, step_labels, num_ranks=num_ranks)

    def held(accumulation: int) -> float:
        return float(np.mean(labels >= step_labels / (accumulation * num_ranks)))

    assert held(found) >= 0.9
    assert found == 1 or held(found - 1) < 0.9


def test_accumulation_counts_only_examples_that_are_shown() -> None:
    """Oracle: by hand: examples of 5 labels have no weight, and those of 10 need six a step."""
    weights = np.array([1.0] * 400 + [0.0] * 600)
    plan = replace(
        settings(count=1000),
        lengths=np.full(1000, 100),
        num_labels=np.array([10] * 400 + [5] * 600),
        weights=weights,
    )

    assert accumulation_for(plan, 60, num_ranks=1) == 6
