"""Prompts of systems that were not trained on a task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtnlg.config import GenerationKwargs, InstructionConfig, PromptFormat, TaskKind
from mtnlg.errors import ConfigError, DataError
from mtnlg.inference.prompting import Prompting, draw_examples, render_chat
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.records.rows import Row

TASK = TaskPrompt("translation/captions", TaskKind.translation, "en", "de", "<x>")
EXAMPLES = (Row("1", "a dog", ("ein Hund", "der Hund")), Row("2", "a cat", ("eine Katze",)))
INSTRUCTION = InstructionConfig(
    doc_to_text="{{source_language}}-{{target_language}}: {{source}}",
    description="Translate.\n",
    target_delimiter=" = ",
    fewshot_delimiter="\n--\n",
    generation_kwargs=GenerationKwargs(until=["\n", "</s>"]),
)
CHATML = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}{% if tools %}tools{% endif %}"
)


def test_text_has_description_examples_and_question() -> None:
    """Oracle: lm-evaluation-harness's form, by hand."""
    prompting = Prompting(PromptFormat.text, TASK, INSTRUCTION, EXAMPLES)

    assert prompting.text("{{ a }} fox") == (
        "Translate.\nen-de: a dog = ein Hund\n--\nen-de: a cat = eine Katze\n--\nen-de: {{ a }} fox"
    )


def test_chat_has_examples_as_earlier_questions_and_answers() -> None:
    """Oracle: by hand."""
    prompting = Prompting(PromptFormat.chat, TASK, INSTRUCTION, EXAMPLES[:1], CHATML)

    assert prompting.messages("a fox") == [
        {"role": "system", "content": "Translate.\n"},
        {"role": "user", "content": "en-de: a dog"},
        {"role": "assistant", "content": "ein Hund"},
        {"role": "user", "content": "en-de: a fox"},
    ]
    assert render_chat(CHATML, prompting.messages("a fox")[2:]) == (
        "<|assistant|>ein Hund\n<|user|>en-de: a fox\n<|assistant|>"
    )


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("ein Fuchs", "ein Fuchs"),
        ("\n ein Fuchs \nen-de: a", "ein Fuchs"),
        ("ein</s> Fuchs\n", "ein"),
        ("\n", ""),
        ("", ""),
    ],
)
def test_output_ends_before_the_first_of_its_ends(output: str, expected: str) -> None:
    """Oracle: by hand."""
    assert Prompting(PromptFormat.text, TASK, INSTRUCTION).trim(output) == expected


@given(text=st.text("ab \n", max_size=9), until=st.lists(st.text("ab \n", min_size=1, max_size=4)))
@example(text="ab\ncd", until=["b\n", "ab\ncd"])
def test_complete_output_is_trimmed_as_all_that_begin_so(text: str, until: list[str]) -> None:
    """Oracle: the trimmed whole."""
    instruction = InstructionConfig(
        doc_to_text="{{source}}", generation_kwargs=GenerationKwargs(until=until)
    )
    prompting = Prompting(PromptFormat.text, TASK, instruction)

    beginnings = [text[:length] for length in range(len(text) + 1)]
    complete = [start for start in beginnings if prompting.is_complete(start.strip())]

    assert {prompting.trim(start) for start in complete} <= {prompting.trim(text)}
    is_cut = any(end in text.strip() for end in until)
    assert is_cut or not complete


def test_signature_depends_on_all_that_a_prompt_is_made_of() -> None:
    """Oracle: prompts that differ have signatures that differ."""
    other = InstructionConfig(doc_to_text="{{source}}?")
    promptings = [
        Prompting(PromptFormat.source, TASK, INSTRUCTION),
        Prompting(PromptFormat.text, TASK, INSTRUCTION),
        Prompting(PromptFormat.chat, TASK, INSTRUCTION),
        Prompting(PromptFormat.chat, TASK, INSTRUCTION, (), CHATML),
        Prompting(PromptFormat.text, TASK, INSTRUCTION, EXAMPLES),
        Prompting(PromptFormat.text, TASK, INSTRUCTION, EXAMPLES[::-1]),
        Prompting(PromptFormat.text, TASK, other),
    ]

    signatures = [prompting.signature for prompting in promptings]

    assert len(set(signatures)) == len(signatures)
    assert signatures[0] == "source"
    assert signatures[4].startswith("text|shots:2|until:2|prompt:")
    assert Prompting(PromptFormat.text, TASK, INSTRUCTION).signature == signatures[1]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ bos_token }}{{ messages }}", "bos_token"),
        ("{{ raise_exception('no system message') }}", "no system message"),
        ("{{ messages.__class__.__mro__ }}", "access to attribute '__class__'"),
    ],
)
def test_template_that_cannot_be_rendered_is_one_line(template: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"^chat_template.jinja: cannot be rendered.*{reason}"):
        render_chat(template, [{"role": "user", "content": "x"}])


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{source}} {% if %}", "doc_to_text: no Jinja template"),
        ("{{source}} {{ answer }}", "doc_to_text: 'answer' is undefined"),
    ],
)
def test_question_that_cannot_be_rendered_names_its_setting(template: str, message: str) -> None:
    prompting = Prompting(PromptFormat.text, TASK, InstructionConfig(doc_to_text=template))

    with pytest.raises(ConfigError, match=f"tasks.*instruction.{message}"):
        prompting.text("a fox")


def write_rows(path: Path, pairs: list[tuple[str, str]]) -> Path:
    rows = [Row(str(number), *pair[:1], (pair[1],)) for number, pair in enumerate(pairs)]
    path.write_text("".join(json.dumps(row.to_json()) + "\n" for row in rows))
    return path


def test_examples_are_no_test_rows_and_do_not_depend_on_the_order(tmp_path: Path) -> None:
    """Oracle: each property looked up in the rows."""
    pairs = [(f"source {number}", f"target {number}") for number in range(30)]
    train = write_rows(tmp_path / "train.jsonl", pairs)
    shuffled = write_rows(tmp_path / "shuffled.jsonl", pairs[::-1])
    tests = [
        write_rows(tmp_path / "a.jsonl", [("Source  7!", "x")]),
        write_rows(tmp_path / "b.jsonl", [("y", "TARGET 8")]),
    ]

    drawn = {seed: draw_examples(train, tests, number=28, seed=seed) for seed in (1, 2)}

    texts = [[row.source for row in rows] for rows in drawn.values()]
    assert sorted(texts[0]) == sorted(texts[1]) == sorted(s for s, _ in pairs if s[7:] not in "78")
    assert texts[0] != texts[1]
    again = draw_examples(shuffled, tests, number=28, seed=1)
    assert [row.source for row in again] == texts[0]
    assert draw_examples(train, tests, number=3, seed=1) == drawn[1][:3]
    assert draw_examples(tmp_path / "none.jsonl", (), number=0, seed=1) == ()
    with pytest.raises(DataError, match=r"has only 28 rows that are in no test set; .*=29 needs"):
        draw_examples(train, tests, number=29, seed=1)
