"""The loop for strategies that choose token by token, and greedy search, the simplest of them.

Legend: B rows still decoded, T new tokens, S cache slots, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtnlg.generation.batches import Batch, Output, read_prompts
from mtnlg.generation.ranking import largest
from mtnlg.model import Transformer

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""(logits (B, V), row numbers (B,), step from 0) -> the chosen ids (B,)."""


def likeliest(logits: Tensor, numbers: Tensor, step: int) -> Tensor:
    """Greedy search: the id of the largest logit of each row of (B, V), the lowest of equals."""
    return largest(logits, 1)[1][:, 0]


@dataclass(slots=True)
class Rows:
    """The rows that are not over."""

    numbers: Tensor
    """(B,) int64, indices among the rows that the search began with."""
    lengths: Tensor
    """(B,) int64, tokens of the prompts."""
    limits: Tensor
    """(B,) int64, most new tokens."""
    visible: Tensor
    """(B, S) bool, slots that a new token may look at."""
    ids: Tensor
    """(B, T) int64, the new tokens so far."""
    scores: Tensor
    """(B,) float32, sums of their log-probabilities."""

    def take(self, order: Tensor) -> Rows:
        return Rows(*(getattr(self, name)[order] for name in self.__slots__))


def decode_rows(
    model: Transformer, batch: Batch, choose: Choose, *, copies: int = 1
) -> list[Output]:
    """`copies` outputs for each prompt, side by side, with the tokens that `choose` chooses."""
    outputs: list[Output | None] = [None] * (len(batch.prompts) * copies)
    for _ in walk_rows(model, batch, choose, copies=copies, outputs=outputs):
        pass
    return [output for output in outputs if output is not None]


def walk_rows(
    model: Transformer,
    batch: Batch,
    choose: Choose,
    *,
    copies: int = 1,
    outputs: list[Output | None],
) -> Iterator[Tensor]:
    """The ids chosen at each step, (B,), ends included; fills `outputs` as rows come to an end."""
    num_steps = max(batch.limits)
    reading = read_prompts(
        model, batch.prompts, num_new_slots=num_steps - 1, prefix_length=batch.prefix_length
    )
    is_padded = not bool(reading.is_real.all())
    cache, logits = reading.cache, reading.logits
    rows = start_rows(reading.lengths, reading.is_real, batch.limits)
    if copies > 1:
        copied = torch.arange(len(logits), device=logits.device).repeat_interleave(copies)
        cache.repeat_rows(copies)
        logits, rows = logits[copied], rows.take(copied)
        rows.numbers = torch.arange(len(logits), device=logits.device)
    for step in range(num_steps):
        logits, log_probabilities = batch.constrain(
            logits, rows.ids[:, :step], rows.numbers // copies
        )
        chosen = choose(logits, rows.numbers, step)
        rows.ids[:, step] = chosen
        rows.scores += log_probabilities.gather(1, chosen[:, None])[:, 0]
        yield chosen
        is_end = chosen == batch.eos_id
        is_complete = batch.completed(rows.ids[:, : step + 1])
        is_over = is_end | is_complete | (rows.limits == step + 1)
        if bool(is_over.any()):
            finalize(rows, is_over, is_end, is_complete, num_tokens=step + 1, outputs=outputs)
            rows = rows.take(order := cache.drop_rows(is_over))
            if len(order) == 0:
                break
        mask = widen(rows.visible, step + 1)[:, None, None] if is_padded else None  # (B, 1, 1, S)
        logits = model.extend(
            rows.ids[:, step : step + 1],
            cache,
            positions=(rows.lengths + step)[:, None],
            mask=mask,
        )


def start_rows(lengths: Tensor, is_real: Tensor, limits: list[int]) -> Rows:
    """Rows without new tokens, one for each prompt."""
    num_rows, device = len(lengths), lengths.device
    return Rows(
        numbers=torch.arange(num_rows, device=device),
        lengths=lengths,
        limits=torch.tensor(limits, device=device),
        visible=is_real,
        ids=torch.zeros(num_rows, max(limits), dtype=torch.int64, device=device),
        scores=torch.zeros(num_rows, device=device),
    )


def widen(visible: Tensor, num_slots: int) -> Tensor:
    """Visibility (..., S) bool with `num_slots` more slots that are seen."""
    return F.pad(visible, (0, num_slots), value=True)


def finalize(
    rows: Rows,
    is_over: Tensor,
    is_end: Tensor,
    is_complete: Tensor,
    *,
    num_tokens: int,
    outputs: list[Output | None],
) -> None:
    """Store the outputs of the rows that are over; (B,) `is_end`: whether the model ended a row,
    `is_complete`: whether it needs no more.
    """
    over = zip(
        rows.numbers[is_over].tolist(),
        rows.ids[is_over, :num_tokens].tolist(),
        rows.scores[is_over].tolist(),
        is_end[is_over].tolist(),
        is_complete[is_over].tolist(),
        strict=True,
    )
    for number, ids, score, is_finished, has_all in over:
        ids = ids[:-1] if is_finished else ids
        outputs[number] = Output(ids, score, is_finished, has_all)
