"""Training from token folders to a model folder; continues where an interrupted run stopped."""

from __future__ import annotations

import logging
import math
import resource
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import lightning
import torch

from mtnlg.artifacts.store import file_sha256
from mtnlg.config import Config, DecodingConfig, DistillationKind, TaskKind
from mtnlg.inference import PromptBuilder, TaskPrompt
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.model import Transformer
from mtnlg.model.folder import (
    WEIGHTS_FILE,
    load_model,
    load_weights,
    read_license,
    weights_of,
    write_license,
)
from mtnlg.model.initial import freeze, start_from
from mtnlg.model.lora import add_adapters, count_parameters, merge_adapters, save_adapters
from mtnlg.process.progress import Task, track
from mtnlg.process.signals import Signalled
from mtnlg.records.codec import write_record
from mtnlg.records.places import (
    METRICS_FILE,
    PROFILE_FILE,
    TRAINING_FILE,
    VALIDATION,
    rows_file,
)
from mtnlg.records.rows import Row, read_rows
from mtnlg.records.stages import Training
from mtnlg.tokenization.bpe_dropout import DropoutSegmenter
from mtnlg.tokenization.tokenizer import TextTokenizer
from mtnlg.tokenization.tokens import cut_into_chunks, read_token_split
from mtnlg.training.averaging import LastWeights, MovingAverage, offer_mean
from mtnlg.training.callbacks import (
    Budget,
    Ending,
    FiniteLoss,
    Profile,
    Snapshots,
    StepSeeds,
)
from mtnlg.training.checkpoints import BEST_FILE, check_saved, newest_sound_checkpoint
from mtnlg.training.data import SequenceDataset, TaskSplit, TokenDataModule
from mtnlg.training.faults import StopOnSignal, explained
from mtnlg.training.metrics_file import MetricsFile
from mtnlg.training.module import (
    TransformerModule,
    ValidationMetric,
    ValidationTask,
    fixed_rows,
)
from mtnlg.training.objective import Teacher
from mtnlg.training.plan import temper_weights
from mtnlg.training.trainer import (
    Loggers,
    build_callbacks,
    build_trainer,
    has_own_progress_bar,
    is_first_rank,
    run_names,
)

logger = logging.getLogger(__name__)

CHECKPOINTS, DONE = "checkpoints", ".done"
"""The folder of checkpoints, and its name when it is only to be deleted."""
VALIDATION_OUTPUT_TOKENS = 96
"""Longest output in a validation: enough for a good model, and a bound on the time of a bad one."""


@dataclass(frozen=True)
class TrainingData:
    """The folders of one task."""

    title: str
    """Full name, kind/name."""
    name: str
    """Key in Config.tasks."""
    rows: Path
    tokens: Path


def train_model(
    config: Config,
    data: Sequence[TrainingData],
    *,
    tokenizer_file: Path,
    folder: Path,
    run_folder: Path | None = None,
    start: tuple[int, Path | None] | None = None,
) -> None:
    """Train, and write the model folder: best weights, metrics.csv, training.json. Of several
    processes, each calls this with the same `start`, and rank 0 writes.

    `run_folder` is where trackers store their files; None: in the model folder.
    """
    checkpoints = folder / CHECKPOINTS
    if is_finished(folder):
        return
    tokenizer = TextTokenizer.load(tokenizer_file)
    model = _fresh_model(config, tokenizer)
    tasks, cleaning = config.tasks, config.cleaning
    prompts = {task.title: TaskPrompt.of(task.title, tasks[task.name], cleaning) for task in data}
    start_step, checkpoint = start or resumed(folder)
    module_data = _data_module(config, data, prompts, tokenizer, start_step=start_step)
    horizon_name = "max_steps" if config.trainer.max_epochs is None else "max_epochs"
    config = _with_horizon(config, module_data.horizon())
    settings = config.trainer
    metric = _validation_metric(config, data, prompts, tokenizer)
    module = TransformerModule(model, config.optimizer, settings, metric, teacher=_teacher(config))
    averaging = _averaging(config, checkpoints, start_step=start_step)
    ending, seeds, stop = Ending(), StepSeeds(config.seed), StopOnSignal(checkpoints)
    budget = Budget(settings, ending, horizon_name=horizon_name)
    weights = averaging.weights if isinstance(averaging, MovingAverage) else weights_of
    snapshots = Snapshots(checkpoints, ending, patience=settings.patience, weights=weights)
    names = run_names(run_folder or folder)
    loggers = Loggers(config, names)
    with _progress(config) as task:
        metrics = MetricsFile(folder / METRICS_FILE, budget, snapshots, task, module, loggers)
        callbacks = [seeds, FiniteLoss(), ending, budget, metrics]
        callbacks += [averaging] if averaging else []
        callbacks += [*build_callbacks(config, ending, names), *_pruning(config), snapshots, stop]
        has_profile = settings.has_profile and is_first_rank()
        callbacks += [Profile(folder / PROFILE_FILE)] if has_profile else []
        trainer = build_trainer(config, callbacks, module_data, loggers=loggers, names=names)
        loggers.start()
        _fit(trainer, module, module_data, checkpoint=checkpoint, stop=stop)
    average = None
    if isinstance(averaging, LastWeights):
        checker = build_trainer(config, [], module_data)
        average = offer_mean(averaging, checker, module, module_data, snapshots=snapshots)
    record = _record(trainer, module_data, model, budget=budget, metrics=metrics, chosen=snapshots)
    record = replace(record, average_last=average, processes=tuple(seeds.processes))
    if trainer.is_global_zero:
        check_saved(checkpoints / BEST_FILE)
        load_weights(model, checkpoints / BEST_FILE)
        _save_origin(config, model, folder)
        trained = MegatronTuringForConditionalGeneration(model, tokenizer, prompts, data[0].title)
        trained.write_files(folder)
        write_record(folder / TRAINING_FILE, record)
        checkpoints.rename(folder / DONE)
        shutil.rmtree(folder / DONE)


def _pruning(config: Config) -> list[lightning.Callback]:
    if config.trial is None:
        return []
    from mtnlg.training.pruning import Pruning

    return [Pruning(config.trial)]


def _with_horizon(config: Config, num_steps: int) -> Config:
    """The same settings, with the horizon in steps. Those of epochs are only counted now."""
    late_peak = config.optimizer.late_peak(num_steps)
    if late_peak and config.trainer.max_epochs is not None:
        logger.warning(late_peak)
    return replace(config, trainer=replace(config.trainer, max_steps=num_steps, max_epochs=None))


def is_finished(folder: Path) -> bool:
    """Whether an earlier attempt was killed after it had written all files."""
    shutil.rmtree(folder / DONE, ignore_errors=True)
    return (folder / TRAINING_FILE).exists() and not (folder / CHECKPOINTS).exists()


def resumed(folder: Path) -> tuple[int, Path | None]:
    """The step and checkpoint that an interrupted training left; 0 and None for a new training."""
    checkpoints = folder / CHECKPOINTS
    checkpoints.mkdir(parents=True, exist_ok=True)
    newest = newest_sound_checkpoint(checkpoints)
    if newest is None:
        return 0, None
    logger.info(f"training continues from step {newest[0]:,} ({newest[1]})")
    return newest


def _progress(config: Config) -> AbstractContextManager[Task]:
    """Shows the progress of the training, unless something else does."""
    title, num_steps = f"training {config.our_model.name}", config.trainer.horizon
    if has_own_progress_bar(config) and is_first_rank():
        return track(title, num_steps)
    return nullcontext(Task(title, num_steps))


def _record(
    trainer: lightning.Trainer,
    data: TokenDataModule,
    model: Transformer,
    *,
    budget: Budget,
    metrics: MetricsFile,
    chosen: Snapshots,
) -> Training:
    cut_sources, cut_targets = data.train.num_cut()
    is_derived = data.settings.step_target_tokens is not None
    num_parameters, num_trained = count_parameters(model)
    return Training(
        steps=trainer.global_step,
        ended_by=chosen.ending.reason,
        best_step=chosen.best_step,
        best_validation_loss=chosen.best_loss,
        best_validation_metric=chosen.best_metric if math.isfinite(chosen.best_metric) else None,
        parameters=num_parameters,
        trained_parameters=num_trained,
        training_tokens=metrics.tokens,
        training_target_tokens=metrics.target_tokens,
        training_flops=metrics.flops,
        training_seconds=budget.seconds,
        cut_sources=cut_sources,
        cut_targets=cut_targets,
        accumulation=data.accumulation if is_derived else None,
        peak_memory_bytes=peak_memory_bytes(),
        threads=torch.get_num_threads(),
        devices=trainer.world_size,
    )


def _averaging(
    config: Config, checkpoints: Path, *, start_step: int
) -> MovingAverage | LastWeights | None:
    """The average of the weights that the configuration asks for."""
    if config.trainer.ema_decay is not None:
        return MovingAverage(config.trainer.ema_decay)
    if config.trainer.average_last is not None:
        return LastWeights(checkpoints, config.trainer.average_last, start_step=start_step)
    return None


def _teacher(config: Config) -> Teacher | None:
    distillation = config.distillation
    if distillation.teacher is None or config.distilled is not DistillationKind.logits:
        return None
    model = load_model(Path(distillation.teacher)).requires_grad_(False)
    return Teacher(model, distillation.temperature, distillation.weight)


def _fresh_model(config: Config, tokenizer: TextTokenizer) -> Transformer:
    if config.trainer.num_threads is not None:
        torch.set_num_threads(config.trainer.num_threads)
    torch.manual_seed(config.seed)
    model = Transformer(config.our_model, tokenizer.vocabulary_size)
    model.recomputes_blocks = config.trainer.activation_checkpointing
    if config.initial_model is not None:
        start_from(model, Path(config.initial_model))
    if config.trainer.frozen is not None:
        freeze(model, config.trainer.frozen)
    if config.lora.rank is not None:
        add_adapters(model, config.lora)
    return model


def _save_origin(config: Config, model: Transformer, folder: Path) -> None:
    """Write the license of the initial model, and the adapters of a model that has some, which
    become part of its weights.
    """
    if config.initial_model is None:
        return
    write_license(folder, read_license(Path(config.initial_model)))
    if config.lora.rank is not None:
        weights = file_sha256(Path(config.initial_model) / WEIGHTS_FILE)
        save_adapters(folder, model, config.lora, initial_weights=weights)
        merge_adapters(model)


def _fit(
    trainer: lightning.Trainer,
    module: TransformerModule,
    data: TokenDataModule,
    *,
    checkpoint: Path | None,
    stop: StopOnSignal,
) -> None:
    """Run the training. Lightning makes an exit with status 1 of what a second signal raises."""
    try:
        trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit:
        raise Signalled(stop.request.number or signal.SIGINT) from None
    except Exception as error:
        step = trainer.global_step
        reason = explained(error, stop.folder, step=step, batch=stop.batch)
        if reason is error:
            raise
        raise reason from error


def peak_memory_bytes() -> int:
    """The peak memory of this process: of the GPU if it uses one, otherwise resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return int(torch.cuda.max_memory_allocated())
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else 1024 * kilobytes


def _validation_metric(
    config: Config,
    data: Sequence[TrainingData],
    prompts: dict[str, TaskPrompt],
    tokenizer: TextTokenizer,
) -> ValidationMetric:
    tasks = []
    for task_data in data:
        task = config.tasks[task_data.name]
        if task.validation_split is not None:
            rows: list[Row] = []
            if task.main_metric is not None:
                rows = list(read_rows(task_data.rows / rows_file(VALIDATION)))
            chosen = fixed_rows(rows, config.trainer.validation_rows)
            tasks.append(ValidationTask(prompts[task_data.title], chosen, task.main_metric))
    decoding = DecodingConfig(max_new_tokens=VALIDATION_OUTPUT_TOKENS)
    return ValidationMetric(
        tasks, tokenizer, decoding, num_samples=config.trainer.validation_samples
    )


def _data_module(
    config: Config,
    data: Sequence[TrainingData],
    prompts: dict[str, TaskPrompt],
    tokenizer: TextTokenizer,
    *,
    start_step: int,
) -> TokenDataModule:
    builder = PromptBuilder(tokenizer, config.our_model.context_length)

    def split(task_data: TrainingData, name: str) -> TaskSplit:
        tokens, prompt = read_token_split(task_data.tokens, name), prompts[task_data.title]
        if prompt.kind is TaskKind.language_modeling:
            tokens = cut_into_chunks(
                tokens, builder.longest_target(prompt.kind), title=task_data.title
            )
        return TaskSplit(prompt, tokens, config.tasks[task_data.name].weight)

    train, validation = [], []
    for task_data in data:
        task = config.tasks[task_data.name]
        if task.train_split is not None:
            train.append(split(task_data, "train"))
        if task.validation_split is not None:
            validation.append(SequenceDataset([split(task_data, "validation")], builder))
    if config.trainer.task_temperature is not None:
        sizes, weights = [len(part.tokens) for part in train], [part.weight for part in train]
        tempered = temper_weights(sizes, weights, config.trainer.task_temperature)
        train = [replace(part, weight=weight) for part, weight in zip(train, tempered, strict=True)]
    dropout, segmenter = config.trainer.bpe_dropout, None
    if dropout is not None:
        segmenter = DropoutSegmenter(tokenizer, probability=dropout, seed=config.seed)
    return TokenDataModule(
        SequenceDataset(train, builder, segmenter=segmenter),
        validation,
        config.trainer,
        seed=config.seed,
        start_step=start_step,
    )
