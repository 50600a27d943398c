"""Metrics by name, the texts that they refuse, and the promise about identical corpora.

Messages and values are written out by hand.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mtnlg import plugins
from mtnlg.errors import ConfigError, DataError
from mtnlg.evaluation import METRICS, Metric, Texts, find_metric, measure, score_texts
from mtnlg.evaluation.metrics import registry
from mtnlg.evaluation.metrics.registry import FAMILIES
from mtnlg.evaluation.significance.bootstrap import FloatArray

CHINESE = [
    "我们用 PyTorch 训练模型。",
    "今天天气很好，我们去公园吧！",
    "GPT-4 是一个语言模型",
    "价格是 3.14 元",
]

AGREEMENT = [
    *(name for name in FAMILIES if not name.startswith(("distinct", "entropy"))),
    *("moses_bleu", "exact_match"),
]
"""Metrics of 100 for outputs that are their references, and of 0 for empty ones."""


class EntryPoint:
    """What importlib.metadata gives for an installed package's metric."""

    name = "character_ratio"
    value = "somewhere:metric"
    dist = None

    def __init__(self, loaded: object) -> None:
        self.loaded = loaded

    def load(self) -> object:
        return self.loaded


@pytest.fixture
def character_ratio() -> Metric:
    def statistics(texts: Texts) -> FloatArray:
        rows = [
            [len(text), len(targets[0])]
            for text, targets in zip(texts.hypotheses, texts.references, strict=True)
        ]
        return np.array(rows, dtype=np.float64)

    return replace(
        METRICS["chrf"],
        name="character_ratio",
        statistics=statistics,
        aggregate=lambda sums: 100 * sums[..., 0] / sums[..., 1],
    )


def install(monkeypatch: pytest.MonkeyPatch, loaded: object) -> None:
    monkeypatch.setattr(plugins, "installed", lambda group: [EntryPoint(loaded)])


def test_unknown_metric_names_known_ones_and_the_closest() -> None:
    with pytest.raises(ConfigError) as caught:
        find_metric("blue")

    message = str(caught.value)
    assert message.startswith("evaluation.metrics has 'blue'; known: bleu, chrf, chrf++, rouge1,")
    assert message.endswith("; did you mean 'bleu'?")


def test_metric_of_another_package_is_found(
    monkeypatch: pytest.MonkeyPatch, character_ratio: Metric
) -> None:
    install(monkeypatch, character_ratio)

    assert score_texts("character_ratio", Texts(["ab"], [["abcd"]], language="en")) == 50.0
    with pytest.raises(ConfigError, match=r"kiwi, character_ratio; did you mean 'character_r"):
        find_metric("character_ratios")


def test_entry_point_that_is_no_metric_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, len)

    with pytest.raises(ConfigError, match=r"metric of an unknown package is a builtin_function_or"):
        find_metric("character_ratio")


def test_metric_without_a_finite_value_is_an_error(
    monkeypatch: pytest.MonkeyPatch, character_ratio: Metric
) -> None:
    install(monkeypatch, replace(character_ratio, aggregate=lambda sums: sums[..., 0] * np.nan))

    with pytest.raises(ConfigError, match=r"character_ratio.*gave nan"):
        score_texts("character_ratio", Texts(["ab"], [["abcd"]], language="en"))


@pytest.mark.parametrize("name", [*AGREEMENT, "length_ratio", "rouge1-mean", "bleu-char"])
@pytest.mark.parametrize("language", ["zh", "zh-CN"])
def test_identical_chinese_corpus_scores_100(name: str, language: str) -> None:
    references = [[sentence] for sentence in CHINESE]

    assert score_texts(name, Texts(CHINESE, references, language=language)) == pytest.approx(
        100, abs=1e-9
    )


def test_identical_chinese_corpus_has_no_edit() -> None:
    references = [[sentence] for sentence in CHINESE]

    assert score_texts("ter", Texts(CHINESE, references, language="zh")) == 0


@pytest.mark.parametrize("name", [*AGREEMENT, "length_ratio", "nist", "distinct2", "entropy4"])
def test_empty_hypotheses_score_0(name: str) -> None:
    assert (
        score_texts(name, Texts(["", ""], [["the cat sat down"], ["a", "b"]], language="en")) == 0
    )


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize(
    ("hypothesis", "targets", "message"),
    [
        ("a", ["b", " \n"], "row 'r2': reference 2 is empty"),
        ("a", [], "row 'r2': it has no reference"),
        ("a\x00", ["b"], "row 'r2': the hypothesis has U\\+0000 at character 2"),
        ("a", ["\ud83d b"], "row 'r2': reference 1 has U\\+D83D at character 1"),
    ],
)
def test_unscorable_text_names_the_row(
    name: str, hypothesis: str, targets: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        measure(
            find_metric(name),
            Texts(
                ["x", hypothesis],
                [["y"], targets],
                language="en",
                sources=["s", "s"],
                ids=["r1", "r2"],
            ),
        )


@pytest.mark.parametrize("name", sorted(METRICS))
def test_counts_that_differ_are_both_named(name: str) -> None:
    with pytest.raises(DataError, match="2 hypotheses and 1 rows of references"):
        score_texts(name, Texts(["a", "b"], [["a"]], language="en"))


def test_no_hypotheses_is_an_error() -> None:
    with pytest.raises(DataError, match="0 hypotheses"):
        score_texts("bleu", Texts([], [], language="en"))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_text_beyond_the_cap_names_row_and_metric(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.METRICS, name, replace(METRICS[name], max_tokens=6))

    with pytest.raises(
        DataError,
        match=rf"row 1: a text of \d+ tokens; {re.escape(name)} is computed for at most 6",
    ):
        score_texts(
            name,
            Texts(["a b c", "a b c d e f g"], [["a"], ["b"]], language="en", sources=["s", "s"]),
        )


def test_cap_counts_tokens_and_not_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.METRICS, "rougeL", replace(METRICS["rougeL"], max_tokens=2))

    assert score_texts("rougeL", Texts(["longer words"], [["longer words"]], language="en")) == 100


def test_importing_evaluation_is_light() -> None:
    heavy = ("torch", "lightning", "hydra", "pandas", "nltk", "transformers")
    code = f"import sys, mtnlg.evaluation; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
