"""Searches by Optuna: what they ask for, and what they do when asked again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from mtnlg.errors import ConfigError
from mtnlg.experiment import search
from mtnlg.records.runs import RunRecord, read_run, write_run

SPACE = ["optimizer.learning_rate=tag(log,interval(1e-4,1e-2))", "seed=range(1,9)"]


class Launcher:
    """Writes the manifest of each job, whose objective follows from its words; counts the new."""

    jobs = 2

    def __init__(self, folder: Path, failing: Sequence[int] = ()) -> None:
        self.folder, self.failing = folder, failing
        self.words: list[list[str]] = []
        self.num_new = 0

    def launch(self, words: list[list[str]], *, initial_job_idx: int) -> None:
        assert initial_job_idx == len(self.words)
        for job in words:
            folder = self.folder_of(job)
            self.num_new += not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            is_failing = len(self.words) in self.failing
            self.words.append(job)
            value = None if is_failing else objective(values_of(job))
            status: Any = "failed" if is_failing else "finished"
            write_run(folder, RunRecord(folder.name, status, None, "model", objective=value))

    def folder_of(self, words: list[str]) -> Path:
        return self.folder / "runs" / "-".join(sorted(words)).replace("/", "_")[:200]

    def planned(self, words: list[list[str]], first: int) -> list[Any]:
        return [_Job(self.folder_of(job)) for job in words]


class _Job:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def record(self) -> RunRecord:
        return read_run(self.folder.name, folder=self.folder.parent)


def values_of(words: Sequence[str]) -> dict[str, float]:
    pairs = [word.split("=") for word in words]
    return {key: float(value) for key, value in pairs if key in ("seed", "optimizer.learning_rate")}


def objective(values: dict[str, float]) -> float:
    return values["seed"] - abs(values["optimizer.learning_rate"] - 1e-3)


def sweeper(launcher: Any, **settings: Any) -> Any:
    defaults = {
        "n_trials": 12,
        "n_jobs": 2,
        "direction": "maximize",
        "sampler": {"_target_": "optuna.samplers.TPESampler", "seed": 5},
        "pruner": None,
        "params": dict(word.split("=", 1) for word in SPACE),
    }
    made = {"launcher": launcher, "planned": launcher.planned, "compose": lambda words: None}
    made["ours"] = SimpleNamespace()
    return SimpleNamespace(**made, **{**defaults, **settings})


@pytest.fixture(autouse=True)
def composed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SimpleNamespace(
        name="found", runs_root=str(tmp_path / "runs"), artifacts_root=str(tmp_path)
    )
    monkeypatch.setattr(search, "load_composed", lambda raw: config)
    monkeypatch.setattr(search, "experiment_name", lambda config: config.name)


def test_trials_are_those_of_optuna_itself(tmp_path: Path) -> None:
    """Oracle: the same study through Optuna's ask and tell, in batches of two."""
    launcher = Launcher(tmp_path)
    made = sweeper(launcher)
    search.run_search(made, ["model=mt_nlg_nano"])
    assert made.ours.shared_words == {"model=mt_nlg_nano", "name=found"}

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=5))
    space = {
        "optimizer.learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True),
        "seed": optuna.distributions.IntDistribution(1, 9),
    }
    for _ in range(6):
        pair = [study.ask(dict(space)) for _ in range(2)]  # type: ignore[arg-type]
        for trial in pair:
            study.tell(trial, objective(trial.params))
    assert [values_of(words) for words in launcher.words] == [t.params for t in study.trials]
    assert all(words[:2] == ["model=mt_nlg_nano", "name=found"] for words in launcher.words)


def test_search_asked_again_runs_nothing_and_goes_on(tmp_path: Path) -> None:
    """Oracle: the words of an undisturbed search of 12 trials, after one that ended at 8."""
    whole, first = Launcher(tmp_path / "a"), Launcher(tmp_path / "b")
    search.run_search(sweeper(whole), [])
    search.run_search(sweeper(first, n_trials=8), [])
    second = Launcher(tmp_path / "b")
    search.run_search(sweeper(second), [])

    assert second.words == whole.words
    assert second.num_new == 4


def test_search_of_which_nothing_is_planned_ends(tmp_path: Path) -> None:
    """Oracle: a dry run plans no job, so that none is launched."""
    launcher = Launcher(tmp_path)
    dry = sweeper(launcher)
    dry.planned = lambda words, first: []
    search.run_search(dry, [])
    assert launcher.words == []


def test_failed_trial_ends_nothing(tmp_path: Path) -> None:
    """Oracle: twelve trials are asked for though the third fails."""
    launcher = Launcher(tmp_path, failing=[2])
    search.run_search(sweeper(launcher), [])
    assert len(launcher.words) == 12


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("x=choice(a,b)", optuna.distributions.CategoricalDistribution(["a", "b"])),
        ("x=1,2", optuna.distributions.CategoricalDistribution(["1", "2"])),
        ("x=range(1,9)", optuna.distributions.IntDistribution(1, 9)),
        ("x=range(1,9,2)", optuna.distributions.IntDistribution(1, 9, step=2)),
        ("x=range(0,1,0.25)", optuna.distributions.FloatDistribution(0, 1, step=0.25)),
        ("x=interval(0,1)", optuna.distributions.FloatDistribution(0, 1)),
        ("x=int(interval(1,8))", optuna.distributions.IntDistribution(1, 8)),
        ("x=tag(log,interval(1e-4,1))", optuna.distributions.FloatDistribution(1e-4, 1, log=True)),
        (
            "x=tag(log,int(interval(1,64)))",
            optuna.distributions.IntDistribution(1, 64, log=True),
        ),
    ],
)
def test_search_space_is_that_of_hydras_grammar(word: str, expected: Any) -> None:
    """Oracle: the table in the manual of hydra-optuna-sweeper 1.2."""
    fixed, space = search.search_space([word, "y=3"])
    assert (fixed, space) == (["y=3"], {"x": expected})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"params": {}}, "no setting has several values"),
        ({"params": {"seed": "interval(9,1)"}}, r"seed=interval\(9,1\)"),
        ({"params": {"seed": "tag(log,interval(0,1))"}}, "log"),
        ({"n_trials": 0}, "hydra.sweeper.n_trials=0"),
        ({"n_jobs": "two"}, "hydra.sweeper.n_jobs=two"),
        ({"direction": "minimize"}, "validation metric, or its negated loss"),
        ({"sampler": {"_target_": "os.system", "command": "ls"}}, "optuna.samplers.NAME"),
        ({"sampler": {"_target_": "optuna.samplers.TPESampler", "sed": 1}}, "sed"),
        ({"pruner": {"_target_": "optuna.pruners.optuna"}}, "optuna.pruners.NAME"),
    ],
)
def test_bad_setting_is_named(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    """Oracle: the setting in the message, and that no job ran."""
    launcher = Launcher(tmp_path)
    with pytest.raises(ConfigError, match=message):
        search.run_search(sweeper(launcher, **settings), [])
    assert launcher.words == []
