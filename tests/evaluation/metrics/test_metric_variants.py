"""Metrics whose names have words. Oracle: sacreBLEU and rouge_score with the same settings."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from mtnlg.errors import ConfigError
from mtnlg.evaluation import Texts, find_metric, measure, score_texts

HYPOTHESES = [
    "The runners were running quickly to U.S. stations.",
    "",
    "Studies of Studying students\nand their teachers teaching",
    "don't STOP the cat's meowing at 3.14 o'clock",
]
REFERENCES = [
    ["A runner runs quick to the U.S. station.", "Runners ran."],
    ["something"],
    ["A study of students\nand of their taught teachers"],
    ["do not stop cats meow at 3.14", "the cat meowed", "stop"],
]
CHINESE = (["模型 GPT 在训练", "今天天气很好"], [["模型GPT在训练中"], ["今天的天气很好！"]], "zh")


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL", "rougeLsum"])
def test_stemmed_rouge_equals_rouge_score(name: str) -> None:
    metric = find_metric(f"{name}-stem")
    scorer = RougeScorer([name], use_stemmer=True)

    statistics = measure(metric, Texts(HYPOTHESES, REFERENCES, language="en"))

    expected = [
        scorer.score_multi(targets, hypothesis)[name].fmeasure
        for hypothesis, targets in zip(HYPOTHESES, REFERENCES, strict=True)
    ]
    assert statistics[:, 0].tolist() == expected
    assert "stem:porter" in metric.signature(REFERENCES, "en")


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL", "rougeLsum"])
def test_mean_rouge_is_the_mean_over_the_references_of_a_row(name: str) -> None:
    metric = find_metric(f"{name}-mean")
    scorer = RougeScorer([name], use_stemmer=False)

    statistics = measure(metric, Texts(HYPOTHESES, REFERENCES, language="en"))

    expected = [
        sum(scorer.score(target, hypothesis)[name].fmeasure for target in targets) / len(targets)
        for hypothesis, targets in zip(HYPOTHESES, REFERENCES, strict=True)
    ]
    assert statistics[:, 0].tolist() == pytest.approx(expected, abs=1e-15)
    assert "multi:mean" in metric.signature(REFERENCES, "en")


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("bleu-lc", BLEU(lowercase=True)),
        ("bleu-13a", BLEU(tokenize="13a")),
        ("bleu-char-lc", BLEU(tokenize="char", lowercase=True)),
        ("bleu-zh", BLEU(tokenize="zh")),
        ("bleu-intl", BLEU(tokenize="intl")),
        ("bleu-none", BLEU(tokenize="none")),
        ("chrf-lc", CHRF(lowercase=True)),
        ("chrf++", CHRF(word_order=2)),
        ("chrf++-lc", CHRF(word_order=2, lowercase=True)),
    ],
)
@pytest.mark.parametrize("corpus", [(HYPOTHESES, REFERENCES, "en"), CHINESE])
def test_variant_equals_sacrebleu_with_its_settings(
    name: str, oracle: BLEU | CHRF, corpus: tuple[list[str], list[list[str]], str]
) -> None:
    hypotheses, references, language = corpus
    if name == "bleu-lc" and language == "zh":
        oracle = BLEU(lowercase=True, tokenize="zh")
    most = max(map(len, references))
    padded = [row + [None] * (most - len(row)) for row in references]
    columns = [list(column) for column in zip(*padded, strict=True)]

    value = score_texts(name, Texts(hypotheses, references, language=language))

    assert value == oracle.corpus_score(hypotheses, columns).score
    assert find_metric(name).signature(references, language) == str(oracle.get_signature())


def test_order_of_words_changes_the_name_alone() -> None:
    both = [
        score_texts(name, Texts(HYPOTHESES, REFERENCES, language="en"))
        for name in ("rougeL-stem-mean", "rougeL-mean-stem")
    ]

    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rougeL-stemm", "rougeL knows the words stem, mean, jieba, not 'stemm'"),
        ("bleu-13a-char", "'char' and a word before it say the same"),
        ("bleu-", "not ''"),
        ("ter-lc", "known: bleu, chrf"),
    ],
)
def test_impossible_words_are_named(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_metric(name)


@pytest.mark.parametrize(("name", "language"), [("rouge1-stem", "zh"), ("rouge1-jieba", "en")])
def test_variant_for_another_language_is_refused(name: str, language: str) -> None:
    with pytest.raises(ConfigError, match=f"not for language={language}"):
        score_texts(name, Texts(["a"], [["a"]], language=language))


@pytest.mark.skipif(find_spec("jieba") is None, reason="jieba is not installed")
def test_jieba_counts_words() -> None:
    """By hand: jieba cuts 南京市 / 长江大桥; one of two words matches, four of seven characters."""
    value = score_texts("rouge1-jieba", Texts(["长江大桥"], [["南京市长江大桥"]], language="zh"))

    assert value == pytest.approx(100 * 2 * (1 / 1) * (1 / 2) / (1 / 1 + 1 / 2))


@pytest.mark.skipif(find_spec("jieba") is not None, reason="jieba is installed")
def test_absent_package_says_how_to_install_it() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'mtnlg\[jieba\]'"):
        score_texts("rouge1-jieba", Texts(["长江大桥"], [["南京市长江大桥"]], language="zh"))
