"""The table of `mtnlg score` as JSON, for programs.

Refuses to know: files. Systems stand in the order given; no value stands without its n and its
signature, and none that is missing without its reason.
"""

from __future__ import annotations

from mtnlg.records import SCHEMA_VERSION, JsonObject, JsonValue
from mtnlg.reporting.leaderboard import RowComparison
from mtnlg.scoring.table import SystemScores, Table


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
