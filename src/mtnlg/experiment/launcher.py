"""The jobs of `-m` as Hydra hands them out: all are composed, checked and frozen before the first
one starts; then each runs in its own process.

Hydra's BasicLauncher composes each job only when its turn comes, so that editing a YAML during a
sweep would change the later jobs.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mtnlg.artifacts.store import nothing_built
from mtnlg.config import Config
from mtnlg.experiment.compose import check_decoding, load_composed, plain_values
from mtnlg.experiment.jobs import run_jobs
from mtnlg.experiment.launch import Job, JobError, Launch, named, swept_words
from mtnlg.experiment.reports import report
from mtnlg.records.runs import STANDING

Compose = Callable[[list[str]], DictConfig]
Keys = tuple[str, ...]
PLAIN_WORD = re.compile(r"(?P<key>[a-z_][\w.]*)=[^${}\[\]()]*")
"""An override that may set one plain value."""


def plan_jobs(
    launch: Launch,
    compose: Compose,
    job_overrides: Sequence[Sequence[str]],
    *,
    first: int,
    num_parallel: int | None,
    is_elsewhere: bool = False,
) -> list[Job]:
    """The checked and frozen jobs of these overrides, unless a sweeper has planned them."""
    if launch.stage == "report":
        report(load_composed(compose(list(job_overrides[0]))))
        return []
    launch.is_sweep, launch.is_elsewhere = True, is_elsewhere
    numbers = range(first, first + len(job_overrides))
    if not launch.jobs.keys() >= set(numbers):
        launch.num_parallel = num_parallel or launch.num_parallel
        words = dict(zip(numbers, job_overrides, strict=True))
        shown = swept_words(words, launch.shared_words)
        asked, variations = {}, Variations(compose)
        for number in numbers:
            with named(number, shown[number]):
                asked[number] = (variations.config(words[number]), words[number])
        launch.plan(asked)
    return [launch.jobs[number] for number in numbers if number in launch.jobs]


def launch_jobs(launch: Launch, jobs: Sequence[Job], *, on_error: str) -> Sequence[JobReturn]:
    """Run the jobs that have not finished yet; jobs that are one run are run once."""
    left = unfinished(launch, jobs)
    run_jobs(launch, left, num_parallel=launch.num_parallel, on_error=on_error)
    return [job_return(job) for job in jobs]


def unfinished(launch: Launch, jobs: Sequence[Job]) -> list[Job]:
    """The jobs that need a process, of those that are one run the first."""
    unique = list({job.run_id: job for job in reversed(jobs)}.values())[::-1]
    with nothing_built():
        return [job for job in unique if not launch.is_cached(job)]


def job_return(job: Job, status: int = 0) -> JobReturn:
    """What a sweeper reads: the best validation metric, or an error."""
    record, result = job.record, JobReturn(overrides=job.words)
    if status == 0 and record.status in STANDING:
        result.status, result.return_value = JobStatus.COMPLETED, record.objective
    else:
        result.status = JobStatus.FAILED
        result.return_value = JobError(f"job {job.number + 1} ({job}): {record.reason}")
    return result


class Variations:
    """The configurations of a sweep, one after the other. Those that differ from an earlier one in
    plain values alone are made from it, since Hydra takes a fifth of a second to compose each anew.
    """

    def __init__(self, compose: Compose) -> None:
        self._compose = compose
        self._words: list[str] = []

    def config(self, words: Sequence[str]) -> Config:
        """The checked configuration of a job."""
        varied = self._varied([*words])
        if varied is not None:
            return varied
        self._words = []
        self._raw = self._compose([*words])
        self._config = load_composed(self._raw)
        keys = [word.partition("=")[0] for word in words]
        self._plain, self._words = plain_values(self._raw, keys), [*words]
        ours = OmegaConf.masked_copy(self._raw, [str(key) for key in self._raw if key != "hydra"])
        text = repr(OmegaConf.to_container(ours))
        self._has_references = "${" in text or "???" in text
        return copy.deepcopy(self._config)

    def _varied(self, words: list[str]) -> Config | None:
        """The last configuration with other values; None where that is not enough."""
        changed = [new for old, new in zip(self._words, words, strict=False) if new != old]
        keys = [word.partition("=")[0] for word in words]
        if keys != [word.partition("=")[0] for word in self._words] or not changed:
            return None
        if not all(self._is_plain(word) for word in changed):
            return None
        self._words = []  # until all is well
        try:
            config: Any = self._config
            for path, value in [*self._updates(changed, keys)]:
                config = _replaced(config, path, value)
        except (OmegaConfBaseException, _UnlikeError):
            return None
        check_decoding(config, words)
        self._config, self._words = config, words
        return copy.deepcopy(self._config)

    def _updates(self, changed: list[str], keys: list[str]) -> Iterator[tuple[Keys, Any]]:
        """What the words change of plain values: the settings that they name, and those that refer
        to these.
        """
        for word in OverridesParser.create().parse_overrides(changed):
            before = self._value(word.key_or_group)
            OmegaConf.update(self._raw, word.key_or_group, word.value())
            if not self._has_references:
                path = tuple(word.key_or_group.split("."))
                yield from _differences(before, self._value(word.key_or_group), path)
        if self._has_references:
            plain = plain_values(self._raw, keys)
            yield from _differences(self._plain, plain)
            self._plain = plain

    def _value(self, key: str) -> Any:
        value = OmegaConf.select(self._raw, key)
        return value.name if isinstance(value, Enum) else value

    def _is_plain(self, word: str) -> bool:
        """Whether a word sets one value, and chooses no file."""
        match = PLAIN_WORD.fullmatch(word)
        return match is not None and match["key"] not in self._raw.hydra.runtime.choices


class _UnlikeError(Exception):
    """Two configurations differ in more than single values."""


def _differences(old: Any, new: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Where two trees of plain values differ, and the new value."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from _differences(old[key], new[key], (*path, key))
    elif old != new or type(old) is not type(new):
        if type(old) is not type(new) or not isinstance(new, bool | int | float | str):
            raise _UnlikeError
        yield path, new


def _replaced(node: Any, path: Keys, value: Any) -> Any:
    """A copy of a configuration with one other value, checked as a new one."""
    if not path:
        return type(node)[value] if isinstance(node, Enum) else value
    if isinstance(node, dict):
        return {**node, path[0]: _replaced(node[path[0]], path[1:], value)}
    inner = _replaced(getattr(node, path[0]), path[1:], value)
    return dataclasses.replace(node, **{path[0]: inner})
