"""Texts become prompts that fit the context; what is cut is cut on the right side, and counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtnlg.config import CleaningConfig, DecodingConfig, TaskConfig, TaskKind
from mtnlg.errors import ArtifactError
from mtnlg.generation.batches import Output
from mtnlg.inference import PromptBuilder, TaskPrompt, TextGenerator, text_generator
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.inference.prompts import cut_source, label_index
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


KEPT = {
    # kind, source, target -> source and target tokens kept in a context of 20
    (TaskKind.translation, 5, 6): (5, 6),
    (TaskKind.translation, 11, 6): (11, 6),
    (TaskKind.translation, 12, 6): (11, 6),
    (TaskKind.translation, 30, 9): (8, 9),
    (TaskKind.translation, 30, 10): (7, 10),
    (TaskKind.translation, 30, 11): (7, 10),
    (TaskKind.translation, 2, 40): (2, 10),
    (TaskKind.dialogue, 30, 0): (17, 0),
    (TaskKind.dialogue, 0, 10): (0, 10),
    (TaskKind.language_modeling, 0, 16): (0, 16),
    (TaskKind.language_modeling, 0, 17): (0, 17),
    (TaskKind.language_modeling, 0, 40): (0, 17),
}
"""By hand: marker, separator and end take three of twenty tokens, a target at most ten unless there
is no source, and a source has seven at least.
"""


@pytest.mark.parametrize(("kind", "num_source", "num_target"), KEPT)
def test_sequence_is_cut_to_the_context(
    tokenizer: TextTokenizer,
    prompts: dict[str, TaskPrompt],
    kind: TaskKind,
    num_source: int,
    num_target: int,
) -> None:
    """Oracle: KEPT, and the layout `<marker> source <sep> target <eos>` written out."""
    task = replace(prompts["translation/captions"], kind=kind)
    builder = PromptBuilder(tokenizer, context_length=20)
    source, target = list(range(100, 100 + num_source)), list(range(200, 200 + num_target))
    kept_source, kept_target = KEPT[kind, num_source, num_target]

    ids, prefix_length = builder.sequence(source, target, task)
    lengths = builder.kept_lengths(np.array([num_source]), np.array([num_target]), kind)

    keeps_end = kind in (TaskKind.dialogue, TaskKind.language_modeling)
    first = num_source - kept_source if keeps_end else 0
    marker, separator = tokenizer.marker_id(task.marker), tokenizer.separator_id
    assert ids.tolist() == [
        *[marker, *source[first : first + kept_source], separator],
        *[*target[:kept_target], tokenizer.end_id],
    ]
    assert len(ids) <= 20
    assert prefix_length == kept_source + 2
    assert [length.tolist() for length in lengths] == [[kept_source], [kept_target]]


def test_markers_of_tasks_are_not_confused(
    tokenizer: TextTokenizer, prompts: dict[str, TaskPrompt]
) -> None:
    """Oracle: the tokenizer's id of each marker, asked for in turns."""
    builder = PromptBuilder(tokenizer, context_length=20)
    names = ["translation/captions", "dialogue/chat", "translation/captions"]

    firsts = [int(builder.sequence([100], [200], prompts[name])[0][0]) for name in names]

    assert firsts == [tokenizer.marker_id(prompts[name].marker) for name in names]
    assert firsts[0] != firsts[1]


def test_labels_are_the_tokens_after_each_prefix() -> None:
    """Oracle: written out: rows of 7 columns; the token before a label predicts it."""
    index = label_index([2, 5, 1], [4, 7, 2], width=7)

    assert index.tolist() == [1, 2, 7 + 4, 7 + 5, 14 + 0]


def test_answer_of_a_language_model_goes_on_from_its_text(
    pretrained: MegatronTuringForConditionalGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the text, then the output's; marker and separator alone see both ways, and the source
    is what of the text fits.
    """
    task = replace(pretrained.find_task("captions"), kind=TaskKind.language_modeling)
    generator = TextGenerator(pretrained.model, pretrained.tokenizer)
    seen: dict[str, object] = {}

    def generate(*arguments: object, **options: object) -> list[list[Output]]:
        seen.update(options, prompts=arguments[1])
        return [[Output(pretrained.tokenizer.encode(" sees a dog"), -1.0, True)]]

    monkeypatch.setattr(text_generator, "generate", generate)

    (answers,) = generator.generate(["the red cat"], task, DecodingConfig(max_new_tokens=7)).texts

    ids = pretrained.tokenizer.encode("the red cat")
    opening = [pretrained.tokenizer.marker_id(task.marker), pretrained.tokenizer.separator_id]
    assert answers == ["the red cat sees a dog"]
    assert seen["prompts"] == [[*opening, *ids]]
    assert seen["prefix_length"] == 2
    assert seen["forbidden_ids"] == [
        token for token in pretrained.tokenizer.special_ids if token != pretrained.tokenizer.end_id
    ]


def test_prompt_of_another_task_sees_all_of_itself(
    pretrained: MegatronTuringForConditionalGeneration,
) -> None:
    """Oracle: None stands for the whole prompt, and no answer begins with its source."""
    generator = TextGenerator(pretrained.model, pretrained.tokenizer)

    encoded = generator.encode(
        ["the red cat", "a"], pretrained.find_task("captions"), DecodingConfig(max_new_tokens=7)
    )

    assert encoded.prefix_length is None
    assert encoded.beginnings == ["", ""]
    assert encoded.cuts == [0, 0]


def test_longest_output_leaves_half_of_the_context_to_the_source(
    pretrained: MegatronTuringForConditionalGeneration,
) -> None:
    """Oracle: by hand: 37 tokens have room for 37 // 2 of output, three of layout and 16 of source,
    however many new tokens are allowed.
    """
    generator = TextGenerator(pretrained.model, pretrained.tokenizer)
    task, text = pretrained.find_task("captions"), "the red cat " * 20

    for max_new_tokens, room in ((4, 30), (18, 16), (19, 16), (128, 16)):
        encoded = generator.encode([text], task, DecodingConfig(max_new_tokens=max_new_tokens))

        assert len(encoded.prompts[0]) == room + 2
        assert encoded.rules.source_lengths == [room]
