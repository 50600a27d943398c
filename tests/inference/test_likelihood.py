"""Likelihoods of given targets: by hand, and as training counts its validation loss."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtnlg.config import DecodingConfig, OptimizerConfig, TaskKind, TrainerConfig
from mtnlg.inference import PromptBuilder, likelihood
from mtnlg.inference.likelihood import Likelihood, bits_per_byte, target_likelihoods
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration as Pretrained
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Row
from mtnlg.tokenization.tokens import read_token_split, write_token_split
from mtnlg.training.data import SequenceDataset, TaskSplit
from mtnlg.training.module import TransformerModule, ValidationMetric
from mtnlg.training.plan import MicroBatch

SOURCES = ["the red cat", "a dog", "how are you? " * 9, "", "cat"]
TARGETS = ["一只红猫", "a dog", "fine", "x", "a dog sees you " * 6]
TOLERANCE = 1e-4
"""float32; a sum of some twenty log-probabilities."""


def likelihoods(pretrained: Pretrained, *, batch_tokens: int = 16_384) -> list[Likelihood]:
    builder = PromptBuilder(pretrained.tokenizer, pretrained.model.config.context_length)
    return target_likelihoods(
        pretrained.model,
        builder,
        SOURCES,
        TARGETS,
        pretrained.find_task("captions"),
        batch_tokens=batch_tokens,
    )


@torch.inference_mode()
def test_nats_are_the_log_softmax_of_each_token_summed(pretrained: Pretrained) -> None:
    """Oracle: one forward pass a token, over `<marker> source <sep>` and the target so far."""
    tokenizer, task = pretrained.tokenizer, pretrained.find_task("captions")

    found = likelihoods(pretrained)

    for source, target, one in list(zip(SOURCES, TARGETS, found, strict=True))[:2]:
        prompt = [tokenizer.marker_id(task.marker), *tokenizer.encode(source)]
        ids = [*prompt, tokenizer.separator_id]
        nats = 0.0
        for token in [*tokenizer.encode(target), tokenizer.end_id]:
            nats -= float(pretrained.model(torch.tensor([ids]))[0, -1].log_softmax(-1)[token])
            ids.append(token)
        assert one.nats == pytest.approx(nats, abs=TOLERANCE)
        assert one.num_bytes == len(target.encode())
        assert not one.is_cut


@pytest.mark.parametrize("is_prefix_bidirectional", [False, True])
@torch.inference_mode()
def test_nats_equal_those_of_validation(
    pretrained: Pretrained, tmp_path: Path, is_prefix_bidirectional: bool
) -> None:
    """Oracle: the loss of the training module on each example, cut sources and targets too."""
    pretrained.model.config.is_prefix_bidirectional = is_prefix_bidirectional
    rows = [
        Row(str(place), source, (target,))
        for place, (source, target) in enumerate(zip(SOURCES, TARGETS, strict=True))
    ]
    write_jsonl(tmp_path / "validation.jsonl", (row.to_json() for row in rows))
    write_token_split(tmp_path / "validation.jsonl", tmp_path, pretrained.tokenizer)
    split = TaskSplit(
        pretrained.find_task("captions"), read_token_split(tmp_path, "validation"), weight=1.0
    )
    data = SequenceDataset(
        [split], PromptBuilder(pretrained.tokenizer, pretrained.model.config.context_length)
    )
    module = TransformerModule(
        pretrained.model,
        OptimizerConfig(),
        TrainerConfig(label_smoothing=0.0),
        ValidationMetric([], pretrained.tokenizer, DecodingConfig()),
    )

    found = likelihoods(pretrained)

    expected = [
        float(module.nats(data[MicroBatch((place,), 1)], label_smoothing=0.0))
        for place in range(len(rows))
    ]
    assert [one.nats for one in found] == pytest.approx(expected, abs=TOLERANCE)


def test_likelihoods_depend_on_no_batch(pretrained: Pretrained) -> None:
    together = likelihoods(pretrained)

    for batch_tokens in (1, 60):
        apart = likelihoods(pretrained, batch_tokens=batch_tokens)

        assert [one.nats for one in apart] == pytest.approx(
            [one.nats for one in together], abs=TOLERANCE
        )


def test_bytes_of_a_cut_target_are_those_that_were_read(pretrained: Pretrained) -> None:
    """Oracle: the text of the kept tokens, all of them ASCII here."""
    kept = pretrained.tokenizer.encode(TARGETS[4])[: pretrained.model.config.context_length // 2]

    found = likelihoods(pretrained)

    assert [one.is_cut for one in found] == [False] * 4 + [True]
    assert found[4].num_bytes == len(pretrained.tokenizer.decode(kept))


def test_bits_per_byte_are_those_of_all_bytes_together() -> None:
    """Oracle: by hand; not the mean of 1 and 4."""
    found = bits_per_byte(
        [Likelihood(3 * math.log(2), 3, False), Likelihood(4 * math.log(2), 1, False)]
    )

    assert found == pytest.approx(7 / 4)


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_nats_do_not_depend_on_how_many_logits_exist_at_once(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Oracle: all labels at once."""
    together = likelihoods(pretrained)

    monkeypatch.setattr(likelihood, "CHUNK_LABELS", chunk)

    assert [one.nats for one in likelihoods(pretrained)] == pytest.approx(
        [one.nats for one in together], abs=TOLERANCE
    )


@pytest.mark.parametrize("batch_tokens", [1, 40, 60, 74, 111, 16_384])
def test_batches_of_likelihoods_keep_to_their_tokens(
    pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch, batch_tokens: int
) -> None:
    """Oracle: rows times the longest, counted; one more row would be too much, and one sequence is
    read whatever its length.
    """
    batches: list[list[int]] = []
    original = likelihood.target_nats

    def watched(model: object, sequences: list[tuple[np.ndarray, int]]) -> torch.Tensor:
        batches.append([len(ids) for ids, _ in sequences])
        return original(model, sequences)  # type: ignore[arg-type]

    monkeypatch.setattr(likelihood, "target_nats", watched)

    likelihoods(pretrained, batch_tokens=batch_tokens)

    assert sum(map(len, batches)) == len(SOURCES)
    for batch, following in zip(batches, [*batches[1:], []], strict=True):
        assert len(batch) * max(batch) <= batch_tokens or len(batch) == 1
        assert not following or (len(batch) + 1) * max(batch) > batch_tokens


def test_line_of_a_likelihood_is_its_nats_and_bytes() -> None:
    """Oracle: written out."""
    assert Likelihood(3.5, 12, True).to_json("7") == {
        "id": "7",
        "target_nats": 3.5,
        "target_bytes": 12,
    }


def test_target_of_exactly_half_of_the_context_is_whole(pretrained: Pretrained) -> None:
    """Oracle: 37 // 2 tokens fit and one more does not; of plain text all but three do."""
    tokenizer, task = pretrained.tokenizer, pretrained.find_task("captions")
    builder = PromptBuilder(tokenizer, 37)
    for kind, longest in ((task.kind, 18), (TaskKind.language_modeling, 34)):
        targets = ["x" * longest, "x" * (longest + 1)]
        assert [len(tokenizer.encode(target)) for target in targets] == [longest, longest + 1]

        found = target_likelihoods(
            pretrained.model,
            builder,
            ["", ""],
            targets,
            replace(task, kind=kind),
            batch_tokens=1_000,
        )

        assert [one.is_cut for one in found] == [False, True]
        assert [one.num_bytes for one in found] == [longest, longest]
        assert found[0].nats == pytest.approx(found[1].nats, abs=TOLERANCE)
