"""The command line: `mtnlg <stage> [Hydra overrides]`, and the commands of COMMANDS. Prints errors
of users as one line, without a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from itertools import takewhile
from pathlib import Path
from typing import Any

from mtnlg import __version__
from mtnlg.errors import MtnlgError

STAGES = {
    "prepare": "raw text to rows, tokenizer and token arrays",
    "train": "token arrays to a model folder",
    "generate": "a model folder and test sets to predictions",
    "evaluate": "predictions to scores",
    "report": "the scores of a launch to index.html, leaderboard.md, .csv, .json and .tex",
    "run": "all of them",
}
FLAGS_WITH_VALUE = (
    *("--cfg", "-c", "--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp"),
    *("--package", "-p", "--info", "-i"),
)
"""Of Hydra's flags those that take the next word."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


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


def _stage(stage: str, words: list[str]) -> int:
    if words[:1] == ["--frozen"]:
        return _run_frozen(stage, words[1:])
    if stage == "report" and {"--export-ratings", "--read-ratings"} & set(words):
        from mtnlg.ratings.command import ratings

        return ratings(words)
    if {"--help", "-h"} & set(words):
        print(_stage_usage(stage))
        return 0
    if stage == "report" and {"--publish", "--check", "--refresh"} & set(words):
        from mtnlg.reporting.publish_command import publish_boards

        return publish_boards(words)
    from mtnlg.compose import load
    from mtnlg.launcher import COMMAND_ATTRIBUTE, STAGE_ATTRIBUTE

    command = ["mtnlg", stage, *words]

    def task(raw: Any) -> int:
        return _run_single(load(raw), stage, command)

    setattr(task, STAGE_ATTRIBUTE, stage)
    setattr(task, COMMAND_ATTRIBUTE, command)
    return _composed(stage, words, task)


def _composed(command: str, words: Sequence[str], task: Callable[[Any], int]) -> int:
    """What a task makes of the configuration that Hydra composes from the words."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from mtnlg.compose import CONFIG_MODULE, explain, register_schema

    register_schema()
    status = 0

    def guarded(raw: Any) -> None:
        nonlocal status
        status = _guarded(lambda: task(raw))

    vars(guarded).update(vars(task))  # what the launcher looks for
    # Else Hydra prints errors itself, in its own words, and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    before, sys.argv = sys.argv, [f"mtnlg {command}", *_flags_first(words)]
    try:
        hydra.main(version_base="1.3", config_path=CONFIG_MODULE, config_name="config")(guarded)()
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error) from None
    finally:
        sys.argv = before
    return status


def _flags_first(words: Sequence[str]) -> list[str]:
    """Hydra takes no overrides on both sides of a flag, but `task=a -m seed=1,2` is natural."""
    flags: list[str] = []
    overrides: list[str] = []
    awaits_value = False
    for word in words:
        is_flag = word.startswith("-")
        (flags if is_flag or awaits_value else overrides).append(word)
        awaits_value = is_flag and word in FLAGS_WITH_VALUE
    return [*flags, *overrides]


def _run_single(config: Any, stage: str, command: Sequence[str]) -> int:
    """One configuration in this process: its stages, then the report, whatever became of the
    run.
    """
    from mtnlg import stages
    from mtnlg.compose import experiment_name, run_id, without_paths
    from mtnlg.provenance import write_launch
    from mtnlg.run import execute

    if stage == "report":
        stages.report(config)
        return 0
    overrides = without_paths([word for word in command[2:] if "=" in word])
    folder = Path(config.runs_root) / experiment_name(config)
    write_launch(folder, {run_id(config): overrides}, command=command)
    try:
        return _guarded(lambda: execute(config, "evaluate" if stage == "run" else stage))
    finally:
        if stage == "run":
            stages.report(config)


def _run_frozen(stage: str, words: list[str]) -> int:
    from mtnlg.compose import thaw

    if len(words) != 1:
        raise MtnlgError(
            f"mtnlg {stage} --frozen FILE takes one file and nothing else, not {words}"
        )
    config = thaw(Path(words[0]))
    if stage in ("run", "report"):
        return _run_single(config, stage, ["mtnlg", stage, "--frozen", *words])
    from mtnlg.run import execute

    return _guarded(lambda: execute(config, stage))


def _guarded(work: Callable[[], int | None]) -> int:
    try:
        return work() or 0
    except MtnlgError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED


def _say(words: list[str]) -> int:
    """`mtnlg say --model FOLDER [--task NAME] [--set NAME=VALUE] TEXT...`; without a text, lines of
    standard input.
    """
    options = _say_parser().parse_args(words)
    decoding: dict[str, Any] = {}
    if options.set:
        from mtnlg.compose import decoding_settings

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


def _data(words: list[str]) -> int:
    """`mtnlg data NAME... [overrides]`: what there is to know of data sets; no model is chosen."""
    names = list(takewhile(lambda word: "=" not in word and not word.startswith("-"), words))
    overrides = words[len(names) :]
    is_help = bool({"--help", "-h"} & set(words))
    if is_help or not names or {"-m", "--multirun"} & set(overrides):
        print(_DATA_USAGE, file=sys.stdout if is_help else sys.stderr)
        return 0 if is_help else 2
    status = 0
    for name in names:
        # The rows do not depend on the model, but a configuration has one.
        chosen = [f"task={name}", "model=mt_nlg_nano", *overrides]
        status = _composed("data", chosen, _data_printer(name)) or status
    return status


def _data_printer(choice: str) -> Callable[[Any], int]:
    def show(raw: Any) -> int:
        from mtnlg.compose import head_comment, load
        from mtnlg.description import describe

        config = load(raw)
        comment = head_comment(f"task/{choice}")
        try:
            for name in config.tasks:
                for line in describe(config, name, comment):
                    print(line)
                print(flush=True)
        except BrokenPipeError:  # as `| head` gives: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0

    return show


def _diff(words: list[str]) -> int:
    """`mtnlg diff A B`."""
    from mtnlg.comparing.command import diff

    return diff(words)


def _on_texts(command: str) -> Callable[[list[str]], int]:
    """`mtnlg doctor`, `import` or `score`, whose files are texts of any system."""

    def run(words: list[str]) -> int:
        from mtnlg.external.command import import_system
        from mtnlg.scoring.command import score
        from mtnlg.scoring.doctor import doctor

        commands = {"doctor": doctor, "import": import_system, "score": score}
        try:
            return commands[command](words)
        except KeyboardInterrupt:  # there is no checkpoint to go on from
            print("interrupted", file=sys.stderr)
            return INTERRUPTED

    return run


def _leaks(words: list[str]) -> int:
    """`mtnlg leaks --data-root FOLDER [--out FILE]`."""
    parser = argparse.ArgumentParser(
        prog="mtnlg leaks",
        description="Count the known leaks of public data sets, and print a table of them beside "
        "what others counted; data sets that are not there are skipped.",
    )
    parser.add_argument("--data-root", required=True, type=Path, help="as data_root of a stage")
    parser.add_argument("--out", type=Path, help="a Markdown file to write the table to")
    options = parser.parse_args(words)
    from mtnlg.corpus.known_leaks import known_leaks_table
    from mtnlg.records import write_text

    table = known_leaks_table(options.data_root)
    print(table, end="")
    if options.out is not None:
        shown = options.out.name if options.out.is_absolute() else options.out
        head = f"# Known leaks\n\nCommand: mtnlg leaks --data-root DATA --out {shown}\n\n"
        write_text(options.out, head + table)
    return 0


_DATA_USAGE = (
    "mtnlg data NAME... [overrides]  e.g. mtnlg data translation/tatoeba_en_zh data_root=<folder>"
)
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
            "  data      rows, lengths, repeats, leaks and known faults of data sets",
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


def _stage_usage(stage: str) -> str:
    """Hydra's own --help composes first, and so fails until task and model are chosen."""
    lines = [f"mtnlg {stage} [overrides]: {STAGES[stage]}", "", "Choices, as group=name:"]
    conf = Path(str(resources.files("mtnlg.conf")))
    for group in sorted(folder for folder in conf.iterdir() if folder.is_dir()):
        names = sorted(path.relative_to(group).with_suffix("") for path in group.rglob("*.yaml"))
        if names:
            lines.append(f"  {group.name:<12}{', '.join(name.as_posix() for name in names)}")
    single = "Single values, as key=value: `mtnlg run task=... model=... --cfg job` shows all keys."
    return "\n".join([*lines, "", single, "-m runs every combination of values with commas."])


if __name__ == "__main__":
    sys.exit(main())
