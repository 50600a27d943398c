"""The largest values of long rows, exact in their order and faster than `torch.topk`.

Legend: R rows, V values in a row, N values asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK_SIZE = 64
"""Values with a common maximum: a few vector registers."""


def largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest values of each row of (R, V) and their indices, both (R, N), sorted; of
    equal values the first comes first.

    They lie in the N chunks with the largest maxima, so one cheap pass leaves few candidates.
    """
    num_rows, width = values.shape
    num_chunks = width // CHUNK_SIZE
    if num_chunks <= 2 * count:
        return _largest(values, count)
    body_width = num_chunks * CHUNK_SIZE
    body, tail = values[:, :body_width], values[:, body_width:]
    chunked = body.reshape(num_rows, num_chunks, CHUNK_SIZE)
    _, chunks = _largest(chunked.amax(-1), count)
    chunks = chunks.sort(-1).values  # so that the candidates stay in the order of the ids
    rows = torch.arange(num_rows, device=values.device)[:, None]
    ids = chunks[:, :, None] * CHUNK_SIZE + torch.arange(CHUNK_SIZE, device=values.device)
    tail_ids = torch.arange(body_width, width, device=values.device).expand(num_rows, -1)
    candidates = torch.cat([chunked[rows, chunks].flatten(1), tail], dim=1)
    best, indices = _largest(candidates, count)
    return best, torch.cat([ids.flatten(1), tail_ids], dim=1).gather(1, indices)


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As `largest`, by `torch.topk`; sorts rows with ties, whose order `topk` leaves open."""
    if count >= values.shape[1]:
        ordered = values.sort(dim=1, descending=True, stable=True)
        return ordered.values[:, :count], ordered.indices[:, :count]
    best, indices = values.topk(count + 1, dim=1)
    is_tied = (best[:, 1:] == best[:, :-1]).any(1)
    if bool(is_tied.any()):
        ordered = values[is_tied].sort(dim=1, descending=True, stable=True)
        best[is_tied] = ordered.values[:, : count + 1]
        indices[is_tied] = ordered.indices[:, : count + 1]
    return best[:, :count], indices[:, :count]
