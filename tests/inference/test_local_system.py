"""Weights of others in our decoder, asked by an instruction. Oracle: transformers' generate on each
prompt alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from made_checkpoints import NUM_ROWS, NUM_TOKENS, make_checkpoint
from mtnlg.config import DecodingConfig, GenerationKwargs, InstructionConfig, PromptFormat, TaskKind
from mtnlg.errors import ConfigError
from mtnlg.experiment.pretrained import make_pretrained
from mtnlg.inference.local_system import LocalSystem, check_local
from mtnlg.inference.prompting import Prompting
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.records.rows import Row

TASK = TaskPrompt("translation/captions", TaskKind.translation, "en", "de", "<x>")
SOURCES = ["lazy dog", "it's 12", "fox <sep>", "naïve café"]
INSTRUCTION = InstructionConfig(doc_to_text="{{source}}:", description="the fox jumps. ")
EXAMPLES = (Row("1", "quick brown fox over the lazy dog", ("der Fuchs",)),)
CONTEXT = 96
NO_TOKENS = list(range(NUM_TOKENS, NUM_ROWS))
"""Rows of the embedding that are left out; two special tokens of ours take the place of two."""


def nothing(done: int) -> None:
    """Progress that nobody sees."""


def folder_of(root: Path) -> tuple[Path, Any]:
    model = make_checkpoint(root / "theirs", "llama", max_position_embeddings=CONTEXT)
    folder, _ = make_pretrained(str(root / "theirs"), root / "artifacts")
    return folder, model


@pytest.mark.parametrize("num_examples", [0, 1])
def test_outputs_are_those_of_transformers(num_examples: int, tmp_path: Path) -> None:
    folder, model = folder_of(tmp_path)
    tokenizer: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tmp_path / "theirs" / "tokenizer.json")
    )
    system = LocalSystem(folder)
    prompting = Prompting(PromptFormat.text, TASK, INSTRUCTION, EXAMPLES[:num_examples])

    answers = system.answer(SOURCES, prompting, DecodingConfig(max_new_tokens=7), nothing)

    assert answers.prompts == [prompting.text(source) for source in SOURCES]
    for prompt, text in zip(answers.prompts, answers.texts, strict=True):
        ids = torch.tensor([tokenizer.encode(prompt)])
        with torch.inference_mode():
            theirs = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=7,
                do_sample=False,
                suppress_tokens=NO_TOKENS,
            )
        new = tokenizer.decode(theirs[0, ids.shape[1] :], skip_special_tokens=True)
        assert text == "".join(filter(str.isprintable, new)).strip()
    assert system.num_parameters == sum(weight.numel() for weight in model.parameters()) - 4 * 24


def test_search_stops_where_an_output_is_complete(tmp_path: Path) -> None:
    """Oracle: the outputs of a search that does not stop there, cut by hand."""
    system = LocalSystem(folder_of(tmp_path)[0])
    decoding = DecodingConfig(max_new_tokens=24)
    whole = system.answer(
        SOURCES, Prompting(PromptFormat.text, TASK, INSTRUCTION), decoding, nothing
    )
    end = whole.texts[0][4:6]
    until = replace(INSTRUCTION, generation_kwargs=GenerationKwargs(until=[end]))
    prompting = Prompting(PromptFormat.text, TASK, until)

    stopped = system.answer(SOURCES, prompting, decoding, nothing)

    expected = [text.partition(end)[0].strip() for text in whole.texts]
    assert [prompting.trim(text) for text in stopped.texts] == expected
    assert len(stopped.texts[0]) < len(whole.texts[0])
    assert stopped.num_tokens < whole.num_tokens
    assert stopped.num_unfinished == whole.num_unfinished - sum(end in t for t in whole.texts)


def test_chat_is_rendered_with_its_special_tokens(tmp_path: Path) -> None:
    """Oracle: the prompt by hand, and the id of the token."""
    folder, _ = folder_of(tmp_path)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<|endoftext|>{{ m.content }}{% endfor %}"
    )
    system = LocalSystem(folder)
    prompting = Prompting(PromptFormat.chat, TASK, INSTRUCTION, (), system.chat_template)

    answers = system.answer(["fox"], prompting, DecodingConfig(max_new_tokens=3), nothing)

    assert system.usual_format is PromptFormat.chat
    assert answers.prompts == ["<|endoftext|>the fox jumps. <|endoftext|>fox:"]
    text = "the fox jumps. fox:"
    assert answers.num_prompt_tokens == 2 + len(system.tokenizer.encode(text))


def test_long_source_is_cut_and_a_prompt_without_room_is_an_error(tmp_path: Path) -> None:
    system = LocalSystem(folder_of(tmp_path)[0])
    prompting = Prompting(PromptFormat.text, TASK, INSTRUCTION)
    decoding = DecodingConfig(max_new_tokens=7)

    answers = system.answer(["fox " * 60], prompting, decoding, nothing)

    assert answers.num_cut_prompts == 1
    assert answers.prompts[0].startswith("the fox jumps. fox fox")
    assert answers.num_prompt_tokens <= CONTEXT - 7
    with pytest.raises(ConfigError, match=r"a prompt without its source has .* leaves 1; use few"):
        system.answer(["fox"], prompting, DecodingConfig(max_new_tokens=CONTEXT - 1), nothing)


def test_what_it_cannot_do_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has_likelihood=True: system=local/x has no such setti"):
        check_local(DecodingConfig(has_likelihood=True), system="local/x")
    sampled = DecodingConfig(strategy="sampling", num_alternatives=2)
    with pytest.raises(ConfigError, match="num_alternatives=2: system=local/x gives one output a"):
        check_local(sampled, system="local/x")
    folder, _ = folder_of(tmp_path)
    (folder / "chat_template.jinja").unlink()
    prompting = Prompting(PromptFormat.chat, TASK, INSTRUCTION)
    with pytest.raises(ConfigError, match="prompt_format=chat: the model has no chat template"):
        LocalSystem(folder).answer(["fox"], prompting, DecodingConfig(), nothing)
