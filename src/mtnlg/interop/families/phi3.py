"""Phi-3 (Abdin et al. 2024): Llama with fused projections and a sliding window."""

from dataclasses import replace

from mtnlg.interop.families import mistral
from mtnlg.interop.families.llama import BLOCK
from mtnlg.interop.family import Field

FAMILY = replace(
    mistral.FAMILY,
    model_type="phi3",
    architecture="Phi3ForCausalLM",
    gguf="phi3",
    fields=mistral.FAMILY.fields
    | {
        "num_key_value_heads": Field("num_key_value_heads", None),
        "norm_epsilon": Field("rms_norm_eps", 1e-5),
    },
    window=lambda config: config.get("sliding_window"),
    weights={
        **mistral.FAMILY.weights,
        "blocks.N.attention.query_key_value": [f"{BLOCK}.self_attn.qkv_proj"],
        "blocks.N.feed_forward.gate_and_up": [f"{BLOCK}.mlp.gate_up_proj"],
    },
    gguf_interleaved=(),
)
