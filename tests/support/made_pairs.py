"""Tiny random encoder-decoders of transformers, and a decoder, saved as others publish them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import processors

from made_checkpoints import byte_level_bpe

SIZES = {"encoder_layers": 2, "decoder_layers": 2, "d_model": 24, "max_position_embeddings": 64}
HEADS = {"encoder_attention_heads": 3, "decoder_attention_heads": 3}
WIDTHS = {"encoder_ffn_dim": 20, "decoder_ffn_dim": 20}
PAIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "t5": (
        "T5ForConditionalGeneration",
        {"d_model": 24, "d_kv": 7, "d_ff": 20, "num_layers": 2, "num_heads": 3},
    ),
    "bart": (
        "BartForConditionalGeneration",
        {**SIZES, **HEADS, **WIDTHS, "bos_token_id": 2, "forced_eos_token_id": 0},
    ),
    "marian": ("MarianMTModel", {**SIZES, **HEADS, **WIDTHS, "forced_eos_token_id": 0}),
    "gpt2": (
        "GPT2LMHeadModel",
        {"n_layer": 2, "n_head": 3, "n_embd": 21, "n_positions": 96, "bos_token_id": 0},
    ),
}
"""Model type -> its class, and what is not usual in its configuration."""


def make_pair(folder: Path, model_type: str, *, template: str | None = None) -> Any:
    """Save a random model with its tokenizer; returns transformers' model and tokenizer."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    name, settings = PAIRS[model_type]
    tokenizer = make_tokenizer(is_pair=model_type != "gpt2")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    kind = getattr(transformers, name)
    torch.manual_seed(5)
    pad = tokenizer.pad_token_id
    tokens = {"pad_token_id": pad, "eos_token_id": 0, "decoder_start_token_id": pad}
    config = kind.config_class(vocab_size=len(tokenizer), **tokens, **settings)
    model = kind(config).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, 0.0, 0.8)
    model.save_pretrained(folder)
    return kind.from_pretrained(folder).eval(), tokenizer  # Marian computes its positions anew


def make_tokenizer(*, is_pair: bool) -> Any:
    """A byte-level BPE; that of a pair ends each text with the end."""
    tokenizer = byte_level_bpe()
    tokenizer.add_special_tokens(["<pad>"])
    if is_pair:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
        )
    kind: Any = transformers.PreTrainedTokenizerFast
    return kind(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<pad>")
