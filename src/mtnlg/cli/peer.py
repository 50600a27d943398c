"""`mtnlg peer RUN FOLDER`: an encoder-decoder of transformers that learns what a run learned."""

from __future__ import annotations

import argparse
from pathlib import Path

from mtnlg.cli.command import Subparsers, add_command, add_roots


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Train Marian's encoder-decoder with transformers' Seq2SeqTrainer on the rows "
        "of a run, with its tokenizer, seed and width, for as much processor time as the run's "
        "model took. `mtnlg run system=hf/FOLDER` then puts it on a board.",
    )
    parser.add_argument("RUN", help="a run's folder, its id, or the beginning of its id")
    parser.add_argument("FOLDER", type=Path, help="a new folder of transformers")
    parser.add_argument("--seconds", type=float, help="of processor time (the run's)")
    parser.add_argument("--learning-rate", type=float, default=7e-4, help="(0.0007)")
    parser.add_argument("--dropout", type=float, default=0.1, help="(0.1)")
    add_roots(parser, ["runs", "artifacts"])


def run(options: argparse.Namespace) -> None:
    """Train the peer, and say how it gets onto a board."""
    from mtnlg.benchmark.marian import Recipe, read_lesson, train_marian
    from mtnlg.config.checks import above, check
    from mtnlg.provenance.manifest import find_run

    if options.seconds is not None:
        check("--seconds", options.seconds, above(0))
    run = find_run(options.RUN, runs_root=options.runs_root)
    lesson = read_lesson(run, artifacts_root=options.artifacts_root, seconds=options.seconds)
    recipe = Recipe(learning_rate=options.learning_rate, dropout=options.dropout)
    train_marian(lesson, recipe, options.FOLDER)
    (task,) = run.record.tasks
    print(f"mtnlg run task={task.task} system=hf/{options.FOLDER}")
