"""Runs of systems that are not ours: what they are made of, and what their keys depend on."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from composed import composed
from made_checkpoints import make_checkpoint
from made_pairs import make_pair
from mtnlg.config import Config, parse_system
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment.compose import freeze, thaw
from mtnlg.experiment.naming import run_id
from mtnlg.experiment.systems import check_system
from small_run import SmallRun

TASK = "task=translation/builtin_en_zh"


def with_system(system: str, root: Path, *words: str) -> Config:
    return composed(TASK, f"system={system}", f"artifacts_root={root / 'artifacts'}", *words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf/models/t5-small/", ("hf", "models/t5-small/", "t5-small")),
        ("hf/google/mt5@607a30d", ("hf", "google/mt5@607a30d", "mt5")),
        ("local//data/m.Q4.gguf", ("local", "/data/m.Q4.gguf", "m.Q4")),
        ("openai/http://h:80/v1/a/b", ("openai", "http://h:80/v1", "a/b")),
        ("openai/https://h/api/gpt", ("openai", "https://h/api", "gpt")),
    ],
)
def test_parts_of_a_system(text: str, expected: tuple[str, str, str]) -> None:
    """Oracle: by hand."""
    assert parse_system(text) == expected


@pytest.mark.parametrize("text", ["t5", "hf/", "openai/gpt-4", "gguf/x"])
def test_unknown_system_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=f"^system={text}: must be hf/FOLDER, local/FOLDER or"):
        parse_system(text)


def test_run_id_depends_on_the_files_and_not_on_their_folder(tmp_path: Path) -> None:
    """Oracle: copies, and a changed file."""
    make_pair(tmp_path / "a" / "t5", "t5")
    shutil.copytree(tmp_path / "a" / "t5", tmp_path / "b" / "t5")
    (tmp_path / "b" / "t5" / "README.md").write_text("a card")
    shutil.copytree(tmp_path / "a" / "t5", tmp_path / "c" / "t5")
    (tmp_path / "c" / "t5" / "generation_config.json").write_text("{}")

    ids = [run_id(with_system(f"hf/{tmp_path / name / 't5'}", tmp_path)) for name in "abc"]

    assert ids[0] == ids[1] != ids[2]
    assert ids[0].startswith("t5-greedy-seed1-")


def test_frozen_configuration_has_what_a_system_is_asked(tmp_path: Path) -> None:
    """Oracle: the configuration before it was frozen; and one of a model of ours has nothing."""
    make_checkpoint(tmp_path / "theirs", "gpt2")
    words = ("tasks.builtin_en_zh.instruction.num_fewshot=2", "prompt_format=text")
    config = with_system(f"local/{tmp_path / 'theirs'}", tmp_path, *words)
    (tmp_path / "config.yaml").write_text(freeze(config))

    thawed = thaw(tmp_path / "config.yaml")

    assert thawed == config
    assert thawed.tasks["builtin_en_zh"].instruction == config.tasks["builtin_en_zh"].instruction
    ours = freeze(composed(TASK, "model=mt_nlg_nano"))
    assert not [name for name in ("system", "instruction", "endpoint") if f"{name}:" in ours]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("system=hf/nowhere",), "system=hf/nowhere: no folder with config.json; give one that"),
        (("system=local/nowhere",), "system=local/nowhere: no such file or folder; give a folder"),
        (("system=local/x.bin",), "system=local/x.bin: no such file or folder"),
        (
            ("system=openai/http://h/v1/m", "decoding=beam5"),
            "decoding.strategy=beam: system=openai/http://h/v1/m has greedy, sampling",
        ),
        (
            ("system=openai/http://h/v1/m", "prompt_format=source"),
            "prompt_format=source: system=openai/http://h/v1/m is asked by instructions",
        ),
        (
            ("system=openai/http://h/v1/m", "tasks.builtin_en_zh.instruction=null"),
            "tasks.builtin_en_zh.instruction=null: system=openai/http://h/v1/m needs one",
        ),
        (("system=hf/x", "model=mt_nlg_nano"), "model=mt_nlg_nano: must be null with a `system`"),
        (("system=hf/x", "initial_model=y"), "initial_model=y: must be null with a `system`"),
        (
            ("system=hf/x", "tasks.builtin_en_zh.instruction.doc_to_text=hello"),
            "instruction.doc_to_text='hello': must be a template with {{source}}",
        ),
    ],
)
def test_what_a_system_cannot_have_is_one_line(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises((ConfigError, ArtifactError)) as raised:
        check_system(composed(TASK, f"artifacts_root={tmp_path}", *words))

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.glob("predictions/*"))


def test_run_of_a_folder_of_transformers_and_of_our_decoder(tmp_path: Path) -> None:
    """As a user starts it: one board with two systems; the same command again builds nothing.
    Oracle: what the records of a run must say.
    """
    make_pair(tmp_path / "t5", "t5")
    make_checkpoint(tmp_path / "llama", "llama", max_position_embeddings=512)
    run = SmallRun(tmp_path)
    systems = f"system=hf/{tmp_path / 't5'},local/{tmp_path / 'llama'}"
    words = ("-m", systems, "decoding.max_new_tokens=5")
    words = (*words, "tasks.multi30k_en_de.instruction.num_fewshot=2", "~model")
    settings = [word for word in run.words("run") if word.startswith(("task=", "evaluation="))]
    roots = [word for word in run.words("run") if "_root=" in word]
    names = ["name=small", "trainer.num_threads=1", "tasks.multi30k_en_de.test_sets=[test]"]

    ended = run.command("run", *settings, *roots, *names, *words)

    assert ended.returncode == 0, ended.stderr
    records = [json.loads(path.read_text()) for path in run.root.glob("runs/small/*/run.json")]
    rows = {
        score["system"]: score
        for record in records
        for score in record["scores"]
        if score["kind"] == "external"
    }
    assert {record["kind"] for record in records} == {"external"}
    assert rows["t5"]["decoding"] == "greedy, source"
    assert rows["llama"]["decoding"].startswith("greedy, chat|shots:2|until:1|prompt:")
    assert rows["llama"]["contamination"]["rule"] == "not checked: training data unknown"
    (report,) = run.root.rglob("leaderboard.json")
    (board,) = json.loads(report.read_text())["boards"]
    notes = {row["system"]: row["reason"] for row in board["rows"]}
    assert rows["llama"]["decoding"].removeprefix("greedy, ") in notes["llama"]
    folder = run.root / "artifacts" / "predictions" / rows["llama"]["predictions"]
    prompts = [json.loads(line) for line in (folder / "prompts.jsonl").read_text().splitlines()]
    train = (run.data / "train.jsonl").read_text()
    chats = [ast.literal_eval(prompt["prompt"]) for prompt in prompts]
    answers = [message["content"] for message in chats[0] if message["role"] == "assistant"]
    assert len(answers) == 2
    assert all(f'"de": "{answer}"' in train for answer in answers)
    assert all(chat[:-1] == chats[0][:-1] for chat in chats)
    board = (run.root / "reports" / "small" / "leaderboard.md").read_text()
    assert "| t5 | external |" in board
    again = run.command("run", *settings, *roots, *names, *words)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("cached") >= 2
    assert "built" not in again.stderr


def test_a_system_stands_in_place_of_an_experiments_model() -> None:
    """Oracle: the settings of the experiment's file, which are a model's and all others."""
    words = ("experiment=multi30k_en_de", "data_root=x")
    ours, theirs = composed(*words), composed(*words, "system=hf/x")

    assert ours.our_model.num_layers == 8
    assert (theirs.model, theirs.initial_model) == (None, None)
    assert (theirs.decoding, theirs.evaluation) == (ours.decoding, ours.evaluation)
