"""ROUGE as two Python packages compute it, which differ from ROUGE-1.5.5 and from rouge_score."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import chain

from mtnlg.doctor.values import Compute, Value
from mtnlg.evaluation import Texts
from mtnlg.evaluation.metrics.rouge import lcs_indexes
from mtnlg.evaluation.texts import count_references

Lines = list[list[str]]
MISSING_EXCEPTIONS = 6.0
"""How far, of 100, py-rouge's value of one text may be without its list of irregular forms (were:
be), which is not part of this package. Errors of many texts cancel: divide by the root of their
number, down to LEAST_TOLERANCE.
"""
LEAST_TOLERANCE = 0.15


def py_rouge(
    metric: str, *, unit: str = "characters", limit: int = 665, weight: float = 1.0
) -> Compute:
    """py-rouge 1.1 with stemming, alpha 0.5 and ensure_compatibility: a line is a sentence, texts
    are cut at the limit, and precision and recall of ROUGE-L are raised to 1 / weight.
    """

    def pair(prediction: str, targets: Sequence[str]) -> float:
        lines = _py_rouge_lines(prediction, unit, limit)
        sums = [0, 0, 0]
        for target in targets:
            counts = count(_py_rouge_lines(target, unit, limit), lines)
            sums = [total + number for total, number in zip(sums, counts, strict=True)]
        matches, *lengths = sums
        power = 1 / weight if metric == "rougeL" else 1.0
        shares = [(max(matches, 0) / size) ** power if size > 0 else 0.0 for size in lengths]
        return 2 * shares[0] * shares[1] / sum(shares) if all(shares) else 0.0

    count = _count_lcs if metric == "rougeL" else _ngram_counter(int(metric[-1]))
    signature = f"stem:porter|tok:py-rouge|limit:{limit}-{unit}|weight:{weight}|version:1.1"
    return _mean(pair, signature, is_near=True)


def rouge_of_sets(metric: str, *, unit: str = "words") -> Compute:
    """The package rouge 1.0.1: words at spaces, sentences at full stops, each n-gram counted once
    in a text. Text without spaces is cut into characters first, as its users do.
    """

    def cut(text: str) -> Lines:
        return _sentences(" ".join(text) if unit == "characters" else text)

    def pair(prediction: str, targets: Sequence[str]) -> float:
        words, target = cut(prediction), cut(targets[0])
        if metric == "rougeL":
            common = {
                line[index]
                for sentence in target
                for line in words
                for index in lcs_indexes(line, sentence)
            }
            sizes = [len({word for line in side for word in line}) for side in (words, target)]
            matches = len(common)
        else:
            left, right = (_ngrams(side, int(metric[-1])).keys() for side in (words, target))
            sizes, matches = [len(left), len(right)], len(left & right)
        precision, recall = (matches / size if size else 0.0 for size in sizes)
        return 2 * precision * recall / (precision + recall + 1e-8)

    return _mean(pair, f"stem:no|tok:{unit}|counts:sets|version:1.0.1", most_references=1)


def _mean(
    pair: Callable[[str, Sequence[str]], float],
    signature: str,
    *,
    is_near: bool = False,
    most_references: int | None = None,
) -> Compute:
    """The mean over examples of a value from 0 to 1."""

    def compute(texts: Texts) -> Value:
        number = count_references(texts.references)
        full = f"nrefs:{number}|{signature}"
        if most_references and max(map(len, texts.references)) > most_references:
            return Value(None, full, "it knows one reference only")
        rows = zip(texts.hypotheses, texts.references, strict=True)
        values = [pair(prediction, targets) for prediction, targets in rows]
        near = max(LEAST_TOLERANCE, MISSING_EXCEPTIONS / math.sqrt(len(values)))
        tolerance = near if is_near else 0.0
        return Value(100 * sum(values) / len(values), full, tolerance=tolerance)

    return compute


def _ngrams(lines: Lines, order: int) -> Counter[tuple[str, ...]]:
    words = list(chain.from_iterable(lines))
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def _ngram_counter(order: int) -> Callable[[Lines, Lines], tuple[int, int, int]]:
    """What counts matches, n-grams of the prediction, and of the target."""

    def count(target: Lines, prediction: Lines) -> tuple[int, int, int]:
        left, right = (_ngrams(lines, order) for lines in (prediction, target))
        return (left & right).total(), left.total(), right.total()

    return count


def _count_lcs(target: Lines, prediction: Lines) -> tuple[int, int, int]:
    """Tokens of the union LCS that the prediction still has, and the lengths."""
    left = Counter(token for line in prediction for token in line)
    sizes = left.total(), sum(map(len, target))
    matches = 0
    for sentence in target:
        union = {index for line in prediction for index in lcs_indexes(sentence, line)}
        for token in (sentence[index] for index in sorted(union)):
            matches += left[token] > 0
            left[token] -= left[token] > 0
    return matches, *sizes


@lru_cache(4_096)
def _py_rouge_lines(text: str, unit: str, limit: int) -> Lines:
    lines, left = [], limit
    for line in text.split("\n"):
        parts = line.strip() if unit == "characters" else line.split()
        kept = parts[:left]
        lines.append(kept if isinstance(kept, str) else " ".join(kept))
        left -= len(parts)
        if left <= 0:
            break
    return [_stems(re.sub("[^a-z0-9]", " ", line.lower())) for line in lines]


def _stems(line: str) -> list[str]:
    from nltk.tokenize.destructive import NLTKWordTokenizer

    words = NLTKWordTokenizer().tokenize(line.replace("cannot", "_cannot_"))
    words = [word.replace("_cannot_", "cannot") for word in words]
    return [_stem(word) if len(word) > 3 else word for word in words]


@cache
def _stem(word: str) -> str:
    from nltk.stem.porter import PorterStemmer

    return str(PorterStemmer(PorterStemmer.ORIGINAL_ALGORITHM).stem(word))


def _sentences(text: str) -> Lines:
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]
