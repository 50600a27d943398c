"""BERTScore (Zhang et al. 2020) with any encoder of a local folder, without idf, in float32.

The arithmetic is that of bert_score 0.3.13. Shapes: T tokens of a text, E width of the encoder.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.learned.encoder import (
    NO_TRANSFORMERS,
    best_device,
    check_weights,
    encode,
    forget_many,
    model_name,
    signature_of_model,
    warn_of_full,
)
from mtnlg.records.transformers_folder import SAFE, import_transformers, opened

KNOWN_MODELS: dict[str, tuple[int, str | None]] = {
    "roberta-large": (17, "en"),
    "roberta-base": (10, "en"),
    "distilroberta-base": (5, "en"),
    "bert-base-uncased": (9, "en"),
    "bert-large-uncased": (18, "en"),
    "deberta-large-mnli": (18, "en"),
    "deberta-xlarge-mnli": (40, "en"),
    "bert-base-chinese": (8, "zh"),
    "bert-base-turkish-cased": (10, "tr"),
    "bert-base-multilingual-cased": (9, None),
    "xlm-roberta-base": (9, None),
    "xlm-roberta-large": (17, None),
}
"""Model -> the layer that bert_score takes of it, and its language; None: many."""
UNSTATED = 1_000_000
"""From here on, a tokenizer's greatest length says nothing."""
BASELINE_FOLDER = "rescale_baseline"
COLUMNS = ("precision", "recall", "f1")


class BertScore:
    """A model of one folder up to a layer; scores of pairs are kept for the next value."""

    def __init__(self, folder: Path, layer: int | None) -> None:
        transformers = import_transformers(NO_TRANSFORMERS)
        name = model_name(folder).partition("@")[0].rpartition("/")[2]
        known_layer, self.language = KNOWN_MODELS.get(name, (0, None))
        self.folder, self.layer = folder, known_layer if layer is None else layer
        config = opened(folder, lambda: transformers.AutoConfig.from_pretrained(folder, **SAFE))
        most = int(getattr(config, "num_hidden_layers", 0))
        if config.is_encoder_decoder:
            raise ConfigError(f"{folder}: has a decoder; give an encoder, such as roberta-large")
        if self.layer not in range(1, most + 1):
            raise ConfigError(
                f"{folder}: has the layers 1 to {most}; name one, as in bertscore-layer9, as no "
                f"layer is known for a model of the name {name!r}"
            )
        config.num_hidden_layers = self.layer
        self.network, info = opened(
            folder,
            lambda: transformers.AutoModel.from_pretrained(
                folder, config=config, dtype=torch.float32, output_loading_info=True, **SAFE
            ),
        )
        weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
        missing = [key for key in info["missing_keys"] if not key.startswith("pooler.")]
        check_weights(missing, (), weights[0])
        self.network.to(best_device()).eval()
        self.tokenizer = opened(folder, lambda: _load_tokenizer(transformers, folder))
        stated = int(self.tokenizer.model_max_length)
        positions = int(getattr(config, "max_position_embeddings", 514))
        self.max_tokens = stated if stated < UNSTATED else positions - 2  # RoBERTa's begin at 2
        self.signature = signature_of_model(folder, weights, f"layer:{self.layer}|idf:no")
        self._scores: dict[tuple[str, str], Tensor] = {}

    def score(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]
    ) -> npt.NDArray[np.float64]:
        """Precision, recall and F1 of each row (N, 3), each of its best reference."""
        rows = zip(hypotheses, references, strict=True)
        forget_many(self._scores)
        pairs = [[(hypothesis, target) for target in targets] for hypothesis, targets in rows]
        new = dict.fromkeys(pair for row in pairs for pair in row if pair not in self._scores)
        tokens = self._encoded(list(dict.fromkeys(text for pair in new for text in pair)))
        self._scores |= {pair: _similarity(*(tokens[text] for text in pair)) for pair in new}
        best = [torch.stack([self._scores[pair] for pair in row]).amax(0) for row in pairs]
        return torch.stack(best).double().numpy()

    def baseline(self, language: str) -> npt.NDArray[np.float64]:
        """Precision, recall and F1 (3,) of texts that have nothing in common, which bert_score
        rescales to 0; raises ArtifactError where its file is not in the folder.
        """
        path = self.folder / BASELINE_FOLDER / f"{language}.tsv"
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                rows = {int(row["LAYER"]): row for row in csv.DictReader(stream)}
            return np.array([float(rows[self.layer][name]) for name in ("P", "R", "F")])
        except FileNotFoundError:
            raise ArtifactError(
                f"{path} is not there; copy it from bert_score/rescale_baseline/{language}/ of "
                "github.com/Tiiiger/bert_score"
            ) from None
        except (KeyError, ValueError, TypeError):
            raise ArtifactError(
                f"{path}: has no line LAYER,P,R,F of layer {self.layer}; copy it again"
            ) from None

    def _encoded(self, texts: Sequence[str]) -> dict[str, tuple[Tensor, Tensor]]:
        """Text -> its tokens (T, E), of length 1, and which of them count (T,)."""
        if not texts:
            return {}
        sequences = self.tokenizer(
            [text.strip() for text in texts], truncation=True, max_length=self.max_tokens
        )["input_ids"]
        warn_of_full(sequences, self.max_tokens)
        states = encode(self._states, sequences, self.tokenizer.pad_token_id or 0)
        special = torch.tensor([self.tokenizer.cls_token_id, self.tokenizer.sep_token_id])
        return {
            text: (
                normalize(state[: len(ids)].clone(), dim=-1),
                ~torch.isin(torch.tensor(ids), special),
            )
            for text, ids, state in zip(texts, sequences, states, strict=True)
        }

    def _states(self, ids: Tensor, mask: Tensor) -> Tensor:
        return torch.as_tensor(self.network(ids, attention_mask=mask)[0])


@lru_cache(maxsize=2)
def load_bertscore(folder: Path, layer: int | None) -> BertScore:
    """The model of a folder; None: the layer that bert_score takes of a model of that name.

    Raises ConfigError or ArtifactError for a folder or layer that cannot be used.
    """
    return BertScore(folder, layer)


def rescaled(values: npt.NDArray[np.float64], baseline: npt.NDArray[np.float64]) -> Any:
    """Values (N, 3) where the baseline (3,) is 0 and 1 stays 1."""
    return (values - baseline) / (1 - baseline)


def _load_tokenizer(transformers: Any, folder: Path) -> Any:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **SAFE)
    if not isinstance(tokenizer, transformers.RobertaTokenizerFast | transformers.RobertaTokenizer):
        return tokenizer
    # bert_score asks for this space in each call, where transformers 5 ignores it.
    return transformers.AutoTokenizer.from_pretrained(folder, add_prefix_space=True, **SAFE)


def _similarity(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> Tensor:
    """Precision, recall and F1 (3,) of a hypothesis on the left and a reference on the right."""
    (left_vectors, left_counts), (right_vectors, right_counts) = left, right
    if not left_counts.any() or not right_counts.any():
        return torch.zeros(3)
    cosines = left_vectors @ right_vectors.T
    precision = cosines.amax(1)[left_counts].mean()
    recall = cosines.amax(0)[right_counts].mean()
    f1 = torch.nan_to_num(2 * precision * recall / (precision + recall))
    return torch.stack([precision, recall, f1])
