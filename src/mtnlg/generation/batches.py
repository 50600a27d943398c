"""What goes into a search, what comes out, and how prompts are cut into batches; knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtnlg.config import DecodingConfig
from mtnlg.generation.constraints import Constraints
from mtnlg.generation.strategies import find_strategy


@dataclass(frozen=True, slots=True)
class Output:
    """One continuation of a prompt."""

    ids: list[int]
    """The new ids, without the end-of-sequence id."""
    score: float
    """Sum of the log-probabilities of the new ids in nats, end-of-sequence included.

    For beams divided by length ** length_penalty.
    """
    is_finished: bool
    """Ended by the model, not by the limit."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Prompts that are searched together; no field of a row changes another row's outputs."""

    prompts: list[list[int]]
    limits: list[int]
    """Most new tokens of each row."""
    example_numbers: list[int]
    """Each row's place in its test set: what its random draws depend on."""
    eos_id: int
    forbidden_ids: list[int]
    """Ids that are never produced."""
    constraints: Constraints | None = None
    prefix_length: int | None = None
    """Tokens at the head of each prompt that see one another, where the model's prefix is
    bidirectional; None: all.
    """

    @property
    def longest_limit(self) -> int:
        return max(self.limits)


def new_token_limits(
    lengths: Sequence[int], *, max_new_tokens: int, context_length: int
) -> list[int]:
    """Most new tokens of each prompt; raises ValueError for an empty or too long one."""
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
    """Indices of prompts, longest first, in batches of one prompt or more.

    Of more than one, rows x copies x (prompt + new tokens) is at most `config.batch_tokens`, with
    padding counted.
    """
    copies = find_strategy(config).num_branches(config)
    batches: list[list[int]] = []
    widest = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        # The first prompt is the longest but not always the one with the longest limit.
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
