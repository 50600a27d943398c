"""How likely a model finds given targets: nats by teacher forcing, and bytes to share them over.

Sequences are those of training: a target that is longer than half of the context is cut, and its
end follows where it is cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtnlg.inference.prompts import PromptBuilder, TaskPrompt
from mtnlg.model import Transformer
from mtnlg.records.files import JsonObject

CHUNK_LABELS = 1_024
"""Labels whose logits exist at once."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of one target."""

    nats: float
    """Minus the log-probability of the target's tokens and its end."""
    num_bytes: int
    """UTF-8 bytes of the tokens that were read."""
    is_cut: bool
    """The target did not fit, and its first tokens alone count."""


@torch.inference_mode()
def target_likelihoods(
    model: Transformer,
    builder: PromptBuilder,
    sources: Sequence[str],
    targets: Sequence[str],
    task: TaskPrompt,
    *,
    batch_tokens: int,
) -> list[Likelihood]:
    """The likelihood of each target after its source, in batches of at most `batch_tokens` tokens
    (or one sequence), padding counted.
    """
    tokenizer, longest = builder.tokenizer, builder.context_length // 2
    encoded = tokenizer.encode_batch(list(targets))
    kept = [ids[:longest] for ids in encoded]
    prompts = [
        builder.build(ids, task, output_length=len(target))[0]
        for ids, target in zip(tokenizer.encode_batch(list(sources)), kept, strict=True)
    ]
    labels = [[*target, tokenizer.end_id] for target in kept]
    nats = [0.0] * len(kept)
    for batch in _batches(prompts, labels, batch_tokens):
        values = target_nats(
            model, [prompts[index] for index in batch], [labels[index] for index in batch]
        )
        for index, value in zip(batch, values.tolist(), strict=True):
            nats[index] = value
    num_bytes = [sum(len(tokenizer.token_bytes[one]) for one in target) for target in kept]
    is_cut = [len(target) > longest for target in encoded]
    return [Likelihood(*one) for one in zip(nats, num_bytes, is_cut, strict=True)]


def target_nats(
    model: Transformer, prompts: Sequence[list[int]], labels: Sequence[list[int]]
) -> Tensor:
    """Cross-entropy of each row's labels after its prompt, (B,) float64."""
    device = model.token_embedding.weight.device
    rows = [prompt + target[:-1] for prompt, target in zip(prompts, labels, strict=True)]
    width = max(len(row) for row in rows)
    places = [
        number * width + len(prompt) - 1 + step
        for number, (prompt, target) in enumerate(zip(prompts, labels, strict=True))
        for step in range(len(target))
    ]
    states = model.states(
        torch.tensor([row + [0] * (width - len(row)) for row in rows], device=device),
        prefix_lengths=torch.tensor([len(prompt) for prompt in prompts], device=device),
        label_index=torch.tensor(places, device=device),
    )
    flat = torch.tensor([one for target in labels for one in target], device=device)
    chunks = [slice(start, start + CHUNK_LABELS) for start in range(0, len(flat), CHUNK_LABELS)]
    losses = torch.cat(
        [
            F.cross_entropy(model.logits(states.at(chunk)).float(), flat[chunk], reduction="none")
            for chunk in chunks
        ]
    )
    parts = torch.split(losses, [len(target) for target in labels])
    return torch.stack([part.double().sum() for part in parts])


def bits_per_byte(likelihoods: Sequence[Likelihood]) -> float:
    """Of all targets together."""
    nats = sum(one.nats for one in likelihoods)
    return nats / math.log(2) / sum(one.num_bytes for one in likelihoods)


def likelihood_record(row_id: str, likelihood: Likelihood) -> JsonObject:
    """A line of likelihood.jsonl."""
    return {
        "id": row_id,
        "target_nats": likelihood.nats,
        "target_bytes": likelihood.num_bytes,
    }


def _batches(
    prompts: Sequence[list[int]], labels: Sequence[list[int]], batch_tokens: int
) -> list[list[int]]:
    """Indices of sequences, longest first, so that the first of a batch says how wide it is."""
    lengths = [len(prompt) + len(target) for prompt, target in zip(prompts, labels, strict=True)]
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= batch_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
