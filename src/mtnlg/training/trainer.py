"""Lightning's Trainer, callbacks and experiment trackers as the configuration asks for them."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

import lightning
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger

from mtnlg.config import Config, flat_settings
from mtnlg.config.third_party import build
from mtnlg.errors import ConfigError
from mtnlg.training.callbacks import EndedBy, Ending
from mtnlg.training.checkpoints import AtomicCheckpointIO
from mtnlg.training.data import TokenDataModule, num_ranks
from mtnlg.training.module import Sample

logger = logging.getLogger(__name__)

CHATTER = (
    "does not have many workers",
    "dataloader is not resumable",
    "treespec",
    "litlogger",
    "sync_dist=True",
    "unused parameters",
)
"""Lightning's warnings about what we do on purpose."""


def build_callbacks(
    config: Config, ending: Ending, names: Mapping[str, str]
) -> list[lightning.Callback]:
    """The callbacks of the configuration by name, each followed by an EndedBy."""
    callbacks: list[lightning.Callback] = []
    for name in sorted(config.callbacks):
        key = f"callbacks.{name}"
        callbacks += [build(config.callbacks[name], key, names), EndedBy(ending, key)]
    return callbacks


def is_first_rank() -> bool:
    """Whether this process is the one of a training that writes and shows what happens."""
    return num_ranks() == 1 or os.environ["RANK"] == "0"


def has_own_progress_bar(config: Config) -> bool:
    """Whether progress is shown by our own bar and not by one of Lightning's."""
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
    """A Trainer of one endless epoch; our callbacks end, save and validate."""
    settings = config.trainer
    num_nodes = data.num_ranks // int(os.environ["LOCAL_WORLD_SIZE"]) if data.num_ranks > 1 else 1
    for chatter in CHATTER:
        warnings.filterwarnings("ignore", message=f".*{chatter}.*")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    profiler = settings.profiler
    return lightning.Trainer(
        accelerator=settings.accelerator.value,
        devices=data.num_ranks // num_nodes,
        num_nodes=num_nodes,
        strategy=_strategy(config, names or {}),
        precision=settings.precision.value,
        max_steps=settings.horizon,
        max_epochs=-1,
        accumulate_grad_batches=data.rank_accumulation,
        gradient_clip_val=config.optimizer.clip_norm or None,
        val_check_interval=settings.validate_every_steps * data.rank_accumulation,
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
    if num_ranks() == 1:
        return "auto"
    # Ranks skip different blocks, whose gradients are then missing on some of them.
    return "ddp_find_unused_parameters_true" if config.our_model.layer_dropout else "ddp"


def run_names(run_folder: Path) -> dict[str, str]:
    """What third-party arguments may refer to in braces."""
    return {
        "run_folder": str(run_folder.absolute()),
        "run_id": run_folder.name,
        "experiment": run_folder.parent.name,
    }


class Loggers(Logger):
    """All trackers as the one logger that Lightning and its callbacks know. The first exception of
    a tracker becomes a warning and switches it off.
    """

    def __init__(self, config: Config, names: Mapping[str, str]) -> None:
        super().__init__()
        self.config, self.names = config, names
        self.active: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return "mtnlg"

    @property
    def version(self) -> str:
        return ""

    def start(self) -> None:
        """Build the trackers and send them the settings."""
        is_silent = self.config.trainer.fast_dev_run or not is_first_rank()
        chosen = {} if is_silent else self.config.logger
        for name, third_party in chosen.items():
            try:
                self.active[name] = build(third_party, f"logger.{name}", self.names)
            except ConfigError:
                raise
            except Exception as error:
                self._switch_off(name, error)
        settings = flat_settings(self.config)
        self._each(lambda tracker: tracker.log_hyperparams(settings))

    def log_row(self, row: dict[str, Any]) -> None:
        """Log one row of metrics.csv."""
        values = {name: value for name, value in row.items() if name != "step"}
        self.log_metrics(values, row["step"])

    def log_samples(self, samples: Sequence[Sample], step: int) -> None:
        """Log outputs of a validation as texts, in trackers that have them."""
        data = [list(sample) for sample in samples]
        text = "\n\n".join(map(str, samples))

        def log(tracker: Any) -> None:
            experiment: Any = getattr(tracker, "experiment", None)
            if hasattr(tracker, "log_text"):  # Weights & Biases
                tracker.log_text("val/samples", [*Sample._fields], data, step=step)
            elif hasattr(experiment, "add_text"):  # TensorBoard
                experiment.add_text("val/samples", indent(text, "    "), step)
            elif hasattr(experiment, "log_text"):  # MLflow
                file = f"val_samples/step_{step:08}.txt"
                experiment.log_text(tracker.run_id, text, file)

        self._each(log)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        values = {name: float(value) for name, value in metrics.items()}
        self._each(lambda tracker: tracker.log_metrics(values, step=step))

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Does nothing, since `start` sent all settings."""

    def finalize(self, status: str) -> None:
        self._each(lambda tracker: tracker.finalize(status))

    def _each(self, call: Callable[[Any], object]) -> None:
        for name, tracker in list(self.active.items()):
            try:
                call(tracker)
            except Exception as error:
                self._switch_off(name, error)

    def _switch_off(self, name: str, error: Exception) -> None:
        self.active.pop(name, None)
        first = (str(error).strip().splitlines() or [""])[0][:300]
        logger.warning(f"logger.{name} is switched off: {type(error).__name__}: {first}")
