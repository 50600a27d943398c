"""Outputs that are no work of a system: empty, always the same, or copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mtnlg.evaluation.texts import Texts

SOME, HALF = 0.05, 0.5
"""Shares of the outputs from which empty ones, and the others, are named."""


def degenerate_notes(texts: Texts) -> list[str]:
    """What a reader must know of such outputs, as `301 of 301 outputs empty`."""
    outputs = [text.strip() for text in texts.hypotheses]
    total = len(outputs)
    counts = {
        "{} of {} outputs empty": (outputs.count(""), SOME),
        "one text {} of {} times": (_repeats(outputs, texts.references), HALF),
        "{} of {} outputs are copies of the source": (_copies(outputs, texts), HALF),
        "{} of {} outputs begin with the source": (_continuations(outputs, texts), SOME),
        "{} of {} outputs are references of other lines": (_of_others(outputs, texts), HALF),
    }
    return [
        note.format(count, total)
        for note, (count, share) in counts.items()
        if count and count >= share * total
    ]


def _repeats(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> int:
    """How often the most frequent text is an output, unless references repeat as often."""
    count = _most_frequent(outputs)
    is_usual = 2 * _most_frequent([targets[0].strip() for targets in references]) > count
    return 0 if count == 1 or is_usual else count


def _most_frequent(texts: Sequence[str]) -> int:
    counts = Counter(filter(None, texts))
    return max(counts.values(), default=0)


def _copies(outputs: Sequence[str], texts: Texts) -> int:
    """Outputs that are their source, where no reference is."""
    rows = zip(outputs, texts.sources or (), texts.references, strict=False)
    return sum(
        output == source.strip() and output != "" and output not in map(str.strip, targets)
        for output, source, targets in rows
    )


def _continuations(outputs: Sequence[str], texts: Texts) -> int:
    """Outputs that go on after their source, where no reference does."""
    rows = zip(outputs, map(str.strip, texts.sources or ()), texts.references, strict=False)
    return sum(
        output != source != ""
        and output.startswith(source)
        and not any(target.strip().startswith(source) for target in targets)
        for output, source, targets in rows
    )


def _of_others(outputs: Sequence[str], texts: Texts) -> int:
    """Outputs that are references of other lines and not of their own."""
    known = {target.strip() for targets in texts.references for target in targets}
    count = sum(
        output in known and output not in map(str.strip, targets)
        for output, targets in zip(outputs, texts.references, strict=True)
    )
    return count if len(set(outputs)) > HALF * len(outputs) else 0
