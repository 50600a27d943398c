"""`mtnlg say`: settings, prefixes, streams and warnings, on a tiny random model.

Oracle: `generate` of the same model folder in this process, and messages written by hand.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch

from mtnlg.cli.main import main
from mtnlg.config import ModelConfig, TaskKind, TokenizerConfig
from mtnlg.inference import TaskPrompt
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration as Pretrained
from mtnlg.model import Transformer
from mtnlg.tokenization.tokenizer import train_tokenizer

TEXTS = ["the red cat", "一只红猫"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(3)
    prompt = TaskPrompt("translation/x", TaskKind.translation, "en", "zh", "<translation_en_zh>")
    tokenizer = train_tokenizer(
        ["the red cat sees a dog", "一只红猫看见一条狗"],
        TokenizerConfig(vocabulary_size=300),
        markers=[prompt.marker],
    )
    config = ModelConfig(
        name="tiny",
        num_layers=2,
        hidden_size=21,
        num_heads=3,
        context_length=37,
        initial_deviation=0.4,
    )
    model = Transformer(config, tokenizer.vocabulary_size).eval()
    path: Path = tmp_path_factory.mktemp("say") / "model"
    Pretrained(model, tokenizer, {prompt.name: prompt}, prompt.name).save_pretrained(path)
    return str(path)


def said(folder: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["say", "--model", folder, *words, *TEXTS]) == 0
    return capsys.readouterr().out


def expected(folder: str, **settings: object) -> str:
    answers = Pretrained.from_pretrained(folder).generate(TEXTS, task=None, **settings)  # type: ignore[arg-type]
    return "".join(f"{answer}\n" for answer in answers)


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (["--set", "max_new_tokens=5"], {"max_new_tokens": 5}),
        (["--num-beams", "3", "--set", "max_new_tokens=5"], {"num_beams": 3, "max_new_tokens": 5}),
        (["--num-beams", "1", "--set", "min_new_tokens=9"], {"min_new_tokens": 9}),
        (
            ["--set", "strategy=sampling", "--set", "seed=4", "--prefix", "12"],
            {"strategy": "sampling", "seed": 4, "forced_prefix": "12"},
        ),
        (["--set", "bad_words=[e, ' a']"], {"bad_words": ["e", " a"]}),
    ],
)
def test_settings_are_those_of_generate(
    folder: str,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    settings: dict[str, object],
) -> None:
    assert said(folder, words, capsys) == expected(folder, **settings)


@pytest.mark.parametrize("words", [[], ["--set", "min_new_tokens=9"], ["--prefix", "一只"]])
def test_stream_prints_the_same(
    folder: str, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert said(folder, ["--stream", *words], capsys) == said(folder, words, capsys)


def test_lines_of_standard_input_are_streamed(
    folder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = said(folder, [], capsys)
    content = "".join(f"{text}\n" for text in TEXTS).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))

    assert main(["say", "--model", folder, "--stream"]) == 0

    assert capsys.readouterr().out == whole


@pytest.mark.parametrize("words", [[], ["--stream"]])
def test_text_that_is_cut_is_warned_of_in_one_line(
    folder: str, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["say", "--model", folder, *words, "the red cat " * 20]) == 0

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: 1 of 1 texts did not fit the context and lost ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "beams=3"], "Key 'beams' not in 'DecodingConfig'"),
        (["--set", "max_new_tokens"], "--set max_new_tokens: expected NAME=VALUE"),
        (["--set", "max_new_tokens=0"], "decoding.max_new_tokens=0: must be"),
        (["--num-beams", "2", "--set", "num_beams=3"], "--num-beams and --set num_beams say"),
        (["--prefix", "a", "--set", "forced_prefix=b"], "prefix and forced_prefix say the same"),
        (["--stream", "--num-beams", "2"], "stream(strategy=beam): beam search takes back"),
        (["--set", "has_likelihood=true"], "has_likelihood=True): likelihood.jsonl is written"),
    ],
)
def test_mistake_is_one_line(
    folder: str, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["say", "--model", folder, *words, "a"]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
