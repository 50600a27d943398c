"""Folders of transformers behind the generate stage. Oracle: transformers' own generate on each
text alone, with settings written by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from made_pairs import make_pair
from mtnlg.config import DecodingConfig, InstructionConfig, PromptFormat, TaskKind
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.inference.hf_system import HfSystem, check_hf
from mtnlg.inference.prompting import Prompting
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.inference.systems import Answers
from mtnlg.records.rows import Row

TASK = TaskPrompt("translation/captions", TaskKind.translation, "en", "de", "<x>")
SOURCES = ["the lazy dog", "it's 12 o'clock, and the quick brown fox jumps", "fox", "naïve café"]
TEMPLATE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
INSTRUCTION = InstructionConfig(doc_to_text="Say: {{source}}", description="Be short. ")


def nothing(done: int) -> None:
    """Progress that nobody sees."""


def answers_of(folder: Path, *, prompting: Prompting | None = None, **settings: Any) -> Answers:
    system = HfSystem(folder, device="cpu")
    asked = prompting or Prompting(PromptFormat.source, TASK, None)
    decoding = DecodingConfig(max_new_tokens=9, **settings)
    return system.answer(SOURCES, asked, decoding, nothing)


def their_texts(model: Any, tokenizer: Any, texts: list[str], **settings: Any) -> list[str]:
    outputs = []
    for text in texts:
        given = tokenizer(text, return_tensors="pt")
        start = 0 if model.config.is_encoder_decoder else given["input_ids"].shape[1]
        with torch.inference_mode():
            ids = model.generate(
                input_ids=given["input_ids"],
                attention_mask=given["attention_mask"],
                max_new_tokens=9,
                **{"do_sample": False, "pad_token_id": tokenizer.pad_token_id, **settings},
            )
        outputs.append(tokenizer.decode(ids[0, start:], skip_special_tokens=True))
    return outputs


@pytest.mark.parametrize("model_type", ["t5", "bart", "marian"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"strategy": "beam", "num_beams": 3, "length_penalty": 0.6}, {"num_beams": 3}),
        ({"min_new_tokens": 4, "no_repeat_ngram_size": 2}, {"min_new_tokens": 4}),
    ],
)
def test_outputs_are_those_of_transformers(
    model_type: str, ours: dict[str, Any], theirs: dict[str, Any], tmp_path: Path
) -> None:
    """One batch here, one text at a time there."""
    model, tokenizer = make_pair(tmp_path, model_type)
    names = ("length_penalty", "no_repeat_ngram_size")
    theirs = theirs | {name: ours[name] for name in names if name in ours}

    answers = answers_of(tmp_path, **ours)

    assert answers.texts == their_texts(model, tokenizer, SOURCES, **theirs)
    assert answers.prompts == SOURCES
    assert answers.num_prompt_tokens == sum(len(tokenizer(text).input_ids) for text in SOURCES)


def test_batches_change_no_output(tmp_path: Path) -> None:
    make_pair(tmp_path, "marian")

    assert answers_of(tmp_path, batch_tokens=1).texts == answers_of(tmp_path).texts


@pytest.mark.parametrize(
    ("template", "render"),
    [
        (None, lambda source: f"Be short. Say: {source}"),
        (TEMPLATE, lambda source: f"[system]Be short. [user]Say: {source}[assistant]"),
    ],
)
def test_decoder_is_asked_by_the_instruction(
    template: str | None, render: Callable[[str], str], tmp_path: Path
) -> None:
    """The prompts are written by hand."""
    model, tokenizer = make_pair(tmp_path, "gpt2", template=template)
    usual = HfSystem(tmp_path, device="cpu").usual_format
    prompting = Prompting(usual, TASK, INSTRUCTION)

    answers = answers_of(tmp_path, prompting=prompting)

    assert answers.prompts == [render(source) for source in SOURCES]
    assert answers.texts == their_texts(model, tokenizer, answers.prompts)


def test_long_source_is_cut_and_the_instruction_is_not(tmp_path: Path) -> None:
    _, tokenizer = make_pair(tmp_path, "gpt2")
    prompting = Prompting(PromptFormat.text, TASK, INSTRUCTION)
    system = HfSystem(tmp_path, device="cpu")

    answers = system.answer(["abc " * 50], prompting, DecodingConfig(max_new_tokens=9), nothing)

    (prompt,) = answers.prompts
    assert prompt.startswith("Be short. Say: abc abc")
    assert answers.num_cut_prompts == 1
    assert answers.num_prompt_tokens == len(tokenizer(prompt).input_ids) <= 96 - 9


def test_prompt_without_room_is_an_error_that_says_so(tmp_path: Path) -> None:
    make_pair(tmp_path, "gpt2")
    examples = (Row("1", "word " * 60, ("Wort",)),)
    prompting = Prompting(PromptFormat.text, TASK, INSTRUCTION, examples)

    with pytest.raises(ConfigError, match=r"a prompt without its source has .* leaves 87; use few"):
        answers_of(tmp_path, prompting=prompting)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bad_words": ["x"]}, r"decoding.bad_words=\['x'\]: system=hf/x has no such setting"),
        ({"has_likelihood": True}, "decoding.has_likelihood=True: system=hf/x has no such"),
        (
            {"strategy": "sampling", "num_alternatives": 2, "mbr_utility": "chrf"},
            "decoding.num_alternatives=2: system=hf/x has no such setting",
        ),
        ({"max_length_ratio": 2.0}, "decoding.max_length_ratio=2.0: system=hf/x has no such"),
    ],
)
def test_settings_without_an_equal_are_refused_by_name(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_hf(DecodingConfig(**settings), system="hf/x")


def test_repetition_of_a_decoder_is_refused(tmp_path: Path) -> None:
    make_pair(tmp_path, "gpt2")
    prompting = Prompting(PromptFormat.text, TASK, INSTRUCTION)

    with pytest.raises(ConfigError, match=r"decoding\.no_repeat_ngram_size=2: for a decoder"):
        answers_of(tmp_path, prompting=prompting, no_repeat_ngram_size=2)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "transformers cannot open it"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"\x08"),
            "transformers cannot open it",
        ),
        (lambda folder: (folder / "config.json").write_text("{"), "transformers cannot open it"),
    ],
)
def test_broken_folder_is_one_line(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    make_pair(tmp_path, "t5")
    damage(tmp_path)

    with pytest.raises(ArtifactError, match=message) as raised:
        HfSystem(tmp_path, device="cpu")

    assert "\n" not in str(raised.value)
