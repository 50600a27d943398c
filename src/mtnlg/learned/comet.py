"""COMET and CometKiwi (Rei et al. 2020, 2022): scores of texts, computed in float32."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.learned.comet_folder import (
    make_settings,
    read_encoder,
    read_hparams,
    read_weights,
)
from mtnlg.learned.comet_network import CometNetwork, join
from mtnlg.learned.encoder import (
    best_device,
    check_weights,
    encode,
    forget_many,
    signature_of_model,
    warn_of_full,
)

COVERING = ("xlm-roberta", "infoxlm")
"""Beginnings of encoders that have learned LANGUAGES alone."""
LANGUAGES = (
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he "
    "hi hr hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my nb ne nl nn "
    "no om or pa pl ps pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh "
    "yi zh"
)
"""ISO 639-1 codes of CC-100, from which XLM-R learned (Conneau et al. 2020, table 6)."""


class Comet:
    """A model of one folder; vectors of texts and scores of pairs are kept for the next system."""

    def __init__(self, folder: Path, class_identifier: str) -> None:
        hparams = read_hparams(folder, class_identifier)
        weights, saved, path = read_weights(folder)
        self.settings = make_settings(hparams, saved)
        self.tokenizer, encoder = read_encoder(folder, self.settings, weights, path)
        self.padding = int(encoder.config.pad_token_id)
        self.separator = self.tokenizer.get_vocab()["</s>"]
        self.max_positions = int(encoder.config.max_position_embeddings) - 2
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.max_positions - 2)
        self.network = CometNetwork(encoder, self.settings, self.padding)
        rest = {name: weights[name] for name in weights if not name.startswith("encoder.")}
        try:
            missing, unused = self.network.load_state_dict(rest, strict=False)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(f"{path}: does not fit hparams.yaml ({reason})") from None
        missing = [name for name in missing if not name.startswith("encoder.")]
        check_weights(missing, unused, path)
        self.network.to(best_device()).eval()
        settings = f"class:{self.settings.class_identifier}|{self.settings}"
        self.signature = signature_of_model(folder, [path], settings)
        self._vectors: dict[str, Tensor] = {}
        self._scores: dict[tuple[str, str], float] = {}

    def check_language(self, language: str) -> None:
        """Raise ConfigError for a two-letter code of which the encoder has seen no text."""
        encoder = self.settings.pretrained_model
        if (
            encoder.rpartition("/")[2].startswith(COVERING)
            and len(language) == 2
            and language not in LANGUAGES.split()
        ):
            raise ConfigError(
                f"{encoder}, the model's encoder, has not learned the language {language!r}"
            )

    def regression(
        self, sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
    ) -> list[float]:
        """The score of each row of a model of class regression_metric."""
        columns = (hypotheses, references, sources)
        forget_many(self._vectors)
        distinct = dict.fromkeys(text for column in columns for text in column)
        new = [text for text in distinct if text not in self._vectors]
        sequences = [encoding.ids for encoding in self.tokenizer.encode_batch(new)]
        warn_of_full(sequences, self.max_positions - 2)
        self._vectors |= zip(new, encode(self.network, sequences, self.padding), strict=True)
        scores: list[float] = []
        for start in range(0, len(hypotheses), 1_000):
            rows = slice(start, start + 1_000)
            stacked = (
                torch.stack([self._vectors[text] for text in column[rows]]) for column in columns
            )
            with torch.inference_mode():
                scores += self.network.estimate(join(*stacked).to(best_device())).tolist()
        return scores

    def estimation(self, sources: Sequence[str], hypotheses: Sequence[str]) -> list[float]:
        """The score of each row of a model of class unified_metric, without references."""
        pairs = list(zip(hypotheses, sources, strict=True))
        forget_many(self._scores)
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._scores]
        firsts = self.tokenizer.encode_batch([first for first, _ in new])
        seconds = self.tokenizer.encode_batch([second for _, second in new])
        sequences = [
            self._joined(first.ids, second.ids)
            for first, second in zip(firsts, seconds, strict=True)
        ]
        warn_of_full(sequences, self.max_positions)
        outputs = encode(
            lambda ids, mask: self.network.estimate(self.network(ids, mask)),
            sequences,
            self.padding,
        )
        self._scores |= zip(new, (float(output) for output in outputs), strict=True)
        return [self._scores[pair] for pair in pairs]

    def _joined(self, first: Sequence[int], second: Sequence[int]) -> list[int]:
        """The ids of a pair, each with <s> and </s>; what is too long loses its end, </s> too."""
        left, right = ([token for token in ids if token != self.padding] for ids in (first, second))
        return [*left, self.separator, *right[1:]][: self.max_positions]


@lru_cache(maxsize=2)
def load_comet(folder: Path, class_identifier: str) -> Comet:
    """The model of a folder; raises ConfigError or ArtifactError for one that cannot be used."""
    return Comet(folder, class_identifier)
