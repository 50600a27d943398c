"""Minimum Bayes risk: of many samples, the one that is most like all of them (Kumar and Byrne 2004;
Eikema and Aziz 2020).

The samples stand for the model's distribution, so that a text drawn twice counts twice, each of
them as hypothesis and as reference. The likelier sample wins a tie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mtnlg.evaluation import Metric, Texts, sentence_scores
from mtnlg.generation.batches import Output


def rank_by_utility(
    outputs: Sequence[Sequence[Output]],
    texts: Sequence[Sequence[str]],
    metric: Metric,
    *,
    language: str,
) -> tuple[list[list[Output]], list[list[str]], list[list[float]]]:
    """Samples of each source with their texts and expected utilities, the most useful first."""
    ranked: tuple[list[list[Output]], list[list[str]], list[list[float]]] = ([], [], [])
    for samples, written in zip(outputs, texts, strict=True):
        utilities = expected_utilities(written, metric, language=language)
        order = sorted(range(len(samples)), key=lambda index: -utilities[index])
        ranked[0].append([samples[index] for index in order])
        ranked[1].append([written[index] for index in order])
        ranked[2].append([utilities[index] for index in order])
    return ranked


def expected_utilities(samples: Sequence[str], metric: Metric, *, language: str) -> list[float]:
    """The mean of the metric, on single texts, of each sample against all samples, itself included,
    as references.
    """
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
