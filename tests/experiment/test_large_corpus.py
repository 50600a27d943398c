"""A large corpus is prepared, and training on it begins, within the memory of a small machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from large_run import STAGES
from made_corpus import write_corpus
from measured import measure

CORPUS_BYTES = 200_000_000
MAX_BYTES = 1_500_000_000
"""Resident, over all processes of a stage: it must hold for a corpus of two gigabytes too, since no
stage holds more than a few bytes a row."""


@pytest.mark.slow
def test_every_stage_stays_within_the_memory_of_a_small_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the resident memory that the kernel reports for the whole process tree."""
    num_rows = write_corpus(tmp_path / "data", num_bytes=CORPUS_BYTES)
    script = str(Path(__file__).parents[1] / "support" / "large_run.py")

    found = {stage: measure([sys.executable, script, str(tmp_path), stage]) for stage in STAGES}

    with capsys.disabled():
        print(f"\n{num_rows:,} rows, {CORPUS_BYTES:,} bytes")
        for stage, one in found.items():
            print(f"{stage:<10} {one.seconds:8.1f} s {one.peak_bytes / 1e6:8.0f} MB")
    assert {one.return_code for one in found.values()} == {0}
    assert max(one.peak_bytes for one in found.values()) < MAX_BYTES
