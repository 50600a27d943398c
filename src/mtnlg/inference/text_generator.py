"""Texts to texts with one model: encode, cut, decode in batches, turn back into text, count what
was cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from mtnlg.config import DecodingConfig, TaskKind
from mtnlg.generation.batches import Output
from mtnlg.generation.constraints import TextRules
from mtnlg.generation.engine import generate, stream
from mtnlg.inference.banned_texts import text_rules
from mtnlg.inference.prompts import NUM_AROUND_SOURCE, PromptBuilder, TaskPrompt
from mtnlg.model import Transformer
from mtnlg.tokenization.tokenizer import TextTokenizer

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but tab and line feed: a byte-level model can emit them, and no metric can
score them.
"""


@dataclass(slots=True)
class Generated:
    """Texts, best first for each source, with what it took."""

    texts: list[list[str]]
    scores: list[list[float]]
    utilities: list[list[float]] | None = None
    """What the texts are ordered by under minimum Bayes risk; None: by their scores."""
    num_tokens: int = 0
    """Tokens decoded, ends included, of the best outputs."""
    num_cut_prompts: int = 0
    """Sources that did not fit the context and were cut."""
    num_cut_tokens: int = 0
    num_unfinished: int = 0
    """Best outputs that were stopped by the limit and not by the model."""


@dataclass(frozen=True, slots=True)
class EncodedSources:
    """Prompts that fit the context."""

    prompts: list[list[int]]
    cuts: list[int]
    """Tokens that each source lost, 0 for most."""
    rules: TextRules
    beginnings: list[str]
    """What each answer begins with: of a language model the source, which it continues."""
    prefix_length: int | None = None
    """Tokens of each prompt that see one another in a bidirectional prefix; None: all."""


@dataclass
class TextGenerator:
    """A model and its tokenizer, ready to answer."""

    model: Transformer
    tokenizer: TextTokenizer

    @cached_property
    def prompts(self) -> PromptBuilder:
        return PromptBuilder(self.tokenizer, self.model.config.context_length)

    @cached_property
    def forbidden_ids(self) -> list[int]:
        """Special tokens but the end: they stand for no text."""
        return [token for token in self.tokenizer.special_ids if token != self.tokenizer.end_id]

    def generate(
        self,
        sources: Sequence[str],
        task: TaskPrompt,
        decoding: DecodingConfig,
        *,
        on_progress: Callable[[int], None] | None = None,
    ) -> Generated:
        """One list of alternatives for each source, in the sources' order; sources are taken as
        clean. A language model continues its sources: its answers begin with them.
        """
        utility = None
        if decoding.mbr_utility is not None:
            from mtnlg.evaluation import find_metric

            utility = find_metric(decoding.mbr_utility, key="decoding.mbr_utility")
        encoded = self.encode(sources, task, decoding)
        outputs = generate(
            self.model,
            encoded.prompts,
            eos_id=self.tokenizer.end_id,
            config=decoding,
            forbidden_ids=self.forbidden_ids,
            rules=encoded.rules,
            prefix_length=encoded.prefix_length,
            on_progress=on_progress,
        )
        texts = [
            [self.text(output.ids, beginning) for output in alternatives]
            for alternatives, beginning in zip(outputs, encoded.beginnings, strict=True)
        ]
        utilities = None
        if utility is not None:
            from mtnlg.inference.mbr import rank_by_utility

            outputs, texts, utilities = rank_by_utility(
                outputs, texts, utility, language=task.target_language
            )
        return _with_counts(outputs, texts, utilities, encoded.cuts)

    def stream(self, encoded: EncodedSources, decoding: DecodingConfig) -> Iterator[str]:
        """The first source's answer in pieces of whole characters, which joined are what `generate`
        gives.
        """
        ids = stream(
            self.model,
            encoded.prompts[0],
            eos_id=self.tokenizer.end_id,
            config=decoding,
            forbidden_ids=self.forbidden_ids,
            rules=encoded.rules,
            prefix_length=encoded.prefix_length,
        )
        seen: list[int] = []
        given, beginning = 0, encoded.beginnings[0]
        for token in ids:
            seen.append(token)
            # Bytes of an unfinished character are U+FFFD until the rest comes, or does not.
            text = _clean(beginning + self.tokenizer.decode(seen).rstrip("\ufffd"))
            if len(text) > given:
                yield text[given:]
                given = len(text)
        if rest := self.text(seen, beginning)[given:]:
            yield rest

    def encode(
        self, sources: Sequence[str], task: TaskPrompt, decoding: DecodingConfig
    ) -> EncodedSources:
        """Prompts of the sources, cut to leave room for the longest output."""
        longest_output = min(decoding.max_new_tokens, self.model.config.context_length // 2)
        built = [
            self.prompts.build(ids, task, output_length=longest_output)
            for ids in self.tokenizer.encode_batch(list(sources))
        ]
        rules = text_rules(
            decoding,
            self.tokenizer,
            source_lengths=[len(ids) - NUM_AROUND_SOURCE for ids, _ in built],
            longest_output=longest_output,
            device=self.model.token_embedding.weight.device,
        )
        is_continued = task.kind is TaskKind.language_modeling
        return EncodedSources(
            [ids for ids, _ in built],
            [num_cut for _, num_cut in built],
            rules,
            beginnings=list(sources) if is_continued else [""] * len(built),
            prefix_length=NUM_AROUND_SOURCE if is_continued else None,
        )

    def text(self, ids: Sequence[int], beginning: str = "") -> str:
        """The text of an output, after what it was given to begin with."""
        return _clean(beginning + self.tokenizer.decode(ids))


def _clean(text: str) -> str:
    return CONTROL.sub("", text).strip()


def _with_counts(
    outputs: list[list[Output]],
    texts: list[list[str]],
    utilities: list[list[float]] | None,
    cuts: Sequence[int],
) -> Generated:
    best = [alternatives[0] for alternatives in outputs]
    return Generated(
        texts=texts,
        scores=[[output.score for output in alternatives] for alternatives in outputs],
        utilities=utilities,
        num_tokens=sum(len(output.ids) + output.is_finished for output in best),
        num_cut_prompts=sum(num_cut > 0 for num_cut in cuts),
        num_cut_tokens=sum(cuts),
        num_unfinished=sum(not output.is_finished for output in best),
    )
