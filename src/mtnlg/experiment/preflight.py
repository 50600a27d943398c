"""Checks before the first stage, so that a run does not fail at its end."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtnlg.config import Accelerator, Config, LoraConfig, Precision
from mtnlg.config.checks import require
from mtnlg.config.third_party import check_third_party
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment.initial_model import check_initial_model
from mtnlg.experiment.systems import check_system
from mtnlg.experiment.teacher import check_teacher

logger = logging.getLogger(__name__)

BYTES_PER_PARAMETER = 4 * (3 * 2 + 2)
"""Two checkpoints with weights and two moments, the best weights and the final ones, in fp32."""


def preflight(config: Config, *, has_training: bool = True) -> None:
    """Raise the first error that the configuration, the data or the machine will lead to. Without a
    training, the machine may lack the devices for one, which others have.
    """
    _warn_of_unused_rows()
    _check_tasks(config)
    _check_metrics(config)
    _check_third_parties(config)
    if config.system is not None:
        check_system(config)
        return
    check_initial_model(config)
    _check_tokenizer(config)
    _check_lengths(config)
    _check_training(config)
    _check_frozen(config)
    _check_adapters(config)
    check_teacher(config)
    if has_training:
        _check_device(config)
    _check_disk(config)


def _warn_of_unused_rows() -> None:
    """Name the rows of other packages that ours hide."""
    from mtnlg.corpus.sources.readers import READER_TABLE
    from mtnlg.evaluation.metrics.registry import METRIC_TABLE
    from mtnlg.generation.strategies import STRATEGY_TABLE
    from mtnlg.report.formats import FORMAT_TABLE

    for table in (READER_TABLE, METRIC_TABLE, STRATEGY_TABLE, FORMAT_TABLE):
        for sentence in table.unused():
            logger.warning(sentence)


def _check_tasks(config: Config) -> None:
    from mtnlg.corpus.sources.readers import check_columns, find_reader

    for task in config.tasks.values():
        find_reader(task.reader)
        check_columns(task)
    if config.system is not None:
        return
    if all(task.train_split is None for task in config.tasks.values()):
        raise ConfigError("tasks: none has a train_split; name at least one data set to train on")
    if all(task.validation_split is None for task in config.tasks.values()):
        raise ConfigError(
            "tasks: none has a validation_split; the checkpoint is chosen by validation"
        )
    for name in config.tasks:
        config.model_task(name)


def _check_metrics(config: Config) -> None:
    from mtnlg.evaluation import find_metric
    from mtnlg.report import find_format

    folders = config.evaluation.model_folders
    for name in config.metrics:
        metric = find_metric(name, model_folders=folders)
        for task in config.tasks.values():
            if not metric.is_whole:  # the others say that they are not run
                metric.signature([["text"]], task.output_language)
    utility = config.decoding.mbr_utility
    if utility is not None:
        metric = find_metric(utility, key="decoding.mbr_utility")
        require(
            metric.is_resampleable
            and metric.higher_is_better is not None
            and not metric.needs_sources
            and not metric.is_whole,
            "decoding.mbr_utility",
            utility,
            "a metric of single texts and their references of which more or less is better",
        )
    main_metrics = {task.main_metric for task in config.tasks.values() if task.main_metric}
    for name in config.evaluation.equivalence_margin:
        if name not in main_metrics:
            raise ConfigError(
                f"evaluation.equivalence_margin has {name!r}, by which no board is sorted; main "
                f"metrics: {', '.join(sorted(main_metrics)) or 'none'}"
            )
    for name in config.report.formats:
        find_format(name)
    for name, task in config.tasks.items():
        if task.main_metric is not None:
            _check_main_metric(config, name, task.main_metric)


def _check_main_metric(config: Config, name: str, main_metric: str) -> None:
    from mtnlg.leaderboard.ranking import find_main_metric

    key = f"tasks.{name}.main_metric"
    metric = find_main_metric(main_metric, key=key)
    require(
        not metric.needs_model,
        key,
        main_metric,
        "a metric without a model of its own: each validation computes it",
    )
    names = config.evaluation.for_kind(config.tasks[name].kind).metrics or []
    if main_metric not in names:
        raise ConfigError(
            f"evaluation.metrics={names}: must hold {main_metric}, by which the board of "
            f"{config.task_title(name)} is sorted"
        )


def _check_third_parties(config: Config) -> None:
    for name, logger in config.logger.items():
        check_third_party(logger, f"logger.{name}")
    for name, callback in config.callbacks.items():
        check_third_party(callback, f"callbacks.{name}")
        if "monitor" in callback.arguments:
            _check_monitor(config, f"callbacks.{name}.arguments", callback.arguments)
    for name in ("strategy", "profiler"):
        chosen = getattr(config.trainer, name)
        if chosen is not None:
            check_third_party(chosen, f"trainer.{name}")


def _check_monitor(config: Config, key: str, arguments: Mapping[str, Any]) -> None:
    from mtnlg.evaluation import find_metric

    monitor = arguments["monitor"]
    known = config.logged_values
    require(monitor in known, f"{key}.monitor", monitor, f"one of {', '.join(known)}")
    *_, metric = monitor.split("/")
    is_loss = metric in ("loss", "grad_norm", "learning_rate")
    is_more_better = not is_loss and (
        metric == "metric" or bool(find_metric(metric).higher_is_better)
    )
    better, words = ("max", "more") if is_more_better else ("min", "less")
    mode = arguments.get("mode", "min")
    require(mode == better, f"{key}.mode", mode, f"{better}: of {monitor}, {words} is better")
    name = "check_on_train_epoch_end"
    allowed = "left out: a training is one long epoch, whose validations are checked"
    require(not arguments.get(name), f"{key}.{name}", arguments.get(name), allowed)


def _check_tokenizer(config: Config) -> None:
    settings, dropout = config.tokenizer, config.trainer.bpe_dropout
    if config.initial_model is not None:  # its tokenizer is used, and was checked with it
        return
    if dropout is not None and settings.algorithm is not None:
        raise ConfigError(
            f"trainer.bpe_dropout={dropout}: tokenizer.algorithm={settings.algorithm.name} has no "
            "merges to leave out; use trainer.bpe_dropout=null or tokenizer.algorithm=null"
        )
    if settings.temperature is not None and len(config.tokenizer_tasks) < 2:
        raise ConfigError(
            f"tokenizer.temperature={settings.temperature}: the tokenizer learns from one task, "
            "and there is nothing to mix; take it out"
        )


def _check_lengths(config: Config) -> None:
    context = config.our_model.context_length
    if context < 16:
        raise ConfigError(
            f"model.context_length={context}: must be at least 16 to hold a source and a target"
        )
    if config.trainer.batch_tokens < context:
        raise ConfigError(
            f"trainer.batch_tokens={config.trainer.batch_tokens}: must be at least "
            f"model.context_length={context}, so that the longest example fits a batch"
        )
    if config.decoding.max_new_tokens > context // 2:
        logger.warning(
            f"decoding.max_new_tokens={config.decoding.max_new_tokens} is more than half "
            f"of model.context_length={context}; outputs end at {context // 2} tokens"
        )


def _check_training(config: Config) -> None:
    trainer, model = config.trainer, config.our_model
    is_counted = trainer.max_epochs is None and not trainer.fast_dev_run
    if is_counted and (warning := config.optimizer.late_peak(trainer.horizon)):
        logger.warning(warning)
    if trainer.source_loss_weight is not None and model.is_prefix_bidirectional:
        raise ConfigError(
            f"trainer.source_loss_weight={trainer.source_loss_weight}: with "
            "model.is_prefix_bidirectional=true a source token sees the one that it should "
            "predict; use model.is_prefix_bidirectional=false"
        )
    is_random = model.is_random_in_training or config.lora.dropout
    if trainer.r_drop is not None and not is_random:
        raise ConfigError(
            f"trainer.r_drop={trainer.r_drop}: two passes are equal without any dropout; set "
            "model.dropout above 0"
        )
    num_trained = sum(task.train_split is not None for task in config.tasks.values())
    if trainer.task_temperature is not None and num_trained < 2:
        raise ConfigError(
            f"trainer.task_temperature={trainer.task_temperature}: there is one task to train on, "
            "and nothing to mix; take it out"
        )


def _check_frozen(config: Config) -> None:
    if config.trainer.frozen is None:
        return
    from mtnlg.model.initial import check_frozen

    check_frozen(config.our_model, config.trainer.frozen)


def _check_adapters(config: Config) -> None:
    if config.lora.rank is None:
        if config.lora != LoraConfig():
            logger.warning("lora.*: not used, since lora.rank=null: all weights are trained")
        return
    if config.initial_model is None:
        raise ConfigError(
            f"initial_model=null: lora.rank={config.lora.rank} adapts the weights of a model that "
            "is trained already; give its folder"
        )
    if config.trainer.frozen is not None:
        raise ConfigError(
            f"trainer.frozen={config.trainer.frozen}: with lora.rank={config.lora.rank} all but "
            "the adapters is frozen; take it out"
        )
    from mtnlg.model.lora import check_targets

    check_targets(config.our_model, config.lora)


def _check_device(config: Config) -> None:
    if config.trainer.precision is Precision.fp16_mixed:
        import torch

        if not torch.cuda.is_available():
            raise ConfigError(
                "trainer.precision=fp16_mixed: this machine has no CUDA device, and elsewhere "
                "Lightning computes in bf16 instead; use bf16_mixed or fp32"
            )
    if config.trainer.accelerator is not Accelerator.cuda:
        return
    import torch

    needed = int(os.environ.get("LOCAL_WORLD_SIZE", config.trainer.devices))  # torchrun's, if any
    if torch.cuda.device_count() < needed:
        raise ConfigError(
            f"trainer.accelerator=cuda, trainer.devices={config.trainer.devices}: this machine has "
            f"{torch.cuda.device_count()} CUDA devices; use trainer.accelerator=cpu"
        )
    if config.trainer.precision is Precision.bf16_mixed and not torch.cuda.is_bf16_supported():
        raise ConfigError("trainer.precision=bf16_mixed: this CUDA device has no bf16; use fp32")


def _check_disk(config: Config) -> None:
    width, model = config.our_model.hidden_size, config.our_model
    parameters = config.tokenizer.vocabulary_size * width + 12 * model.num_layers * width * width
    num_averaged = config.trainer.average_last or 2 * (config.trainer.ema_decay is not None)
    needed = parameters * (BYTES_PER_PARAMETER + 4 * num_averaged)
    root = Path(config.artifacts_root).absolute()
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ArtifactError(
            f"artifacts_root={root}: a training of {config.our_model.name} writes about "
            f"{needed:,} bytes, {free:,} are free"
        )
