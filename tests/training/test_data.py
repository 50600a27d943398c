"""Sequences and batches: what the model reads, and where its labels are."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from made_training import dataset
from mtnlg.training.data import SequenceDataset
from mtnlg.training.plan import MicroBatch


def test_sequence_is_marker_source_separator_target_end(prepared: Any) -> None:
    """Oracle: the tokenizer on the row's own text."""
    tokenizer = prepared.tokenizer

    ids, prefix_length = dataset(prepared).sequence(5)

    source, target = (
        tokenizer.decode(ids[1 : prefix_length - 1].tolist()),
        tokenizer.decode(ids[prefix_length:-1].tolist()),
    )
    assert target == " ".join(reversed(source.split()))
    assert ids[0] == tokenizer.marker_id("<translation_en_de>")
    assert (ids[prefix_length - 1], ids[-1]) == (tokenizer.separator_id, tokenizer.end_id)


def test_second_task_has_its_own_marker(prepared: Any) -> None:
    ids, _ = dataset(prepared).sequence(36)

    assert ids[0] == prepared.tokenizer.marker_id("<dialogue_en>")


def test_labels_are_the_next_tokens_of_the_targets_alone(prepared: Any) -> None:
    """Oracle: each sequence, read by hand."""
    data = dataset(prepared)
    examples = (3, 17, 40)
    batch = data[MicroBatch(examples, 99)]
    width = batch.ids.shape[1]

    expected = [
        (row, place) for row, one in enumerate(examples) for place in target_places(data, one)
    ]

    assert [
        (int(index) // width, int(index) % width + 1) for index in batch.label_index
    ] == expected
    assert batch.labels.tolist() == [int(batch.ids[row, place]) for row, place in expected]
    assert batch.num_step_labels == 99


def target_places(data: SequenceDataset, example: int) -> range:
    ids, prefix_length = data.sequence(example)
    return range(prefix_length, len(ids))


@pytest.mark.parametrize("context_length", [16, 20, 48])
def test_lengths_known_beforehand_are_those_of_the_sequences(
    prepared: Any, context_length: int
) -> None:
    """The plan is made from lengths; they must hold for cut sequences too."""
    data = dataset(prepared, context_length=context_length)

    lengths, num_labels = data.lengths()

    sequences = [data.sequence(example) for example in range(len(data))]
    assert lengths.tolist() == [len(ids) for ids, _ in sequences]
    assert num_labels.tolist() == [len(ids) - prefix for ids, prefix in sequences]
    assert max(lengths) <= context_length


def test_padding_is_on_the_right(prepared: Any) -> None:
    data = dataset(prepared)
    batch = data[MicroBatch((0, 6), 1)]

    for row, length in enumerate(batch.lengths):
        assert torch.all(batch.ids[row, length:] == prepared.tokenizer.pad_id)
        assert batch.ids[row, length - 1] == prepared.tokenizer.end_id


@pytest.mark.parametrize("context_length", [16, 20, 48])
def test_cut_examples_are_counted(prepared: Any, context_length: int) -> None:
    """Oracle: each example's sequence against its whole source and target."""
    data = dataset(prepared, context_length=context_length)
    sources, targets = 0, 0
    for example in range(len(data)):
        place = int(example >= data.starts[1])
        whole = data.splits[place].tokens.example(example - int(data.starts[place]))
        ids, prefix_length = data.sequence(example)
        sources += prefix_length - 2 < len(whole[0])
        targets += len(ids) - prefix_length - 1 < len(whole[1])

    assert data.num_cut() == (sources, targets)
    assert (sources > 0) == (context_length == 16)
