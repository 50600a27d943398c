"""Agreement of names and numbers: whether an output says the right persons, places and quantities.

These are the entity-level measures of Nan et al. (2021), with names and numbers found by rules in
place of a tagger: precision and recall against the reference, and precision against the source,
which is low where an output makes things up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import chain

import numpy as np

from mtnlg.evaluation.metrics.base import Metric, MetricNotRunError, percentage
from mtnlg.evaluation.metrics.tokenization import unicode_words
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, count_references
from mtnlg.text.entities import Casing, entities, learn_casing


def reference_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 3): names and numbers that an output shares with a reference, those of the
    output, and those of the reference; of several references, the one with the best F1.
    """
    casing = _casing(texts)
    rows = []
    for output, targets in zip(texts.hypotheses, texts.references, strict=True):
        said = _entities(output, casing)
        counts = [_shared(said, _entities(target, casing)) for target in targets]
        rows.append(max(counts, key=_f1))
    statistics = np.array(rows, dtype=np.float64)
    if not statistics[:, 2].any():
        raise MetricNotRunError("the references hold no names and no numbers")
    return statistics


def source_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): names and numbers of an output that its source has, and all of them."""
    assert texts.sources is not None, "metrics with needs_sources are measured with sources"
    casing = _casing(texts)
    rows = []
    for output, source in zip(texts.hypotheses, texts.sources, strict=True):
        known = _entities(source, casing)
        said = _entities(output, casing)
        rows.append((sum(said[name] for name in said if name in known), said.total()))
    return np.array(rows, dtype=np.float64)


def f1(sums: FloatArray) -> FloatArray:
    """F1, 0-100, from summed statistics (..., 3)."""
    return percentage(np.stack([2 * sums[..., 0], sums[..., 1] + sums[..., 2]], axis=-1))


def precision(sums: FloatArray) -> FloatArray:
    """Precision, 0-100, from summed statistics (..., 3)."""
    return percentage(sums[..., [0, 1]])


def recall(sums: FloatArray) -> FloatArray:
    """Recall, 0-100, from summed statistics (..., 3)."""
    return percentage(sums[..., [0, 2]])


def _casing(texts: Texts) -> Casing:
    """How the references and sources write words: outputs have no part in it, so that all systems
    are measured alike.
    """
    return _learned((*chain(*texts.references), *(texts.sources or ())), texts.language)


_learned = lru_cache(maxsize=2)(learn_casing)
"""Kept, as all metrics and all systems of a board have the same references and sources."""
_entities = lru_cache(maxsize=2**16)(entities)


def _shared(said: Counter[str], target: Counter[str]) -> tuple[int, int, int]:
    return (said & target).total(), said.total(), target.total()


def _f1(counts: tuple[int, int, int]) -> float:
    shared, num_said, num_target = counts
    total = num_said + num_target
    return 2 * shared / total if total else 1.0


def _signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form; the version is that of this definition."""
    return f"nrefs:{count_references(references)}|case:lc|entities:rules|lang:{language}|version:1"


def _length(text: str, language: str) -> int:
    return len(unicode_words(text))


_metric = partial(Metric, signature=_signature, length=_length, max_tokens=200_000, is_whole=True)

METRICS = (
    _metric(name="entity_f1", statistics=reference_statistics, aggregate=f1),
    _metric(name="entity_precision", statistics=reference_statistics, aggregate=precision),
    _metric(name="entity_recall", statistics=reference_statistics, aggregate=recall),
    _metric(
        name="entity_source_precision",
        statistics=source_statistics,
        aggregate=percentage,
        needs_sources=True,
    ),
)
