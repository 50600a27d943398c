"""Statistics in chunks and processes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mtnlg.evaluation import METRICS, Texts, measure, measurement
from mtnlg.evaluation.measurement import measure_systems
from mtnlg.progress import Task

NUM_ROWS = 53
WORDS = ["a", "bb", "ccc", "猫", "坐"]


def made_systems() -> list[Texts]:
    """Two systems on the same references."""
    generator = random.Random(7)

    def text() -> str:
        return " ".join(generator.choices(WORDS, k=generator.randrange(1, 12)))

    outputs = [[text() for _ in range(NUM_ROWS)] for _ in range(2)]
    references = [[text() for _ in range(1 + row % 2)] for row in range(NUM_ROWS)]
    sources = [text() for _ in range(NUM_ROWS)]
    return [Texts(texts, references, language="zh", sources=sources) for texts in outputs]


@pytest.mark.parametrize("num_processes", [1, 2])
def test_statistics_do_not_depend_on_chunks_and_processes(
    monkeypatch: pytest.MonkeyPatch, num_processes: int
) -> None:
    """Oracle: measure, with all rows at once in this process. The second system has no ROUGE-L."""
    systems, task = made_systems(), Task("rows", NUM_ROWS)
    wanted = {name: [0, 1] for name in METRICS} | {"rougeL": [0]}
    monkeypatch.setattr(measurement, "CHUNK_ROWS", 10)

    measured = measure_systems(systems, wanted, num_processes=num_processes, task=task)

    assert task.done == NUM_ROWS
    assert list(measured) == list(METRICS)
    for name, arrays in measured.items():
        expected = [measure(METRICS[name], systems[index]) for index in wanted[name]]
        assert len(arrays) == len(expected)
        assert all(map(np.array_equal, arrays, expected))
