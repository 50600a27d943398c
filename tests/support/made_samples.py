"""Systems with predictions and scores of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from made_launch import MadeLaunch
from mtnlg.evaluation import Resampling, score_predictions
from mtnlg.records.files import JsonValue, write_jsonl
from mtnlg.records.rows import Prediction
from mtnlg.records.scores import save_scores


def add_system(
    launch: MadeLaunch,
    name: str,
    predictions: Sequence[Prediction],
    *,
    language: str = "de",
    run: Mapping[str, JsonValue] | None = None,
    **changes: JsonValue,
) -> None:
    """A run whose system is scored by BLEU and chrF, as the stage would."""
    folder = launch.artifacts_root / "predictions" / name
    folder.mkdir(parents=True)
    write_jsonl(folder / "predictions.jsonl", (one.to_json() for one in predictions))
    scores = score_predictions(
        predictions,
        language=language,
        metrics=["bleu", "chrf"],
        resampling=Resampling(num_resamples=100),
    )
    save_scores(launch.artifacts_root / "scores" / name, scores)
    score = launch.score(name, system=name, language=language, **changes)
    launch.add_run(name, [score], system=name, **(run or {}))


TEXTS = ["Die Katze saß.", "Ein Hund lief heim.", "Nein.", "Der Hund sah ein Haus."]


def add_pair(launch: MadeLaunch) -> None:
    for system, outputs in (("bob", ["Ja.", *TEXTS[1:]]), ("ada", TEXTS)):
        rows = [
            Prediction(str(place), "source", (reference,), output)
            for place, (reference, output) in enumerate(zip(TEXTS, outputs, strict=True))
        ]
        add_system(launch, system, rows)
