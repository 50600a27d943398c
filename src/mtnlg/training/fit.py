"""A training from token folders to a model folder, continued where an interrupted one left off."""

from __future__ import annotations

import logging
import resource
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mtnlg.config import Config, DecodingConfig
from mtnlg.errors import InterruptedTrainingError
from mtnlg.inference import PromptBuilder, TaskPrompt
from mtnlg.inference.pretrained import TASKS_FILE, write_tasks
from mtnlg.model import Transformer, save_model
from mtnlg.model.folder import load_weights
from mtnlg.progress import say, track
from mtnlg.records import read_rows, write_json
from mtnlg.tokenizer import TOKENIZER_FILE, TextTokenizer
from mtnlg.tokens import read_token_split
from mtnlg.training.callbacks import (
    BEST_FILE,
    Budget,
    FiniteLoss,
    MetricsFile,
    Snapshots,
    StepSeeds,
)
from mtnlg.training.checkpoints import AtomicCheckpointIO, newest_sound_checkpoint
from mtnlg.training.data import SequenceDataset, TaskSplit, TokenDataModule
from mtnlg.training.module import TransformerModule
from mtnlg.training.probe import ProbeTask, ValidationProbe, fixed_rows

CHECKPOINTS = "checkpoints"
TRAINING_FILE = "training.json"
VALIDATION_OUTPUT_TOKENS = 96
"""Longest output in a validation: enough for the metric of a good model, and a bound on the time of
a bad one.
"""


@dataclass(frozen=True)
class TrainingData:
    """One task's folders."""

    title: str
    """Full name, kind/name"""
    name: str
    """Key in Config.tasks"""
    rows: Path
    tokens: Path


def train_model(
    config: Config, data: Sequence[TrainingData], *, tokenizer_file: Path, folder: Path
) -> None:
    """Train and write the model folder: best weights, metrics.csv, training.json."""
    tokenizer = TextTokenizer.load(tokenizer_file)
    model = _fresh_model(config, tokenizer)
    builder = PromptBuilder(tokenizer, config.model.context_length)
    prompts = {
        one.name: TaskPrompt.of(one.title, config.tasks[one.name], config.cleaning) for one in data
    }
    checkpoints = folder / CHECKPOINTS
    checkpoints.mkdir(parents=True, exist_ok=True)
    resumed = newest_sound_checkpoint(checkpoints)
    if resumed is not None:
        say(f"training continues from step {resumed[0]:,} ({resumed[1]})")
    module = TransformerModule(
        model,
        config.optimizer,
        max_steps=config.trainer.max_steps,
        label_smoothing=config.trainer.label_smoothing,
        accumulation=config.trainer.accumulation,
        probe=_probe(config, data, prompts, tokenizer),
    )
    module_data = _data_module(
        config, data, prompts, builder, start_step=resumed[0] if resumed else 0
    )
    budget = Budget(config.trainer.max_minutes, config.trainer.max_steps)
    snapshots = Snapshots(checkpoints)
    with track(f"training {config.model.name}", config.trainer.max_steps) as task:
        titles = [one.title for one in data]
        metrics = MetricsFile(
            folder / "metrics.csv",
            budget,
            task,
            every=config.trainer.log_every_steps,
            titles=titles,
        )
        callbacks = [StepSeeds(config.seed), FiniteLoss(), budget, metrics, snapshots]
        trainer = _trainer(config, callbacks)
        _fit(trainer, module, module_data, checkpoint=resumed[1] if resumed else None)
    load_weights(model, checkpoints / BEST_FILE)
    _write_folder(folder, model, tokenizer_file, prompts)
    record = {
        "steps": trainer.global_step,
        "best_step": snapshots.best_step,
        "best_validation_loss": snapshots.best_loss,
        "best_validation_metric": snapshots.best_metric,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training_tokens": metrics.tokens * trainer.world_size,
        "training_target_tokens": metrics.target_tokens * trainer.world_size,
        "training_flops": metrics.flops * trainer.world_size,
        "training_seconds": budget.seconds,
        "peak_memory_bytes": peak_memory_bytes(),
        "threads": torch.get_num_threads(),
        "devices": trainer.world_size,
    }
    write_json(folder / TRAINING_FILE, record)
    shutil.rmtree(checkpoints)


def _fresh_model(config: Config, tokenizer: TextTokenizer) -> Transformer:
    if config.trainer.num_threads is not None:
        torch.set_num_threads(config.trainer.num_threads)
    torch.manual_seed(config.seed)
    return Transformer(config.model, tokenizer.vocabulary_size)


def _fit(
    trainer: lightning.Trainer,
    module: TransformerModule,
    data: TokenDataModule,
    *,
    checkpoint: Path | None,
) -> None:
    """Lightning ends a process on a signal, SIGTERM even with status 0; here it is a failure."""
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except SIGTERMException:
        raise InterruptedTrainingError(
            f"terminated at step {trainer.global_step:,}", exit_code=143
        ) from None
    except SystemExit:
        raise InterruptedTrainingError(
            f"interrupted at step {trainer.global_step:,}", exit_code=130
        ) from None


def peak_memory_bytes() -> int:
    """The most memory this process held: of the GPU where one is used, resident otherwise."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return int(torch.cuda.max_memory_allocated())
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else 1024 * kilobytes


def _probe(
    config: Config,
    data: Sequence[TrainingData],
    prompts: dict[str, TaskPrompt],
    tokenizer: TextTokenizer,
) -> ValidationProbe:
    tasks = []
    for one in data:
        task = config.tasks[one.name]
        if task.validation_split is not None:
            rows = list(read_rows(one.rows / "validation.jsonl"))
            chosen = fixed_rows(rows, config.trainer.validation_rows)
            tasks.append(ProbeTask(prompts[one.name], chosen, task.main_metric))
    return ValidationProbe(
        tasks, tokenizer, DecodingConfig(max_new_tokens=VALIDATION_OUTPUT_TOKENS)
    )


def _data_module(
    config: Config,
    data: Sequence[TrainingData],
    prompts: dict[str, TaskPrompt],
    builder: PromptBuilder,
    *,
    start_step: int,
) -> TokenDataModule:
    def split(one: TrainingData, name: str) -> TaskSplit:
        return TaskSplit(
            prompts[one.name], read_token_split(one.tokens, name), config.tasks[one.name].weight
        )

    train, validation = [], []
    for one in data:
        task = config.tasks[one.name]
        if task.train_split is not None:
            train.append(split(one, "train"))
        if task.validation_split is not None:
            validation.append(SequenceDataset([split(one, "validation")], builder))
    return TokenDataModule(
        SequenceDataset(train, builder),
        validation,
        seed=config.seed,
        batch_tokens=config.trainer.batch_tokens,
        accumulation=config.trainer.accumulation,
        num_workers=config.trainer.num_workers,
        max_validation_batches=config.trainer.max_validation_batches,
        start_step=start_step,
    )


def _trainer(config: Config, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    settings = config.trainer
    for chatter in (
        "does not have many workers",
        "dataloader is not resumable",
        "treespec",
        "litlogger",
    ):
        warnings.filterwarnings("ignore", message=f".*{chatter}.*")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return lightning.Trainer(
        accelerator=settings.accelerator.value,
        devices=settings.devices,
        strategy="ddp" if settings.devices > 1 else "auto",
        precision=settings.precision.value,
        max_steps=settings.max_steps,
        max_epochs=-1,
        accumulate_grad_batches=settings.accumulation,
        gradient_clip_val=config.optimizer.clip_norm or None,
        val_check_interval=settings.validate_every_steps * settings.accumulation,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _write_folder(
    folder: Path, model: Transformer, tokenizer_file: Path, prompts: dict[str, TaskPrompt]
) -> None:
    save_model(folder, model)
    (folder / TOKENIZER_FILE).write_bytes(tokenizer_file.read_bytes())
    tasks = {prompt.name: prompt for prompt in prompts.values()}
    write_tasks(folder / TASKS_FILE, tasks, next(iter(tasks)))
