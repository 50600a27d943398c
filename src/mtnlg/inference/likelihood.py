"""How likely given targets are: nats by teacher forcing, and the bytes to divide them by.

Sequences are those of training: a target longer than half of the context is cut, and an end is put
after the cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mtnlg.inference.prompts import PromptBuilder, TaskPrompt, label_index
from mtnlg.model import Transformer
from mtnlg.records.files import JsonObject

CHUNK_LABELS = 1_024
"""Labels whose logits exist at the same time."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The likelihood of one target."""

    nats: float
    """Minus the log-probability of the target's tokens and its end."""
    num_bytes: int
    """UTF-8 bytes of the tokens that count."""
    is_cut: bool
    """Whether the target did not fit, so that only its first tokens count."""

    def to_json(self, row_id: str) -> JsonObject:
        """A line of likelihood.jsonl."""
        return {"id": row_id, "target_nats": self.nats, "target_bytes": self.num_bytes}


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
    """The likelihood of each target given its source, in batches of one sequence or at most
    `batch_tokens` tokens, padding included.
    """
    tokenizer, longest = builder.tokenizer, builder.longest_target(task.kind)
    encoded = tokenizer.encode_batch(list(targets))
    pairs = zip(tokenizer.encode_batch(list(sources)), encoded, strict=True)
    sequences = [builder.sequence(source, target, task) for source, target in pairs]
    nats = np.empty(len(sequences))
    for batch in _batches([len(ids) for ids, _ in sequences], batch_tokens):
        nats[batch] = target_nats(model, [sequences[index] for index in batch]).cpu().numpy()
    num_bytes = [
        sum(len(tokenizer.token_bytes[token]) for token in target[:longest]) for target in encoded
    ]
    is_cut = [len(target) > longest for target in encoded]
    return [Likelihood(*values) for values in zip(nats.tolist(), num_bytes, is_cut, strict=True)]


def target_nats(model: Transformer, sequences: Sequence[tuple[NDArray[np.int64], int]]) -> Tensor:
    """The cross-entropy of the labels of each sequence, (B,) float64; a sequence comes with the
    length of its prefix.
    """
    device = model.token_embedding.weight.device
    prefix_lengths = [prefix_length for _, prefix_length in sequences]
    lengths = [len(ids) for ids, _ in sequences]
    width = max(lengths) - 1  # the last token of each is only a label
    ids = np.zeros((len(sequences), width), dtype=np.int64)
    for row, (sequence, _) in enumerate(sequences):
        ids[row, : len(sequence) - 1] = sequence[:-1]
    states = model.states(
        torch.tensor(ids, device=device),
        prefix_lengths=torch.tensor(prefix_lengths, device=device),
        label_index=torch.tensor(label_index(prefix_lengths, lengths, width=width), device=device),
    )
    targets = [ids[prefix:] for ids, prefix in sequences]
    labels = torch.tensor(np.concatenate(targets), device=device)
    chunks = [slice(start, start + CHUNK_LABELS) for start in range(0, len(labels), CHUNK_LABELS)]
    losses = torch.cat(
        [
            F.cross_entropy(model.logits(states.at(chunk)).float(), labels[chunk], reduction="none")
            for chunk in chunks
        ]
    )
    parts = torch.split(losses, [len(target) for target in targets])
    return torch.stack([part.double().sum() for part in parts])


def bits_per_byte(likelihoods: Sequence[Likelihood]) -> float:
    """The bits per byte of all targets together."""
    nats = sum(likelihood.nats for likelihood in likelihoods)
    return nats / math.log(2) / sum(likelihood.num_bytes for likelihood in likelihoods)


def _batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Indices of sequences, longest first, so that the first of a batch is as long as its width."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= batch_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
