"""The diagnosis of `mtnlg doctor`, for a terminal and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtnlg.doctor.published import Verdict
from mtnlg.doctor.settings import Reading
from mtnlg.evaluation.line_order import Finding
from mtnlg.records.files import SCHEMA_VERSION, JsonObject
from mtnlg.report.display import ABSENT
from mtnlg.text.display import visible

INDENT = " " * 29
WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Everything in the report."""

    readings: Sequence[Reading]
    findings: Sequence[tuple[Finding, str]]
    """With the file and line of the first position."""
    verdict: Verdict | None
    notes: Sequence[str] = ()
    """How the files were read, and what was left out."""
    num_examples: int
    language: str

    @property
    def ordered(self) -> list[Reading]:
        """The readings by distance to the published number, then those without a distance."""
        if self.verdict is None:
            return list(self.readings)
        near = self.verdict.readings
        return [*near, *(reading for reading in self.readings if reading not in near)]


def diagnosis_text(diagnosis: Diagnosis) -> str:
    """The settings with their values, the verdict and the findings."""
    lines = [f"{'metric':<10}{'value':>8}{'to ours':>9}  setting, who measures so, signature"]
    for reading in diagnosis.ordered:
        lines += _reading_lines(reading, diagnosis.verdict)
    lines += ["", f"n = {diagnosis.num_examples}; references in {diagnosis.language}"]
    lines += map(visible, diagnosis.notes)
    if diagnosis.verdict is not None:
        lines += ["", *textwrap.wrap(diagnosis.verdict.text, WIDTH)]
    lines += ["", *_finding_lines(diagnosis)]
    return "\n".join(lines) + "\n"


def _reading_lines(reading: Reading, verdict: Verdict | None) -> Iterator[str]:
    value, difference = reading.value.value, reading.difference
    cells = [
        f"{reading.setting.metric:<10}",
        f"{ABSENT if value is None else f'{value:.2f}':>8}",
        f"{ABSENT if difference is None else f'{difference:+.2f}':>9}",
    ]
    agrees = verdict is not None and reading in verdict.agreeing
    mark = "* " if agrees else "  "
    yield "".join(cells) + mark + reading.setting.words
    if reading.setting.users:
        users = ", ".join(reading.setting.users)
        yield from textwrap.wrap(users, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    if value is None:
        yield f"{INDENT}not computed: {reading.value.reason}"
    yield INDENT + reading.value.signature


def _finding_lines(diagnosis: Diagnosis) -> Iterator[str]:
    if not diagnosis.findings:
        yield "nothing wrong with the texts"
        return
    for finding, location in diagnosis.findings:
        count = f"{len(finding.positions)} of {diagnosis.num_examples} lines, first {location}"
        yield f"{finding.name}: {finding.what}: {visible(count)}"
        yield from textwrap.wrap(finding.remedy, WIDTH, initial_indent="  ", subsequent_indent="  ")


def diagnosis_document(diagnosis: Diagnosis) -> JsonObject:
    """The same for programs, with a link to where each user of a setting documents it."""
    verdict = diagnosis.verdict
    return {
        "schema_version": SCHEMA_VERSION,
        "n": diagnosis.num_examples,
        "language": diagnosis.language,
        "notes": list(diagnosis.notes),
        "settings": [
            {
                "metric": reading.setting.metric,
                "setting": reading.setting.words,
                "used_by": dict(reading.setting.users),
                "value": reading.value.value,
                "difference": reading.difference,
                "signature": reading.value.signature,
                "reason": reading.value.reason or None,
                "agrees": None if verdict is None else reading in verdict.agreeing,
            }
            for reading in diagnosis.ordered
        ],
        "published": None
        if verdict is None
        else {
            "metric": verdict.metric or None,
            "number": str(verdict.given),
            "num_agreeing": len(verdict.agreeing),
            "num_settings": len(verdict.readings),
            "verdict": verdict.text,
        },
        "findings": [
            {
                "name": finding.name,
                "what": finding.what,
                "count": len(finding.positions),
                "first": location,
                "remedy": finding.remedy,
            }
            for finding, location in diagnosis.findings
        ],
    }
