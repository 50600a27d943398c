"""What a reader must know of files before their numbers: how they were read, and what is wrong with
their texts.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtnlg.evaluation import Texts
from mtnlg.evaluation.degenerate import degenerate_notes
from mtnlg.evaluation.line_order import find_order
from mtnlg.evaluation.misfits import misfit_notes
from mtnlg.evaluation.symptoms import find_symptoms
from mtnlg.records.text_files import TextFile

NOTED_OTHERWISE = ("constant", "copies", "language", "references: language", "length")
"""Symptoms of which degenerate and misfit texts tell; length is in the metrics."""


def text_notes(texts: Texts) -> list[str]:
    """Degenerate and shifted outputs, texts in other scripts, and all other symptoms."""
    notes = degenerate_notes(texts)
    order = find_order(texts, is_quick=True)
    findings = [*([] if order is None else [order]), *find_symptoms(texts)]
    for finding in findings:
        is_noted = finding.name == "empty" and any(note.endswith("empty") for note in notes)
        if not is_noted and finding.name not in NOTED_OTHERWISE:
            notes.append(f"{finding.what}: {len(finding.positions)} of {len(texts)} lines")
    return [*notes, *misfit_notes(texts)]


def reading_notes(files: Sequence[TextFile]) -> list[str]:
    """How files were read whose names do not say so."""
    notes = (f"{file.name} was read as {file.remark}" for file in files if file.remark)
    return list(dict.fromkeys(notes))
