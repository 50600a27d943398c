"""BPE-dropout. Oracle: the tokenizer itself, and the paper for the extreme probabilities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from made_training import dataset, small_config, train, train_until_killed
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import TokenizerConfig, TrainerConfig
from mtnlg.errors import ConfigError
from mtnlg.tokenization.bpe_dropout import DropoutSegmenter
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer
from mtnlg.training.plan import MicroBatch, PlanSettings, micro_batches

CORPUS = [
    "The quick brown fox jumps over the lazy dog. aaaa aaaaaaa " * 3,
    "Der schnelle braune Fuchs springt über den faulen Hund. " * 2,
    "敏捷的棕色狐狸跳过了懒狗。敏捷的狗跳过了狐狸。" * 3,
    "👩‍👩‍👧‍👦 🇩🇪 👍🏽 👍🏽 👍🏽",
]
PIECES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=9),
    st.sampled_from([*CORPUS, "aaa", "aaaaaa", "狐狸", "👩‍👩‍👧‍👦", "<eos>", "  ", "\n\n", "it's"]),
)
TEXTS = st.lists(PIECES, max_size=5).map("".join)
TOKENIZER = train_tokenizer(CORPUS, TokenizerConfig(vocabulary_size=420), markers=["<x>"])


def segmenter(probability: float, *, seed: int = 3) -> DropoutSegmenter:
    return DropoutSegmenter(TOKENIZER, probability=probability, seed=seed)


WHOLE, SOME, NONE = segmenter(0.0), segmenter(0.3), segmenter(1.0)


@given(text=TEXTS)
def test_without_dropout_the_ids_are_the_tokenizers(text: str) -> None:
    """Oracle: Hugging Face tokenizers."""
    ids = TOKENIZER.encode(text)

    assert WHOLE(ids, (0,)) == ids


@given(text=TEXTS)
def test_with_all_merges_dropped_the_ids_are_the_bytes(text: str) -> None:
    """Oracle: the UTF-8 encoding has as many bytes as there are ids, each of one byte."""
    ids = NONE(TOKENIZER.encode(text), (0,))

    assert len(ids) == len(text.encode())
    assert TOKENIZER.decode(ids) == text


@given(text=TEXTS, draw=st.integers(0, 5))
def test_any_segmentation_has_the_same_text(text: str, draw: int) -> None:
    ids = SOME(TOKENIZER.encode(text), (draw,))

    assert TOKENIZER.decode(ids) == text


def test_segmentation_depends_on_seed_and_draw_alone() -> None:
    ids = TOKENIZER.encode(CORPUS[0])
    first = SOME(ids, (4, 1))
    SOME(ids, (9, 9))

    assert SOME(ids, (4, 1)) == segmenter(0.3)(ids, (4, 1)) == first
    assert SOME(ids, (4, 2)) != first
    assert segmenter(0.3, seed=4)(ids, (4, 1)) != first


def test_share_of_undone_merges_is_the_probability() -> None:
    """Oracle: a word of two bytes with one merge stays apart with the probability; 4 standard
    deviations of 20,000 draws.
    """
    pair = next(pair for pair in SOME.merges if SOME.merges[pair][0] == 0)
    merged = SOME.merges[pair][1]
    word = next(token for token, number in SOME.vocabulary.items() if number == merged)
    text = TOKENIZER.decode([merged])
    num_draws, num_apart = 20_000, 0
    assert TOKENIZER.words(text) == [word]

    for draw in range(num_draws):
        num_apart += SOME([merged], (draw,)) == list(pair)

    assert num_apart / num_draws == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / num_draws) ** 0.5)


def test_ids_cut_within_a_character_come_back_unchanged() -> None:
    ids = NONE(TOKENIZER.encode("狐狸"), (0,))[:-1]

    assert SOME(ids, (0,)) == ids


def test_tokenizer_without_merges_is_refused_by_name() -> None:
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    unigram.decoder = decoders.ByteLevel()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<pad>", "<sep>", "<eos>"], show_progress=False
    )
    unigram.train_from_iterator(CORPUS, trainer)

    with pytest.raises(ConfigError, match=r"trainer\.bpe_dropout=0\.1: the tokenizer is Unigram"):
        DropoutSegmenter(TextTokenizer(unigram), probability=0.1, seed=1)


@pytest.mark.parametrize("value", [0.0, -0.1, 1.1, float("nan")])
def test_probability_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match=r"trainer\.bpe_dropout=.*must be in \(0, 1\]"):
        TrainerConfig(bpe_dropout=value)


def test_batches_hold_the_same_text_within_the_context(prepared: Any) -> None:
    """Oracle: the sequences without dropout; those that no longer fit are cut like any other."""
    plain = dataset(prepared)
    dropped = dataset(prepared)
    dropped.segmenter = DropoutSegmenter(prepared.tokenizer, probability=0.5, seed=1)

    longer = 0
    for example in range(len(plain)):
        (whole, prefix), (ids, new_prefix) = (
            data.sequence(example, draw=(1, 0, 0)) for data in (plain, dropped)
        )
        assert len(ids) <= 48
        if len(ids) < 48 and len(ids) - new_prefix < 24:
            decode = prepared.tokenizer.decode
            assert decode(ids[1:new_prefix].tolist()) == decode(whole[1:prefix].tolist())
            assert decode(ids[new_prefix:].tolist()) == decode(whole[prefix:].tolist())
        longer += len(ids) > len(whole)

    assert longer > len(plain) // 2


def test_micro_batches_are_numbered_alike_for_any_ranks_and_start() -> None:
    """Oracle: one rank that begins at the beginning; over the ends of epochs."""
    lengths = np.full(13, 4, dtype=np.int64)
    settings = PlanSettings(1, lengths, lengths, np.ones(13), 8, 2)

    def take(count: int, *, rank: int = 0, num_ranks: int = 1, start: int = 0) -> list[MicroBatch]:
        stream = micro_batches(settings, rank=rank, num_ranks=num_ranks, start_step=start)
        return [next(stream) for _ in range(count)]

    whole = take(20)

    assert [(batch.step, batch.position) for batch in whole] == [
        (step, index) for step in range(10) for index in (0, 1)
    ]
    assert take(10, start=5) == whole[10:]
    assert take(10, rank=1, num_ranks=2) == whole[1::2]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_resumed_training_with_dropped_merges_gives_the_same_weights_bit_for_bit(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_workers: int
) -> None:
    """Oracle: the sha256 of an uninterrupted training, in one process."""
    config = small_config(bpe_dropout=0.2)
    whole = train(prepared, config, tmp_path / "whole")
    config = small_config(bpe_dropout=0.2, num_workers=num_workers)
    train_until_killed(prepared, config, tmp_path / "resumed", monkeypatch, step=4)
    resumed = train(prepared, config, tmp_path / "resumed")
    plain = train(prepared, small_config(), tmp_path / "plain")

    digests = [file_sha256(folder / "model.safetensors") for folder in (whole, resumed, plain)]
    assert digests[0] == digests[1] != digests[2]
    assert (
        json.loads((plain / "training.json").read_text())["training_tokens"]
        < json.loads((whole / "training.json").read_text())["training_tokens"]
    )
