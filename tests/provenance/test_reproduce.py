"""`mtnlg reproduce`: a run made again is the same, and whatever is not the same is named, in the
right stage and with its cause.

Oracle: what each test plants, in one of the two runs alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from made_run import MadeRun, make_run
from mtnlg.artifacts.store import file_sha256
from mtnlg.cli.main import main
from mtnlg.provenance.verdicts import Judgment, judge

STAGES = ["rows", "contamination", "tokenizer", "tokens", "model", "predictions", "scores"]
SEED = "mt_nlg_nano-greedy-seed1"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    """A finished run, which no test changes."""
    return make_run(tmp_path_factory.mktemp("base") / "work")


@pytest.fixture
def copy(base: MadeRun, tmp_path: Path) -> MadeRun:
    """A copy of it to plant something in."""
    return base.copy(tmp_path / "copy")


def judged(first: MadeRun, second: MadeRun) -> Judgment:
    return judge((first.run, second.run), (first.artifacts, second.artifacts))


def test_run_made_again_is_bit_identical(base: MadeRun, tmp_path: Path) -> None:
    """Oracle: the files of both runs, whose bytes are equal but for those that hold times."""
    into = tmp_path / "again"
    words = ("reproduce", SEED, "--into", str(into), "--json")

    result = base.command(*words)

    document = json.loads(result.stdout)
    assert result.returncode == 0, result.stderr
    assert document["verdict"] == "bit-identical"
    assert list(dict.fromkeys(part["stage"] for part in document["parts"])) == STAGES
    assert not [part for part in document["parts"] if part["differences"] or part["reasons"]]
    assert document["environment"] == []
    for path in base.artifacts.glob("*/*/*"):
        if path.name not in ("artifact.json", "training.json", "metrics.csv", "generation.json"):
            again = into / path.relative_to(base.root)
            assert file_sha256(again) == file_sha256(path)


def test_run_is_not_made_again_where_something_lies(
    base: MadeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the exit status 2, and a message that names the folder."""
    (tmp_path / "old").touch()

    status = main(["reproduce", str(base.run.folder), "--into", str(tmp_path), "--json"])

    shown = capsys.readouterr()
    assert status == 2
    assert json.loads(shown.out)["verdict"] == "could not be made"
    assert f"--into {tmp_path}" in shown.err


def flip_last_bit(run: MadeRun) -> None:
    """In the tensor that is the last of the file, the last weight's least significant bit."""
    path = run.file("model", "model.safetensors")
    content = bytearray(path.read_bytes())
    content[-4] ^= 1  # fp32, little-endian
    path.write_bytes(content)


def edit(stage: str, name: str, change: Callable[[str], str], **where: str) -> Callable[..., None]:
    def plant(run: MadeRun) -> None:
        path = run.file(stage, name, **where)
        before = path.read_text(encoding="utf-8")
        path.write_text(change(before), encoding="utf-8")
        assert path.read_text(encoding="utf-8") != before

    return plant


def swap_rows(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:4], lines[5], lines[4], *lines[6:]])


def change_token(run: MadeRun) -> None:
    path = run.file("tokens", "train.ids.bin")
    ids = np.fromfile(path, np.uint32)
    ids[17] += 1
    ids.tofile(path)


def first_value(change: float) -> Callable[[str], str]:
    def edited(text: str) -> str:
        document = json.loads(text)
        document["subsets"]["all"]["metrics"]["bleu"]["value"] += change
        return json.dumps(document)

    return edited


PLANTED = {
    "weight's last bit": (
        *(flip_last_bit, "model", "equal within tolerance"),
        *("model.safetensors: token_embedding.weight[35", "largest difference"),
    ),
    "data row": (
        edit("rows", "train.jsonl", lambda text: text.replace("house", "horse", 1)),
        *("rows", "different", "train.jsonl: row 1 (train-0), source", "house"),
    ),
    "row order": (
        edit("rows", "train.jsonl", swap_rows),
        *("rows", "different", "row 5 (train-5)", "same rows in another order"),
    ),
    "truncated test set": (
        edit("rows", "test.jsonl", lambda text: "".join(text.splitlines(keepends=True)[:-1])),
        *("rows", "different", "test.jsonl: row 8 (test-7)", "not in both"),
    ),
    "token": (change_token, "tokens", "different", "train.ids.bin: token[17]", "1 of"),
    "merge of the tokenizer": (
        edit("tokenizer", "tokenizer.json", lambda text: text.replace("e", "x", 1)),
        *("tokenizer", "different", "tokenizer.json: ", ""),
    ),
    "logged loss": (
        edit("model", "metrics.csv", lambda text: text.replace("\n7,", "\n7,9", 1)),
        *("model", "bit-identical", "", ""),  # a time
    ),
    "prediction": (
        edit("predictions", "predictions.jsonl", lambda text: text.replace('n": "', 'n": "!', 1)),
        *("predictions", "different", "row 1 (test-0), prediction", "!"),
    ),
    "score": (
        edit("scores", "scores.json", first_value(0.01)),
        *("scores", "different", "scores.json: subsets.all.metrics.bleu.value", ""),
    ),
    "score's last digit": (
        edit("scores", "scores.json", first_value(1e-12)),
        *("scores", "equal within tolerance", "scores.json: subsets.all.metrics.bleu.value", ""),
    ),
    "score that is no number": (
        edit("scores", "scores.json", first_value(float("nan"))),
        *("scores", "different", "scores.json: subsets.all.metrics.bleu.value", "NaN"),
    ),
    "checkpoint choice": (
        edit("model", "training.json", lambda text: text.replace('best_step": ', 'best_step": 1')),
        *("model", "different", "training.json: best_step", ""),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_change_of_a_file_is_named(base: MadeRun, copy: MadeRun, name: str) -> None:
    plant, stage, verdict, *words = PLANTED[name]
    plant(copy)

    judgment = judged(copy, base)

    assert judgment.verdict == verdict
    parts = [part for part in judgment.parts if part.differences]
    if verdict == "bit-identical":
        assert parts == []
        return
    assert {part.stage for part in parts} == {stage}
    (difference,) = parts[0].differences
    shown = f"{difference.file}: {difference.where}: {difference.first} {difference.second}"
    assert all(word in shown for word in words), shown
    assert "was changed after it was made" in parts[0].reasons[0]
    turned = judged(base, copy)
    assert [part.verdict for part in turned.parts] == [part.verdict for part in judgment.parts]


def test_forged_records_are_seen_by_the_manifest(base: MadeRun, copy: MadeRun) -> None:
    """Oracle: run.json, whose hash no longer fits the files, though artifact.json was forged."""
    flip_last_bit(copy)
    path = copy.file("model", "model.safetensors")
    record = json.loads(path.with_name("artifact.json").read_text(encoding="utf-8"))
    record["files"][path.name]["sha256"] = file_sha256(path)
    path.with_name("artifact.json").write_text(json.dumps(record), encoding="utf-8")

    (part,) = (part for part in judged(copy, base).parts if part.reasons)

    assert part.stage == "model"
    assert "files of A were changed after the run (run.json has their hash)" in part.reasons


def test_run_without_files_is_judged_by_its_hashes(base: MadeRun, copy: MadeRun) -> None:
    """Oracle: the hashes of run.json, in one case changed."""
    shutil.rmtree(copy.artifacts)
    assert judged(copy, base).verdict == "bit-identical"

    manifest = copy.run.folder / "run.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    record["contents"]["model"] = "0" * 16
    manifest.write_text(json.dumps(record), encoding="utf-8")

    judgment = judged(copy, base)
    assert [part.stage for part in judgment.parts if part.verdict == "different"] == ["model"]


@pytest.mark.parametrize(
    ("field", "name"),
    [("versions", "scipy"), ("variables", "MKL_CBWR"), ("hardware", "threads"), ("git", "commit")],
)
def test_other_manifest_is_named_where_bits_are_equal(
    base: MadeRun, copy: MadeRun, field: str, name: str
) -> None:
    """Oracle: one fact of run.json, changed by hand."""
    manifest = copy.run.folder / "run.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    record[field] = {**record.get(field, {}), name: "faked"}
    manifest.write_text(json.dumps(record), encoding="utf-8")

    judgment = judged(copy, base)

    assert judgment.verdict == "bit-identical"
    assert [row.key for row in judgment.environment] == [f"{field}.{name}"]
    assert judgment.environment[0].values[0] == "faked"
