"""The processor time of ROUGE beside that of rouge_score, on the same texts in one run."""

from __future__ import annotations

import random
import time

import pytest
from rouge_score.rouge_scorer import RougeScorer

from mtnlg.evaluation import Texts, find_metric, measure

NAMES = ["rouge1", "rouge2", "rougeL"]
NUM_SUMMARIES, NUM_WORDS = 10_000, 100
LEAST_RATIO = 10


def summaries(seed: int) -> list[str]:
    """Texts whose words are as uneven as those of a language (Zipf 1949)."""
    generator = random.Random(seed)
    words = [f"word{number}" for number in range(5_000)]
    weights = [1 / (1 + number) for number in range(5_000)]
    return [" ".join(generator.choices(words, weights, k=NUM_WORDS)) for _ in range(NUM_SUMMARIES)]


@pytest.mark.slow
def test_rouge_is_ten_times_as_fast_as_rouge_score(capsys: pytest.CaptureFixture[str]) -> None:
    """All three metrics together, as on a board; ROUGE-1 and 2 alone mostly cut words, which both
    packages do with one regular expression.
    """
    predictions, targets = summaries(1), summaries(2)
    references = [[target] for target in targets]
    scorer = RougeScorer(NAMES, use_stemmer=False)

    started = time.process_time()
    expected = list(map(scorer.score, targets, predictions))
    theirs, started = time.process_time() - started, time.process_time()
    measured = {
        name: measure(find_metric(name), Texts(predictions, references, language="en"))
        for name in NAMES
    }
    ours = time.process_time() - started

    for name in NAMES:
        assert measured[name][:, 0].tolist() == [scores[name].fmeasure for scores in expected], name
    with capsys.disabled():
        print(f"\n{theirs:.2f} s by {ours:.2f} s of processor time: {theirs / ours:.1f} times")
    assert theirs / ours >= LEAST_RATIO
