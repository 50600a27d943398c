"""Systems that are not ours, on one test set: from rows to predictions.jsonl and prompts.jsonl.

An adapter is a `System`; hf_system, local_system and endpoint are the three.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mtnlg.config import DecodingConfig, InstructionConfig, PromptFormat
from mtnlg.errors import ConfigError
from mtnlg.inference.prompting import Prompting
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.process.progress import track
from mtnlg.records.codec import write_record
from mtnlg.records.files import write_jsonl
from mtnlg.records.places import GENERATION_FILE, PREDICTIONS_FILE
from mtnlg.records.rows import Prediction, Row, read_rows, read_tags
from mtnlg.records.stages import Generation

logger = logging.getLogger(__name__)

PROMPTS_FILE = "prompts.jsonl"
OnProgress = Callable[[int], None]
SHARED = ("strategy", "max_new_tokens", "batch_tokens")
"""Settings of decoding that every adapter maps."""


@dataclass(kw_only=True)
class Answers:
    """What a system said, row by row, and counts of what it took."""

    prompts: list[str]
    """As the system got them."""
    texts: list[str]
    """Before they are trimmed."""
    num_tokens: int
    num_prompt_tokens: int
    num_unfinished: int
    num_cut_prompts: int = 0
    num_cut_tokens: int = 0
    num_requests: int | None = None
    num_cached: int | None = None
    num_refusals: int | None = None


class System(Protocol):
    """A model or an endpoint behind the generate stage."""

    @property
    def usual_format(self) -> PromptFormat:
        """How it is asked where nobody says it."""
        ...

    @property
    def chat_template(self) -> str | None:
        """The template of its conversations, where it is known."""
        ...

    @property
    def num_parameters(self) -> int | None:
        """None where they are not known."""
        ...

    def answer(
        self,
        sources: Sequence[str],
        prompting: Prompting,
        decoding: DecodingConfig,
        on_progress: OnProgress,
    ) -> Answers:
        """An answer to each source; raises ConfigError for a format that it does not have."""
        ...


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a system is to do, beside its name."""

    task: TaskPrompt
    instruction: InstructionConfig | None
    format: PromptFormat | None
    decoding: DecodingConfig
    rows_file: Path
    signals_file: Path


def predict_with_system(
    system: System,
    assignment: Assignment,
    folder: Path,
    *,
    examples_of: Callable[[int], Sequence[Row]],
) -> None:
    """Write predictions.jsonl, with the contamination signals of each row, prompts.jsonl, with each
    prompt and the whole answer, and generation.json. `examples_of` draws that many examples.
    """
    rows, tags = list(read_rows(assignment.rows_file)), read_tags(assignment.signals_file)
    chosen = assignment.format or system.usual_format
    instruction = assignment.instruction
    is_asked = instruction is not None and chosen is not PromptFormat.source
    prompting = Prompting(
        chosen,
        assignment.task,
        instruction,
        examples_of(instruction.num_fewshot) if instruction and is_asked else (),
        system.chat_template if chosen is PromptFormat.chat else None,
    )
    started = time.monotonic()
    title = f"{assignment.task.name} {assignment.rows_file.stem}"
    with track(f"decoding {title}", len(rows)) as progress:
        sources = [row.source for row in rows]
        answers = system.answer(sources, prompting, assignment.decoding, progress.advance)
    seconds = time.monotonic() - started
    outputs = [prompting.trim(text) for text in answers.texts]
    predictions = (
        Prediction(row.id, row.source, row.references, output, tags[row.id]).to_json()
        for row, output in zip(rows, outputs, strict=True)
    )
    write_jsonl(folder / PREDICTIONS_FILE, predictions)
    lines = zip(rows, answers.prompts, answers.texts, strict=True)
    write_jsonl(
        folder / PROMPTS_FILE,
        ({"id": row.id, "prompt": prompt, "answer": text} for row, prompt, text in lines),
    )
    record = _record(system, prompting, answers, seconds)
    for sentence in _remarks(record):
        logger.warning(f"{title}: {sentence}")
    write_record(folder / GENERATION_FILE, record)


def _record(system: System, prompting: Prompting, answers: Answers, seconds: float) -> Generation:
    is_endpoint = answers.num_requests is not None
    return Generation(
        rows=len(answers.texts),
        seconds=round(seconds, 3),
        tokens=answers.num_tokens,
        decoding_tokens_per_second=None if is_endpoint else round(answers.num_tokens / seconds, 1),
        cut_prompts=answers.num_cut_prompts,
        cut_tokens=answers.num_cut_tokens,
        unfinished=answers.num_unfinished,
        prompt=prompting.signature,
        parameters=system.num_parameters,
        prompt_tokens=answers.num_prompt_tokens,
        requests=answers.num_requests,
        cached_answers=answers.num_cached,
        refusals=answers.num_refusals,
    )


def _remarks(record: Generation) -> list[str]:
    counts = {
        "prompts did not fit the context, and their sources were cut": record.cut_prompts,
        "answers were ended by decoding.max_new_tokens": record.unfinished,
        "rows were refused, and have an empty output": record.refusals,
    }
    return [f"{count} of {record.rows} {what}" for what, count in counts.items() if count]


def check_mapped(decoding: DecodingConfig, mapped: Sequence[str], *, system: str) -> None:
    """Raise ConfigError for the first setting that was changed and is not among the mapped ones."""
    for field in dataclasses.fields(DecodingConfig):
        value = getattr(decoding, field.name)
        if value != field.default and field.name not in (*SHARED, *mapped):
            raise ConfigError(
                f"decoding.{field.name}={value}: system={system} has no such setting; leave it out"
            )


def check_strategy(decoding: DecodingConfig, known: Sequence[str], *, system: str) -> None:
    """Raise ConfigError for another decoding strategy."""
    if decoding.strategy not in known:
        raise ConfigError(
            f"decoding.strategy={decoding.strategy}: system={system} has {', '.join(known)}"
        )
