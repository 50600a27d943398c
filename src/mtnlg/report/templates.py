"""The templates of reports, filled in with every text escaped.

A template's own text is markup; whatever an expression gives is escaped for the format of the
template, unless it is `Markup` already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mtnlg.report import display

ASSETS = "assets"
LATEX_DELIMITERS = {
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "block_start_string": "<%",
    "block_end_string": "%>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}
"""Delimiters of a template whose own text is full of braces."""


def environment(escape: Callable[[str], str], **delimiters: str) -> Environment:
    """Jinja with our templates and filters, where every expression passes through `escape`."""

    def finalize(value: object) -> Markup:
        return value if isinstance(value, Markup) else Markup(escape(str(value)))

    made = Environment(
        loader=PackageLoader("mtnlg.report", ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **delimiters,  # type: ignore[arg-type]
    )
    made.filters.update(
        title=display.board_title,
        value=display.value_text,
        score=display.score_text,
        evidence=display.evidence_text,
        interval=display.interval_text,
        spread=display.spread_text,
        amount=display.count_text,
        flops=display.flops_text,
        duration=display.duration_text,
        memory=display.bytes_text,
        moment=display.moment_text,
        share=display.share_text,
    )
    made.globals.update(absent=display.ABSENT)
    return made


def fill(
    template: str, context: Mapping[str, object], escape: Callable[[str], str], **delimiters: str
) -> str:
    """The text that a template gives."""
    return environment(escape, **delimiters).get_template(template).render(**context)
