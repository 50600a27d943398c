"""What an output must and must not contain: logits and history in, what a search may choose out.

History is the new tokens without the prompt, because repeating the source is fine. Banned tokens
keep their share of the probability, as in fairseq and in Hugging Face's beam search: a score is the
sum of the model's own log-probabilities. Only a repetition penalty changes them.

Legend: R rows (each beam is one), T new tokens so far, V vocabulary, N states.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtnlg.config import DecodingConfig


@dataclass(frozen=True, slots=True)
class BannedTexts:
    """An automaton that reads tokens and knows which next ones would complete a banned text."""

    next_states: Tensor
    """(N, V) int64; an output begins in state 0."""
    is_banned: Tensor
    """(N, V) bool, tokens that complete a text."""
    memory: int
    """How many of the last tokens decide the state."""

    def after(self, history: Tensor) -> Tensor:
        """Tokens that may not follow each row of `history` (R, T), (R, V) bool."""
        states = torch.zeros(len(history), dtype=torch.int64, device=history.device)
        for position in range(max(history.shape[1] - self.memory, 0), history.shape[1]):
            states = self.next_states[states, history[:, position]]
        return self.is_banned[states]


@dataclass(frozen=True, slots=True)
class TextRules:
    """The settings that are about texts and sources, in ids."""

    source_lengths: Sequence[int] | None = None
    """Source tokens of each prompt; relative limits need them."""
    forced_ids: Sequence[int] = ()
    """The beginning of every output."""
    banned_texts: BannedTexts | None = None
    is_complete: Callable[[Sequence[int]], bool] | None = None
    """Whether an output needs no more than these ids; strategies that choose token by token end it
    there. None: only its end or limit ends it.
    """

    def check(self, config: DecodingConfig) -> None:
        """Raise ValueError if a setting came without its ids, so that none is silently ignored."""
        ratios = (config.max_length_ratio, config.min_length_ratio)
        has_all = (
            ("length_ratio", any(ratios), self.source_lengths is not None),
            ("bad_words", config.bad_words is not None, self.banned_texts is not None),
            ("forced_prefix", config.forced_prefix is not None, len(self.forced_ids) > 0),
        )
        for name, is_set, is_given in has_all:
            if is_set and not is_given:
                raise ValueError(f"decoding.{name} is set, and its part of the rules is missing")


NO_RULES = TextRules()


@dataclass(frozen=True, slots=True)
class Constraints:
    """The rules for the rows of one batch."""

    eos_id: int
    no_repeat_ngram_size: int | None = None
    repetition_penalty: float | None = None
    minimums: Tensor | None = None
    """(B,) int64, least new tokens of each prompt, not counting the end."""
    forced_ids: list[int] = field(default_factory=list)
    banned_texts: BannedTexts | None = None

    def apply(self, logits: Tensor, history: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and log-probabilities (R, V), minus infinity for banned tokens. A row without any
        other token ends.

        `history` (R, T) int64; `prompts` (R,) int64, indices of the rows' prompts in the batch.
        """
        if self.repetition_penalty is not None:
            logits = penalize(logits, history, self.repetition_penalty)
        log_probabilities = logits.log_softmax(-1)
        is_banned = self._banned(logits, history, prompts)
        is_stuck = logits.masked_fill(is_banned, -torch.inf).amax(-1) == -torch.inf
        is_banned[is_stuck, self.eos_id] = False
        return (
            logits.masked_fill(is_banned, -torch.inf),
            log_probabilities.masked_fill(is_banned, -torch.inf),
        )

    def _banned(self, logits: Tensor, history: Tensor, prompts: Tensor) -> Tensor:
        length = history.shape[1]
        if length < len(self.forced_ids):
            is_banned = torch.ones_like(logits, dtype=torch.bool)
            is_banned[:, self.forced_ids[length]] = False
            return is_banned
        is_banned = torch.zeros_like(logits, dtype=torch.bool)
        if self.no_repeat_ngram_size is not None:
            ban_repeats(is_banned, history, self.no_repeat_ngram_size)
        if self.banned_texts is not None:
            is_banned |= self.banned_texts.after(history)
        if self.minimums is not None:
            is_banned[:, self.eos_id] |= length < self.minimums[prompts]
        return is_banned


def forbid(logits: Tensor, forbidden_ids: list[int]) -> Tensor:
    """Logits (..., V) in float32, minus infinity for the forbidden ids, changed in place."""
    logits = logits.float()
    if forbidden_ids:
        logits[..., forbidden_ids] = -torch.inf
    return logits


def penalize(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Logits (R, V) with those of ids in `history` (R, T) divided by the penalty if positive, and
    multiplied by it if not.
    """
    seen = logits.gather(1, history)
    return logits.scatter(1, history, torch.where(seen < 0, seen * penalty, seen / penalty))


def ban_repeats(is_banned: Tensor, history: Tensor, size: int) -> None:
    """Mark, in `is_banned` (R, V), ids that would repeat `size` tokens of `history` (R, T)."""
    length = history.shape[1]
    if length < size:
        return
    windows = history.unfold(1, size, 1)  # (R, T - size + 1, size)
    last = history[:, length - size + 1 :]  # (R, size - 1)
    is_repeat = (windows[:, :, :-1] == last[:, None]).all(-1)
    rows, positions = is_repeat.nonzero(as_tuple=True)
    is_banned[rows, windows[rows, positions, -1]] = True


def compile_constraints(
    config: DecodingConfig,
    rules: TextRules,
    indices: Sequence[int],
    *,
    eos_id: int,
    device: torch.device,
) -> Constraints | None:
    """The constraints for the prompts at `indices`; None if there are none."""
    minimums = least_new_tokens(config, rules, indices)
    is_off = (
        config.no_repeat_ngram_size is None
        and config.repetition_penalty is None
        and not any(minimums)
        and not rules.forced_ids
        and rules.banned_texts is None
    )
    if is_off:
        return None
    return Constraints(
        eos_id,
        no_repeat_ngram_size=config.no_repeat_ngram_size,
        repetition_penalty=config.repetition_penalty,
        minimums=torch.tensor(minimums, device=device) if any(minimums) else None,
        forced_ids=list(rules.forced_ids),
        banned_texts=rules.banned_texts,
    )


def least_new_tokens(config: DecodingConfig, rules: TextRules, indices: Sequence[int]) -> list[int]:
    """Least new tokens of the prompts at `indices`."""
    least = config.min_new_tokens or 0
    if config.min_length_ratio is None:
        return [least for _ in indices]
    assert rules.source_lengths is not None, "checked before"
    ratio = config.min_length_ratio
    return [max(least, _ceiling(ratio * rules.source_lengths[index])) for index in indices]


def relative_limits(limits: Sequence[int], config: DecodingConfig, rules: TextRules) -> list[int]:
    """Limits of all prompts, lowered by `max_length_ratio`; a forced prefix and one more token
    always fit.
    """
    if config.max_length_ratio is None:
        return list(limits)
    assert rules.source_lengths is not None, "checked before"
    constant, least = config.max_length_constant or 0, len(rules.forced_ids) + 1
    longest = (
        _floor(config.max_length_ratio * length) + constant for length in rules.source_lengths
    )
    return [min(limit, max(most, least)) for limit, most in zip(limits, longest, strict=True)]


def _floor(value: float) -> int:
    """The floor of a product such as 0.29 * 100, which is a little below 29 in floating point."""
    return math.floor(value + 1e-9)


def _ceiling(value: float) -> int:
    return math.ceil(value - 1e-9)
