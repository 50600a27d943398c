"""A launch written to disk piece by piece, as the stages would, for tests of the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.records.files import JsonObject, JsonValue, write_text
from mtnlg.records.rows import Prediction
from mtnlg.report.publish import Publication, publish

TASK = "translation/tiny_en_de"
SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
INTERVAL = "percentile bootstrap, 1000 resamples, seed 12345, 95 %"


def made_metric(
    value: float | None, *, n: int = 7, signature: str = SIGNATURE, **changes: JsonValue
) -> JsonObject:
    """One metric as in scores.json, with an interval of one point to each side."""
    ends = value if value is not None else 0.0
    return {
        "value": value,
        "low": ends - 1.0,
        "high": ends + 1.0,
        "n": n,
        "unit": "0-100",
        "higher_is_better": True,
        "interval": INTERVAL,
        "signature": signature,
    } | changes


def made_task(
    task: str = TASK, *, language: str = "de", main_metric: str = "bleu", **changes: JsonValue
) -> JsonObject:
    return {
        "task": task,
        "language": language,
        "test_sets": ["test"],
        "main_metric": main_metric,
        **changes,
    }


def made_training(**changes: JsonValue) -> JsonObject:
    """A training.json."""
    return {
        "steps": 1700,
        "ended_by": "max_steps",
        "best_step": 1600,
        "best_validation_loss": 1.5,
        "best_validation_metric": 21.0,
        "parameters": 2_200_000,
        "training_tokens": 1_000_000,
        "training_target_tokens": 400_000,
        "training_flops": 5.4e12,
        "training_seconds": 1140.0,
        "peak_memory_bytes": 500_000_000,
        "threads": 2,
        "devices": 1,
    } | changes


def put_json(path: Path, document: JsonObject) -> None:
    """A JSON file as any other program might write it: ASCII, with NaN where there is one."""
    write_text(path, json.dumps(document))


class MadeLaunch:
    """The folders of one experiment, grown by the calls of a test."""

    def __init__(self, root: Path, experiment: str = "tiny") -> None:
        self.experiment = experiment
        self.runs_root = root / "runs"
        self.artifacts_root = root / "artifacts"
        self.run_ids: list[str] = []
        self.overrides: JsonObject = {}

    def add_scores(
        self, key: str, bleu: float | None = 20.0, **subsets: Mapping[str, JsonValue]
    ) -> str:
        """A scores artifact; without subsets, one metric on all examples. Returns the key."""
        body = subsets or {"all": {"bleu": made_metric(bleu)}}
        record = {name: {"n": 7, "metrics": metrics} for name, metrics in body.items()}
        document = {"schema_version": 1, "language": "de", "n": 7, "subsets": record}
        put_json(self.artifacts_root / "scores" / key / "scores.json", document)
        return key

    def add_predictions(self, key: str, texts: Sequence[str], *, source: str = "ein Satz") -> str:
        """A predictions artifact with one example for each text. Returns the key."""
        records = [
            Prediction(f"row-{place}", source, ("a sentence",), text).to_json()
            for place, text in enumerate(texts)
        ]
        path = self.artifacts_root / "predictions" / key / "predictions.jsonl"
        write_text(path, "".join(json.dumps(record) + "\n" for record in records))
        return key

    def score(
        self, key: str | None, *, kind: str = "trained", system: str = "nano", **changes: JsonValue
    ) -> JsonObject:
        """One entry of a run's `scores`."""
        record: JsonObject = {
            "task": TASK,
            "test_set": "test",
            "language": "de",
            "kind": kind,
            "system": system,
            "decoding": "greedy" if kind == "trained" else None,
            "predictions": key,
            "scores": key,
            "cost": {"parameters": 2_200_000, "training_seconds": 1140.0}
            if kind == "trained"
            else {},
            "contamination": {"checked": 7, "flagged": 0, "rule": "13-gram overlap"},
            "scored_rows": "the usual rows",
        }
        return record | changes

    def add_run(
        self,
        run_id: str,
        scores: Sequence[JsonObject] = (),
        *,
        overrides: Sequence[str] = (),
        **changes: JsonValue,
    ) -> JsonObject:
        """A run with its manifest; a finished one of seed 1 unless changed."""
        self.run_ids.append(run_id)
        self.overrides[run_id] = list(overrides)
        document: JsonObject = {
            "schema_version": 1,
            "run_id": run_id,
            "experiment": self.experiment,
            "status": "finished",
            "reason": None,
            "system": "nano",
            "seed": 1,
            "decoding": "greedy",
            "tags": [],
            "tasks": [made_task()],
            "artifacts": {"model": None},
            "scores": list(scores),
            "versions": {"mtnlg": "0.1.0", "torch": "2.13.0"},
            "git": {"commit": "0123abc", "dirty": False},
            "hardware": {"cpu": "a processor", "threads": 2},
            "seconds": 1200.0,
            "started_at": "2026-05-01T10:00:00+00:00",
            "finished_at": "2026-05-01T12:20:00+02:00",
        }
        put_json(self.runs_root / self.experiment / run_id / "run.json", document | changes)
        return document | changes

    def add_metrics(self, key: str, text: str) -> str:
        """A model folder with its metrics.csv. Returns the key."""
        write_text(self.artifacts_root / "model" / key / "metrics.csv", text)
        return key

    def build(
        self, command: str = "mtnlg run experiment=tiny", *, has_paired_bootstrap: bool = False
    ) -> Leaderboard:
        """Write launch.json and read it all back."""
        path = self.runs_root / self.experiment / "launch.json"
        run_ids: list[JsonValue] = list(self.run_ids)
        put_json(
            path,
            {
                "schema_version": 1,
                "experiment": self.experiment,
                "run_ids": run_ids,
                "overrides": self.overrides,
                "command": command,
            },
        )
        return build_leaderboard(
            self.experiment,
            runs_root=self.runs_root,
            artifacts_root=self.artifacts_root,
            has_paired_bootstrap=has_paired_bootstrap,
        )

    def publish(self, published_root: Path, *, num_samples: int) -> list[Path]:
        """Publish what was built."""
        return publish(
            Publication(self.experiment, num_samples),
            runs_root=self.runs_root,
            artifacts_root=self.artifacts_root,
            published_root=published_root,
        )


@pytest.fixture
def launch(tmp_path: Path) -> MadeLaunch:
    """An experiment without runs."""
    return MadeLaunch(tmp_path)


@pytest.fixture
def troubled(launch: MadeLaunch) -> MadeLaunch:
    """Two systems and a baseline with numbers, and one run for each way in which a row can go
    without rank.
    """
    baseline = launch.score(launch.add_scores("base", 5.0), kind="baseline", system="copy")
    launch.add_run("good", [launch.score(launch.add_scores("good", 20.0)), baseline])
    better = launch.score(launch.add_scores("better", 23.5), system="micro")
    launch.add_run("better", [better, baseline], system="micro")
    other = made_metric(60.0, signature="tok:none")
    odd = launch.score(launch.add_scores("odd", all={"bleu": other}), system="odd")
    launch.add_run("odd", [odd], system="odd")
    nan = launch.score(launch.add_scores("nan", float("nan")), system="nan")
    launch.add_run("nan", [nan], system="nan")
    launch.add_run("fell", status="failed", reason="out of memory", system="fell")
    launch.add_run("going", status="running", system="going", finished_at=None)
    launch.run_ids.append("gone")
    return launch


HEADER = "step,seconds,target_tokens,train_loss,validation_loss,validation_metric"
