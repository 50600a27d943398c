"""Token arrays to batches: builds, cuts and pads the sequences of a plan.

Legend: B batch, T time, N labels.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mtnlg.config import TrainerConfig
from mtnlg.errors import ConfigError
from mtnlg.inference import PromptBuilder, TaskPrompt
from mtnlg.inference.prompts import NUM_SPECIAL, label_index
from mtnlg.process.signals import SIGNALS, outlive_one
from mtnlg.tokenization.bpe_dropout import DropoutSegmenter
from mtnlg.tokenization.tokens import TokenSplit
from mtnlg.training.plan import (
    MicroBatch,
    PlanSettings,
    accumulation_for,
    micro_batches,
    plan_epoch,
)


class Batch(NamedTuple):
    """The tensors of one micro-batch."""

    ids: Tensor
    """(B, T) int64, padded on the right"""
    prefix_lengths: Tensor
    """(B,) int64, tokens up to the separator"""
    label_index: Tensor
    """(N,) int64, positions in the flattened (B * T) whose next token is a label"""
    labels: Tensor
    """(N,) int64"""
    lengths: list[int]
    """Tokens of each row without padding"""
    num_step_labels: int
    """Labels of the whole optimizer step"""


@dataclass(frozen=True)
class TaskSplit:
    """One split of one task."""

    prompt: TaskPrompt
    tokens: TokenSplit
    weight: float


class SequenceDataset(Dataset[Batch]):
    """Micro-batches from the examples of several tasks, which are numbered task after task."""

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

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, item: MicroBatch) -> Batch:
        sequences = [
            self.sequence(example, draw=(item.step, item.position, row))
            for row, example in enumerate(item.examples)
        ]
        return collate(
            sequences, pad_id=self.builder.tokenizer.pad_id, num_step_labels=item.num_step_labels
        )

    def sequence(
        self, example: int, *, draw: tuple[int, ...] = ()
    ) -> tuple[NDArray[np.int64], int]:
        """The sequence of an example and its prefix length, as PromptBuilder.sequence gives them.
        `draw` chooses among a segmenter's segmentations.
        """
        index = int(np.searchsorted(self.starts, example, side="right")) - 1
        split = self.splits[index]
        source, target = split.tokens.example(example - int(self.starts[index]))
        if self.segmenter is not None:
            source = np.asarray(self.segmenter(source.tolist(), (*draw, 0)), dtype=np.uint32)
            target = np.asarray(self.segmenter(target.tolist(), (*draw, 1)), dtype=np.uint32)
        return self.builder.sequence(source, target, split.prompt)

    def lengths(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The number of tokens and of labels of every sequence. A segmenter is ignored here; it
        makes them longer.
        """
        totals, labels = (np.empty(len(self), dtype=np.int32) for _ in range(2))
        for first, split in zip(self.starts, self.splits, strict=False):
            for start, sources, targets in split.tokens.length_blocks():
                sources, targets = self.builder.kept_lengths(sources, targets, split.prompt.kind)
                block = slice(first + start, first + start + len(targets))
                totals[block], labels[block] = sources + targets + NUM_SPECIAL, targets + 1
        return totals, labels

    def num_cut(self) -> tuple[int, int]:
        """How many sources and how many targets are cut to fit the context."""
        num_sources, num_targets = 0, 0
        for split in self.splits:
            for _, sources, targets in split.tokens.length_blocks():
                kept = self.builder.kept_lengths(sources, targets, split.prompt.kind)
                num_sources += int((sources > kept[0]).sum())
                num_targets += int((targets > kept[1]).sum())
        return num_sources, num_targets

    def weights(self) -> NDArray[np.float64]:
        """How often each example is shown in an epoch; takes no memory for a single task."""
        if len(self.splits) == 1:
            return np.broadcast_to(np.float64(self.splits[0].weight), (len(self),))
        return np.concatenate([np.full(len(split.tokens), split.weight) for split in self.splits])


def num_ranks() -> int:
    """Processes that train together: those of torchrun, or this one alone."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def collate(
    sequences: Sequence[tuple[NDArray[np.int64], int]], *, pad_id: int, num_step_labels: int
) -> Batch:
    """A batch of sequences and their prefix lengths, padded on the right."""
    lengths = [len(ids) for ids, _ in sequences]
    prefix_lengths = [prefix_length for _, prefix_length in sequences]
    ids = np.full((len(sequences), max(lengths)), pad_id, dtype=np.int64)
    for row, (sequence, _) in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    index = label_index(prefix_lengths, lengths, width=max(lengths))
    return Batch(
        ids=torch.from_numpy(ids),
        prefix_lengths=torch.tensor(prefix_lengths),
        label_index=torch.from_numpy(index),
        labels=torch.from_numpy(np.concatenate([ids[prefix:] for ids, prefix in sequences])),
        lengths=lengths,
        num_step_labels=num_step_labels,
    )


@dataclass(frozen=True, eq=False)
class PlanSampler(Sampler[MicroBatch]):
    """A stream of micro-batches. It has no length, so Lightning sees one long epoch."""

    stream: Callable[[], Iterator[MicroBatch]]

    def __iter__(self) -> Iterator[MicroBatch]:
        return self.stream()


class TokenDataModule(lightning.LightningDataModule):
    """Training batches from `start_step` on, and a fixed loader of validation batches per task."""

    def __init__(
        self,
        train: SequenceDataset,
        validation: Sequence[SequenceDataset],
        settings: TrainerConfig,
        *,
        seed: int,
        start_step: int,
    ) -> None:
        super().__init__()
        self.train, self.validation, self.settings = train, validation, settings
        self.seed, self.start_step, self.num_ranks = seed, start_step, num_ranks()
        self.accumulation = settings.accumulation
        """Micro-batches per optimizer step and process."""
        if settings.step_target_tokens is not None:
            self.accumulation = accumulation_for(
                self._plan(train, train.weights()),
                settings.step_target_tokens,
                num_ranks=settings.devices,
            )

    @property
    def rank_accumulation(self) -> int:
        """Micro-batches per optimizer step of each process that there is, however many were
        planned: the examples of a step stay the same.
        """
        planned = self.settings.devices * self.accumulation
        if planned % self.num_ranks:
            raise ConfigError(
                f"torchrun started {self.num_ranks} processes, but a step has {planned} "
                "micro-batches (trainer.devices x trainer.accumulation); start a number that "
                "divides it"
            )
        return planned // self.num_ranks

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None, "the DataModule is used outside of a Trainer"
        stream = partial(
            micro_batches,
            self._training_plan(),
            rank=self.trainer.global_rank,
            num_ranks=self.num_ranks,
            start_step=self.start_step,
            curriculum_steps=self.settings.curriculum_steps or 0,
        )
        return self._loader(self.train, PlanSampler(stream))

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        loaders = []
        for dataset in self.validation:
            steps = plan_epoch(self._plan(dataset, np.ones(len(dataset))), 0)
            batches = islice(chain.from_iterable(steps), self.settings.limit_val_batches)
            loaders.append(self._loader(dataset, list(batches)))
        return loaders

    def horizon(self) -> int:
        """Optimizer steps of the training: as set, or of the curriculum and `max_epochs` epochs."""
        if self.settings.max_epochs is None:
            return self.settings.horizon
        plan = self._training_plan()
        epochs = range(self.settings.max_epochs)
        num_steps = sum(len(plan_epoch(plan, epoch)) for epoch in epochs)
        return num_steps + (self.settings.curriculum_steps or 0)

    def _training_plan(self) -> PlanSettings:
        return replace(
            self._plan(self.train, self.train.weights(), seed=self.seed),
            micro_batches_per_step=self.settings.devices * self.accumulation,
            step_labels=self.settings.step_target_tokens,
        )

    def _plan(
        self, dataset: SequenceDataset, weights: NDArray[np.float64], *, seed: int = 0
    ) -> PlanSettings:
        """A plan whose steps are single micro-batches with any number of labels."""
        lengths, num_labels = dataset.lengths()
        return PlanSettings(seed, lengths, num_labels, weights, self.settings.batch_tokens, 1)

    def _loader(
        self, dataset: SequenceDataset, sampler: Sampler[MicroBatch] | list[MicroBatch]
    ) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            batch_size=None,
            sampler=sampler,
            num_workers=self.settings.num_workers,
            multiprocessing_context="fork" if self.settings.num_workers else None,
            worker_init_fn=_outlive_one_signal,
        )


def _outlive_one_signal(worker: int) -> None:
    """What ends the group of processes lets the training finish its step, for which it needs
    batches.
    """
    for number in SIGNALS:
        signal.signal(number, outlive_one)
