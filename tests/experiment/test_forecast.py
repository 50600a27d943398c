"""What `--dry-run` says of a launch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from made_training import small_config
from mtnlg.experiment.forecast import forecast
from mtnlg.records.runs import RunRecord, write_run


def test_stage_that_jobs_share_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: by hand, from the times of an earlier run: 100 s to prepare, 30 s to train, 5 s to
    decode; two seeds, the second also with another decoding.
    """
    monkeypatch.chdir(tmp_path)
    built = {"prepare": 100, "train": 30, "generate": 5}
    write_run(Path("runs/old/x"), RunRecord("x", "finished", None, "small", built=built))
    first = replace(small_config(), seed=1)
    second = replace(first, seed=2)
    third = replace(second, decoding=replace(second.decoding, max_new_tokens=9))

    lines = forecast(
        dict(enumerate([first, second, third])),
        dict(enumerate(["seed=1", "seed=2", "seed=2 nine"])),
        last_stage="generate",
        num_parallel=1,
    )

    assert lines[1].split()[-4:] == ["build", "build", "build", "0:02:15"]
    assert lines[2].split()[-6:] == ["of", "job", "1", "build", "build", "0:00:35"]
    assert lines[3].split()[-8:] == [*["of", "job", "1", "of", "job", "2"], "build", "0:00:05"]
    assert "about 0:02:55" in lines[-1]
