"""Answers in pieces: joined they are the whole answer, and no piece breaks a character."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mtnlg.config import TaskKind
from mtnlg.errors import ConfigError
from mtnlg.inference import text_generator
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration as Pretrained

TEXTS = ["the red cat", "一只红猫", "how are you?\nfine", ""]


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "greedy"},
        {"strategy": "sampling", "temperature": 1.5, "seed": 3},
        {"strategy": "greedy", "no_repeat_ngram_size": 1, "min_new_tokens": 12, "bad_words": ["e"]},
        {"strategy": "sampling", "prefix": "一只红猫"},
    ],
)
@pytest.mark.parametrize("task", ["captions", "chat"])
def test_pieces_joined_are_the_answer(
    pretrained: Pretrained, settings: dict[str, object], task: str
) -> None:
    for text in TEXTS:
        pieces = list(pretrained.stream(text, task=task, max_new_tokens=15, **settings))  # type: ignore[arg-type]

        whole = pretrained.generate(text, task=task, max_new_tokens=15, **settings)  # type: ignore[call-overload]
        assert "".join(pieces) == whole
        assert all(pieces)


def spoken(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch, tokens: list[bytes]
) -> list[str]:
    """The pieces of an answer of given tokens."""
    ids = [pretrained.tokenizer.token_bytes.index(token) for token in tokens]

    def stream(*_: object, **__: object) -> Iterator[int]:
        return iter(ids)

    monkeypatch.setattr(text_generator, "stream", stream)
    pieces = list(pretrained.stream("a"))
    assert "".join(pieces) == pretrained._generator.text(ids)
    return pieces


def test_stream_of_a_language_model_begins_with_its_text(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the text that is continued, and the answer of `generate`."""
    for name, task in pretrained.tasks.items():
        pretrained.tasks[name] = replace(task, kind=TaskKind.language_modeling)

    for text in ("the red cat", "一只红猫", ""):
        pieces = list(pretrained.stream(text, max_new_tokens=9))

        whole = pretrained.generate(text, max_new_tokens=9)
        assert "".join(pieces) == whole
        assert whole.startswith(text)
        assert len(whole) > len(text)


def test_rest_of_a_broken_character_follows_the_text_that_is_continued(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: written out: the text, what goes on, and half a character at the end."""
    for name, task in pretrained.tasks.items():
        pretrained.tasks[name] = replace(task, kind=TaskKind.language_modeling)
    tokens = [b"a", *single_bytes("猫")[:2]]
    ids = [pretrained.tokenizer.token_bytes.index(token) for token in tokens]
    monkeypatch.setattr(text_generator, "stream", lambda *_, **__: iter(ids))

    assert list(pretrained.stream("the ")) == ["thea", "\ufffd"]


def single_bytes(text: str) -> list[bytes]:
    return [bytes([byte]) for byte in text.encode()]


def test_character_of_several_tokens_comes_whole(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte is a token here: three for a Chinese character, four for an emoji."""
    pieces = spoken(pretrained, monkeypatch, single_bytes("红猫🐈 a, 好"))

    assert pieces == ["红", "猫", "🐈", " a", ",", " 好"]


def test_broken_character_is_given_once_it_is_certain(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = single_bytes("猫")[:2]

    assert spoken(pretrained, monkeypatch, [*begun, b"a", *begun]) == ["\ufffda", "\ufffd"]


def test_space_at_the_ends_and_control_characters_are_left_out(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [b" ", b"\n", b"a", b" ", b"\x00", b" ", b"b", b" ", b"\n"]

    assert spoken(pretrained, monkeypatch, tokens) == ["a", "  b"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_beams": 2}, r"stream\(strategy=beam\): beam search takes back"),
        (
            {"strategy": "sampling", "num_alternatives": 2},
            r"stream\(num_alternatives=2\): a stream is one output",
        ),
        ({"beams": 2}, r"stream\(\) has no setting 'beams'"),
        ({"has_likelihood": True}, r"stream\(has_likelihood=True\): likelihood\.jsonl"),
        ({"task": "poetry"}, "task=poetry: this model knows"),
    ],
)
def test_what_cannot_be_streamed_is_refused_at_the_call(
    pretrained: Pretrained, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        pretrained.stream("a", **settings)  # type: ignore[arg-type]
