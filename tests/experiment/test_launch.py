"""What a launch writes down of its jobs before they start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_launch import made_training, put_json
from made_training import small_config
from mtnlg.experiment import run
from mtnlg.experiment.compose import thaw
from mtnlg.experiment.launch import Launch, swept_words
from mtnlg.experiment.run import Existing, has_finished
from mtnlg.records.runs import RunArtifacts, RunRecord, write_run


@pytest.mark.parametrize(
    ("jobs", "shared", "labels"),
    [
        (["a=1 b=1", "a=1 b=2"], None, ["b=1", "b=2"]),
        (["a=1 b=1"], None, ["a=1 b=1"]),
        (["a=1 b=1 c=1", "a=1 b=1 c=2"], {"a=1"}, ["b=1 c=1", "b=1 c=2"]),
        (["a=1 b=1"], {"a=1"}, ["b=1"]),
        (["b=0.0012345678", "b=0.5"], {"a=1"}, ["b=0.001235", "b=0.5"]),
        (["a=1 trainer.num_workers=2"], None, ["a=1"]),
    ],
)
def test_label_has_what_not_all_jobs_share(
    jobs: list[str], shared: set[str] | None, labels: list[str]
) -> None:
    """Oracle: by hand; a batch of a search knows what all its trials share."""
    words = dict(enumerate(job.split() for job in jobs))

    assert swept_words(words, shared) == dict(enumerate(labels))


@pytest.mark.parametrize(("is_elsewhere", "is_known"), [(True, False), (False, True)])
def test_threads_are_those_of_the_machine_that_runs_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_elsewhere: bool, is_known: bool
) -> None:
    """Oracle: the frozen configuration; a cluster's jobs leave the number to their machine."""
    monkeypatch.chdir(tmp_path)
    launch = Launch("run", [], is_sweep=True, is_elsewhere=is_elsewhere)

    (job,) = launch.plan({0: (small_config(num_threads=None), [])})

    assert (thaw(job.file).trainer.num_threads is not None) == is_known


def test_finished_run_is_looked_up_with_the_threads_that_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the number in training.json, which is that of no machine here."""
    monkeypatch.chdir(tmp_path)
    config = small_config(num_threads=None)
    folder = run.run_folder(config)
    asked = run._asked(config, folder)
    made: RunRecord = replace(asked, status="finished", artifacts=RunArtifacts(model="d" * 16))
    write_run(folder, made)
    put_json(
        tmp_path / "artifacts" / "model" / ("d" * 16) / "training.json", made_training(threads=77)
    )
    looked_up: list[int | None] = []

    def look_up(config: Any, last_stage: str) -> Existing:
        looked_up.append(config.trainer.num_threads)
        return Existing()

    monkeypatch.setattr(Existing, "of", look_up)

    assert not has_finished(config)
    assert looked_up == [77]
