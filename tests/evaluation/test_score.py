"""Scores of predictions: their parts, their subsets and their files.

Expected values are worked out by hand where a test names no other oracle.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtnlg.artifacts.store import Artifact, make_folder
from mtnlg.config import EvaluationConfig
from mtnlg.errors import ArtifactError, ConfigError, DataError
from mtnlg.evaluation import METRICS, Resampling, Texts, measure, score_predictions, score_texts
from mtnlg.evaluation import score as evaluation_score
from mtnlg.evaluation.metrics.bleu import bleu_signature
from mtnlg.evaluation.score import make_scores, measure_systems
from mtnlg.process.progress import Task
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Prediction
from mtnlg.records.scores import Scores, SubsetScores, load_scores, save_scores

ROWS = [
    Prediction("1", "s", ("the cat sat on the mat",), "the cat sat on a mat"),
    Prediction(
        "2",
        "s",
        ("we train a model on text", "training a model"),
        "a model on text",
        ("train_exact",),
    ),
    Prediction("3", "s", ("nothing is like this at all",), "all of this is new", ("short",)),
    Prediction("4", "s", ("cats sat on mats today",), ""),
]
NUM_ROWS = 53
ROWWISE = tuple(name for name, metric in METRICS.items() if not metric.is_whole)
"""The other metrics look at all rows together."""
WORDS = ["a", "bb", "ccc", "猫", "坐"]


def score(rows: list[Prediction], metrics: tuple[str, ...] = ROWWISE) -> Scores:
    return score_predictions(
        rows,
        language="en",
        metrics=metrics,
        resampling=Resampling(num_resamples=200, confidence=0.9, seed=5),
    )


def test_score_carries_everything_that_it_needs_to_be_trusted() -> None:
    scored = score(ROWS).metrics["bleu"]

    row = scored.to_json()
    value = score_texts(
        "bleu",
        Texts([row.prediction for row in ROWS], [row.references for row in ROWS], language="en"),
    )
    assert scored.low is not None
    assert scored.high is not None
    assert scored.low <= scored.value <= scored.high
    assert {key: entry for key, entry in row.items() if key not in ("low", "high")} == {
        "value": value,
        "n": 4,
        "unit": "0-100",
        "higher_is_better": True,
        "interval": "percentile bootstrap, 200 resamples, seed 5, 90 %",
        "signature": bleu_signature([row.references for row in ROWS], "en"),
    }


def test_clean_subset_equals_scoring_only_those_rows() -> None:
    scores = score(ROWS)

    alone = score([ROWS[0], ROWS[2], ROWS[3]])
    assert scores.masks["clean"].tolist() == [True, False, True, True]
    assert scores.subsets["clean"] == alone.subsets["all"]
    assert list(alone.subsets) == ["all"]


def test_clean_subset_without_rows_says_why() -> None:
    scores = score([ROWS[1]])

    assert scores.subsets["clean"] == SubsetScores(
        0, {}, reason="every row has a signal that training may have seen it"
    )


def test_rows_of_new_dialogues_are_a_subset_whatever_their_other_signals() -> None:
    rows = [
        replace(ROWS[0], tags=("train_target",)),
        replace(ROWS[1], tags=("train_pair", "train_dialogue")),
        *ROWS[2:],
    ]

    scores = score(rows)

    alone = score([rows[0], *ROWS[2:]])
    assert scores.masks["new_dialogues"].tolist() == [True, False, True, True]
    assert scores.subsets["new_dialogues"] == alone.subsets["all"]
    assert list(alone.subsets) == ["all", "clean"]


def test_one_example_has_no_interval_but_a_reason() -> None:
    row = score(ROWS[:1], ("rouge1",)).metrics["rouge1"]

    assert (row.low, row.high, row.interval) == (None, None, None)
    assert row.interval_reason == "one example cannot be resampled"


def test_metric_that_is_not_resampleable_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = replace(
        METRICS["chrf"], corpus_value=lambda texts: 7.0, interval_reason="it counts distinct words"
    )
    monkeypatch.setitem(METRICS, "chrf", fixed)

    row = score(ROWS, ("chrf",)).metrics["chrf"]

    assert row.value == 7.0
    assert row.interval is None
    assert row.interval_reason == "it counts distinct words"


def test_scores_survive_saving(tmp_path: Path) -> None:
    scores = score(ROWS)

    save_scores(tmp_path, scores)
    loaded = load_scores(tmp_path)

    document = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert list(document) == ["schema_version", "language", "n", "subsets"]
    assert document["n"] == 4
    assert loaded.subsets == scores.subsets
    assert loaded.language == "en"
    assert {name: mask.tolist() for name, mask in loaded.masks.items()} == {
        name: mask.tolist() for name, mask in scores.masks.items()
    }
    assert list(loaded.statistics) == list(ROWWISE)
    for name, statistics in scores.statistics.items():
        np.testing.assert_array_equal(loaded.statistics[name], statistics)


def test_saved_files_are_equal_byte_by_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_scores(tmp_path / name, score(ROWS))

    for file in ("scores.json", "statistics.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("damage", ["missing", "torn", "pickled"])
def test_broken_statistics_are_an_error(tmp_path: Path, damage: str) -> None:
    save_scores(tmp_path, score(ROWS, ("bleu",)))
    path = tmp_path / "statistics.npz"
    if damage == "missing":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:100])
    else:
        np.savez(path, bleu=np.array([{"a": 1}], dtype=object))

    with pytest.raises(ArtifactError, match=r"statistics\.npz: missing or broken"):
        load_scores(tmp_path)


def test_unknown_metric_is_an_error_before_anything_is_scored() -> None:
    with pytest.raises(ConfigError, match="did you mean 'rougeL'"):
        score(ROWS, ("bleu", "rougel"))


def test_no_predictions_is_an_error() -> None:
    with pytest.raises(DataError, match="0 hypotheses"):
        score([])


def test_row_that_cannot_be_scored_is_named_by_its_id() -> None:
    broken = Prediction("doc-17", "s", ("",), "a")

    with pytest.raises(DataError, match="row 'doc-17': reference 1 is empty"):
        score([*ROWS, broken])


def made_systems() -> list[Texts]:
    """Two systems on the same references."""
    generator = random.Random(7)

    def text() -> str:
        return " ".join(generator.choices(WORDS, k=generator.randrange(1, 12)))

    outputs = [[text() for _ in range(NUM_ROWS)] for _ in range(2)]
    references = [[text() for _ in range(1 + row % 2)] for row in range(NUM_ROWS)]
    sources = [text() for _ in range(NUM_ROWS)]
    return [Texts(texts, references, language="zh", sources=sources) for texts in outputs]


@pytest.mark.parametrize("num_processes", [1, 2])
def test_statistics_do_not_depend_on_chunks_and_processes(
    monkeypatch: pytest.MonkeyPatch, num_processes: int
) -> None:
    """Oracle: measure, with all rows at once in this process. The second system has no ROUGE-L."""
    systems, task = made_systems(), Task("rows", NUM_ROWS)
    wanted = {name: [0, 1] for name in ROWWISE} | {"rougeL": [0]}
    monkeypatch.setattr(evaluation_score, "CHUNK_ROWS", 10)

    measured = measure_systems(systems, wanted, num_processes=num_processes, task=task)

    assert task.done == NUM_ROWS
    assert list(measured) == list(ROWWISE)
    for name, arrays in measured.items():
        expected = [measure(METRICS[name], systems[index]) for index in wanted[name]]
        assert len(arrays) == len(expected)
        assert all(map(np.array_equal, arrays, expected))


def test_key_of_scores_covers_predictions_settings_and_the_files_of_models(tmp_path: Path) -> None:
    """Oracle: what can change a number, and what cannot."""
    artifacts = tmp_path / "artifacts"
    model, copy = tmp_path / "model", tmp_path / "copy"
    for folder in (model, copy):
        folder.mkdir()
        (folder / "weights").write_text("1", encoding="utf-8")

    def predictions(rows: list[Prediction]) -> Artifact:
        return make_folder(
            artifacts,
            "predictions",
            {"outputs": [row.prediction for row in rows]},
            lambda folder: write_jsonl(
                folder / "predictions.jsonl", (row.to_json() for row in rows)
            ),
        )

    def key(rows: list[Prediction] = ROWS, language: str = "en", **changes: object) -> str:
        settings = replace(
            EvaluationConfig(metrics=["rouge1", "comet"], num_resamples=100), **changes
        )
        return make_scores(artifacts, predictions(rows), language=language, settings=settings).key

    with_model = key(model_folders={"comet": str(model)})
    assert key(model_folders={"comet": str(copy)}) == with_model
    assert key(has_baselines=False) == key(equivalence_margin={"rouge1": 1.0}) == key()
    (model / "weights").write_text("2", encoding="utf-8")
    others = [
        *(key(model_folders={"comet": str(model)}), key(), key(ROWS[:3]), key(language="fr")),
        *(key(num_resamples=101), key(seed=3), key(metrics=["rouge1"]), key(confidence=0.9)),
    ]
    assert len({with_model, *others}) == 1 + len(others)


def test_folder_of_scores_holds_what_its_settings_ask_for(tmp_path: Path) -> None:
    """Oracle: score_predictions with the same settings."""
    predictions = make_folder(
        tmp_path,
        "predictions",
        {"outputs": "these"},
        lambda folder: write_jsonl(folder / "predictions.jsonl", (row.to_json() for row in ROWS)),
    )
    settings = EvaluationConfig(
        metrics=["rouge1", "bleu"],
        num_resamples=150,
        confidence=0.8,
        seed=3,
        has_bca_intervals=True,
    )
    expected = score_predictions(
        ROWS,
        language="en",
        metrics=["rouge1", "bleu"],
        resampling=Resampling(num_resamples=150, confidence=0.8, seed=3, is_bca=True),
    )

    artifact = make_scores(tmp_path, predictions, language="en", settings=settings)

    assert load_scores(artifact.folder).subsets == expected.subsets
