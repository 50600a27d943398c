"""How long commands take that do little: help, a finished run asked again, the first step."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

from mtnlg.benchmark.measurement import (
    CLOCKS,
    Cases,
    Cost,
    DifferentOutputError,
    Row,
    alternate,
    environment,
    ours,
    ratio_row,
    timed_command,
)
from mtnlg.benchmark.workbench import Workbench
from mtnlg.records.places import METRICS_FILE

GROUP, PEER = "start", "sacreBLEU"
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 0.02
TINY = ("model.num_layers=2", "trainer.max_steps=2", "evaluation=fast", "optimizer.warmup_steps=1")
"""A training that is over at once."""


def cases(bench: Workbench) -> Cases:
    """The cases of this file."""
    works = {
        "help of scoring": help_of_scoring,
        "help": general_help,
        "a finished run again": finished_run,
        "first step": first_steps,
    }
    return {case: partial(work, bench) for case, work in works.items()}


def help_of_scoring(bench: Workbench) -> Iterator[Row]:
    """Beside that of sacreBLEU."""
    words = {"ours": ours("score", "--help"), PEER: [sys.executable, "-m", "sacrebleu", "--help"]}
    sides = {name: partial(_cost, command) for name, command in words.items()}
    costs = alternate(sides, repeats=bench.repeats)
    both = costs["ours"], costs[PEER]
    yield ratio_row(GROUP, "help of scoring", PEER, both, "both print their options")


def general_help(bench: Workbench) -> Iterator[Row]:
    """The list of commands."""
    yield _seconds(bench, "help", partial(_cost, ours("--help")), "prints the commands")


def finished_run(bench: Workbench) -> Iterator[Row]:
    """A run whose artifacts are all there."""
    words = ours("run", *bench.words, *TINY)
    _cost(words)
    files = _files(bench)

    def ask() -> Cost:
        cost = _cost(words)
        if _files(bench) != files:
            raise DifferentOutputError("a finished run was built again")
        return cost

    yield _seconds(bench, "a finished run again", ask, "nothing is built")


def first_steps(bench: Workbench) -> Iterator[Row]:
    """Trainings that only differ in their seeds."""
    seeds = count(2)
    check = "from the command to the first row of metrics.csv, on prepared data"
    yield _seconds(bench, "first step", lambda: first_step(bench, next(seeds)), check)


def _cost(words: Sequence[str]) -> Cost:
    return timed_command(words)[0]


def _seconds(bench: Workbench, case: str, work: Callable[[], Cost], check: str) -> Row:
    costs = alternate({"ours": work}, repeats=bench.repeats)["ours"]
    processor, wall = ([getattr(cost, clock) for cost in costs] for clock in CLOCKS)
    return Row(GROUP, case, unit="s", processor=processor, wall=wall, check=check)


def _files(bench: Workbench) -> list[tuple[str, int]]:
    """Names and times of everything that is built."""
    files = bench.prepared.glob("*/*/*")
    return sorted((str(file), file.stat().st_mtime_ns) for file in files)


def first_step(bench: Workbench, seed: int) -> Cost:
    """What a training costs until its first step is logged; it is then killed."""
    folder = bench.prepared / "model"
    known = set(folder.glob(f"*/{METRICS_FILE}"))
    words = ours("train", *bench.words, f"seed={seed}", "trainer.log_every_steps=1")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    training = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(bench.threads),
    )
    try:
        while not any(
            len(path.read_text(encoding="utf-8").splitlines()) > 1
            for path in set(folder.glob(f"*/{METRICS_FILE}")) - known
        ):
            wall = time.perf_counter() - start
            if training.poll() is not None or wall > PATIENCE_SECONDS:
                raise DifferentOutputError(f"a training has no first step after {wall:.0f} s")
            time.sleep(POLL_SECONDS)
        wall = time.perf_counter() - start
    finally:
        training.kill()
        training.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)
