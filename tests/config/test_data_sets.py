"""The files of conf/task: each reads the records of its hub data set as its card documents them,
and a data set of your own needs no more than a few lines.

The text of the records is made up; their columns, nesting and splits are the hub's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import datasets
import pytest
import yaml

from composed import CONF, choices, composed
from mtnlg.cli.main import main
from mtnlg.corpus.preparation import prepare_rows
from mtnlg.corpus.sources.sources import split_sources
from mtnlg.records.files import JsonObject
from mtnlg.records.rows import read_rows

PARQUET = "refs/convert/parquet"
ALL = ("train", "validation", "test")


@dataclass(frozen=True)
class HubSet:
    """What a hub data set holds, and what its rows must become."""

    hub: str
    records: list[JsonObject]
    rows: list[tuple[str, tuple[str, ...]]]
    """Sources and references"""
    splits: tuple[str, ...] = ALL
    asked: dict[str, str | None] = field(default_factory=lambda: {"revision": PARQUET})
    """What load_dataset must be asked for besides the id and the split"""
    overrides: tuple[str, ...] = ()
    """What the file's comment says to set for the hub copy"""


CHINESE: list[JsonObject] = [{"translation": {"en": "A dog.", "zh": "一只狗。"}}]
CHINESE_ROWS = [("A dog.", ("一只狗。",))]
HUB_SETS = {
    "language_modeling/wikitext103": HubSet(
        "Salesforce/wikitext",
        [{"text": ""}, {"text": " = Robert Boulter = \n"}],
        [("", ("= Robert Boulter =",))],
        splits=("train", "validation"),
        asked={
            "name": "wikitext-103-raw-v1",
            "revision": "b08601e04326c79dfdd32d625aee71d232d685c3",
        },
    ),
    "translation/multi30k_en_de": HubSet(
        "bentrevett/multi30k",
        [{"en": "A dog.", "de": "Ein Hund."}],
        [("A dog.", ("Ein Hund.",))],
        overrides=("tasks.multi30k_en_de.test_sets=[test]",),
    ),
    "translation/wmt19_en_zh": HubSet(
        "wmt/wmt19",
        CHINESE,
        CHINESE_ROWS,
        splits=("train", "validation"),
        asked={"name": "zh-en", "revision": "main"},
    ),
    "translation/iwslt2017_en_zh": HubSet(
        "IWSLT/iwslt2017",
        CHINESE,
        CHINESE_ROWS,
        asked={"data_dir": "iwslt2017-en-zh", "revision": PARQUET},
    ),
    "translation/opus100_en_zh": HubSet(
        "Helsinki-NLP/opus-100",
        CHINESE,
        CHINESE_ROWS,
        asked={"data_dir": "en-zh", "revision": PARQUET},
    ),
    "summarization/dialogsum": HubSet(
        "knkarthick/dialogsum",
        [{"id": "train_0", "dialogue": "#Person1#: Hi.", "summary": "A greeting.", "topic": "hi"}],
        [("#Person1#: Hi.", ("A greeting.",))],
        overrides=("tasks.dialogsum.test_sets=[test]",),
    ),
    "summarization/scitldr": HubSet(
        "allenai/scitldr",
        [
            {
                "source": ["We do this.", "It works."],
                "source_labels": [0, 1],
                "rouge_scores": [0.1, 0.2],
                "paper_id": "S1",
                "target": ["This works.", "It does."],
            }
        ],
        [("We do this. It works.", ("This works.", "It does."))],
        asked={"data_dir": "Abstract", "revision": PARQUET},
    ),
    "summarization/cnn_dailymail": HubSet(
        "abisee/cnn_dailymail",
        [{"article": "It rained. Much.", "highlights": "Rain .\nMuch .", "id": "f0"}],
        [("It rained. Much.", ("Rain .\nMuch .",))],
        asked={"data_dir": "3.0.0", "revision": PARQUET},
    ),
    "summarization/xsum": HubSet(
        "EdinburghNLP/xsum",
        [{"document": "It rained.\nMuch.", "summary": "Rain.", "id": "35232142"}],
        [("It rained.\nMuch.", ("Rain.",))],
    ),
    "summarization/samsum": HubSet(
        "knkarthick/samsum",
        [
            {"id": "1", "dialogue": "Amy: Tea?\r\nBob: Yes.", "summary": "Bob wants tea."},
            {"id": "2", "dialogue": None, "summary": "Nothing was said."},
        ],
        [("Amy: Tea?\nBob: Yes.", ("Bob wants tea.",))],
    ),
    "summarization/aeslc": HubSet(
        "Yale-LILY/aeslc",
        [{"email_body": "Please call.\n\nAnn\n", "subject_line": "Call"}],
        [("Please call.\nAnn", ("Call",))],
    ),
    "dialogue/dailydialog": HubSet(
        "li2017dailydialog/daily_dialog",
        [{"dialog": ["Tea ?", "Yes .", "Here ."], "act": [2, 1, 1], "emotion": [0, 0, 0]}],
        [("Tea ?", ("Yes .",)), ("Tea ?\nYes .", ("Here .",))],
    ),
    "dialogue/empathetic_dialogues": HubSet(
        "facebook/empathetic_dialogues",
        [
            {
                "conv_id": conversation,
                "utterance_idx": number,
                "context": "proud",
                "prompt": "I won.",
                "speaker_idx": number % 2,
                "utterance": utterance,
                "selfeval": "5|5|5_2|2|5",
                "tags": "",
            }
            for conversation, number, utterance in [
                ("hit:0_conv:1", 1, "I won_comma_ at last!"),
                ("hit:0_conv:1", 2, "Well done."),
                ("hit:0_conv:2", 1, "It rains."),
                ("hit:0_conv:2", 2, "It does."),
            ]
        ],
        [("I won_comma_ at last!", ("Well done.",)), ("It rains.", ("It does.",))],
    ),
    "dialogue/personachat": HubSet(
        "bavard/personachat_truecased",
        [
            {
                "personality": ["I like tea.", "I am old."],
                "candidates": ["I run.", "Yes, with milk."],
                "history": ["Hi!", "Hello.", "Tea?"],
                "conv_id": 0,
                "utterance_idx": 1,
            }
        ],
        [("I like tea.\nI am old.\nHi!\nHello.\nTea?", ("Yes, with milk.",))],
        splits=("train", "validation"),
        asked={"data_dir": "full", "revision": PARQUET},
    ),
}
"""Choice of conf/task -> its hub data set as its card documents it."""


def file_of(choice: str) -> Path:
    return CONF / "task" / f"{choice}.yaml"


def test_every_hub_data_set_is_held_to_its_card() -> None:
    files = {choice: yaml.safe_load(file_of(choice).read_text()) for choice in choices("task")}

    assert {choice for choice, values in files.items() if "hub" in values} == set(HUB_SETS)


@pytest.mark.parametrize("choice", list(HUB_SETS))
def test_records_of_the_hub_become_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    """Oracle: the table above, taken from the cards of the data sets."""
    expected = HUB_SETS[choice]
    asked: list[dict[str, object]] = []

    def load(path: str, *, split: str, **settings: object) -> datasets.Dataset:
        assert path == expected.hub
        assert split in expected.splits, f"Unknown split {split!r}"
        asked.append({name: value for name, value in settings.items() if value is not None})
        return datasets.Dataset.from_list(expected.records)

    monkeypatch.setattr(datasets, "load_dataset", load)
    config = composed(f"task={choice}", "model=mt_nlg_nano", *expected.overrides)
    ((name, task),) = config.tasks.items()

    prepare_rows(name, task, config.cleaning, data_root=None, folder=tmp_path)

    assert set(split_sources(task)) == set(expected.splits)
    assert asked == [expected.asked] * len(expected.splits)
    for split in expected.splits:
        rows = list(read_rows(tmp_path / f"{split}.jsonl"))
        assert [(row.source, row.references) for row in rows] == expected.rows


def test_every_data_set_says_what_is_known_of_it() -> None:
    """The comment at the head: the command, the faults; and the license."""
    for choice in choices("task"):
        if "builtin" in choice:
            continue
        lines = file_of(choice).read_text(encoding="utf-8").splitlines()
        comment = "\n".join(line for line in lines if line.startswith("#"))

        stage = "train" if choice.startswith("language_modeling/") else "run"
        assert lines[1].startswith(f"# mtnlg {stage} task=")
        assert choice in lines[1]
        assert any(line.startswith("license: ") for line in lines), choice
        assert "\n# Known faults: " in comment, choice


MINE = """\
# @package tasks.tickets
# Support tickets and what became of them, exported on 1 May.
# Known faults: some tickets are in German.
kind: summarization
reader: document_summary
source_language: en
folder: summarization/tickets
columns:
  document: ticket
  summary: outcome
"""
FEW_LINES = 15


def test_a_data_set_of_your_own_is_one_short_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a folder of the user's, in formats as a spreadsheet exports them."""
    (tmp_path / "conf/task/summarization").mkdir(parents=True)
    (tmp_path / "conf/task/summarization/tickets.yaml").write_text(MINE)
    folder = tmp_path / "data/summarization/tickets"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text('ticket,outcome\n"It broke,\ntwice.",Mended.\nA,B\n')
    (folder / "validation.tsv").write_text('ticket\toutcome\nIt said "no".\tAsked again.\n')
    (folder / "test.jsonl").write_text('{"ticket": "It broke,\\ntwice.", "outcome": "Lost."}\n')
    roots = [f"{name}_root={tmp_path / name}" for name in ("data", "artifacts")]

    status = main(["data", "summarization/tickets", "--config-dir", str(tmp_path / "conf"), *roots])

    assert len(MINE.splitlines()) <= FEW_LINES
    assert status == 0
    (made,) = (tmp_path / "artifacts/rows").glob("*/train.jsonl")
    assert [row.source for row in read_rows(made)] == ["It broke,\ntwice.", "A"]
    printed = capsys.readouterr().out
    assert "Known faults: some tickets are in German." in printed
    leaks = {words[0]: words[1:] for line in printed.splitlines() if (words := line.split())}
    assert leaks["train_source"] == ["0", "1", "0"], "of test in train alone"
    assert leaks["train_target"] == ["0", "0", "0"]
