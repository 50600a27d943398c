"""A random model on disk with a tokenizer, prompts, and its own greedy outputs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch

from made_checkpoints import byte_level_bpe
from mtnlg.config import (
    CleaningConfig,
    DecodingConfig,
    FeedForward,
    ModelConfig,
    Normalization,
    PositionEncoding,
    TaskKind,
)
from mtnlg.generation.engine import generate
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.model import Transformer
from mtnlg.tokenization.tokenizer import TextTokenizer

MARKER, TITLE = "<translation_en_de>", "translation/captions"
NUM_NEW = 20
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "it's", "café", "漢字"]
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "llama": {
        "normalization": Normalization.rms_norm,
        "position_encoding": PositionEncoding.rotary,
        "feed_forward": FeedForward.swiglu,
        "has_bias": False,
        "num_key_value_heads": 2,
        "feed_forward_size": 56,
    },
}
CONFIGS["qwen2"] = CONFIGS["llama"] | {"has_query_key_value_bias": True}
CONFIGS["qwen3"] = CONFIGS["llama"] | {"has_query_key_norm": True, "attention_head_size": 10}
OURS = {"has_pointer": True, "is_prefix_bidirectional": True}
"""What no other tool can express."""


class MadeDecoder:
    """A random model on disk, prompts, and what it answers."""

    def __init__(self, folder: Path, family: str, num_prompts: int = 20) -> None:
        tokenizer = byte_level_bpe()
        tokenizer.add_special_tokens(["<pad>", "<sep>", MARKER])
        self.folder, self.tokenizer = folder, TextTokenizer(tokenizer)
        sizes = {"num_layers": 3, "hidden_size": 32, "num_heads": 4, "context_length": 64}
        settings = {
            "name": "tiny",
            "initial_deviation": 0.3,
            **sizes,
            **(OURS if family == "ours" else CONFIGS[family]),
        }
        torch.manual_seed(0)
        self.model = Transformer(ModelConfig(**settings), self.tokenizer.vocabulary_size).eval()
        for name, parameter in self.model.named_parameters():
            if parameter.dim() < 2:
                torch.nn.init.normal_(parameter, float(name.endswith("norm.weight")), 0.2)
        prompt = TaskPrompt(
            TITLE, TaskKind.translation, "en", "de", MARKER, CleaningConfig(), "CC0"
        )
        ours = MegatronTuringForConditionalGeneration(
            self.model, self.tokenizer, {TITLE: prompt}, TITLE
        )
        ours.save_pretrained(folder)
        source = random.Random(1)
        self.texts = [
            f"{MARKER}{' '.join(source.choices(WORDS, k=source.randint(1, 6)))}<sep>"
            for _ in range(num_prompts)
        ]
        bodies = [text.removeprefix(MARKER).removesuffix("<sep>") for text in self.texts]
        marker, separator = self.tokenizer.marker_id(MARKER), self.tokenizer.separator_id
        self.prompts = [[marker, *self.tokenizer.encode(body), separator] for body in bodies]
        self.end = self.tokenizer.end_id
        self.forbidden = [token for token in self.tokenizer.special_ids if token != self.end]
        outputs = generate(
            self.model,
            self.prompts,
            eos_id=self.end,
            config=DecodingConfig(max_new_tokens=NUM_NEW),
            forbidden_ids=self.forbidden,
        )
        self.answers = [self.cut(row[0].ids) for row in outputs]
        assert len(set(map(tuple, self.answers))) > num_prompts / 2

    def cut(self, ids: Any) -> list[int]:
        """Without the end and what comes after it."""
        listed = [int(token) for token in ids]
        return listed[: listed.index(self.end)] if self.end in listed else listed
