"""Numbers, names and marks that a program left before or after each output."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from mtnlg.evaluation.line_order import Finding
from mtnlg.evaluation.texts import Texts

MOST, SOME = 0.9, 0.2
"""Of the outputs, which must begin or end alike, where references do not: SOME for what models say
before an answer.
"""
LEAST_OUTPUTS = 3
"""Fewer may begin alike by chance."""
NUM_LOOKS = 50
"""Outputs that are looked at before all are."""
REACH = 200
"""Characters at each end of a text that are looked at."""
LONGEST = 40
"""Characters of an affix that are compared and shown."""
DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Affix:
    """What a program may leave at one end of a text."""

    verb: str
    pattern: re.Pattern[str]
    """Its only group is the affix."""
    least_share: float = MOST
    is_shared: bool = True
    """Whether it is named where references have it too: not for words that language repeats."""


begins, ends = partial(Affix, verb="begins"), partial(Affix, verb="ends")
AFFIXES = (
    begins(pattern=re.compile(r"\A\s*((?=\S*[^A-Za-z\s.,;!?])[!-%'-~]+)\s+\S")),
    begins(
        pattern=re.compile(r"\A\s*([^\s:：]+(?: [^\s:：]+){0,7} ?[:：])\s*\S"), least_share=SOME
    ),
    begins(pattern=re.compile(r"\A\s*([`*_#\\~|=@]+)[^\s`*_#\\~|=@]"), least_share=SOME),
    begins(pattern=re.compile(r"\A\s*(\S+ \S+ \S+) \S"), is_shared=False),
    ends(pattern=re.compile(r"(?<=\s)([(\[<]\S*[)\]>])[.,;!?]*\s*\Z")),
    ends(
        pattern=re.compile(r"(?<=\s)(?![^\w|]*\d(?:\d|[^\w|])*\s*\Z)(\S*\w\S*)\s*\Z"),
        is_shared=False,
    ),
)
"""A first word with digits or marks, such as `utt-12` and `[3]`; words before a colon; marks of
Markdown or TeX; three words; a last word, in brackets as `(utt-12)`, or not, as `EOS`.
"""


def find_affixes(texts: Texts) -> Iterator[Finding]:
    """Affixes of nearly all outputs that few references have, or nearly all: then each counts as a
    match. Any number counts as the same. At most one at each end.
    """
    named: set[str] = set()
    for affix in AFFIXES:
        finding = None if affix.verb in named else _find(affix, texts)
        if finding is not None:
            named.add(affix.verb)
            yield finding


def _find(affix: Affix, texts: Texts) -> Finding | None:
    shape_of = partial(_shape, pattern=affix.pattern)
    looks = texts.hypotheses[:: len(texts) // NUM_LOOKS | 1]  # odd: every second text may have it
    if sum(shape_of(text) != "" for text in looks) < affix.least_share / 2 * len(looks):
        return None
    shapes = [shape_of(text) for text in texts.hypotheses]
    counts = Counter(filter(None, shapes))
    if not counts:
        return None
    ((shape, count),) = counts.most_common(1)
    if count < max(LEAST_OUTPUTS, affix.least_share * len(texts)):
        return None
    num_shared = _count_references(texts, shape_of, shape)
    if 2 * num_shared > count:
        if not affix.is_shared or min(count, num_shared) < MOST * len(texts):
            return None
        which, remedy = "as references do", "cut it off both; it counts as a match in each line"
    else:
        which, remedy = "which references do not", "cut it off; a program added it"
    return Finding(
        "affix",
        f"the output {affix.verb} with {shape!r} (0 stands for any number), {which}",
        tuple(index for index, each in enumerate(shapes) if each == shape),
        remedy,
    )


def _count_references(texts: Texts, shape_of: Callable[[str], str], shape: str) -> int:
    return sum(shape_of(targets[0]) == shape for targets in texts.references)


def _shape(text: str, *, pattern: re.Pattern[str]) -> str:
    """The affix of a text, with 0 for each number; empty where it has none."""
    match = pattern.search(f"{text[:REACH]}{text[REACH:][-REACH:]}")
    return "" if match is None else DIGITS.sub("0", match[1])[:LONGEST]
