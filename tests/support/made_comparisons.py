"""Systems with statistics that paired tests compare."""

from __future__ import annotations

from made_launch import MadeLaunch, made_task
from mtnlg.evaluation import Resampling
from mtnlg.evaluation.score import score_predictions
from mtnlg.leaderboard.model import Board
from mtnlg.records.rows import Prediction
from mtnlg.records.scores import save_scores

NUM_ROWS = 40
WORDS = [f"w{number}" for number in range(NUM_ROWS + 8)]
RIGHT = {"good": 7, "same": 7, "poor": 3}
"""System -> words of each text that are right, of eight; `same` is `good` but for one text."""


def made_predictions(
    system: str, *, num_tagged: int = 0, tag: str = "train_source"
) -> list[Prediction]:
    rows = []
    for place in range(NUM_ROWS):
        words = WORDS[place : place + 8]
        num_right = RIGHT[system] - (system == "same" and place == 0)
        output = words[:num_right] + ["x"] * (8 - num_right)
        tags = (tag,) if place < num_tagged else ()
        rows.append(Prediction(f"row-{place}", "s", (" ".join(words),), " ".join(output), tags))
    return rows


def add_system(
    launch: MadeLaunch,
    system: str,
    *,
    run_id: str | None = None,
    num_tagged: int = 0,
    tag: str = "train_source",
    kind: str = "trained",
    seed: int = 1,
    num_rows: int = NUM_ROWS,
    metrics: tuple[str, ...] = ("rouge1", "bleu"),
) -> None:
    """A run whose scores artifact is what the evaluation writes; the first metric is the main
    one.
    """
    key = run_id or system
    scores = score_predictions(
        made_predictions(system, num_tagged=num_tagged, tag=tag)[:num_rows],
        language="de",
        metrics=list(metrics),
        resampling=Resampling(num_resamples=100),
    )
    save_scores(launch.artifacts_root / "scores" / key, scores)
    record = launch.score(key, system=system, kind=kind)
    tasks = [made_task(main_metric=metrics[0])]
    launch.add_run(key, [record], system=system, seed=seed, tasks=tasks)


def only_board(launch: MadeLaunch) -> Board:
    (board,) = launch.build().boards
    return board
