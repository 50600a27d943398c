"""Texts become prompts that fit the context; what is cut is cut on the right side, and counted."""

from __future__ import annotations

import pytest

from mtnlg.config import CleaningConfig, DecodingConfig, TaskConfig, TaskKind
from mtnlg.errors import ArtifactError
from mtnlg.inference import PromptBuilder, TaskPrompt, TextGenerator
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.inference.prompts import cut_source
from mtnlg.tokenization.tokenizer import TextTokenizer

SOURCE = list(range(100, 123))


def test_documents_lose_their_end_and_dialogues_their_oldest_turns() -> None:
    kept = {kind: cut_source(SOURCE, kind, 5) for kind in TaskKind}

    assert kept[TaskKind.translation] == kept[TaskKind.summarization] == SOURCE[:5]
    assert kept[TaskKind.dialogue] == SOURCE[-5:]


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
