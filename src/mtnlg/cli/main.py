"""The command line: one parser, and the commands in their order."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mtnlg import __version__
from mtnlg.cli import (
    data,
    diff,
    doctor,
    export,
    gate,
    import_command,
    publish,
    ratings,
    reproduce,
    runs,
    say,
    score,
    stage,
)
from mtnlg.cli.command import Parser, guarded
from mtnlg.cli.streams import open_streams
from mtnlg.process.progress import show_messages

COMMANDS = (
    *(stage.add_parser, data.add_parser, say.add_parser, score.add_parser, doctor.add_parser),
    *(import_command.add_parser, diff.add_parser, reproduce.add_parser, gate.add_parser),
    *(runs.add_parser, publish.add_parser, ratings.add_parser, data.add_leaks_parser),
    *(export.add_parser, export.add_push_parser),
)
"""Functions that add a command to the parser, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; the arguments are those of the process."""
    if arguments is None:
        open_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    show_messages()
    return guarded(lambda: _run(words or ["--help"]))


def _run(words: list[str]) -> int | None:
    try:
        options, rest = make_parser().parse_known_args(words)
    except SystemExit as end:  # of --help and --version
        return int(end.code or 0)
    for word in rest:
        if word.startswith("-") or "overrides" not in options:
            options.parser.refuse(word)
    options.words = words[1:]
    status: int | None = options.run(options)
    return status


def make_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="mtnlg",
        description="Train and evaluate a Megatron-Turing-style transformer, from raw text to a "
        "leaderboard.",
        epilog="For example: mtnlg run experiment=demo. `mtnlg COMMAND --help` shows its options.",
    )
    parser.add_argument("--version", "-V", action="version", version=f"mtnlg {__version__}")
    commands = parser.add_commands()
    for add_parser in COMMANDS:
        add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
