"""Metrics whose names have words. Oracle: sacreBLEU and rouge_score with the same settings."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from mtnlg.errors import ConfigError
from mtnlg.evaluation import Texts, find_metric, measure, score_texts
from mtnlg.text.scripts import split_sentences

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


class Characters(Tokenizer):
    """Each character but white space, in lower case: what `" ".join(text)` gives other programs."""

    def tokenize(self, text: str) -> list[str]:
        return list("".join(text.lower().split()))


SUMMARIES = [
    ["猫抓到了鱼。狗，没有！", "GPT-4 涨价 3.5%……他说：“太贵了。”于是走了"],
    ["狗没有。猫抓到了鱼！", "他说太贵了。GPT-4涨了3.5%？于是 走了"],
]
CUT_BY_HAND = [
    ["猫抓到了鱼。\n狗，没有！", "GPT-4 涨价 3.5%……\n他说：“太贵了。”\n于是走了"],
    ["狗没有。\n猫抓到了鱼！", "他说太贵了。\nGPT-4涨了3.5%？\n于是 走了"],
]


def rouge_of_characters(name: str, texts: list[list[str]]) -> list[float]:
    """The oracle: rouge_score with a tokenizer of characters."""
    scorer = RougeScorer([name], tokenizer=Characters())
    pairs = zip(texts[1], texts[0], strict=True)
    return [scorer.score(target, output)[name].fmeasure for target, output in pairs]


@pytest.mark.parametrize("language", ["zh", "yue", "ja", "en"])
@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
def test_rouge_of_characters_counts_punctuation(name: str, language: str) -> None:
    """Oracle: rouge_score with a tokenizer of characters."""
    texts = Texts(SUMMARIES[0], [[text] for text in SUMMARIES[1]], language=language)
    metric = find_metric(f"{name}-char")

    values = measure(metric, texts)[:, 0].tolist()

    assert values == rouge_of_characters(name, SUMMARIES)
    assert "tok:characters" in metric.signature(texts.references, language)


@pytest.mark.parametrize("texts", [SUMMARIES, CUT_BY_HAND])
def test_sentence_marks_cut_chinese_texts_of_one_line_for_lsum(texts: list[list[str]]) -> None:
    """Oracle: rouge_score on the sentences that were cut by hand, one on each line."""
    rows = Texts(texts[0], [[text] for text in texts[1]], language="zh")
    metric = find_metric("rougeLsum-char")

    values = measure(metric, rows)[:, 0].tolist()

    assert values == rouge_of_characters("rougeLsum", CUT_BY_HAND)
    assert values != rouge_of_characters("rougeL", SUMMARIES)
    assert "sentences:marks" in metric.signature(rows.references, "zh")


@pytest.mark.parametrize(
    ("name", "language"), [("rougeLsum-char-lines", "zh"), ("rougeLsum-char", "en")]
)
def test_only_lines_are_sentences_where_that_is_said_and_in_spaced_languages(
    name: str, language: str
) -> None:
    """Oracle: rouge_score, which knows no other sentences than lines."""
    rows = Texts(SUMMARIES[0], [[text] for text in SUMMARIES[1]], language=language)

    values = measure(find_metric(name), rows)[:, 0].tolist()

    assert values == rouge_of_characters("rougeLsum", SUMMARIES)
    assert "sentences" not in find_metric(name).signature(rows.references, language)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("他说：「走。」走了？！好…", ["他说：「走。」", "走了？！", "好…"]),
        ("ឆ្មាស៊ី។ ឆ្កែ។", ["ឆ្មាស៊ី។", " ឆ្កែ។"]),
        ("ကြောင်။ ခွေး", ["ကြောင်။", " ခွေး"]),
        ("3.5 元。", ["3.5 元。"]),
        ("", []),
    ],
)
def test_sentences_end_with_their_marks_and_closing_quotes(text: str, sentences: list[str]) -> None:
    """Oracle: cut by hand."""
    assert split_sentences(text, has_marks=True) == sentences


def test_order_of_words_changes_the_name_alone() -> None:
    both = [
        score_texts(name, Texts(HYPOTHESES, REFERENCES, language="en"))
        for name in ("rougeL-stem-mean", "rougeL-mean-stem")
    ]

    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rougeL-stemm", "rougeL knows the words stem, mean, jieba, char, not 'stemm'"),
        ("bleu-13a-char", "'char' and a word before it say the same"),
        ("bleu-", "not ''"),
        ("rouge1-stem-char", "'char' and a word before it say the same"),
        ("rouge1-lines", "not 'lines'"),
        ("distinct1-mean", "distinct1 knows the words punct, not 'mean'"),
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
