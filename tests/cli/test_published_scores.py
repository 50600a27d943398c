"""Scores that others published, met by the command; skipped where their files are not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mtnlg.cli.main import main
from wmt23 import GROUND_TRUTH, WMT23, needs_wmt23

ROUGE = GROUND_TRUTH / "rouge_testdata"

needs_rouge = pytest.mark.skipif(
    not ROUGE.is_dir(),
    reason=f"no {ROUGE}; set MTNLG_GROUND_TRUTH to the folder that has rouge_testdata",
)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["score", *words, "--json"]) == 0
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    return dict(board)


def processor_seconds() -> float:
    """Of this process and those that it has started and that have ended."""
    return sum(os.times()[:4])


@needs_wmt23
def test_wmt23_scores_are_the_published_ones_and_have_groups(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the organizers' automatic-scores.tsv, English to Chinese, 15 systems."""
    path = WMT23 / "published_scores.json"
    published = json.loads(path.read_text("utf-8"))["scores"]["en-zh"]
    files = {name: f"generaltest2023.en-zh.hyp.{name}.zh" for name in published}
    started = processor_seconds()

    board = run(
        capsys,
        *("--references", str(WMT23 / "references" / "generaltest2023.en-zh.ref.refA.zh")),
        *("--hypotheses", *(str(WMT23 / "system-outputs" / file) for file in files.values())),
        *("--task", "translation", "--language", "zh"),
    )

    assert len(files) == 15
    assert processor_seconds() - started < 30
    rows = {row["label"]: row for row in board["rows"]}
    for name, file in files.items():
        metrics = rows[file]["metrics"]
        assert metrics["bleu"]["n"] == 2074
        for metric in ("bleu", "chrf"):
            value = metrics[metric]["value"]
            assert value == pytest.approx(published[name][f"{metric}-all"], abs=5e-4)
            assert metrics[metric]["low"] < value < metrics[metric]["high"]
            assert rows[file]["cld"][metric]
    assert len(board["comparisons"]) == 2 * 15 * 14 / 2, "by two metrics"
    groups = [rows[file]["cld"]["bleu"] for file in files.values()]
    assert len(set(groups)) > 5, "BLEU from 19 to 58 is not one group"


@needs_rouge
def test_rouge_of_its_own_test_data_is_the_expected_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Oracle: what ROUGE-1.5.5 gave, in rouge_scorer_test.py; the cases without its stemmer."""
    expected = json.loads((ROUGE / "expected.json").read_text("utf-8"))
    targets, predictions = (
        (ROUGE / f"{name}.txt").read_text("utf-8").splitlines() for name in ("target", "prediction")
    )
    cases = [
        (targets[one["line"]], predictions[one["line"]], one)
        for one in expected["cases"]
        if not one["use_stemmer"]
    ]
    cases += [(one["target"], one["prediction"], one) for one in expected["inline_cases"]]
    path = tmp_path / "case.jsonl"

    assert len(cases) == 11
    for target, prediction, case in cases:
        path.write_text(json.dumps({"references": target, "prediction": prediction}))
        board = run(
            capsys,
            *("--references", str(path), "--hypotheses", str(path), "--task", "summarization"),
            *("--language", "en", "--metrics", case["metric"]),
        )
        value = board["rows"][0]["metrics"][case["metric"]]["value"]
        assert value / 100 == pytest.approx(
            case["fmeasure"], abs=10.0 ** -expected["tolerance_places"]
        )
