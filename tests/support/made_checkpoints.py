"""Tiny random models of transformers, saved as folders with a tokenizer, as others publish them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

NUM_ROWS = 283
"""Rows of the embedding; more than there are tokens, as in Qwen."""
NUM_TOKENS = 277
TEXTS = ["the quick brown fox jumps over the lazy dog", "it's 12 o'clock", "naïve café, 漢字"]
LLAMA_LIKE = {
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "hidden_size": 24,
    "intermediate_size": 20,
    "max_position_embeddings": 31,
    "vocab_size": NUM_ROWS,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
GPT2_LIKE = {
    **{"n_layer": 3, "n_head": 3, "n_embd": 21, "n_positions": 31, "vocab_size": NUM_ROWS},
    **{"bos_token_id": 0, "eos_token_id": 0},
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2", GPT2_LIKE),
    "llama": ("Llama", LLAMA_LIKE | {"tie_word_embeddings": True, "rope_theta": 500.0}),
    "qwen2": ("Qwen2", LLAMA_LIKE),
    "qwen3": ("Qwen3", LLAMA_LIKE | {"head_dim": 10}),
    "mistral": ("Mistral", LLAMA_LIKE | {"head_dim": 6, "sliding_window": 29}),
    "phi3": ("Phi3", LLAMA_LIKE),
}
"""Our name -> the names of the classes, and a configuration."""


def make_checkpoint(
    folder: Path,
    family: str,
    *,
    shard_size: str = "1GB",
    tokenizer: Tokenizer | None = None,
    **settings: Any,
) -> Any:
    """Save a random model of the family with its tokenizer; returns transformers' model."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    name, configuration = FAMILIES[family]
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**configuration | settings)
    kind = "LMHeadModel" if family == "gpt2" else "ForCausalLM"
    model = getattr(transformers, f"{name}{kind}")(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.3)
    model.save_pretrained(folder, max_shard_size=shard_size)
    (tokenizer or byte_level_bpe()).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": "<|endoftext|>", "chat_template": "{{ messages }}"})
    )
    return model


def byte_level_bpe(special: str = "<|endoftext|>") -> Tokenizer:
    """GPT-2's kind of tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=NUM_TOKENS,
        special_tokens=[special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return tokenizer


def sentencepiece_bpe() -> Tokenizer:
    """Llama 2's kind of tokenizer: a letter for the space, and bytes for what is unknown."""
    letters = "▁abcdefghijklmnopqrstuvwxyz"
    pieces = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        *letters,
        "▁t",
        "▁th",
    ]
    merges = [("▁", "t"), ("▁t", "h")]
    tokenizer = Tokenizer(
        models.BPE(
            {piece: number for number, piece in enumerate(pieces)},
            merges,
            byte_fallback=True,
            unk_token="<unk>",
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


def forget(folder: Path, **changes: Any) -> None:
    """Change fields of config.json; None removes one."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(
        json.dumps({name: value for name, value in config.items() if value is not None})
    )
