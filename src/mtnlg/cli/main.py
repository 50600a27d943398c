"""The command line: one parser, and the commands in their order."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

from mtnlg import __version__
from mtnlg.cli.command import Parser, guarded
from mtnlg.cli.streams import open_streams
from mtnlg.process.progress import show_messages

STAGES = {
    "prepare": "raw text to rows, tokenizer and token arrays",
    "train": "token arrays to a model folder",
    "generate": "a model folder and test sets to predictions",
    "evaluate": "predictions to scores",
    "report": "the scores of a launch to index.html, leaderboard.md, .csv, .json and .tex",
    "run": "all five stages, and whatever is missing of each",
}
COMMANDS = {
    **{name: ("stage.add_parser", summary) for name, summary in STAGES.items()},
    "data": (
        "data.add_parser",
        "rows, lengths, repeats, contamination and known faults of data sets",
    ),
    "say": ("say.add_parser", "answers of a trained model"),
    "score": ("score.add_parser", "outputs of any system against references, from files of texts"),
    "doctor": (
        "doctor.add_parser",
        "outputs as other programs measure them, and what is wrong with the texts",
    ),
    "import": (
        "import_command.add_parser",
        "outputs of somebody else's system, as a row of a board",
    ),
    "diff": (
        "diff.add_parser",
        "two runs: settings, scores by paired tests, examples that moved most",
    ),
    "reproduce": (
        "reproduce.add_parser",
        "a run made again from its manifest, with a verdict for each stage",
    ),
    "gate": ("gate.add_parser", "for CI: exit 1 where a run is worse than a baseline"),
    "benchmark": ("benchmark.add_parser", "speed beside other programs, on this machine"),
    "peer": (
        "peer.add_parser",
        "an encoder-decoder of transformers that learns what a run learned, for as long",
    ),
    "runs": ("runs.add_parser", "list, show, compare, clean and measure runs"),
    "publish": (
        "publish.add_parser",
        "a board with its record into reports/published and README.md",
    ),
    "ratings": (
        "ratings.add_parser",
        "sheets for people who rate outputs, and their answers",
    ),
    "leaks": (
        "data.add_leaks_parser",
        "the known contamination of public data sets, counted again",
    ),
    "export": (
        "export.add_parser",
        "a model as a folder of transformers, peft, CTranslate2 or llama.cpp",
    ),
    "push": ("export.add_push_parser", "a model exported to the Hugging Face hub"),
}
"""Command -> the function of this package that declares it, and its line of help."""
GARBAGE_THRESHOLD = 50_000
"""New objects before Python looks for cycles; a configuration is tens of thousands, without any."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; the arguments are those of the process."""
    if arguments is None:
        open_streams()
        gc.set_threshold(GARBAGE_THRESHOLD)
    words = list(sys.argv[1:] if arguments is None else arguments)
    show_messages()
    return guarded(lambda: _run(words or ["--help"]))


def _run(words: list[str]) -> int | None:
    try:
        options, rest = make_parser(words[0]).parse_known_args(words)
    except SystemExit as end:  # of --help and --version
        return int(end.code or 0)
    for word in rest:
        if word.startswith("-") or "overrides" not in options:
            options.parser.refuse(word)
    options.words = words[1:]
    status: int | None = options.run(options)
    return status


def make_parser(command: str | None = None) -> Parser:
    """The parser of the whole command line. With a first word, only the command of that name has
    options: the others are not imported, so that help and errors come at once.
    """
    parser = Parser(
        prog="mtnlg",
        description="Train and evaluate a Megatron-Turing-style transformer, from raw text to a "
        "leaderboard.",
        epilog="For example: mtnlg run experiment=demo. `mtnlg COMMAND --help` shows its options.",
    )
    parser.add_argument("--version", "-V", action="version", version=f"mtnlg {__version__}")
    commands = parser.add_commands()
    for name, (function, summary) in COMMANDS.items():
        if command in (None, name):
            module, _, add = function.partition(".")
            getattr(import_module(f"mtnlg.cli.{module}"), add)(commands, name, summary)
        else:
            commands.add_parser(name, help=summary)
    return parser


if __name__ == "__main__":
    sys.exit(main())
