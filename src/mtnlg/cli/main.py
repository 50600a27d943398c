"""The command line: `mtnlg <stage> [Hydra overrides]`, and the commands of COMMANDS. Prints errors
of users as one line, without a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from mtnlg import __version__
from mtnlg.cli.data import _data
from mtnlg.cli.leaks import _leaks
from mtnlg.cli.say import _say
from mtnlg.cli.stage import INTERRUPTED, STAGES, _stage
from mtnlg.errors import MtnlgError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command, rest = (words[0], words[1:]) if words else ("--help", [])
    try:
        if command in STAGES:
            return _stage(command, rest)
        if command in COMMANDS:
            return COMMANDS[command](rest)
        if command in ("--version", "-V"):
            print(f"mtnlg {__version__}")
            return 0
        print(_usage(), file=sys.stdout if command in ("--help", "-h") else sys.stderr)
        return 0 if command in ("--help", "-h") else 2
    except MtnlgError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED


def _diff(words: list[str]) -> int:
    """`mtnlg diff A B`."""
    from mtnlg.cli.diff import diff

    return diff(words)


def _on_texts(command: str) -> Callable[[list[str]], int]:
    """`mtnlg doctor`, `import` or `score`, whose files are texts of any system."""

    def run(words: list[str]) -> int:
        from mtnlg.cli.doctor import doctor
        from mtnlg.cli.import_system import import_system
        from mtnlg.cli.score import score

        commands = {"doctor": doctor, "import": import_system, "score": score}
        try:
            return commands[command](words)
        except KeyboardInterrupt:  # there is no checkpoint to go on from
            print("interrupted", file=sys.stderr)
            return INTERRUPTED

    return run


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "data": _data,
    "diff": _diff,
    "doctor": _on_texts("doctor"),
    "import": _on_texts("import"),
    "leaks": _leaks,
    "say": _say,
    "score": _on_texts("score"),
}


def _usage() -> str:
    lines = [f"  {name:<10}{what}" for name, what in STAGES.items()]
    return "\n".join(
        [
            "mtnlg <stage> [overrides]     e.g. mtnlg run experiment=demo",
            "",
            *lines,
            "",
            "  data      rows, lengths, repeats, contamination and known faults of data sets",
            "  diff      two runs: settings, scores by paired tests, examples that moved most",
            "  doctor    outputs as others measure them, and what is wrong with the texts",
            "  import    outputs of somebody else's system, as a row of a board",
            "  leaks     what public data sets are known to leak, counted again",
            "  say       give a text to a model folder",
            "  score     outputs of any system against references, from files of text",
            "",
            "Hydra's options work after each stage: -m for a sweep, --cfg job to see the "
            "configuration, --help for what can be chosen.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
