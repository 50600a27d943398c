"""Texts that never appear, and texts that outputs begin with: on bytes, whatever the tokens are."""

from __future__ import annotations

import random

import pytest
import torch

from mtnlg.config import DecodingConfig
from mtnlg.errors import ConfigError
from mtnlg.inference.banned_texts import ban_texts
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration as Pretrained
from mtnlg.inference.pretrained import decoding_of
from mtnlg.inference.text_generator import CONTROL
from mtnlg.tokenization.tokenizer import TextTokenizer

CPU = torch.device("cpu")
TEXTS = ["the red cat", "a dog sees you", "how are you?\nfine"]
STRATEGIES: list[dict[str, object]] = [
    {"strategy": "greedy"},
    {"strategy": "sampling", "temperature": 1.5},
    {"num_beams": 3},
]
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES, ids=["greedy", "sampling", "beam"])


@pytest.mark.parametrize("seed", range(5))
def test_token_is_banned_where_it_completes_a_text(seed: int) -> None:
    """Oracle: `in` on bytes, for random tokens of two letters, texts and histories without them."""
    generator = random.Random(seed)

    def draw(longest: int) -> str:
        return "".join(generator.choices("ab", k=generator.randint(1, longest)))

    tokens = [b"", b"a", b"b", *(draw(4).encode() for _ in range(9))]
    texts = [draw(5) + draw(2) for _ in range(3)]
    banned = ban_texts(texts, tokens, device=CPU)

    def is_free(ids: list[int]) -> bool:
        whole = b"".join(tokens[token] for token in ids)
        return not any(text.encode() in whole for text in texts)

    num_checked = 0
    for _ in range(300):
        history = generator.choices(range(1, len(tokens)), k=generator.randint(0, 6))
        if not is_free(history):
            continue
        row = banned.after(torch.tensor([history], dtype=torch.int64).view(1, -1))[0].tolist()
        assert row == [not is_free([*history, token]) for token in range(len(tokens))]
        num_checked += 1
    assert num_checked > 10


def test_bytes_of_tokens_are_those_of_the_text(tokenizer: TextTokenizer) -> None:
    """Oracle: UTF-8; special tokens have none."""
    for text in [*TEXTS, "一只红猫", "👩‍👩‍👧‍👦", "".join(map(chr, range(0x100)))]:
        ids = tokenizer.encode(text)

        assert b"".join(tokenizer.token_bytes[token] for token in ids) == text.encode()
    assert {tokenizer.token_bytes[token] for token in tokenizer.special_ids} == {b""}
    assert len(tokenizer.token_bytes) == tokenizer.vocabulary_size


@every_strategy
def test_banned_texts_never_appear(pretrained: Pretrained, strategy: dict[str, object]) -> None:
    """Pieces of what the model says without the ban, cut anywhere, across its tokens too."""
    free = pretrained.generate(TEXTS, task=None, max_new_tokens=12, **strategy)
    pieces = [answer[place : place + 2] for answer in free for place in range(0, len(answer), 2)]
    words = [one for one in pieces if one.isprintable() and "\ufffd" not in one]
    assert len(words) > 2

    answers = pretrained.generate(TEXTS, task=None, max_new_tokens=12, bad_words=words, **strategy)

    assert not [word for word in words for answer in answers if word in answer]
    assert any(answers)


def test_control_characters_that_are_left_out_join_no_banned_text(
    pretrained: Pretrained,
) -> None:
    """Oracle: the regular expression by which they are left out."""
    model, token_bytes = pretrained.model, pretrained.tokenizer.token_bytes
    controls = [
        place for place, one in enumerate(token_bytes) if CONTROL.search(one.decode("latin1"))
    ]
    rules = pretrained._generator.encode(
        ["a"], pretrained.find_task(None), DecodingConfig(bad_words=["猫"])
    ).rules
    assert rules.banned_texts is not None
    assert model.vocabulary_size == len(token_bytes)

    banned = rules.banned_texts.after(torch.zeros(1, 0, dtype=torch.int64))[0].tolist()

    for place in controls:
        is_c0 = token_bytes[place][0] < 0x80
        assert banned[place] == is_c0  # C1 characters have two bytes, the second of which is banned
    lead = token_bytes.index(b"\xc2")
    after_lead = rules.banned_texts.after(torch.tensor([[lead]]))[0].tolist()
    assert all(after_lead[token_bytes.index(bytes([byte]))] for byte in range(0x80, 0xA0))


@every_strategy
@pytest.mark.parametrize("prefix", ["the red", "一只", "x"])
def test_answers_begin_with_the_prefix_and_go_on(
    pretrained: Pretrained, strategy: dict[str, object], prefix: str
) -> None:
    answers = pretrained.generate(
        TEXTS, task=None, prefix=prefix, max_new_tokens=14, min_new_tokens=13, **strategy
    )

    assert all(answer.startswith(prefix) for answer in answers)
    assert len(set(answers)) > 1
    settings = {"max_new_tokens": 14, "min_new_tokens": 13, **strategy}
    assert answers == pretrained.generate(TEXTS, task=None, forced_prefix=prefix, **settings)


def test_prefix_has_room_beside_a_short_source(pretrained: Pretrained) -> None:
    """The limit that follows the source gives way to the prefix."""
    answer = pretrained.generate("a", prefix="the red cat", max_length_ratio=0.1)

    assert answer.startswith("the red cat")


def test_prefix_that_leaves_no_room_is_refused(pretrained: Pretrained) -> None:
    num_tokens = len(pretrained.tokenizer.encode("the red cat"))

    with pytest.raises(ConfigError, match=rf"forced_prefix='the red cat': its {num_tokens} tokens"):
        pretrained.generate("a", prefix="the red cat", max_new_tokens=num_tokens)
    assert pretrained.generate("a", prefix="the red cat", max_new_tokens=num_tokens + 1)


def test_two_prefixes_are_refused(pretrained: Pretrained) -> None:
    with pytest.raises(ConfigError, match="prefix and forced_prefix say the same"):
        pretrained.generate("a", prefix="b", forced_prefix="c")


@every_strategy
def test_answers_are_as_long_as_their_source_asks(
    pretrained: Pretrained, strategy: dict[str, object]
) -> None:
    """Lengths of sources are those of their tokens, without the marker and the separator."""
    num_tokens = [len(ids) for ids in pretrained.tokenizer.encode_batch(TEXTS)]
    encoded = pretrained._generator.encode(
        TEXTS, pretrained.find_task(None), DecodingConfig(max_length_ratio=0.5)
    )

    generated = pretrained._generator.generate(
        TEXTS,
        pretrained.find_task(None),
        decoding_of(
            {
                **strategy,
                "max_length_ratio": 0.5,
                "max_length_constant": 1,
                "min_length_ratio": 0.5,
            }
        ),
    )

    assert list(encoded.rules.source_lengths or ()) == num_tokens
    assert 0 < generated.num_tokens <= sum(length // 2 + 1 for length in num_tokens)
