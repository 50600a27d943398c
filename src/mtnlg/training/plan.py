"""The plan of an epoch: which examples make up each micro-batch of each optimizer step, a pure
function of its arguments.

Ranks take slices of the plan, so the order of the examples does not depend on the number of
processes. Knows lengths, no tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mtnlg.errors import TrainingError

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Examples that go through the model together."""

    examples: tuple[int, ...]
    num_step_labels: int
    """Labels of the whole optimizer step, over all its micro-batches and ranks."""
    step: int = 0
    """Number of the optimizer step in the training."""
    place: int = 0
    """Among the micro-batches of the step, those of all ranks counted."""


@dataclass(frozen=True)
class PlanSettings:
    """What a plan depends on, beside the epoch."""

    seed: int
    lengths: Integers
    """(num_examples,) tokens of each whole sequence."""
    num_labels: Integers
    """(num_examples,) tokens of each target, end included."""
    weights: NDArray[np.float64]
    """(num_examples,) how often each example is shown in an epoch, on average."""
    batch_tokens: int
    """Padded tokens of a micro-batch."""
    micro_batches_per_step: int
    """Ranks times accumulation."""
    step_labels: int | None = None
    """Labels of an optimizer step, as nearly as whole examples allow; None: any number."""


def plan_epoch(settings: PlanSettings, epoch: int) -> list[list[MicroBatch]]:
    """The optimizer steps of one epoch, each with `micro_batches_per_step` micro-batches of similar
    lengths.

    Every example appears as often as its weight says, a fraction of it by chance. Raises
    TrainingError where there are fewer examples than micro-batches in a step.
    """
    random = np.random.Generator(np.random.PCG64([settings.seed, epoch]))
    return arrange(draw(settings.weights, random), settings, random)


def arrange(
    drawn: Integers, settings: PlanSettings, random: np.random.Generator
) -> list[list[MicroBatch]]:
    """The optimizer steps over these examples, in random order."""
    if len(drawn) < settings.micro_batches_per_step:
        raise TrainingError(
            f"an epoch has {len(drawn)} examples, too few for "
            f"{settings.micro_batches_per_step} micro-batches a step; "
            "lower trainer.accumulation, trainer.step_target_tokens or trainer.devices"
        )
    by_length = drawn[np.lexsort((random.random(len(drawn)), settings.lengths[drawn]))]
    batches = _cut(by_length, settings)
    _split_to_multiple(batches, settings.micro_batches_per_step)
    order = random.permutation(len(batches))
    steps = order.reshape(-1, settings.micro_batches_per_step)
    return [_step([batches[place] for place in step], settings.num_labels) for step in steps]


def micro_batches(
    settings: PlanSettings, *, rank: int, num_ranks: int, start_step: int, num_before: int = 0
) -> Iterator[MicroBatch]:
    """The endless stream of one rank's micro-batches from an optimizer step on, counted over all
    epochs, after `num_before` steps of another plan.
    """
    epoch, skipped = 0, 0
    while True:
        steps = plan_epoch(settings, epoch)
        first = max(start_step - skipped, 0)
        for number, step in enumerate(steps[first:], start=num_before + skipped + first):
            yield from part_of_rank(step, number, rank=rank, num_ranks=num_ranks)
        skipped += len(steps)
        epoch += 1


def part_of_rank(
    step: list[MicroBatch], number: int, *, rank: int, num_ranks: int
) -> Iterator[MicroBatch]:
    """One rank's micro-batches of the step of this number, with their place in the training."""
    for place in range(rank, len(step), num_ranks):
        yield replace(step[place], step=number, place=place)


def accumulation_for(settings: PlanSettings, step_labels: int, *, num_ranks: int) -> int:
    """Micro-batches per step and rank that give a step its labels: so many that nine in ten, cut by
    `batch_tokens` alone, hold their share.

    Raises TrainingError where an epoch has fewer labels than one step asks for.
    """
    assert settings.step_labels is None, f"cut by step_labels={settings.step_labels} already"
    num_epoch_labels = int(settings.weights @ settings.num_labels)
    if num_epoch_labels < step_labels:
        raise TrainingError(
            f"trainer.step_target_tokens={step_labels}: an epoch has {num_epoch_labels} target "
            "tokens; lower it"
        )
    shown = np.flatnonzero(settings.weights)
    batches = _cut(shown[np.argsort(settings.lengths[shown], kind="stable")], settings)
    held = float(np.quantile([settings.num_labels[batch].sum() for batch in batches], 0.1))
    return math.ceil(step_labels / held / num_ranks)


def draw(weights: NDArray[np.float64], random: np.random.Generator) -> Integers:
    """Each example as often as its weight says, the fraction by chance."""
    repeats = np.floor(weights).astype(np.int64)
    repeats += random.random(len(weights)) < weights - repeats
    return np.repeat(np.arange(len(weights)), repeats)


def _cut(by_length: Integers, settings: PlanSettings) -> list[Integers]:
    """Neighbours in length, as many as fit when padded to the longest, and, where steps have a size
    in labels, the share of a micro-batch, what one has too many or too few being taken up by the
    next; one example at least.
    """
    share = (settings.step_labels or math.inf) / settings.micro_batches_per_step
    batches, start, held = [], 0, 0.0
    lengths, labels = settings.lengths[by_length].tolist(), settings.num_labels[by_length].tolist()
    for place, (length, num_labels) in enumerate(zip(lengths, labels, strict=True)):
        is_full = (place - start + 1) * length > settings.batch_tokens
        if place > start and (is_full or held + num_labels / 2 > share):  # nearest, not below
            batches.append(by_length[start:place])
            start, held = place, 0.0 if is_full else min(held - share, share)
        held += num_labels
    batches.append(by_length[start:])
    return batches


def _split_to_multiple(batches: list[Integers], multiple: int) -> None:
    """Halve the largest micro-batches until every step is full."""
    while len(batches) % multiple:
        largest = max(range(len(batches)), key=lambda place: len(batches[place]))
        whole = batches.pop(largest)
        batches += [whole[: len(whole) // 2], whole[len(whole) // 2 :]]


def _step(batches: list[Integers], num_labels: Integers) -> list[MicroBatch]:
    total = int(sum(num_labels[batch].sum() for batch in batches))
    return [MicroBatch(tuple(int(example) for example in batch), total) for batch in batches]
