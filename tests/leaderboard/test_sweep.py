"""What a sweep says of its settings, against shares of variance worked out by hand."""

from __future__ import annotations

import pytest

from made_launch import MadeLaunch, made_metric, made_task, made_training, put_json
from mtnlg.leaderboard.sweep import (
    ON_VALIDATION,
    Setting,
    Trial,
    explained_share,
    mean_of,
    ordered_values,
    sweeps,
)
from mtnlg.report.charts import slice_chart
from mtnlg.report.html import render_html
from read_report import Page


def trials(**scores: list[float]) -> list[Trial]:
    return [Trial(value, score, "") for value, numbers in scores.items() for score in numbers]


def add_training(launch: MadeLaunch, name: str, metric: float, *overrides: str, seed: int) -> None:
    """A run with a model of its own, decoded in two ways."""
    put_json(
        launch.artifacts_root / "model" / name / "training.json",
        made_training(best_validation_metric=metric),
    )
    for index, decoding in enumerate(("greedy", "beam5")):
        key = launch.add_scores(f"{name}-{decoding}", 20.0 + 3 * index + seed)
        launch.add_run(
            f"{name}-{decoding}",
            [launch.score(key, system=name[0], decoding=decoding)],
            system=name[0],
            seed=seed,
            decoding=decoding,
            artifacts={"model": name},
            overrides=[*overrides, f"seed={seed}", f"decoding={decoding}", "experiment=tiny"],
        )


@pytest.fixture
def swept(launch: MadeLaunch) -> MadeLaunch:
    for seed, (small, large) in enumerate([(10.0, 16.0), (12.0, 18.0)], start=1):
        add_training(launch, f"a{seed}", small, "model=a", seed=seed)
        add_training(launch, f"b{seed}", large, "model=b", seed=seed)
    return launch


def test_explained_share_is_eta_squared() -> None:
    """Means 2 and 5, grand mean 3.5: between 4 x 1.5^2 = 9, within 2 + 2."""
    assert explained_share(trials(a=[1, 3], b=[4, 6])) == pytest.approx(9 / 13)


@pytest.mark.parametrize("scores", [{"a": [1.0], "b": [2.0]}, {"a": [3.0, 3.0], "b": [3.0]}])
def test_share_is_unknown_without_spread_or_repetition(scores: dict[str, list[float]]) -> None:
    assert explained_share(trials(**scores)) is None


def test_setting_of_the_training_is_judged_on_validation_once_for_each_model(
    swept: MadeLaunch,
) -> None:
    (sweep,) = sweeps(swept.build())

    model = next(setting for setting in sweep.settings if setting.name == "model")
    assert model.measure == ON_VALIDATION
    assert model.means == (("a", 2, 11.0), ("b", 2, 17.0))
    assert model.explained == pytest.approx(36 / 40)


def test_setting_of_the_decoding_is_judged_on_the_test_set(swept: MadeLaunch) -> None:
    (sweep,) = sweeps(swept.build())

    decoding = next(setting for setting in sweep.settings if setting.name == "decoding")
    assert decoding.measure == "bleu of translation/tiny_en_de, test"
    assert decoding.means == (("greedy", 4, 21.5), ("beam5", 4, 24.5))


def test_settings_are_ordered_by_what_they_explain_and_seeds_are_none(swept: MadeLaunch) -> None:
    (sweep,) = sweeps(swept.build())

    assert [setting.name for setting in sweep.settings] == ["decoding", "model"] or [
        setting.name for setting in sweep.settings
    ] == ["model", "decoding"]
    shares = [setting.explained or 0.0 for setting in sweep.settings]
    assert shares == sorted(shares, reverse=True)
    assert "standard deviation of 1.4" in sweep.seeds
    assert "pooled over 2 settings" in sweep.seeds


def test_settings_that_changed_in_the_same_runs_are_one(launch: MadeLaunch) -> None:
    """Oracle: of three trainings, two have both the size and the batch, and one has dropout. What
    only a system without a training sets is not among them.
    """
    runs = {
        "a": ("model=a", "trainer.batch_tokens=100"),
        "b": ("model=b", "trainer.batch_tokens=200"),
        "c": ("model=b", "trainer.batch_tokens=200", "model.dropout=0.3"),
    }
    for name, overrides in runs.items():
        add_training(launch, name, 10.0, *overrides, seed=1)
    launch.add_run("asked", overrides=["system=endpoint"])

    (sweep,) = sweeps(launch.build())

    together = {setting.name: setting.together for setting in sweep.settings}
    assert together == {"model": ("trainer.batch_tokens",), "model.dropout": (), "decoding": ()}
    shown = Page(render_html(launch.build(), num_samples=1)).text
    assert "together with trainer.batch_tokens" in shown


def test_launch_that_varies_nothing_but_seeds_has_no_sweep(launch: MadeLaunch) -> None:
    for seed in (1, 2):
        key = launch.add_scores(f"s{seed}", 20.0 + seed)
        launch.add_run(f"r{seed}", [launch.score(key)], seed=seed, overrides=[f"seed={seed}"])

    assert sweeps(launch.build()) == []


def test_numbers_are_ordered_by_size_and_words_as_they_came() -> None:
    assert ordered_values(["1e-3", "0.01", "5e-4"]) == ["5e-4", "1e-3", "0.01"]
    assert ordered_values(["small", "large", "small"]) == ["small", "large"]


def test_slice_has_a_dot_for_each_trial_and_escapes_its_texts() -> None:
    shown = (Trial("<b>", 1.0, "run </title>"), Trial("2", 3.0, "other"))
    means = (("<b>", 1, 1.0), ("2", 1, 3.0))

    markup = slice_chart(Setting("a&b", "bleu", shown, None, means))

    assert markup.count("<circle") == 2
    assert "<b>" not in markup
    assert "run &lt;/title&gt;" in markup


def test_mean_of_a_value_that_no_trial_has_is_none() -> None:
    assert mean_of(trials(a=[1.0]), "b") is None


def test_page_shows_the_sweep_and_every_pair(swept: MadeLaunch) -> None:
    page = Page(render_html(swept.build(), num_samples=0))

    assert "best validation metric" in page.text
    assert "a: 11 (2); b: 17 (2)" in page.text


def test_run_whose_scores_cannot_be_read_is_no_trial_of_the_decoding(swept: MadeLaunch) -> None:
    """Oracle: the means of the runs that are left."""
    scores = swept.artifacts_root / "scores"
    (scores / "a1-greedy" / "scores.json").unlink()
    (scores / "b2-greedy" / "scores.json").write_text("all of it is broken", encoding="utf-8")
    put_json(
        scores / "b1-greedy" / "scores.json", {"language": "de", "n": 7, "subsets": {"clean": {}}}
    )
    swept.add_scores("a1-beam5", all={"chrf": made_metric(20.0)})

    (sweep,) = sweeps(swept.build())

    decoding = next(setting for setting in sweep.settings if setting.name == "decoding")
    assert decoding.means == (("beam5", 3, pytest.approx(74 / 3)), ("greedy", 1, 22.0))


def test_runs_without_a_main_metric_have_no_setting_of_the_decoding(launch: MadeLaunch) -> None:
    for decoding in ("greedy", "beam5"):
        key = launch.add_scores(decoding, 20.0)
        launch.add_run(
            decoding,
            [launch.score(key, decoding=decoding)],
            decoding=decoding,
            artifacts={"model": "shared"},
            overrides=[f"decoding={decoding}"],
            tasks=[made_task() | {"main_metric": None}],
        )

    assert sweeps(launch.build()) == []


@pytest.mark.parametrize("name", ["experiment", "task", "seed"])
def test_experiment_task_and_seed_are_no_settings(launch: MadeLaunch, name: str) -> None:
    for value in ("1", "2"):
        key = launch.add_scores(value, 20.0)
        launch.add_run(value, [launch.score(key)], overrides=[f"{name}={value}"])

    assert sweeps(launch.build()) == []
