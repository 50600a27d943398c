"""Minimum Bayes risk against brute force: every sample scored against every sample."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from mtnlg.errors import ConfigError
from mtnlg.evaluation import Texts, find_metric, sentence_scores
from mtnlg.generation.batches import Output
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration as Pretrained
from mtnlg.inference.pretrained import decoding_of
from mtnlg.inference.text_generator import expected_utilities, rank_by_utility

SAMPLES = [
    "the red cat sees a dog",
    "a dog",
    "the red cat sees a small dog in the house",
    "the red cat sees a dog",
    "",
    "of the cat a red one",
    "the red cat sees the dog",
]
LAST_DIGITS = 1e-9
ROUGE = RougeScorer(["rougeL"])
ORACLES: dict[str, Callable[[str, str], float]] = {
    "bleu": lambda text, other: sacrebleu.sentence_bleu(text, [other]).score,
    "chrf": lambda text, other: sacrebleu.sentence_chrf(text, [other]).score,
    "rougeL": lambda text, other: 100 * ROUGE.score(other, text)["rougeL"].fmeasure,
}
every_metric = pytest.mark.parametrize("metric", ORACLES)


@every_metric
def test_score_of_one_text_equals_the_reference_package(metric: str) -> None:
    """Oracle: sacreBLEU's sentence scores and rouge_score."""
    pairs = [(text, other) for text in SAMPLES for other in SAMPLES]

    found = sentence_scores(
        find_metric(metric),
        Texts([text for text, _ in pairs], [[other] for _, other in pairs], language="en"),
    )

    expected = [ORACLES[metric](text, other) for text, other in pairs]
    assert found.tolist() == pytest.approx(expected, abs=LAST_DIGITS)


@every_metric
def test_expected_utility_is_the_mean_over_all_samples(metric: str) -> None:
    """Oracle: the double loop, each copy of a sample counted."""
    found = expected_utilities(SAMPLES, find_metric(metric), language="en")

    expected = [
        sum(ORACLES[metric](text, other) for other in SAMPLES) / len(SAMPLES) for text in SAMPLES
    ]
    assert found == pytest.approx(expected, abs=LAST_DIGITS)


@every_metric
def test_most_useful_sample_comes_first_and_the_likelier_of_equals(metric: str) -> None:
    outputs = [[Output([place], -float(place), True) for place in range(len(SAMPLES))]]

    ranked, texts, utilities = rank_by_utility(
        outputs, [SAMPLES], find_metric(metric), language="en"
    )

    assert utilities[0] == sorted(utilities[0], reverse=True)
    assert texts[0] == [SAMPLES[output.ids[0]] for output in ranked[0]]
    assert texts[0][:2] == [SAMPLES[0]] * 2
    assert [output.ids for output in ranked[0]][:2] == [[0], [3]]
    assert texts[0][-1] == ""


@every_metric
def test_answer_is_the_sample_with_the_least_risk(pretrained: Pretrained, metric: str) -> None:
    """Oracle: the same samples without a utility, compared by the double loop."""
    settings = {"strategy": "sampling", "num_alternatives": 6, "max_new_tokens": 8, "top_p": 0.9}
    task = pretrained.find_task("chat")
    texts = ["the red cat", "how are you?"]
    samples = pretrained._generator.generate(texts, task, decoding_of(dict(settings))).texts

    answers = pretrained.generate(texts, task="chat", mbr_utility=metric, **settings)

    for drawn, answer in zip(samples, answers, strict=True):
        risks = [sum(ORACLES[metric](text, other) for other in drawn) for text in drawn]
        best = max(range(len(drawn)), key=lambda place: (round(risks[place], 9), -place))
        assert answer == drawn[best]


def test_unknown_utility_is_named_before_anything_is_decoded(pretrained: Pretrained) -> None:
    with pytest.raises(ConfigError, match=r"decoding\.mbr_utility has 'chfr'; known: bleu, chrf"):
        pretrained.generate("a", strategy="sampling", num_alternatives=2, mbr_utility="chfr")
