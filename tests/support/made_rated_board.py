"""A board of real scores of made-up texts, its sheets, and raters who know which output is best."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtnlg.cli.main import main
from mtnlg.evaluation import Resampling, score_predictions
from mtnlg.ratings.key import Key, read_key
from mtnlg.records.launches import register
from mtnlg.records.rows import Prediction
from mtnlg.records.runs import (
    Kind,
    RunRecord,
    ScoreRecord,
    TaskRecord,
    write_run,
)
from mtnlg.records.scores import save_scores
from mtnlg.text.display import visible

TASK = "translation/tiny_en_de"
BOARD = f"{TASK}:test"
NUM_ROWS = 24
RIGHT = {"best": 8, "good": 6, "poor": 2}
"""Trained system -> words of each output that are right, of eight."""


def output_of(system: str, place: int) -> str:
    """What a system gives for a row; `best` and `good` are the same for the first row."""
    words = [f"w{place + step}" for step in range(8)]
    num_right = 8 if place == 0 and system == "good" else RIGHT.get(system, 0)
    return " ".join([*words[:num_right], *["x"] * (8 - num_right)])


def reference_of(place: int) -> str:
    return output_of("best", place)


def score_of(system: str) -> ScoreRecord:
    """What a run says of a system that it scored."""
    kind: Kind = "baseline" if system == "copy" else "trained"
    return ScoreRecord(TASK, "test", "de", kind, system, None, system, system)


@dataclass
class RatedBoard:
    """The folders of one experiment, and the commands on them."""

    root: Path
    experiment: str = "tiny"

    @property
    def sheets(self) -> Path:
        return self.root / "sheets"

    @property
    def key(self) -> Key:
        return read_key(self.sheets)

    def make(
        self,
        systems: Sequence[str] = (*RIGHT, "copy"),
        *,
        output: Callable[[str, int], str] = output_of,
        experiment: str | None = None,
    ) -> None:
        """A launch with a run for each system; `copy` is a baseline of all of them."""
        folder = self.root / "runs" / (experiment or self.experiment)
        for system in systems:
            self._score(system, output)
        trained = [system for system in systems if system != "copy"]
        for earlier in folder.glob("run-*"):
            if earlier.name.removeprefix("run-") not in trained:
                shutil.rmtree(earlier)  # as a user takes a run off the board
        for system in trained:
            scored = [system, *(one for one in systems if one == "copy")]
            run = RunRecord(
                *(f"run-{system}", "finished", None, system),
                seed=1,
                tasks=(TaskRecord(TASK, "de", ("test",), "bleu"),),
                scores=tuple(score_of(name) for name in scored),
            )
            write_run(folder / run.run_id, run)
        register(folder, {f"run-{system}": [] for system in trained}, command=[], code={})

    def _score(self, system: str, output: Callable[[str, int], str]) -> None:
        rows = [
            Prediction(f"row-{place}", f"source {place}", (reference_of(place),), text)
            for place in range(NUM_ROWS)
            for text in [output(system, place)]
        ]
        predictions = self.root / "artifacts" / "predictions" / system
        predictions.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(row.to_json()) + "\n" for row in rows]
        (predictions / "predictions.jsonl").write_text("".join(lines), encoding="ascii")
        # What scoring refuses as no text can still be in a file of somebody else.
        texts = [replace(row, prediction=visible(row.prediction)) for row in rows]
        scores = score_predictions(
            texts, language="de", metrics=["bleu", "chrf"], resampling=Resampling(num_resamples=50)
        )
        save_scores(self.root / "artifacts" / "scores" / system, scores)

    def export(self, *words: str) -> int:
        """`mtnlg ratings export` of the board into the folder of sheets."""
        where = ["--board", BOARD, "--out", str(self.sheets)]
        return main(["ratings", "export", self.experiment, *where, *words, *self._roots])

    def read(self, experiment: str | None = None) -> int:
        """`mtnlg ratings read` of them."""
        named = experiment or self.experiment
        return main(["ratings", "read", named, str(self.sheets), *self._roots])

    def lines(self, rater: str) -> list[list[str]]:
        """The cells of a sheet, its header first."""
        text = (self.sheets / f"{rater}.csv").read_text(encoding="utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline="")))

    def put(self, rater: str, lines: Sequence[Sequence[str]], *, name: str | None = None) -> Path:
        """Write a sheet as a spreadsheet would save it."""
        path = self.sheets / (name or f"{rater}.csv")
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            csv.writer(stream).writerows(lines)
        return path

    def fill(self, rater: str, score: Callable[[str, str], str]) -> None:
        """Answer every item by a function of its output and its source."""
        header, *lines = self.lines(rater)
        place = {name: index for index, name in enumerate(header)}
        filled = [
            [*cells[:-1], score(cells[place["output"]], cells[place["source"]])] for cells in lines
        ]
        self.put(rater, [header, *filled])

    @property
    def _roots(self) -> list[str]:
        return [
            word
            for name in ("runs", "artifacts", "reports")
            for word in (f"--{name}-root", str(self.root / name))
        ]


def knowing(output: str, source: str) -> str:
    """A rater who sees how many of the words are right: 8 is 5, 6 is 4, 2 is 2."""
    num_right = sum(word != "x" for word in output.split())
    return {8: "5", 6: "4", 2: "2"}.get(num_right, "1")
