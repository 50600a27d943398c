"""Llama (Touvron et al. 2023), also SmolLM2 and TinyLlama: rotary positions, RMSNorm, SwiGLU."""

from mtnlg.config import FeedForward, Normalization, PositionEncoding
from mtnlg.interop.family import Family, Field

BLOCK = "model.layers.N"

FAMILY = Family(
    model_type="llama",
    architecture="LlamaForCausalLM",
    gguf="llama",
    always={
        "normalization": Normalization.rms_norm,
        "position_encoding": PositionEncoding.rotary,
        "feed_forward": FeedForward.swiglu,
        "has_bias": False,
    },
    fields={
        "num_layers": Field("num_hidden_layers"),
        "hidden_size": Field("hidden_size"),
        "num_heads": Field("num_attention_heads"),
        "num_key_value_heads": Field("num_key_value_heads", None),
        "attention_head_size": Field("head_dim", None),
        "feed_forward_size": Field("intermediate_size"),
        "context_length": Field("max_position_embeddings"),
        "norm_epsilon": Field("rms_norm_eps", 1e-6),
        "rotary_base": Field("rope_theta", 10_000.0),
        "is_embedding_tied": Field("tie_word_embeddings", False),
    },
    allowed={
        "hidden_act": ["silu"],
        "attention_bias": [False],
        "mlp_bias": [False],
        "rope_type": ["default", None],
        "partial_rotary_factor": [1.0, None],
        "sliding_window": [None],
    },
    weights={
        "token_embedding": ["model.embed_tokens"],
        "blocks.N.attention_norm": [f"{BLOCK}.input_layernorm"],
        "blocks.N.attention.query_key_value": [
            f"{BLOCK}.self_attn.{part}_proj" for part in ("q", "k", "v")
        ],
        "blocks.N.attention.output": [f"{BLOCK}.self_attn.o_proj"],
        "blocks.N.feed_forward_norm": [f"{BLOCK}.post_attention_layernorm"],
        "blocks.N.feed_forward.gate_and_up": [f"{BLOCK}.mlp.gate_proj", f"{BLOCK}.mlp.up_proj"],
        "blocks.N.feed_forward.output": [f"{BLOCK}.mlp.down_proj"],
        "final_norm": ["model.norm"],
        "unembedding": ["lm_head"],
    },
    gguf_interleaved=("q_proj", "k_proj"),
)
