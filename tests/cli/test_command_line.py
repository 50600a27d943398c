"""The command line before any work: help, mistakes, Hydra's words, start-up, closed pipes.

Oracle unless a test names another: the list of commands, written by hand.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser

from mtnlg.cli.command import Parser
from mtnlg.cli.hydra_flags import FLAGS_WITH_VALUE, INFO_TOPICS, split_flags
from mtnlg.cli.main import STAGES, main, make_parser

RUN = ["run", "task=translation/builtin_en_zh", "model=mt_nlg_nano"]
OTHERS = [
    *("data", "say", "score", "doctor", "import", "diff", "reproduce", "gate", "benchmark", "peer"),
    *("runs", "publish", "ratings", "leaks", "export", "push"),
]
GONE = {"--shell-completion", "-sc"}
"""Hydra's completion knows no subcommands."""


def parsers(
    parser: Parser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Every command as the words that call it, and its parser."""
    for name, command in parser.commands.items():
        yield (*words, name), command
        yield from parsers(command, (*words, name))


COMMANDS = dict(parsers(make_parser()))


def test_all_commands_are_there() -> None:
    assert list(make_parser().commands) == [*STAGES, *OTHERS]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_every_option(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the options that the parser takes, each with words of help or a telling name."""
    assert main([*words, "--help"]) == 0

    shown = capsys.readouterr().out
    options = [one for one in COMMANDS[words]._actions if one.help != argparse.SUPPRESS]
    assert shown.startswith("usage: mtnlg")
    assert all(name in shown for option in options for name in option.option_strings)
    assert all(option.help for option in options if not option.choices)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean 'run'?"),
        (["scroe"], "unknown command 'scroe'; did you mean 'score'?"),
        (["--versoin"], "unknown option '--versoin'; did you mean '--version'?"),
        (["xyz"], "unknown command 'xyz'; known: prepare, train, generate"),
        (["ratings", "raed", "x"], "unknown command 'raed'; did you mean 'read'?"),
        ([*RUN, "--multirum"], "unknown option '--multirum'; did you mean '--multirun'?"),
        ([*RUN, "--xyz=1"], "unknown option '--xyz'; `mtnlg run --help` shows all options"),
        (["publish", "--chekc"], "unknown option '--chekc'; did you mean '--check'?"),
        (["diff", "a", "b", "c"], "unexpected argument 'c'; `mtnlg diff --help` shows"),
        (["diff", "a"], "the following arguments are required: B; `mtnlg diff --help` shows"),
        (["publish"], "one of the arguments EXPERIMENT --check --refresh is required"),
        (["publish", "x", "--check"], "not allowed with argument"),
        (["ratings"], "the following arguments are required: COMMAND"),
        (["doctor", "--task", "chat"], "argument --task: invalid choice: 'chat'"),
    ],
)
def test_mistake_of_typing_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the message by hand, and the exit status of argparse."""
    assert main(words) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_flags_of_hydra_are_the_ones_that_hydra_has() -> None:
    """Oracle: Hydra's own parser; its help is ours, and its completion does not work."""
    theirs = {
        name: action
        for action in get_args_parser()._actions
        for name in action.option_strings
        if name not in GONE
    }
    ours = COMMANDS["run",]._option_string_actions

    assert theirs.keys() == ours.keys() - {"--frozen", "--verify", "--dry-run"}
    with_value = {name for name, action in theirs.items() if action.nargs is None}
    assert with_value - {"--experimental-rerun"} == set(FLAGS_WITH_VALUE)
    assert theirs["--info"].choices == list(INFO_TOPICS)


@pytest.mark.parametrize(
    ("words", "flags", "overrides"),
    [
        ("a=1 -m b=1,2", ["-m"], ["a=1", "b=1,2"]),
        ("a=1 --config-dir x b=2 -p model", ["--config-dir", "x", "-p", "model"], ["a=1", "b=2"]),
        ("--info a=1", ["--info=all"], ["a=1"]),
        ("a=1 -i", ["--info=all"], ["a=1"]),
        ("--info plugins a=1", ["--info=plugins"], ["a=1"]),
        ("~a --cfg=job +b=1", ["--cfg=job"], ["~a", "+b=1"]),
    ],
)
def test_overrides_may_stand_on_both_sides_of_a_flag(
    words: str, flags: list[str], overrides: list[str]
) -> None:
    """Oracle: by hand; Hydra wants all overrides on one side."""
    assert split_flags(words.split()) == (flags, overrides)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--info"], ["Installed Hydra Plugins", "Config search path", "Defaults Tree"]),
        (["--info", "all"], ["Installed Hydra Plugins", "Defaults List", "vocabulary_size"]),
        (["-i", "searchpath"], ["pkg://mtnlg.conf"]),
        (["--info", "defaults-tree"], ["task: translation/builtin_en_zh"]),
        (["--cfg", "job"], ["vocabulary_size: 8000", "name: mt_nlg_nano"]),
        (["-c", "all"], ["vocabulary_size: 8000", "launcher:"]),
        (["--cfg", "hydra"], ["launcher:", "sweeper:"]),
        (["--cfg", "job", "--resolve", "debug=fast"], ["batch_tokens: 256"]),
        (["--cfg", "job", "debug=fast"], ["batch_tokens: ${model.context_length}"]),
        (["--cfg", "job", "-p", "model"], ["# @package model", "num_layers: 4"]),
        (["--cfg", "job", "--package", "nope"], []),
        (["--cfg", "job", "--config-name", "config"], ["vocabulary_size: 8000"]),
        (["--hydra-help", "-m"], ["Hydra (1."]),
        (["--version"], ["Hydra 1."]),
    ],
    ids=" ".join,
)
def test_words_of_hydra_give_what_hydra_says(
    words: list[str], shown: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: words of Hydra's documented output; nothing is written."""
    monkeypatch.chdir(tmp_path)

    ended = run_apart(*RUN, *words)

    assert all(part in ended.stdout for part in shown)
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == (0 if shown else 1)
    assert list(tmp_path.iterdir()) == []


def test_help_of_hydra_is_shown() -> None:
    """Oracle: its first lines; Hydra composes no configuration of ours for it."""
    ended = run_apart("run", "--hydra-help")

    assert ended.stdout.startswith("Hydra (1.")
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resolve"], "--resolve: only works with --cfg"),
        (["--package", "model"], "--package: only works with --cfg"),
        (["--cfg", "job", "-m"], "argument --multirun/-m: not allowed with argument --cfg/-c"),
        (["--info", "--multirun"], "not allowed with argument --info/-i"),
        (["--run", "-m"], "argument --multirun/-m: not allowed with argument --run/-r"),
        (["--info", "nope"], "--info nope: must be one of all, config"),
        (["--cfg", "nope"], "argument --cfg/-c: invalid choice: 'nope'"),
        (["--cfg", "job", "--config-name", "nope"], "Cannot find primary config 'nope'"),
        (["--config-dir", "/nowhere"], "config directory '/nowhere' not found"),
        (["--config-path", "/nowhere"], "Primary config directory not found"),
        (["--config-dir"], "argument --config-dir/-cd: expected one argument"),
        (["--experimental-rerun", "x.pickle"], "--experimental-rerun: reads a pickle"),
        (["--shell-completion", "install=bash"], "unknown option '--shell-completion'"),
        (["hydra/sweeper=nope"], "Could not find 'hydra/sweeper/nope'"),
        (["seed"], "seed: settings are key=value, without spaces, as in seed=VALUE"),
        (["seed=[1"], "seed=[1: close its brackets, and quote the whole word for the shell"),
        (["model=broken", "--config-dir", "CONF"], "model/broken.yaml"),
    ],
    ids=" ".join,
)
def test_words_that_hydra_refuses_are_one_line(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the message by hand, and status 2; without a traceback and without any work."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "broken.yaml").write_text("a: b: c\n")
    monkeypatch.chdir(tmp_path)

    assert (
        main([*RUN, *(str(tmp_path / "conf") if word == "CONF" else word for word in words)]) == 2
    )

    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ["conf"]


@pytest.mark.parametrize(("words", "seconds"), [(["--help"], 0.2), (["score", "--help"], 0.25)])
def test_help_starts_at_once(words: list[str], seconds: float) -> None:
    """Oracle: processor time of the child, the least of five, as other work can only add to it."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run_apart(*words).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(times) < seconds


def test_reader_that_leaves_ends_a_command_quietly() -> None:
    """Oracle: a pipe that is closed before the first line is written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mtnlg.cli.main", "score", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    errors = process.stderr.read()
    process.stderr.close()

    assert (process.wait(), errors) == (141, b"")


def test_pipe_that_breaks_elsewhere_is_no_reader_that_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that died must not look like `| head`."""
    from mtnlg.cli import publish

    def fail(_: object) -> None:
        raise BrokenPipeError("a worker died")

    monkeypatch.setattr(publish, "run", fail)

    with pytest.raises(BrokenPipeError, match="a worker died"):
        main(["publish", "--check"])


def run_apart(*words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mtnlg.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
    )
