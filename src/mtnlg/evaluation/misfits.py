"""Outputs and references in another script than their language."""

from __future__ import annotations

from functools import lru_cache

from mtnlg.evaluation.texts import Texts
from mtnlg.text.misfits import misfit_note


def misfit_notes(texts: Texts) -> list[str]:
    """Which of the texts are in another script, in words; empty where they fit."""
    references = tuple(target for targets in texts.references for target in targets)
    notes = (
        misfit_note(texts.hypotheses, texts.language, what="outputs"),
        _reference_note(references, texts.language),
    )
    return [note for note in notes if note is not None]


@lru_cache(maxsize=1)
def _reference_note(references: tuple[str, ...], language: str) -> str | None:
    """Kept, as all systems of a board have the same references."""
    return misfit_note(references, language, what="references")
