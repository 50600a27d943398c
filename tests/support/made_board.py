"""A launch with one system, made as the stages make it but for the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtnlg.artifacts.store import make_folder
from mtnlg.cli.main import main
from mtnlg.config import EvaluationConfig
from mtnlg.evaluation.score import make_scores
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.model import BoardRow
from mtnlg.records.files import read_json, write_jsonl
from mtnlg.records.launches import register
from mtnlg.records.rows import Prediction
from mtnlg.records.runs import (
    Contamination,
    RunRecord,
    ScoreRecord,
    TaskRecord,
    write_run,
)

TASK = "translation/tiny_en_zh"
REFERENCES = [
    "小猫坐在垫子上。",
    "小镇下了一整天的雨。",
    "她在市场买了三个红苹果。",
    "那天晚上没有人应门。",
    "去海边的火车九点出发。",
]
OUTPUTS = ["小猫坐在地上。", *REFERENCES[1:3], "那天没有人应门。", "火车九点出发。"]
EVALUATION = EvaluationConfig(metrics=["bleu", "chrf"], num_resamples=200, seed=7)


@dataclass
class MadeBoard:
    """The folders of one experiment, and the command on them."""

    root: Path
    experiment: str = "tiny"

    @property
    def roots(self) -> dict[str, Path]:
        return {name: self.root / name for name in ("runs", "artifacts", "reports")}

    def make(self, outputs: Sequence[str] = OUTPUTS) -> None:
        """Launch it, or launch it again."""
        rows = [
            Prediction(f"row-{place}", f"source {place}", (reference,), output, tags)
            for place, (reference, output) in enumerate(zip(REFERENCES, outputs, strict=True))
            for tags in [("train_source",) if place == 3 else ()]
        ]
        artifacts = self.roots["artifacts"]
        predictions = make_folder(
            artifacts,
            "predictions",
            {"outputs": list(outputs)},
            lambda folder: write_rows(folder / "predictions.jsonl", rows),
        )
        scores = make_scores(artifacts, predictions, language="zh", settings=EVALUATION)
        score = ScoreRecord(
            *(TASK, "test", "zh", "trained", "nano", "greedy", predictions.key, scores.key),
            contamination=Contamination(5, 1, "13-grams"),
            scored_rows="the usual rows",
        )
        task = TaskRecord(TASK, "zh", ("test",), "bleu")
        folder = self.roots["runs"] / self.experiment
        run = RunRecord("run1", "finished", None, "nano", seed=1, tasks=(task,), scores=(score,))
        write_run(folder / "run1", run)
        register(folder, {"run1": []}, command=["mtnlg", "run"], code={})

    def write(self, name: str, content: str) -> Path:
        """A file of hypotheses."""
        path = self.root / name
        path.write_text(content, encoding="utf-8")
        return path

    def run(self, hypotheses: Path | str, *more: str, system: str = "NMT-X") -> int:
        """The command's exit status."""
        roots = [word for name, path in self.roots.items() for word in (f"--{name}-root", path)]
        words = ["--experiment", self.experiment, "--task", TASK, "--system", system]
        return main(["import", *words, "--hypotheses", str(hypotheses), *map(str, roots), *more])

    def rows(self, subset: str = "all") -> dict[str, BoardRow]:
        """Those of the board by their labels."""
        leaderboard = build_leaderboard(
            self.experiment,
            runs_root=self.roots["runs"],
            artifacts_root=self.roots["artifacts"],
        )
        (board,) = (board for board in leaderboard.boards if board.subset == subset)
        return {row.label: row for row in board.rows}

    def imports(self) -> list[dict[str, Any]]:
        """The entries of imports.json."""
        document: Any = read_json(self.roots["runs"] / self.experiment / "imports.json")
        return list(document["imports"])

    def paths(self) -> set[Path]:
        """Everything below the folders of the experiment but locks and what was hashed."""
        roots = self.roots.values()
        found = {path for root in roots for path in root.rglob("*") if path.is_file()}
        return {path for path in found if path.suffix not in (".lock", ".verified")}


def write_rows(path: Path, rows: Sequence[Prediction]) -> None:
    write_jsonl(path, (row.to_json() for row in rows))
