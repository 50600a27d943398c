"""What a system that was not trained on a task is asked: instruction, examples, and where its
answer ends. The form is that of lm-evaluation-harness.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mtnlg.config import InstructionConfig, PromptFormat
from mtnlg.errors import ConfigError, DataError
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.records.rows import Row, read_rows
from mtnlg.text.spelling import normalized_key

Messages = list[dict[str, str]]
QUESTION = "tasks.*.instruction.doc_to_text"


@dataclass(frozen=True)
class Prompting:
    """The prompts of one task in one format."""

    format: PromptFormat
    task: TaskPrompt
    instruction: InstructionConfig | None
    """None: only with the format `source`."""
    examples: Sequence[Row] = ()
    chat_template: str | None = field(default=None, repr=False)
    """What a chat becomes, in the signature; None for an endpoint's, which nobody knows."""

    def messages(self, source: str) -> Messages:
        """A conversation that ends with the question about a source."""
        instruction = self._instruction
        messages = [("system", instruction.description)] if instruction.description else []
        for row in self.examples:
            messages += [("user", self._question(row.source)), ("assistant", row.references[0])]
        messages.append(("user", self._question(source)))
        return [{"role": role, "content": content} for role, content in messages]

    def text(self, source: str) -> str:
        """One text that ends with the question about a source, or the source alone."""
        if self.format is PromptFormat.source:
            return source
        instruction = self._instruction
        examples = (
            f"{self._question(row.source)}{instruction.target_delimiter}{row.references[0]}"
            f"{instruction.fewshot_delimiter}"
            for row in self.examples
        )
        return f"{instruction.description}{''.join(examples)}{self._question(source)}"

    @property
    def until(self) -> Sequence[str]:
        """What ends an output."""
        return self.instruction.generation_kwargs.until if self.instruction else ()

    def trim(self, output: str) -> str:
        """An output without space at its ends, up to the first text of `until`."""
        return before_end(output.lstrip(), self.until).strip()

    def is_complete(self, output: str) -> bool:
        """Whether `trim` gives the same for every text that begins so."""
        return is_past_end(output.lstrip(), self.until)

    @cached_property
    def signature(self) -> str:
        """Format, examples and rules in short, with a hash of all that a prompt is made of."""
        if self.format is PromptFormat.source:
            return "source"
        content = [
            asdict(self._instruction),
            [[row.source, *row.references[:1]] for row in self.examples],
            self.chat_template,
            [self.task.source_language, self.task.target_language],
        ]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
        num_ends = len(self._instruction.generation_kwargs.until)
        return f"{self.format.name}|shots:{len(self.examples)}|until:{num_ends}|prompt:{digest}"

    def _question(self, source: str) -> str:
        try:
            return self._template.render(
                source=source,
                source_language=self.task.source_language,
                target_language=self.task.target_language,
            )
        except TemplateError as error:
            raise ConfigError(f"{QUESTION}: {error}") from None

    @property
    def _instruction(self) -> InstructionConfig:
        if self.instruction is None:
            raise ConfigError(
                f"{self.task.name}: has no instruction, which prompt_format={self.format.name} "
                "needs; set tasks.*.instruction.doc_to_text, or prompt_format=source"
            )
        return self.instruction

    @cached_property
    def _template(self) -> Template:
        return compile_template(self._instruction.doc_to_text, key=QUESTION)


def before_end(output: str, until: Sequence[str]) -> str:
    """An output up to the first of its ends."""
    ends = [at for text in until if (at := output.find(text)) >= 0]
    return output[: min(ends, default=len(output))]


def is_past_end(output: str, until: Sequence[str]) -> bool:
    """Whether an end is there, and none may follow that began before it."""
    kept = before_end(output, until)
    unfinished = (output[at:] for at in range(len(kept)))
    is_open = any(text.startswith(rest) for rest in unfinished for text in until)
    return len(kept) < len(output) and not is_open


def compile_template(
    text: str, *, key: str, undefined: type[Undefined] = StrictUndefined
) -> Template:
    """A Jinja template that can do nothing but render text; raises ConfigError with the key."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=undefined,
        extensions=["jinja2.ext.loopcontrols"],
    )
    environment.globals["raise_exception"] = _refuse
    try:
        return environment.from_string(text)
    except TemplateError as error:
        raise ConfigError(f"{key}: no Jinja template ({error})") from None


def render_chat(template: str, messages: Messages) -> str:
    """A conversation as one text up to where the next answer begins, as transformers makes it.
    Raises ConfigError for a template that names special tokens, which a folder of ours has not.
    """
    compiled = compile_template(template, key="chat_template.jinja", undefined=Undefined)
    names = meta.find_undeclared_variables(compiled.environment.parse(template))
    reason = ", ".join(sorted(names & {"bos_token", "eos_token"}))
    try:
        if not reason:
            return compiled.render(
                messages=messages, add_generation_prompt=True, tools=None, documents=None
            )
    except TemplateError as error:
        reason = str(error)
    raise ConfigError(
        f"chat_template.jinja: cannot be rendered here ({reason}); use system=hf/FOLDER, or "
        "prompt_format=text"
    )


def _refuse(message: str) -> None:
    raise TemplateError(message)


def draw_examples(
    train: Path, test_sets: Iterable[Path], *, number: int, seed: int
) -> tuple[Row, ...]:
    """The training rows of which seed and content have the smallest hashes, so that no order of
    the file matters. None has the source or the target of a test row, by letters and digits.

    Raises DataError where there are too few.
    """
    if not number:
        return ()
    tests = {
        normalized_key(text)
        for path in test_sets
        for row in read_rows(path)
        for text in (row.source, *row.references)
    }
    free = (
        row
        for row in read_rows(train)
        if not any(normalized_key(text) in tests for text in (row.source, *row.references))
    )
    rows = heapq.nsmallest(number, free, key=lambda row: _draw(row, seed))
    if len(rows) < number:
        raise DataError(
            f"{train}: has only {len(rows)} rows that are in no test set; "
            f"tasks.*.instruction.num_fewshot={number} needs more"
        )
    return tuple(rows)


def _draw(row: Row, seed: int) -> bytes:
    return hashlib.sha256(json.dumps([seed, row.source, *row.references]).encode()).digest()
