"""What a comparison measures: alternating runs of both sides, ratios, and rows of the board.

A ratio is our speed by the peer's, so that more than 1 means that ours is faster.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from statistics import median
from typing import Literal

from mtnlg.errors import MtnlgError

Clock = Literal["processor", "wall"]
CLOCKS: tuple[Clock, Clock] = ("processor", "wall")
Unit = Literal["ratio", "MB/s", "s"]
EXTRA = "pip install 'mtnlg[benchmark]'"
TARGETS_FILE = "targets.yaml"
NO_BYTE_CODE = "PYTHONDONTWRITEBYTECODE"
PACKAGES = {"Hugging Face": "transformers", "CTranslate2": "ctranslate2"}
"""How a peer's name begins -> the package that it needs."""


class DifferentOutputError(MtnlgError):
    """Two sides that should give the same result and do not, or a side that failed."""

    exit_code = 1


class MissingPeerError(MtnlgError):
    """A peer that is not installed, so that there is nothing to compare with."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(reason)
        self.peer = peer


@dataclass(frozen=True)
class Cost:
    """Seconds of some work."""

    processor: float
    """Of all threads; of the slowest where several processes work side by side."""
    wall: float
    work: float = 1.0
    """How much was done, such as tokens; in the same unit on both sides."""

    def rate(self, clock: Clock) -> float:
        """Work in a second."""
        return self.work / max(float(getattr(self, clock)), 1e-9)


@dataclass(frozen=True)
class Row:
    """One comparison, or one measurement that has no peer."""

    group: str
    case: str
    peer: str = ""
    unit: Unit = "ratio"
    processor: Sequence[float] = ()
    """The value of each alternation, by processor time."""
    wall: Sequence[float] = ()
    """The same by wall clock."""
    clock: Clock = "processor"
    """By which of the two the target is judged."""
    check: str = ""
    """What was compared before, and how it came out."""
    status: Literal["measured", "skipped", "differs"] = "measured"
    target: float | None = None

    @property
    def name(self) -> str:
        """The row in one line."""
        return f"{self.group}: {self.case}" + (f" / {self.peer}" if self.peer else "")

    @property
    def values(self) -> Sequence[float]:
        """The values of the clock that counts."""
        return self.processor if self.clock == "processor" else self.wall

    @property
    def is_reached(self) -> bool | None:
        """Whether the median is as good as the target; None without one, or without values."""
        if self.target is None or not self.values:
            return None
        value = median(self.values)
        return value <= self.target if self.unit == "s" else value >= self.target


Cases = Mapping[str, Callable[[], Iterator[Row]]]
"""Case -> measures its rows."""


class Stopwatch:
    """Measures this process from now on."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def cost(self, work: float = 1.0) -> Cost:
        """What the time since then cost."""
        processor, wall = time.process_time(), time.perf_counter()
        return Cost(processor - self._processor, wall - self._wall, work)


def timed(work: Callable[[], object], *, amount: float = 1.0) -> Cost:
    """What some work in this process costs."""
    watch = Stopwatch()
    work()
    return watch.cost(amount)


def timed_command(words: Sequence[str], *, threads: int = 1) -> tuple[Cost, str]:
    """What a whole process costs, with those that it starts, and its standard output; raises
    DifferentOutputError if it fails.
    """
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(
        words, capture_output=True, text=True, env=environment(threads), check=False
    )
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        raise DifferentOutputError(f"`{' '.join(words[:5])}` ended with {ended.returncode}: {last}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(processor, wall), ended.stdout


def ours(*words: str) -> list[str]:
    """The words of a process of our command line."""
    return [sys.executable, "-m", "mtnlg.cli.main", *words]


def environment(threads: int) -> dict[str, str]:
    """The variables of a process with so many threads, which may keep its byte code: that of an
    installed peer is there in any case.
    """
    number = str(threads)
    kept = {name: value for name, value in os.environ.items() if name != NO_BYTE_CODE}
    return {**kept, "OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number}


def alternate(
    sides: Mapping[str, Callable[[], Cost]], *, repeats: int, warms_up: bool = True
) -> dict[str, list[Cost]]:
    """The costs of each side, in turn, each repeat in the reverse order of the one before; to warm
    up, all once before, which is not counted.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    for work in sides.values() if warms_up else ():
        work()
    for number in range(repeats):
        names = list(sides)
        for name in names if number % 2 == 0 else reversed(names):
            costs[name].append(sides[name]())
    return costs


def ratios(ours: Sequence[Cost], peer: Sequence[Cost], clock: Clock) -> list[float]:
    """Our rate by the peer's in each alternation."""
    return [left.rate(clock) / right.rate(clock) for left, right in zip(ours, peer, strict=True)]


def ratio_row(
    group: str,
    case: str,
    peer: str,
    costs: tuple[Sequence[Cost], Sequence[Cost]],
    check: str,
    *,
    clock: Clock = "processor",
) -> Row:
    """The row of a comparison; `costs` are ours and the peer's."""
    processor, wall = (ratios(*costs, name) for name in CLOCKS)
    return Row(group, case, peer, "ratio", processor, wall, clock, check)


def require(peer: str) -> None:
    """Raise MissingPeerError where the package of a peer is not installed."""
    for start, package in PACKAGES.items():
        if peer.startswith(start) and find_spec(package) is None:
            raise MissingPeerError(peer, f"{package} is not installed; {EXTRA}")


@cache
def targets() -> dict[str, dict[str, dict[str, float]]]:
    """Group -> case -> peer -> the least ratio or rate, or the most seconds."""
    import yaml

    text = (resources.files("mtnlg.benchmark") / TARGETS_FILE).read_text(encoding="utf-8")
    table: dict[str, dict[str, dict[str, float]]] = yaml.safe_load(text)
    return table


def target_of(row: Row) -> float | None:
    """The target of a row's case; of the case at any size where it has none of its own."""
    cases = targets().get(row.group, {})
    peers = cases.get(row.case) or cases.get(row.case.rpartition(", ")[0]) or {}
    return peers.get(row.peer or "seconds" if row.unit == "s" else row.peer or "rate")
