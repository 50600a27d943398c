"""What a page shows of each run: its settings without those of the machine, facts, speed, the end
of its log, and links to its rows and back.

Oracle: the files of two runs, written by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from made_launch import MadeLaunch, made_training, put_json
from mtnlg.records.files import write_text
from mtnlg.records.run_config import differences, read_config, without_folders
from mtnlg.report.display import flops_text
from mtnlg.report.publish import check_published
from mtnlg.report.run_details import LOG_LINES, NOT_KEPT, log_tail
from read_report import Page, record_texts, written

CONFIG = """\
name: tiny
seed: 1
data_root: /home/me/data
artifacts_root: /scratch/artifacts
runs_root: /scratch/runs
reports_root: /scratch/reports
initial_model: /scratch/artifacts/model/0123abc
optimizer:
  learning_rate: 0.0025
logger:
  wandb:
    arguments:
      api_key: sesame
"""
METRICS = "step,target_tokens,train_loss,tokens_per_second\n1,10,5.0,11000\n2,20,4.0,13000\n"


@pytest.fixture
def recorded(launch: MadeLaunch) -> MadeLaunch:
    """A run with every file, and a failed run that left only a log."""
    model = launch.add_metrics("m1", METRICS)
    put_json(launch.artifacts_root / "model" / "m1" / "training.json", made_training())
    launch.add_predictions("s1", ["one", "two", "three", "four", "five", "six", "seven"])
    score = launch.score(launch.add_scores("s1", 21.5))
    launch.add_run("good", [score], artifacts={"model": model}, overrides=["model=nano"])
    launch.add_run("fell", status="failed", reason="nan loss", seed=2)
    folder = launch.runs_root / "tiny"
    write_text(folder / "good" / "config.yaml", CONFIG)
    write_text(folder / "good" / "log.txt", "12:00 made /scratch/artifacts/model/m1\n")
    write_text(folder / "fell" / "log.txt", "".join(f"line {number}\n" for number in range(100)))
    return launch


def test_configuration_is_shown_without_the_machine_and_its_keys(
    recorded: MadeLaunch, tmp_path: Path
) -> None:
    text = written(recorded.build(), tmp_path)["index.html"]

    shown = Page(text).text
    assert "learning_rate: 0.0025" in shown
    assert "initial_model: …/0123abc" in shown
    assert "made …/m1" in shown
    assert not [secret for secret in ("/home/me", "/scratch", "sesame") if secret in text]


def test_facts_of_training_and_manifest_are_shown(recorded: MadeLaunch, tmp_path: Path) -> None:
    shown = " ".join(Page(written(recorded.build(), tmp_path)["index.html"]).text.split())

    for fact in ("training steps1,700", f"training FLOPs{flops_text(5.4e12)}", "threads2"):
        assert fact in shown
    assert "git.commit0123abc" in shown
    assert "Tokens per second over the training: median 12,000, from 11,000 to 13,000." in shown


def test_failed_run_is_open_with_its_reason_and_the_end_of_its_log(
    recorded: MadeLaunch, tmp_path: Path
) -> None:
    page = Page(written(recorded.build(), tmp_path)["index.html"])

    folds = {fold["id"]: fold for _, fold in page.tags if (fold.get("id") or "").startswith("run-")}
    assert {anchor: "open" in fold for anchor, fold in folds.items()} == {
        "run-1": False,
        "run-2": True,
    }
    assert f"line {100 - LOG_LINES}\n" in page.text
    assert f"line {100 - LOG_LINES - 1}\n" not in page.text
    assert "Configuration: there is no config.yaml in the run's folder." in page.text


def test_every_link_within_the_page_leads_somewhere(recorded: MadeLaunch, tmp_path: Path) -> None:
    page = Page(written(recorded.build(), tmp_path)["index.html"])

    anchors = [element["id"] for _, element in page.tags if element.get("id")]
    targets = [str(element["href"]) for tag, element in page.tags if tag == "a"]
    links = [target[1:] for target in targets if target.startswith("#")]
    assert len(anchors) == len(set(anchors))
    assert set(links) <= set(anchors)
    assert {"run-1", "run-2", "board-1-row-1", "board-1-row-2"} <= set(links)


def test_published_page_has_the_configuration_and_says_that_logs_are_not_kept(
    recorded: MadeLaunch, tmp_path: Path
) -> None:
    recorded.build()
    root = tmp_path / "published"

    recorded.publish(root, num_samples=0)

    page = Page((root / "tiny" / "index.html").read_text(encoding="utf-8"))
    assert "learning_rate: 0.0025" in page.text
    assert page.text.count(f"End of the log: {NOT_KEPT}.") == 2
    assert f"Configuration: {NOT_KEPT}." in page.text
    record = record_texts(root / "tiny")
    kept = "".join(text for name, text in record.items() if name.endswith(".yaml"))
    assert "learning_rate" in kept
    assert not [secret for secret in ("/home/me", "/scratch", "sesame") if secret in kept]
    assert check_published(root, readme=None) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "config.yaml cannot be read: "),
        ("- a", "config.yaml holds no settings"),
        ("!!python/object/apply:os.system [true]", "config.yaml cannot be read: "),
    ],
)
def test_configuration_that_is_none_is_a_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")

    config = read_config(tmp_path)

    assert isinstance(config, str)
    assert config.startswith(reason)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/me/data/x.jsonl:7: broken", "…/x.jsonl:7: broken"),
        ('File "/usr/lib/a.py", line 1', 'File "…/a.py", line 1'),
        ("~/secret/key and C:\\Users\\me\\key", "…/key and …/key"),
        ("artifacts/model/0123 at 3/4 of 1/2/3", "artifacts/model/0123 at 3/4 of 1/2/3"),
        ("https://hub.example/a/b", "https://hub.example/a/b"),
    ],
)
def test_folders_of_absolute_paths_alone_are_left_out(text: str, shown: str) -> None:
    assert without_folders(text) == shown


def test_end_of_a_huge_log_has_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("é" * 50_000 + "\n" + "x" * 50_000 + "\nlast\n", encoding="utf-8")

    assert log_tail(path) == "x" * 50_000 + "\nlast"


def test_differences_are_the_settings_that_not_all_share() -> None:
    left, right = {"a": {"b": 1, "c": [1]}, "d": None}, {"a": {"b": 2, "c": [1]}, "e": "x"}

    assert differences([left, right]) == [
        ("a.b", ("1", "2")),
        ("d", ("null", None)),
        ("e", (None, "x")),
    ]
