"""What is suspicious about outputs before any metric: traces of tokenisation, lost capitals,
shifted lines and so on.

Adding one is a function and its row in SYMPTOMS. Refuses to know: files; lines are told by their
place from 0.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mtnlg.evaluation import METRICS, Texts, measure
from mtnlg.evaluation.tokenisation import base_language

LEAST_SHARE = 0.05
"""Of outputs from which a trace counts: a few are what texts have."""
PIECES = re.compile(r"\u2581|@@ |@@$|</w>|##\w| @-@ |&(?:quot|apos|amp|lt|gt);")
SPACED = re.compile(r"\w [.,;:!?](?:\s|$)")
HALF_WIDTH = re.compile("[\u4e00-\u9fff][,.!?;:]")
FULL_WIDTH = re.compile("[，。！？；：]")
SHIFTS = (-2, -1, 1, 2)
MOST_SHIFTED = 500
"""Rows that are looked at for shifts."""
CLEARLY_BETTER = 1.5
"""Times the chrF of the lines as they are, from which another order is told."""
LENGTHS = (80.0, 125.0)
"""Per cent of the references' length between which outputs are of usual length."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One symptom, with how many outputs have it, the first of them and what to do."""

    what: str
    count: int
    first: int
    remedy: str


def findings(texts: Texts) -> list[Finding]:
    """Everything that is suspicious; empty for texts that are as they should be."""
    found = (symptom(texts) for symptom in SYMPTOMS)
    return [finding for finding in found if finding is not None]


def subword_pieces(texts: Texts) -> Finding | None:
    return _more_than_references(
        texts,
        PIECES,
        "have marks of subwords or of Moses' escapes that the references do not have",
        "detokenise the outputs (and unescape them) before scoring",
    )


def spaced_punctuation(texts: Texts) -> Finding | None:
    return _more_than_references(
        texts,
        SPACED,
        "have a space before punctuation, where the references have none",
        "detokenise the outputs, or score against tokenised references and say so",
    )


def lost_capitals(texts: Texts) -> Finding | None:
    places = [
        place
        for place, (text, targets) in enumerate(_pairs(texts))
        if text and text == text.lower() and all(target != target.lower() for target in targets)
    ]
    is_most = len(places) > len(texts) / 2
    return _finding(
        places if is_most else [],
        "have no capital where their references have",
        "restore the case, or report a lower-cased score (bleu-lc) as such",
    )


def half_width_punctuation(texts: Texts) -> Finding | None:
    """Chinese and Japanese only."""
    if base_language(texts.language) not in ("zh", "ja"):
        return None
    places = [
        place
        for place, (text, targets) in enumerate(_pairs(texts))
        if HALF_WIDTH.search(text)
        and not any(HALF_WIDTH.search(target) for target in targets)
        and any(FULL_WIDTH.search(target) for target in targets)
    ]
    return _finding(
        _if_frequent(places, texts),
        "have half-width punctuation where their references have full-width",
        "write ，。！？ as the references do; each one costs n-grams",
    )


def empty_outputs(texts: Texts) -> Finding | None:
    places = [place for place, text in enumerate(texts.hypotheses) if not text.strip()]
    return _finding(places, "are empty", "see why the system gave nothing; they score 0")


def copied_sources(texts: Texts) -> Finding | None:
    if texts.sources is None:
        return None
    places = [
        place
        for place, (text, source) in enumerate(zip(texts.hypotheses, texts.sources, strict=True))
        if text.strip() and text.strip() == source.strip()
    ]
    return _finding(_if_frequent(places, texts), "are their sources", "check which file is which")


def unusual_length(texts: Texts) -> Finding | None:
    statistics = measure(
        METRICS["length_ratio"], texts.hypotheses, texts.references, language=texts.language
    )
    ratio = float(METRICS["length_ratio"].aggregate(statistics.sum(axis=0)))
    if LENGTHS[0] <= ratio <= LENGTHS[1]:
        return None
    odd = [
        place
        for place, (own, target) in enumerate(statistics.tolist())
        if (own < target if ratio < 100 else own > target)
    ]
    return _finding(
        odd,
        f"are {'shorter' if ratio < 100 else 'longer'} than their references: {ratio:.0f} % of "
        "their tokens in all",
        "look for cut or endless outputs; BLEU punishes short ones, ROUGE's F-measure both",
    )


def other_order(texts: Texts) -> Finding | None:
    """Whether lines fit the references of other lines better than their own."""
    rows = range(min(len(texts), MOST_SHIFTED))
    if len(rows) <= 2 * max(SHIFTS):
        return None
    own = _mean_chrf(texts, 0)
    best = max(SHIFTS, key=lambda shift: _mean_chrf(texts, shift))
    if _mean_chrf(texts, best) <= max(CLEARLY_BETTER * own, own + 5):
        return None
    place = f"line i + {best}" if best > 0 else f"line i - {-best}"
    return Finding(
        f"fit the references of other lines better: output i that of {place}",
        len(texts),
        0,
        "a line is missing or too many; compare both files from their beginning",
    )


def composed_otherwise(texts: Texts) -> Finding | None:
    def form(text: str) -> bool:
        return unicodedata.is_normalized("NFC", text)

    places = [
        place
        for place, (text, targets) in enumerate(_pairs(texts))
        if not form(text) and all(map(form, targets))
    ]
    return _finding(
        places,
        "are not composed (NFC) as their references are, so that equal letters differ",
        "normalise both to NFC before scoring",
    )


SYMPTOMS: tuple[Callable[[Texts], Finding | None], ...] = (
    subword_pieces,
    spaced_punctuation,
    lost_capitals,
    half_width_punctuation,
    empty_outputs,
    copied_sources,
    unusual_length,
    other_order,
    composed_otherwise,
)


def _pairs(texts: Texts) -> Iterable[tuple[str, Sequence[str]]]:
    return zip(texts.hypotheses, texts.references, strict=True)


def _more_than_references(
    texts: Texts, pattern: re.Pattern[str], what: str, remedy: str
) -> Finding | None:
    places = [
        place
        for place, (text, targets) in enumerate(_pairs(texts))
        if pattern.search(text) and not any(pattern.search(target) for target in targets)
    ]
    return _finding(_if_frequent(places, texts), what, remedy)


def _if_frequent(places: list[int], texts: Texts) -> list[int]:
    return places if len(places) >= max(LEAST_SHARE * len(texts), 1) else []


def _finding(places: Sequence[int], what: str, remedy: str) -> Finding | None:
    return Finding(what, len(places), places[0], remedy) if places else None


def _mean_chrf(texts: Texts, shift: int) -> float:
    """Of outputs against the references that many lines further on."""
    last = min(len(texts), MOST_SHIFTED)
    rows = range(max(0, -shift), min(last, last - shift))
    statistics = measure(
        METRICS["chrf"],
        [texts.hypotheses[row] for row in rows],
        [texts.references[row + shift] for row in rows],
        language=texts.language,
    )
    return float(METRICS["chrf"].aggregate(statistics).mean())
