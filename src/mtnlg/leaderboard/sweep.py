"""What a sweep says of its settings: for each that it varied, the scores by value, and how much of
their variance it explains.

A setting of the training is judged by the best validation metric; one of the decoding alone by the
first test set, which describes and must not choose. Runs of different tasks are never mixed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtnlg.leaderboard.curves import shown_metric
from mtnlg.leaderboard.labels import parse_override
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.records.runs import RunRecord
from mtnlg.records.scores import read_scores
from mtnlg.records.stages import find_training

SEED = "seed"
NOT_SETTINGS = (SEED, "task", "experiment")
"""Tasks are kept apart, and seeds show what chance does."""
ON_VALIDATION = "best validation metric"


@dataclass(frozen=True, slots=True)
class Trial:
    """One value of a setting, and the score that a run had with it."""

    value: str
    score: float
    details: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that was varied, over the runs of the same tasks."""

    name: str
    measure: str
    """What its scores are."""
    trials: tuple[Trial, ...]
    explained: float | None
    """Share of the variance of the scores between its values (eta squared of a one-way analysis of
    variance); None where all scores are equal or no value has two of them."""
    means: tuple[tuple[str, int, float], ...]
    """Value, runs and mean score."""
    together: tuple[str, ...] = ()
    """Settings that changed in the same runs, whose effects cannot be separated from its own."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The settings varied over some tasks, those that explain most first, and what seeds do."""

    tasks: str
    settings: tuple[Setting, ...]
    seeds: str
    """How far runs of equal settings are apart, in words; empty where none was repeated."""


@dataclass(frozen=True, slots=True)
class _Run:
    record: RunRecord
    settings: dict[str, str]

    @property
    def model(self) -> str:
        return self.record.model or self.record.run_id


def sweeps(leaderboard: Leaderboard) -> list[Sweep]:
    """One for each set of tasks over which something but the seed was varied."""
    groups: dict[tuple[str, ...], list[_Run]] = {}
    for run in leaderboard.runs:
        if run.status == "finished":
            tasks = tuple(task.task for task in run.tasks)
            groups.setdefault(tasks, []).append(_Run(run, _settings(run)))
    every = (_sweep(tasks, runs, leaderboard.artifacts_root) for tasks, runs in groups.items())
    return [sweep for sweep in every if sweep.settings]


def explained_share(trials: Sequence[Trial]) -> float | None:
    """The sum of squares between the values divided by the total one; None where it is unknown."""
    by_value: dict[str, list[float]] = {}
    for trial in trials:
        by_value.setdefault(trial.value, []).append(trial.score)
    scores = [trial.score for trial in trials]
    mean = math.fsum(scores) / len(scores)
    total = math.fsum((score - mean) ** 2 for score in scores)
    if total == 0 or max(map(len, by_value.values())) < 2:
        return None
    between = math.fsum(
        len(equal) * (math.fsum(equal) / len(equal) - mean) ** 2 for equal in by_value.values()
    )
    return between / total


def _settings(run: RunRecord) -> dict[str, str]:
    settings = map(parse_override, run.overrides)
    return {name: value for name, value in settings if name not in NOT_SETTINGS}


def _sweep(tasks: tuple[str, ...], runs: Sequence[_Run], artifacts_root: Path) -> Sweep:
    names = dict.fromkeys(name for run in runs for name in run.settings)
    varied = [name for name in names if len({run.settings.get(name) for run in runs}) > 1]
    settings = _merged(_setting(name, runs, artifacts_root) for name in varied)
    settings.sort(key=lambda setting: -(setting.explained or 0.0))
    return Sweep(", ".join(tasks), tuple(settings), _seed_sentence(runs, artifacts_root))


def _merged(settings: Iterable[Setting | None]) -> list[Setting]:
    """The settings with several values; those that split the runs in the same way are one."""
    groups: dict[tuple[str, tuple[int, ...]], list[Setting]] = {}
    for setting in settings:
        if setting is not None and len(setting.means) > 1:
            values = [trial.value for trial in setting.trials]
            split = tuple(map(values.index, values))
            groups.setdefault((setting.measure, split), []).append(setting)
    return [
        replace(first, together=tuple(other.name for other in others))
        for first, *others in groups.values()
    ]


def _setting(name: str, runs: Sequence[_Run], artifacts_root: Path) -> Setting | None:
    """None where no run has a score."""
    is_of_training = all(len(values) == 1 for values in _values_by_model(name, runs))
    measure, score = _by_validation if is_of_training else _by_test(runs)
    trials = []
    seen: set[str] = set()
    for run in runs:
        value = score(run.record, artifacts_root)
        if value is None or (is_of_training and run.model in seen):
            continue
        seen.add(run.model)
        chosen = run.settings.get(name, "default")
        trials.append(Trial(chosen, value, f"{run.record.run_id}: {chosen}, {value:.4g}"))
    if not trials:
        return None
    means = tuple(
        (value, sum(trial.value == value for trial in trials), mean)
        for value in ordered_values([trial.value for trial in trials])
        if (mean := mean_of(trials, value)) is not None
    )
    return Setting(name, measure, tuple(trials), explained_share(trials), means)


def _values_by_model(name: str, runs: Sequence[_Run]) -> list[set[str | None]]:
    """The values of a setting over the runs of each model."""
    values: dict[str, set[str | None]] = {}
    for run in runs:
        values.setdefault(run.model, set()).add(run.settings.get(name))
    return list(values.values())


Score = Callable[[RunRecord, Path], float | None]


def _validation(run: RunRecord, artifacts_root: Path) -> float | None:
    training = find_training(run.model, artifacts_root=artifacts_root)
    best = None if training is None else training.best_validation_metric
    return None if best is None else shown_metric(best, run)


_by_validation: tuple[str, Score] = (ON_VALIDATION, _validation)


def _by_test(runs: Sequence[_Run]) -> tuple[str, Score]:
    """The main metric of the first test set of the runs' first task."""
    task = next((task for run in runs for task in run.record.tasks if task.test_sets), None)
    if task is None or task.main_metric is None:
        return "score", lambda run, artifacts_root: None
    test_set, main = task.test_sets[0], task.main_metric

    def score(run: RunRecord, artifacts_root: Path) -> float | None:
        for entry in run.scores:
            if (entry.task, entry.test_set, entry.kind) == (task.task, test_set, "trained"):
                subsets = read_scores(entry.scores, artifacts_root=artifacts_root)
                scores = None if isinstance(subsets, str) else subsets.get("all")
                metric = None if scores is None else scores.metrics.get(main)
                return None if metric is None else metric.value
        return None

    return f"{main} of {task.task}, {test_set}", score


def _seed_sentence(runs: Sequence[_Run], artifacts_root: Path) -> str:
    deviations = list(_seed_deviations(runs, artifacts_root))
    if not deviations:
        return ""
    pooled = math.sqrt(math.fsum(deviation**2 for deviation in deviations) / len(deviations))
    plural = "" if len(deviations) == 1 else "s"
    return (
        f"Seeds alone: trainings of equal settings have a standard deviation of {pooled:.2g} in "
        f"their {ON_VALIDATION} (pooled over {len(deviations)} setting{plural}); a difference "
        "no larger than that says nothing."
    )


def _seed_deviations(runs: Sequence[_Run], artifacts_root: Path) -> Iterator[float]:
    """The standard deviation over the trainings of equal settings, where there are several."""
    names = sorted(
        name
        for name in {name for run in runs for name in run.settings}
        if all(len(values) == 1 for values in _values_by_model(name, runs))
    )
    scores: dict[tuple[str, ...], dict[str, float]] = {}
    for run in runs:
        value = _validation(run.record, artifacts_root)
        if value is not None:
            settings = tuple(run.settings.get(name, "") for name in names)
            scores.setdefault(settings, {})[run.model] = value
    for by_model in scores.values():
        if len(by_model) > 1:
            yield statistics.stdev(by_model.values())


def mean_of(trials: Sequence[Trial], value: str) -> float | None:
    """The mean score of one value; None where no trial has it."""
    scores = [trial.score for trial in trials if trial.value == value]
    return math.fsum(scores) / len(scores) if scores else None


def ordered_values(values: Sequence[str]) -> list[str]:
    """Each value once: numbers by their size, words as they came."""
    distinct = list(dict.fromkeys(values))
    numbers = {value: finite_number(value) for value in distinct}
    if all(number is not None for number in numbers.values()):
        return sorted(distinct, key=lambda value: numbers[value] or 0.0)
    return distinct


def finite_number(value: str) -> float | None:
    """The value as a number; None for words and for numbers that are not finite."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
