"""Numbers, names and marks that a program left before or after each output."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mtnlg.evaluation.line_order import Finding
from mtnlg.evaluation.texts import Texts

MOST = 0.9
"""Of the outputs, which must begin or end alike, where references do not."""
HALF = 0.5
LEAST_OUTPUTS = 3
"""Fewer may begin alike by chance."""
AFFIXES = {0: re.compile(r"(?=.*[^A-Za-z])[!-%'-~]+"), -1: re.compile(r"[(\[<].*[)\]>]")}
"""What first words, of ASCII but not of letters alone, and last ones in brackets look like."""
NUM_LOOKS = 50
"""Outputs that are looked at before all are."""
DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


def find_affixes(texts: Texts) -> Iterator[Finding]:
    """Words with digits or marks that nearly all outputs begin or end with, and few references:
    `utt-12`, `[3]`, `Assistant:`. Any number counts as the same.
    """
    num_outputs = len(texts)
    for position, verb in ((0, "begins"), (-1, "ends")):
        looks = texts.hypotheses[:: max(1, num_outputs // NUM_LOOKS)]
        if sum(_word_shape(text, position) != "" for text in looks) < HALF * len(looks):
            continue
        shapes = [_word_shape(text, position) for text in texts.hypotheses]
        (shape, count), *_ = Counter(shapes).most_common(1)
        if not shape or num_outputs < LEAST_OUTPUTS or count < MOST * num_outputs:
            continue
        if 2 * sum(_word_shape(row[0], position) == shape for row in texts.references) > count:
            continue
        yield Finding(
            "affix",
            f"the output {verb} with {shape!r} (0 stands for any number), which references do not",
            tuple(index for index, other in enumerate(shapes) if other == shape),
            "cut it off; the program that wrote the file added it",
        )


def _word_shape(text: str, position: int) -> str:
    """The first or last of several words, with 0 for each number; empty for one of a text."""
    words = text.split(None, 1) if position == 0 else text.rsplit(None, 1)
    if len(words) < 2 or not AFFIXES[position].fullmatch(words[position].rstrip(".,;!?")):
        return ""
    return DIGITS.sub("0", words[position])[:40]
