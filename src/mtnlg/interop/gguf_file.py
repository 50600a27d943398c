"""GGUF files (llama.cpp) as checkpoints of transformers: its names, layouts and tokenizer.

Quantized weights are what the `gguf` package dequantizes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.interop.checkpoint import Checkpoint
from mtnlg.interop.families import find_gguf_family
from mtnlg.interop.family import Family
from mtnlg.records.files import JsonObject

SETTINGS = {
    "block_count": "num_layers",
    "embedding_length": "hidden_size",
    "attention.head_count": "num_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "attention_head_size",
    "feed_forward_length": "feed_forward_size",
    "context_length": "context_length",
    "attention.layer_norm_epsilon": "norm_epsilon",
    "attention.layer_norm_rms_epsilon": "norm_epsilon",
    "rope.freq_base": "rotary_base",
}
"""Field of a GGUF file, after the name of its architecture -> our setting."""
LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
WORDS: dict[str, list[Any] | str] = {
    "gpt-2": [],
    "smollm": [pre_tokenizers.Digits(individual_digits=True)],
    "llama-bpe": rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|{LETTERS}|\p{{N}}{{1,3}}|{REST}",
    "qwen2": rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|{LETTERS}|\p{{N}}|{REST}",
}
"""tokenizer.ggml.pre -> what divides texts: steps before GPT-2's pattern, or a pattern."""
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
"""Types of tokens in tokenizer.ggml.token_type."""


def open_gguf(path: Path) -> Checkpoint:
    """Open a file; raises ArtifactError if it is damaged, ConfigError for what ours cannot do."""
    try:
        import gguf
    except ImportError:
        raise ConfigError(f"{path}: needs the package gguf; pip install 'mtnlg[gguf]'") from None
    try:
        reader = gguf.GGUFReader(path)
        values: dict[str, Any] = {name: row.contents() for name, row in reader.fields.items()}
        tensors = {tensor.name: tensor for tensor in reader.tensors}
    except Exception as error:  # the reader checks nothing before it slices
        raise ArtifactError(
            f"{path}: not a whole GGUF file ({type(error).__name__}: {error}); download it again"
        ) from None
    architecture = str(values.get("general.architecture"))
    family = find_gguf_family(architecture, path=path)
    names = gguf.get_tensor_name_map(
        gguf.MODEL_ARCH[architecture.upper()], int(values.get(f"{architecture}.block_count", 0))
    )
    config = _config(values, architecture, family, path)
    config[family.fields["is_embedding_tied"].name] = "output.weight" not in tensors
    num_heads = int(values.get(f"{architecture}.attention.head_count", 1))
    num_key_heads = int(values.get(f"{architecture}.attention.head_count_kv", num_heads))

    def name_in_file(name: str) -> str:
        return str(names.get_name(name, try_suffixes=(".weight", ".bias")))

    def read(name: str) -> Tensor:
        stored = tensors[name_in_file(name)]
        try:
            array = gguf.dequantize(stored.data, stored.tensor_type)
        except (NotImplementedError, ValueError) as error:
            raise ConfigError(f"{path}: {stored.name}: {error}") from None
        tensor = torch.tensor(array, dtype=torch.float32)
        part = name.split(".")[-2]
        if part in family.gguf_interleaved:
            return separated(tensor, num_heads if part == "q_proj" else num_key_heads)
        is_transposed = any(
            family.is_transposed(f"{ours}.weight") and part == theirs[0].split(".")[-1]
            for ours, theirs in family.weights.items()
        )
        return tensor.T if is_transposed and tensor.dim() == 2 else tensor

    tokens, end = values.get("tokenizer.ggml.tokens"), values.get("tokenizer.ggml.eos_token_id")
    tokenizer = gguf_tokenizer(values, path).to_str()
    end_token = tokens[end] if tokens and isinstance(end, int) and end < len(tokens) else None
    template = values.get("tokenizer.chat_template")
    license_name = values.get("general.license")
    return Checkpoint(
        path,
        family,
        config,
        frozenset(tensors),
        name_in_file,
        read,
        tokenizer,
        end_token,
        template if isinstance(template, str) else None,
        license_name if isinstance(license_name, str) else None,
    )


def _config(values: dict[str, Any], architecture: str, family: Family, path: Path) -> JsonObject:
    """The fields of config.json that stand in a GGUF file; those of others keep their names, so
    that the family refuses them.
    """
    config: JsonObject = {"model_type": family.model_type}
    fields = {
        name.removeprefix(f"{architecture}."): value
        for name, value in values.items()
        if name.startswith(f"{architecture}.")
    }
    key_size = fields.get("attention.key_length")
    if key_size is None and fields.get("attention.head_count"):
        key_size = fields.get("embedding_length", 0) // fields["attention.head_count"]
    for name, value in fields.items():
        setting = SETTINGS.get(name)
        is_usual = (
            name == "vocab_size"
            or (name in ("rope.dimension_count", "attention.value_length") and value == key_size)
            or (name == "rope.scaling.type" and value == "none")
            or name == "rope.scaling.original_context_length"
        )
        if setting is not None and setting in family.fields:
            config[family.fields[setting].name] = value
        elif name == "attention.sliding_window":
            config["sliding_window"], config["use_sliding_window"] = value, True
        elif not is_usual and value:
            raise ConfigError(f"{path}: {architecture}.{name}={value}: not in our transformer")
    return config


def separated(tensor: Tensor, num_heads: int) -> Tensor:
    """Rows for rotations of (d, d + D / 2), from rows for rotations of neighbors (d, d + 1)."""
    shape = (num_heads, len(tensor) // num_heads // 2, 2, *tensor.shape[1:])
    return tensor.reshape(shape).transpose(1, 2).reshape(tensor.shape)


def interleaved(tensor: Tensor, num_heads: int) -> Tensor:
    """The inverse of `separated`."""
    shape = (num_heads, 2, len(tensor) // num_heads // 2, *tensor.shape[1:])
    return tensor.reshape(shape).transpose(1, 2).reshape(tensor.shape)


def _pre_tokenizer(words: str) -> pre_tokenizers.PreTokenizer:
    pattern = WORDS[words]
    is_gpt2 = isinstance(pattern, list)
    first = pattern if is_gpt2 else [pre_tokenizers.Split(Regex(str(pattern)), "isolated")]
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=is_gpt2)
    return pre_tokenizers.Sequence([*first, last]) if first else last


def gguf_words(tokenizer: Tokenizer) -> str | None:
    """What a GGUF file calls the way in which a tokenizer divides texts; None without a name."""
    parts = json.loads(tokenizer.to_str())
    if parts["normalizer"] is None:
        for words in WORDS:
            tokenizer.pre_tokenizer = _pre_tokenizer(words)
            if json.loads(tokenizer.to_str())["pre_tokenizer"] == parts["pre_tokenizer"]:
                return words
    return None


def gguf_tokenizer(values: dict[str, Any], path: Path) -> Tokenizer:
    """The byte-level BPE of a file; raises ConfigError for any other."""
    kind, words = (values.get(f"tokenizer.ggml.{name}") for name in ("model", "pre"))
    tokens, types = (values.get(f"tokenizer.ggml.{name}") for name in ("tokens", "token_type"))
    if kind != "gpt2" or words not in WORDS or not tokens:
        raise ConfigError(
            f"{path}: tokenizer.ggml.model={kind}, tokenizer.ggml.pre={words}: known are gpt2 with "
            f"{', '.join(WORDS)}; give the folder of the model, which has its tokenizer.json"
        )
    merges = [tuple(merge.split(" ")) for merge in values.get("tokenizer.ggml.merges", [])]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=words == "llama-bpe"))
    tokenizer.pre_tokenizer = _pre_tokenizer(words)
    tokenizer.decoder = decoders.ByteLevel()
    for number, kind in enumerate(types or []):
        if kind in (CONTROL, USER_DEFINED):
            is_special = kind == CONTROL
            added = AddedToken(tokens[number], special=is_special, normalized=False)
            (tokenizer.add_special_tokens if is_special else tokenizer.add_tokens)([added])
    return tokenizer
