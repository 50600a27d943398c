"""Agreement of names and numbers. Oracle: counts by hand, by the formulas of Nan et al. (2021)."""

from __future__ import annotations

import pytest

from mtnlg.evaluation import METRICS, Texts, find_metric, measure, score_texts
from mtnlg.evaluation.metrics.base import MetricNotRunError

OUTPUTS = ["Mary became a doctor in Tokyo.", "Tom bought three lamps for Anna."]
REFERENCES = [["Paul became a driver in Guangzhou."], ["Tom bought 3 lamps for Julia on Friday."]]
SOURCES = ["Paul and Mary met. Then Paul left Guangzhou.", "It was Friday; Tom and Julia, 3 lamps."]


def score(name: str, outputs: list[str] = OUTPUTS) -> float:
    return score_texts(name, Texts(outputs, REFERENCES, language="en", sources=SOURCES))


def test_agreement_with_the_references() -> None:
    """Shared: tom, 3; said: mary, tokyo, tom, 3, anna; in the references: 2 and 4."""
    assert score("entity_precision") == pytest.approx(100 * 2 / 5)
    assert score("entity_recall") == pytest.approx(100 * 2 / 6)
    assert score("entity_f1") == pytest.approx(100 * 2 * 2 / (5 + 6))


def test_a_right_name_of_the_source_is_supported_and_an_invented_one_is_not() -> None:
    """Mary, tom and 3 stand in the sources; tokyo and anna do not."""
    assert score("entity_source_precision") == pytest.approx(100 * 3 / 5)


def test_a_fluent_output_with_wrong_names_scores_low_where_rouge_is_high() -> None:
    outputs = ["Mary became a driver in Tokyo.", "Paul bought 9 lamps for Mary on Monday."]

    assert score("rougeL", outputs) > 55
    assert score("entity_f1", outputs) == 0


def test_repeated_names_count_as_often_as_the_reference_has_them() -> None:
    outputs = ["Paul Paul Paul in Guangzhou.", "Tom"]

    assert score("entity_precision", outputs) == pytest.approx(100 * 3 / 5)


def test_the_best_reference_of_several_counts() -> None:
    texts = Texts(["It was Tom."], [["It was Ann."], ["x"]][:1], language="en")
    several = Texts(["It was Tom."], [["It was Ann.", "It was Tom."]], language="en")

    assert (score_texts("entity_f1", texts), score_texts("entity_f1", several)) == (0, 100)


def test_empty_outputs_score_zero() -> None:
    assert [score(name, ["", ""]) for name in METRICS if name.startswith("entity")] == [0, 0, 0, 0]


def test_references_without_names_are_named() -> None:
    texts = Texts(["the cat"], [["the dog sat"]], language="en")

    with pytest.raises(MetricNotRunError, match="no names and no numbers"):
        measure(find_metric("entity_f1"), texts)
