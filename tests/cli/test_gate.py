"""`mtnlg gate` on outputs that are scored as the stages score them. Oracle where none is named:
sacreBLEU on the same texts, and what each launch was made of.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import sacrebleu
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from made_runs import MadeRuns, made_outputs, made_references
from mtnlg.cli.main import main
from mtnlg.report.publish import Publication, publish

WRONG, WORSE = 0.1, 0.125
"""Shares of wrong words, about 3 BLEU apart."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeRuns:
    """Three seeds each of a system, of a twin, and of one that is worse; and a single run."""
    runs = MadeRuns(tmp_path_factory.mktemp("gate"))
    for seed in (1, 2, 3):
        for name, wrong, draw in (("old", WRONG, 0), ("twin", WRONG, 10), ("worse", WORSE, 20)):
            outputs = made_outputs(runs.references, wrong=wrong, seed=seed + draw)
            runs.add(f"{name}/{name}-{seed}", outputs, seed=seed)
    runs.add("single/only", made_outputs(runs.references, wrong=WRONG, seed=30))
    return runs


def document(made: MadeRuns, *words: str) -> tuple[int, Any]:
    path = made.root / "gate.json"
    status = made.run("gate", *words, "--json", str(path))
    return status, json.loads(path.read_text("utf-8"))


def test_planted_drop_of_two_bleu_is_caught_and_a_reseeded_twin_passes(made: MadeRuns) -> None:
    """Oracle: sacreBLEU's score and its paired test of the same outputs."""
    texts = {
        name: made_outputs(made.references, wrong=wrong, seed=seed)
        for name, wrong, seed in (("old", WRONG, 1), ("worse", WORSE, 21))
    }
    theirs = [sacrebleu.corpus_bleu(outputs, [made.references]).score for outputs in texts.values()]
    assert theirs[0] - theirs[1] > 2
    _, tests = PairedTest(list(texts.items()), {"BLEU": BLEU()}, [made.references], "ar", 1000)()
    assert tests["BLEU"][1].p_value < 0.05

    status, found = document(made, "worse-1", "--baseline", "old-1", "--tolerance", "bleu=0")
    twin_status, twin = document(made, "twin-1", "--baseline", "old-1")

    (test,) = found["tests"]
    assert (status, found["passed"], test["dropped"]) == (1, False, True)
    assert (test["run"], test["baseline"]) == pytest.approx((theirs[1], theirs[0]))
    assert test["difference"] == pytest.approx(theirs[1] - theirs[0])
    assert (twin_status, twin["passed"], twin["failures"]) == (0, True, [])


def test_seeds_of_both_sides_are_tested_together(made: MadeRuns) -> None:
    status, found = document(made, "worse", "--baseline", "old")

    (test,) = found["tests"]
    values = [
        [sacrebleu.corpus_bleu(made_outputs(made.references, wrong=wrong, seed=seed + draw),
                               [made.references]).score for seed in (1, 2, 3)]
        for wrong, draw in ((WORSE, 20), (WRONG, 0))
    ]  # fmt: skip
    assert status == 1
    assert test["num_seeds"] == [3, 3]
    assert test["run"] == pytest.approx(sum(values[0]) / 3)
    assert test["baseline"] == pytest.approx(sum(values[1]) / 3)
    assert made.run("gate", "twin", "--baseline", "old") == 0


def test_one_seed_against_several_says_what_stands_for_its_spread(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made.run("gate", "single", "--baseline", "old") == 0
    assert "a side of one seed is taken to vary" in capsys.readouterr().out

    assert made.run("gate", "single", "--baseline", "twin-2") == 0

    shown = capsys.readouterr().out
    assert "one seed on each side" in shown
    assert "run twin-2 is one of 3 of its launch" in shown


def test_tolerance_allows_the_drop_and_wrong_ones_are_refused(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made.run("gate", "worse", "--baseline", "old", "--tolerance", "bleu=9") == 0
    capsys.readouterr()

    for word, words in (
        ("bleu", "must be METRIC=NUMBER"),
        ("bleu=-1", "at least 0"),
        ("bleu=nan", "at least 0"),
        ("blue=1", "did you mean 'bleu'"),
    ):
        assert made.run("gate", "worse", "--baseline", "old", "--tolerance", word) == 2
        assert words in capsys.readouterr().err


def test_metrics_that_are_named_are_one_family(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: Holm's smallest factor, by the number of tests; of TER, less is better."""
    words = ["bleu", "ter"]

    status, found = document(made, "worse", "--baseline", "old", "--metrics", *words)

    tests = {test["metric"]: test for test in found["tests"]}
    assert status == 1
    assert list(tests) == ["bleu", "ter"]
    least = min(test["p"] for test in tests.values())
    assert min(test["p_holm"] for test in tests.values()) == pytest.approx(2 * least)
    assert tests["ter"]["difference"] > 0
    assert tests["ter"]["dropped"]
    assert made.run("gate", "worse", "--baseline", "old", "--metrics", "bleu", "distinct1") == 2
    assert "no mean over examples" in capsys.readouterr().err


def test_published_board_is_a_baseline(made: MadeRuns, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (1, 2, 3):
        outputs = made_outputs(made.references, wrong=WRONG, seed=seed)
        made.add(f"board/board-{seed}", outputs, seed=seed)
    roots = {name: made.root / name.split("_")[0] for name in ("runs_root", "artifacts_root")}
    publish(Publication("board", 2), **roots, published_root=made.root / "reports" / "published")

    for word in ("board", str(made.root / "reports" / "published" / "board" / "record.zip")):
        assert made.run("gate", "worse", "--baseline", word) == 1
        assert "against published board board" in capsys.readouterr().out
    assert made.run("gate", "twin", "--baseline", "board") == 0
    assert made.run("gate", "worse", "--baseline", "board", "--metrics", "ter") == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"references": made_references(seed=5)}, "the hash of the rows is "),
        ({"decoding": "beam5"}, "decoding is beam5 in run odd, and greedy in"),
        (
            {"config": "seed: 1\ndecoding:\n  num_beams: 4\n"},
            "decoding.num_beams is 4 in run odd, and 1",
        ),
    ],
)
def test_other_data_and_decoding_are_refused_with_both_values(
    made: MadeRuns, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str
) -> None:
    texts = changes.get("references", made.references)
    made.add(f"odd-{len(words)}/odd", made_outputs(texts, wrong=WRONG, seed=1), **changes)
    folder = str(made.root / "runs" / f"odd-{len(words)}" / "odd")

    assert made.run("gate", folder, "--baseline", "old") == 2

    shown = capsys.readouterr().err
    assert words in shown
    assert "in experiment old" in shown


def test_other_signatures_are_refused_with_both(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: sacreBLEU's tokenizers for Chinese and for other languages."""
    outputs = made_outputs(made.references, wrong=WRONG, seed=4)
    made.add("signed/signed", outputs, language="zh")

    assert made.run("gate", "signed", "--baseline", "old") == 2

    shown = capsys.readouterr().err
    assert "the signature is" in shown
    assert "tok:zh" in shown
    assert "tok:13a" in shown


def test_damaged_scores_fail(made: MadeRuns, capsys: pytest.CaptureFixture[str]) -> None:
    """One digit of a score is changed after it was written."""
    run = made.add("damaged/damaged", made_outputs(made.references, wrong=0.0, seed=4))
    path = made.root / "artifacts" / "scores" / str(run.scores[0].scores) / "scores.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace("100.0", "900.0", 1), "utf-8")

    assert made.run("gate", "damaged", "--baseline", "old") == 1
    assert "corrupt" in capsys.readouterr().out


def test_failed_and_missing_runs_fail(made: MadeRuns, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: what the launch asked for."""
    good = made_outputs(made.references, wrong=0.01, seed=1)
    made.add("partly/good", good, seed=1)
    made.add("partly/fell", None, seed=2)
    made.launch("partly", {"gone": ["seed=3"]})

    assert made.run("gate", "partly", "--baseline", "old") == 1

    shown = capsys.readouterr().out
    assert shown.startswith("FAILED")
    assert "(failed): out of memory" in shown
    assert "(waiting): it has not started" in shown
    assert "DROPPED" not in shown
    assert made.run("gate", "old", "--baseline", "partly") == 1
    assert "the baseline's nano" in capsys.readouterr().out


def test_system_that_the_baseline_has_and_the_run_lacks_fails(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = made_outputs(made.references, wrong=WRONG, seed=1)
    for system in ("nano", "micro"):
        made.add(f"both/{system}", outputs, system=system, overrides=[f"model={system}"])
    made.add("half/nano-b", outputs, overrides=["model=nano"])

    assert made.run("gate", "half", "--baseline", "both") == 1
    assert "has no finished micro" in capsys.readouterr().out
    assert made.run("gate", "nano-b", "--baseline", "both") == 0
    assert made.run("gate", "both", "--baseline", "half") == 0
    assert "micro is not in the baseline" in capsys.readouterr().out


def test_summary_of_a_job_has_the_table_and_escapes_what_comes_from_data(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made.root / "summary.md"
    outputs = made_outputs(made.references, wrong=WRONG, seed=1)
    made.add("evil/evil", outputs, system="a|b<script>")

    made.run("gate", "evil", "--baseline", "old-1", "--markdown", str(path))

    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith("### passed: experiment evil against run old")
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 3
    assert r"a\|b\<script\>" in rows[2]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {14}


def test_summary_that_cannot_be_written_is_named_after_the_verdict(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made.root / "runs"

    assert made.run("gate", "twin", "--baseline", "old", "--markdown", str(path)) == 4

    shown = capsys.readouterr()
    assert shown.out.startswith("passed")
    assert str(path) in shown.err


def test_words_that_name_nothing_are_refused(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["nothing", "--baseline", "old"], ["worse", "--baseline", "nothing"]):
        assert made.run("gate", *words) == 2
        assert "'nothing'" in capsys.readouterr().err
    assert main(["gate", "worse"]) == 2
    assert "--baseline" in capsys.readouterr().err
