"""`mtnlg diff A B`: what differs between two runs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mtnlg.comparing.difference import MetricChange, RunDifference, compare_runs
from mtnlg.comparing.runs import Run, find_run
from mtnlg.comparing.terminal import difference_text
from mtnlg.records import SCHEMA_VERSION, JsonObject
from mtnlg.reporting.run_config import Difference


def diff(words: Sequence[str]) -> int:
    """Print it; the status is 0 whether there are differences or not."""
    parser = argparse.ArgumentParser(
        prog="mtnlg diff",
        description="Compare two runs: settings, environment, scores by paired tests on the same "
        "examples, and the examples that moved most.",
    )
    for name in ("A", "B"):
        parser.add_argument(name, help="a run's folder, its id, or the beginning of its id")
    parser.add_argument("--json", action="store_true", help="for programs")
    for name in ("runs", "artifacts"):
        parser.add_argument(f"--{name}-root", type=Path, default=Path(name), metavar="FOLDER")
    options = parser.parse_args(words)
    first, second = (find_run(word, runs_root=options.runs_root) for word in (options.A, options.B))
    found = compare_runs(first, second, artifacts_root=options.artifacts_root)
    if options.json:
        print(json.dumps(_document(first, second, found), ensure_ascii=False, allow_nan=False))
    else:
        print(difference_text(first, second, found), end="")
    return 0


def _document(first: Run, second: Run, found: RunDifference) -> JsonObject:
    return {
        "schema_version": SCHEMA_VERSION,
        "a": first.record.run_id,
        "b": second.record.run_id,
        "settings": {one.key: _values(one) for one in found.settings},
        "environment": {one.key: _values(one) for one in found.environment},
        "test_sets": [
            {
                "task": one.task,
                "test_set": one.test_set,
                "metrics": {change.name: _metric(change) for change in one.metrics},
                "better": [asdict(example) for example in one.better],
                "worse": [asdict(example) for example in one.worse],
                "reason": one.reason,
            }
            for one in found.test_sets
        ],
        "missing": list(found.missing),
    }


def _values(one: Difference) -> JsonObject:
    return dict(zip(("a", "b"), one.values, strict=True))


def _metric(change: MetricChange) -> JsonObject:
    return {
        "a": change.first.to_json(),
        "b": change.second.to_json(),
        "difference": change.difference,
        "low": change.low,
        "high": change.high,
        "p": change.p,
        "p_holm": change.p_holm,
        "reason": change.reason,
    }
