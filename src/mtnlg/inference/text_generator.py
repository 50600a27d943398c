"""Texts to texts with one model: encode, cut, decode, turn into text, count what was cut."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mtnlg.config import DecodingConfig, TaskKind
from mtnlg.generation.batches import Output
from mtnlg.generation.constraints import TextRules
from mtnlg.generation.engine import generate, stream
from mtnlg.inference.banned_texts import text_rules
from mtnlg.inference.prompts import NUM_AROUND_SOURCE, PromptBuilder, TaskPrompt
from mtnlg.model import Transformer
from mtnlg.tokenization.tokenizer import TextTokenizer

if TYPE_CHECKING:
    from mtnlg.evaluation import Metric

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters except tab and line feed; a byte-level model can emit them."""


@dataclass(slots=True)
class Generated:
    """The texts for each source, best first, and counts of what decoding took."""

    texts: list[list[str]]
    scores: list[list[float]]
    utilities: list[list[float]] | None
    """What orders the texts with minimum Bayes risk; None: their scores do."""
    num_tokens: int
    """Tokens of the best outputs, ends included."""
    num_cut_prompts: int
    """Sources that were cut to fit the context."""
    num_cut_tokens: int
    num_unfinished: int
    """Best outputs that the limit ended."""


@dataclass(frozen=True, slots=True)
class EncodedSources:
    """Prompts that fit the context."""

    prompts: list[list[int]]
    cuts: list[int]
    """Tokens that each source lost, 0 for most."""
    rules: TextRules
    beginnings: list[str]
    """What each answer begins with: for a language model the source, which it continues."""
    prefix_length: int | None = None
    """First tokens of each prompt that see one another in a bidirectional prefix; None: all."""


@dataclass
class TextGenerator:
    """A model and its tokenizer."""

    model: Transformer
    tokenizer: TextTokenizer

    @cached_property
    def prompts(self) -> PromptBuilder:
        return PromptBuilder(self.tokenizer, self.model.config.context_length)

    @cached_property
    def forbidden_ids(self) -> list[int]:
        """Special tokens except the end; they stand for no text."""
        return [token for token in self.tokenizer.special_ids if token != self.tokenizer.end_id]

    def generate(
        self,
        sources: Sequence[str],
        task: TaskPrompt,
        decoding: DecodingConfig,
        *,
        on_progress: Callable[[int], None] | None = None,
    ) -> Generated:
        """The alternatives for each source, which must be clean. A language model continues its
        sources: its answers begin with them.
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
            outputs, texts, utilities = rank_by_utility(
                outputs, texts, utility, language=task.target_language
            )
        return _with_counts(outputs, texts, utilities, encoded.cuts)

    def stream(self, encoded: EncodedSources, decoding: DecodingConfig) -> Iterator[str]:
        """The answer to the first source in pieces of whole characters; together they are what
        `generate` returns.
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
            # An unfinished character is U+FFFD until its other bytes arrive.
            text = _clean(beginning + self.tokenizer.decode(seen).rstrip("\ufffd"))
            if len(text) > given:
                yield text[given:]
                given = len(text)
        if rest := self.text(seen, beginning)[given:]:
            yield rest

    def encode(
        self, sources: Sequence[str], task: TaskPrompt, decoding: DecodingConfig
    ) -> EncodedSources:
        """The prompts of the sources, cut to leave room for the longest output."""
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
        """The text of an output, after its given beginning."""
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
        num_unfinished=sum(not (output.is_finished or output.is_complete) for output in best),
    )


def rank_by_utility(
    outputs: Sequence[Sequence[Output]],
    texts: Sequence[Sequence[str]],
    metric: Metric,
    *,
    language: str,
) -> tuple[list[list[Output]], list[list[str]], list[list[float]]]:
    """Minimum Bayes risk decoding (Kumar and Byrne 2004; Eikema and Aziz 2020): the samples of each
    source, their texts and expected utilities, the most useful first. Equals stay in their order.
    """
    ranked: tuple[list[list[Output]], list[list[str]], list[list[float]]] = ([], [], [])
    for samples, sample_texts in zip(outputs, texts, strict=True):
        utilities = expected_utilities(sample_texts, metric, language=language)
        order = sorted(range(len(samples)), key=lambda index: -utilities[index])
        ranked[0].append([samples[index] for index in order])
        ranked[1].append([sample_texts[index] for index in order])
        ranked[2].append([utilities[index] for index in order])
    return ranked


def expected_utilities(samples: Sequence[str], metric: Metric, *, language: str) -> list[float]:
    """The mean metric of each sample with every sample, itself included, as the reference. A text
    that was drawn twice counts twice, since the samples stand for the model's distribution.
    """
    from mtnlg.evaluation import Texts, sentence_scores

    counts = Counter(samples)
    distinct = list(counts)
    pairs = Texts(
        [hypothesis for hypothesis in distinct for _ in distinct],
        [[reference] for _ in distinct for reference in distinct],
        language=language,
    )
    values = sentence_scores(metric, pairs).reshape(len(distinct), len(distinct))
    weights = [counts[text] / len(samples) for text in distinct]
    mean = dict(zip(distinct, (values @ weights).tolist(), strict=True))
    return [mean[text] for text in samples]
