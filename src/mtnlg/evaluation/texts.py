"""The texts that metrics read: outputs of one system with references, sources and language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from itertools import chain, compress
from typing import Any

from mtnlg.errors import DataError
from mtnlg.text.scripts import find_unscorable


@dataclass(frozen=True, slots=True)
class Texts:
    """The outputs of one system for N rows, and what they are scored against."""

    hypotheses: Sequence[str]
    references: Sequence[Sequence[str]]
    """At least one for each row; rows may have different numbers of them."""
    _: KW_ONLY
    language: str
    """ISO 639 code of hypotheses and references."""
    sources: Sequence[str] | None = None
    """None where they are unknown; few metrics need them."""
    ids: Sequence[str] | None = None
    """Names of the rows in error messages; None: rows are numbered from 0."""

    def __len__(self) -> int:
        return len(self.hypotheses)

    def where(self, mask: Iterable[bool]) -> Texts:
        """The rows that a mask (N,) keeps."""
        kept = list(mask)
        return self._selected(lambda column: list(compress(column, kept)))

    def rows(self, start: int, end: int) -> Texts:
        """The rows from `start` to before `end`."""
        return self._selected(lambda column: column[start:end])

    def row_name(self, index: int) -> str:
        """How error messages name a row."""
        return f"row {index}" if self.ids is None else f"row {self.ids[index]!r}"

    def _selected(self, select: Callable[[Sequence[Any]], Sequence[Any]]) -> Texts:
        return replace(
            self,
            hypotheses=select(self.hypotheses),
            references=select(self.references),
            sources=None if self.sources is None else select(self.sources),
            ids=None if self.ids is None else select(self.ids),
        )


def check_texts(texts: Texts) -> None:
    """Raise DataError, naming the row, unless all can be scored and no reference is empty. An empty
    hypothesis is allowed: it scores 0.
    """
    if len(texts.hypotheses) != len(texts.references):
        raise DataError(
            f"{len(texts.hypotheses)} hypotheses and {len(texts.references)} rows of references: "
            "the numbers must be equal; check that both are of the same test set"
        )
    if not texts.hypotheses:
        raise DataError("0 hypotheses: there is nothing to score; check the predictions file")
    flat = [*chain.from_iterable(texts.references)]
    has_targets = all(texts.references) and all(map(str.strip, flat))
    if has_targets and find_unscorable("".join([*texts.hypotheses, *flat])) is None:
        return
    for index, (hypothesis, targets) in enumerate(
        zip(texts.hypotheses, texts.references, strict=True)
    ):
        row = texts.row_name(index)
        _refuse_unscorable(hypothesis, f"{row}: the hypothesis")
        if not targets:
            raise DataError(f"{row}: it has no reference; drop the row when the data is prepared")
        for number, target in enumerate(targets, start=1):
            if not target.strip():
                raise DataError(
                    f"{row}: reference {number} is empty; drop the row when the data is prepared"
                )
            _refuse_unscorable(target, f"{row}: reference {number}")


def count_references(references: Sequence[Sequence[str]]) -> int | str:
    """References per row, for a signature; `var` where rows differ."""
    counts = {len(targets) for targets in references}
    return counts.pop() if len(counts) == 1 else "var"


def aligned_references(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """All first references, then all second ones, and so on; None, unlike an empty text, means that
    a row has fewer.
    """
    most = max(len(targets) for targets in references)
    return [
        [targets[index] if index < len(targets) else None for targets in references]
        for index in range(most)
    ]


def _refuse_unscorable(text: str, what: str) -> None:
    unscorable = find_unscorable(text)
    if unscorable is not None:
        raise DataError(f"{what} has {unscorable}, which is no text; remove it")
