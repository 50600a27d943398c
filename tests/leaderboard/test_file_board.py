"""Boards of files: order, values, labels, and what is left out with which reason.

Values are those of sacreBLEU; labels and reasons are written out by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sacrebleu.metrics import CHRF
from sacrebleu.metrics.bleu import BLEU

from mtnlg.evaluation import METRICS, Resampling, find_metric
from mtnlg.leaderboard import file_board
from mtnlg.leaderboard.file_board import SamplesFolder, build_file_board
from mtnlg.leaderboard.file_inputs import Inputs, Settings
from mtnlg.leaderboard.model import Board
from mtnlg.leaderboard.samples import board_samples
from mtnlg.process.progress import Task
from mtnlg.records.rows import read_predictions
from mtnlg.records.text_files import TextFile

REFERENCES = [
    "the cat sat on the mat all day",
    "we bought three red apples at the market",
    "the train to the sea leaves at nine",
]
GOOD = [REFERENCES[0], "we bought two red apples at the market", REFERENCES[2]]
BAD = ["a cat", "three apples at the market", "the train leaves"]
TOO_LONG = "word " * 2_001
"""One token more than TER is computed for."""


def made_file(path: str, lines: Sequence[str]) -> TextFile:
    """A file with an empty line after each line of text."""
    return TextFile(path, [(line,) for line in lines], range(1, 2 * len(lines), 2))


def made_inputs(
    *systems: Sequence[str],
    paths: Sequence[str] = (),
    references: Sequence[str] = REFERENCES,
    sources: Sequence[str] | None = None,
) -> Inputs:
    names = paths or [f"{letter}.txt" for letter in "abc"[: len(systems)]]
    return Inputs(
        hypotheses=[made_file(*pair) for pair in zip(names, systems, strict=True)],
        references=[made_file("ref.txt", references)],
        sources=None if sources is None else made_file("src.txt", sources),
        targets=[(text,) for text in references],
    )


def built(
    inputs: Inputs,
    *metrics: str,
    main_metric: str | None = None,
    language: str = "en",
    samples: SamplesFolder | None = None,
) -> Board:
    settings = Settings(
        metrics=tuple(map(find_metric, metrics)),
        main_metric=main_metric,
        language=language,
        num_trials=50,
        resampling=Resampling(num_resamples=20, seed=3),
    )
    return build_file_board(inputs, settings, task="translation", samples=samples)


def test_systems_are_ranked_by_the_first_metric() -> None:
    board = built(made_inputs(BAD, GOOD), "bleu", "ter")

    assert board.test_set == "ref.txt"
    assert [(row.label, row.rank) for row in board.rows] == [("b.txt", 1), ("a.txt", 2)]
    for row, outputs in zip(board.rows, (GOOD, BAD), strict=True):
        expected = BLEU().corpus_score(outputs, [REFERENCES]).score
        assert row.metrics["bleu"].value == pytest.approx(expected)
        assert row.reason is None
    assert {name: len(tests.comparisons) for name, tests in board.tests.items()} == {
        "bleu": 1,
        "ter": 1,
    }
    (comparison,) = board.comparisons
    assert comparison.test == "paired approximate randomization, 50 trials, seed 3"


def test_output_beyond_the_longest_leaves_one_metric_of_its_system_out() -> None:
    board = built(made_inputs(GOOD, [BAD[0], TOO_LONG, BAD[2]]), "ter", "bleu")

    assert board.metric_names == ("bleu", "ter"), "a metric of all systems comes first"
    first, second = board.rows
    assert (first.label, first.left_out, list(first.metrics)) == ("a.txt", {}, ["bleu", "ter"])
    assert second.left_out == {
        "ter": "b.txt:3 has 2001 tokens; ter is computed for at most 2000",
    }
    assert second.reason == f"left out: ter: {second.left_out['ter']}"
    assert list(second.metrics) == ["bleu"]
    assert board.tests["ter"].not_tested == {"a.txt": "no other system can be tested"}


def test_reference_beyond_the_longest_leaves_the_metric_out_of_all_systems() -> None:
    references = [REFERENCES[0], TOO_LONG, REFERENCES[2]]

    board = built(made_inputs(GOOD, BAD, references=references), "bleu", "ter")

    reason = "ref.txt:3 has 2001 tokens; ter is computed for at most 2000"
    assert [row.left_out for row in board.rows] == [{"ter": reason}] * 2


def test_main_metric_is_first_even_where_a_system_lacks_it() -> None:
    board = built(made_inputs(BAD, [GOOD[0], TOO_LONG, GOOD[2]]), "bleu", "ter", main_metric="ter")

    assert board.metric_names == ("ter", "bleu")
    assert [(row.label, row.rank) for row in board.rows] == [("a.txt", 1), ("b.txt", None)]


def test_metric_that_cannot_run_is_left_out_of_all_systems() -> None:
    board = built(made_inputs(GOOD, BAD), "meteor", "bleu", language="de")

    reason = "not run: METEOR's stems and synonyms are English, not de"
    assert [row.left_out for row in board.rows] == [{"meteor": reason}] * 2
    assert board.main_metric == "bleu"


def test_metric_without_an_interval_is_not_tested() -> None:
    board = built(made_inputs(GOOD, BAD), "bleu", "distinct1")

    reason = METRICS["distinct1"].interval_reason
    assert board.tests["distinct1"].not_tested == {"a.txt": reason, "b.txt": reason}
    assert all(row.metrics["distinct1"].interval_reason == reason for row in board.rows)


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["x/a.txt", "x/b.txt"], ["a.txt", "b.txt"]),
        (["x/a.txt", "y/a.txt", "b.txt"], ["x/a.txt", "y/a.txt", "b.txt"]),
        (["1/x/a.txt", "2/x/a.txt", "2/y/a.txt"], ["1/x/a.txt", "2/x/a.txt", "y/a.txt"]),
        (["a.txt", "a.txt", "b.txt"], ["a.txt (1)", "a.txt (2)", "b.txt"]),
    ],
)
def test_label_has_as_much_of_the_path_as_makes_it_unique(
    paths: list[str], labels: list[str]
) -> None:
    assert made_inputs(*[GOOD] * len(paths), paths=paths).labels == labels


def test_samples_are_outputs_of_lines_at_even_distances_with_their_values(tmp_path: Path) -> None:
    """Oracle: chrF of sacreBLEU, sentence by sentence."""
    inputs = made_inputs(GOOD, BAD, sources=["eins", "zwei", "drei"])

    board = built(inputs, "exact_match", "chrf", samples=SamplesFolder(tmp_path, 2))

    folders = sorted((tmp_path / "predictions").iterdir())
    assert [folder.name for folder in folders] == ["system-1", "system-2"]
    for folder, outputs in zip(folders, (GOOD, BAD), strict=True):
        rows = read_predictions(folder / "predictions.jsonl")
        assert [(row.id, row.source, row.references, row.prediction) for row in rows] == [
            ("line 1", "eins", (REFERENCES[0],), outputs[0]),
            ("line 3", "zwei", (REFERENCES[1],), outputs[1]),
        ]
    shown = board_samples(board, artifacts_root=tmp_path, num_samples=2).samples
    for place, sample in enumerate(shown):
        by_label = {output.label: output.values for output in sample.outputs}
        for label, outputs in (("a.txt", GOOD), ("b.txt", BAD)):
            chrf = CHRF().sentence_score(outputs[place], [REFERENCES[place]]).score
            assert by_label[label]["chrf"] == pytest.approx(chrf, abs=0.005)
            is_exact = outputs[place] == REFERENCES[place]
            assert by_label[label]["exact_match"] == 100 * is_exact


NUM_CHARACTERS = sum(map(len, [*GOOD, *BAD]))
MEASURED, COMPARED = "measured rows", "compared systems by metric"


@pytest.mark.parametrize(
    ("long_work", "titles"),
    [
        (2 * 2**2 * 3 - 1, [MEASURED, COMPARED]),
        (2 * 2**2 * 3, [MEASURED]),
        (2 * NUM_CHARACTERS - 1, [MEASURED]),
        (2 * NUM_CHARACTERS, []),
    ],
)
def test_progress_is_shown_of_long_work(
    monkeypatch: pytest.MonkeyPatch, long_work: int, titles: list[str]
) -> None:
    """Long for two metrics are more characters than the limit, or pairs of systems by rows."""
    shown: list[str] = []

    @contextmanager
    def track(title: str, total: int) -> Iterator[Task]:
        shown.append(title)
        task = Task(title, total)
        yield task
        assert task.done == total

    monkeypatch.setattr(file_board, "track", track)
    monkeypatch.setattr(file_board, "LONG_WORK", long_work)
    monkeypatch.setattr(file_board, "LONG_COMPARISON", long_work)

    built(made_inputs(GOOD, BAD), "bleu", "chrf")

    assert shown == titles
