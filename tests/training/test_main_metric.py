"""The checkpoint is chosen by each task's main metric, whichever that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from made_training import curve, record_of, scripted, small_config, train
from mtnlg.config import Config
from mtnlg.evaluation import METRICS, Texts, score_texts
from mtnlg.inference import TaskPrompt, TextGenerator
from mtnlg.training import fit
from mtnlg.training.module import ValidationMetric


def measured_by(*metrics: str) -> Config:
    """Four validations of the two tasks by these metrics."""
    config = small_config(max_steps=8, validate_every_steps=2)
    for task, metric in zip(config.tasks.values(), metrics, strict=True):
        task.main_metric = metric
    return config


@pytest.mark.parametrize(("metric", "best_step"), [("chrf", 4), ("ter", 6)])
def test_best_checkpoint_has_the_most_or_the_least(
    prepared: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, best_step: int
) -> None:
    """Oracle: values by script; more of chrF is better, and less of TER."""
    scripted(monkeypatch, [50.0, 70.0, 40.0, 60.0])

    folder = train(prepared, measured_by(metric, metric), tmp_path / "model")

    record = record_of(folder)
    assert record["best_step"] == best_step
    assert record["best_validation_metric"] == (70.0 if metric == "chrf" else -40.0)
    by_task = [row["validation_metric/dialogue/talk"] for row in curve(folder)]
    assert [float(value) for value in by_task if value] == [50.0, 70.0, 40.0, 60.0]


def test_metrics_of_both_directions_are_averaged_with_their_signs(prepared: Any) -> None:
    """Oracle: by hand; 30 of BLEU and 60 of TER are (30 - 60) / 2."""
    config = measured_by("bleu", "ter")
    metric = validation_metric(prepared, config)

    assert metric.mean({"translation/forward": 30.0, "dialogue/talk": 60.0}) == -15.0


def validation_metric(prepared: Any, config: Config) -> ValidationMetric:
    prompts = {
        task.title: TaskPrompt.of(task.title, config.tasks[task.name], config.cleaning)
        for task in prepared.data
    }
    return fit._validation_metric(config, prepared.data, prompts, prepared.tokenizer)


def test_value_is_the_metrics_own_on_the_decoded_rows(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: score_texts of outputs that are put in place of the model's."""
    metric = validation_metric(prepared, measured_by("chrf", "rouge1"))

    def generate(self: TextGenerator, sources: Any, *_: Any, **__: Any) -> Any:
        return type("Generated", (), {"texts": [["a red cat"] for _ in sources]})()

    monkeypatch.setattr(TextGenerator, "generate", generate)

    values = metric.measure(None)  # type: ignore[arg-type]

    expected = {}
    for task in metric.tasks:
        texts = Texts(
            ["a red cat"] * len(task.rows),
            [row.references for row in task.rows],
            language=task.prompt.target_language,
        )
        expected[task.prompt.name] = score_texts(str(task.metric), texts)
    assert values == expected
    assert {task.metric for task in metric.tasks} <= set(METRICS)
