"""How often the examples of each task are shown, by temperature (Arivazhagan et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence


def temper_weights(
    sizes: Sequence[int], weights: Sequence[float], temperature: float
) -> list[float]:
    """How often each example of a task is shown in an epoch, so that a task of n examples has its
    share in proportion to weight * n^(1/T) and the epoch is as long as it was.

    `sizes` are the tasks' numbers of examples, `weights` how often each of their examples was shown
    in an epoch. T = 1 gives the weights themselves.
    """
    epoch = sum(size * weight for size, weight in zip(sizes, weights, strict=True))
    shares = [
        weight * size ** (1 / temperature) for size, weight in zip(sizes, weights, strict=True)
    ]
    scale = epoch / sum(shares)
    return [scale * share / size for size, share in zip(sizes, shares, strict=True)]
