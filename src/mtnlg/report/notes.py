"""The notes below a board's table: what its numbers rest on, what the significance groups mean, how
many seeds there are, how small a difference could be detected, and what contamination was found.

Notes are plain text that each format escapes in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from mtnlg.evaluation.significance.comparison import POWER, SIGNIFICANCE
from mtnlg.leaderboard.families import AGAINST_BASELINE, AGAINST_BEST, ALL_PAIRS
from mtnlg.leaderboard.model import AMONG_BEST, Board, PairedTests, detectable_range
from mtnlg.records.scores import MetricScore
from mtnlg.report.display import number_text, p_text, seeds_text

DIRECTIONS = {
    True: "higher is better",
    False: "lower is better",
    None: "it describes, and neither direction is better",
}


GROUPS = {
    ALL_PAIRS: "systems that share a letter are not significantly different by {}",
    AGAINST_BEST: f"{AMONG_BEST}: the best system by {{}}, and those from which it is not "
    "significantly different; others are worse",
    AGAINST_BASELINE: "",
}
"""Family -> what the letters or marks that it gives mean."""

SAME = 1e-9
"""Difference below which two numbers are one, but for the order of their sums."""


def board_notes(board: Board) -> dict[str, list[str]]:
    """The notes by heading: each metric first, then what concerns the whole board."""
    notes = metric_notes(board) | {
        "significance group": group_notes(board),
        "seeds": seed_notes(board),
        "power": power_notes(board),
        "bootstrap": bootstrap_notes(board),
        "sentences": sentence_notes(board),
        "contamination": contamination_notes(board),
    }
    return {heading: lines for heading, lines in notes.items() if lines}


def sentence_notes(board: Board) -> list[str]:
    """A word where ROUGE-Lsum is ROUGE-L, as it is for texts of one sentence."""
    notes = []
    for name in board.metric_names:
        base, *words = name.split("-")
        plain = "-".join(["rougeL", *(word for word in words if word != "lines")])
        rows = [row.metrics for row in board.rows if {name, plain} <= row.metrics.keys()]
        is_same = all(abs(row[name].value - row[plain].value) < SAME for row in rows)
        if base == "rougeLsum" and is_same and any(row[name].value for row in rows):
            is_cut = all("sentences:" in row[name].signature for row in rows)
            why = "sentence" if is_cut else "line (here a sentence is a line of its own)"
            notes.append(f"{name} is {plain}: no text has a second {why}, or none that counts")
    return notes


def metric_notes(board: Board) -> dict[str, list[str]]:
    """Metric -> unit, n, interval and signature of its numbers, by system where these differ."""
    return {name: _metric_notes(name, board) for name in board.metric_names}


def test_text(tests: PairedTests) -> str:
    """The tests, and the families of comparisons that they are corrected for."""
    names = dict.fromkeys(comparison.test for comparison in tests.comparisons)
    families = (
        f"{family}, {count_text(len(comparisons))}"
        for family, comparisons in tests.families.items()
    )
    return "; ".join([*names, *families])


def count_text(num_comparisons: int) -> str:
    """How many comparisons are corrected together."""
    if num_comparisons == 1:
        return "one comparison"
    return f"Holm-corrected over {num_comparisons} comparisons"


def group_notes(board: Board) -> list[str]:
    """What a letter or a mark means, and which rows were not tested and why."""
    tested: dict[tuple[str, str], list[str]] = {}
    untested: dict[tuple[str, str], list[str]] = {}
    for name, tests in board.tests.items():
        for family in tests.families:
            tested.setdefault((GROUPS[family], test_text(tests)), []).append(name)
        for label, reason in tests.not_tested.items():
            untested.setdefault((name, reason), []).append(label)
    notes = [
        f"{group.format(', '.join(names))} ({test}; at {SIGNIFICANCE:.0%})"
        for (group, test), names in tested.items()
        if group
    ]
    for (name, reason), labels in untested.items():
        is_of_all = len(labels) == sum(name in row.metrics for row in board.rows)
        rows = "" if is_of_all else f"{', '.join(labels)}: "
        notes.append(f"not tested by {name}: {rows}{reason}")
    return notes


def seed_notes(board: Board) -> list[str]:
    """Which numbers are means over seeds, and which systems were trained with one seed only."""
    trained = [row for row in board.rows if row.metrics and row.kind == "trained"]
    several = [row.label for row in trained if len(row.seeds) > 1]
    single = [row.label for row in trained if len(row.seeds) == 1]
    notes = []
    if several:
        notes.append(
            f"mean ± standard deviation over several seeds: {', '.join(several)}; the interval "
            "covers the spread of the seeds and of the examples"
        )
    if single:
        notes.append(
            "1 seed: scores and verdicts are of this model file, and another training may differ; "
            f"the interval is over examples alone ({', '.join(single)})"
        )
    return notes


def power_notes(board: Board) -> list[str]:
    """What each family of comparisons by the main metric tested and could have shown."""
    notes = []
    seeds = " and seeds" if any(len(row.seeds) > 1 for row in board.rows) else ""
    for family, pairs in board.tests.get(board.main_metric or "", PairedTests()).families.items():
        metric = board.ranked[0].metrics[pairs[0].metric]
        note = f"{family}: {count_text(len(pairs))}"
        if sizes := detectable_range(pairs):
            least, middle, most = (number_text(size, unit=metric.unit) for size in sizes)
            span = f" (median of {len(pairs)} pairs, {least} to {most})" if len(pairs) > 1 else ""
            note += (
                f"; with these {metric.num_examples} examples{seeds}, a true difference of "
                f"{middle} {board.main_metric}{span} would be found in {POWER:.0%} of such tests"
            )
        notes.append(note)
    if notes:
        notes.append(
            "minimum detectable difference after the correction, at its first step: the critical "
            f"value at {SIGNIFICANCE:.0%} / comparisons, and that of the power, times the standard "
            "error (Bloom 1995); intervals of differences are of each pair alone"
        )
    return notes


def bootstrap_notes(board: Board) -> list[str]:
    """The paired bootstrap of neighbors in the ranking, if asked for; leaderboard.json has all."""
    neighbors = set(pairwise(row.label for row in board.ranked))
    tests = [
        f"{comparison.better} and {comparison.worse} {p_text(comparison.p_bootstrap)} (the "
        f"board's own test {p_text(comparison.p)})"
        for comparison in board.comparisons
        if comparison.p_bootstrap is not None and (comparison.better, comparison.worse) in neighbors
    ]
    if not tests:
        return []
    return [
        f"paired bootstrap (Koehn 2004) of neighbors, before correction: {', '.join(tests)}; it "
        "rejects true null hypotheses about twice as often as its level says, so it does not "
        "decide the groups"
    ]


def contamination_notes(board: Board) -> list[str]:
    """How many rows have a contamination signal, by which rule, and if that changes the ranking."""
    checks = {row.label: row.contamination for row in board.rows if row.contamination.rule}
    signals = _together(
        {
            label: f"signals in {check.flagged} of {check.checked} rows checked; {check.rule}"
            for label, check in checks.items()
            if check.flagged is not None and check.checked is not None
        }
    )
    return [*signals, board.clean_ranking] if signals and board.clean_ranking else signals


def _metric_notes(name: str, board: Board) -> list[str]:
    scores = {row.label: row.metrics[name] for row in board.rows if name in row.metrics}
    facts = (
        {label: _direction(score) for label, score in scores.items()},
        {label: f"n = {score.num_examples}" for label, score in scores.items()},
        {label: _interval(score) for label, score in scores.items()},
        {label: f"signature: {score.signature}" for label, score in scores.items()},
    )
    seeds = [f"{label} {text}" for label, score in scores.items() if (text := seeds_text(score))]
    return [note for fact in facts for note in _together(fact)] + seeds


def _direction(score: MetricScore) -> str:
    return f"{score.unit}, {DIRECTIONS[score.higher_is_better]}"


def _interval(score: MetricScore) -> str:
    if score.interval:
        return f"interval: {score.interval}"
    return f"no interval: {score.interval_reason}"


def _together(facts: Mapping[str, str]) -> list[str]:
    """Each fact once, with the systems that it holds for unless it holds for all."""
    holders: dict[str, list[str]] = {}
    for label, fact in facts.items():
        holders.setdefault(fact, []).append(label)
    if len(holders) == 1:
        return list(holders)
    return [f"{fact} ({', '.join(labels)})" for fact, labels in holders.items()]
