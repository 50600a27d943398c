"""What hypotheses and references must be before a metric sees them, and how they are handed over.

Refuses to know: the metrics. Every complaint is a DataError that names the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

from mtnlg.errors import DataError
from mtnlg.text.scripts import UNSCORABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What a metric sees of N examples."""

    hypotheses: Sequence[str]
    references: Sequence[Sequence[str]]
    """At least one for each example, and not as many for each."""
    language: str
    """Of hypotheses and references."""
    sources: Sequence[str] | None = None
    """None where they are not known; few metrics need them."""

    def __len__(self) -> int:
        return len(self.hypotheses)

    def where(self, mask: Iterable[bool]) -> Texts:
        """The examples that a mask (N,) keeps."""
        kept = list(mask)
        return Texts(
            hypotheses=list(compress(self.hypotheses, kept)),
            references=list(compress(self.references, kept)),
            language=self.language,
            sources=None if self.sources is None else list(compress(self.sources, kept)),
        )


def check_texts(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    ids: Sequence[str] | None = None,
) -> None:
    """Raise DataError unless hypotheses are text, with references that are text and not empty.

    Without ids, rows are named by their place, counted from 0. An empty hypothesis is allowed: it
    scores 0.
    """
    if len(hypotheses) != len(references):
        raise DataError(
            f"{len(hypotheses)} hypotheses and {len(references)} rows of references: there must be "
            "as many of one as of the other; check that both are of the same test set"
        )
    if not hypotheses:
        raise DataError("0 hypotheses: there is nothing to score; check the predictions file")
    for index, (hypothesis, targets) in enumerate(zip(hypotheses, references, strict=True)):
        row = row_name(index, ids)
        _refuse_unscorable(hypothesis, f"{row}: the hypothesis")
        if not targets:
            raise DataError(f"{row}: it has no reference; drop the row when the data is prepared")
        for place, target in enumerate(targets, start=1):
            if not target.strip():
                raise DataError(
                    f"{row}: reference {place} is empty; drop the row when the data is prepared"
                )
            _refuse_unscorable(target, f"{row}: reference {place}")


def row_name(index: int, ids: Sequence[str] | None) -> str:
    """How messages name a row."""
    return f"row {index}" if ids is None else f"row {ids[index]!r}"


def count_references(references: Sequence[Sequence[str]]) -> int | None:
    """References per row; None where rows have different numbers of them."""
    counts = {len(targets) for targets in references}
    return counts.pop() if len(counts) == 1 else None


def aligned_references(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References by place and then by row; None where a row has fewer than others, which is not the
    same as an empty one.
    """
    most = max(len(targets) for targets in references)
    return [
        [targets[place] if place < len(targets) else None for targets in references]
        for place in range(most)
    ]


def _refuse_unscorable(text: str, what: str) -> None:
    found = UNSCORABLE.search(text)
    if found is not None:
        raise DataError(
            f"{what} has U+{ord(found.group()):04X} at character {found.start() + 1}, which is no "
            "text; remove it"
        )
