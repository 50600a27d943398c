"""A teacher's outputs for training sources, as an artifact of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mtnlg.artifacts.source import Code
from mtnlg.artifacts.store import Artifact, make_folder
from mtnlg.config import Config, DecodingConfig, plain_settings
from mtnlg.experiment.artifacts import Prepared, decoding_rows
from mtnlg.experiment.machine import num_threads
from mtnlg.experiment.teacher import teacher_inputs, teacher_task
from mtnlg.records.files import JsonObject
from mtnlg.records.places import TRAIN, rows_file


def make_targets(config: Config, name: str, prepared: Prepared) -> Artifact:
    """The training rows of one data set with the teacher's outputs as targets."""
    task = teacher_task(config, name)
    num_beams = config.distillation.num_beams
    decoding = DecodingConfig(max_new_tokens=config.decoding.max_new_tokens)
    if num_beams > 1:
        decoding = replace(decoding, strategy="beam", num_beams=num_beams)
    inputs: JsonObject = {
        **teacher_inputs(config),
        "rows": prepared.rows_hash(name, TRAIN),
        "task": task,
        "decoding": plain_settings(decoding),
    }

    def build(folder: Path) -> None:
        import torch

        from mtnlg.inference.predict import predict_targets

        torch.set_num_threads(num_threads(config.trainer.num_threads))
        rows = prepared.rows[name].folder / rows_file(TRAIN)
        predict_targets(Path(str(config.distillation.teacher)), task, rows, decoding, folder=folder)

    code = Code(
        make_targets,
        packages=("torch",),
        rows=decoding_rows(replace(config, decoding=decoding)),
    )
    return make_folder(config.artifacts_root, "targets", inputs, build, code=code)
