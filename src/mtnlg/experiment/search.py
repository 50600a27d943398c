"""A search by Optuna (Akiba et al. 2019): trials are asked for, run as jobs of one launch, and told
what they reached.

A search has no state to lose. Asked again with the same seed it asks for the same trials, whose
finished runs are read, not run, and goes on after them.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import OmegaConf
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from mtnlg.config.checks import require
from mtnlg.errors import ConfigError
from mtnlg.experiment.compose import load_composed
from mtnlg.experiment.naming import experiment_name
from mtnlg.records.places import experiment_folder
from mtnlg.records.runs import STANDING, RunRecord

logger = logging.getLogger(__name__)

Space = dict[str, BaseDistribution]
"""Setting -> the values that it may have."""


def run_search(sweeper: Any, arguments: Sequence[str]) -> None:
    """Run the trials that the sweeper's settings and the command line ask for."""
    _check(sweeper)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    params = [f"{key}={value}" for key, value in sweeper.params.items()]
    fixed, space = search_space([*params, *arguments])
    config = load_composed(sweeper.compose([*fixed, *_words(_first_values(space))]))
    name, artifacts_root = experiment_name(config), Path(config.artifacts_root)
    fixed.append(f"name={name}")
    sweeper.ours.shared_words = frozenset(fixed)
    with _study(sweeper, experiment_folder(Path(config.runs_root), name)) as (study, file):
        while (start := len(study.trials)) < sweeper.n_trials:
            size = min(sweeper.n_jobs, sweeper.n_trials - start)
            trials = [study.ask(dict(space)) for _ in range(size)]
            words = [[*fixed, *_words(trial.params), *_of_trial(trial, file)] for trial in trials]
            jobs = sweeper.planned(words, start)
            if not jobs:  # a dry run, or only the report was asked for
                return
            sweeper.launcher.launch(words, initial_job_idx=start)
            for trial, job in zip(trials, jobs, strict=True):
                _tell(study, trial, job.record, artifacts_root=artifacts_root)
        _say_best(study)


def search_space(words: Sequence[str]) -> tuple[list[str], Space]:
    """The words with one value, and the values that the others may have; the last word of a setting
    counts. Raises ConfigError where nothing is left to search.
    """
    last = {word.key_or_group: word for word in OverridesParser.create().parse_overrides([*words])}
    space = {
        word.get_key_element(): _distribution(word)
        for word in last.values()
        if word.is_sweep_override()
    }
    if not space:
        raise ConfigError(
            "hydra.sweeper.params: no setting has several values; write one, as in "
            "optimizer.learning_rate='tag(log, interval(1e-4, 1e-2))'"
        )
    fixed = [word.input_line for word in last.values() if not word.is_sweep_override()]
    return [line for line in fixed if line is not None], space


def _distribution(word: Override) -> BaseDistribution:
    """The values of `choice`, `range` and `interval`, as hydra-optuna-sweeper reads them: ends
    included, whole numbers between whole numbers, and `tag(log, ...)`.
    """
    sweep: Any = word.value()
    if not isinstance(sweep, IntervalSweep | RangeSweep):
        return CategoricalDistribution(list(word.sweep_string_iterator()))
    low, high, step = _ends(sweep)
    is_log = "log" in sweep.tags
    try:
        if all(isinstance(number, int) for number in (low, high, step or 1)):
            return IntDistribution(low, high, log=is_log, step=1 if is_log else step or 1)
        return FloatDistribution(low, high, log=is_log, step=None if is_log else step)
    except ValueError as error:
        raise ConfigError(f"{word.input_line}: {error}") from None


def _ends(sweep: IntervalSweep | RangeSweep) -> tuple[Any, Any, Any]:
    """The lowest and the highest value, and the step, if any."""
    if isinstance(sweep, RangeSweep):
        return sweep.start, sweep.stop, sweep.step
    return sweep.start, sweep.end, None


def _first_values(space: Space) -> dict[str, Any]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return study.ask(space).params


def _words(params: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in params.items()]


def _of_trial(trial: optuna.Trial, file: Path | None) -> list[str]:
    """The word that lets a training be pruned."""
    if file is None:
        return []
    quoted = str(file).replace("\\", "\\\\").replace("'", "\\'")
    return [f"trial='{quoted}#{trial.number}'"]


def _check(settings: Any) -> None:
    """Raise ConfigError for settings of the sweeper that make no search."""
    for name in ("n_trials", "n_jobs"):
        value = getattr(settings, name)
        is_count = isinstance(value, int) and value > 0
        require(is_count, f"hydra.sweeper.{name}", value, "a whole number >= 1")
    is_waiting = getattr(settings.launcher, "is_waiting", True)
    allowed = "true in a search, which must know what its trials reached"
    require(is_waiting, "hydra.launcher.is_waiting", is_waiting, allowed)
    allowed = "maximize: a run's objective is its validation metric, or its negated loss"
    require(
        settings.direction == "maximize", "hydra.sweeper.direction", settings.direction, allowed
    )


@contextmanager
def _study(settings: Any, folder: Path) -> Iterator[tuple[optuna.Study, Path | None]]:
    """A new study; with a pruner also the file where the trainings read it, until it is over."""
    from mtnlg.training.pruning import build_part, new_study

    sampler = build_part(_plain(settings.sampler, "optuna.samplers"), optuna.samplers)
    if settings.pruner is None:
        yield optuna.create_study(direction="maximize", sampler=sampler), None
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".study-", suffix=".log", dir=folder)
    os.close(handle)
    file = Path(name).absolute()
    try:
        yield new_study(file, sampler, _plain(settings.pruner, "optuna.pruners")), file
    finally:
        file.unlink(missing_ok=True)


def _plain(settings: Any, module: str) -> dict[str, Any]:
    """The settings of a part of Optuna, of which a name alone is enough."""
    if isinstance(settings, str):
        return {"_target_": f"{module}.{settings.removeprefix(f'{module}.')}"}
    plain: Any = OmegaConf.to_container(OmegaConf.create(settings), resolve=True)
    return dict(plain)


def _tell(
    study: optuna.Study, trial: optuna.Trial, run: RunRecord, *, artifacts_root: Path
) -> None:
    """Tell the study what became of a trial."""
    if run.status not in STANDING or run.objective is None:
        study.tell(trial, state=TrialState.FAIL)
        return
    known = study.trials[trial.number].intermediate_values
    for step, value in run.validations or _validations(run.model, artifacts_root):
        if step not in known:  # an earlier command trained it
            trial.report(value, step)
    if run.status == "pruned":
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, run.objective)


def _validations(model: str | None, artifacts_root: Path) -> list[tuple[int, float]]:
    """Each validation of a training by its step: the metric, or the negated loss."""
    from mtnlg.leaderboard.curves import read_table

    rows = read_table(model, artifacts_root=artifacts_root)
    return [
        (int(row["step"]), float(row["validation_metric"] or -float(row["validation_loss"])))
        for row in rows
        if row.get("validation_loss")
    ]


def _say_best(study: optuna.Study) -> None:
    done = study.get_trials(states=(TrialState.COMPLETE,))
    if done:
        best = study.best_trial
        words = " ".join(_words(best.params))
        logger.info(f"best of {len(done)} trials: number {best.number}, {best.value:.4g}: {words}")
