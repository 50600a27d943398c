"""Sampling with temperature, top-k and top-p, by draws that no batch changes.

Legend: B rows (example and alternative), V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import Batch
from mtnlg.generation.randomness import uniform
from mtnlg.generation.ranking import largest
from mtnlg.generation.rows import Choose

NUCLEUS_GUESS = 256
"""Ids that are sorted before the whole vocabulary is: the nucleus is mostly smaller."""


def drawer(batch: Batch, config: DecodingConfig, device: torch.device) -> Choose:
    """Draws that depend on the seed, the example's number, the alternative and the step alone."""
    copies = config.num_alternatives
    examples = torch.tensor(batch.example_numbers, device=device).repeat_interleave(copies)
    alternatives = torch.arange(copies, device=device).repeat(len(batch.prompts))

    def choose(logits: Tensor, numbers: Tensor, step: int) -> Tensor:
        steps = torch.full_like(numbers, step)
        chances = uniform(config.seed, examples[numbers], alternatives[numbers], steps)
        return draw(truncate(logits, config), chances)

    return choose


def truncate(logits: Tensor, config: DecodingConfig) -> Tensor:
    """Logits (B, V) over the temperature, minus infinity outside top-k and then outside top-p."""
    logits = logits / config.temperature
    vocabulary_size = logits.shape[1]
    if config.top_k is not None and config.top_k < vocabulary_size:
        logits = keep_only(logits, largest(logits, config.top_k)[1])
    if config.top_p < 1:
        probabilities = logits.double().softmax(-1)
        for width in (min(NUCLEUS_GUESS, vocabulary_size), vocabulary_size):
            best, ids = largest(probabilities, width)
            before = best.cumsum(-1) - best  # mass of the likelier ids
            if bool((before[:, -1] >= config.top_p).all()):
                break
        # The first id is in every nucleus and stands in for those outside of it.
        logits = keep_only(logits, torch.where(before < config.top_p, ids, ids[:, :1]))
    return logits


def keep_only(logits: Tensor, ids: Tensor) -> Tensor:
    """Logits (B, V) with minus infinity everywhere but at `ids` (B, N)."""
    return torch.full_like(logits, -torch.inf).scatter(1, ids, logits.gather(1, ids))


def draw(logits: Tensor, chances: Tensor) -> Tensor:
    """Ids (B,) where the mass of `logits` (B, V), summed by id, passes `chances` (B,) in [0, 1)."""
    cumulative = logits.double().softmax(-1).cumsum(-1)
    total = cumulative[:, -1:]
    target = torch.minimum(chances[:, None] * total, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cumulative, target, right=True)[:, 0]
