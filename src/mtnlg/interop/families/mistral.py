"""Mistral (Jiang et al. 2023): Llama with a sliding window, within which it is Llama."""

from dataclasses import replace

from mtnlg.interop.families import llama
from mtnlg.interop.family import Field

FAMILY = replace(
    llama.FAMILY,
    model_type="mistral",
    architecture="MistralForCausalLM",
    gguf=None,  # written as llama
    fields=llama.FAMILY.fields | {"num_key_value_heads": Field("num_key_value_heads", 8)},
    allowed={
        name: llama.FAMILY.allowed[name] for name in llama.FAMILY.allowed if "window" not in name
    },
    window=lambda config: config.get("sliding_window", 4096),
)
