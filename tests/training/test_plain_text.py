"""Language modeling: long texts are cut without loss, and the checkpoint is chosen by the loss."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from made_training import Prepared, curve, rows_of, small_config, train, train_until_killed
from mtnlg.artifacts.store import file_sha256
from mtnlg.config import TaskConfig, TaskKind
from mtnlg.errors import DataError
from mtnlg.inference import PromptBuilder, TaskPrompt
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Row
from mtnlg.tokenization.tokenizer import train_tokenizer
from mtnlg.tokenization.tokens import cut_into_chunks, read_token_split, write_token_split
from mtnlg.training import TrainingData
from mtnlg.training.data import SequenceDataset, TaskSplit
from mtnlg.training.module import TransformerModule

TASK = TaskConfig(
    kind=TaskKind.language_modeling,
    reader="paragraphs",
    source_language="en",
    columns={"text": "text"},
    test_sets=[],
)
CONTEXT = 48


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Paragraphs from one word to many times the context."""
    root = tmp_path_factory.mktemp("plain")
    words = [row.source for row in rows_of("w", 40, step=3)]
    texts = [" ".join(words[: 1 + number * number % 40]) for number in range(24)]
    rows = [Row(str(number), "", (text,)) for number, text in enumerate(texts)]
    config = small_config()
    config.tasks = {"text": TASK}
    tokenizer = train_tokenizer(texts, config.tokenizer, markers=[TASK.marker])
    tokenizer.save(root / "tokenizer.json")
    for split, chosen in (("train", rows[:-4]), ("validation", rows[-4:])):
        write_jsonl(root / f"{split}.jsonl", (row.to_json() for row in chosen))
        write_token_split(root / f"{split}.jsonl", root, tokenizer)
    data = [TrainingData(config.task_title("text"), "text", root, root)]
    return Prepared(config, data, tokenizer, root / "tokenizer.json")


def test_chunks_are_the_whole_text_in_order(plain: Prepared) -> None:
    """Oracle: the texts before they were cut."""
    tokens = read_token_split(plain.data[0].tokens, "train")

    chunks = cut_into_chunks(tokens, 7, title="x")

    examples = [chunks.example(number) for number in range(len(chunks))]
    assert all(len(source) == 0 and 1 <= len(target) <= 7 for source, target in examples)
    expected = [
        target[start : start + 7].tolist()
        for _, target in (tokens.example(number) for number in range(len(tokens)))
        for start in range(0, len(target), 7)
    ]
    assert [target.tolist() for _, target in examples] == expected
    lengths = [[block[2].sum() for block in one.length_blocks()] for one in (chunks, tokens)]
    assert sum(lengths[0]) == sum(lengths[1])


def test_rows_with_a_source_are_refused(prepared: Any) -> None:
    tokens = read_token_split(prepared.data[0].tokens, "train")

    with pytest.raises(DataError, match=r"language_modeling/x: example 0 has a source.*paragraphs"):
        cut_into_chunks(tokens, 7, title="language_modeling/x")


def test_chunks_fill_the_context(plain: Prepared) -> None:
    """Oracle: the lengths that the plan is made from, and the sequences themselves."""
    tokens = read_token_split(plain.data[0].tokens, "train")
    prompt = TaskPrompt.of("language_modeling/text", TASK, plain.config.cleaning)
    chunks = cut_into_chunks(tokens, CONTEXT - 3, title="x")
    data = SequenceDataset(
        [TaskSplit(prompt, chunks, 1.0)], PromptBuilder(plain.tokenizer, CONTEXT)
    )

    sequences = [data.sequence(example) for example in range(len(data))]

    assert data.lengths()[0].tolist() == [len(ids) for ids, _ in sequences]
    assert max(len(ids) for ids, _ in sequences) == CONTEXT
    assert {prefix for _, prefix in sequences} == {2}
    assert sum(len(ids) - 3 for ids, _ in sequences) == len(tokens.ids)


def test_checkpoint_is_chosen_by_the_loss_where_no_task_has_a_metric(
    plain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four validations with losses that are put in their place, the second the least."""
    losses = iter([3.0, 2.0, 2.5, 2.25])

    def validate(module: TransformerModule) -> None:
        module.validation_results = {"validation_loss": next(losses)}

    monkeypatch.setattr(TransformerModule, "on_validation_epoch_end", validate)
    config = small_config(max_steps=12)
    config.tasks = {"text": TASK}

    folder = train(plain, config, tmp_path / "model")

    record = json.loads((folder / "training.json").read_text())
    assert (record["best_step"], record["best_validation_loss"]) == (6, 2.0)
    assert record["best_validation_metric"] is None


def test_language_model_learns_and_has_no_metric(plain: Prepared, tmp_path: Path) -> None:
    """Oracle: the loss of random weights, ln of the vocabulary size."""
    config = small_config(max_steps=12)
    config.tasks = {"text": TASK}

    rows = [
        row for row in curve(train(plain, config, tmp_path / "model")) if row["validation_loss"]
    ]

    losses = [float(row["validation_loss"]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < math.log(plain.tokenizer.vocabulary_size) - 0.2
    assert {row["validation_metric"] for row in rows} == {""}


def test_resumed_language_model_is_bit_for_bit_the_same(
    plain: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config()
    config.tasks = {"text": TASK}
    whole = train(plain, config, tmp_path / "whole")
    train_until_killed(plain, config, tmp_path / "resumed", monkeypatch, step=5)
    resumed = train(plain, config, tmp_path / "resumed")

    assert file_sha256(resumed / "model.safetensors") == file_sha256(whole / "model.safetensors")
