"""Metrics of outputs and sources. Oracle: NLTK, sacremoses, or counts by hand."""

from __future__ import annotations

import math
from importlib.util import find_spec

import pytest
from nltk.translate.nist_score import corpus_nist
from sacrebleu.metrics.bleu import BLEU

from mtnlg.errors import ConfigError
from mtnlg.evaluation import METRICS, Texts, find_metric, measure, score_texts
from mtnlg.evaluation.metrics.tokenization import tokens_and_marks

REFERENCES = [["the cat sat on the mat"], ["it rains in the city all day long", "rain all day"]]
OUTPUTS = ["the cat the cat the cat", "it rains all day"]
SOURCES = ["A cat, the cat", "rains all over"]


def score(
    name: str,
    outputs: list[str],
    references: list[list[str]] = REFERENCES,
    sources: list[str] | None = None,
) -> float:
    return score_texts(name, Texts(outputs, references, language="en", sources=sources))


def test_exact_match_counts_any_reference_and_ignores_white_space_at_the_ends() -> None:
    assert score("exact_match", [" the cat sat on the mat\n", "Rain all day"]) == 50


def test_length_ratio_is_that_of_the_closest_references() -> None:
    assert score("length_ratio", OUTPUTS) == pytest.approx(100 * (6 + 4) / (6 + 3))


def test_length_ratio_has_no_better_direction() -> None:
    assert METRICS["length_ratio"].higher_is_better is None


def test_distinct_is_the_share_of_different_ngrams_of_the_corpus() -> None:
    """By hand: the cat, cat the; it rains, rains all, all day: 5 of 5 + 3."""
    assert score("distinct2", OUTPUTS) == pytest.approx(100 * 5 / 8)
    assert score("distinct1", OUTPUTS) == pytest.approx(100 * 6 / 10)


def test_distinct_of_examples_is_their_mean_without_those_too_short() -> None:
    value = score("distinct2_example", [*OUTPUTS, "short"], [*REFERENCES, ["x"]])

    assert value == pytest.approx((100 * 2 / 5 + 100) / 2)


def test_entropy_is_in_nats() -> None:
    """By hand, 4-grams: the cat the cat, twice; cat the cat the; it rains all day."""
    counts = [2, 1, 1]

    expected = -sum(count / 4 * math.log(count / 4) for count in counts)

    assert score("entropy4", OUTPUTS) == pytest.approx(expected)


def test_entropy_of_shorter_ngrams_and_of_examples() -> None:
    """By hand: the 3, cat 3, four words once; of the 3-grams the cat the, cat the cat twice each;
    of the second output alone, 2 pairs of words.
    """

    def nats(*counts: int) -> float:
        return -sum(count / sum(counts) * math.log(count / sum(counts)) for count in counts)

    assert score("entropy1", OUTPUTS) == pytest.approx(nats(3, 3, 1, 1, 1, 1))
    assert score("entropy2", OUTPUTS) == pytest.approx(nats(3, 2, 1, 1, 1))
    assert score("entropy3", OUTPUTS) == pytest.approx(nats(2, 2, 1, 1))
    assert score("entropy2_example", OUTPUTS) == pytest.approx((nats(3, 2) + nats(1, 1, 1)) / 2)


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("en", "Café, a_b — 3.14!!", "café , a _ b — 3 . 14 ! !"),
        ("de", "„Größe“ ❤️", "„ größe “ ❤️"),
        ("zh", "我用GPT，好。", "我 用 gpt ， 好 。"),
        ("th", "แมว! ๆ", "แ ม ว ! ๆ"),
    ],
)
def test_marks_of_punctuation_are_tokens_where_the_name_says_so(
    language: str, text: str, tokens: str
) -> None:
    """Oracle: cut by hand."""
    expected = tokens.split()
    texts = Texts([text], [["x"]], language=language)

    assert tokens_and_marks(text, language) == expected
    share = 100 * len(set(expected)) / len(expected)
    assert score_texts("distinct1-punct", texts) == pytest.approx(share)
    assert score_texts("distinct1_example-punct", texts) == pytest.approx(share)


def test_punctuation_is_in_the_signature_and_in_the_name_of_the_sibling() -> None:
    """Oracle: the names as the documentation gives them."""
    plain, punct = find_metric("entropy4"), find_metric("entropy4-punct")

    assert plain.signature([["x"]], "en") == "case:lc|tok:rouge_score|version:1"
    assert punct.signature([["x"]], "en") == "case:lc|tok:unicode_words+punctuation|version:1"
    assert "entropy4_example-punct has an interval" in punct.interval_reason


def test_value_of_a_corpus_has_a_reason_instead_of_an_interval() -> None:
    metric = METRICS["distinct1"]

    assert not metric.is_resampleable
    assert "distinct1_example has an interval" in metric.interval_reason
    assert measure(metric, Texts(OUTPUTS, REFERENCES, language="en")).shape == (2, 0)


def test_repetition_counts_ngrams_that_occurred_earlier() -> None:
    assert score("repetition4", OUTPUTS) == pytest.approx(100 * 1 / 4)


def test_self_repetition_counts_outputs_that_share_an_ngram() -> None:
    outputs = ["a b c d e", "x b c d e", "p q r s"]

    assert score("self_repetition4", outputs, [["y"]] * 3) == pytest.approx(200 / 3)


def test_novel_ngrams_are_those_that_the_source_does_not_have() -> None:
    """By hand: it, day; and it rains, all day: the cat and cat the are in `a cat the cat`."""
    assert score("novel1", OUTPUTS, sources=SOURCES) == pytest.approx(100 * 2 / 10)
    assert score("novel2", OUTPUTS, sources=SOURCES) == pytest.approx(100 * 2 / 8)


def test_copy_rate_is_the_coverage_by_fragments() -> None:
    """By hand, fragments of the paper's greedy walk: the cat, the cat, the cat; rains all."""
    assert score("copy_rate", OUTPUTS, sources=SOURCES) == pytest.approx(100 * 8 / 10)


@pytest.mark.parametrize("name", ["novel1", "novel2", "copy_rate"])
def test_metric_without_its_sources_names_them(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}.*--sources"):
        score(name, OUTPUTS)


def test_nist_equals_nltk() -> None:
    expected = corpus_nist(
        [[text.split() for text in targets] for targets in REFERENCES],
        [text.split() for text in OUTPUTS],
    )

    assert score("nist", OUTPUTS) == expected


def test_nist_of_texts_shorter_than_its_ngrams_is_a_number() -> None:
    assert score("nist", ["the", ""]) > 0


@pytest.mark.skipif(find_spec("sacremoses") is None, reason="sacremoses is not installed")
def test_moses_bleu_equals_sacrebleu_on_tokenized_lower_cased_text() -> None:
    from sacremoses import MosesTokenizer

    outputs = ["Don't stop the U.S. cat (now) at 3.14!", "It rains all day long, they said."]
    references = ["Don't stop the U.S. cats now, at 3.14!", "It rains all day long, he said."]
    tokenizer = MosesTokenizer(lang="en")

    def prepare(texts: list[str]) -> list[str]:
        return [tokenizer.tokenize(text, return_str=True).lower() for text in texts]

    value = score("moses_bleu", outputs, [[reference] for reference in references])

    oracle = BLEU(tokenize="none", smooth_method="none", force=True)
    assert value == oracle.corpus_score(prepare(outputs), [prepare(references)]).score
    assert value > 20
    assert "tok:sacremoses-" in METRICS["moses_bleu"].signature([["a"]], "en")


@pytest.mark.skipif(find_spec("sacremoses") is None, reason="sacremoses is not installed")
def test_moses_bleu_is_not_smoothed() -> None:
    assert score("bleu", OUTPUTS) > 0
    assert score("moses_bleu", OUTPUTS) == 0


@pytest.mark.parametrize(
    "name",
    [name for name, metric in METRICS.items() if metric.is_resampleable and not metric.is_whole],
)
def test_statistics_of_parts_are_those_of_the_whole(name: str) -> None:
    whole, first, second = (
        measure(
            METRICS[name],
            Texts(OUTPUTS[rows], REFERENCES[rows], language="en", sources=SOURCES[rows]),
        ).tolist()
        for rows in (slice(0, 2), slice(0, 1), slice(1, 2))
    )

    assert whole == first + second
