"""Metrics that need other packages: absent, they say so; present, they run.

Stand-ins replace the packages, since there are no models here; they record the calls and return
known scores.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mtnlg.evaluation import (
    MetricNotRunError,
    Resampling,
    Texts,
    find_metric,
    measure,
    score_predictions,
)
from mtnlg.records.rows import Prediction

ROWS = [
    Prediction("1", "the source", ("a cat", "the cat"), "the cat"),
    Prediction("2", "more", ("a dog",), "dogs"),
]


def measured(name: str, folder: Path | None = None) -> list[float]:
    folders = {} if folder is None else {name: str(folder)}
    statistics = measure(
        find_metric(name, model_folders=folders),
        Texts(
            [row.prediction for row in ROWS],
            [row.references for row in ROWS],
            language="en",
            sources=[row.source for row in ROWS],
        ),
    )
    assert statistics[:, 1].tolist() == [1, 1]
    return [float(value) for value in statistics[:, 0]]


@pytest.mark.parametrize(
    ("name", "package", "message"),
    [
        ("bertscore", "bert_score", "bert-score is not installed; pip install bert-score"),
        ("comet", "comet", "unbabel-comet is not installed; pip install unbabel-comet"),
    ],
)
def test_absent_package_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str, message: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MetricNotRunError, match=message):
        measured(name)


@pytest.mark.parametrize(("name", "package"), [("bertscore", "bert_score"), ("comet", "comet")])
def test_absent_model_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, SimpleNamespace())

    with pytest.raises(MetricNotRunError, match=rf"--model-folder {name}=FOLDER"):
        measured(name)
    with pytest.raises(MetricNotRunError, match="gone is not there"):
        measured(name, tmp_path / "gone")


def test_bertscore_asks_for_the_last_layer_of_the_local_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"num_hidden_layers": 5}))
    asked: dict[str, Any] = {}

    class BERTScorer:
        def __init__(self, **settings: Any) -> None:
            asked.update(settings)

        def score(self, outputs: list[str], references: list[list[str]]) -> Any:
            assert references == [["a cat", "the cat"], ["a dog"]]
            return None, None, [len(text) / 10 for text in outputs]

    monkeypatch.setitem(sys.modules, "bert_score", SimpleNamespace(BERTScorer=BERTScorer))

    assert measured("bertscore", tmp_path) == [0.7, 0.4]
    assert asked == {"model_type": str(tmp_path), "num_layers": 5, "lang": "en"}


def test_comet_takes_the_best_reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints" / "model.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.touch()

    class Model:
        def predict(self, rows: list[dict[str, str]], **_: Any) -> Any:
            assert [row["src"] for row in rows] == ["the source", "the source", "more"]
            return SimpleNamespace(scores=[float(row["mt"] == row["ref"]) for row in rows])

    def load(path: str) -> Model:
        assert path == str(checkpoint)
        return Model()

    monkeypatch.setitem(sys.modules, "comet", SimpleNamespace(load_from_checkpoint=load))

    assert measured("comet", tmp_path) == [1, 0]


def test_comet_without_a_checkpoint_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "comet", SimpleNamespace())

    with pytest.raises(MetricNotRunError, match=r"model\.ckpt is not there"):
        measured("comet", tmp_path)


def test_meteor_is_for_english() -> None:
    with pytest.raises(MetricNotRunError, match="English, not zh"):
        measure(find_metric("meteor"), Texts(["猫"], [["猫"]], language="zh"))


def test_metric_that_is_not_run_stands_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bert_score", None)

    scores = score_predictions(
        ROWS, language="en", metrics=["chrf", "bertscore"], resampling=Resampling(num_resamples=100)
    )

    subset = scores.subsets["all"]
    assert list(subset.metrics) == list(scores.statistics) == ["chrf"]
    assert subset.left_out["bertscore"].startswith("not run: bert-score is not installed")
