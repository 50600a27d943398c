"""How text is decoded, scored and reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mtnlg.config.checks import above, at_least, require


class Strategy(Enum):
    """How the next token is chosen; rows of generation.STRATEGIES."""

    greedy = "greedy"
    sampling = "sampling"
    beam = "beam"


@dataclass(kw_only=True)
class DecodingConfig:
    """Settings of the search; those of another strategy than the chosen one have no effect."""

    strategy: Strategy = Strategy.greedy
    max_new_tokens: int = 128
    """Longest output in tokens."""
    temperature: float = 1.0
    """sampling: divides the logits."""
    top_k: int | None = None
    """sampling: only the k likeliest tokens; None: all."""
    top_p: float = 1.0
    """sampling: the smallest set of tokens with this probability mass (Holtzman et al. 2020)."""
    seed: int = 1
    """sampling: joined with each example's place in its test set, so that no batch changes a
    draw.
    """
    num_beams: int = 5
    """beam: hypotheses kept per example."""
    length_penalty: float = 1.0
    """beam: scores are divided by length ** penalty (Wu et al. 2016, simplified as in Hugging
    Face).
    """
    num_alternatives: int = 1
    """beam, sampling: outputs per example; more than one are also written to alternatives.jsonl."""
    batch_tokens: int = 16_384
    """Tokens of the cache of one batch: rows x (prompt + output), beams included."""

    def __post_init__(self) -> None:
        at_least("decoding.max_new_tokens", self.max_new_tokens, 1)
        above("decoding.temperature", self.temperature, 0)
        above("decoding.top_p", self.top_p, 0)
        require(self.top_p <= 1, "decoding.top_p", self.top_p, "in (0, 1]")
        if self.top_k is not None:
            at_least("decoding.top_k", self.top_k, 1)
        at_least("decoding.num_beams", self.num_beams, 1)
        at_least("decoding.length_penalty", self.length_penalty, 0)
        at_least("decoding.num_alternatives", self.num_alternatives, 1)
        at_least("decoding.batch_tokens", self.batch_tokens, 1)
        most = {Strategy.greedy: 1, Strategy.beam: self.num_beams}.get(
            self.strategy, self.num_alternatives
        )
        require(
            self.num_alternatives <= most,
            "decoding.num_alternatives",
            self.num_alternatives,
            f"at most {most} with strategy {self.strategy.name}",
        )

    @property
    def label(self) -> str:
        """A short name that tells the settings that matter."""
        if self.strategy is Strategy.beam:
            penalty = "" if self.length_penalty == 1 else f"_penalty{self.length_penalty:g}"
            return f"beam{self.num_beams}{penalty}"
        if self.strategy is Strategy.sampling:
            top_k = "" if self.top_k is None else f"_k{self.top_k}"
            return f"sampling_t{self.temperature:g}{top_k}_p{self.top_p:g}_s{self.seed}"
        return self.strategy.name


@dataclass(kw_only=True)
class EvaluationConfig:
    """What is measured, and how sure it is."""

    metrics: list[str] = field(
        default_factory=lambda: ["bleu", "chrf", "rouge1", "rouge2", "rougeL", "rougeLsum"]
    )
    """Rows of evaluation.METRICS."""
    num_resamples: int = 1_000
    """Bootstrap resamples of the test set."""
    confidence: float = 0.95
    seed: int = 12_345
    """Seed of the resampling; sacreBLEU's default."""
    has_baselines: bool = True
    """Trivial systems as rows of every board."""

    def __post_init__(self) -> None:
        require(bool(self.metrics), "evaluation.metrics", self.metrics, "at least one metric")
        at_least("evaluation.num_resamples", self.num_resamples, 100)
        above("evaluation.confidence", self.confidence, 0)
        require(self.confidence < 1, "evaluation.confidence", self.confidence, "below 1")


@dataclass(kw_only=True)
class ReportConfig:
    """What is written about a launch."""

    formats: list[str] = field(default_factory=lambda: ["html", "markdown", "csv", "json"])
    """Rows of reporting.FORMATS."""
    num_samples: int = 20
    """Examples shown side by side on each board."""

    def __post_init__(self) -> None:
        at_least("report.num_samples", self.num_samples, 0)
