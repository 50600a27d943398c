"""Which stages a run calls, and what its manifest says of how it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_launch import made_training, put_json
from mtnlg.artifacts.store import Artifact, artifact_key
from mtnlg.config import Config, EvaluationConfig, ModelConfig, TaskConfig, TaskKind
from mtnlg.experiment import run, stages
from mtnlg.experiment.artifacts import Prepared
from mtnlg.records.files import read_json

ALL = ["prepare", "train", "generate", "predict_baselines", "evaluate"]


@pytest.mark.parametrize(
    ("last", "called", "status"),
    [
        ("prepare", ALL[:1], "incomplete"),
        ("train", ALL[:2], "incomplete"),
        ("generate", ALL[:3], "incomplete"),
        ("evaluate", ALL, "finished"),
    ],
)
def test_run_ends_with_the_stage_that_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str, called: list[str], status: str
) -> None:
    """Oracle: the stages in their order, and the keys of what they gave."""
    task = TaskConfig(
        kind=TaskKind.translation, reader="builtin", source_language="en", target_language="zh"
    )
    model = ModelConfig(name="tiny", num_layers=1, hidden_size=8, num_heads=2)
    config = Config(
        tasks={"a": task},
        model=model,
        evaluation=EvaluationConfig(equivalence_margin={"bleu": 1.5}),
        runs_root=str(tmp_path / "runs"),
    )
    artifact = Artifact("model", "key", tmp_path / "model", is_new=True)
    put_json(artifact.folder / "training.json", made_training(best_validation_metric=21.0))
    inputs = {"source": {"files": {"train": {"train.jsonl": "a1"}}}}
    files = {"rows.jsonl": {"bytes": 1, "sha256": "b2"}, "metrics.csv": {"bytes": 1, "sha256": "c"}}
    put_json(
        artifact.folder / "artifact.json",
        {"schema_version": 1, "stage": "model", "key": "key", "inputs": inputs, "files": files},
    )
    prepared = Prepared({"a": artifact}, {"a": artifact}, artifact, artifact)
    results = {"prepare": prepared, "train": artifact}
    calls: list[str] = []

    def stage(name: str) -> object:
        return lambda *_: (calls.append(name), results.get(name, []))[1]

    for name in ALL:
        monkeypatch.setattr(stages, name, stage(name))
    monkeypatch.setattr(stages, "code_hashes", lambda _: {"rows": "c0de"})
    monkeypatch.setattr(run, "preflight", lambda _, **__: None)

    run.execute(config, last)

    (file,) = (tmp_path / "runs").glob("*/*/run.json")
    record = read_json(file)
    assert calls == called
    assert record["status"] == status
    assert record["code"] == {"rows": "c0de"}
    assert [task["equivalence_margin"] for task in record["tasks"]] == [1.5]
    assert record["artifacts"] == {
        "rows": {"a": "key"},
        "contamination": "key",
        "tokenizer": "key",
        "tokens": {"a": "key"},
        **({"model": "key"} if "train" in called else {}),
    }
    assert record.get("objective") == (21.0 if "train" in called else None)
    assert record["sources"] == {"a": inputs["source"]}
    assert record["seeds"] == {"training": 1, "decoding": 1, "resampling": 12_345}
    assert record["exit_code"] == 0
    whole = artifact_key("model", {"rows.jsonl": "b2", "metrics.csv": "c"})
    parts = dict.fromkeys(["rows/a", "contamination", "tokenizer", "tokens/a"], whole)
    timeless = artifact_key("model", {"rows.jsonl": "b2"})
    assert record["contents"] == parts | ({"model": timeless} if "train" in called else {})
