"""BPE-dropout (Provilkov et al. 2020): a training text is segmented anew each time it is shown,
with merges left out at random.

Hugging Face's dropout cannot be seeded, so a resumed training would read different ids. Here the
segmentation depends only on (seed, draw) and the ids.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import pairwise

from mtnlg.errors import ConfigError
from mtnlg.tokenization.tokenizer import TextTokenizer

Draw = tuple[int, ...]
"""The number of a showing of a text; each gives its text another segmentation."""


class DropoutSegmenter:
    """Segments the text of ids again, with the merges of a trained tokenizer."""

    def __init__(self, tokenizer: TextTokenizer, *, probability: float, seed: int) -> None:
        self.tokenizer = tokenizer
        self.probability = probability
        self.seed = seed
        model = json.loads(tokenizer.to_json())["model"]
        if model["type"] != "BPE":
            raise ConfigError(
                f"trainer.bpe_dropout={probability}: the tokenizer is {model['type']}, which has "
                "no merges to drop; choose a BPE tokenizer, or trainer.bpe_dropout=null"
            )
        self.vocabulary: dict[str, int] = model["vocab"]
        self.merges: dict[tuple[int, int], tuple[int, int]] = {}
        """A pair of ids -> its rank (lower merges earlier) and the merged id."""
        for rank, merge in enumerate(model["merges"]):
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            pair = (self.vocabulary[left], self.vocabulary[right])
            self.merges[pair] = (rank, self.vocabulary[left + right])

    def __call__(self, ids: Sequence[int], draw: Draw) -> list[int]:
        """New ids of the same text; the same ids where they are cut inside a character, or where
        the text has U+FFFD itself.
        """
        text = self.tokenizer.decode(ids)
        if "\ufffd" in text:
            return list(ids)
        generator = random.Random(" ".join(map(str, (self.seed, *draw))))
        segmented: list[int] = []
        for word in self.tokenizer.words(text):
            segmented += self._segment(word, generator)
        return segmented

    def _segment(self, word: str, generator: random.Random) -> list[int]:
        """Algorithm 1 of the paper: each step drops possible merges at random and applies the
        earliest merge that is left, wherever it was not dropped.
        """
        ids = [self.vocabulary[byte] for byte in word]
        merges, probability, draw = self.merges, self.probability, generator.random
        while len(ids) > 1:
            possible = [
                (*merge, index)
                for index, pair in enumerate(pairwise(ids))
                if (merge := merges.get(pair)) is not None and draw() >= probability
            ]
            if not possible:
                break
            rank, merged, _ = min(possible)
            shift, last = 0, -2
            for index in (index for merge_rank, _, index in possible if merge_rank == rank):
                if index > last + 1:  # of three equal tokens only two are merged
                    ids[index - shift : index - shift + 2] = [merged]
                    shift, last = shift + 1, index
        return ids
