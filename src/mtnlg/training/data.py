"""From token arrays to batches: assembles, cuts and pads sequences by the plan of an epoch.

Legend: B batch, T time, N labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mtnlg.config import TaskKind
from mtnlg.inference import PromptBuilder, TaskPrompt
from mtnlg.inference.prompts import NUM_SPECIAL, cut_source
from mtnlg.tokenization.bpe_dropout import DropoutSegmenter
from mtnlg.tokenization.tokens import TokenSplit
from mtnlg.training.plan import (
    MicroBatch,
    PlanSettings,
    accumulation_for,
    curriculum_micro_batches,
    micro_batches,
    plan_epoch,
)


class Batch(NamedTuple):
    """What the model reads in one micro-batch."""

    ids: Tensor
    """(B, T) int64, padded on the right"""
    prefix_lengths: Tensor
    """(B,) int64: marker, source and separator"""
    label_index: Tensor
    """(N,) int64: positions in the flattened (B * T) whose next token is a label"""
    labels: Tensor
    """(N,) int64"""
    lengths: list[int]
    """Tokens of each row without padding"""
    num_step_labels: int
    """Labels of the whole optimizer step"""


@dataclass(frozen=True)
class TaskSplit:
    """One split of one task, ready to be made into sequences."""

    prompt: TaskPrompt
    tokens: TokenSplit
    weight: float


class SequenceDataset(Dataset[Batch]):
    """Micro-batches of whole sequences over the examples of several tasks, numbered one task after
    the other.
    """

    def __init__(
        self,
        splits: Sequence[TaskSplit],
        builder: PromptBuilder,
        *,
        segmenter: DropoutSegmenter | None = None,
    ) -> None:
        self.splits = splits
        self.builder = builder
        self.segmenter = segmenter
        self.starts = np.cumsum([0, *(len(split.tokens) for split in splits)])
        self.markers = [builder.tokenizer.marker_id(split.prompt.marker) for split in splits]
        self.longest_targets = [
            longest_target(split.prompt.kind, builder.context_length) for split in splits
        ]

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, item: MicroBatch) -> Batch:
        sequences = [
            self.sequence(example, draw=(item.step, item.place, row))
            for row, example in enumerate(item.examples)
        ]
        return collate(
            sequences, pad_id=self.builder.tokenizer.pad_id, num_step_labels=item.num_step_labels
        )

    def sequence(
        self, example: int, *, draw: tuple[int, ...] = ()
    ) -> tuple[NDArray[np.int64], int]:
        """Ids `<marker> source <sep> target <eos>`, cut to the context, and the length of the part
        before the target. Where there is a segmenter, `draw` says which of its segmentations.
        """
        place = int(np.searchsorted(self.starts, example, side="right")) - 1
        source, target = self.splits[place].tokens.example(example - int(self.starts[place]))
        if self.segmenter is not None:
            source = np.asarray(self.segmenter(source.tolist(), (*draw, 0)), dtype=np.uint32)
            target = np.asarray(self.segmenter(target.tolist(), (*draw, 1)), dtype=np.uint32)
        target = target[: self.longest_targets[place]]
        room = self.builder.source_room(len(target))
        source = cut_source(source, self.splits[place].prompt.kind, room)  # type: ignore[arg-type,assignment]
        tokenizer = self.builder.tokenizer
        parts = (
            [self.markers[place]],
            source,
            [tokenizer.separator_id],
            target,
            [tokenizer.end_id],
        )
        return np.concatenate(parts).astype(np.int64), len(source) + 2

    def lengths(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Tokens of each whole sequence, and labels of each, for all examples, as the tokenizer
        segments them: a segmenter gives longer ones.
        """
        totals, labels = (np.empty(len(self), dtype=np.int32) for _ in range(2))
        for first, split, longest in zip(
            self.starts, self.splits, self.longest_targets, strict=False
        ):
            for start, sources, targets in split.tokens.length_blocks():
                targets = np.minimum(targets, longest)
                sources = np.minimum(sources, self._source_rooms(targets))
                block = slice(first + start, first + start + len(targets))
                totals[block], labels[block] = sources + targets + NUM_SPECIAL, targets + 1
        return totals, labels

    def num_cut(self) -> tuple[int, int]:
        """How many examples lose part of their source, and of their target, to the context."""
        num_sources, num_targets = 0, 0
        for split, longest in zip(self.splits, self.longest_targets, strict=True):
            for _, sources, targets in split.tokens.length_blocks():
                kept = np.minimum(targets, longest)
                num_targets += int((targets > kept).sum())
                num_sources += int((sources > self._source_rooms(kept)).sum())
        return num_sources, num_targets

    def _source_rooms(self, targets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Source tokens that fit beside targets of these lengths."""
        context = self.builder.context_length
        return np.maximum(context - NUM_SPECIAL - targets, context // 2 - NUM_SPECIAL)

    def weights(self) -> NDArray[np.float64]:
        """How often each example is shown in an epoch; a single task's weight is held once."""
        if len(self.splits) == 1:
            return np.broadcast_to(np.float64(self.splits[0].weight), (len(self),))
        return np.concatenate([np.full(len(split.tokens), split.weight) for split in self.splits])


def longest_target(kind: TaskKind, context_length: int) -> int:
    """Target tokens that are kept: half of the context, or all of it where there is no source."""
    if kind is TaskKind.language_modeling:
        return context_length - NUM_SPECIAL
    return context_length // 2


def collate(
    sequences: Sequence[tuple[NDArray[np.int64], int]], *, pad_id: int, num_step_labels: int
) -> Batch:
    """Pad sequences on the right and say where their labels are: every token after the prefix."""
    lengths = [len(ids) for ids, _ in sequences]
    width = max(lengths)
    ids = np.full((len(sequences), width), pad_id, dtype=np.int64)
    index, labels = [], []
    for row, (sequence, prefix_length) in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        index.append(np.arange(prefix_length - 1, len(sequence) - 1) + row * width)
        labels.append(sequence[prefix_length:])
    return Batch(
        ids=torch.from_numpy(ids),
        prefix_lengths=torch.tensor([prefix_length for _, prefix_length in sequences]),
        label_index=torch.from_numpy(np.concatenate(index)),
        labels=torch.from_numpy(np.concatenate(labels)),
        lengths=lengths,
        num_step_labels=num_step_labels,
    )


class PlanSampler(Sampler[MicroBatch]):
    """One rank's micro-batches, endlessly, from an optimizer step on; it has no length, so
    Lightning sees one long epoch.
    """

    def __init__(
        self,
        settings: PlanSettings,
        *,
        rank: int,
        num_ranks: int,
        start_step: int,
        curriculum_steps: int | None = None,
    ) -> None:
        self.settings, self.rank, self.num_ranks, self.start_step = (
            settings,
            rank,
            num_ranks,
            start_step,
        )
        self.curriculum_steps = curriculum_steps

    def __iter__(self) -> Iterator[MicroBatch]:
        place = {
            "rank": self.rank,
            "num_ranks": self.num_ranks,
            "start_step": self.start_step,
        }
        if self.curriculum_steps is None:
            return micro_batches(self.settings, **place)
        return curriculum_micro_batches(self.settings, self.curriculum_steps, **place)


class TokenDataModule(lightning.LightningDataModule):
    """Training batches by plan from `start_step` on, and one fixed loader of validation batches for
    each task.
    """

    def __init__(
        self,
        train: SequenceDataset,
        validation: Sequence[SequenceDataset],
        *,
        seed: int,
        batch_tokens: int,
        accumulation: int,
        num_workers: int,
        max_validation_batches: int,
        start_step: int,
        curriculum_steps: int | None = None,
        step_labels: int | None = None,
        num_ranks: int = 1,
    ) -> None:
        super().__init__()
        self.train, self.validation = train, validation
        self.seed, self.batch_tokens, self.accumulation = seed, batch_tokens, accumulation
        self.curriculum_steps, self.step_labels = curriculum_steps, step_labels
        self.num_workers, self.max_validation_batches, self.start_step = (
            num_workers,
            max_validation_batches,
            start_step,
        )
        if step_labels is not None:
            settings = self._settings(train, seed, train.weights(), 1)
            self.accumulation = accumulation_for(settings, step_labels, num_ranks=num_ranks)

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None, "the DataModule is used outside of a Trainer"
        num_ranks = self.trainer.world_size
        settings = self._settings(
            self.train,
            self.seed,
            self.train.weights(),
            num_ranks * self.accumulation,
            step_labels=self.step_labels,
        )
        sampler = PlanSampler(
            settings,
            rank=self.trainer.global_rank,
            num_ranks=num_ranks,
            start_step=self.start_step,
            curriculum_steps=self.curriculum_steps,
        )
        return self._loader(self.train, sampler)

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        loaders = []
        for dataset in self.validation:
            settings = self._settings(dataset, 0, np.ones(len(dataset)), 1)
            batches = (batch for step in plan_epoch(settings, 0) for batch in step)
            chosen = list(islice(batches, self.max_validation_batches))
            loaders.append(self._loader(dataset, chosen))
        return loaders

    def _settings(
        self,
        dataset: SequenceDataset,
        seed: int,
        weights: NDArray[np.float64],
        micro_batches_per_step: int,
        *,
        step_labels: int | None = None,
    ) -> PlanSettings:
        lengths, num_labels = dataset.lengths()
        return PlanSettings(
            seed,
            lengths,
            num_labels,
            weights,
            self.batch_tokens,
            micro_batches_per_step,
            step_labels,
        )

    def _loader(
        self, dataset: SequenceDataset, sampler: Sampler[MicroBatch] | list[MicroBatch]
    ) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            batch_size=None,
            sampler=sampler,
            num_workers=self.num_workers,
            multiprocessing_context="fork" if self.num_workers else None,
        )
