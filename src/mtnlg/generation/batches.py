"""What goes into a search, what comes out, and how prompts are cut into batches and read.

Legend: B rows, T prompt width, S slots, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import commonprefix

import torch
from torch import Tensor
from torch.nn import functional as F

from mtnlg.config import DecodingConfig
from mtnlg.generation.constraints import Constraints, forbid
from mtnlg.generation.strategies import find_strategy
from mtnlg.model import KeyValueCache, Transformer

LEAST_SHARED = 64
"""Tokens of a shared beginning; prompts without examples share fewer."""


@dataclass(frozen=True, slots=True)
class Output:
    """One continuation of a prompt."""

    ids: list[int]
    """The new ids, without the end-of-sequence id."""
    score: float
    """Sum of the log-probabilities of the new ids in nats, end-of-sequence included; beam search
    divides it by length ** length_penalty.
    """
    is_finished: bool
    """Whether the model ended it, not the limit."""
    is_complete: bool = False
    """Whether it was ended since it needs no more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Prompts that are searched together; no row affects the outputs of another."""

    prompts: list[list[int]]
    limits: list[int]
    """Most new tokens of each row."""
    example_numbers: list[int]
    """Each row's index in its test set: its random draws depend on it."""
    eos_id: int
    forbidden_ids: list[int]
    """Ids that are never produced."""
    constraints: Constraints | None = None
    prefix_length: int | None = None
    """First tokens of each prompt that see one another in a bidirectional prefix; None: all."""
    is_complete: Callable[[Sequence[int]], bool] | None = None
    """As TextRules has it."""

    def completed(self, ids: Tensor) -> Tensor:
        """Which rows of new ids (B, T) need no more, (B,) bool."""
        if self.is_complete is None:
            return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        return torch.tensor([*map(self.is_complete, ids.tolist())], device=ids.device)

    def constrain(self, logits: Tensor, history: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and log-probabilities (..., V) float32 of what may follow `history` (..., T) of
        rows whose prompts are at `prompts` (B,); minus infinity for what may not.
        """
        logits = forbid(logits, self.forbidden_ids)
        if self.constraints is None:
            return logits, logits.log_softmax(-1)
        rows, histories = logits.flatten(0, -2), history.flatten(0, -2)
        prompts = prompts.repeat_interleave(len(rows) // len(prompts))
        allowed, log_probabilities = self.constraints.apply(rows, histories, prompts)
        return allowed.view_as(logits), log_probabilities.view_as(logits)


def new_token_limits(
    lengths: Sequence[int], *, max_new_tokens: int, context_length: int
) -> list[int]:
    """Most new tokens of each prompt; raises ValueError for a prompt that is empty or too long."""
    for number, length in enumerate(lengths):
        if not 1 <= length < context_length:
            raise ValueError(
                f"prompt {number} has {length} tokens; model.context_length={context_length} takes "
                f"1 to {context_length - 1} and one new token: cut the prompt before decoding"
            )
    return [min(max_new_tokens, context_length - length) for length in lengths]


def cut_batches(
    lengths: Sequence[int], limits: Sequence[int], *, config: DecodingConfig
) -> list[list[int]]:
    """Indices of prompts, longest first, in batches. In a batch of more than one prompt,
    rows x copies x (prompt + new tokens) is at most `config.batch_tokens`, padding included.
    """
    copies = find_strategy(config).num_branches(config)
    batches: list[list[int]] = []
    widest = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        # The first prompt is the longest but may not have the longest limit.
        room = max(widest, limits[index])
        rows = len(batches[-1]) + 1 if batches else 1
        width = lengths[batches[-1][0] if batches else index] + room
        if batches and rows * copies * width <= config.batch_tokens:
            batches[-1].append(index)
            widest = room
        else:
            batches.append([index])
            widest = limits[index]
    return batches


@dataclass(frozen=True, slots=True)
class PromptReading:
    """The state of a model after it read the prompts."""

    logits: Tensor
    """(B, V) float32, of the first new token."""
    cache: KeyValueCache
    lengths: Tensor
    """(B,) int64, tokens of each prompt."""
    is_real: Tensor
    """(B, T) bool, false for the padding on the left."""


def read_prompts(
    model: Transformer,
    prompts: list[list[int]],
    *,
    num_new_slots: int,
    prefix_length: int | None = None,
) -> PromptReading:
    """Read all prompts into a cache with `num_new_slots` more: a long beginning that all of them
    share once, then the rest, padded on the left. Their first `prefix_length` tokens (None: all)
    see one another if the model's prefix is bidirectional.

    Raises ValueError if the model's logits are not finite.
    """
    device, shared = model.token_embedding.weight.device, shared_length(model, prompts)
    width = max(len(prompt) for prompt in prompts) - shared
    padding = [shared + width - len(prompt) for prompt in prompts]
    rows = [[0] * num + prompt[shared:] for num, prompt in zip(padding, prompts, strict=True)]
    ids, lengths = (torch.tensor(given, device=device) for given in (rows, list(map(len, prompts))))
    positions = torch.arange(width, device=device) - torch.tensor(padding, device=device)[:, None]
    is_real = positions >= 0  # (B, T)
    is_padded = any(padding)
    is_bidirectional = model.config.is_prefix_bidirectional
    mask = None
    if is_padded or shared or (is_bidirectional and prefix_length is not None):
        mask = prompt_mask(is_real, is_bidirectional, prefix_length=prefix_length)
    num_slots = shared + width + num_new_slots
    cache = model.allocate_cache(1 if shared else len(prompts), num_slots)
    if shared:
        beginning = torch.tensor([prompts[0][:shared]], device=device)
        order = torch.arange(shared, device=device)[None]
        model.read(beginning, cache, positions=order, mask=None)
        cache.repeat_rows(len(prompts))
        mask = F.pad(mask, (shared, 0), value=True) if mask is not None else None
        is_real = F.pad(is_real, (shared, 0), value=True)
    positions = positions.clamp(min=0) + shared
    logits = model.extend(ids, cache, positions=positions, mask=mask).float()
    if not bool(logits.isfinite().all()):
        raise ValueError("the model's logits are not finite; its weights are broken")
    return PromptReading(logits, cache, lengths, is_real)


def shared_length(model: Transformer, prompts: list[list[int]]) -> int:
    """Tokens at the beginning of all prompts that are read once; 0 where that saves little, or
    where what they are read to depends on what follows.
    """
    config = model.config
    if len(prompts) == 1 or config.is_prefix_bidirectional or config.has_pointer:
        return 0
    beginning = commonprefix(prompts)  # noqa: RUF071, as it is of no paths
    shared = min(len(beginning), min(map(len, prompts)) - 1)
    return shared if shared >= LEAST_SHARED else 0


def prompt_mask(
    is_real: Tensor, is_bidirectional: bool, *, prefix_length: int | None = None
) -> Tensor:
    """Who may look at whom, (B, 1, T, T) bool; padding sees only itself."""
    width = is_real.shape[1]
    itself = torch.eye(width, dtype=torch.bool, device=is_real.device)
    may_look = is_real[:, None, :].expand(-1, width, -1)
    if not is_bidirectional:
        may_look = may_look.tril()
    elif prefix_length is not None:
        in_prefix = is_real & (is_real.cumsum(dim=1) <= prefix_length)  # (B, T)
        both = in_prefix[:, :, None] & in_prefix[:, None, :]
        may_look = may_look.tril() | both
    return (may_look | itself)[:, None]
