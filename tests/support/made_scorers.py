"""Folders of small encoders and COMET models, with weights that a formula gives, not a seed."""

from __future__ import annotations

import json
import string
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
import yaml
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram, WordPiece
from torch import Tensor, nn

SOURCES = [
    "ein hund bellt",
    "es regnet",
    "der zug kam",
    "ja",
    "es regnet",
    "ein <pad> hund",
    "a " * 60,
]
HYPOTHESES = [
    *("a dog barks", "it rains", "the train is red", "", "it is raining and " * 9),
    *("the <pad> dog </s> a", "it is " * 30),
]
REFERENCES = ["the dog barked", "it rains", "the train was late", "yes", "it rains", "a dog", "the"]
"""With an empty text, texts that are cut, equal ones, and ones with the names of special tokens."""

PIECES = ["▁the", "▁a", "▁it", "ing", "ed", "▁is", "rain", "og", "un", "er", "▁"]
SIZES: dict[str, Any] = {
    "hidden_size": 15,
    "num_attention_heads": 3,
    "num_hidden_layers": 4,
    "intermediate_size": 22,
    "max_position_embeddings": 44,
    "initializer_range": 0.3,
}


def wave(name: str, shape: tuple[int, ...], *, scale: float, offset: float = 0.0) -> Tensor:
    """Values that look irregular, and differ from name to name."""
    phase = zlib.crc32(name.encode()) % 1_000
    steps = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = np.sin(1.7 * steps + phase + 0.003 * steps**2)
    return torch.tensor(offset + scale * values, dtype=torch.float32).reshape(shape)


def fill(module: nn.Module, *, prefix: str = "") -> dict[str, Tensor]:
    """Its weights with new values: those of layer norms around 1, all others around 0."""
    weights = {
        name: wave(
            prefix + name,
            tuple(tensor.shape),
            scale=0.1 if "LayerNorm" in name else 0.5,
            offset=1.0 if name.endswith("LayerNorm.weight") else 0.0,
        )
        for name, tensor in module.state_dict().items()
        if tensor.is_floating_point()
    }
    module.load_state_dict(weights, strict=False)
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def write_sentencepiece_tokenizer(folder: Path) -> int:
    """tokenizer.json as XLM-R has it; the number of its tokens."""
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [*PIECES, *string.ascii_lowercase]
    vocabulary = [(token, 0.0) for token in specials]
    vocabulary += [(piece, -2.0 - 0.1 * index) for index, piece in enumerate(pieces)]
    vocabulary.append(("<mask>", 0.0))
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.add_special_tokens([*specials, "<mask>"])
    names = dict(zip(("cls", "pad", "sep", "unk"), specials, strict=True))
    _save_tokenizer(tokenizer, folder, "XLMRobertaTokenizer", names | {"bos": "<s>", "eos": "</s>"})
    return len(vocabulary)


def _save_tokenizer(tokenizer: Tokenizer, folder: Path, kind: str, names: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {f"{name}_token": token for name, token in names.items()}
    settings |= {"tokenizer_class": kind, "model_max_length": 40}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write_xlm_roberta(folder: Path, *, kind: str = "XLMRoberta", has_weights: bool = True) -> Any:
    """An encoder with 40 positions; the model."""
    size = write_sentencepiece_tokenizer(folder)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=size, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, **SIZES
    )
    return _save_encoder(folder, config, f"{kind}Model", has_weights=has_weights)


def write_roberta(folder: Path) -> Any:
    """An encoder whose tokens say whether a space stands before them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("Ġ", "a"), ("i", "t")]
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokens = [*specials, *alphabet, *("".join(merge) for merge in merges)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), add_prefix_space=False
    )
    tokenizer.add_special_tokens(specials)
    names = dict(zip(("cls", "pad", "sep", "unk", "mask"), specials, strict=True))
    _save_tokenizer(tokenizer, folder, "RobertaTokenizer", names | {"bos": "<s>", "eos": "</s>"})
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges)
    )
    config = transformers.RobertaConfig(
        vocab_size=len(vocabulary), type_vocab_size=1, pad_token_id=1, **SIZES
    )
    return _save_encoder(folder, config, "RobertaModel")


def write_bert(folder: Path) -> Any:
    """An encoder with [CLS] and [SEP]."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = string.ascii_lowercase
    tokens = [*specials, "the", "it", "dog", "##ed", *letters, *(f"##{c}" for c in letters)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.add_special_tokens(specials)
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), specials, strict=True))
    _save_tokenizer(tokenizer, folder, "BertTokenizer", names)
    (folder / "vocab.txt").write_text("\n".join(tokens))
    config = transformers.BertConfig(vocab_size=len(tokens), **SIZES)
    return _save_encoder(folder, config, "BertModel")


def _save_encoder(folder: Path, config: Any, kind: str, *, has_weights: bool = True) -> Any:
    model = getattr(transformers, kind)(config, add_pooling_layer=False).eval()
    fill(model)
    if has_weights:
        model.save_pretrained(folder)
    else:
        config.save_pretrained(folder)
    return model


COMET: dict[str, Any] = {
    "class_identifier": "regression_metric",
    "encoder_model": "XLM-RoBERTa",
    "pretrained_model": "xlm-roberta-large",
    "pool": "avg",
    "layer": "mix",
    "layer_transformation": "sparsemax",
    "layer_norm": False,
    "dropout": 0.1,
    "hidden_sizes": [11, 7],
    "activations": "Tanh",
    "final_activation": None,
}
"""hparams.yaml of wmt22-comet-da, but for the sizes and what trains only."""
KIWI = COMET | {
    "class_identifier": "unified_metric",
    "pretrained_model": "microsoft/infoxlm-large",
    "layer_transformation": "sparsemax_patch",
    "sent_layer": "mix",
    "input_segments": ["mt", "src"],
    "word_layer": 24,
    "word_level_training": False,
}
"""That of wmt22-cometkiwi-da."""


def write_comet(
    folder: Path, hparams: dict[str, Any], *, saved: dict[str, Any] | None = None
) -> Path:
    """A folder as Unbabel publishes it, with the encoder's files; `saved` are the settings within
    the checkpoint, where they differ from those of hparams.yaml.
    """
    is_xl = hparams["encoder_model"] == "XLM-RoBERTa-XL"
    kind = "XLMRobertaXL" if is_xl else "XLMRoberta"
    encoder = write_xlm_roberta(folder / "encoder", kind=kind, has_weights=False)
    weights = fill(encoder, prefix="encoder.model.")
    num_layers, width = SIZES["num_hidden_layers"] + 1, SIZES["hidden_size"]
    if hparams.get("sent_layer", hparams["layer"]) == "mix":
        for index in range(num_layers):
            name = f"layerwise_attention.scalar_parameters.{index}"
            weights[name] = wave(name, (1,), scale=0.6)
        weights["layerwise_attention.gamma"] = torch.tensor([1.25])
        weights["layerwise_attention.dropout_mask"] = torch.zeros(num_layers)
        weights["layerwise_attention.dropout_fill"] = torch.full((num_layers,), -1e20)
    is_unified = hparams["class_identifier"] == "unified_metric"
    sizes = [width * (1 if is_unified else 6), *hparams["hidden_sizes"], 1]
    for index, (size, next_size) in enumerate(pairwise(sizes)):
        name = f"estimator.ff.{3 * index}"
        weights[f"{name}.weight"] = wave(f"{name}.weight", (next_size, size), scale=0.3)
        weights[f"{name}.bias"] = wave(f"{name}.bias", (next_size,), scale=0.2)
    weights["encoder.model.embeddings.position_ids"] = torch.arange(44)[None]
    weights["hidden2tag.bias"] = torch.zeros(3)
    (folder / "checkpoints").mkdir()
    (folder / "hparams.yaml").write_text(yaml.safe_dump(hparams))
    inner = {name: value for name, value in hparams.items() if name != "class_identifier"}
    checkpoint = {
        "epoch": 1,
        "global_step": 7,
        "pytorch-lightning_version": "2.0.9",
        "state_dict": weights,
        "hyper_parameters": inner | (saved or {}),
    }
    torch.save(checkpoint, folder / "checkpoints" / "model.ckpt")
    return folder


CASES: dict[str, dict[str, Any]] = {
    "comet": COMET,
    "softmax": COMET | {"layer_transformation": "softmax", "pool": "cls"},
    "layer_norm": COMET | {"layer_norm": True, "final_activation": "Sigmoid"},
    "maximum": COMET | {"layer": 2, "pool": "max"},
    "default": COMET | {"pool": "default"},
    "comet_xl": COMET | {"encoder_model": "XLM-RoBERTa-XL"},
    "cometkiwi": KIWI,
    "kiwi_sparsemax": KIWI | {"layer_transformation": "sparsemax", "layer_norm": True},
    "kiwi_layer": KIWI | {"sent_layer": 3},
    "kiwi_xl": KIWI | {"encoder_model": "XLM-RoBERTa-XL"},
}
"""Settings that differ in one part of the arithmetic."""
ENCODERS = {"bert": write_bert, "roberta": write_roberta, "xlm_roberta": write_xlm_roberta}
