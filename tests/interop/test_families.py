"""Models of others as ours. Oracle: transformers' logits for the same random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from made_checkpoints import (
    FAMILIES,
    NUM_TOKENS,
    TEXTS,
    byte_level_bpe,
    make_checkpoint,
    sentencepiece_bpe,
)
from mtnlg.config import ModelConfig
from mtnlg.errors import MtnlgError
from mtnlg.interop.convert import convert
from mtnlg.interop.families import all_families
from mtnlg.interop.family import canonical
from mtnlg.model import load_model
from mtnlg.model.folder import read_license
from mtnlg.records.places import CHAT_TEMPLATE_FILE
from mtnlg.tokenization.tokenizer import TextTokenizer

LARGEST_DIFFERENCE = 1e-4
"""Of logits in fp32; other orders of the same sums give some 1e-6."""


def ids(num_tokens: int = NUM_TOKENS, length: int = 29) -> torch.Tensor:
    return torch.randint(num_tokens, (2, length), generator=torch.Generator().manual_seed(1))


def test_every_family_has_a_random_model() -> None:
    """Oracle: the modules of the package."""
    assert sorted(all_families()) == sorted(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_logits_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    theirs = make_checkpoint(tmp_path / "theirs", family)

    convert(tmp_path / "theirs", tmp_path / "ours")

    ours, expected = load_model(tmp_path / "ours"), theirs(ids()).logits[..., :NUM_TOKENS]
    assert expected.abs().max() > 1
    torch.testing.assert_close(ours(ids())[..., :NUM_TOKENS], expected, atol=1e-4, rtol=0)
    assert ours.vocabulary_size == NUM_TOKENS + 2


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("gpt2", {"activation_function": "gelu", "n_inner": 33, "tie_word_embeddings": False}),
        ("llama", {"num_key_value_heads": 6, "rms_norm_eps": 1e-3, "head_dim": 8}),
        ("qwen3", {"rope_theta": 1e6, "tie_word_embeddings": True}),
        ("phi3", {"sliding_window": 30}),
    ],
)
@torch.inference_mode()
def test_logits_with_other_settings_in_shards(
    family: str, settings: dict[str, object], tmp_path: Path
) -> None:
    """Also without the defaults that earlier releases did not write."""
    theirs = make_checkpoint(tmp_path / "theirs", family, shard_size="9KB", **settings)
    assert len(list((tmp_path / "theirs").glob("model-*.safetensors"))) > 1

    convert(tmp_path / "theirs", tmp_path / "ours")

    logits = load_model(tmp_path / "ours")(ids())[..., :NUM_TOKENS]
    expected = theirs(ids()).logits[..., :NUM_TOKENS]
    torch.testing.assert_close(logits, expected, atol=LARGEST_DIFFERENCE, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_settings_come_back_from_what_a_family_writes(family: str, tmp_path: Path) -> None:
    make_checkpoint(tmp_path, family)
    table = all_families()[family]
    config = json.loads((tmp_path / "config.json").read_text())

    ours = table.read(config, path=tmp_path)

    if family != "mistral":  # its window is a shorter context
        assert table.differences(ours) == []
    assert canonical(ours) == ours


def test_a_sliding_window_is_the_longest_context(tmp_path: Path) -> None:
    """Oracle: the window by hand."""
    make_checkpoint(tmp_path / "theirs", "mistral")

    convert(tmp_path / "theirs", tmp_path / "ours")

    assert load_model(tmp_path / "ours").config.context_length == 29


def test_names_without_the_prefix_and_masks_of_old_releases(tmp_path: Path) -> None:
    """As gpt2 stands on the hub. Oracle: the conversion of the same weights with prefix."""
    from safetensors.torch import load_file, save_file

    make_checkpoint(tmp_path / "theirs", "gpt2")
    convert(tmp_path / "theirs", tmp_path / "expected")
    file = tmp_path / "theirs" / "model.safetensors"
    state = {name.removeprefix("transformer."): value for name, value in load_file(file).items()}
    state["h.0.attn.bias"] = torch.ones(1, 1, 31, 31)
    save_file(state, file)

    convert(tmp_path / "theirs", tmp_path / "ours")

    ours, expected = (tmp_path / name / "model.safetensors" for name in ("ours", "expected"))
    assert ours.read_bytes() == expected.read_bytes()


def test_tokenizer_keeps_its_tokens_and_gets_ours_after_them(tmp_path: Path) -> None:
    """Oracle: the tokenizer before."""
    make_checkpoint(tmp_path / "theirs", "llama")
    before = byte_level_bpe().get_vocab()

    convert(tmp_path / "theirs", tmp_path / "ours")

    tokenizer = TextTokenizer.load(tmp_path / "ours" / "tokenizer.json")
    after = json.loads(tokenizer.to_json())
    assert after["model"]["vocab"] == before
    assert (tokenizer.pad_id, tokenizer.separator_id) == (NUM_TOKENS, NUM_TOKENS + 1)
    assert tokenizer.end_id == before["<|endoftext|>"]
    assert (tmp_path / "ours" / CHAT_TEMPLATE_FILE).read_text() == "{{ messages }}"
    for text in TEXTS:
        encoded = tokenizer.encode(text)
        assert encoded == byte_level_bpe().encode(text).ids
        assert b"".join(tokenizer.token_bytes[token] for token in encoded).decode() == text


def test_license_of_a_card_stays_with_the_weights(tmp_path: Path) -> None:
    """Oracle: the card, by hand."""
    make_checkpoint(tmp_path / "theirs", "gpt2")
    card = "---\nlanguage: en\nlicense: mit\n---\n# Theirs\nlicense: another\n"
    (tmp_path / "theirs" / "README.md").write_text(card)

    convert(tmp_path / "theirs", tmp_path / "ours")

    assert read_license(tmp_path / "ours") == "mit"


def test_end_is_ours_where_theirs_is_not_a_usual_one(tmp_path: Path) -> None:
    """Oracle: the id after <pad> and <sep>."""
    make_checkpoint(tmp_path / "theirs", "llama", tokenizer=byte_level_bpe("<stop>"))
    (tmp_path / "theirs" / "tokenizer_config.json").write_text('{"eos_token": "<stop>"}')

    convert(tmp_path / "theirs", tmp_path / "ours")

    assert TextTokenizer.load(tmp_path / "ours" / "tokenizer.json").end_id == NUM_TOKENS + 2


def test_tokenizer_of_pieces_and_bytes(tmp_path: Path) -> None:
    """Oracle: transformers' ids, and the text by hand."""
    vocabulary = sentencepiece_bpe()
    vocabulary.save(str(tmp_path / "tokenizer.json"))
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    make_checkpoint(tmp_path / "theirs", "phi3", tokenizer=vocabulary, vocab_size=300)
    (tmp_path / "theirs" / "tokenizer_config.json").write_text('{"eos_token": "</s>"}')

    convert(tmp_path / "theirs", tmp_path / "ours")

    tokenizer, text = TextTokenizer.load(tmp_path / "ours" / "tokenizer.json"), "the é </s>"
    encoded = tokenizer.encode("the é")
    assert encoded == theirs.encode("the é", add_special_tokens=False)
    assert b"".join(tokenizer.token_bytes[token] for token in encoded) == " the é".encode()
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.end_id == 2
    assert not tokenizer.has_merges


def test_converted_tokenizer_opens_in_transformers(tmp_path: Path) -> None:
    """Oracle: our ids."""
    make_checkpoint(tmp_path / "theirs", "llama")
    convert(tmp_path / "theirs", tmp_path / "ours")
    tokenizer = TextTokenizer.load(tmp_path / "ours" / "tokenizer.json")

    theirs = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "ours" / "tokenizer.json"))

    assert [theirs.encode(text) for text in TEXTS] == tokenizer.encode_batch(TEXTS)


def test_settings_that_no_family_has_are_named() -> None:
    """Oracle: the names by hand."""
    from mtnlg.interop.families import family_of

    mixed = ModelConfig(name="x", num_layers=1, hidden_size=8, num_heads=2, has_pointer=True)

    with pytest.raises(MtnlgError, match=r"model\.has_pointer=True: no architecture of others"):
        family_of(mixed)
