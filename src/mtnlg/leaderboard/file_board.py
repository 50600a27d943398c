"""The table of `mtnlg score`: each system's numbers, and which systems are told apart by each
metric.

Refuses to know: how it looks, and where files are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from mtnlg.evaluation import Metric, Resampling, Texts, score_metric
from mtnlg.evaluation.measurement import Measured, Wanted
from mtnlg.evaluation.metrics.base import excess_tokens
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.significance.comparison import MAX_COMPARED
from mtnlg.leaderboard.model import Board, BoardRow, Leaderboard, RowComparison
from mtnlg.leaderboard.ranking import badness, rank_rows
from mtnlg.leaderboard.row_comparisons import Groups, group_labels
from mtnlg.leaderboard.samples import evenly_spaced
from mtnlg.records.files import SCHEMA_VERSION, JsonObject, JsonValue, write_jsonl
from mtnlg.records.rows import Prediction
from mtnlg.records.scores import MetricScore
from mtnlg.records.text_files import TextFile


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is computed and how."""

    metrics: tuple[Metric, ...]
    """The main one first, which the table is sorted by."""
    language: str
    num_trials: int
    resampling: Resampling


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Texts that belong together line by line."""

    hypotheses: Sequence[TextFile]
    references: Sequence[TextFile]
    sources: TextFile | None = None
    targets: Sequence[tuple[str, ...]]
    """References of each row, those of all files together."""

    @property
    def labels(self) -> list[str]:
        """A name for each system: its file's, with so much of the path that equal ones differ."""
        return _distinct_names([file.path for file in self.hypotheses])

    def texts(self, index: int, language: str) -> Texts:
        """The outputs of one system with their references and sources."""
        return Texts(
            _first_texts(self.hypotheses[index]),
            self.targets,
            language=language,
            sources=None if self.sources is None else _first_texts(self.sources),
        )


def _first_texts(file: TextFile) -> list[str]:
    return [texts[0] for texts in file.examples]


@dataclass(frozen=True, kw_only=True)
class SystemScores:
    """The numbers of one system."""

    name: str
    metrics: Mapping[str, MetricScore]
    left_out: Mapping[str, str]
    """Metric -> why it is not computed."""
    groups: Mapping[str, str]
    """Metric -> letters: systems that share one are not told apart."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """All systems in the order given, and all pairs of them."""

    systems: Sequence[SystemScores]
    metric_names: Sequence[str]
    """The main one first; those that are not computed for all systems last."""
    signatures: Mapping[str, str]
    num_examples: int
    comparisons: Mapping[str, Sequence[RowComparison]] = field(default_factory=dict)
    """Metric -> all pairs that it could test."""
    not_tested: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Metric -> name -> why a system with a number has no letter."""

    @property
    def ranked(self) -> list[SystemScores]:
        """Best first by the main metric, then by the others; without a number last."""

        def key(system: SystemScores) -> list[float]:
            return [
                badness(system.metrics[name]) if name in system.metrics else float("inf")
                for name in self.metric_names
            ]

        return sorted(self.systems, key=key)


def find_left_out(inputs: Inputs, settings: Settings) -> dict[str, dict[int, str]]:
    """For each metric why it is not computed for the systems at some places: beyond its longest
    text, time and memory run away.
    """
    return {
        metric.name: dict(_too_long(metric, inputs, settings.language))
        for metric in settings.metrics
    }


def make_table(
    inputs: Inputs,
    systems: Sequence[Texts],
    settings: Settings,
    *,
    wanted: Wanted,
    left_out: Mapping[str, Mapping[int, str]],
    measured: Measured,
    on_metric: Callable[[str], None],
) -> Table:
    """Values, intervals and groups from what was measured; `on_metric` is called with the name of
    each metric when it is done.
    """
    labels = inputs.labels
    scores: dict[str, dict[str, MetricScore]] = {label: {} for label in labels}
    reasons = {
        label: {name: found[place] for name, found in left_out.items() if place in found}
        for place, label in enumerate(labels)
    }
    signatures: dict[str, str] = {}
    groups: dict[str, Groups] = {}
    not_tested: dict[str, dict[str, str]] = {}
    for metric in settings.metrics:
        statistics = dict(
            zip((labels[one] for one in wanted[metric.name]), measured[metric.name], strict=True)
        )
        for place, array in zip(wanted[metric.name], statistics.values(), strict=True):
            scores[labels[place]][metric.name] = score_metric(
                metric, array, systems[place], resampling=settings.resampling
            )
            signatures[metric.name] = scores[labels[place]][metric.name].signature
        numbers = {label: scores[label][metric.name] for label in statistics}
        groups[metric.name], not_tested[metric.name] = _grouped(
            metric, numbers, statistics, settings
        )
        on_metric(metric.name)
    return Table(
        systems=[
            SystemScores(
                name=label,
                metrics=scores[label],
                left_out=reasons[label],
                groups={
                    name: found.letters[label]
                    for name, found in groups.items()
                    if label in found.letters
                },
            )
            for label in labels
        ],
        metric_names=sorted(left_out, key=lambda name: bool(left_out[name])),
        signatures=signatures,
        num_examples=len(inputs.targets),
        comparisons={name: found.comparisons for name, found in groups.items()},
        not_tested=not_tested,
    )


def _grouped(
    metric: Metric,
    numbers: Mapping[str, MetricScore],
    statistics: Mapping[str, FloatArray],
    settings: Settings,
) -> tuple[Groups, dict[str, str]]:
    """The groups of those systems that can be tested, and the reasons of the others."""
    if len(numbers) < 2:
        return Groups((), {}), dict.fromkeys(numbers, "no other system can be tested")
    if not metric.is_resampleable:
        return Groups((), {}), dict.fromkeys(numbers, metric.interval_reason)
    if metric.higher_is_better is None:
        return Groups((), {}), dict.fromkeys(numbers, "neither direction of it is better")
    ranked = sorted(numbers, key=lambda label: badness(numbers[label]))
    labels, beyond = ranked[:MAX_COMPARED], ranked[MAX_COMPARED:]
    reasons = dict.fromkeys(beyond, f"only the first {MAX_COMPARED} systems are")
    found = group_labels(
        metric,
        labels,
        [[statistics[label]] for label in labels],
        num_trials=settings.num_trials,
        resampling=settings.resampling,
    )
    if isinstance(found, str):
        return Groups((), {}), reasons | dict.fromkeys(labels, found)
    return found, reasons


def _too_long(metric: Metric, inputs: Inputs, language: str) -> Iterator[tuple[int, str]]:
    """Places of the systems that the metric is not computed for, with the reason."""
    places = range(len(inputs.hypotheses))
    for file in inputs.references:
        reason = _excess(metric, file, language)
        if reason is not None:
            yield from ((place, reason) for place in places)
            return
    for place in places:
        reason = _excess(metric, inputs.hypotheses[place], language)
        if reason is not None:
            yield place, reason


def _excess(metric: Metric, file: TextFile, language: str) -> str | None:
    """Where the file has a text beyond the metric's longest."""
    for place, texts in enumerate(file.examples):
        for text in texts:
            num_tokens = excess_tokens(metric, text, language=language)
            if num_tokens is not None:
                return (
                    f"{file.location(place)} has {num_tokens} tokens; {metric.name} is computed "
                    f"for at most {metric.max_tokens}"
                )
    return None


def _distinct_names(paths: Sequence[str]) -> list[str]:
    """The last part of each path; of those that are equal so many parts that none is, and all of it
    with its place where the same file stands there twice.
    """
    parts = [PurePath(path).parts or (path,) for path in paths]
    names = [one[-1] for one in parts]
    for length in range(2, max(map(len, parts), default=0) + 1):
        repeated = {name for name in names if names.count(name) > 1}
        names = [
            str(PurePath(*one[-length:])) if name in repeated else name
            for one, name in zip(parts, names, strict=True)
        ]
    return [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def leaderboard_of(
    table: Table, *, title: str, task: str, test_set: str, language: str, command: str, folder: Path
) -> Leaderboard:
    """One board; the samples are looked for in the folder."""
    main = table.metric_names[0]
    rows = rank_rows(
        [_row(system, place, table) for place, system in enumerate(table.systems)],
        metric_names=table.metric_names,
    )
    board = Board(
        task,
        test_set,
        "all",
        language,
        tuple(rows),
        tuple(table.metric_names),
        tuple(table.comparisons[main]),
        table.not_tested[main],
    )
    return Leaderboard(title, command, (board,), (), folder)


def write_samples(inputs: Inputs, folder: Path, *, num_samples: int) -> None:
    """The predictions of each system for the rows that are shown."""
    file = inputs.references[0]
    for system in range(len(inputs.hypotheses)):
        path = folder / "predictions" / _key(system) / "predictions.jsonl"
        path.parent.mkdir(parents=True)
        write_jsonl(
            path,
            (
                Prediction(
                    f"line {file.line_numbers[place]}",
                    inputs.sources.examples[place][0] if inputs.sources else "",
                    inputs.targets[place],
                    inputs.hypotheses[system].examples[place][0],
                ).to_json()
                for place in evenly_spaced(range(len(inputs.targets)), num_samples)
            ),
        )


def _row(system: SystemScores, place: int, table: Table) -> BoardRow:
    left_out = "; ".join(f"{name} is not computed: {why}" for name, why in system.left_out.items())
    main = table.metric_names[0]
    # A board says one number of comparisons, that of its main metric.
    num_pairs = len(table.comparisons[main])
    groups = {
        name: letters
        for name, letters in system.groups.items()
        if num_pairs and len(table.comparisons[name]) == num_pairs
    }
    has_number = main in system.metrics
    return BoardRow(
        system.name,
        "external",
        "finished",
        left_out or None,
        metrics={
            name: system.metrics[name] for name in table.metric_names if name in system.metrics
        }
        if has_number
        else {},
        groups=groups if has_number else {},
        predictions=(_key(place),),
        label=system.name,
    )


def _key(place: int) -> str:
    return f"system-{place + 1}"


def table_document(table: Table) -> JsonObject:
    """Systems with their numbers and groups, and each pair with its p-values by metric."""
    return {
        "schema_version": SCHEMA_VERSION,
        "systems": [_system(system, table) for system in table.systems],
        "pairs": _pairs(table),
    }


def _system(system: SystemScores, table: Table) -> JsonObject:
    metrics: JsonObject = {}
    for name in table.metric_names:
        metrics[name] = (
            system.metrics[name].to_json()
            if name in system.metrics
            else _without_number(name, system.left_out[name], table)
        )
    not_tested: JsonObject = {
        name: reasons[system.name]
        for name, reasons in table.not_tested.items()
        if system.name in reasons
    }
    return {
        "name": system.name,
        "metrics": metrics,
        "groups": dict(system.groups),
        "not_tested": not_tested,
    }


def _without_number(name: str, reason: str, table: Table) -> JsonObject:
    missing: JsonObject = dict.fromkeys(("value", "low", "high"))
    return missing | {
        "n": table.num_examples,
        "signature": table.signatures.get(name),
        "reason": f"not computed: {reason}",
    }


def _pairs(table: Table) -> list[JsonValue]:
    """Each pair once, in the order of the systems; differences are those of the first to the
    second.
    """
    places = {system.name: place for place, system in enumerate(table.systems)}
    pairs: dict[tuple[str, str], JsonObject] = {}
    for name, comparisons in table.comparisons.items():
        for one in comparisons:
            is_turned = places[one.better] > places[one.worse]
            pair = (one.worse, one.better) if is_turned else (one.better, one.worse)
            pairs.setdefault(pair, {})[name] = _comparison(one, is_turned=is_turned)
    ordered = sorted(pairs, key=lambda pair: (places[pair[0]], places[pair[1]]))
    return [
        {"first": first, "second": second, "metrics": pairs[first, second]}
        for first, second in ordered
    ]


def _comparison(one: RowComparison, *, is_turned: bool) -> JsonObject:
    ends = (one.difference, one.low, one.high)
    difference, low, high = (-ends[0], -ends[2], -ends[1]) if is_turned else ends
    return {
        "difference": difference,
        "low": low,
        "high": high,
        "p": one.p,
        "p_holm": one.p_holm,
        "test": one.test,
    }
