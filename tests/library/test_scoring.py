"""Scores of lists: the numbers of `mtnlg score`, as objects, frames, HTML and LaTeX.

Oracles: the command line on files of the same texts, and sacreBLEU.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sacrebleu.metrics.bleu import BLEU

import mtnlg
from mtnlg.cli.main import main
from mtnlg.errors import ConfigError, DataError
from scored_texts import GOOD, POOR, REFERENCES

ENGLISH: dict[str, Any] = {"task": "translation", "language": "en"}


def command_board(
    folder: Path, capsys: pytest.CaptureFixture[str], systems: dict[str, list[str]], *words: str
) -> dict[str, Any]:
    """The board that `mtnlg score --json` prints for files of these texts."""
    for name, texts in {"references": REFERENCES, **systems}.items():
        (folder / name).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    files = ["--references", str(folder / "references"), "--hypotheses"]
    command = ["score", *files, *(str(folder / name) for name in systems), "--json", *words]
    assert main(command) == 0
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    return dict(board)


@pytest.mark.parametrize(
    ("task", "words", "arguments"),
    [
        ("translation", [], {}),
        ("summarization", [], {}),
        (
            "dialogue",
            ["--metrics", "chrf", "rougeL-stem", "--resamples", "120", "--seed", "7"],
            {"metrics": ["chrf", "rougeL-stem"], "resamples": 120, "seed": 7},
        ),
        (
            "translation",
            ["--main-metric", "ter", "--confidence", "0.9", "--trials", "400"],
            {"main_metric": "ter", "confidence": 0.9, "trials": 400},
        ),
        (
            "translation",
            ["--equivalence-margin", "bleu=1.5"],
            {"equivalence_margin": {"bleu": 1.5}},
        ),
    ],
)
def test_numbers_are_those_of_the_command_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: str,
    words: list[str],
    arguments: dict[str, Any],
) -> None:
    """Oracle: rows, pairs and families of the command's JSON, every digit of them."""
    systems = {"good": GOOD, "poor": POOR}
    expected = command_board(tmp_path, capsys, systems, "--task", task, "--language", "en", *words)

    compared = mtnlg.compare(systems, REFERENCES, task=task, language="en", **arguments)

    assert json.loads(json.dumps(compared.board.to_json())) == expected


def test_score_of_one_system_is_that_of_sacrebleu() -> None:
    scores = mtnlg.score(GOOD, REFERENCES, **ENGLISH)

    assert scores.value == BLEU().corpus_score(GOOD, [REFERENCES]).score
    assert (scores.value, scores.n, scores["bleu"].n) == (scores["bleu"].value, 5, 5)
    assert scores.low is not None
    assert scores.high is not None
    assert scores.low <= scores.value <= scores.high
    assert scores.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a")
    assert list(scores) == ["bleu", "chrf"]


def test_several_references_of_a_text_count() -> None:
    """Oracle: sacreBLEU with two sets of references, the second of which lacks some."""
    second = ["A cat sat.", "", "Apples!", "", "The train leaves at nine."]
    references = [[first, other] for first, other in zip(REFERENCES, second, strict=True)]
    expected = BLEU().corpus_score(GOOD, [REFERENCES, [text or None for text in second]]).score  # type: ignore[list-item]

    scores = mtnlg.score(GOOD, references, metrics="bleu", **ENGLISH)

    assert scores.value == pytest.approx(expected)
    assert scores.signature.startswith("nrefs:var")


def test_frames_have_the_numbers() -> None:
    compared = mtnlg.compare({"poor": POOR, "good": GOOD}, REFERENCES, trials=500, **ENGLISH)

    frame, pairs = compared.to_frame(), compared.differences()
    single = mtnlg.score(POOR, REFERENCES, **ENGLISH).to_frame()

    assert frame[["system", "metric"]].values.tolist() == [
        [system, metric] for system in ("good", "poor") for metric in ("bleu", "chrf")
    ]
    assert frame.value.tolist() == [
        score.value for scores in compared.values() for score in scores.values()
    ]
    assert single.loc["chrf", "value"] == compared["poor"]["chrf"].value
    difference = compared["good"].value - compared["poor"].value
    assert pairs.set_index("metric").loc["bleu", "difference"] == pytest.approx(difference)
    assert pairs.is_significant.dtype == bool


def test_name_of_a_system_is_kept_and_never_markup() -> None:
    """By hand: names with a path, tags, and what LaTeX obeys."""
    names = ["opus/mt", "<b>x</b>", "50%_$"]
    compared = mtnlg.compare(dict.fromkeys(names, GOOD), REFERENCES, trials=500, **ENGLISH)

    html, latex = compared._repr_html_(), compared.to_latex().replace(r"\allowbreak{}", "")

    assert sorted(compared) == sorted(names)
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<b>x</b>" not in html
    assert r"50\%\_\$" in latex


def test_notebook_shows_scores_and_the_verdict() -> None:
    compared = mtnlg.compare({"good": GOOD, "poor": POOR}, REFERENCES, trials=500, **ENGLISH)

    assert f"{compared['good'].value:.2f} [" in compared._repr_html_()
    assert compared.verdict.split(",")[0] in compared._repr_html_()
    assert repr(compared) == str(compared)
    assert "signature: nrefs:1" in repr(compared["poor"])


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"hypotheses": "a text"}, DataError, "hypotheses: is a str; it must be a list of texts"),
        ({"hypotheses": [*GOOD[:4], None]}, DataError, "hypotheses[4]: is a NoneType; it must be"),
        ({"hypotheses": ["\ud800", *GOOD[1:]]}, DataError, "hypotheses[0]: "),
        ({"hypotheses": []}, DataError, "hypotheses: has no text"),
        ({"hypotheses": GOOD[:4]}, DataError, "references has 5"),
        ({"references": [REFERENCES]}, DataError, "list(zip(*references))"),
        ({"references": [*REFERENCES[:4], " "]}, DataError, "references[4]: is empty"),
        ({"references": 5}, DataError, "references: is a int"),
        ({"sources": GOOD[:2]}, DataError, "sources has 2 examples"),
        ({"task": "translate"}, ConfigError, "task='translate': must be one of translation, sum"),
        ({"language": "English"}, ConfigError, "language='English': must be an ISO 639-1 code"),
        ({"task": ["translation"]}, ConfigError, "must be a text"),
        ({"language": None}, ConfigError, "language=None: must be a text"),
        ({"metrics": ["blue"]}, ConfigError, "did you mean 'bleu'?"),
        ({"metrics": "length_ratio"}, ConfigError, "metrics has 'length_ratio', of which neither"),
        ({"metrics": 3}, ConfigError, "metrics=3: must be a list of names"),
        ({"metrics": ["bleu", "entity_source_precision"]}, ConfigError, "which needs sources"),
        ({"resamples": 0}, ConfigError, "resamples=0: must be a finite number >= 1"),
        ({"confidence": 95.0}, ConfigError, "confidence=95.0: must be in (0, 1)"),
        ({"confidence": "95%"}, ConfigError, "confidence='95%': must be a number"),
        ({"resamples": 1e3}, ConfigError, "resamples=1000.0: must be a whole number"),
        ({"main_metric": ["bleu"]}, ConfigError, "main_metric=['bleu']: must be a text"),
        ({"seed": True}, ConfigError, "seed=True: must be a whole number"),
    ],
)
def test_wrong_argument_is_named(
    change: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """Oracle: messages by hand."""
    arguments = {"hypotheses": GOOD, "references": REFERENCES, **ENGLISH, **change}

    with pytest.raises(kind) as caught:
        mtnlg.score(**arguments)

    assert message in str(caught.value)


def test_unknown_name_in_a_result_is_a_key_error_with_the_known_ones() -> None:
    compared = mtnlg.compare({"good": GOOD}, REFERENCES, **ENGLISH)

    with pytest.raises(KeyError, match="'god' is none of good"):
        compared["god"]
    with pytest.raises(KeyError, match="'ter' was not computed; computed: bleu, chrf"):
        compared["good"]["ter"]


def test_long_texts_are_scored_by_a_script_without_a_main_guard(tmp_path: Path) -> None:
    """Oracle: a script that a second process would run again. Its texts count as long ones."""
    script = tmp_path / "script.py"
    script.write_text(
        "import mtnlg, mtnlg.leaderboard.file_board as board\n"
        "board.LONG_WORK = 1\n"
        "texts = [f'text number {number} of many' for number in range(2_100)]\n"
        "scores = mtnlg.score(texts, texts, task='translation', language='en', resamples=10)\n"
        "print(round(scores.value), scores.n)\n",
        encoding="utf-8",
    )

    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)

    assert result.stdout.split() == ["100", "2100"], result.stderr


def test_too_few_trials_and_no_system_are_refused() -> None:
    systems = {f"system {number}": GOOD for number in range(4)}

    with pytest.raises(ConfigError, match="trials=9: must be at least"):
        mtnlg.compare(systems, REFERENCES, trials=9, **ENGLISH)
    with pytest.raises(ConfigError, match="equivalence_margin has 'ter', which is not computed"):
        mtnlg.compare(systems, REFERENCES, equivalence_margin={"ter": 1}, **ENGLISH)
    with pytest.raises(ConfigError, match=r"equivalence_margin\['bleu'\]='1': must be a number"):
        mtnlg.compare(systems, REFERENCES, equivalence_margin={"bleu": "1"}, **ENGLISH)
    with pytest.raises(ConfigError, match="the name 1=1: must be a text"):
        mtnlg.compare({1: GOOD}, REFERENCES, **ENGLISH)  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="systems: must be a dictionary"):
        mtnlg.compare({}, REFERENCES, **ENGLISH)


def test_columns_of_a_frame_and_arrays_are_lists_of_texts() -> None:
    """Oracle: the same texts as lists; numbers of NumPy are numbers."""
    table = pandas.DataFrame({"output": GOOD, "reference": REFERENCES})
    expected = mtnlg.score(GOOD, REFERENCES, resamples=100, **ENGLISH)

    resamples = np.int64(100)
    columns = mtnlg.score(table.output, table.reference, resamples=resamples, **ENGLISH)
    arrays = mtnlg.score(np.array(GOOD), np.array(REFERENCES), resamples=100, **ENGLISH)

    assert dict(columns) == dict(arrays) == dict(expected)


def test_metric_that_cannot_run_says_why() -> None:
    """Oracle: the reason of the command line; bertscore needs a local model."""
    scores = mtnlg.score(GOOD, REFERENCES, metrics="bertscore", **ENGLISH)

    assert len(scores) == 0
    with pytest.raises(KeyError, match="not run: "):
        _ = scores.value
