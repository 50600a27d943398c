"""scores.json: what a file of any program may hold, and what becomes of it. Expected values are
written out by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_launch import INTERVAL, SIGNATURE, made_metric
from mtnlg.records.files import JsonObject, JsonValue
from mtnlg.records.scores import MetricScore, SubsetScores, read_scores


def read(root: Path, subsets: JsonValue) -> dict[str, SubsetScores] | str:
    """The scores of a file with these subsets."""
    folder = root / "scores" / "key"
    folder.mkdir(parents=True)
    document: JsonObject = {"language": "de", "n": 7, "subsets": subsets}
    (folder / "scores.json").write_text(json.dumps(document), "utf-8")
    return read_scores("key", artifacts_root=root)


def test_metric_has_its_number_and_its_evidence(tmp_path: Path) -> None:
    scores = read(tmp_path, {"all": {"n": 7, "metrics": {"bleu": made_metric(20.0)}}})

    score = MetricScore(20.0, 19.0, 21.0, 7, "0-100", True, INTERVAL, SIGNATURE)
    assert scores == {"all": SubsetScores(7, {"bleu": score})}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"n": "7"}, "its score cannot be read: Expected `int`, got `str` - at `{}.n`"),
        ({"value": None}, "its score cannot be read: Expected `float`, got `null` - at `{}.value`"),
        ({"value": float("-inf")}, "its value is -inf, which is no finite number"),
        ({"unit": 1}, "its score cannot be read: Expected `str`, got `int` - at `{}.unit`"),
    ],
)
def test_broken_metric_is_left_out_with_the_reason_and_the_others_stay(
    tmp_path: Path, changes: JsonObject, reason: str
) -> None:
    metrics: JsonObject = {"bleu": made_metric(20.0) | changes, "chrf": made_metric(40.0)}

    scores = read(tmp_path, {"all": {"n": 7, "metrics": metrics, "not_run": {"ter": "not run"}}})

    assert isinstance(scores, dict)
    assert list(scores["all"].metrics) == ["chrf"]
    assert scores["all"].left_out == {
        "ter": "not run",
        "bleu": reason.format("$.subsets.all.metrics.bleu"),
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"interval": None}, "the score file gives neither an interval nor a reason"),
        ({"interval": None, "interval_reason": "one example"}, "one example"),
        ({"low": float("nan")}, "its ends are not finite"),
        ({"high": None}, "its ends are not finite"),
    ],
)
def test_number_without_an_interval_has_the_reason(
    tmp_path: Path, changes: JsonObject, reason: str
) -> None:
    metrics: JsonObject = {"bleu": made_metric(20.0) | changes}

    scores = read(tmp_path, {"all": {"n": 7, "metrics": metrics}})

    assert isinstance(scores, dict)
    score = scores["all"].metrics["bleu"]
    assert (score.low, score.high, score.interval, score.interval_reason) == (
        *(None, None, None),
        reason,
    )


@pytest.mark.parametrize(
    ("subsets", "fault"),
    [
        (None, "Expected `object`, got `null` - at `$.subsets`"),
        ({"all": {"n": 7, "metrics": []}}, "`object`, got `array` - at `$.subsets.all.metrics`"),
        ({"all": {"metrics": {}}}, "Object missing required field `n` - at `$.subsets.all`"),
        ({"all": {"n": 7, "metrics": {}, "reason": 3}}, "got `int` - at `$.subsets.all.reason`"),
    ],
)
def test_subset_of_another_shape_is_a_reason_with_the_field(
    tmp_path: Path, subsets: JsonValue, fault: str
) -> None:
    reason = read(tmp_path, subsets)

    assert isinstance(reason, str)
    assert reason.startswith("its scores cannot be read: scores.json: ")
    assert reason.endswith(fault)
