"""What a launch would do: `--dry-run`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from mtnlg.config import Config
from mtnlg.errors import ArtifactError
from mtnlg.experiment.naming import run_id
from mtnlg.experiment.run import BUILDING, Existing
from mtnlg.records.codec import read_record
from mtnlg.records.places import RUN_FILE
from mtnlg.records.runs import RunRecord
from mtnlg.text.display import aligned


def forecast(
    configs: Mapping[int, Config], labels: Mapping[int, str], *, last_stage: str, num_parallel: int
) -> list[str]:
    """A line for each job, with each of its stages and its time in earlier runs, and the sum. A
    stage that several jobs share is built, and counted, with the first of them.
    """
    asked = BUILDING[: BUILDING.index(last_stage) + 1]
    seconds = _Seconds(Path(next(iter(configs.values())).runs_root))
    unique = {run_id(config): number for number, config in reversed([*configs.items()])}
    rows = [["job", "run", "settings", *asked, "estimate"]]
    total, num_cached, num_unknown = 0.0, 0, 0
    builders: dict[str, int] = {}
    for name, number in sorted(unique.items(), key=lambda item: item[1]):
        config = configs[number]
        missing = asked[Existing.of(config, last_stage).num_stages :]
        first = {stage: builders.setdefault(_work(config, stage), number) for stage in missing}
        known = [
            seconds.of(stage, config.system_name) for stage in missing if first[stage] == number
        ]
        estimate = "unknown" if None in known else _words(sum(known))  # type: ignore[arg-type]
        total += sum(value or 0.0 for value in known)
        num_cached += not missing
        num_unknown += None in known
        states = [_state(first.get(stage), number) for stage in asked]
        rows.append([str(number + 1), name, labels[number], *states, estimate if missing else "-"])
    sentence = f"{len(unique)} jobs, {num_cached} of them cached"
    if num_cached < len(unique):
        unknown = f", and {num_unknown} jobs of unknown time" if num_unknown else ""
        sentence += f"; {num_parallel} at a time: about {_words(total / num_parallel)}{unknown}"
    return [*aligned(rows), f"{sentence}; nothing was built"]


def _work(config: Config, stage: str) -> str:
    """What the stage would do, in words that only jobs that share it have in common."""
    settings = [config.tasks, config.cleaning, config.tokenizer, config.initial_model]
    settings += [config.seed, config.model, config.optimizer, config.trainer, config.callbacks]
    settings += [config.decoding, config.evaluation]
    used = {"prepare": 4, "train": 9, "generate": 10, "evaluate": 11}
    return repr((stage, settings[: used[stage]]))


def _state(builder: int | None, number: int) -> str:
    """What becomes of a stage: the job that builds it, if any, is this one or an earlier one."""
    if builder is None:
        return "cached"
    return "build" if builder == number else f"of job {builder + 1}"


class _Seconds:
    """How long the stages of earlier runs took to build."""

    def __init__(self, runs_root: Path) -> None:
        self._known: dict[tuple[str, str | None], list[float]] = defaultdict(list)
        for path in sorted(runs_root.glob(f"*/*/{RUN_FILE}")):
            try:
                run = read_record(path, RunRecord)
            except ArtifactError:
                continue
            for stage, value in run.built.items():
                for system in (run.system, None):
                    self._known[stage, system].append(float(value))

    def of(self, stage: str, system: str) -> float | None:
        """The median of this model's runs, or else of all; None where none is known."""
        known = self._known.get((stage, system)) or self._known.get((stage, None))
        return median(known) if known else None


def _words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
