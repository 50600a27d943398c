"""`mtnlg doctor` on files: its table, its verdict on a number, and how it fails.

Oracle unless a test names another: sacreBLEU on the same texts, and words written by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rouge_score.rouge_scorer import RougeScorer

from mtnlg.cli.main import main
from mtnlg.doctor.published import PublishedNumber, parse_number
from wmt23 import WMT23, needs_wmt23

REFERENCES = ["她在市场买了三个红苹果。", "小镇下了一整天的雨。", "去海边的火车九点出发。"]
OUTPUTS = ["她在市场买了红苹果。", "小镇下了一整天的雨。", "去海边的火车晚点出发。"]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    for name, lines in (("ref", REFERENCES), ("out", OUTPUTS)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files = ("--references", str(tmp_path / "ref"), "--hypotheses", str(tmp_path / "out"))
    return ["doctor", *files, "--task", "translation", "--language", "zh"]


def document_of(capsys: pytest.CaptureFixture[str], words: list[str]) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def error_of(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_table_shows_each_setting_with_value_difference_users_and_signature(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0

    text = capsys.readouterr().out
    rows = document_of(capsys, words)["settings"]
    assert {row["metric"] for row in rows} == {"bleu", "chrf"}
    for row in rows:
        assert f"{row['value']:.2f}" in text
        assert f"{row['difference']:+.2f}" in text
        assert row["signature"] in text
        assert row["used_by"]
    assert "lm-evaluation-harness" in text
    assert "nothing wrong with the texts" in text


def test_number_of_13a_on_chinese_is_recognized(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = document_of(capsys, words)["settings"]
    (value,) = [row["value"] for row in before if row["setting"].startswith("13a tokens, whatever")]

    document = document_of(capsys, [*words, "--published", f"{value:.1f}"])

    agreeing = [row for row in document["settings"] if row["agrees"]]
    assert any("Hugging Face evaluate (sacrebleu)" in row["used_by"] for row in agreeing)
    assert document["published"]["num_agreeing"] == len(agreeing)
    assert document["settings"][0]["agrees"]
    number = document["published"]["num_settings"]
    assert (
        f"agrees with {len(agreeing)} of the {number} settings" in document["published"]["verdict"]
    )


def test_number_of_nobody_agrees_with_none(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    document = document_of(capsys, [*words, "--published", "99.9"])

    assert document["published"]["num_agreeing"] == 0
    number = document["published"]["num_settings"]
    verdict = document["published"]["verdict"]
    assert verdict.startswith(f"99.9 agrees with none of the {number} settings; the nearest is")
    assert verdict.endswith("as by a tokenizer, or on other outputs or references")
    assert {row["metric"] for row in document["settings"]} >= {"bleu", "ter", "rouge1", "distinct2"}


def test_number_of_another_metric_is_named_before_the_files_are_blamed(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: rouge_score over characters, with a tokenizer of its own."""
    scorer = RougeScorer(["rouge1"], tokenizer=Characters())
    scores = [scorer.score(*pair)["rouge1"] for pair in zip(REFERENCES, OUTPUTS, strict=True)]
    number = f"{100 * sum(score.fmeasure for score in scores) / len(scores):.2f}"

    document = document_of(capsys, [*words, "--metric", "bleu", "--published", number])

    verdict = document["published"]["verdict"]
    assert verdict.startswith(f"bleu {number} agrees with ")
    assert "rouge1, each character a token, punctuation too" in verdict
    assert "So it is a number of rouge1 rather than of bleu" in verdict
    assert "other outputs" not in verdict


class Characters:
    """Every character a token, for rouge_score."""

    def tokenize(self, text: str) -> list[str]:
        return list(text)


def test_rouge_l_may_be_rouge_lsum_and_a_share_of_one(tmp_path: Path, capsys: Any) -> None:
    reference = "The cat sat here . It was happy there ."
    output = "It was happy there . The cat sat here ."
    for name, text in (("ref", reference), ("out", output)):
        (tmp_path / name).write_text(text + "\n")
    words = ["doctor", "--references", str(tmp_path / "ref"), "--hypotheses", str(tmp_path / "out")]

    words += ["--task", "summarization", "--language", "en"]

    document = document_of(capsys, [*words, "--metric", "rougeL", "--published", "1.00"])

    agreeing = [(row["metric"], row["setting"]) for row in document["settings"] if row["agrees"]]
    assert agreeing == [
        ("rougeLsum", "a sentence ends at ' . '"),
        ("rougeL", "words at spaces, sentences at full stops, each n-gram counted once"),
    ]
    assert "rougeL 1.00 (read as 100 of 100)" in document["published"]["verdict"]
    assert "the number fits all of them" in document["published"]["verdict"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--published", "high"], "--published high"),
        (["--published", "nan"], "--published nan"),
        (["--language", "chinese"], "ISO 639-1"),
        (["--sources", "absent"], "absent: no such file"),
    ],
)
def test_bad_words_are_one_line(
    words: list[str], more: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in error_of(capsys, [*words, *more])


def test_finding_tells_file_and_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(words[4])
    path.write_text(path.read_text("utf-8").replace("小镇", "小镇@@ "), encoding="utf-8")

    (finding,) = document_of(capsys, words)["findings"]

    assert (finding["name"], finding["count"], finding["first"]) == ("pieces", 1, f"{path}:2")
    assert main(words) == 0
    assert f"1 of 3 lines, first {path}:2" in capsys.readouterr().out


def test_published_number_agrees_as_far_as_its_decimals() -> None:
    number = parse_number("31.2")

    assert number is not None
    assert number.agrees(31.15)
    assert number.agrees(31.25)
    assert not number.agrees(31.2501)
    assert not number.agrees(31.1499)
    assert str(number.of_hundred) == "3120"
    whole = parse_number("31")
    assert isinstance(whole, PublishedNumber)
    assert whole.agrees(31.4)


def test_help_starts_without_torch_in_less_than_a_second() -> None:
    """Oracle: the child's own processor time, once all that a diagnosis needs is imported."""
    code = (
        "import sys, time, mtnlg.cli.doctor, mtnlg.cli.files, mtnlg.doctor.text, "
        "mtnlg.evaluation.symptoms; "
        "print(time.process_time(), *{'torch', 'nltk', 'hydra', 'pandas'} & set(sys.modules))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    seconds, *heavy = ended.stdout.split()
    assert heavy == []
    assert float(seconds) < 1


@needs_wmt23
def test_published_wmt23_bleu_is_found_as_chinese_tokens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the organizers' number of ONLINE-B, English to Chinese."""
    published = json.loads((WMT23 / "published_scores.json").read_text("utf-8"))["scores"]["en-zh"]
    files = (
        *("--references", str(WMT23 / "references" / "generaltest2023.en-zh.ref.refA.zh")),
        *("--hypotheses", str(WMT23 / "system-outputs" / "generaltest2023.en-zh.hyp.ONLINE-B.zh")),
    )
    number = f"{published['ONLINE-B']['bleu-all']:.2f}"

    words = ["doctor", *files, "--task", "translation", "--language", "zh", "--metric", "bleu"]

    document = document_of(capsys, [*words, "--published", number])

    agreeing = [row["signature"] for row in document["settings"] if row["agrees"]]
    assert agreeing
    assert all("tok:zh" in signature for signature in agreeing)
    assert document["findings"] == []
