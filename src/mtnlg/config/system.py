"""Systems that are not ours: how one is named, what it is asked, how an endpoint is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from mtnlg.config.checks import Count, CountOrZero, Positive, check_fields, require

NAME = re.compile(r"(hf|local|openai)/(.+)", re.DOTALL)
ENDPOINT = re.compile(r"(https?://.+?/v\d+)/(.+)|(https?://.+)/([^/]+)")
"""A URL to its version and a model, whose name may have slashes; or to the last slash."""


class PromptFormat(Enum):
    """How a system is asked."""

    chat = "chat"
    """Messages of a conversation; examples are earlier questions and answers."""
    text = "text"
    """One text that the system continues."""
    source = "source"
    """The source alone, for models that were trained on the task."""


@dataclass(kw_only=True)
class GenerationKwargs:
    """What ends an output."""

    until: list[str] = field(default_factory=list)
    """An output ends before the first of these texts; space at its start does not count."""

    def __post_init__(self) -> None:
        allowed = "a list of texts that are not empty"
        key = "tasks.*.instruction.generation_kwargs.until"
        require(all(self.until), key, self.until, allowed)


@dataclass(kw_only=True)
class InstructionConfig:
    """What a system that was not trained on the task is asked. The names are those of
    lm-evaluation-harness.
    """

    doc_to_text: str
    """The question, a Jinja template: {{source}}, {{source_language}} and {{target_language}}."""
    description: str = ""
    """What stands before all examples; in a chat, the system's message."""
    target_delimiter: str = " "
    """Between the question and the answer of an example; not in a chat."""
    fewshot_delimiter: str = "\n\n"
    """Between examples; not in a chat."""
    num_fewshot: CountOrZero = 0
    """Examples with answers before the question: training rows, drawn by the run's seed, none of
    which is in a test set; the same ones for all rows.
    """
    generation_kwargs: GenerationKwargs = field(default_factory=GenerationKwargs)
    """What ends an output."""

    def __post_init__(self) -> None:
        check_fields(self, "tasks.*.instruction.")
        allowed = "a template with {{source}}, where the text of a row stands"
        has_source = re.search(r"\{\{[^}]*\bsource\b", self.doc_to_text) is not None
        require(has_source, "tasks.*.instruction.doc_to_text", repr(self.doc_to_text), allowed)


@dataclass(kw_only=True)
class EndpointConfig:
    """How an endpoint is called; it changes no answer."""

    concurrency: Count = 4
    """Requests at a time."""
    requests_per_minute: Positive | None = None
    """Most requests that are begun in a minute. None: no limit."""
    max_retries: CountOrZero = 5
    """Further attempts of a request that got no usable answer, after 1, 2, 4, ... seconds or as
    long as the endpoint says.
    """
    timeout_seconds: Positive = 120.0
    """Longest wait for an answer."""

    def __post_init__(self) -> None:
        check_fields(self, "endpoint.")


class SystemName(NamedTuple):
    """The parts of `system`."""

    kind: str
    """hf, local or openai."""
    source: str
    """A folder, file or model of the hub; of an endpoint, its base URL."""
    model: str
    """The row's name on a board."""


def parse_system(text: str) -> SystemName:
    """The parts of a system; raises ConfigError for any other text."""
    match = NAME.fullmatch(text)
    allowed = (
        "hf/FOLDER, local/FOLDER or local/FILE.gguf, hf/ or local/OWNER/NAME@REVISION, or "
        "openai/https://HOST/v1/MODEL"
    )
    require(match is not None, "system", text, allowed)
    assert match is not None
    kind, source = match.groups()
    if kind != "openai":
        name = source.rstrip("/").rpartition("/")[2].partition("@")[0]
        return SystemName(kind, source, name.removesuffix(".gguf") or source)
    endpoint = ENDPOINT.fullmatch(source)
    require(endpoint is not None, "system", text, allowed)
    assert endpoint is not None
    url, model = endpoint[1] or endpoint[3], endpoint[2] or endpoint[4]
    return SystemName(kind, url, model)
