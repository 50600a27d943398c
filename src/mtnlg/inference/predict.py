"""One model on one split, from rows to predictions.jsonl, or to targets for a student."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mtnlg.config import DecodingConfig
from mtnlg.errors import TrainingError
from mtnlg.inference.likelihood import bits_per_byte, target_likelihoods
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.inference.text_generator import Generated, TextGenerator
from mtnlg.process.progress import track
from mtnlg.records.codec import write_record
from mtnlg.records.files import JsonObject, JsonValue, write_jsonl
from mtnlg.records.places import GENERATION_FILE, PREDICTIONS_FILE
from mtnlg.records.rows import Prediction, Row, read_rows, read_tags
from mtnlg.records.stages import Generation

logger = logging.getLogger(__name__)

ALTERNATIVES_FILE, LIKELIHOOD_FILE = "alternatives.jsonl", "likelihood.jsonl"


def predict_test_set(
    model_folder: Path,
    task: str,
    rows_file: Path,
    decoding: DecodingConfig,
    *,
    signals_file: Path,
    folder: Path,
) -> None:
    """Write predictions.jsonl, with the contamination signals of each row, and generation.json."""
    pretrained = MegatronTuringForConditionalGeneration.from_pretrained(model_folder)
    rows = list(read_rows(rows_file))
    tags = read_tags(signals_file)
    generator = TextGenerator(pretrained.model, pretrained.tokenizer)
    generated, record = _decoded(generator, rows, pretrained.find_task(task), decoding, rows_file)
    best = (alternatives[0] for alternatives in generated.texts)
    predictions = (
        Prediction(row.id, row.source, row.references, text, tags[row.id]).to_json()
        for row, text in zip(rows, best, strict=True)
    )
    write_jsonl(folder / PREDICTIONS_FILE, predictions)
    if decoding.num_alternatives > 1:
        write_jsonl(folder / ALTERNATIVES_FILE, _alternatives(rows, generated))
    if decoding.has_likelihood:
        bits, num_cut = _write_likelihood(
            generator, rows, pretrained.find_task(task), decoding, folder
        )
        record = replace(record, bits_per_byte=bits, cut_targets=num_cut)
    write_record(folder / GENERATION_FILE, record)


def predict_targets(
    model_folder: Path, task: str, rows_file: Path, decoding: DecodingConfig, *, folder: Path
) -> None:
    """Write the rows with the model's outputs in place of their references, without those whose
    output is empty, and generation.json; raises TrainingError where no row is left.
    """
    pretrained = MegatronTuringForConditionalGeneration.from_pretrained(model_folder)
    rows = list(read_rows(rows_file))
    generator = TextGenerator(pretrained.model, pretrained.tokenizer)
    generated, record = _decoded(generator, rows, pretrained.find_task(task), decoding, rows_file)
    pairs = zip(rows, (alternatives[0] for alternatives in generated.texts), strict=True)
    kept = [replace(row, references=(text,)) for row, text in pairs if text]
    if not kept:
        raise TrainingError(f"{model_folder}: the teacher has no output for {task}")
    if len(kept) < len(rows):
        logger.warning(f"{len(rows) - len(kept)} of {len(rows)} outputs of the teacher are empty")
    write_jsonl(folder / rows_file.name, (row.to_json() for row in kept))
    write_record(folder / GENERATION_FILE, record)


def _decoded(
    generator: TextGenerator,
    rows: Sequence[Row],
    task: TaskPrompt,
    decoding: DecodingConfig,
    rows_file: Path,
) -> tuple[Generated, Generation]:
    """The outputs for the sources of rows, and what they took."""
    started = time.monotonic()
    with track(f"decoding {task.name} {rows_file.stem}", len(rows)) as progress:
        sources = [row.source for row in rows]
        generated = generator.generate(sources, task, decoding, on_progress=progress.advance)
    seconds = time.monotonic() - started
    record = Generation(
        rows=len(rows),
        seconds=round(seconds, 3),
        tokens=generated.num_tokens,
        decoding_tokens_per_second=round(generated.num_tokens / seconds, 1),
        cut_prompts=generated.num_cut_prompts,
        cut_tokens=generated.num_cut_tokens,
        unfinished=generated.num_unfinished,
    )
    if generated.num_cut_prompts:
        logger.warning(
            f"{generated.num_cut_prompts} of {len(rows)} prompts did not fit the context "
            "and were cut"
        )
    return generated, record


def _write_likelihood(
    generator: TextGenerator,
    rows: Sequence[Row],
    task: TaskPrompt,
    decoding: DecodingConfig,
    folder: Path,
) -> tuple[float, int]:
    """Write likelihood.jsonl; returns the bits per byte and how many targets were cut."""
    likelihoods = target_likelihoods(
        generator.model,
        generator.prompts,
        [row.source for row in rows],
        [row.references[0] for row in rows],
        task,
        batch_tokens=decoding.batch_tokens,
    )
    num_cut = sum(likelihood.is_cut for likelihood in likelihoods)
    if num_cut:
        logger.warning(
            f"{num_cut} of {len(rows)} targets are longer than half of the context; "
            "their beginnings alone count in bits_per_byte"
        )
    lines = (value.to_json(row.id) for row, value in zip(rows, likelihoods, strict=True))
    write_jsonl(folder / LIKELIHOOD_FILE, lines)
    return round(bits_per_byte(likelihoods), 6), num_cut


def _alternatives(rows: Sequence[Row], generated: Generated) -> Iterator[JsonObject]:
    """The texts of each row, best first, with their scores and the utilities that order them."""
    columns: dict[str, Sequence[Sequence[JsonValue]]] = {
        "text": generated.texts,
        "score": generated.scores,
    }
    if generated.utilities is not None:
        columns["utility"] = generated.utilities
    for index, row in enumerate(rows):
        values = zip(*(column[index] for column in columns.values()), strict=True)
        alternatives: list[JsonValue] = [dict(zip(columns, each, strict=True)) for each in values]
        yield {"id": row.id, "alternatives": alternatives}
