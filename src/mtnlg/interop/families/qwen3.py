"""Qwen3 (Yang et al. 2025): Llama with RMSNorm on the queries and keys of each head."""

from dataclasses import replace

from mtnlg.interop.families import llama, qwen2
from mtnlg.interop.families.llama import BLOCK
from mtnlg.interop.family import Field

FAMILY = replace(
    qwen2.FAMILY,
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    gguf="qwen3",
    always=llama.FAMILY.always | {"has_query_key_norm": True},
    fields=qwen2.FAMILY.fields | {"attention_head_size": Field("head_dim", 128)},
    weights={
        **llama.FAMILY.weights,
        "blocks.N.attention.query_norm": [f"{BLOCK}.self_attn.q_norm"],
        "blocks.N.attention.key_norm": [f"{BLOCK}.self_attn.k_norm"],
    },
)
