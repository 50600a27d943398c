"""How outputs are decoded, and what they must and must not contain."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from mtnlg.config.checks import (
    Count,
    CountOrZero,
    NonNegative,
    Positive,
    PositiveShareOrAll,
    between,
    check_fields,
    require,
)

Factor = Annotated[float, between(0.0001, 10_000)]
"""Multiplies logits, which stay finite."""


class Engine(Enum):
    """What computes a search instead of ours."""

    ctranslate2 = "ctranslate2"
    """CTranslate2, for greedy and beam search with models without pointer and bidirectional
    prefix.
    """
    ctranslate2_int8 = "ctranslate2_int8"
    """The same with weights of 8 bits, which changes most long outputs."""


@dataclass(kw_only=True)
class DecodingConfig:
    """Settings of decoding; a setting that only another strategy reads is an error.

    Only new tokens count as output, also for repetition: translations and summaries have to repeat
    names and numbers of the source.
    """

    strategy: str = "greedy"
    """How the next token is chosen."""
    engine: Engine | None = None
    """What computes it. None: ours, which has all models, strategies and settings."""
    max_new_tokens: Count = 128
    """Longest output in tokens."""
    temperature: Factor = 1.0
    """sampling: divides the logits."""
    top_k: Count | None = None
    """sampling: only the k likeliest tokens; None: all."""
    top_p: PositiveShareOrAll = 1.0
    """sampling: the smallest set of tokens with this probability mass (Holtzman et al. 2020)."""
    seed: CountOrZero = 1
    """sampling: joined with each example's position, so that batches change nothing."""
    num_beams: Annotated[int, between(1, 1_000)] = 5
    """beam: hypotheses kept per example."""
    length_penalty: NonNegative = 1.0
    """beam: scores are divided by length ** penalty, as in Hugging Face (after Wu et al. 2016)."""
    num_alternatives: Count = 1
    """beam, sampling: outputs per example; more than one are also written to alternatives.jsonl."""
    batch_tokens: Count = 16_384
    """Tokens of the cache of one batch: rows x (prompt + output), beams included."""
    no_repeat_ngram_size: Count | None = None
    """No sequence of this many tokens comes twice in an output (Paulus et al. 2018)."""
    repetition_penalty: Factor | None = None
    """Divides the logits of tokens that the output has, and multiplies negative ones (CTRL, Keskar
    et al. 2019, sec. 4.1); it counts in the scores.
    """
    min_new_tokens: Count | None = None
    """Shortest output in tokens, without its end."""
    max_length_ratio: NonNegative | None = None
    """Most tokens of output for each token of the source, as fairseq's max_len_a; max_new_tokens
    still holds.
    """
    max_length_constant: CountOrZero | None = None
    """Tokens added to those of max_length_ratio, as fairseq's max_len_b."""
    min_length_ratio: Positive | None = None
    """Least tokens of output for each token of the source; a lower maximum wins."""
    bad_words: list[str] | None = None
    """Texts that never appear in an output, not even within longer words (" he" is only the start
    of a word) and however they are tokenized; case counts.
    """
    forced_prefix: str | None = None
    """Text that every output begins with: whole words, since it is tokenized by itself."""
    mbr_utility: str | None = None
    """sampling: the output is the sample that is most like all samples by this metric (minimum
    Bayes risk, Eikema and Aziz 2020), not the likeliest one.
    """
    options: dict[str, Any] | None = None
    """Settings of a strategy that another package adds. None: its defaults."""
    has_likelihood: bool = False
    """Also write likelihood.jsonl: nats and bytes of each first reference under the model."""

    def __post_init__(self) -> None:
        check_fields(self, "decoding.")
        self._check_lengths()
        self._check_texts()
        self._check_risk()

    def _check_lengths(self) -> None:
        minimum, most = self.min_new_tokens, self.max_new_tokens
        if minimum is not None:
            allowed = f"at most decoding.max_new_tokens={most}"
            require(minimum <= most, "decoding.min_new_tokens", minimum, allowed)
        ratio, constant = self.max_length_ratio, self.max_length_constant
        if ratio is not None:
            allowed = "above 0, or with decoding.max_length_constant above 0"
            require(ratio > 0 or (constant or 0) > 0, "decoding.max_length_ratio", ratio, allowed)
        if constant is not None:
            allowed = "with decoding.max_length_ratio; without one, decoding.max_new_tokens says it"
            require(ratio is not None, "decoding.max_length_constant", constant, allowed)
        least = self.min_length_ratio
        if least is not None:
            is_below = ratio is None or least <= ratio or (constant or 0) > 0
            allowed = f"at most decoding.max_length_ratio={ratio}"
            require(is_below, "decoding.min_length_ratio", least, allowed)

    def _check_texts(self) -> None:
        if self.bad_words is not None:
            is_list = not isinstance(self.bad_words, str) and len(self.bad_words) > 0
            require(is_list, "decoding.bad_words", self.bad_words, "a list of texts, or null")
            for word in self.bad_words:
                is_text = bool(word) and _is_plain(word)
                allowed = "some text without control characters and U+FFFD"
                require(is_text, "decoding.bad_words", repr(word), allowed)
        prefix = self.forced_prefix
        if prefix is not None:
            require(
                bool(prefix) and prefix == prefix.strip() and _is_plain(prefix),
                "decoding.forced_prefix",
                repr(prefix),
                "some text without control characters, U+FFFD and space at its ends",
            )
            held = [word for word in self.bad_words or () if word in prefix]
            allowed = f"without {held[:1]} of decoding.bad_words"
            require(not held, "decoding.forced_prefix", repr(prefix), allowed)

    def _check_risk(self) -> None:
        if self.mbr_utility is not None:
            require(
                self.num_alternatives > 1,
                "decoding.mbr_utility",
                self.mbr_utility,
                "with decoding.strategy=sampling and decoding.num_alternatives above 1, "
                "the samples that it chooses from",
            )

    @property
    def constraint_labels(self) -> list[str]:
        """A short name of each constraint, whatever the strategy."""
        longest = f"{self.max_length_ratio or 0:g}x+{self.max_length_constant or 0}"
        named = {
            self.engine.value if self.engine else "": self.engine,
            f"norepeat{self.no_repeat_ngram_size}": self.no_repeat_ngram_size,
            f"repetition{self.repetition_penalty or 0:g}": self.repetition_penalty,
            f"min{self.min_new_tokens}": self.min_new_tokens,
            f"min{self.min_length_ratio or 0:g}x": self.min_length_ratio,
            f"max{longest}": self.max_length_ratio,
            f"without{_digest(*self.bad_words or ())}": self.bad_words,
            f"prefix{_digest(self.forced_prefix or '')}": self.forced_prefix,
        }
        return [label for label, value in named.items() if value is not None]


def _is_plain(text: str) -> bool:
    """Whether an output can hold the text: no control characters, lone surrogates or U+FFFD."""
    return "\ufffd" not in text and all(
        character in "\t\n" or unicodedata.category(character) not in ("Cc", "Cs")
        for character in text
    )


def _digest(*texts: str) -> str:
    """Six digits in place of texts that a file's name cannot hold."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:6]
