"""What all commands share: the parser, and how they end."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from mtnlg.cli.streams import output_error
from mtnlg.errors import ArtifactError, ConfigError, MtnlgError, suggestion

Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"
Run = Callable[[argparse.Namespace], int | None]
"""Runs a command with its options and returns the exit status; None is 0."""
DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""Errors of the operating system that may come without the name of a file."""
INTERRUPTED, READER_LEFT = 130, 141
"""Exit statuses after Ctrl-C, and after the reader of the output left, as in shells."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage."""

    commands: Mapping[str, Parser] = {}
    """Its subcommands by name."""
    takes_settings = False
    """Whether words such as key=value may stand beside its options."""

    def add_commands(self) -> Subparsers:
        """The action to add subcommands to; the command line must begin with one of them."""
        subparsers = self.add_subparsers(title="commands", metavar="COMMAND", required=True)
        self.commands = subparsers.choices
        return subparsers

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but report unknown words before missing options."""
        words = list(args or ())
        if self.commands:
            self._check_command(words[:1])
        else:
            self._check_options(takewhile(lambda word: word != "--", words))
        return super().parse_known_args(words, namespace)

    def _check_command(self, words: Sequence[str]) -> None:
        known = [*self.commands, *self._option_string_actions]
        for word in words:
            if word not in known:
                from mtnlg.config.foreign_names import look_up

                kind = "option" if word.startswith("-") else "command"
                foreign = look_up(word, "commands")
                hint = f"; {foreign}" if foreign else suggestion(word, known)
                hint = hint or f"; known: {', '.join(self.commands)}"
                raise ConfigError(f"unknown {kind} {word!r}{hint}")

    def _check_options(self, words: Iterable[str]) -> None:
        for word in words:
            name = word.partition("=")[0]
            options = self._option_string_actions
            like = [option for option in options if option.startswith(name)]
            is_known = name in options or len(like) == 1 or (like and not self._flag_hint(name))
            if word.startswith("--") and " " not in word and not is_known:
                self.refuse(word)

    def _print_message(self, message: str, file: Any = None) -> None:
        print(message, end="", file=file)  # argparse would hide that nobody reads it

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; `{self.prog} --help` shows all options")

    def refuse(self, word: str) -> NoReturn:
        """Raise ConfigError for a word that no option takes."""
        if not word.startswith("-"):
            self.error(f"unexpected argument {word!r}")
        name = word.partition("=")[0]
        known = [known for known in self._option_string_actions if known.startswith("--")]
        hint = self._flag_hint(name) or suggestion(name, known)
        if self.takes_settings:
            hint = _as_setting(name) or hint
        if not hint:
            self.error(f"unknown option {name!r}")
        raise ConfigError(f"unknown option {name!r}{hint}")

    def _flag_hint(self, name: str) -> str:
        """The end of a message: our option for one of other tools; empty where there is none."""
        from mtnlg.config.foreign_names import look_up

        hint = look_up(name, "flags") or ""
        is_ours = hint.split(" ")[0].rstrip(",") in self._option_string_actions
        return f"; use {hint}" if is_ours else ""


def _as_setting(name: str) -> str:
    """The end of a message: the setting or choice to write instead of an option; empty if none."""
    from mtnlg.config.foreign_names import look_up, setting_paths

    plain = name.strip("-").replace("-", "_")
    if hint := look_up(name, "options", "anywhere"):
        return f"; settings are key=value: {hint}"
    if plain in ("task", "model", "experiment", "tokenizer", "trainer", "decoding", "evaluation"):
        return f"; settings are key=value: choose {plain}=<name>"
    path = setting_paths().get(plain)
    return f"; settings are key=value: set {path}" if path else ""


def add_command(
    subparsers: Subparsers, name: str, run: Run | None, summary: str, **settings: Any
) -> Parser:
    """The parser of a new command; its options carry `run`, which is None with subcommands."""
    settings.setdefault("description", f"{summary[0].upper()}{summary[1:]}.")
    parser = subparsers.add_parser(name, help=summary, **settings)
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_roots(parser: Parser, names: Sequence[str]) -> None:
    """Add options for the folders that a run writes to, such as --runs-root."""
    for name in names:
        parser.add_argument(
            f"--{name}-root",
            type=Path,
            default=Path(name),
            metavar="FOLDER",
            help=f"folder of all {name} ({name})",
        )


def add_number(parser: Parser, name: str, default: int, what: str) -> None:
    """Add an option for a whole number, whose help shows its default."""
    parser.add_argument(
        f"--{name}", type=int, default=default, metavar="N", help=f"{what} ({default})"
    )


def guarded(work: Callable[[], int | None], *, when_interrupted: str = "interrupted") -> int:
    """The exit status of the work. Print user errors and files that the system refuses as one line;
    Ctrl-C and a standard output that cannot be written give no traceback.
    """
    try:
        status = work() or 0
        sys.stdout.flush()
    except MtnlgError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        print(when_interrupted.replace("interrupted", str(error) or "interrupted"), file=sys.stderr)
        return getattr(error, "exit_code", INTERRUPTED)
    except OSError as error:
        cause = output_error() if error.filename is None else None
        if cause is None:
            return _refused(error)
        if isinstance(cause, BrokenPipeError):
            return READER_LEFT
        print(f"error: standard output: {cause.strerror}", file=sys.stderr)
        return ArtifactError.exit_code
    return status


def _refused(error: OSError) -> int:
    """Name a file that the operating system refuses; any other of its errors is a bug."""
    if error.filename is None and error.errno not in DISK_FAULTS:
        raise error
    from mtnlg.records.files import disk_fault

    print(f"error: {disk_fault(error, Path(error.filename or '.'))}", file=sys.stderr)
    return ArtifactError.exit_code
