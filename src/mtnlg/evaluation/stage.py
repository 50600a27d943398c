"""The scores of a folder of predictions, made once, whoever's the predictions are."""

from __future__ import annotations

from pathlib import Path

from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import Artifact, folder_sha256, make_folder
from mtnlg.config import EvaluationConfig
from mtnlg.config.plain import plain_settings
from mtnlg.evaluation.metrics.registry import used_metrics
from mtnlg.records.files import JsonObject
from mtnlg.records.places import PREDICTIONS_FILE
from mtnlg.records.rows import read_predictions


def make_scores(
    artifacts_root: str | Path, predictions: Artifact, *, language: str, settings: EvaluationConfig
) -> Artifact:
    """scores.json and statistics.npz of a predictions.jsonl; the language is its references'."""
    inputs: JsonObject = {
        "predictions": predictions.key,
        "language": language,
        "evaluation": plain_settings(settings, without=("has_baselines", "model_folders")),
    }
    models = settings.model_folders
    if models:
        inputs["models"] = {name: folder_sha256(Path(models[name])) for name in sorted(models)}

    def build(folder: Path) -> None:
        from mtnlg.evaluation import Resampling, score_predictions
        from mtnlg.records.scores import save_scores

        scores = score_predictions(
            read_predictions(predictions.folder / PREDICTIONS_FILE),
            language=language,
            metrics=settings.metrics,
            resampling=Resampling(
                num_resamples=settings.num_resamples,
                confidence=settings.confidence,
                seed=settings.seed,
                is_bca=settings.has_bca_intervals,
            ),
            model_folders=models,
        )
        save_scores(folder, scores)

    code = Code(
        make_scores,
        packages=("sacrebleu", "rouge-score", "numpy"),
        rows=used_metrics(settings.metrics),
    )
    return make_folder(artifacts_root, "scores", inputs, build, code=code)
