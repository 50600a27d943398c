"""Every setting of `mtnlg doctor` gives the number of the program that it stands for."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sacrebleu
from nltk.translate.bleu_score import corpus_bleu as nltk_corpus_bleu
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.scoring import BootstrapAggregator
from torchmetrics.functional.text import chrf_score, rouge_score, sacre_bleu_score

from mtnlg.doctor.settings import KNOWN_METRICS, SETTINGS, Setting, read_settings
from mtnlg.doctor.values import ours, where_installed
from mtnlg.evaluation import Texts

ENGLISH = Texts(
    [
        "The cat sat on the mat . It was very happy there .",
        "It rained all day in town , heavily .",
        "She bought three red apples at the market yesterday.",
        "No",
        "the Trains to the coasts are leaving at nine.",
    ],
    [
        ["The cats sat on the mat . They were very happy there ."],
        ["It rained heavily all day in the small town ."],
        ["She bought three red apples at the Market."],
        ["Nobody answered the door that night."],
        ["The train to the coast leaves at nine."],
    ],
    language="en",
)
CHINESE = Texts(
    ["小猫坐在iPhone 垫子上。", "小镇下了雨。", "她在市场买了三个红苹果！", "没有人"],
    [
        ["小猫坐在IPhone 垫子上。"],
        ["小镇下了一整天的雨。"],
        ["她在市场买了三个红苹果。"],
        ["那天没有人应门。"],
    ],
    language="zh",
)
STREAM = {case.language: [targets[0] for targets in case.references] for case in (ENGLISH, CHINESE)}
FLOAT32 = 1e-4
"""torchmetrics computes in single precision: six digits."""


def sacre(**options: object) -> Callable[[Texts], float]:
    return lambda case: (
        sacrebleu.BLEU(force=True, **options)
        .corpus_score(list(case.hypotheses), [STREAM[case.language]])
        .score
    )


def chrf(**options: object) -> Callable[[Texts], float]:
    return lambda case: (
        sacrebleu.CHRF(**options).corpus_score(list(case.hypotheses), [STREAM[case.language]]).score
    )


def ter(**options: object) -> Callable[[Texts], float]:
    return lambda case: (
        sacrebleu.TER(**options).corpus_score(list(case.hypotheses), [STREAM[case.language]]).score
    )


def rouge(
    name: str, *, stem: bool = False, prepare: Callable[[str], str] = str
) -> Callable[..., float]:
    def mean(case: Texts) -> float:
        scorer = RougeScorer([name], use_stemmer=stem)
        pairs = zip(STREAM[case.language], case.hypotheses, strict=True)
        scores = [scorer.score(prepare(one), prepare(other))[name].fmeasure for one, other in pairs]
        return 100 * sum(scores) / len(scores)

    return mean


def nltk(case: Texts) -> float:
    references = [[text.split()] for text in STREAM[case.language]]
    return 100 * float(nltk_corpus_bleu(references, [text.split() for text in case.hypotheses]))


def moses(case: Texts) -> float:
    """The texts are plain ASCII, so that escapes make no difference."""
    tokenizer = pytest.importorskip("sacremoses").MosesTokenizer("en")
    cut = [
        [" ".join(tokenizer.tokenize(text.lower(), escape=False)) for text in texts]
        for texts in (case.hypotheses, STREAM[case.language])
    ]
    scorer = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True)
    return scorer.corpus_score(cut[0], [cut[1]]).score


def sentences(case: Texts) -> float:
    tokenize = "zh" if case.language == "zh" else "13a"
    scores = [
        sacrebleu.sentence_bleu(text, [reference], tokenize=tokenize).score
        for text, reference in zip(case.hypotheses, STREAM[case.language], strict=True)
    ]
    return sum(scores) / len(scores)


def of_language(**options: object) -> Callable[[Texts], float]:
    return lambda case: sacre(trg_lang=case.language, **options)(case)


class Characters:
    """Every character that is no space, for rouge_score."""

    def tokenize(self, text: str) -> list[str]:
        return [character for character in text.lower() if not character.isspace()]


def characters(name: str, *, marks: str = "") -> Callable[[Texts], float]:
    def mean(case: Texts) -> float:
        scorer = RougeScorer([name], tokenizer=Characters())
        cut = [
            [re.sub(f"([{marks}])", r"\1\n", text).strip() if marks else text for text in texts]
            for texts in (STREAM[case.language], case.hypotheses)
        ]
        scores = [scorer.score(*pair)[name].fmeasure for pair in zip(*cut, strict=True)]
        return 100 * sum(scores) / len(scores)

    return mean


def diversity(name: str, pattern: str) -> Callable[[Texts], float]:
    """By its definition, over tokens that a pattern finds."""

    def value(case: Texts) -> float:
        counts: Counter[tuple[str, ...]] = Counter()
        for text in case.hypotheses:
            tokens = re.findall(pattern, text.lower())
            counts.update(zip(*(tokens[start:] for start in range(int(name[-1]))), strict=False))
        if name.startswith("distinct"):
            return 100 * len(counts) / counts.total()
        shares = [number / counts.total() for number in counts.values()]
        return -sum(share * math.log(share) for share in shares)

    return value


PY_ROUGE = "py-rouge 1.1 with its defaults (stemmed, the first 665 characters)"
PY_ROUGE_README = (
    "py-rouge 1.1 as in its README (stemmed, the first 100 words, ROUGE-L weighted by 1.2)"
)
SETS = "words at spaces, sentences at full stops, each n-gram counted once"
CHARACTER_SETS = "characters, sentences at full stops, each n-gram counted once"
CHARACTERS = "each character a token, punctuation too"
RECORDED = {
    ("rouge1", PY_ROUGE): 69.1577540106952,
    ("rouge2", PY_ROUGE): 54.57142857142856,
    ("rougeL", PY_ROUGE): 66.6577540106952,
    ("rouge1", PY_ROUGE_README): 69.1577540106952,
    ("rouge2", PY_ROUGE_README): 54.57142857142856,
    ("rougeL", PY_ROUGE_README): 68.70968812989648,
    ("rouge1", SETS): 57.48663061673482,
    ("rouge2", SETS): 39.33333293466667,
    ("rougeL", SETS): 55.13368944026424,
    ("rouge1", CHARACTER_SETS): 78.51731555095496,
    ("rouge2", CHARACTER_SETS): 69.2779438267286,
    ("rougeL", CHARACTER_SETS): 78.51731555095496,
}
"""What the packages py-rouge 1.1 and rouge 1.0.1 gave these texts; they share the name of their
module, and cannot be installed together.
"""

ORACLES: dict[tuple[str, str], Callable[[Texts], float]] = {
    ("bleu", "tokens by the language, as on our boards"): of_language(),
    ("bleu", "13a tokens, whatever the language"): sacre(),
    ("bleu", "13a tokens, lower-cased"): sacre(lowercase=True),
    ("bleu", "13a tokens, no smoothing"): sacre(smooth_method="none"),
    ("bleu", "international tokens"): sacre(tokenize="intl"),
    ("bleu", "each character a token"): sacre(tokenize="char"),
    ("bleu", "Chinese tokens, lower-cased"): sacre(tokenize="zh", lowercase=True),
    ("bleu", "Chinese tokens, no smoothing"): sacre(tokenize="zh", smooth_method="none"),
    ("bleu", "cut at white space: right only where the files are tokenized already"): sacre(
        tokenize="none"
    ),
    ("bleu", "cut at white space, no smoothing"): sacre(tokenize="none", smooth_method="none"),
    ("bleu", "cut at white space, no smoothing, lower-cased"): sacre(
        tokenize="none", smooth_method="none", lowercase=True
    ),
    ("bleu", "cut at white space, no smoothing, short texts count as misses"): nltk,
    ("bleu", "Moses tokens, no smoothing, lower-cased"): moses,
    ("bleu", "mean of sentence BLEU, tokens by the language"): sentences,
    ("chrf", "character 6-grams without white space, as on our boards"): chrf(),
    ("chrf", "chrF++: words and their pairs too"): chrf(word_order=2),
    ("chrf", "white space counts as a character"): chrf(whitespace=True),
    ("chrf", "lower-cased"): chrf(lowercase=True),
    ("ter", "tokens by the language, as on our boards"): lambda case: ter(
        normalized=case.language == "zh", asian_support=case.language == "zh"
    )(case),
    ("ter", "words as they stand, any case"): ter(),
    ("ter", "words as they stand, case counts"): ter(case_sensitive=True),
    ("ter", "normalized, each ideograph a word"): ter(normalized=True, asian_support=True),
    **{
        (name, words): rouge(name, stem="Porter" in words)
        for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")
        for words in (
            "words of a-z and 0-9, no stemmer",
            "words of a-z and 0-9, Porter's stemmer",
        )
    },
    **{
        (name, f"{words}, median of 1,000 random resamples"): rouge(name, stem="Porter" in words)
        for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")
        for words in (
            "words of a-z and 0-9, no stemmer",
            "words of a-z and 0-9, Porter's stemmer",
        )
    },
    **{(name, CHARACTERS): characters(name) for name in ("rouge1", "rouge2", "rougeL")},
    ("rougeLsum", CHARACTERS): characters("rougeLsum", marks="。！？"),
    ("rougeLsum", f"{CHARACTERS}, a sentence is a line"): characters("rougeLsum"),
    **{
        (name, words): diversity(name, f"[a-z0-9]+|[一-鿿]{marks}")
        for name in ("distinct1", "distinct2", "entropy1", "entropy2", "entropy3", "entropy4")
        for words, marks in (
            ("tokens by the language, without punctuation, as on our boards", ""),
            ("tokens by the language and marks of punctuation", "|[.,。！]"),
        )
    },
    **{key: lambda case, value=value: value for key, value in RECORDED.items()},
    ("rougeLsum", "a sentence ends at ' . '"): rouge(
        "rougeLsum", prepare=lambda text: text.replace(" . ", " .\n")
    ),
}
"""Metric and words of a setting -> the reference package itself."""


@pytest.mark.filterwarnings("ignore:\\s*The hypothesis contains 0 counts")
@pytest.mark.parametrize("case", [ENGLISH, CHINESE], ids=["en", "zh"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: f"{one.metric}: {one.words}")
def test_setting_equals_its_reference_package(setting: Setting, case: Texts) -> None:
    """Oracle: sacreBLEU, NLTK, rouge_score."""
    if not setting.is_for(case.language):
        pytest.skip("the setting is for another language")
    value = setting.compute(case)
    if value.value is None:
        reason, word = (
            ("sacremoses is not installed", "Moses")
            if "sacremoses" in value.reason
            else ("NLTK's punkt data is not installed", "punkt")
        )
        assert value.reason == reason
        assert word in setting.words
        return

    own_rouge = setting.metric.startswith("rouge") and "tokens by the language" in setting.words
    if own_rouge and case.language == "zh":
        assert "tok:zh_characters" in value.signature
        return
    oracle = rouge(setting.metric) if own_rouge else ORACLES[setting.metric, setting.words]

    is_near = "py-rouge" in setting.words  # its list of irregular forms is not here
    assert value.value == pytest.approx(oracle(case), abs=value.tolerance if is_near else 1e-9)


def test_median_of_random_resamples_is_within_its_tolerance() -> None:
    """Oracle: rouge_score's own aggregator, with ten seeds."""
    (reading,) = [
        row
        for row in read_settings(ENGLISH, ["rouge1"])
        if row.setting.words == "words of a-z and 0-9, no stemmer, median of 1,000 random resamples"
    ]
    scorer = RougeScorer(["rouge1"])
    medians = []
    for seed in range(10):
        np.random.seed(seed)
        aggregator = BootstrapAggregator()
        for pair in zip(STREAM["en"], ENGLISH.hypotheses, strict=True):
            aggregator.add_scores(scorer.score(*pair))
        medians.append(100 * aggregator.aggregate()["rouge1"].mid.fmeasure)

    assert reading.value.value is not None
    assert len(set(medians)) > 1
    assert max(abs(value - reading.value.value) for value in medians) <= reading.value.tolerance
    assert reading.value.tolerance < 2.5


def test_torchmetrics_measures_as_the_table_says() -> None:
    """Oracle: torchmetrics itself, on one reference."""
    for case in (ENGLISH, CHINESE):
        rows = {
            user: one.value.value
            for one in read_settings(case, KNOWN_METRICS)
            if one.setting.metric in ("bleu", "chrf", "rouge1")
            for user in one.setting.users
        }
        texts, references = list(case.hypotheses), [list(one) for one in case.references]
        found: dict[str, Any] = {
            "torchmetrics SacreBLEUScore": sacre_bleu_score(texts, references),
            "torchmetrics ROUGEScore": rouge_score(texts, references, rouge_keys="rouge1")[
                "rouge1_fmeasure"
            ],
        }
        if case is ENGLISH:
            name = "torchmetrics CHRFScore (in Chinese it differs by some hundredths)"
            found[name] = chrf_score(texts, references)
        for user, value in found.items():
            assert 100 * float(value) == pytest.approx(rows[user], abs=100 * FLOAT32), user


def test_setting_whose_package_is_missing_says_so() -> None:
    value = where_installed("no_such_package", ours("bleu"))(ENGLISH)

    assert (value.value, value.reason) == (None, "no_such_package is not installed")


def test_lost_words_of_a_reference_score_nothing_as_in_rouge_score() -> None:
    """Oracle: rouge_score gives 0 for a reference without any word of a-z."""
    case = Texts(["0 1 2", "a b"], [["。"], ["a b"]], language="zh")
    (reading,) = [
        one
        for one in read_settings(case, ["rougeL"])
        if one.setting.words == "words of a-z and 0-9, Porter's stemmer"
    ]

    assert reading.value.value == pytest.approx(50.0)


def test_settings_that_are_the_same_here_are_one_row_with_all_their_users() -> None:
    readings = read_settings(ENGLISH, ["bleu"])

    signatures = [one.value.signature for one in readings]
    assert len(set(signatures)) == len(signatures)
    assert "lm-evaluation-harness" in readings[0].setting.users
    assert readings[0].difference == 0


def test_several_references_are_taken_by_every_setting_that_can() -> None:
    """Oracle: sacreBLEU with two streams."""
    case = Texts(["a b c d e", "x y z w"], [["a b c d f", "a b c d e"], ["x y z w"]], language="en")
    values = {one.setting.words: one.value.value for one in read_settings(case, ["bleu", "chrf"])}

    streams = [["a b c d f", "x y z w"], ["a b c d e", None]]
    expected = sacrebleu.BLEU(force=True, lowercase=True).corpus_score(
        list(case.hypotheses), streams
    )
    assert values["13a tokens, lower-cased"] == pytest.approx(expected.score)
    assert values["cut at white space, no smoothing, short texts count as misses"] == pytest.approx(
        100
        * nltk_corpus_bleu(
            [[text.split() for text in texts] for texts in case.references],
            [text.split() for text in case.hypotheses],
        )
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: f"{one.metric}: {one.words}")
def test_users_of_a_setting_are_documented(setting: Setting) -> None:
    assert all(source.startswith("https://github.com/") for source in setting.users.values())
