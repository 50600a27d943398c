"""`mtnlg say`: answers of a trained model to texts."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mtnlg.cli.command import Subparsers, add_command
from mtnlg.errors import ConfigError


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Give texts to a trained model and print its answers.",
    )
    parser.add_argument(
        "--model", required=True, metavar="FOLDER", help="such as artifacts/model/<key>"
    )
    parser.add_argument("--task", metavar="NAME", help="a task of the model (its first)")
    parser.add_argument("--num-beams", type=int, metavar="N", help="1: greedy search (default)")
    parser.add_argument("--prefix", metavar="TEXT", help="text that every answer begins with")
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="a setting of decoding, as in --set max_new_tokens=32 --set strategy=sampling; can be "
        "given several times",
    )
    parser.add_argument(
        "--stream", action="store_true", help="print each answer as it is made; not with beams"
    )
    parser.add_argument(
        "text", nargs="*", help="one answer for each; without any, for each line of standard input"
    )


def run(options: argparse.Namespace) -> None:
    """Print an answer for each text."""
    decoding: dict[str, Any] = {}
    if options.set:
        from mtnlg.experiment.compose import decoding_settings

        decoding = decoding_settings(options.set)
    if options.num_beams is not None:
        from mtnlg.config.checks import at_least, check

        check("--num-beams", options.num_beams, at_least(1))
        if "num_beams" in decoding:
            raise ConfigError("--num-beams and --set num_beams say the same; give one of them")
        decoding |= {"num_beams": options.num_beams} if options.num_beams > 1 else {}
    from mtnlg import MegatronTuringForConditionalGeneration
    from mtnlg.records.files import decode_line, numbered_lines

    model = MegatronTuringForConditionalGeneration.from_pretrained(options.model)
    texts = options.text or [
        decode_line(raw, path="standard input", number=number)
        for number, raw in numbered_lines("standard input", sys.stdin.buffer)
    ]
    settings = {"task": options.task, "prefix": options.prefix, **decoding}
    with _warnings_as_lines():
        if not options.stream:
            for answer in model.generate(texts, **settings):
                print(answer)
            return
        for text in texts:
            for piece in model.stream(text, **settings):
                print(piece, end="", flush=True)
            print()


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print warnings as users read them, without the line of the source."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: print(
            f"warning: {message}", file=sys.stderr
        )
        yield
