"""Metrics with data or models that are not ours: without them they say so, with them they run.

The values of models are proved in tests/learned; here they are those of small made ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import mtnlg
from made_scorers import COMET, KIWI, write_bert, write_comet
from mtnlg.errors import ConfigError
from mtnlg.evaluation import (
    MetricNotRunError,
    Resampling,
    Texts,
    find_metric,
    measure,
    score_predictions,
)
from mtnlg.learned.bertscore import BertScore
from mtnlg.learned.comet import Comet
from mtnlg.records.rows import Prediction

ROWS = [
    Prediction("1", "the source", ("a cat", "the cat"), "the cat"),
    Prediction("2", "more", ("a dog",), "dogs"),
]
HYPOTHESES = [row.prediction for row in ROWS]
REFERENCES = [row.references for row in ROWS]
SOURCES = [row.source for row in ROWS]
WORDS = "bertscore-layer3"


def measured(name: str, folder: Path | None = None, *, language: str = "en") -> list[float]:
    folders = {} if folder is None else {name.partition("-")[0]: str(folder)}
    texts = Texts(HYPOTHESES, REFERENCES, language=language, sources=SOURCES)
    statistics = measure(find_metric(name, model_folders=folders), texts)
    assert statistics[:, 1].tolist() == [1, 1]
    return [float(value) for value in statistics[:, 0]]


@pytest.mark.parametrize("name", ["bertscore", "comet", "cometkiwi"])
def test_absent_model_is_the_reason(tmp_path: Path, name: str) -> None:
    remedy = rf"hf download \S+ --local-dir FOLDER.*model_folders\.{name}=.*--model-folder {name}="
    with pytest.raises(MetricNotRunError, match=remedy):
        measured(name)
    with pytest.raises(MetricNotRunError, match="gone is not there"):
        measured(name, tmp_path / "gone")


def test_absent_package_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = write_comet(tmp_path / "comet", COMET)
    monkeypatch.setitem(sys.modules, "transformers", None)

    for name in ("bertscore", "comet"):
        with pytest.raises(MetricNotRunError, match=r"is not installed; pip install 'mtnlg\[hf\]'"):
            measured(name, folder)


def test_bertscore_is_what_its_words_say(tmp_path: Path) -> None:
    """Oracle: the columns of BertScore; the baseline by hand."""
    write_bert(tmp_path / "bert")
    (tmp_path / "bert" / "rescale_baseline").mkdir()
    table = "LAYER,P,R,F\n3,0.5,0.25,0.2\n"
    (tmp_path / "bert" / "rescale_baseline" / "en.tsv").write_text(table)
    precision, recall, f1 = BertScore(tmp_path / "bert", 3).score(HYPOTHESES, REFERENCES).T

    assert measured(WORDS, tmp_path / "bert") == f1.tolist()
    assert measured(f"{WORDS}-precision", tmp_path / "bert") == precision.tolist()
    assert measured(f"bertscore-recall-{WORDS[10:]}", tmp_path / "bert") == recall.tolist()
    assert measured(f"{WORDS}-rescaled", tmp_path / "bert") == pytest.approx((f1 - 0.2) / 0.8)
    with pytest.raises(ConfigError, match="knows the words precision, recall, layer9, rescaled, n"):
        find_metric("bertscore-idf")
    with pytest.raises(ConfigError, match="known: "):
        find_metric("comet-layer3")


def test_comet_takes_the_best_reference_and_kiwi_none(tmp_path: Path) -> None:
    """Oracle: the models asked for each reference alone."""
    comet = write_comet(tmp_path / "comet", COMET)
    kiwi = write_comet(tmp_path / "kiwi", KIWI)
    model = Comet(comet, "regression_metric")
    first = model.regression(SOURCES, HYPOTHESES, ["a cat", "a dog"])
    second = model.regression(SOURCES, HYPOTHESES, ["the cat", "a dog"])

    assert measured("comet", comet) == pytest.approx([max(first[0], second[0]), first[1]])
    expected = Comet(kiwi, "unified_metric").estimation(SOURCES, HYPOTHESES)
    assert measured("cometkiwi", kiwi) == pytest.approx(expected)


def test_model_of_the_other_class_is_the_reason(tmp_path: Path) -> None:
    kiwi = write_comet(tmp_path / "kiwi", KIWI)

    with pytest.raises(MetricNotRunError, match="is 'unified_metric'; must be regression_metric"):
        measured("comet", kiwi)


def test_language_that_a_model_has_not_learned_is_the_reason(tmp_path: Path) -> None:
    comet = write_comet(tmp_path / "comet", COMET)
    write_bert(tmp_path / "bert-base-chinese")

    with pytest.raises(MetricNotRunError, match="has not learned the language 'yo'"):
        measured("comet", comet, language="yo")
    with pytest.raises(MetricNotRunError, match="is a model of zh, and the texts are en"):
        measured(WORDS, tmp_path / "bert-base-chinese")
    assert len(measured("comet", comet, language="deu")) == 2


@pytest.mark.parametrize("name", ["comet", "cometkiwi"])
def test_comet_without_sources_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"'{name}': it compares outputs with their sources"):
        measure(find_metric(name), Texts(HYPOTHESES, REFERENCES, language="en"))
    with pytest.raises(ConfigError, match=rf"'{name}', which needs sources"):
        mtnlg.score(["a"], ["b"], task="translation", language="en", metrics=name)


def test_meteor_is_for_english() -> None:
    with pytest.raises(MetricNotRunError, match="English, not zh"):
        measure(find_metric("meteor"), Texts(["猫"], [["猫"]], language="zh"))


def test_metric_that_is_not_run_stands_beside_the_others(tmp_path: Path) -> None:
    kiwi = write_comet(tmp_path / "kiwi", KIWI)

    scores = score_predictions(
        ROWS,
        language="en",
        metrics=["chrf", "bertscore", "cometkiwi"],
        resampling=Resampling(num_resamples=100),
        model_folders={"cometkiwi": str(kiwi)},
    )

    subset = scores.subsets["all"]
    assert list(subset.metrics) == list(scores.statistics) == ["chrf", "cometkiwi"]
    assert subset.left_out["bertscore"].startswith("not run: no model is given")
    assert subset.metrics["cometkiwi"].signature.startswith("nrefs:0|model:kiwi|weights:")


def test_learned_metrics_stand_in_scores_of_lists(tmp_path: Path) -> None:
    """Oracle: the mean of the values of the rows, times 100."""
    write_bert(tmp_path / "bert")
    folders = {
        "comet": write_comet(tmp_path / "comet", COMET),
        "cometkiwi": write_comet(tmp_path / "kiwi", KIWI),
        "bertscore": tmp_path / "bert",
    }

    scores = mtnlg.score(
        HYPOTHESES,
        [list(targets) for targets in REFERENCES],
        task="translation",
        language="en",
        sources=SOURCES,
        metrics=["comet", "cometkiwi", WORDS],
        model_folders={name: str(folder) for name, folder in folders.items()},
        resamples=100,
    )

    for name in ("comet", "cometkiwi", WORDS):
        rows = measured(name, folders[name.partition("-")[0]])
        assert scores[name].value == pytest.approx(100 * sum(rows) / 2)
    assert "nrefs:var|multi:best|value:f1|rescaled:no|model:bert|" in scores[WORDS].signature
