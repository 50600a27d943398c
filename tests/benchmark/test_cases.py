"""Cases at tiny sizes: the checks that come before a measurement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mtnlg.benchmark import decoding, measurement, scoring, training
from mtnlg.benchmark.decoding import CASES, FLOAT, HUGGING_FACE, INTEGER, Decoders
from mtnlg.benchmark.measurement import DifferentOutputError, Row
from mtnlg.benchmark.workbench import Workbench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A benchmark of one alternation at sizes for tests."""
    threads = torch.get_num_threads()
    yield Workbench(tmp_path_factory.mktemp("benchmark"), repeats=1, is_quick=True)
    torch.set_num_threads(threads)


def test_our_loss_is_that_of_transformers_and_another_is_refused(bench: Workbench) -> None:
    """Oracle: GPT-2 of transformers with the same weights, then with others."""
    pytest.importorskip("transformers")
    dataset = bench.ragged()
    theirs = training.Theirs(bench, "quick", dataset)

    assert "apart" in training.check_losses(bench.model("quick"), dataset, theirs)

    with pytest.raises(DifferentOutputError, match="the loss is"):
        training.check_losses(bench.model("quick", deviation=0.2), dataset, theirs)


def test_both_trainers_count_the_same_target_tokens(bench: Workbench) -> None:
    """Oracle: sequences of 512 tokens have 510 labels each, 8 of them a step."""
    pytest.importorskip("transformers")
    dataset = bench.blocks()
    ours = training.train_ours(bench, "quick", dataset, num_steps=1)
    theirs = training.Theirs(bench, "quick", dataset).train(num_steps=1, num_rows=8)

    assert ours.cost.work == theirs.work == 8 * 510
    assert ours.flops > 0
    assert min(ours.cost.processor, theirs.processor) > 0


def test_outputs_of_transformers_are_ours_and_a_missing_peer_is_skipped(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: `generate` of transformers."""
    pytest.importorskip("transformers")
    monkeypatch.setitem(measurement.PACKAGES, "CTranslate2", "no_such_package")
    given = Decoders(bench, "quick")

    rows = [*decoding.decode_case(lambda: given, "quick", "beam 5", *CASES["beam 5"])]

    by_peer = {row.peer: row for row in rows}
    assert by_peer[HUGGING_FACE].status == "measured"
    assert by_peer[HUGGING_FACE].check == "8 of 8 outputs equal"
    assert {by_peer[peer].status for peer in (FLOAT, INTEGER)} == {"skipped"}
    lengths = {len(ids) for ids in given.decoders["ours"](given.material.prompts, 1, 64)}
    assert len(lengths) > 1


def test_peer_with_other_outputs_is_named_and_not_measured(bench: Workbench) -> None:
    """Oracle: a decoder that is wrong by design."""
    pytest.importorskip("transformers")
    given = Decoders(bench, "quick")
    given.decoders[HUGGING_FACE] = lambda prompts, beams, rows: [[1]] * len(prompts)

    rows = [*decoding.decode_case(lambda: given, "quick", "greedy", *CASES["greedy"])]

    wrong: Row = next(row for row in rows if row.peer == HUGGING_FACE)
    assert wrong.status == "differs"
    assert "0 of 8" in wrong.check
    assert not wrong.processor


def test_scores_of_sacrebleu_are_ours(bench: Workbench, tmp_path: Path) -> None:
    """Oracle: the command of sacreBLEU."""
    (row,) = scoring.one_system(bench, "BLEU + chrF", "sacreBLEU", 30, False)

    assert row.check.startswith("both score ")
    assert len(row.processor) == len(row.wall) == 1
