"""What the report of a launch holds; it changes no artifact."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtnlg.config.checks import CountOrZero, check_fields


@dataclass(kw_only=True)
class ReportConfig:
    """What the report of a launch holds."""

    formats: list[str] = field(default_factory=lambda: ["html", "markdown", "csv", "json", "latex"])
    """The files that a report has."""
    num_samples: CountOrZero = 200
    """Examples of each board on the page; 2,000 of 20 systems take about ten megabytes."""
    has_paired_bootstrap: bool = False
    """Also show the p-value of the paired bootstrap (Koehn 2004), as others report it. Letters
    still follow the board's own test, whose errors are as rare as it says.
    """

    def __post_init__(self) -> None:
        check_fields(self, "report.")
