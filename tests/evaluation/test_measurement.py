"""Many rows in chunks and processes, against all of them at once."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mtnlg.evaluation import METRICS, measure, measurement
from mtnlg.evaluation.measurement import Chunk, measure_systems
from mtnlg.progress import Task

NUM_ROWS = 53
WORDS = ["a", "bb", "ccc", "猫", "坐"]


def made_chunk() -> Chunk:
    """Two systems; the second has no ROUGE-L."""
    generator = random.Random(7)

    def text() -> str:
        return " ".join(generator.choices(WORDS, k=generator.randrange(1, 12)))

    wanted = {name: [0, 1] for name in METRICS} | {"rougeL": [0]}
    return Chunk(
        hypotheses=[[text() for _ in range(NUM_ROWS)] for _ in range(2)],
        references=[[text() for _ in range(1 + row % 2)] for row in range(NUM_ROWS)],
        sources=[text() for _ in range(NUM_ROWS)],
        language="zh",
        wanted=wanted,
    )


@pytest.mark.parametrize("num_processes", [1, 2])
def test_statistics_do_not_depend_on_chunks_and_processes(
    monkeypatch: pytest.MonkeyPatch, num_processes: int
) -> None:
    """Oracle: measure, with all rows at once in this process."""
    chunk, task = made_chunk(), Task("rows", NUM_ROWS)
    monkeypatch.setattr(measurement, "CHUNK_ROWS", 10)

    found = measure_systems(chunk, num_processes=num_processes, task=task)

    assert task.done == NUM_ROWS
    assert list(found) == list(METRICS)
    for name, arrays in found.items():
        expected = [
            measure(
                METRICS[name],
                chunk.hypotheses[place],
                chunk.references,
                language="zh",
                sources=chunk.sources,
            )
            for place in chunk.wanted[name]
        ]
        assert len(arrays) == len(expected)
        assert all(np.array_equal(one, other) for one, other in zip(arrays, expected, strict=True))
