"""What a reader must know of files before their numbers: how they were read, and what is wrong with
their texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from mtnlg.evaluation import Texts
from mtnlg.evaluation.affixes import find_affixes
from mtnlg.evaluation.degenerate import degenerate_notes
from mtnlg.evaluation.line_order import find_order
from mtnlg.evaluation.misfits import misfit_notes
from mtnlg.records.text_files import TextFile
from mtnlg.text.signs import Sign, signs_of


def text_notes(texts: Texts) -> list[str]:
    """Degenerate and shifted outputs, and signs of damage that references do not have."""
    notes = degenerate_notes(texts)
    order = find_order(texts, is_quick=True)
    if order is not None:
        notes.append(f"{order.what}, {len(order.positions)} of {len(texts)} lines")
    for finding in find_affixes(texts):
        notes.append(f"{finding.what}: {len(finding.positions)} of {len(texts)} outputs")
    return [*notes, *misfit_notes(texts), *_sign_notes(texts)]


def reading_notes(files: Sequence[TextFile]) -> list[str]:
    """How files were read whose names do not say so."""
    notes = (f"{file.name} was read as {file.remark}" for file in files if file.remark)
    return list(dict.fromkeys(notes))


def _sign_notes(texts: Texts) -> Iterator[str]:
    outputs: Counter[Sign] = Counter()
    references: Counter[Sign] = Counter()
    for output, targets in zip(texts.hypotheses, texts.references, strict=True):
        of_output = signs_of(output)
        of_targets = [sign for target in targets for sign in _signs(target)]
        if of_output or of_targets:
            outputs.update(set(of_output).difference(of_targets))
            references.update(set(of_targets).difference(of_output))
    for where, counts in (("outputs", outputs), ("references", references)):
        for sign, count in counts.items():
            if count >= sign.least_share * len(texts):
                yield f"{count} of {len(texts)} {where} have {sign.what}"


_signs = lru_cache(maxsize=20_000)(signs_of)
"""References are looked at for each system."""
