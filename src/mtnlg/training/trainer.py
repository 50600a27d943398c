"""Lightning's Trainer and callbacks as the configuration asks for them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import lightning
from lightning.pytorch.callbacks import ProgressBar

from mtnlg.config import Config
from mtnlg.config.third_party import build
from mtnlg.training.callbacks import EndedBy, Ending
from mtnlg.training.checkpoints import AtomicCheckpointIO
from mtnlg.training.data import TokenDataModule
from mtnlg.training.loggers import Loggers

CHATTER = (
    *("does not have many workers", "dataloader is not resumable", "treespec", "litlogger"),
    *("sync_dist=True", "unused parameters"),
)
"""Warnings of Lightning's about what is meant to be so."""


def build_callbacks(
    config: Config, ending: Ending, names: Mapping[str, str]
) -> list[lightning.Callback]:
    """The callbacks of the configuration by name, each followed by one that notices whether it
    ended the training.
    """
    callbacks: list[lightning.Callback] = []
    for name in sorted(config.callbacks):
        key = f"callbacks.{name}"
        callbacks += [build(config.callbacks[name], key, names), EndedBy(ending, key)]
    return callbacks


def has_own_progress_bar(config: Config) -> bool:
    """Whether no progress bar of Lightning's is chosen, and progress is to be shown."""
    return config.trainer.enable_progress_bar and not any(
        callback.class_name.endswith("ProgressBar") for callback in config.callbacks.values()
    )


def build_trainer(
    config: Config,
    callbacks: Sequence[lightning.Callback],
    data: TokenDataModule,
    *,
    loggers: Loggers | None = None,
    names: Mapping[str, str] | None = None,
) -> lightning.Trainer:
    """A Trainer of one endless epoch, whose end, checkpoints and validations are ours."""
    settings = config.trainer
    for chatter in CHATTER:
        warnings.filterwarnings("ignore", message=f".*{chatter}.*")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    profiler = settings.profiler
    return lightning.Trainer(
        accelerator=settings.accelerator.value,
        devices=settings.devices,
        strategy=_strategy(config, names or {}),
        precision=settings.precision.value,
        max_steps=settings.horizon,
        max_epochs=-1,
        accumulate_grad_batches=data.accumulation,
        gradient_clip_val=config.optimizer.clip_norm or None,
        val_check_interval=settings.validate_every_steps * data.accumulation,
        check_val_every_n_epoch=None,
        log_every_n_steps=settings.log_every_steps,
        num_sanity_val_steps=0,
        detect_anomaly=settings.detect_anomaly,
        callbacks=list(callbacks),
        plugins=[AtomicCheckpointIO()],
        logger=loggers or False,
        profiler=build(profiler, "trainer.profiler", names) if profiler and names else None,
        enable_checkpointing=False,
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _strategy(config: Config, names: Mapping[str, str]) -> Any:
    if config.trainer.strategy is not None:
        return build(config.trainer.strategy, "trainer.strategy", names)
    if config.trainer.devices == 1:
        return "auto"
    # ranks leave out different blocks, whose gradients are then missing on some of them
    return "ddp_find_unused_parameters_true" if config.model.layer_dropout else "ddp"
