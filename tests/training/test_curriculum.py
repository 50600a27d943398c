"""The curriculum: nothing before its time, everything at the end, the same stream from any step."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from mtnlg.training.plan import (
    MicroBatch,
    PlanSettings,
    competence,
    micro_batches,
)

STEPS = 130
"""Rounds of three steps, the last of one."""


def settings(*, group: int = 2, weight: float = 1.0) -> PlanSettings:
    lengths = np.random.default_rng(11).integers(4, 40, 211)
    return PlanSettings(
        seed=5,
        lengths=lengths,
        num_labels=np.maximum(lengths // 2, 1),
        weights=np.full(len(lengths), weight),
        batch_tokens=300,
        micro_batches_per_step=group,
    )


def stream(plan: PlanSettings, num_steps: int, *, start_step: int = 0) -> list[MicroBatch]:
    batches = micro_batches(
        plan, rank=0, num_ranks=1, start_step=start_step, curriculum_steps=STEPS
    )
    return list(islice(batches, num_steps * plan.micro_batches_per_step))


def test_competence_is_that_of_the_paper() -> None:
    """Oracle: sqrt(t (1 - c^2) / T + c^2) by hand, with c = 1/100."""
    values = [competence(step, 400) for step in (0, 100, 400, 999)]

    assert values == pytest.approx([0.01, 0.500075, 1.0, 1.0], abs=1e-6)


def test_no_example_is_shown_before_its_time() -> None:
    """Oracle: the share of shorter examples, counted one by one, against the competence of the very
    step; the first round is too small for two micro-batches and may show twice as many.
    """
    plan = settings()
    shares = [float((plan.lengths < length).mean()) for length in plan.lengths]

    batches = stream(plan, STEPS)

    for index, batch in enumerate(batches):
        step = index // plan.micro_batches_per_step
        allowed = max(competence(step, STEPS), 0.04)
        assert max(shares[example] for example in batch.examples) < allowed, f"step {step}"
    longest = max(shares[example] for batch in batches[-40:] for example in batch.examples)
    assert longest > 0.9


def test_after_the_curriculum_come_whole_epochs() -> None:
    """Oracle: the stream without a curriculum, its steps numbered from the curriculum's end."""
    plan = settings()
    epochs = [
        replace(batch, step=STEPS + batch.step)
        for batch in islice(micro_batches(plan, rank=0, num_ranks=1, start_step=0), 50)
    ]

    assert stream(plan, STEPS + 25)[2 * STEPS :] == epochs


@pytest.mark.parametrize("start_step", [1, 3, 65, 128, 129, 130, 131, 150])
def test_stream_from_a_later_step_skips_exactly_the_steps_before(start_step: int) -> None:
    """Oracle: the whole stream, sliced."""
    plan = settings()
    whole = stream(plan, 165)

    later = stream(plan, 10, start_step=start_step)

    assert later == whole[2 * start_step :][:20]


def test_ranks_together_read_the_stream_in_order() -> None:
    """Oracle: the stream of a single rank."""
    plan = settings(group=4)
    ranks = [
        micro_batches(plan, rank=rank, num_ranks=2, start_step=7, curriculum_steps=STEPS)
        for rank in range(2)
    ]

    together = [next(rank) for _ in range(200) for rank in ranks]

    assert together == stream(plan, 100, start_step=7)


def test_pass_over_the_allowed_examples_shows_each_once() -> None:
    """Oracle: counts; the last round of three steps is less than one pass."""
    last = stream(settings(), STEPS)[-8:-2]

    assert set(Counter(one for batch in last for one in batch.examples).values()) == {1}


def test_tasks_of_small_weight_still_fill_their_steps() -> None:
    batches = stream(settings(group=4, weight=0.2), 20)

    assert all(batch.examples for batch in batches)


def test_steps_are_numbered_through_the_curriculum_and_beyond() -> None:
    """So that what depends on the number of a step differs from step to step."""
    numbered = [(batch.step, batch.position) for batch in stream(settings(), STEPS + 25)]

    assert numbered == [(step, position) for step in range(STEPS + 25) for position in range(2)]
