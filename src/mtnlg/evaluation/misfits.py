"""Outputs and references in another script than their language."""

from __future__ import annotations

from mtnlg.evaluation.texts import Texts
from mtnlg.text.misfits import misfit_note


def misfit_notes(texts: Texts) -> list[str]:
    """Which of the texts are in another script, in words; empty where they fit."""
    references = [target for targets in texts.references for target in targets]
    notes = (
        misfit_note(texts.hypotheses, texts.language, what="outputs"),
        misfit_note(references, texts.language, what="references"),
    )
    return [note for note in notes if note is not None]
