"""What is written about a launch; apart from all other settings, since it changes no artifact."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtnlg.config.checks import CountOrZero, check_fields


@dataclass(kw_only=True)
class ReportConfig:
    """What is written about a launch."""

    formats: list[str] = field(default_factory=lambda: ["html", "markdown", "csv", "json", "latex"])
    """Rows of report.FORMATS."""
    num_samples: CountOrZero = 200
    """Examples of each board within the page, side by side; 2,000 of 20 systems are about ten
    megabytes."""
    has_paired_bootstrap: bool = False
    """The p-value of the paired bootstrap (Koehn 2004), as others report it, beside that of the
    board's own test. Letters stay by the latter, whose errors are as rare as it says."""

    def __post_init__(self) -> None:
        check_fields(self, "report.")
