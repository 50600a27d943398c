"""A peer in quality: Marian's encoder and decoder (Junczys-Dowmunt et al. 2018) of transformers,
trained by its Seq2SeqTrainer on the rows of a run for as long as the run's model.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from mtnlg.benchmark.measurement import EXTRA, Stopwatch
from mtnlg.config import ModelConfig
from mtnlg.errors import ConfigError
from mtnlg.model import load_model
from mtnlg.provenance.manifest import Run
from mtnlg.records.files import whole_folder
from mtnlg.records.places import TRAIN, artifact_folder, model_folder, rows_file
from mtnlg.records.rows import read_rows
from mtnlg.records.stages import find_training
from mtnlg.records.transformers_folder import import_transformers
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer

logger = logging.getLogger(__name__)

FEED_FORWARD_FACTOR = 4
LONGEST = 512
"""Tokens of a source or a target; what is longer is cut."""
WARMUP_SHARE = 0.1
"""Of the time; the learning rate then falls linearly to zero."""
LOG_STEPS, MAX_STEPS = 500, 10**9


@dataclass(frozen=True)
class Recipe:
    """How the peer is trained; what is not said here is the Trainer's default."""

    learning_rate: float = 7e-4
    dropout: float = 0.1
    label_smoothing: float = 0.1
    batch_rows: int = 32


@dataclass(frozen=True)
class Lesson:
    """What a peer is trained on, and for how long."""

    pairs: list[dict[str, list[int]]]
    """Ids of a source, and of its target as labels, each with its end."""
    tokenizer: Any
    """Of transformers."""
    model: ModelConfig
    """The run's."""
    seed: int
    threads: int
    seconds: float
    """Of processor time."""


def read_lesson(run: Run, *, artifacts_root: Path, seconds: float | None) -> Lesson:
    """The rows, tokenizer and width of a run, half of its layers on each side, and the time that
    its training took, unless `seconds` says another. Raises ConfigError for a run that trained no
    model on one task.
    """
    for package in ("transformers", "accelerate"):
        if find_spec(package) is None:
            raise ConfigError(f"mtnlg peer: needs the package {package}; {EXTRA}")
    keys = run.record.artifacts
    training = find_training(keys.model, artifacts_root=artifacts_root)
    if training is None or not (keys.model and keys.tokenizer) or len(keys.rows) != 1:
        raise ConfigError(
            f"{run.folder}: a peer learns what a run learned; this run did not train a model on "
            f"one task below {artifacts_root}"
        )
    (rows,) = keys.rows.values()
    folder = artifact_folder(artifacts_root, "tokenizer", keys.tokenizer)
    tokenizer = _tokenizer(TextTokenizer.load(folder / TOKENIZER_FILE))
    path = artifact_folder(artifacts_root, "rows", rows) / rows_file(TRAIN)
    texts = [(row.source, row.references[0]) for row in read_rows(path)]
    sources, targets = (
        tokenizer(list(side), truncation=True, max_length=LONGEST)["input_ids"]
        for side in zip(*texts, strict=True)
    )
    return Lesson(
        [
            {"input_ids": source, "labels": target}
            for source, target in zip(sources, targets, strict=True)
        ],
        tokenizer,
        load_model(model_folder(artifacts_root, keys.model)).config,
        run.record.seed or 0,
        training.threads,
        training.training_seconds * training.threads if seconds is None else seconds,
    )


def train_marian(lesson: Lesson, recipe: Recipe, folder: Path) -> None:
    """Write config, weights and tokenizer of the trained peer into a new folder."""
    with whole_folder(folder) as partial:
        model = _trained(lesson, recipe, partial)
        model.save_pretrained(partial)
        lesson.tokenizer.save_pretrained(partial)


def _trained(lesson: Lesson, recipe: Recipe, folder: Path) -> Any:
    import transformers

    torch.set_num_threads(lesson.threads)
    transformers.set_seed(lesson.seed)
    model, clock = _model(lesson, recipe), _clock(lesson.seconds)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: clock.learning_rate_share)
    settings = transformers.Seq2SeqTrainingArguments(
        output_dir=str(folder),
        max_steps=MAX_STEPS,
        per_device_train_batch_size=recipe.batch_rows,
        train_sampling_strategy="group_by_length",
        label_smoothing_factor=recipe.label_smoothing,
        seed=lesson.seed,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        logging_steps=LOG_STEPS,
        disable_tqdm=True,
    )
    trainer = transformers.Seq2SeqTrainer(
        model,
        settings,
        data_collator=transformers.DataCollatorForSeq2Seq(lesson.tokenizer, model=model),
        train_dataset=lesson.pairs,
        callbacks=[clock],
        optimizers=(optimizer, schedule),
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    logger.info(
        "%s parameters, %s steps in %.0f s of processor time",
        f"{model.num_parameters():,}",
        f"{trainer.state.global_step:,}",
        clock.seconds,
    )
    return model


def _tokenizer(ours: TextTokenizer) -> Any:
    """Our tokenizer for transformers; a text ends with the end."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    transformers = import_transformers("mtnlg peer: needs the package transformers")
    tokenizer = Tokenizer.from_str(ours.to_json())
    pad, end = (tokenizer.id_to_token(id_) for id_ in (ours.pad_id, ours.end_id))
    tokenizer.post_processor = TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, ours.end_id)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token=end
    )


def _model(lesson: Lesson, recipe: Recipe) -> Any:
    """The run's width and heads, and half of its layers on each side."""
    import transformers

    tokenizer, model = lesson.tokenizer, lesson.model
    num_layers = max(model.num_layers // 2, 1)
    config = transformers.MarianConfig(
        vocab_size=len(tokenizer),
        d_model=model.hidden_size,
        encoder_layers=num_layers,
        decoder_layers=num_layers,
        encoder_attention_heads=model.num_heads,
        decoder_attention_heads=model.num_heads,
        encoder_ffn_dim=FEED_FORWARD_FACTOR * model.hidden_size,
        decoder_ffn_dim=FEED_FORWARD_FACTOR * model.hidden_size,
        max_position_embeddings=LONGEST,
        dropout=recipe.dropout,
        scale_embedding=True,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        forced_eos_token_id=None,
    )
    return transformers.MarianMTModel(config)


def _clock(seconds: float) -> Any:
    """A callback that ends a training after so much processor time, and logs its loss."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        watch: Stopwatch | None = None

        @property
        def seconds(self) -> float:
            return self.watch.cost().processor if self.watch else 0.0

        @property
        def learning_rate_share(self) -> float:
            share = min(self.seconds / seconds, 1.0)
            return min(share / WARMUP_SHARE, (1 - share) / (1 - WARMUP_SHARE))

        def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
            self.watch = Stopwatch()

        def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
            control.should_training_stop = self.seconds >= seconds

        def on_log(self, args: Any, state: Any, control: Any, **named: Any) -> None:
            if "loss" in (logs := named.get("logs") or {}):
                logger.info("step %s loss %.3f", state.global_step, logs["loss"])

    return Clock()
