"""From short examples to all of them, by competence (Platanios et al. 2019): the plan of the steps
before the first epoch.

The steps go in rounds. A round draws from the examples that the competence at its first step
allows, so none is shown before its time, and depends on (seed, first step) alone: a resumed
training begins in the middle of one without planning those before.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from mtnlg.training.plan import MicroBatch, PlanSettings, arrange, draw, micro_batches, part_of_rank

INITIAL_COMPETENCE = 0.01
"""Share of the examples at step 0, as in Platanios et al. 2019, sec. 4."""
ROUNDS = 50
"""Rounds of a curriculum: fine steps of competence, and few enough to plan."""


def competence(step: int, curriculum_steps: int) -> float:
    """The share of the examples, from the shortest on, that a step may show (Platanios et al. 2019,
    eq. 8).
    """
    initial = INITIAL_COMPETENCE**2
    return min(1.0, math.sqrt(step * (1 - initial) / curriculum_steps + initial))


def curriculum_micro_batches(
    settings: PlanSettings, curriculum_steps: int, *, rank: int, num_ranks: int, start_step: int
) -> Iterator[MicroBatch]:
    """The endless stream of one rank's micro-batches from an optimizer step on: the curriculum,
    then epoch after epoch.
    """
    length = math.ceil(curriculum_steps / ROUNDS)
    for first in range(start_step // length * length, curriculum_steps, length):
        steps = plan_round(settings, curriculum_steps, first_step=first)
        done = max(start_step - first, 0)
        for number, step in enumerate(steps[done:], start=first + done):
            yield from part_of_rank(step, number, rank=rank, num_ranks=num_ranks)
    yield from micro_batches(
        settings,
        rank=rank,
        num_ranks=num_ranks,
        start_step=max(start_step - curriculum_steps, 0),
        num_before=curriculum_steps,
    )


def plan_round(
    settings: PlanSettings, curriculum_steps: int, *, first_step: int
) -> list[list[MicroBatch]]:
    """The optimizer steps of one round: passes over the allowed examples, each in another order.

    An example is allowed where the share of shorter ones is below the competence. Where those are
    too few to fill a step, twice as many are allowed, and again.
    """
    ordered = np.sort(settings.lengths)
    share_shorter = np.searchsorted(ordered, settings.lengths) / len(ordered)
    allowed = competence(first_step, curriculum_steps)
    num_steps = min(math.ceil(curriculum_steps / ROUNDS), curriculum_steps - first_step)
    steps: list[list[MicroBatch]] = []
    passes = 0
    while len(steps) < num_steps:
        passes += 1
        random = np.random.Generator(np.random.PCG64([settings.seed, first_step, passes]))
        weights = np.where(share_shorter < allowed, settings.weights, 0.0)
        drawn = draw(weights, random)
        if len(drawn) < settings.micro_batches_per_step and allowed < 1:
            allowed *= 2
            continue
        chosen = dataclasses.replace(settings, weights=weights)
        steps += arrange(drawn, chosen, random)[: num_steps - len(steps)]
    return steps
