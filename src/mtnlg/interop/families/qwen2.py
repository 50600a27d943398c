"""Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases of queries, keys and values."""

from dataclasses import replace

from mtnlg.interop.families import mistral
from mtnlg.interop.family import Field

FAMILY = replace(
    mistral.FAMILY,
    model_type="qwen2",
    architecture="Qwen2ForCausalLM",
    gguf="qwen2",
    fields=mistral.FAMILY.fields | {"num_key_value_heads": Field("num_key_value_heads", 32)},
    always=mistral.FAMILY.always | {"has_query_key_value_bias": True},
    window=lambda config: (
        config.get("sliding_window", 4096) if config.get("use_sliding_window") else None
    ),
    gguf_interleaved=(),
)
