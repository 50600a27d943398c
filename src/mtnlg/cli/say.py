"""`mtnlg say`: give a text to a trained model and print its answer."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mtnlg.errors import MtnlgError


def _say(words: list[str]) -> int:
    """`mtnlg say --model FOLDER [--task NAME] [--set NAME=VALUE] TEXT...`; without a text, lines of
    standard input.
    """
    options = _say_parser().parse_args(words)
    decoding: dict[str, Any] = {}
    if options.set:
        from mtnlg.experiment.compose import decoding_settings

        decoding = decoding_settings(options.set)
    if options.num_beams is not None:
        if "num_beams" in decoding:
            raise MtnlgError("--num-beams and --set num_beams say the same; give one of them")
        decoding |= {"num_beams": options.num_beams} if options.num_beams > 1 else {}
    from mtnlg import MegatronTuringForConditionalGeneration

    model = MegatronTuringForConditionalGeneration.from_pretrained(options.model)
    texts = options.text or [line.rstrip("\n") for line in sys.stdin]
    chosen = {"task": options.task, "prefix": options.prefix, **decoding}
    with _warnings_as_lines():
        if not options.stream:
            for answer in model.generate(texts, **chosen):
                print(answer)
            return 0
        for text in texts:
            for piece in model.stream(text, **chosen):
                print(piece, end="", flush=True)
            print()
    return 0


def _say_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mtnlg say", description="Give a text to a trained model and print its answer."
    )
    parser.add_argument(
        "--model", required=True, help="a model folder, such as artifacts/model/<key>"
    )
    parser.add_argument("--task", help="a task that the model knows; without it, the model's first")
    parser.add_argument("--num-beams", type=int, help="1: greedy, as without it")
    parser.add_argument("--prefix", help="text that every answer begins with")
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="any setting of decoding, as in --set max_new_tokens=32 --set strategy=sampling; "
        "can be given several times",
    )
    parser.add_argument(
        "--stream", action="store_true", help="print each answer while it is made, without beams"
    )
    parser.add_argument(
        "text", nargs="*", help="one answer for each; without any, for each line of standard input"
    )
    return parser


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print warnings as users read them, without the place in the source."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: print(
            f"warning: {message}", file=sys.stderr
        )
        yield
