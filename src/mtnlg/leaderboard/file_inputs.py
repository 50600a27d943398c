"""What a board of files is made of: texts that belong together, and what is computed of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from mtnlg.config.checks import above, at_least, check, require
from mtnlg.config.evaluation import ENTITIES, NUM_TRIALS, EvaluationConfig
from mtnlg.errors import ConfigError
from mtnlg.evaluation import Metric, Resampling, Texts, find_metric
from mtnlg.evaluation.significance.comparison import MAX_COMPARED, trials_needed
from mtnlg.leaderboard.ranking import find_main_metric
from mtnlg.records.text_files import TextFile
from mtnlg.text.scripts import base_language

STANDARD_METRICS = {
    "translation": ("bleu", "chrf"),
    "summarization": ("rougeL", "rouge1", "rouge2", "rougeLsum"),
    "dialogue": ("rougeL", "rouge1", "rouge2", "bleu"),
}
"""Kind of task -> its metrics if none are named; the board is sorted by the first."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is computed and how."""

    metrics: tuple[Metric, ...]
    main_metric: str | None = None
    """What the board is sorted by; None: the first metric that is computed for all systems."""
    language: str
    num_trials: int
    resampling: Resampling
    margins: Mapping[str, float] = field(default_factory=dict)
    """Metric -> margin of equivalence, in its unit."""
    max_processes: int | None = None
    """Processes that measure much text; None: one for each core. More than one can be started only
    by a script that has a main guard."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Texts that belong together line by line."""

    hypotheses: Sequence[TextFile]
    references: Sequence[TextFile]
    sources: TextFile | None = None
    targets: Sequence[tuple[str, ...]]
    """References of each row, those of all files together."""
    notes: Sequence[str] = ()
    """What concerns every system."""
    names: Sequence[str] = ()
    """Of the systems; empty: those of their files."""

    @property
    def labels(self) -> list[str]:
        """A name for each system: its file's, with as much of the path as makes it unique."""
        return list(self.names) or _distinct_names([file.path for file in self.hypotheses])

    def texts(self, index: int, language: str) -> Texts:
        """The outputs of one system with their references and sources."""
        return Texts(
            _first_texts(self.hypotheses[index]),
            self.targets,
            language=language,
            sources=None if self.sources is None else _first_texts(self.sources),
        )


def make_settings(
    *,
    task: str,
    language: str,
    has_sources: bool,
    num_systems: int,
    metrics: Sequence[str] = (),
    main_metric: str | None = None,
    model_folders: Mapping[str, str] | None = None,
    resamples: int = EvaluationConfig.num_resamples,
    confidence: float = EvaluationConfig.confidence,
    trials: int = NUM_TRIALS,
    seed: int = EvaluationConfig.seed,
    equivalence_margin: Mapping[str, float] | None = None,
    named: Callable[[str], str] = str,
) -> Settings:
    """The settings of a board, without metrics those that are usual for the kind of task; raises
    ConfigError naming an argument as `named` spells it.
    """
    for name, value, least in (("resamples", resamples, 1), ("trials", trials, 1)):
        check(named(name), value, at_least(least))
    check(named("seed"), seed, at_least(0))
    require(0 < confidence < 1, named("confidence"), confidence, "in (0, 1)")
    _check_trials(trials, num_systems=min(num_systems, MAX_COMPARED), name=named("trials"))
    base_language(language)
    names = list(metrics) or _usual_metrics(task, has_sources=has_sources)
    if main_metric is None:
        find_main_metric(names[0], key=named("metrics"))
    else:
        find_main_metric(main_metric, key=named("main_metric"))
        names = [main_metric, *names]
    chosen = tuple(
        find_metric(name, key=named("metrics"), model_folders=model_folders)
        for name in dict.fromkeys(names)
    )
    for metric in chosen:
        if metric.needs_sources and not has_sources:
            raise ConfigError(
                f"{named('metrics')} has {metric.name!r}, which needs {named('sources')}"
            )
    margins = dict(equivalence_margin or {})
    for name, margin in margins.items():
        known = [metric.name for metric in chosen]
        if name not in known:
            raise ConfigError(
                f"{named('equivalence_margin')} has {name!r}, which is not computed: "
                f"{', '.join(known)}"
            )
        check(f"{named('equivalence_margin')} {name}", margin, above(0))
    return Settings(
        metrics=chosen,
        main_metric=main_metric,
        language=language,
        num_trials=trials,
        resampling=Resampling(num_resamples=resamples, confidence=confidence, seed=seed),
        margins=margins,
    )


def _check_trials(num_trials: int, *, num_systems: int, name: str) -> None:
    """Refuse trials of which even the least p-value, corrected for all pairs, says nothing."""
    num_pairs = num_systems * (num_systems - 1) // 2
    require(
        num_trials >= trials_needed(num_pairs),
        name,
        num_trials,
        f"at least {trials_needed(num_pairs)}: the least p-value, 1/{num_trials + 1}, cannot be "
        f"significant after Holm's correction for the {num_pairs} pairs of {num_systems} systems",
    )


def _usual_metrics(task: str, *, has_sources: bool) -> list[str]:
    names = [*STANDARD_METRICS[task]]
    if task != "translation":
        names += [name for name in ENTITIES if has_sources or "source" not in name]
    return names


def _first_texts(file: TextFile) -> list[str]:
    return [texts[0] for texts in file.examples]


def _distinct_names(paths: Sequence[str]) -> list[str]:
    """The last part of each path; of equal ones, as many parts as make them differ; of the same
    file given twice, the whole path with a number.
    """
    parts = [PurePath(path).parts or (path,) for path in paths]
    names = [path_parts[-1] for path_parts in parts]
    for length in range(2, max(map(len, parts), default=0) + 1):
        repeated = {name for name in names if names.count(name) > 1}
        names = [
            str(PurePath(*path_parts[-length:])) if name in repeated else name
            for path_parts, name in zip(parts, names, strict=True)
        ]
    return [
        f"{name} ({names[: index + 1].count(name)})" if names.count(name) > 1 else name
        for index, name in enumerate(names)
    ]
