"""Adding things touches one place: an experiment made of a package's rows and of new YAML files.

A distribution of its own adds a metric, a reader, a decoding strategy and a report format by entry
points; a data set, a model size and an experiment are a YAML file each. One run uses all of them.
The distribution is the example of docs/adding.md.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mtnlg.records.files import JsonObject, read_json
from mtnlg.tokenization.tokenizer import TextTokenizer

PAGE = (Path(__file__).parents[1] / "docs" / "adding.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TOY = "".join(EXAMPLES)
(PROJECT,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ENTRY_POINTS = "".join(
    f"[{group}]\n" + "".join(f"{name} = {point}\n" for name, point in points.items())
    for group, points in tomllib.loads(PROJECT)["project"]["entry-points"].items()
)
BROKEN = """
[mtnlg.metrics]
broken = broken_rows:metric
bleu = broken_rows:bleu

[mtnlg.readers]
broken = broken_rows:reader

[mtnlg.strategies]
broken = broken_rows:strategy

[mtnlg.formats]
broken = broken_rows:format
"""
YAML = {
    "task/translation/colors.yaml": """
        # @package tasks.colors
        kind: translation
        reader: pipes
        source_language: en
        target_language: de
        folder: colors
        main_metric: brevity
        """,
    "model/one_layer.yaml": """
        name: one_layer
        num_layers: 1
        hidden_size: 8
        num_heads: 2
        context_length: 64
        """,
    "decoding/same.yaml": """
        strategy: same
        options: {token: 70}
        """,
    "experiment/with_plugins.yaml": """
        # @package _global_
        # mtnlg run experiment=with_plugins --config-dir conf
        # Does a run work that is made of somebody else's rows?
        defaults:
          - override /task: translation/colors
          - override /model: one_layer
          - override /decoding: same
        name: plugins
        tokenizer: {vocabulary_size: 300}
        trainer: {max_steps: 4, validate_every_steps: 2, batch_tokens: 64, num_threads: 1}
        evaluation: {metrics: [bleu, brevity]}
        report: {formats: [json, systems]}
        """,
}
COLORS = {"red": "rot", "green": "grün", "blue": "blau", "white": "weiß", "black": "schwarz"}
TOKEN = 70


def install(site: Path, name: str, version: str, module: str, code: str, points: str) -> None:
    """Put a distribution into a folder of sys.path, laid out as pip does."""
    site.mkdir(exist_ok=True)
    (site / f"{module}.py").write_text(code, encoding="utf-8")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(points, encoding="utf-8")


@dataclass
class Workplace:
    """Folders with packages, data and YAML files, and the command line in them."""

    root: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`mtnlg` with these words, in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "mtnlg.cli.main", *words],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root / "site")},
            capture_output=True,
            text=True,
            check=False,
        )

    def experiment(self, stage: str, *overrides: str) -> subprocess.CompletedProcess[str]:
        words = ["experiment=with_plugins", "--config-dir", "conf", "data_root=data"]
        return self.run(stage, *words, *overrides)

    def manifest(self) -> JsonObject:
        (path,) = (self.root / "runs" / "plugins").glob("*/run.json")
        return read_json(path)

    def artifact(self, stage: str) -> Path:
        """The folder of the run's artifact, of a test set's own model where there are several."""
        artifacts = self.manifest()["artifacts"]
        key = artifacts[stage]
        return (
            self.root / "artifacts" / stage / str(key["colors"] if isinstance(key, dict) else key)
        )

    def board_rows(self) -> list[dict[str, Any]]:
        """The rows of the board of all examples; the model's is the first."""
        path = self.root / "reports" / "plugins" / "leaderboard.json"
        board, _ = json.loads(path.read_text(encoding="utf-8"))["boards"]
        rows: list[dict[str, Any]] = board["rows"]
        assert [row["kind"] for row in rows].index("trained") == 0
        return rows

    def predictions(self) -> list[JsonObject]:
        scores = self.manifest()["scores"]
        assert isinstance(scores, list)
        (key,) = (row["predictions"] for row in scores if row["kind"] == "trained")  # type: ignore[index,call-overload]
        path = self.root / "artifacts" / "predictions" / str(key) / "predictions.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """One run of the experiment, finished."""
    root = tmp_path_factory.mktemp("plugins")
    install(root / "site", "toy-rows", "1.2", "toy_rows", TOY, ENTRY_POINTS)
    install(root / "site", "broken-rows", "0.1", "broken_rows", "import nowhere_at_all", BROKEN)
    for name, text in YAML.items():
        (root / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        lines = [line.removeprefix(" " * 8) for line in text.strip().splitlines()]
        (root / "conf" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "data" / "colors").mkdir(parents=True)
    for split in ("train", "validation", "test"):
        lines = [
            json.dumps({"line": f"the {split} is {a} and {b}|{COLORS[a]} und {COLORS[b]}"})
            for a in COLORS
            for b in COLORS
        ]
        path = root / "data" / "colors" / f"{split}.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    workplace = Workplace(root)
    result = workplace.experiment("run")
    assert result.returncode == 0, result.stderr
    return workplace


def test_example_of_the_page_has_twenty_lines() -> None:
    assert len([line for line in EXAMPLES[0].splitlines() if line.strip()]) <= 20


def test_rows_come_from_the_reader(workplace: Workplace) -> None:
    """Oracle: the line before and after its bar."""
    rows = (workplace.artifact("rows") / "test.jsonl").read_text(encoding="utf-8").splitlines()

    first = json.loads(rows[0])
    assert (first["source"], first["references"]) == ("the test is red and red", ["rot und rot"])


def test_outputs_come_from_the_strategy_and_its_option(workplace: Workplace) -> None:
    """Oracle: the tokenizer's text for the token of the option, three times."""
    tokenizer = TextTokenizer.load(workplace.artifact("tokenizer") / "tokenizer.json")

    outputs = {row["prediction"] for row in workplace.predictions()}

    assert outputs == {tokenizer.decode([TOKEN] * 3)}
    assert workplace.board_rows()[0]["decoding"] == "same_token70"


def test_metric_ranks_the_board_and_has_its_interval(workplace: Workplace) -> None:
    """Oracle: lengths counted in the predictions."""
    rows = workplace.predictions()
    ours = sum(len(str(row["prediction"])) for row in rows)
    theirs = sum(len(row["references"][0]) for row in rows)  # type: ignore[index,arg-type]

    board = workplace.board_rows()

    metrics = board[0]["metrics"]
    assert metrics["brevity"]["value"] == pytest.approx(100 - 100 * ours / (ours + theirs))
    assert metrics["brevity"]["low"] <= metrics["brevity"]["value"] <= metrics["brevity"]["high"]
    assert metrics["brevity"]["signature"] == "version:toy"
    values = [row["metrics"]["brevity"]["value"] for row in board]
    assert values == sorted(values, reverse=True)


def test_metric_chooses_the_checkpoint(workplace: Workplace) -> None:
    """Oracle: the largest value in the curve of the validations."""
    model = workplace.artifact("model")
    with (model / "metrics.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))

    (column,) = (name for name in rows[0] if name.endswith(("brevity", "validation_metric")))
    best = max(float(row[column]) for row in rows if row[column])
    assert best > 0
    assert read_json(model / "training.json")["best_validation_metric"] == pytest.approx(best)


def test_format_writes_its_file_beside_ours(workplace: Workplace) -> None:
    """Oracle: the systems of leaderboard.json, in its order."""
    folder = workplace.root / "reports" / "plugins"
    boards = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))["boards"]

    names = (folder / "systems.txt").read_text(encoding="utf-8").split()

    assert names == [row["system"] for board in boards for row in board["rows"]]
    assert sorted(path.name for path in folder.iterdir()) == [
        ".report.json",
        "leaderboard.json",
        "systems.txt",
    ]


@pytest.mark.parametrize("stage", ["rows", "model", "predictions", "scores"])
def test_key_of_what_a_package_made_has_its_release(workplace: Workplace, stage: str) -> None:
    """Oracle: the version in the package's metadata."""
    folders = (workplace.root / "artifacts" / stage).glob("*/artifact.json")

    plugins = [read_json(path)["inputs"].get("plugins") for path in folders]

    assert ["toy-rows 1.2"] in plugins


def test_key_of_what_a_package_made_has_its_code(workplace: Workplace, tmp_path: Path) -> None:
    """Oracle: an edit of the package, after which the same command prepares its rows again. The
    edit is made in a copy, as the other tests read the manifest of the finished run.
    """
    copied = Workplace(Path(shutil.copytree(workplace.root, tmp_path / "copied")))
    edited = TOY.replace('split("|")', 'split("|", maxsplit=1)')
    (copied.root / "site" / "toy_rows.py").write_text(edited, encoding="utf-8")

    result = copied.experiment("prepare")

    (line,) = [line for line in result.stderr.splitlines() if line.startswith("prepare ")]
    assert line.split()[1:5] == ["1", "built,", "3", "cached"]
    log = max(copied.root.glob("runs/*/*/log.txt"), key=lambda path: path.stat().st_mtime)
    lines = [line.split()[1:] for line in log.read_text(encoding="utf-8").splitlines()]
    last = {line[0]: line[-1] for line in lines}
    assert last["rows"] == "built"
    assert last["contamination"] == last["tokenizer"] == last["tokens"] == "cached"


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("evaluation.metrics=[bleu,brevity,broken]", "evaluation.metrics"),
        ("tasks.colors.reader=broken", "tasks.*.reader"),
        ("decoding.strategy=broken", "decoding.strategy"),
        ("report.formats=[broken]", "report.formats"),
    ],
)
def test_broken_package_is_named_where_it_is_asked_for(
    workplace: Workplace, setting: str, key: str
) -> None:
    """Oracle: its name and version, and what Python says of it."""
    result = workplace.experiment("prepare", "name=broken", setting)

    assert result.returncode == 2
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("error: "))
    assert line.startswith(f"error: {key} has 'broken': the entry point broken_rows:")
    assert "of broken-rows 0.1 cannot be loaded (ModuleNotFoundError: No module named" in line


def test_row_with_the_name_of_ours_is_not_used_and_named(workplace: Workplace) -> None:
    """Oracle: the signature of our BLEU on the board."""
    (run,) = (workplace.root / "runs" / "plugins").glob("*/log.txt")
    metrics = workplace.board_rows()[0]["metrics"]

    log = run.read_text(encoding="utf-8")

    assert "broken_rows:bleu of broken-rows 0.1 is not used: 'bleu' is a row of mtnlg" in log
    assert metrics["bleu"]["signature"].startswith("nrefs:1|case:mixed")


def test_name_that_two_packages_have_is_refused(workplace: Workplace, tmp_path: Path) -> None:
    """Oracle: both packages in the message."""
    point = "[mtnlg.metrics]\nbrevity = other_rows:metric\n"
    install(tmp_path / "site", "other-rows", "3.0", "other_rows", "metric = None", point)
    (tmp_path / "texts").write_text("a\n", encoding="utf-8")
    both = os.pathsep.join(str(root / "site") for root in (tmp_path, workplace.root))
    words = ["--references", "texts", "--hypotheses", "texts", "--task", "translation"]

    result = subprocess.run(
        [
            *(sys.executable, "-m", "mtnlg.cli.main", "score", *words),
            *("--language", "en", "--metrics", "brevity"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": both},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    for name in ("other_rows:metric of other-rows 3.0", "toy_rows:brevity of toy-rows 1.2"):
        assert name in result.stderr


def test_file_with_the_name_of_a_shipped_one_is_refused(
    workplace: Workplace, tmp_path: Path
) -> None:
    """Oracle: both paths in the message; Hydra would take the shipped one."""
    file = tmp_path / "model" / "mt_nlg_nano.yaml"
    file.parent.mkdir()
    file.write_text("num_layers: 3\n", encoding="utf-8")
    words = ["task=dialogue/builtin_dialogue", "model=mt_nlg_nano"]

    result = workplace.run("prepare", *words, "--config-dir", str(tmp_path))

    assert result.returncode == 2
    assert f"error: {file}: is hidden by " in result.stderr
    assert "conf/model/mt_nlg_nano.yaml; rename it" in result.stderr
