"""Training beside Hugging Face's Trainer: the same weights and sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mtnlg.benchmark.measurement import (
    Cases,
    Cost,
    DifferentOutputError,
    Row,
    Stopwatch,
    alternate,
    ratio_row,
    require,
    timed,
)
from mtnlg.benchmark.workbench import BLOCK_TOKENS, Workbench
from mtnlg.config import (
    Accelerator,
    Config,
    OptimizerConfig,
    TaskConfig,
    TaskKind,
    TrainerConfig,
)
from mtnlg.model import Transformer
from mtnlg.training.callbacks import FiniteLoss, StepSeeds
from mtnlg.training.data import Batch, SequenceDataset, TokenDataModule, collate
from mtnlg.training.loss import cross_entropy
from mtnlg.training.module import TransformerModule, ValidationMetric
from mtnlg.training.trainer import build_trainer

GROUP, PEER, PEAK = "training", "Hugging Face Trainer", "matrix products alone"
LOSS_TOLERANCE = 1e-4
IGNORED = -100
"""The label that Hugging Face's losses leave out."""
BLOCK_ROWS = 8
"""Sequences of a step."""
PEAK_SIZE = 1_024
"""Rows and columns of the matrices whose product is the peak."""


class TimedModule(TransformerModule):
    """A module that knows what its steps cost."""

    def on_train_start(self) -> None:
        self.num_labels, self.flops, self.watch = 0, 0.0, Stopwatch()

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        super().on_train_batch_end(outputs, batch, batch_index)
        self.num_labels += len(batch.labels)
        self.flops += self.objective.flops(self.model, batch)

    def on_train_end(self) -> None:
        self.cost = self.watch.cost(self.num_labels)


def train_ours(
    bench: Workbench,
    size: str,
    dataset: SequenceDataset,
    *,
    num_steps: int,
    batch_tokens: int = BLOCK_ROWS * BLOCK_TOKENS,
) -> TimedModule:
    """The module after so many steps from random weights."""
    model = bench.model(size)
    config = Config(
        tasks={"benchmark": TaskConfig(kind=TaskKind.translation, reader="", source_language="en")},
        model=model.config,
        optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=0),
        trainer=TrainerConfig(
            max_steps=num_steps,
            batch_tokens=batch_tokens,
            label_smoothing=0.0,
            accelerator=Accelerator.cpu,
            validate_every_steps=num_steps + 1,
            enable_progress_bar=False,
        ),
    )
    data = TokenDataModule(dataset, [dataset], config.trainer, seed=1, start_step=0)
    metric = ValidationMetric([], bench.tokenizer, config.decoding)
    module = TimedModule(model, config.optimizer, config.trainer, metric)
    build_trainer(config, [StepSeeds(1), FiniteLoss()], data).fit(module, data)
    return module


class Theirs:
    """GPT-2 of transformers with the weights of our model of a size, in its own Trainer."""

    def __init__(self, bench: Workbench, size: str, dataset: SequenceDataset) -> None:
        require(PEER)
        self.bench, self.folder = bench, bench.exported(bench.model(size), "hf", f"train-{size}")
        sequences = [dataset.sequence(index) for index in range(len(dataset))]
        self.rows = [
            {"input_ids": ids.tolist(), "labels": [IGNORED] * prefix + ids[prefix:].tolist()}
            for ids, prefix in sequences
        ]

    def model(self) -> Any:
        """The model, with the dropout of ours."""
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(self.folder, attn_pdrop=0.0)

    def loss(self, rows: list[dict[str, list[int]]]) -> float:
        """The loss of a batch without dropout."""
        with torch.no_grad():
            return float(self.model().eval()(**collated(rows)).loss)

    def train(self, *, num_steps: int, num_rows: int, strategy: str = "random") -> Cost:
        """So many steps of so many rows; the work are the target tokens."""
        from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

        class Timer(TrainerCallback):
            def on_train_begin(self, *_: Any, **__: Any) -> None:
                self.watch = Stopwatch()

            def on_train_end(self, *_: Any, **__: Any) -> None:
                self.cost = self.watch.cost(trainer.num_labels)

        class CountingTrainer(Trainer):
            num_labels = 0

            def training_step(self, model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
                self.num_labels += int((inputs["labels"] != IGNORED).sum())
                return super().training_step(model, inputs, *rest, **named)

        settings = TrainingArguments(
            output_dir=str(self.bench.scratch / "trainer"),
            max_steps=num_steps,
            per_device_train_batch_size=num_rows,
            train_sampling_strategy=strategy,
            learning_rate=1e-3,
            adam_beta2=0.98,
            weight_decay=0.01,
            lr_scheduler_type="cosine",
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        timer = Timer()
        trainer = CountingTrainer(
            self.model(),
            settings,
            data_collator=collated,
            train_dataset=self.rows,
            callbacks=[timer],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return timer.cost


def collated(rows: list[dict[str, list[int]]]) -> dict[str, Tensor]:
    """A batch of theirs, padded on the right; without a mask where nothing is padded."""
    lengths = {len(row["input_ids"]) for row in rows}
    tensors = {name: [torch.tensor(row[name]) for row in rows] for name in ("input_ids", "labels")}
    batch = {
        name: pad_sequence(
            parts, batch_first=True, padding_value=IGNORED if name == "labels" else 0
        )
        for name, parts in tensors.items()
    }
    if len(lengths) > 1:
        ones = [torch.ones_like(part) for part in tensors["input_ids"]]
        batch["attention_mask"] = pad_sequence(ones, batch_first=True)
    return batch


def check_losses(model: Transformer, dataset: SequenceDataset, theirs: Theirs) -> str:
    """Both losses of the same rows; raises DifferentOutputError where they differ."""
    examples = range(min(4, len(dataset)))
    sequences = [dataset.sequence(index) for index in examples]
    batch = collate(sequences, pad_id=0, num_step_labels=1)
    model.eval()
    with torch.no_grad():
        states = model.states(
            batch.ids, prefix_lengths=batch.prefix_lengths, label_index=batch.label_index
        )
        ours = float(cross_entropy(model, states, batch.labels)) / len(batch.labels)
    peer = theirs.loss([theirs.rows[index] for index in examples])
    if not abs(ours - peer) <= LOSS_TOLERANCE:
        raise DifferentOutputError(f"the loss is {ours:.6f} with our step, {peer:.6f} with theirs")
    return f"losses {abs(ours - peer):.0e} apart"


def full_blocks(bench: Workbench, size: str) -> Iterator[Row]:
    """Sequences that all fill the context, and the share of the peak that ours reaches."""
    dataset, num_steps = bench.blocks(), bench.scaled(2 if size == "10 M" else 4, 2)
    theirs = Theirs(bench, size, dataset)
    check = check_losses(bench.model(size), dataset, theirs)
    left, right = torch.randn(2, PEAK_SIZE, PEAK_SIZE)
    flops, number = 2.0 * PEAK_SIZE**3, bench.scaled(50, 2)
    trained: list[Cost] = []

    def train() -> Cost:
        module = train_ours(bench, size, dataset, num_steps=num_steps)
        trained.append(replace(module.cost, work=module.flops))
        return module.cost

    sides: dict[str, Callable[[], Cost]] = {
        "ours": train,
        PEER: lambda: theirs.train(num_steps=num_steps, num_rows=BLOCK_ROWS),
        PEAK: lambda: timed(lambda: [left @ right for _ in range(number)], amount=flops * number),
    }
    costs = alternate(sides, repeats=bench.repeats, warms_up=False)
    yield ratio_row(GROUP, f"full blocks, {size}", PEER, (costs["ours"], costs[PEER]), check)
    rate = median(cost.rate("processor") for cost in costs[PEAK]) / 1e9
    check = f"{rate:,.0f} GFLOP/s by {PEAK_SIZE} x {PEAK_SIZE} products"
    yield ratio_row(GROUP, f"share of the matrix peak, {size}", PEAK, (trained, costs[PEAK]), check)


def cases(bench: Workbench) -> Cases:
    """The cases of this file."""
    sizes = [size for size in bench.sizes if size != "92 M"]
    return {f"full blocks, {size}": partial(full_blocks, bench, size) for size in sizes}
