"""`mtnlg diff` on two runs made as the stages make them, against the paired test on their own.

Oracle unless a test names another: the settings, scores and texts that the test itself changes
between the two runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mtnlg.artifacts.store import make_folder
from mtnlg.cli.main import main
from mtnlg.config import EvaluationConfig
from mtnlg.evaluation import METRICS
from mtnlg.evaluation.score import make_scores
from mtnlg.evaluation.significance.comparison import compare_systems, correct_by_holm
from mtnlg.records.files import write_jsonl, write_text
from mtnlg.records.rows import Prediction
from mtnlg.records.runs import RunRecord, ScoreRecord, TaskRecord, write_run
from mtnlg.records.scores import load_statistics

TASK = "translation/tiny_en_de"
WORDS = [f"w{number}" for number in range(40)]
METRIC_NAMES = ["bleu", "chrf", "distinct1"]


class Runs:
    """The folders of one experiment."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(
        self,
        run_id: str,
        outputs: Sequence[str],
        *,
        config: str = "seed: 1\nmodel:\n  hidden_size: 8\n",
        references: Sequence[str] = tuple(" ".join(WORDS[p : p + 6]) for p in range(20)),
    ) -> None:
        rows = [
            Prediction(f"row-{place}", f"source {place}", (reference,), output)
            for place, (reference, output) in enumerate(zip(references, outputs, strict=True))
        ]
        predictions = make_folder(
            self.root / "artifacts",
            "predictions",
            {"of": run_id},
            lambda folder: (
                write_jsonl(folder / "predictions.jsonl", (row.to_json() for row in rows)) and None
            ),
        )
        scores = make_scores(
            self.root / "artifacts",
            predictions,
            language="de",
            settings=EvaluationConfig(metrics=METRIC_NAMES, num_resamples=100),
        )
        score = ScoreRecord(
            *(TASK, "test", "de", "trained", "nano", "greedy", predictions.key, scores.key)
        )
        folder = self.root / "runs" / "tiny" / run_id
        run = RunRecord(
            *(run_id, "finished", None, "nano"),
            seed=1,
            git={"commit": run_id},
            tasks=(TaskRecord(TASK, "de", ("test",), "bleu"),),
            scores=(score,),
        )
        write_run(folder, run)
        write_text(folder / "config.yaml", config)

    def statistics(self, run_id: str, name: str) -> Any:
        """Those that were kept of a run."""
        path = self.root / "runs" / "tiny" / run_id / "run.json"
        key = json.loads(path.read_text("utf-8"))["scores"][0]["scores"]
        return load_statistics(self.root / "artifacts" / "scores" / key, name)[0][name]

    def diff(self, *words: str) -> int:
        roots = [f"--{name}-root={self.root / name}" for name in ("runs", "artifacts")]
        return main(["diff", *words, *roots])


def outputs(num_right: int) -> list[str]:
    return [" ".join([*WORDS[place : place + num_right], "x", "y"]) for place in range(20)]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    made = Runs(tmp_path)
    made.add("old-1", outputs(5))
    better = [*outputs(6)[:19], "all wrong"]
    made.add("new-1", better, config="seed: 1\nmodel:\n  hidden_size: 16\n")
    return made


def document(runs: Runs, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert runs.diff(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_settings_and_environment_that_differ_are_named(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(runs, capsys, "old", "new")

    assert (found["a"], found["b"]) == ("old-1", "new-1")
    assert found["settings"] == {"model.hidden_size": {"a": "8", "b": "16"}}
    assert found["environment"] == {"git.commit": {"a": "old-1", "b": "new-1"}}


def test_metrics_differ_as_the_paired_test_has_it(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: compare_systems on the statistics of both, better one first."""
    (test_set,) = document(runs, capsys, "old-1", "new-1")["test_sets"]

    p_values = []
    for name in ("bleu", "chrf"):
        (expected,) = compare_systems(
            [runs.statistics("new-1", name), runs.statistics("old-1", name)],
            METRICS[name].aggregate,
        )
        found = test_set["metrics"][name]
        assert found["difference"] == pytest.approx(expected.difference)
        assert (found["low"], found["high"], found["p"]) == (
            expected.low,
            expected.high,
            expected.p,
        )
        p_values.append(expected.p)
    assert [test_set["metrics"][name]["p_holm"] for name in ("bleu", "chrf")] == correct_by_holm(
        p_values
    )


def test_turning_the_runs_around_turns_the_signs(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    there, back = (
        document(runs, capsys, *pair)["test_sets"][0]["metrics"]["bleu"]
        for pair in (("old-1", "new-1"), ("new-1", "old-1"))
    )

    assert back["difference"] == -there["difference"]
    assert (back["low"], back["high"], back["p"]) == (-there["high"], -there["low"], there["p"])


def test_metric_of_a_corpus_is_not_tested_and_says_why(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(runs, capsys, "old", "new")["test_sets"][0]["metrics"]["distinct1"]

    assert found["p"] is None
    assert "no mean over examples" in found["reason"]


def test_examples_that_moved_most_are_shown_both_ways(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    (test_set,) = document(runs, capsys, "old", "new")["test_sets"]

    assert [example["id"] for example in test_set["worse"]] == ["row-19"]
    assert test_set["worse"][0]["second"] == "all wrong"
    gains = [after - before for before, after in (one["values"] for one in test_set["better"])]
    assert len(gains) == 5
    assert gains == sorted(gains, reverse=True)


def test_text_has_all_of_it(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs.diff("old", "new") == 0

    shown = capsys.readouterr().out
    for words in (
        "model.hidden_size  8  16",
        f"{TASK} · test",
        "n = 20",
        "where B does worse",
        "compares these model files: another training may differ",
    ):
        assert words in shown


def test_other_examples_are_not_compared(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.add("odd-1", outputs(5), references=["other words"] * 20)

    (test_set,) = document(runs, capsys, "old", "odd")["test_sets"]

    assert test_set["reason"] == "their examples are not the same ones in the same order"
    assert test_set["metrics"]["bleu"]["p"] is None
    assert test_set["better"] == []


def test_run_without_scores_says_so(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    bare = RunRecord("bare", "failed", "out of memory", "nano")
    write_run(runs.root / "runs" / "tiny" / "bare", bare)

    found = document(runs, capsys, "old", "bare")

    assert f"{TASK}, test: only A has scores of it" in found["missing"]
    assert any("there is no config.yaml" in one for one in found["missing"])


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("odl-1", "did you mean 'old-1'"),
        ("", "may be any of tiny/new-1, tiny/old-1"),
        ("zzz", "no run of"),
    ],
)
def test_word_that_is_no_single_run_is_an_error(
    runs: Runs, capsys: pytest.CaptureFixture[str], word: str, told: str
) -> None:
    assert runs.diff(word, "old-1") == 2

    assert told in capsys.readouterr().err


def test_text_from_data_cannot_move_the_terminal(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.add("evil-1", ["\x1b[2J\u202eevil\nline"] * 20)

    assert runs.diff("old", "evil") == 0

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
