"""The metrics by name; adding one is a function for each example's statistics and a METRICS row.

A name may carry words after hyphens that say what is done differently, as in `rougeL-stem-mean` or
`bleu-lc`. Other packages add metrics by the entry point group `mtnlg.metrics`. Refuses to know:
where texts come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from mtnlg.errors import ConfigError
from mtnlg.evaluation import bleu, chrf, diversity, nist, optional, rouge, surface, ter
from mtnlg.evaluation.abstractiveness import copy_statistics, novel_statistics
from mtnlg.evaluation.inputs import Texts
from mtnlg.evaluation.metric import Metric, measure, metric_value

ENTRY_POINTS = "mtnlg.metrics"


@dataclass(frozen=True, kw_only=True)
class Family:
    """Metrics that differ in their settings alone."""

    make: Callable[[str, Any], Metric]
    """A name and settings -> the metric."""
    settings: Any
    """Those of the name without words: a dataclass."""
    words: Mapping[str, Mapping[str, object]]
    """Word of a name -> the settings that it changes."""


def _bleu(name: str, settings: bleu.BleuSettings) -> Metric:
    return Metric(
        name=name,
        statistics=partial(bleu.bleu_statistics, settings=settings),
        aggregate=bleu.bleu_values,
        aggregate_of_one=bleu.sentence_bleu_values,
        signature=partial(bleu.bleu_signature, settings=settings),
        length=partial(bleu.bleu_length, settings=settings),
        max_tokens=200_000,
    )


def _chrf(name: str, settings: chrf.ChrfSettings) -> Metric:
    return Metric(
        name=name,
        statistics=partial(chrf.chrf_statistics, settings=settings),
        aggregate=chrf.chrf_values,
        signature=partial(chrf.chrf_signature, settings=settings),
        length=chrf.chrf_length,
        max_tokens=200_000,
    )


def _rouge(
    statistics: Callable[..., Any], max_tokens: int
) -> Callable[[str, rouge.RougeSettings], Metric]:
    def make(name: str, settings: rouge.RougeSettings) -> Metric:
        return Metric(
            name=name,
            statistics=partial(statistics, settings=settings),
            aggregate=rouge.mean_f_measure,
            signature=partial(rouge.rouge_signature, settings=settings),
            length=partial(rouge.rouge_length, settings=settings),
            max_tokens=max_tokens,
        )

    return make


_LOWERCASE: dict[str, Mapping[str, object]] = {"lc": {"is_lowercase": True}}
_BLEU_WORDS = _LOWERCASE | {
    tokeniser: {"tokeniser": tokeniser} for tokeniser in ("13a", "zh", "char", "intl", "none")
}
_ROUGE_WORDS: dict[str, Mapping[str, object]] = {
    "stem": {"is_stemmed": True},
    "mean": {"is_mean": True},
    "jieba": {"has_jieba": True},
}
_rouge_family = partial(Family, settings=rouge.PLAIN, words=_ROUGE_WORDS)

FAMILIES: dict[str, Family] = {
    "bleu": Family(make=_bleu, settings=bleu.PLAIN, words=_BLEU_WORDS),
    "chrf": Family(make=_chrf, settings=chrf.PLAIN, words=_LOWERCASE),
    "chrf++": Family(make=_chrf, settings=chrf.ChrfSettings(word_order=2), words=_LOWERCASE),
    "rouge1": _rouge_family(make=_rouge(partial(rouge.ngram_statistics, order=1), 200_000)),
    "rouge2": _rouge_family(make=_rouge(partial(rouge.ngram_statistics, order=2), 200_000)),
    "rougeL": _rouge_family(make=_rouge(rouge.lcs_statistics, 20_000)),
    "rougeLsum": _rouge_family(make=_rouge(rouge.summary_lcs_statistics, 20_000)),
}

_surface = partial(
    Metric, aggregate=surface.percentages, length=rouge.rouge_length, max_tokens=200_000
)
_of_outputs = partial(
    Metric,
    signature=diversity.diversity_signature,
    length=rouge.rouge_length,
    max_tokens=200_000,
)


def _diversity(name: str, measure: diversity.Measure, order: int, **more: Any) -> list[Metric]:
    """The value of a corpus, and its sibling, the mean of the values of examples."""
    settings: dict[str, Any] = {"measure": measure, "order": order}
    return [
        _of_outputs(
            name=name,
            corpus_value=partial(diversity.of_corpus, **settings),
            reason_not=diversity.REASON.format(name=name),
            **more,
        ),
        _of_outputs(
            name=f"{name}_example",
            statistics=partial(diversity.example_statistics, **settings),
            aggregate=diversity.mean_values,
            **more,
        ),
    ]


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *(family.make(name, family.settings) for name, family in FAMILIES.items()),
        Metric(
            name="ter",
            higher_is_better=False,
            unit="100 is an edit for each word",
            statistics=ter.ter_statistics,
            aggregate=ter.ter_values,
            signature=ter.ter_signature,
            length=ter.ter_length,
            max_tokens=2_000,
        ),
        Metric(
            name="moses_bleu",
            statistics=bleu.moses_bleu_statistics,
            aggregate=bleu.unsmoothed_bleu_values,
            aggregate_of_one=bleu.sentence_bleu_values,
            signature=bleu.moses_bleu_signature,
            length=bleu.bleu_length,
            max_tokens=20_000,
        ),
        Metric(
            name="nist",
            unit="NIST",
            corpus_value=nist.nist_value,
            reason_not=nist.REASON,
            signature=nist.nist_signature,
            length=bleu.bleu_length,
            max_tokens=20_000,
        ),
        _surface(
            name="exact_match",
            statistics=surface.exact_match_statistics,
            signature=surface.exact_match_signature,
        ),
        _surface(
            name="length_ratio",
            higher_is_better=None,
            unit="% of the reference",
            statistics=surface.length_statistics,
            signature=surface.length_signature,
        ),
        *_diversity("distinct1", diversity.distinct_share, 1),
        *_diversity("distinct2", diversity.distinct_share, 2),
        *_diversity("entropy4", diversity.entropy, 4, unit="nats"),
        _of_outputs(
            name="repetition4",
            higher_is_better=False,
            statistics=partial(diversity.repetition_statistics, order=4),
            aggregate=surface.percentages,
        ),
        _of_outputs(
            name="self_repetition4",
            higher_is_better=False,
            corpus_value=partial(diversity.self_repetition, order=4),
            reason_not="whether an n-gram comes again depends on the other examples",
        ),
        *(
            _of_outputs(
                name=f"novel{order}",
                higher_is_better=None,
                statistics=partial(novel_statistics, order=order),
                aggregate=surface.percentages,
                needs_sources=True,
            )
            for order in (1, 2)
        ),
        _of_outputs(
            name="copy_rate",
            higher_is_better=None,
            statistics=copy_statistics,
            aggregate=surface.percentages,
            needs_sources=True,
            max_tokens=20_000,
        ),
    )
}

_optional = partial(
    Metric,
    aggregate=surface.percentages,
    length=rouge.rouge_length,
    max_tokens=20_000,
    is_whole=True,
)


def _meteor(folder: Path | None) -> Metric:
    return _optional(
        name="meteor",
        statistics=optional.meteor_statistics,
        signature=optional.meteor_signature,
    )


def _bertscore(folder: Path | None) -> Metric:
    return _optional(
        name="bertscore",
        statistics=partial(optional.bertscore_statistics, folder=folder),
        signature=optional.model_signature("bert-score", folder),
    )


def _comet(folder: Path | None) -> Metric:
    return _optional(
        name="comet",
        statistics=partial(optional.comet_statistics, folder=folder),
        signature=optional.model_signature("unbabel-comet", folder),
        needs_sources=True,
    )


OPTIONAL: dict[str, Callable[[Path | None], Metric]] = {
    "meteor": _meteor,
    "bertscore": _bertscore,
    "comet": _comet,
}
"""Metrics that are not run where something is missing, by what makes them for a model's folder."""


def find_metric(
    name: str,
    *,
    key: str = "evaluation.metrics",
    model_folders: Mapping[str, str] | None = None,
) -> Metric:
    """The metric of that name, ours before those of others; raises ConfigError, naming the setting
    it stands in, if it is unknown.
    """
    if name in METRICS:
        return METRICS[name]
    if name in OPTIONAL:
        folder = (model_folders or {}).get(name)
        return OPTIONAL[name](None if folder is None else Path(folder))
    base, *words = name.split("-")
    if base in FAMILIES and words:
        return _variant(name, base, words, key=key)
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        known = [*METRICS, *OPTIONAL, *sorted(set(found) - set(METRICS))]
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"{key} has {name!r}; known: {', '.join(known)}{hint}")
    metric = found[name].load()
    if not isinstance(metric, Metric):
        raise ConfigError(
            f"{key} has {name!r}: the entry point {found[name].value} is a "
            f"{type(metric).__name__}; it must be an mtnlg.evaluation.Metric"
        )
    return metric


def _variant(name: str, base: str, words: Sequence[str], *, key: str) -> Metric:
    family = FAMILIES[base]
    changes: dict[str, object] = {}
    for word in words:
        if word not in family.words:
            known = ", ".join(family.words)
            raise ConfigError(f"{key} has {name!r}: {base} knows the words {known}, not {word!r}")
        twice = set(changes) & set(family.words[word])
        if twice:
            raise ConfigError(f"{key} has {name!r}: {word!r} and a word before it say the same")
        changes |= family.words[word]
    return family.make(name, replace(family.settings, **changes))


def score_texts(
    name: str,
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    language: str,
    sources: Sequence[str] | None = None,
) -> float:
    """One metric's value on a corpus, without an interval, as for a validation curve."""
    metric = find_metric(name)
    statistics = measure(metric, hypotheses, references, language=language, sources=sources)
    texts = Texts(hypotheses=hypotheses, references=references, language=language, sources=sources)
    return metric_value(metric, statistics, texts)
