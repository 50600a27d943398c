"""GPT-2 (Radford et al. 2019): learned positions, LayerNorm, and weights of class Conv1D."""

import re

from mtnlg.config import FeedForward, Normalization, PositionEncoding
from mtnlg.interop.family import HARMLESS, Family, Field

BLOCK = "transformer.h.N"

FAMILY = Family(
    model_type="gpt2",
    architecture="GPT2LMHeadModel",
    gguf="gpt2",
    always={
        "normalization": Normalization.layer_norm,
        "position_encoding": PositionEncoding.learned,
        "has_bias": True,
    },
    fields={
        "num_layers": Field("n_layer"),
        "hidden_size": Field("n_embd"),
        "num_heads": Field("n_head"),
        "feed_forward_size": Field("n_inner", None),
        "context_length": Field("n_positions"),
        "norm_epsilon": Field("layer_norm_epsilon", 1e-5),
        "feed_forward": Field(
            "activation_function",
            "gelu_new",
            {
                "gelu_new": FeedForward.gelu_tanh,
                "gelu_pytorch_tanh": FeedForward.gelu_tanh,
                "gelu": FeedForward.gelu,
            },
        ),
        "is_embedding_tied": Field("tie_word_embeddings", True),
    },
    allowed={
        "scale_attn_weights": [True],
        "scale_attn_by_inverse_layer_idx": [False],
        "add_cross_attention": [False],
    },
    harmless=HARMLESS
    | {"summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels"}
    | {"summary_first_dropout"},
    weights={
        "token_embedding": ["transformer.wte"],
        "position_embedding": ["transformer.wpe"],
        "blocks.N.attention_norm": [f"{BLOCK}.ln_1"],
        "blocks.N.attention.query_key_value": [f"{BLOCK}.attn.c_attn"],
        "blocks.N.attention.output": [f"{BLOCK}.attn.c_proj"],
        "blocks.N.feed_forward_norm": [f"{BLOCK}.ln_2"],
        "blocks.N.feed_forward.inner": [f"{BLOCK}.mlp.c_fc"],
        "blocks.N.feed_forward.output": [f"{BLOCK}.mlp.c_proj"],
        "final_norm": ["transformer.ln_f"],
        "unembedding": ["lm_head"],
    },
    transposed=frozenset(
        {
            "blocks.N.attention.query_key_value",
            "blocks.N.attention.output",
            "blocks.N.feed_forward.inner",
            "blocks.N.feed_forward.output",
        }
    ),
    prefix="transformer.",
    ignored=re.compile(r"\.attn\.(masked_)?bias$"),
)
