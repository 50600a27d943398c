"""What learned metrics share: batches of texts through an encoder, and how a model is named.

Shapes: B texts of a batch, T tokens, E width of the encoder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtnlg.artifacts.store import file_sha256
from mtnlg.errors import ArtifactError
from mtnlg.process.progress import Task, track

logger = logging.getLogger(__name__)

BATCH_TOKENS = 8_192
"""Most tokens of a batch, padding included, so that long texts do not take all memory."""
MANY_TEXTS = 500
"""From so many texts on, progress is shown."""
MAX_CACHED = 200_000
"""Most texts or pairs whose vectors or scores are kept."""
HASH_LENGTH = 12
"""Hexadecimal digits of the sha256 of weights in a signature."""
PACKAGES = ("torch", "transformers", "tokenizers")
"""Packages whose release can change a value in its last digits."""
NO_TRANSFORMERS = "the package transformers is not installed"


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def check_weights(missing: Sequence[str], unused: Sequence[str], path: Path) -> None:
    """Raise ArtifactError unless all weights of the model are in the file, and no others."""
    for names, problem in ((missing, "lacks"), (unused, "has weights that its settings lack:")):
        if names:
            raise ArtifactError(
                f"{path}: {problem} {names[0]} ({len(names)} weights); the files of the folder are "
                "of different models; download them again"
            )


def warn_of_full(sequences: Sequence[Sequence[int]], most: int) -> None:
    """Say how many texts have all tokens that the model reads, as what follows them is lost."""
    num_full = sum(len(sequence) >= most for sequence in sequences)
    if num_full:
        logger.warning(
            f"{num_full:,} of {len(sequences):,} texts fill the {most} tokens that the metric's "
            "model reads; what follows them does not count"
        )


def forget_many(cache: dict[Any, Any]) -> None:
    """Empty a cache that would take much memory."""
    if len(cache) > MAX_CACHED:
        cache.clear()


@torch.inference_mode()
def encode(
    network: Callable[[Tensor, Tensor], Tensor], sequences: Sequence[Sequence[int]], padding: int
) -> list[Tensor]:
    """What the network gives for each sequence of token ids, on the CPU and in their order.

    It takes ids and mask (B, T), both int64, and gives (B, ...); `padding` is the id of padding.
    """
    outputs = [torch.empty(0)] * len(sequences)
    device, total = best_device(), len(sequences)
    is_shown = total >= MANY_TEXTS
    with track("encoded texts", total) if is_shown else nullcontext(Task("", total)) as task:
        for indexes in _batches(sequences):
            shape = (len(indexes), len(sequences[indexes[0]]))
            ids, mask = torch.full(shape, padding), torch.zeros(shape, dtype=torch.int64)
            for row, index in enumerate(indexes):
                length = len(sequences[index])
                ids[row, :length] = torch.tensor(sequences[index])
                mask[row, :length] = 1
            batch = network(ids.to(device), mask.to(device)).float().cpu()
            for index, output in zip(indexes, batch, strict=True):
                outputs[index] = output
            task.advance(len(indexes))
    return outputs


def signature_of_model(folder: Path, weights: Sequence[Path], settings: str) -> str:
    """The model's name, the hash of its weights, its settings and the releases that compute it."""
    hashes = "+".join(file_sha256(path)[:HASH_LENGTH] for path in weights)
    releases = ",".join(f"{package}-{version(package)}" for package in PACKAGES)
    return f"model:{model_name(folder)}|weights:{hashes}|{settings}|version:{releases}"


def model_name(folder: Path) -> str:
    """The folder's name; of a snapshot in the hub's cache OWNER/NAME@REVISION."""
    folder = folder.absolute()
    repository = folder.parents[1].name if folder.parent.name == "snapshots" else ""
    if not repository.startswith("models--"):
        return folder.name
    return f"{repository.removeprefix('models--').replace('--', '/')}@{folder.name[:HASH_LENGTH]}"


def _batches(sequences: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Indexes of sequences that are encoded together, the longest first."""
    order = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
    while order:
        size = max(1, BATCH_TOKENS // len(sequences[order[0]]))
        yield order[:size]
        order = order[size:]
