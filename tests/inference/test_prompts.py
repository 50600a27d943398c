"""Texts become prompts that fit the context; what is cut is cut on the right side, and counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtnlg.config import CleaningConfig, DecodingConfig, TaskConfig, TaskKind
from mtnlg.errors import ArtifactError
from mtnlg.generation.batches import Output
from mtnlg.inference import PromptBuilder, TaskPrompt, TextGenerator, text_generator
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.inference.prompts import cut_source
from mtnlg.tokenization.tokenizer import TextTokenizer

SOURCE = list(range(100, 123))


def test_documents_lose_their_end_and_dialogues_their_oldest_turns() -> None:
    kept = {kind: cut_source(SOURCE, kind, 5) for kind in TaskKind}

    assert kept[TaskKind.translation] == kept[TaskKind.summarization] == SOURCE[:5]
    assert kept[TaskKind.dialogue] == SOURCE[-5:]
    assert kept[TaskKind.language_modeling] == SOURCE[-5:], "a text to continue keeps its end"
    assert len(kept) == 4, "every kind is named above"


@pytest.mark.parametrize("kind", TaskKind)
def test_source_that_fits_is_not_cut(kind: TaskKind) -> None:
    assert cut_source(SOURCE, kind, len(SOURCE)) == SOURCE
    assert list(cut_source(SOURCE, kind, 0)) == []


@pytest.mark.parametrize("name", ["translation/captions", "dialogue/chat"])
def test_prompt_is_marker_source_separator(
    tokenizer: TextTokenizer, prompts: dict[str, TaskPrompt], name: str
) -> None:
    builder = PromptBuilder(tokenizer, context_length=31)

    ids, num_cut = builder.build(SOURCE, prompts[name], output_length=11)

    kept = SOURCE[-17:] if name.startswith("dialogue") else SOURCE[:17]
    assert ids == [tokenizer.marker_id(prompts[name].marker), *kept, tokenizer.separator_id]
    assert num_cut == 23 - 17


@pytest.mark.parametrize(("num_tokens", "expected"), [(0, 0), (16, 0), (17, 0), (18, 1), (23, 6)])
def test_prompt_of_a_language_model_is_marker_separator_text(
    tokenizer: TextTokenizer, prompts: dict[str, TaskPrompt], num_tokens: int, expected: int
) -> None:
    """Oracle: the ids written out: 31 tokens of context have room for 17 beside 11 and three."""
    task = replace(prompts["translation/captions"], kind=TaskKind.language_modeling)

    ids, num_cut = PromptBuilder(tokenizer, context_length=31).build(
        SOURCE[:num_tokens], task, output_length=11
    )

    opening = [tokenizer.marker_id(task.marker), tokenizer.separator_id]
    assert ids == [*opening, *SOURCE[expected:num_tokens]]
    assert num_cut == expected


def test_prompt_and_output_together_fit_the_context(tokenizer: TextTokenizer) -> None:
    """With the end: marker, source, separator, output, end."""
    for context_length in (16, 31, 64):
        builder = PromptBuilder(tokenizer, context_length)
        for output_length in range(1, context_length // 2 + 1):
            room = builder.source_room(output_length)

            assert room >= context_length // 2 - 3
            assert room + output_length + 3 <= context_length


def test_cut_prompts_and_tokens_are_counted(
    pretrained: MegatronTuringForConditionalGeneration,
) -> None:
    sources = ["cat", "", "the red cat " * 20, "a dog " * 30]
    lengths = [len(ids) for ids in pretrained.tokenizer.encode_batch(sources)]
    generator = TextGenerator(pretrained.model, pretrained.tokenizer)
    room = generator.prompts.source_room(7)

    generated = generator.generate(
        sources, pretrained.find_task(None), DecodingConfig(max_new_tokens=7)
    )

    assert generated.num_cut_prompts == 2
    assert generated.num_cut_tokens == lengths[2] + lengths[3] - 2 * room
    assert len(generated.texts) == len(generated.scores) == 4
    assert 0 <= generated.num_unfinished <= 4
    assert 4 <= generated.num_tokens <= 4 * 7


def test_counts_are_of_the_best_outputs(
    pretrained: MegatronTuringForConditionalGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: by hand: ends count as tokens, further alternatives do not count at all."""
    outputs = [
        [Output([5, 6, 7], -1.0, True), Output([5], -2.0, False)],
        [Output([5, 6], -1.5, False), Output([5, 6, 7, 8], -3.0, True)],
        [Output([], -0.5, True), Output([5], -4.0, True)],
        [Output([9, 9, 9, 9], -2.5, False), Output([], -5.0, True)],
    ]
    monkeypatch.setattr(text_generator, "generate", lambda *_, **__: outputs)
    generator = TextGenerator(pretrained.model, pretrained.tokenizer)

    generated = generator.generate(
        ["a", "b", "c", "d"], pretrained.find_task(None), DecodingConfig(max_new_tokens=7)
    )

    assert generated.num_unfinished == 2
    assert generated.num_tokens == (3 + 1) + 2 + (0 + 1) + 4
    assert (generated.num_cut_prompts, generated.num_cut_tokens) == (0, 0)
    assert generated.scores == [[-1.0, -2.0], [-1.5, -3.0], [-0.5, -4.0], [-2.5, -5.0]]
    assert generated.texts == [
        [pretrained.tokenizer.decode(output.ids).strip() for output in alternatives]
        for alternatives in outputs
    ]


def test_prompt_of_a_task_comes_back_from_json() -> None:
    task = TaskConfig(
        kind=TaskKind.summarization, reader="document_summary", source_language="en", prompt="tldr"
    )
    prompt = TaskPrompt.of("summarization/news", task, CleaningConfig(max_characters=7))

    assert prompt.marker == "<tldr>"
    assert prompt.target_language == "en"
    assert TaskPrompt.from_json(prompt.to_json()) == prompt


@pytest.mark.parametrize(
    "change", [{"kind": "poetry"}, {"cleaning": {"max": 3}}, {"cleaning": None}, {"extra": 1}]
)
def test_record_of_another_version_is_an_error_with_its_name(
    prompts: dict[str, TaskPrompt], change: dict[str, object]
) -> None:
    record = {**prompts["dialogue/chat"].to_json(), **change}

    with pytest.raises(ArtifactError, match=r"tasks\.json: 'dialogue/chat' is no task of this"):
        TaskPrompt.from_json(record)  # type: ignore[arg-type]
