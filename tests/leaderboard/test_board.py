"""What build_leaderboard makes of a launch: rows, order, ranks and reasons. Expected values are
written out by hand.
"""

from __future__ import annotations

import json
import math

import pytest

from made_launch import INTERVAL, SIGNATURE, TASK, MadeLaunch, made_metric, made_task
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.model import Board
from mtnlg.report.text_formats import render_markdown

ROW_KEYS = {
    *("system", "label", "kind", "status", "reason", "runs", "seeds", "decoding"),
    *("metrics", "left_out", "cld", "cost", "contamination"),
}
METRIC_KEYS = {
    *("value", "low", "high", "n", "unit", "higher_is_better", "interval", "signature"),
}
COST_KEYS = {
    *("parameters", "training_tokens", "training_flops", "training_seconds"),
    *("decoding_tokens_per_second", "peak_memory_bytes"),
}


def only_board(launch: MadeLaunch) -> Board:
    (board,) = launch.build().boards
    return board


def test_board_with_planted_failures_keeps_every_system(troubled: MadeLaunch) -> None:
    rows = only_board(troubled).rows

    assert [(row.label, row.rank, row.status, bool(row.metrics)) for row in rows] == [
        ("micro", 1, "finished", True),
        ("nano", 2, "finished", True),
        ("copy", 3, "finished", True),
        ("odd", None, "finished", True),
        ("going", None, "running", False),
        ("nan", None, "failed", False),
        ("fell", None, "failed", False),
        ("gone", None, "failed", False),
    ]


def test_rows_without_rank_say_why(troubled: MadeLaunch) -> None:
    reasons = {row.system: row.reason for row in only_board(troubled).rows}

    assert reasons["odd"] == (
        f"not comparable: bleu has signature tok:none, most rows have {SIGNATURE}"
    )
    assert reasons["going"] == "it has not finished"
    assert reasons["nan"] == "bleu: its value is nan, which is no finite number"
    assert reasons["fell"] == "out of memory"
    assert reasons["gone"] == (
        "there is no run.json: it did not start, or was killed before it wrote one"
    )


def test_leaderboard_json_has_exactly_the_documented_shape(troubled: MadeLaunch) -> None:
    document = troubled.build().to_json()

    assert set(document) == {"schema_version", "experiment", "boards"}
    (board,) = document["boards"]
    assert set(board) == {
        *("task", "test_set", "subset", "language", "main_metric"),
        *("rows", "comparisons", "families", "not_tested"),
    }
    assert board["main_metric"] == "bleu"
    for row in board["rows"]:
        assert set(row) == ROW_KEYS
        assert set(row["cost"]) == COST_KEYS
        assert set(row["contamination"]) == {"checked", "flagged", "rule"}
        for metric in row["metrics"].values():
            assert set(metric) == METRIC_KEYS
    json.dumps(document, allow_nan=False)


def test_first_row_of_json_is_the_best_system(troubled: MadeLaunch) -> None:
    row = troubled.build().to_json()["boards"][0]["rows"][0]

    assert row == {
        "system": "micro",
        "label": "micro",
        "kind": "trained",
        "status": "finished",
        "reason": None,
        "runs": ["better"],
        "seeds": [1],
        "decoding": "greedy",
        "metrics": {
            "bleu": {
                "value": 23.5,
                "low": 22.5,
                "high": 24.5,
                "n": 7,
                "unit": "0-100",
                "higher_is_better": True,
                "interval": INTERVAL,
                "signature": SIGNATURE,
            }
        },
        "left_out": {},
        "cld": {},
        "cost": {
            "parameters": 2_200_000,
            "training_tokens": None,
            "training_flops": None,
            "training_seconds": 1140.0,
            "decoding_tokens_per_second": None,
            "peak_memory_bytes": None,
        },
        "contamination": {"checked": 7, "flagged": 0, "rule": "13-gram overlap"},
    }


def test_baseline_of_several_runs_is_one_row(troubled: MadeLaunch) -> None:
    baselines = [row for row in only_board(troubled).rows if row.kind == "baseline"]

    assert [(row.system, row.runs) for row in baselines] == [("copy", ("good", "better"))]


def add_run_with_signals(launch: MadeLaunch, name: str, *, flagged: int, copied: float) -> None:
    """A system and a baseline on seven rows, of which its training data flags some."""
    counts = {"checked": 7, "flagged": flagged, "rule": "13-gram overlap"}
    scores = []
    for kind, value in (("trained", 20.0), ("baseline", copied)):
        key = launch.add_scores(
            f"{name}-{kind}",
            all={"bleu": made_metric(value)},
            clean={"bleu": made_metric(value - flagged, n=7 - flagged)},
        )
        system = "copy" if kind == "baseline" else name
        scores.append(launch.score(key, kind=kind, system=system, contamination=counts))
    launch.add_run(name, scores, system=name)


def test_baseline_whose_contamination_signals_differ_by_run_is_one_row_of_all_examples(
    launch: MadeLaunch,
) -> None:
    add_run_with_signals(launch, "one", flagged=1, copied=5.0)
    add_run_with_signals(launch, "two", flagged=2, copied=5.0)

    everything, _ = launch.build().boards

    (copy,) = [row for row in everything.rows if row.kind == "baseline"]
    assert (copy.label, copy.runs, copy.rank) == ("copy", ("one", "two"), 3)
    assert (copy.contamination.checked, copy.contamination.flagged) == (7, None)
    assert copy.reason is not None
    assert "depends on the training data of its runs" in copy.reason


def test_baseline_whose_contamination_signals_differ_by_run_is_a_clean_row_for_each(
    launch: MadeLaunch,
) -> None:
    add_run_with_signals(launch, "one", flagged=1, copied=5.0)
    add_run_with_signals(launch, "two", flagged=2, copied=5.0)

    _, clean = launch.build().boards

    copies = {row.label: row for row in clean.rows if row.kind == "baseline"}
    values = {label: row.metrics["bleu"].num_examples for label, row in copies.items()}
    assert values == {"copy · run one": 6, "copy · run two": 5}
    assert [row.contamination.flagged for row in copies.values()] == [1, 2]


def test_baselines_of_one_name_with_other_numbers_stay_rows_of_their_own(
    launch: MadeLaunch,
) -> None:
    """What the nearest training source gives depends on the training set."""
    add_run_with_signals(launch, "one", flagged=1, copied=5.0)
    add_run_with_signals(launch, "two", flagged=2, copied=6.0)

    everything, _ = launch.build().boards

    copies = {row.label: row.runs for row in everything.rows if row.kind == "baseline"}
    assert copies == {"copy · run one": ("one",), "copy · run two": ("two",)}


def test_baseline_of_a_failed_run_keeps_its_rank(launch: MadeLaunch) -> None:
    baseline = launch.score(launch.add_scores("base", 5.0), kind="baseline", system="copy")
    trained = launch.score(launch.add_scores("half", 50.0))
    launch.add_run("fell", [trained, baseline], status="failed", reason="disk full")

    rows = only_board(launch).rows

    assert [(row.system, row.rank, row.reason) for row in rows] == [
        ("copy", 1, None),
        ("nano", None, "disk full"),
    ]


def test_rows_with_equal_main_metric_share_a_rank_and_the_next_metric_orders_them(
    launch: MadeLaunch,
) -> None:
    for name, chrf in (("low", 30.0), ("high", 40.0)):
        metrics = {"chrf": made_metric(chrf), "bleu": made_metric(20.0)}
        score = launch.score(launch.add_scores(name, all=metrics), system=name)
        launch.add_run(name, [score], system=name)

    board = only_board(launch)

    assert [(row.system, row.rank) for row in board.rows] == [("high", 1), ("low", 1)]
    assert [list(row.metrics) for row in board.rows] == [["bleu", "chrf"]] * 2


def test_lower_is_better_metric_ranks_the_least_first(launch: MadeLaunch) -> None:
    for name, ter in (("bad", 90.0), ("good", 40.0)):
        metrics = {"ter": made_metric(ter, higher_is_better=False)}
        score = launch.score(launch.add_scores(name, all=metrics), system=name)
        launch.add_run(name, [score], system=name, tasks=[made_task(main_metric="ter")])

    assert [row.system for row in only_board(launch).rows] == ["good", "bad"]


def test_runs_that_differ_in_the_seed_alone_are_one_row(launch: MadeLaunch) -> None:
    for seed, bleu in ((3, 22.0), (1, 20.0), (2, 24.0)):
        score = launch.score(launch.add_scores(f"s{seed}", bleu))
        overrides = ["model=nano", f"seed={seed}"]
        launch.add_run(f"run{seed}", [score], seed=seed, overrides=overrides)

    (row,) = only_board(launch).rows

    metric = row.metrics["bleu"]
    assert (row.seeds, row.runs) == ((1, 2, 3), ("run1", "run2", "run3"))
    assert metric.value == pytest.approx(22.0)
    assert dict(metric.seed_values) == {1: 20.0, 2: 24.0, 3: 22.0}
    assert (metric.low, metric.high, metric.interval) == (None, None, None)
    assert metric.seed_deviation == pytest.approx(2.0)
    assert metric.interval_reason == (
        "mean of 3 seeds: its statistics.npz: missing or broken (no such file); evaluate again"
    )


def test_failed_seed_is_a_row_beside_the_mean_of_the_others(launch: MadeLaunch) -> None:
    for seed in (1, 2):
        score = launch.score(launch.add_scores(f"s{seed}", 20.0))
        launch.add_run(f"run{seed}", [score], seed=seed)
    launch.add_run("run3", seed=3, status="failed", reason="nan loss")

    rows = only_board(launch).rows

    assert [(row.label, row.seeds, row.status) for row in rows] == [
        ("nano · seed 1, 2", (1, 2), "finished"),
        ("nano · seed 3", (3,), "failed"),
    ]


def test_runs_that_differ_in_an_override_have_different_labels(launch: MadeLaunch) -> None:
    for name, rate in (("slow", "0.1"), ("fast", "0.2")):
        score = launch.score(launch.add_scores(name, float(rate)))
        overrides = ["model=nano", f"optimizer.learning_rate={rate}"]
        launch.add_run(name, [score], overrides=overrides)

    assert [row.label for row in only_board(launch).rows] == [
        "nano · optimizer.learning_rate=0.2",
        "nano · optimizer.learning_rate=0.1",
    ]


def test_runs_that_differ_in_decoding_have_it_in_their_labels(launch: MadeLaunch) -> None:
    for index, decoding in enumerate(("beam4", "greedy")):
        score = launch.score(launch.add_scores(decoding, 30.0 - index), decoding=decoding)
        launch.add_run(decoding, [score], decoding=decoding)

    assert [row.label for row in only_board(launch).rows] == ["nano · beam4", "nano · greedy"]


def test_row_over_fewer_examples_is_not_ranked(launch: MadeLaunch) -> None:
    for name in ("one", "two"):
        score = launch.score(launch.add_scores(name, 20.0), system=name)
        launch.add_run(name, [score], system=name)
    short = launch.add_scores("short", all={"bleu": made_metric(99.0, n=3)})
    launch.add_run("short", [launch.score(short, system="short")], system="short")

    last = only_board(launch).rows[-1]

    assert (last.system, last.rank) == ("short", None)
    assert last.reason == "not comparable: bleu is over 3 examples, most rows over 7"


def test_clean_board_appears_only_where_a_system_has_a_clean_subset(launch: MadeLaunch) -> None:
    subsets = {"all": {"bleu": made_metric(20.0)}, "clean": {"bleu": made_metric(19.0, n=5)}}
    tagged = launch.score(launch.add_scores("tagged", **subsets))
    baseline = launch.score(launch.add_scores("base", 5.0), kind="baseline", system="copy")
    launch.add_run("run", [tagged, baseline])

    everything, clean = launch.build().boards

    assert (everything.subset, clean.subset) == ("all", "clean")
    assert [(row.system, row.rank) for row in clean.rows] == [("nano", 1), ("copy", None)]
    assert clean.rows[0].metrics["bleu"].num_examples == 5
    assert clean.rows[1].metrics == {}
    assert clean.rows[1].reason is not None


def test_board_of_new_dialogues_stands_beside_the_others(launch: MadeLaunch) -> None:
    subsets = {
        name: {"bleu": made_metric(value, n=n)}
        for name, value, n in (("all", 20.0, 7), ("clean", 18.0, 3), ("new_dialogues", 19.0, 5))
    }
    launch.add_scores("s1", **subsets)
    launch.add_run("run1", [launch.score("s1")])

    boards = launch.build().boards

    sizes = [board.rows[0].metrics["bleu"].num_examples for board in boards]
    assert [board.subset for board in boards] == ["all", "clean", "new_dialogues"]
    assert sizes == [7, 3, 5]


def test_subset_without_rows_says_why(launch: MadeLaunch) -> None:
    launch.add_scores("s1", 20.0)
    path = launch.artifacts_root / "scores" / "s1" / "scores.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["subsets"]["clean"] = {"n": 0, "metrics": {}, "reason": "every row has a signal"}
    path.write_text(json.dumps(document), encoding="utf-8")
    launch.add_run("run1", [launch.score("s1")])

    (row,) = launch.build().boards[1].rows

    assert (row.status, row.reason, row.metrics) == ("finished", "every row has a signal", {})


def test_contamination_is_reported_as_signals_in_rows_checked(launch: MadeLaunch) -> None:
    launch.add_scores("s1", 20.0)
    checks = {"checked": 7, "flagged": 2, "rule": "a signal is: a match"}
    launch.add_run("run1", [launch.score("s1", contamination=checks)])

    page = render_markdown(launch.build())

    assert "- **contamination**: signals in 2 of 7 rows checked; a signal is: a match" in page


@pytest.mark.parametrize(
    ("clean", "note"),
    [
        ((15.0, 14.0), "on the clean rows the ranking of the 2 systems that have one is the same"),
        ((14.0, 15.0), "on the clean rows the ranking changes: two is before one"),
    ],
)
def test_board_says_whether_its_ranking_changes_on_clean_rows(
    launch: MadeLaunch, clean: tuple[float, float], note: str
) -> None:
    checks = {"checked": 7, "flagged": 2, "rule": "a signal is: a match"}
    for name, value, clean_value in zip(("one", "two"), (20.0, 19.0), clean, strict=True):
        subsets = {
            "all": {"bleu": made_metric(value)},
            "clean": {"bleu": made_metric(clean_value, n=5)},
        }
        score = launch.score(launch.add_scores(name, **subsets), system=name, contamination=checks)
        launch.add_run(name, [score], system=name)
    launch.add_scores("old", 18.0)
    launch.add_run("old", [launch.score("old", system="old")], system="old")

    boards = launch.build().boards

    assert [board.clean_ranking for board in boards] == [f"{note}; without a rank there: old"] * 2


def test_board_without_a_signal_says_that_its_ranking_is_the_clean_one(
    launch: MadeLaunch,
) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", 20.0))])

    page = render_markdown(launch.build())

    assert "- **contamination**: signals in 0 of 7 rows checked; 13-gram overlap; " in page
    assert "; no row has a signal, so the ranking is that of the clean rows" in page


@pytest.mark.parametrize("missing", ["n", "signature", "value"])
def test_number_without_its_evidence_is_not_shown(launch: MadeLaunch, missing: str) -> None:
    metric = made_metric(20.0)
    del metric[missing]
    launch.add_run("run", [launch.score(launch.add_scores("run", all={"bleu": metric}))])

    (row,) = only_board(launch).rows

    assert (row.status, row.metrics) == ("failed", {})
    assert row.reason is not None
    assert row.reason.startswith("bleu: its")


def test_secondary_metric_that_is_not_finite_is_left_out_with_the_reason(
    launch: MadeLaunch,
) -> None:
    metrics = {"bleu": made_metric(20.0), "chrf": made_metric(math.inf)}
    launch.add_run("run", [launch.score(launch.add_scores("run", all=metrics))])

    (row,) = only_board(launch).rows

    assert list(row.metrics) == ["bleu"]
    assert row.reason == "left out: chrf: its value is inf, which is no finite number"


def test_interval_without_finite_ends_is_none_with_the_reason(launch: MadeLaunch) -> None:
    metric = made_metric(20.0, high=math.nan)
    launch.add_run("run", [launch.score(launch.add_scores("run", all={"bleu": metric}))])

    record = launch.build().to_json()["boards"][0]["rows"][0]["metrics"]["bleu"]

    assert (record["low"], record["high"], record["interval"]) == (None, None, None)
    assert record["interval_reason"] == "its ends are not finite"


@pytest.mark.parametrize("body", ["", "[]", "{", '{"schema_version": 99}', "\ud800"])
def test_broken_manifest_is_a_failed_row(launch: MadeLaunch, body: str) -> None:
    launch.add_run("good", [launch.score(launch.add_scores("good", 20.0))])
    launch.add_run("bad")
    path = launch.runs_root / launch.experiment / "bad" / "run.json"
    path.write_bytes(body.encode("utf-8", "surrogatepass"))

    row = only_board(launch).rows[-1]

    assert (row.system, row.status, row.metrics) == ("bad", "failed", {})
    assert row.reason is not None
    assert row.reason.startswith("run.json cannot be read")
    assert str(launch.runs_root) not in row.reason


def test_missing_scores_are_a_failed_row(launch: MadeLaunch) -> None:
    launch.add_run("run", [launch.score("nowhere")])

    (row,) = only_board(launch).rows

    assert (row.status, row.reason) == (
        "failed",
        "its scores cannot be read: scores.json: no such file",
    )


def test_finished_run_without_a_score_is_a_failed_row(launch: MadeLaunch) -> None:
    launch.add_run("run", [])

    (row,) = only_board(launch).rows

    assert (row.status, row.reason) == ("failed", "the run finished without a score here")


def test_launch_without_any_manifest_still_shows_its_runs(launch: MadeLaunch) -> None:
    launch.run_ids += ["one", "two"]

    board = only_board(launch)

    assert (board.task, [row.system for row in board.rows]) == ("unknown", ["one", "two"])


@pytest.mark.parametrize("name", ["../outside", "a/b", "..", ""])
def test_experiment_that_is_no_folder_name_is_refused(launch: MadeLaunch, name: str) -> None:
    with pytest.raises(ConfigError, match="experiment is"):
        build_leaderboard(name, runs_root=launch.runs_root, artifacts_root=launch.artifacts_root)


def test_experiment_that_never_ran_is_an_error_with_the_path(launch: MadeLaunch) -> None:
    with pytest.raises(ArtifactError, match=r"launch\.json: no such file; run the experiment"):
        build_leaderboard("other", runs_root=launch.runs_root, artifacts_root=launch.artifacts_root)


def test_names_with_a_path_in_them_read_nothing_outside(launch: MadeLaunch) -> None:
    secret = launch.artifacts_root / "secret"
    secret.mkdir(parents=True)
    launch.add_scores("real", 99.0)
    (launch.artifacts_root / "scores" / "real" / "scores.json").rename(secret / "scores.json")
    launch.add_run("run", [launch.score("../secret")])
    launch.run_ids.append("../../elsewhere")

    rows = only_board(launch).rows

    assert [row.metrics for row in rows] == [{}, {}]
    assert all("no folder name" in (row.reason or "") for row in rows)


def test_each_task_and_test_set_has_a_board_in_order_of_mention(launch: MadeLaunch) -> None:
    tasks = [made_task() | {"test_sets": ["test", "2016"]}, made_task("dialogue/tiny")]
    launch.add_run("run", [launch.score(launch.add_scores("run", 20.0))], tasks=tasks)

    boards = launch.build().boards

    assert [(board.task, board.test_set) for board in boards] == [
        (TASK, "test"),
        (TASK, "2016"),
        ("dialogue/tiny", "test"),
    ]


def test_run_id_too_long_for_a_disk_is_a_failed_row(launch: MadeLaunch) -> None:
    launch.run_ids.append("x" * 300)

    (row,) = only_board(launch).rows

    assert (row.status, row.reason) == (
        "failed",
        "its run id is no folder name, so it was not read",
    )


@pytest.mark.parametrize("status", ["failed", "running"])
def test_run_of_one_task_that_did_not_finish_is_not_on_another_tasks_board(
    launch: MadeLaunch, status: str
) -> None:
    """Oracle: the tasks that each run names; of a run without any manifest nobody knows them, so it
    is on all boards.
    """
    launch.add_run("good", [launch.score(launch.add_scores("good", 20.0))])
    launch.add_run("fell", status=status, system="fell", tasks=[made_task("dialogue/tiny")])
    launch.run_ids.append("gone")

    boards = launch.build().boards

    assert {board.task: [row.system for row in board.rows] for board in boards} == {
        TASK: ["nano", "gone"],
        "dialogue/tiny": ["fell", "gone"],
    }


def test_run_that_did_not_finish_is_on_the_boards_of_its_own_test_sets_alone(
    launch: MadeLaunch,
) -> None:
    """Oracle: the test sets that each run names."""
    launch.add_run("good", [launch.score(launch.add_scores("good", 20.0))])
    tasks = [made_task() | {"test_sets": ["2016", "2017"]}, made_task("dialogue/tiny")]
    launch.add_run("fell", status="failed", reason="disk full", system="fell", tasks=tasks)

    boards = {
        (board.task, board.test_set): [row.system for row in board.rows]
        for board in launch.build().boards
    }

    assert boards == {
        (TASK, "test"): ["nano"],
        (TASK, "2016"): ["fell"],
        (TASK, "2017"): ["fell"],
        ("dialogue/tiny", "test"): ["fell"],
    }


def test_run_that_names_no_tasks_is_on_the_boards_of_all_its_scores(launch: MadeLaunch) -> None:
    """Oracle: the places of its scores, one of which no other run has."""
    launch.add_run("good", [launch.score(launch.add_scores("good", 20.0))])
    places = [
        launch.score(launch.add_scores(f"s{number}", value), system="old", **change)
        for number, (value, change) in enumerate(
            [(10.0, {}), (30.0, {"test_set": "2016"}), (40.0, {"task": "dialogue/tiny"})]
        )
    ]
    launch.add_run("old", places, system="old", tasks=[])

    boards = {
        (board.task, board.test_set): [row.system for row in board.rows]
        for board in launch.build().boards
    }

    assert boards == {
        (TASK, "test"): ["nano", "old"],
        (TASK, "2016"): ["old"],
        ("dialogue/tiny", "test"): ["old"],
    }


def test_systems_of_one_name_and_score_but_two_kinds_are_two_rows(launch: MadeLaunch) -> None:
    key = launch.add_scores("shared", 20.0)
    records = [
        launch.score(key, kind=kind, system="copy", decoding=None)
        for kind in ("trained", "baseline")
    ]
    launch.add_run("copy", records, system="copy", decoding=None)

    rows = only_board(launch).rows

    assert [(row.label, row.kind, row.rank) for row in rows] == [
        ("copy · trained", "trained", 1),
        ("copy · baseline", "baseline", 1),
    ]
