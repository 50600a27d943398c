"""The plan of a training: which examples make up each micro-batch of each optimizer step, a pure
function of its arguments. Knows lengths, no tokens.

Ranks take slices of the plan, so the order of the examples does not depend on the number of
processes. A plan is stored in arrays, about twenty bytes an example while it is built and four
afterwards, because twenty million examples as Python numbers do not fit on a small machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mtnlg.errors import TrainingError

Integers = NDArray[np.int64] | NDArray[np.int32]
Bounds = NDArray[np.int64]
BLOCK_EXAMPLES = 1_000_000
"""Examples that are drawn, or sorted, together; bounds the memory of planning."""
INITIAL_COMPETENCE = 0.01
"""Share of the examples at step 0 (Platanios et al. 2019, sec. 4)."""
ROUNDS = 50
"""Rounds of a curriculum: enough for fine steps of competence, few enough to plan."""


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Examples that go through the model together."""

    examples: tuple[int, ...]
    num_step_labels: int
    """Labels of the whole optimizer step, over all its micro-batches and ranks."""
    step: int = 0
    """Number of the optimizer step in the training."""
    position: int = 0
    """Index among the step's micro-batches over all ranks."""


@dataclass(frozen=True)
class PlanSettings:
    """What a plan depends on, apart from the epoch."""

    seed: int
    lengths: Integers
    """(num_examples,) tokens of each whole sequence."""
    num_labels: Integers
    """(num_examples,) tokens of each target, including its end."""
    weights: NDArray[np.float64]
    """(num_examples,) how often each example is shown in an epoch, on average."""
    batch_tokens: int
    """Padded tokens of a micro-batch."""
    micro_batches_per_step: int
    """Ranks times accumulation."""
    step_labels: int | None = None
    """Labels of an optimizer step, as nearly as whole examples allow; None: any number."""


class EpochPlan:
    """The optimizer steps of one epoch; each step's micro-batches are built on access."""

    def __init__(
        self, examples: NDArray[np.int32], bounds: Bounds, steps: Bounds, num_labels: Integers
    ) -> None:
        self.examples = examples
        """(num_drawn,) examples by length"""
        self.bounds = bounds
        """(num_batches, 2) where in `examples` each micro-batch starts and stops"""
        self.steps = steps
        """(num_steps, micro_batches_per_step) rows of `bounds`"""
        self.num_labels = num_labels

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> list[MicroBatch]:
        batches = [self.examples[start:stop] for start, stop in self.bounds[self.steps[index]]]
        total = sum(int(self.num_labels[batch].sum(dtype=np.int64)) for batch in batches)
        return [MicroBatch(tuple(batch.tolist()), total) for batch in batches]


def plan_epoch(settings: PlanSettings, epoch: int) -> EpochPlan:
    """The optimizer steps of one epoch. The examples of a micro-batch have similar lengths; each
    example appears as often as its weight says, with the fraction decided at random.

    Raises TrainingError if there are fewer examples than micro-batches in a step.
    """
    random = np.random.Generator(np.random.PCG64([settings.seed, epoch]))
    return arrange(draw(settings.weights, random), settings, random)


def arrange(
    drawn: NDArray[np.int32], settings: PlanSettings, random: np.random.Generator
) -> EpochPlan:
    """The optimizer steps over the drawn examples, in random order."""
    if len(drawn) < settings.micro_batches_per_step:
        raise TrainingError(
            f"an epoch has {len(drawn)} examples, too few for "
            f"{settings.micro_batches_per_step} micro-batches a step; "
            "lower trainer.accumulation, trainer.step_target_tokens or trainer.devices"
        )
    by_length = _sort(drawn, settings.lengths, random.random(len(drawn)))
    bounds = _split_to_multiple(_cut(by_length, settings), settings.micro_batches_per_step)
    order = random.permutation(len(bounds))
    steps = order.reshape(-1, settings.micro_batches_per_step)
    return EpochPlan(by_length, bounds, steps, settings.num_labels)


def micro_batches(
    settings: PlanSettings, *, rank: int, num_ranks: int, start_step: int, curriculum_steps: int = 0
) -> Iterator[MicroBatch]:
    """The endless stream of one rank's micro-batches from an optimizer step on."""
    for number, step in _numbered_steps(settings, start_step, curriculum_steps):
        for position in range(rank, len(step), num_ranks):
            yield replace(step[position], step=number, position=position)


def _numbered_steps(
    settings: PlanSettings, start_step: int, curriculum_steps: int
) -> Iterator[tuple[int, list[MicroBatch]]]:
    """The steps of a training and their numbers: the rounds of the curriculum, then epoch after
    epoch.
    """
    length = max(math.ceil(curriculum_steps / ROUNDS), 1)
    for first in range(start_step // length * length, curriculum_steps, length):
        steps = plan_round(settings, curriculum_steps, first_step=first)
        yield from islice(enumerate(steps, start=first), max(start_step - first, 0), None)
    epoch, num_before = 0, curriculum_steps
    while True:
        plan = plan_epoch(settings, epoch)
        for index in range(max(start_step - num_before, 0), len(plan)):
            yield num_before + index, plan[index]
        epoch, num_before = epoch + 1, num_before + len(plan)
        del plan  # before the next one is built, so that memory never holds two


def accumulation_for(settings: PlanSettings, step_labels: int, *, num_ranks: int) -> int:
    """Micro-batches per step and rank that give a step its labels: enough that nine in ten, cut by
    `batch_tokens` alone, hold their share.

    Raises TrainingError if an epoch has fewer labels than one step needs.
    """
    assert settings.step_labels is None, f"cut by step_labels={settings.step_labels} already"
    num_epoch_labels = int(settings.weights @ settings.num_labels)
    if num_epoch_labels < step_labels:
        raise TrainingError(
            f"trainer.step_target_tokens={step_labels}: an epoch has {num_epoch_labels} target "
            "tokens; lower it"
        )
    shown = np.flatnonzero(settings.weights).astype(np.int32)
    by_length = shown[np.argsort(settings.lengths[shown], kind="stable")]
    starts = _cut(by_length, settings)[:, 0]
    sums = np.add.reduceat(settings.num_labels[by_length], starts, dtype=np.int64)
    return math.ceil(step_labels / float(np.quantile(sums, 0.1)) / num_ranks)


def draw(weights: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int32]:
    """The examples of an epoch, in ascending order."""
    assert len(weights) <= np.iinfo(np.int32).max, f"{len(weights)} examples do not fit int32"
    blocks = [np.empty(0, dtype=np.int32)]
    for start in range(0, len(weights), BLOCK_EXAMPLES):
        block = weights[start : start + BLOCK_EXAMPLES]
        repeats = np.floor(block).astype(np.int64)
        repeats += random.random(len(block)) < block - repeats
        blocks.append(np.repeat(np.arange(start, start + len(block), dtype=np.int32), repeats))
    return np.concatenate(blocks)


def _sort(
    drawn: NDArray[np.int32], lengths: Integers, chance: NDArray[np.float64]
) -> NDArray[np.int32]:
    """The examples by length, those of one length in random order. Sorts a few neighboring lengths
    at a time, which needs a fraction of the memory of one sort.
    """
    of_drawn = lengths[drawn]
    ordered, filled = np.empty_like(drawn), 0
    for low, high in _length_ranges(np.bincount(of_drawn)):
        positions = np.flatnonzero((of_drawn >= low) & (of_drawn < high))
        order = np.lexsort((chance[positions], of_drawn[positions]))
        ordered[filled : filled + len(positions)] = drawn[positions[order]]
        filled += len(positions)
    assert filled == len(drawn), f"{filled} of {len(drawn)} examples have a length"
    return ordered


def _length_ranges(counts: Bounds) -> Iterator[tuple[int, int]]:
    """Half-open ranges of lengths with at most BLOCK_EXAMPLES examples, or a single length."""
    low, held = 0, 0
    for length, count in enumerate(counts.tolist()):
        if held and held + count > BLOCK_EXAMPLES:
            yield low, length
            low, held = length, 0
        held += count
    yield low, len(counts)


def _cut(by_length: NDArray[np.int32], settings: PlanSettings) -> Bounds:
    """Micro-batches of neighbors in length: as many as fit when padded to the longest and, if steps
    have a size in labels, as make up a micro-batch's share; at least one.
    """
    if settings.step_labels is None:
        starts = _starts_by_tokens(by_length, settings.lengths, settings.batch_tokens)
    else:
        starts = _starts_by_labels(by_length, settings, settings.step_labels)
    return np.stack([starts, np.append(starts[1:], len(by_length))], axis=1)


def _starts_by_tokens(by_length: NDArray[np.int32], lengths: Integers, batch_tokens: int) -> Bounds:
    """Where each micro-batch starts. Lengths never decrease, so neither does the padded size: a
    binary search finds the last example that fits.
    """
    starts, start = [], 0
    while start < len(by_length):
        starts.append(start)
        most = max(batch_tokens // max(int(lengths[by_length[start]]), 1), 1)
        window = lengths[by_length[start : start + most]].astype(np.int64)
        padded = window * np.arange(1, len(window) + 1)
        start += max(int(np.searchsorted(padded, batch_tokens, side="right")), 1)
    return np.asarray(starts, dtype=np.int64)


def _starts_by_labels(
    by_length: NDArray[np.int32], settings: PlanSettings, step_labels: int
) -> Bounds:
    """Where each micro-batch starts; each makes up for the surplus or deficit of the one before."""
    share = step_labels / settings.micro_batches_per_step
    starts, start, held, index = [0], 0, 0.0, 0
    for first in range(0, len(by_length), BLOCK_EXAMPLES):
        block = by_length[first : first + BLOCK_EXAMPLES]
        lengths, labels = settings.lengths[block].tolist(), settings.num_labels[block].tolist()
        for length, num_labels in zip(lengths, labels, strict=True):
            is_full = (index - start + 1) * length > settings.batch_tokens
            if index > start and (is_full or held + num_labels / 2 > share):  # nearest, not below
                starts.append(index)
                start, held = index, 0.0 if is_full else min(held - share, share)
            held += num_labels
            index += 1
    return np.asarray(starts, dtype=np.int64)


def _split_to_multiple(bounds: Bounds, multiple: int) -> Bounds:
    """Halve the largest micro-batch until every step is full."""
    while len(bounds) % multiple:
        largest = int(np.argmax(bounds[:, 1] - bounds[:, 0]))
        start, stop = bounds[largest].tolist()
        middle = start + (stop - start) // 2
        halves = np.asarray([[start, middle], [middle, stop]])
        bounds = np.concatenate([np.delete(bounds, largest, axis=0), halves])
    return bounds


def temper_weights(
    sizes: Sequence[int], weights: Sequence[float], temperature: float
) -> list[float]:
    """New weights, so that the share of a task with n examples is proportional to
    weight * n^(1/T) and the epoch stays as long as it was. T = 1 changes nothing.

    `sizes` are the tasks' numbers of examples; a weight says how often an epoch shows each of them.
    """
    epoch = sum(size * weight for size, weight in zip(sizes, weights, strict=True))
    shares = [
        weight * size ** (1 / temperature) for size, weight in zip(sizes, weights, strict=True)
    ]
    scale = epoch / sum(shares)
    return [scale * share / size for size, share in zip(sizes, shares, strict=True)]


def competence(step: int, curriculum_steps: int) -> float:
    """The share of examples, shortest first, that a step may show (Platanios et al., eq. 8)."""
    initial = INITIAL_COMPETENCE**2
    return min(1.0, math.sqrt(step * (1 - initial) / curriculum_steps + initial))


def plan_round(
    settings: PlanSettings, curriculum_steps: int, *, first_step: int
) -> list[list[MicroBatch]]:
    """The optimizer steps of one round of a curriculum (Platanios et al. 2019): passes over the
    allowed examples, each in a new order.

    An example is allowed if the share of shorter ones is below the competence at the first step of
    the round; if that is too few to fill a step, it is doubled until it is enough. A round depends
    on (seed, first step) alone, so a resumed training need not plan those before.
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
        chosen = replace(settings, weights=weights)
        steps += islice(arrange(drawn, chosen, random), num_steps - len(steps))
    return steps
