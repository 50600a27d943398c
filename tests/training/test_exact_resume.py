"""A training that is stopped anywhere and asked for again ends as if nothing had happened. Oracle:
the undisturbed training, bit for bit: weights, optimizer, schedule and averages of the last
checkpoint, the order of the data, and every logged number but times.
"""

from __future__ import annotations

import itertools
from collections import ChainMap
from pathlib import Path
from typing import Any

import pytest
import torch

from mtnlg.config import Accelerator
from mtnlg.errors import InterruptedTrainingError
from stopped_training import MOMENTS, Killed, Watch, differences, trained, trained_in_ranks

OPTIONS: dict[str, dict[str, object]] = {
    "plain": {},
    "two workers": {"num_workers": 2},
    "accumulation": {"accumulation": 2, "batch_tokens": 64},
    "moving average": {"ema_decay": 0.9},
    "mean of the last": {"average_last": 3, "validate_every_steps": 2},
    "R-Drop": {"r_drop": 1.0},
    "BPE-dropout": {"bpe_dropout": 0.2},
    "BPE-dropout, two workers": {"bpe_dropout": 0.2, "num_workers": 2},
    "curriculum and mixture": {"curriculum_steps": 5, "task_temperature": 3.0},
    "steps of target tokens": {"step_target_tokens": 60},
    "rare log": {"log_every_steps": 3},
    "patience": {"patience": 2, "validate_every_steps": 2},
    "Muon": {"muon": True},
}
CHEAP = {("plain", "SIGTERM in step 4"), ("moving average", "killed in a save")}
CASES = [
    pytest.param(option, moment, marks=() if (option, moment) in CHEAP else pytest.mark.slow)
    for option in OPTIONS
    for moment in MOMENTS
    if option == "plain" or not moment.startswith("SIGTERM in step") or moment[-1] in "45"
]


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, dict[str, Any]]:
    """Filled by the first test of each option."""
    return {}


@pytest.mark.parametrize(("option", "moment"), CASES)
def test_stopped_training_ends_as_an_undisturbed_one(
    prepared: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: dict[str, dict[str, Any]],
    option: str,
    moment: str,
) -> None:
    if option not in undisturbed:
        with monkeypatch.context() as patched:
            undisturbed[option] = trained(
                prepared, OPTIONS[option], tmp_path / "whole", Watch(patched)
            )
    watch = Watch(monkeypatch)
    with monkeypatch.context() as patched:
        MOMENTS[moment](patched)
        try:
            trained(prepared, OPTIONS[option], tmp_path / "model", watch)
            assert option == "patience", "it was not stopped"
        except (Killed, InterruptedTrainingError):
            torch.manual_seed(99)

    resumed = trained(prepared, OPTIONS[option], tmp_path / "model", watch)

    whole = undisturbed[option]
    assert resumed["order"] == whole["order"]
    assert resumed["curve"] == whole["curve"]
    assert differences(whole["state"], resumed["state"]) == []
    assert resumed["record"] == whole["record"]
    assert resumed["weights"] == whole["weights"]


STOPS = {
    "the first step": ["SIGTERM in the first step", "killed in the first step"],
    "the middle of an epoch": ["SIGTERM in step 4", "killed in the middle of an epoch"],
    "the end of an epoch": [f"SIGTERM in step {step}" for step in (2, 3, 5, 6, 7)],
    "a validation": ["SIGTERM in a validation", "killed in a validation"],
    "a save": ["killed in a save"],
}
FACTORS: dict[str, list[dict[str, object]]] = {
    "workers": [{}, {"num_workers": 2}],
    "accumulation": [{}, {"accumulation": 2, "batch_tokens": 64}],
    "averages": [{}, {"ema_decay": 0.9}, {"average_last": 3, "validate_every_steps": 2}],
    "R-Drop": [{}, {"r_drop": 1.0}],
    "BPE-dropout": [{}, {"bpe_dropout": 0.2}],
    "curriculum": [{}, {"curriculum_steps": 5, "task_temperature": 3.0}],
}


def pairwise() -> list[tuple[str, dict[str, object]]]:
    """Stops with settings so that each two levels of any two factors, of which the stop is one,
    meet at least once: the row with most new pairs, again and again.
    """
    sizes = [len(STOPS), *map(len, FACTORS.values())]
    rows = list(itertools.product(*map(range, sizes)))
    pairs = [set(itertools.combinations(enumerate(row), 2)) for row in rows]
    missing, chosen = set().union(*pairs), []
    while missing:
        index = max(range(len(rows)), key=lambda index: len(pairs[index] & missing))
        missing -= pairs[index]
        chosen.append(rows[index])
    names, levels = list(STOPS), list(FACTORS.values())
    return [
        (names[stop], dict(ChainMap(*map(list.__getitem__, levels, row)))) for stop, *row in chosen
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "settings"), pairwise())
def test_training_in_two_processes_ends_as_an_undisturbed_one(
    prepared: Any, tmp_path: Path, stop: str, settings: dict[str, object]
) -> None:
    """Any two levels of stop, workers, accumulation, averages, R-Drop, BPE-dropout and curriculum
    meet in one of the rows of `pairwise`; each row tries all moments of its stop.
    """
    settings = {**settings, "devices": 2, "accelerator": Accelerator.cpu}
    whole = trained_in_ranks(prepared, settings, tmp_path / "whole")
    for moment in STOPS[stop]:
        folder = tmp_path / moment.replace(" ", "-")
        assert trained_in_ranks(prepared, settings, folder, moment=moment) is None

        again = trained_in_ranks(prepared, settings, folder)

        assert whole is not None
        assert again is not None
        for name in ("orders", "curve", "record", "weights"):
            assert again[name] == whole[name], (moment, name)
        assert differences(whole["state"], again["state"]) == []
