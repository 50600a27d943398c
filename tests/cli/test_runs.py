"""`mtnlg runs`. Oracles: os.stat on every file, the records that the fixture wrote, and what is on
the disk afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import sacrebleu
from filelock import FileLock
from submitit import SlurmJob

from made_runs import TASK, MadeRuns, made_outputs
from mtnlg.cli.main import main
from mtnlg.experiment.cluster import Submission
from mtnlg.records.codec import write_record
from mtnlg.records.launches import register
from mtnlg.records.processes import Process, this_process
from mtnlg.records.runs import ImportRecord, RunRecord, record_import, write_run
from mtnlg.report.publish import Publication, publish

PARTIAL, LOOSE, DAMAGED = "a" * 16 + ".partial", "b" * 16, "c" * 16 + ".damaged-1"


def add_runs(runs: MadeRuns) -> None:
    """Two seeds of one system, whose model they share, and a failed run of another."""
    for seed in (1, 2):
        runs.add(
            f"sweep/nano-{seed}",
            made_outputs(runs.references, wrong=0.1 * seed, seed=seed),
            seed=seed,
            model="d" * 16,
            tags=("paper",) if seed == 1 else (),
            seconds=10.0 * seed,
        )
    runs.add("other/micro", None, system="micro", config="seed: 1\nmodel:\n  hidden_size: 64\n")
    folder = put(runs, "model", "d" * 16, 3_000)
    for name in ("metrics.csv", "training.json"):
        (folder / name).touch()


def put(runs: MadeRuns, stage: str, name: str, size: int) -> Path:
    """A folder of artifacts with a file of so many bytes."""
    folder = runs.root / "artifacts" / stage / name
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"x" * size)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeRuns:
    runs = MadeRuns(tmp_path_factory.mktemp("runs"))
    add_runs(runs)
    return runs


@pytest.fixture
def own(made: MadeRuns, tmp_path: Path) -> MadeRuns:
    """A copy that a test may change, with what is left of earlier launches and faults."""
    shutil.copytree(made.root, tmp_path, dirs_exist_ok=True)
    runs = MadeRuns(tmp_path)
    for stage, name in (("model", PARTIAL), ("rows", LOOSE), ("tokens", DAMAGED)):
        put(runs, stage, name, 500)
    return runs


def document(
    runs: MadeRuns, capsys: pytest.CaptureFixture[str], *words: str, status: int = 0
) -> Any:
    capsys.readouterr()
    assert runs.run("runs", *words, "--json") == status
    return json.loads(capsys.readouterr().out)


def stat_sum(*paths: Path) -> int:
    """Bytes by os.walk and os.stat."""
    return sum(
        os.stat(os.path.join(folder, name)).st_size
        for path in paths
        for folder, _, names in os.walk(path)
        for name in names
    )


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ["micro", "nano-1", "nano-2"]),
        (("--experiment", "sweep"), ["nano-1", "nano-2"]),
        (("--status", "failed"), ["micro"]),
        (("--tag", "paper"), ["nano-1"]),
        (("--task", TASK), ["micro", "nano-1", "nano-2"]),
        (("--task", "tiny_en_de", "--status", "finished"), ["nano-1", "nano-2"]),
        (("--task", "none"), []),
        (("seed=2",), ["nano-2"]),
        (("model.name=na*", "seed=1"), ["nano-1"]),
        (("model.hidden_size=64",), ["micro"]),
        (("--sort", "score"), ["nano-1", "nano-2", "micro"]),
    ],
)
def test_list_has_the_runs_that_pass_all_filters(
    made: MadeRuns, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], expected: list[str]
) -> None:
    assert [row["run"] for row in document(made, capsys, "list", *words)] == expected


def test_list_shows_status_and_scores(made: MadeRuns, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: sacreBLEU on the same outputs."""
    outputs = made_outputs(made.references, wrong=0.1, seed=1)
    bleu = sacrebleu.corpus_bleu(outputs, [made.references]).score

    rows = {row["run"]: row for row in document(made, capsys, "list")}
    assert made.run("runs", "list") == 0

    shown = capsys.readouterr().out
    assert rows["nano-1"]["scores"] == {f"{TASK}, test, bleu": pytest.approx(bleu)}
    assert f"bleu {bleu:.2f}" in shown
    assert "out of memory" in shown
    assert "3 of 3 runs" in shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("list", "sed=1"), "did you mean 'seed'"),
        (("list", "seed"), "KEY=VALUE"),
        (("list", "--status", "dead"), "--status"),
        (("clean", "--older-than", "soon"), "as in 30d"),
        (("show", "nothing"), "nothing"),
        (("wipe",), "unknown command 'wipe'"),
    ],
)
def test_mistakes_are_named(
    made: MadeRuns, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], shown: str
) -> None:
    assert made.run("runs", *words) == 2
    assert shown in capsys.readouterr().err


def test_show_has_all_of_one_run(made: MadeRuns, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(made, capsys, "show", "nano-2")
    assert made.run("runs", "show", "nano-2") == 0

    assert (found["status"], found["seed"]) == ("finished", 2)
    assert found["settings"] == {
        **{"seed": "2", "model.name": "nano", "decoding.num_beams": "1"},
    }
    assert found["artifacts"]["model"] == "d" * 16
    assert found["cost"]["training_seconds"] == 3.0
    shown = capsys.readouterr().out
    assert "d" * 16 in shown
    assert "settings" in shown


def test_compare_has_a_column_for_each_run(
    made: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("compare", "nano-1", "nano-2", "micro")
    found = document(made, capsys, *words)
    listed = {row["run"]: row["scores"] for row in document(made, capsys, "list")}

    assert found["settings"]["seed"] == ["1", "2", "1"]
    assert found["settings"]["model.hidden_size"] == [None, None, "64"]
    (title,) = found["scores"]
    assert found["scores"][title] == [
        *(listed[run][title] for run in ("nano-1", "nano-2")),
        None,
    ]
    assert made.run("runs", *words[:3]) == 0
    assert "mtnlg diff nano-1 nano-2" in capsys.readouterr().out


def test_du_counts_every_file_once(own: MadeRuns, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: os.stat of all files; the model is of both runs, their scores are their own."""
    found = document(own, capsys, "du")
    artifacts, runs = own.root / "artifacts", own.root / "runs"

    assert found["total"] == stat_sum(artifacts, runs)
    for stage, row in found["stages"].items():
        assert row["bytes"] == stat_sum(artifacts / stage)
    assert found["stages"]["rows"]["unused"] == 500
    record = json.loads((runs / "sweep" / "nano-1" / "run.json").read_text("utf-8"))
    (score,) = record["scores"]
    alone = stat_sum(
        artifacts / "scores" / score["scores"], artifacts / "predictions" / score["predictions"]
    )
    assert found["runs"]["sweep/nano-1"] == {
        "folder": stat_sum(runs / "sweep" / "nano-1"),
        "artifacts": alone + 3_000,
        "alone": alone,
    }
    sweep = found["experiments"]["sweep"]
    assert sweep["artifacts"] == sweep["alone"]
    assert sweep["artifacts"] == stat_sum(
        *(artifacts / stage for stage in ("scores", "predictions"))
    ) + 3_000 - stat_sum_of_locks(artifacts)
    assert own.run("runs", "du") == 0


def stat_sum_of_locks(artifacts: Path) -> int:
    """Bytes of hidden files beside the folders."""
    return sum(path.stat().st_size for path in artifacts.glob("*/.*"))


def test_clean_shows_first_and_removes_only_what_nothing_refers_to(
    own: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """No launch asks for nano-2 any more: the run and what it alone refers to can go."""
    own.forget("sweep", "nano-2")
    shutil.rmtree(own.root / "runs" / "other")
    before = files(own.root)

    plan = document(own, capsys, "clean")
    assert files(own.root) == before
    done = document(own, capsys, "clean", "--yes")

    gone = {str(Path(folder["path"]).relative_to(own.root)) for folder in done["folders"]}
    assert plan["folders"] == done["folders"]
    assert before - files(own.root) == gone
    kept = {"runs/sweep/nano-1", f"artifacts/model/{'d' * 16}"}
    assert kept <= files(own.root)
    assert {"runs/sweep/nano-2", f"artifacts/rows/{LOOSE}", f"artifacts/model/{PARTIAL}",
            f"artifacts/tokens/{DAMAGED}"} < gone  # fmt: skip
    assert len(gone) == 6  # with the scores and predictions of nano-2
    assert own.run("gate", "nano-1", "--baseline", "nano-1") == 0


def test_clean_keeps_what_an_unfinished_run_may_continue(
    own: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """The failed run of `other` is on its board."""
    plan = document(own, capsys, "clean")

    names = {Path(folder["path"]).name for folder in plan["folders"]}
    assert names == {LOOSE, DAMAGED}


def test_clean_by_filter_takes_only_those_runs_and_their_artifacts(
    own: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    own.forget("sweep", "nano-1", "nano-2")
    own.forget("other", "micro")

    def names(*words: str) -> set[str]:
        plan = document(own, capsys, "clean", *words)
        return {Path(folder["path"]).name for folder in plan["folders"]}

    assert names("--failed") == {"micro"}
    assert {"nano-2"} < names("seed=2")
    assert "d" * 16 not in names("seed=2")
    assert "d" * 16 in names("--experiment", "sweep")
    assert LOOSE not in names("--experiment", "sweep")
    assert names("--older-than", "1d") == set()
    old = time.time() - 3 * 86_400
    for path in (own.root / "artifacts" / "rows" / LOOSE, *own.root.rglob("file")):
        os.utime(path, (old, old))
    assert names("--older-than", "2d") == {LOOSE}


def test_clean_keeps_what_imports_ratings_reports_and_records_refer_to(
    own: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each refers to one run or artifact of a launch that is forgotten then."""
    roots = {"runs_root": own.root / "runs", "artifacts_root": own.root / "artifacts"}
    publish(Publication("sweep", 1), **roots, published_root=own.root / "reports" / "published")
    imported = put(own, "predictions", "e" * 16, 10)
    rated = put(own, "predictions", "f" * 16, 10)
    entry = ImportRecord(TASK, "test", "de", "external", "theirs", None, "e" * 16, None)
    record_import(own.root / "runs" / "other", entry)
    ratings = own.root / "runs" / "other" / "ratings" / "ratings.json"
    ratings.parent.mkdir()
    ratings.write_text(json.dumps({"systems": [{"predictions": "f" * 16}]}), "utf-8")
    report = own.root / "reports" / "other" / "leaderboard.json"
    report.parent.mkdir(parents=True)
    report.write_text(json.dumps({"boards": [{"runs": ["micro"]}]}), "utf-8")
    own.forget("sweep", "nano-1", "nano-2")
    own.forget("other", "micro")

    document(own, capsys, "clean", "--yes")

    assert {run.name for run in (own.root / "runs").glob("*/*") if run.is_dir()} == {
        *("nano-1", "nano-2", "micro", "ratings"),
    }
    assert imported.is_dir()
    assert rated.is_dir()
    assert (own.root / "artifacts" / "model" / ("d" * 16)).is_dir()
    (own.root / "reports" / "published" / "sweep" / "record.zip").write_bytes(b"PK")
    assert own.run("runs", "clean") == 4


def test_clean_leaves_what_a_process_uses(
    own: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that froze a run; one that makes an artifact; afterwards both are gone."""
    artifacts, loose = own.root / "artifacts", own.root / "artifacts" / "rows" / LOOSE
    code = (
        "import sys; from pathlib import Path; from mtnlg.artifacts.in_use import hold; "
        "hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, artifacts], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert own.run("runs", "clean", "--yes") == 4
        assert "a process uses it" in capsys.readouterr().err
        assert loose.is_dir()
        process.kill()
    with FileLock(loose.with_name(f".{LOOSE}.lock")):
        document(own, capsys, "clean", "--yes")
        assert loose.is_dir()
    document(own, capsys, "clean", "--yes")
    assert not loose.exists()


def test_clean_keeps_a_run_whose_process_lives(
    own: MadeRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: this process, which lives."""
    path = own.root / "runs" / "other" / "micro" / "run.json"
    record = json.loads(path.read_text("utf-8")) | {"status": "running", "process": os.getpid()}
    path.write_text(json.dumps(record), "utf-8")
    own.forget("other", "micro")

    plan = document(own, capsys, "clean")

    assert not [folder for folder in plan["folders"] if folder["path"].endswith("micro")]


def test_files_that_are_not_ours_stay(own: MadeRuns, capsys: pytest.CaptureFixture[str]) -> None:
    note = own.root / "artifacts" / "rows" / "README.md"
    note.write_text("mine", "utf-8")
    link = own.root / "artifacts" / "rows" / ("1" * 16)
    target = own.root / "elsewhere"
    target.mkdir()
    (target / "file").write_text("mine", "utf-8")
    link.symlink_to(target)

    document(own, capsys, "clean", "--yes")

    assert note.read_text("utf-8") == "mine"
    assert not link.is_symlink()
    assert (target / "file").read_text("utf-8") == "mine"


def test_wait_ends_when_all_runs_are_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: a run that another thread ends two seconds later."""
    folder = tmp_path / "runs" / "waiting"
    register(folder, {"one": [], "two": []}, command=["mtnlg"], code={})
    write_run(folder / "one", RunRecord("one", "finished", None, "model"))
    failed = RunRecord("two", "failed", "why", "model")
    Timer(2, lambda: write_run(folder / "two", failed)).start()
    words = ["runs", "wait", "waiting", "--runs-root", str(tmp_path / "runs")]

    assert main([*words, "--minutes", "0"]) == 1
    assert "two  waiting" in capsys.readouterr().out
    assert main(words) == 1
    assert capsys.readouterr().out == "one  finished\ntwo  failed: why\n"
    write_run(folder / "two", RunRecord("two", "pruned", None, "model"))
    assert main(words) == 0


@pytest.mark.parametrize(
    ("cluster", "parent", "state", "shown"),
    [
        ("slurm", None, "REQUEUED", "waiting"),
        ("slurm", None, "FAILED", "killed: why"),
        ("local", this_process(), "", "waiting"),
        ("local", None, "", "killed: why"),
    ],
)
def test_killed_run_is_over_only_when_its_cluster_gives_it_up(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    cluster: str,
    parent: Process | None,
    state: str,
    shown: str,
) -> None:
    """Oracle: what a stand-in of Slurm's sacct says, or the process that waits for the job."""
    folder = tmp_path / "runs" / "queued"
    register(folder, {"one": []}, command=["mtnlg"], code={})
    write_run(folder / "one", RunRecord("one", "killed", "why", "model"))
    write_record(folder / "one" / "submitted.json", Submission(cluster, "7_0", parent))
    sacct = tmp_path / "bin" / "sacct"
    sacct.parent.mkdir()
    sacct.write_text(f"#!/bin/sh\nprintf 'JobID|State|NodeList\\n7_0|{state}|\\n'\n")
    sacct.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sacct.parent}:{os.environ['PATH']}")
    SlurmJob.watcher.clear()
    monkeypatch.setattr(SlurmJob.watcher, "_last_status_check", float("-inf"))

    words = ["runs", "wait", "queued", "--runs-root", str(tmp_path / "runs"), "--minutes", "0"]

    assert main(words) == 1
    assert capsys.readouterr().out == f"one  {shown}\n"
