"""GGUF files of our models, for llama.cpp: GPT-2 and Llama families, in fp32."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mtnlg.errors import ConfigError
from mtnlg.interop.families import family_of
from mtnlg.interop.gguf_file import (
    CONTROL,
    NORMAL,
    SETTINGS,
    USER_DEFINED,
    WORDS,
    gguf_words,
    interleaved,
)
from mtnlg.model import load_model
from mtnlg.model.folder import weights_of
from mtnlg.records.places import CHAT_TEMPLATE_FILE
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer

logger = logging.getLogger(__name__)

ARCHITECTURES = ("gpt2", "llama")


def write_gguf_file(model_folder: Path, path: Path) -> None:
    """Write the weights and the tokenizer; raises ConfigError for what llama.cpp does not have."""
    try:
        import gguf
    except ImportError:
        raise ConfigError("--format gguf: needs its package; pip install 'mtnlg[gguf]'") from None
    model = load_model(model_folder)
    tokenizer = TextTokenizer.load(model_folder / TOKENIZER_FILE)
    config, family = model.config, family_of(model.config)
    name = str(family.gguf)
    if name not in ARCHITECTURES or not tokenizer.has_merges:
        has = f"{family.architecture}, merges={tokenizer.has_merges}"
        raise ConfigError(
            f"--format gguf: {has}: only GPT-2 and Llama with byte-level BPE are written"
        )
    writer = gguf.GGUFWriter(path, name)
    written = family.write(config, model.vocabulary_size)
    epsilon = "rms_epsilon" if "rms_norm_eps" in written else "norm_epsilon"
    for key, setting in SETTINGS.items():
        is_other_norm = setting == "norm_epsilon" and not key.endswith(epsilon)
        if setting in family.fields and not is_other_norm:
            value: Any = written[family.fields[setting].name]
            add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
            add(f"{name}.{key}", value)
    if family.gguf_interleaved:
        writer.add_uint32(f"{name}.rope.dimension_count", config.head_size)
        writer.add_uint32(f"{name}.attention.value_length", config.head_size)
    writer.add_uint32(f"{name}.vocab_size", model.vocabulary_size)
    _add_tokenizer(writer, tokenizer)
    if (model_folder / CHAT_TEMPLATE_FILE).is_file():
        writer.add_chat_template((model_folder / CHAT_TEMPLATE_FILE).read_text(encoding="utf-8"))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[name.upper()], config.num_layers)
    heads = {"q_proj": config.num_heads, "k_proj": config.key_value_heads}
    for ours, tensor in weights_of(model).items():
        for theirs, part in family.split(ours, tensor, config).items():
            projection = theirs.split(".")[-2]
            if projection in family.gguf_interleaved:
                part = interleaved(part, heads[projection])
            if family.is_transposed(ours):
                part = part.T
            stored = names.get_name(theirs, try_suffixes=(".weight", ".bias"))
            writer.add_tensor(str(stored), part.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any, tokenizer: TextTokenizer) -> None:
    document = json.loads(tokenizer.to_json())
    words = gguf_words(Tokenizer.from_str(tokenizer.to_json()))
    if words is None:
        words = next(iter(WORDS))
        logger.warning(
            "tokenizer.pattern: GGUF has no name for how this tokenizer divides texts; written is "
            f"{words}, which is the same but around combining marks and joiners"
        )
    added = {token["id"]: token for token in document["added_tokens"]}
    vocabulary = document["model"]["vocab"] | {row["content"]: row["id"] for row in added.values()}
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    kinds = [
        NORMAL if number not in added else CONTROL if added[number]["special"] else USER_DEFINED
        for number in range(len(tokens))
    ]
    merges = (row if isinstance(row, str) else " ".join(row) for row in document["model"]["merges"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(words)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([*merges])
    writer.add_eos_token_id(tokenizer.end_id)
    writer.add_pad_token_id(tokenizer.pad_id)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
