"""A small two-task data set, as the folders that training reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from mtnlg.config import (
    Config,
    ModelConfig,
    OptimizerConfig,
    Schedule,
    TaskConfig,
    TaskKind,
    TokenizerConfig,
    TrainerConfig,
)
from mtnlg.inference import PromptBuilder, TaskPrompt
from mtnlg.model import Transformer
from mtnlg.model.folder import weights_of
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Row
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer
from mtnlg.tokenization.tokens import read_token_split, write_token_split
from mtnlg.training import TrainingData, callbacks, train_model
from mtnlg.training.data import SequenceDataset, TaskSplit
from mtnlg.training.module import ValidationMetric

WORDS = (
    "red",
    "blue",
    "green",
    "old",
    "new",
    "cat",
    "dog",
    "house",
    "tree",
    "boat",
    "runs",
    "sleeps",
    "falls",
)


@dataclass(frozen=True)
class Prepared:
    """Folders of two tasks under one tokenizer, and a configuration that takes seconds."""

    config: Config
    data: list[TrainingData]
    tokenizer: TextTokenizer
    tokenizer_file: Path


def rows_of(prefix: str, count: int, *, step: int) -> list[Row]:
    """Rows of different lengths; the target is the source reversed."""
    rows = []
    for number in range(count):
        words = [
            WORDS[(number * step + place * place) % len(WORDS)] for place in range(1 + number % 7)
        ]
        rows.append(Row(f"{prefix}-{number}", " ".join(words), (" ".join(reversed(words)),)))
    return rows


def small_config(**trainer: object) -> Config:
    """A model of some ten thousand parameters for a few steps."""
    settings: dict[str, object] = {
        "max_steps": 8,
        "batch_tokens": 128,
        "validate_every_steps": 3,
        "log_every_steps": 1,
        "validation_rows": 3,
        "num_threads": 1,
    }
    return Config(
        seed=7,
        tasks={
            "forward": TaskConfig(
                kind=TaskKind.translation,
                reader="builtin",
                source_language="en",
                target_language="de",
            ),
            "talk": TaskConfig(kind=TaskKind.dialogue, reader="builtin", source_language="en"),
        },
        tokenizer=TokenizerConfig(vocabulary_size=320),
        model=ModelConfig(
            name="small",
            num_layers=2,
            hidden_size=12,
            num_heads=3,
            context_length=48,
            is_prefix_bidirectional=True,
        ),
        optimizer=OptimizerConfig(learning_rate=3e-3, warmup_steps=2, schedule=Schedule.cosine),
        trainer=TrainerConfig(**(settings | trainer)),  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Rows, tokenizer and tokens of both tasks."""
    root = tmp_path_factory.mktemp("prepared")
    config = small_config()
    rows = {"forward": rows_of("f", 41, step=3), "talk": rows_of("t", 23, step=5)}
    texts = [
        text for task in rows.values() for row in task for text in (row.source, *row.references)
    ]
    markers = [task.marker for task in config.tasks.values()]
    tokenizer = train_tokenizer(texts, config.tokenizer, markers=markers)
    tokenizer.save(root / "tokenizer.json")
    data = []
    for name, task_rows in rows.items():
        folders = {kind: root / kind / name for kind in ("rows", "tokens")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        for split, chosen in (("train", task_rows[:-5]), ("validation", task_rows[-5:])):
            write_jsonl(folders["rows"] / f"{split}.jsonl", (row.to_json() for row in chosen))
            write_token_split(folders["rows"] / f"{split}.jsonl", folders["tokens"], tokenizer)
        data.append(TrainingData(config.task_title(name), name, folders["rows"], folders["tokens"]))
    return Prepared(config, data, tokenizer, root / "tokenizer.json")


def dataset(prepared: Any, *, context_length: int = 48) -> SequenceDataset:
    splits = [
        TaskSplit(
            TaskPrompt.of(one.title, prepared.config.tasks[one.name], prepared.config.cleaning),
            read_token_split(one.tokens, "train"),
            1.0,
        )
        for one in prepared.data
    ]
    return SequenceDataset(splits, PromptBuilder(prepared.tokenizer, context_length))


def train(prepared: Any, config: Config, folder: Path, **options: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    file = prepared.tokenizer_file
    train_model(config, prepared.data, tokenizer_file=file, folder=folder, **options)
    return folder


def train_until_killed(
    prepared: Any, config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch, *, step: int
) -> None:
    """A training that dies right after an optimizer step."""
    original = callbacks.FiniteLoss.on_train_batch_end

    def die(self: Any, trainer: Any, *rest: Any) -> None:
        original(self, trainer, *rest)
        if trainer.global_step == step:
            raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(callbacks.FiniteLoss, "on_train_batch_end", die)
        with pytest.raises(RuntimeError, match="killed"):
            train(prepared, config, folder)


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def record_of(folder: Path) -> dict[str, object]:
    """What does not depend on the machine."""
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return {
        name: value
        for name, value in record.items()
        if name not in ("training_seconds", "peak_memory_bytes")
    }


Weights = dict[str, torch.Tensor]


def copy_of(model: Transformer) -> Weights:
    return {name: weight.clone() for name, weight in weights_of(model).items()}


def scripted(monkeypatch: pytest.MonkeyPatch, metrics: list[float]) -> list[Weights]:
    """Validations of these metrics, one after the other; the weights that each of them saw."""
    values: Iterator[float] = iter(metrics)
    seen: list[Weights] = []

    def measure(self: ValidationMetric, model: Transformer) -> dict[str, float]:
        seen.append(copy_of(model))
        return dict.fromkeys(self.titles, next(values))

    monkeypatch.setattr(ValidationMetric, "measure", measure)
    return seen
