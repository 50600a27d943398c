"""Hydra's own flags: declared for the help and for mistakes, then passed to Hydra as they are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from mtnlg.cli.command import Parser
from mtnlg.errors import ConfigError

INFO_TOPICS = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
FLAGS_WITH_VALUE = (
    *("--cfg", "-c", "--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp"),
    *("--package", "-p"),
)
"""The flags that take the next word; --info takes it only if it is a topic."""


def add_overrides(parser: Parser) -> argparse._MutuallyExclusiveGroup:
    """Add overrides and Hydra's flags; returns the group of flags that exclude each other."""
    parser.takes_settings = True
    parser.allow_abbrev = False  # an abbreviated flag would not be recognized by `split_flags`
    parser.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="group=choice or key=value"
    )
    flags = parser.add_argument_group("Hydra's flags")
    flags.add_argument("--config-dir", "-cd", metavar="FOLDER", help="of more YAML files")
    flags.add_argument("--config-path", "-cp", metavar="FOLDER", help="instead of mtnlg's conf")
    flags.add_argument("--config-name", "-cn", metavar="NAME", help="instead of config.yaml")
    flags.add_argument(
        "--resolve", action="store_true", help="with --cfg: put in the values of ${...}"
    )
    flags.add_argument("--package", "-p", help="with --cfg: show one part, such as model")
    flags.add_argument("--hydra-help", action="store_true", help="Hydra's own help")
    flags.add_argument("--version", action="store_true", help="Hydra's version")
    flags.add_argument("--experimental-rerun", help=argparse.SUPPRESS)
    modes = flags.add_mutually_exclusive_group()
    modes.add_argument(
        "--cfg", "-c", choices=("job", "hydra", "all"), help="show the configuration, run nothing"
    )
    modes.add_argument(
        "--info",
        "-i",
        nargs="?",
        const="all",
        metavar="TOPIC",
        help=f"show how it is composed, run nothing: {', '.join(INFO_TOPICS)} (all)",
    )
    return modes


def check_flags(options: argparse.Namespace) -> None:
    """Raise ConfigError for flags that Hydra would refuse with a traceback, or ignore."""
    if options.experimental_rerun is not None:
        raise ConfigError(
            "--experimental-rerun: reads a pickle, which can run any code; use --frozen with the "
            "config.yaml of a run"
        )
    for name in ("resolve", "package"):
        if getattr(options, name) and options.cfg is None:
            raise ConfigError(f"--{name}: only works with --cfg job, hydra or all")
    topic = options.info or "all"
    if topic not in INFO_TOPICS and "=" not in topic:
        raise ConfigError(f"--info {topic}: must be one of {', '.join(INFO_TOPICS)}")


def split_flags(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's flags with their values, and the overrides, which Hydra wants side by side."""
    flags: list[str] = []
    overrides: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            overrides.append(word)
        elif word in ("--info", "-i"):
            topic = rest.pop(0) if rest and rest[0] in INFO_TOPICS else "all"
            flags.append(f"--info={topic}")
        else:
            flags.append(word)
            flags += [rest.pop(0)] if word in FLAGS_WITH_VALUE and rest else []
    return flags, overrides


class HelpWithChoices(argparse.Action):
    """--help with the choices of each group, or with what is known of the keys after it; Hydra's
    needs a task and a model for that.
    """

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(
            option_strings, argparse.SUPPRESS, nargs="*", metavar="KEY", help=settings["help"]
        )

    def __call__(self, parser: argparse.ArgumentParser, _: object, words: Any, *__: object) -> None:
        if words:
            from mtnlg.cli.settings_help import settings_text

            print(settings_text(words))
        else:
            parser.print_help()
            print("\n" + choices_text())
        parser.exit()


def choices_text() -> str:
    """The groups of the configuration and the choices of each."""
    lines = ["choices, as group=choice:"]
    for group in sorted(folder.name for folder in _conf().iterdir() if folder.is_dir()):
        if names := choices_of(group):
            lines.append(f"  {group:<12}{', '.join(names)}")
    return "\n".join(
        [
            *lines,
            "",
            "`mtnlg run --help trainer` explains all settings of a group, `--help max_steps` one;",
            "`mtnlg run task=... model=... --cfg job` shows the values of all keys, for key=value.",
        ]
    )


def choices_of(group: str) -> list[str]:
    """The names of the files of a group, shipped ones; empty where there is no such group."""
    folder = _conf() / group
    paths = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.yaml"))
    return sorted(path.as_posix() for path in paths)


def _conf() -> Path:
    return Path(str(resources.files("mtnlg.conf")))
