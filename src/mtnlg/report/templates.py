"""The templates of reports, with every text escaped, and the frame of a page: its styles, scripts
and the policy that forbids anything else to load or run.

A template's own text is markup; what an expression gives is escaped unless it is `Markup` already.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup
from markupsafe import escape as escape_html

from mtnlg.report import display
from mtnlg.text.display import visible

if TYPE_CHECKING:
    from jinja2 import Environment

ASSETS = "assets"
STYLES = ("report.css",)
LATEX_DELIMITERS = {
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "block_start_string": "<%",
    "block_end_string": "%>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}
"""Delimiters of a template whose own text is full of braces."""
LONG_TEXT = 600
"""Characters from which a text is folded."""
HEAD = 300
"""Characters of a folded text that show."""
LONGEST_WORD = 40
"""Characters before the fold in which to look for a space; Chinese has none and folds anywhere."""


def environment(escape: Callable[[str], str], **delimiters: str) -> Environment:
    """Jinja with our templates and filters, where every expression passes through `escape`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # of no use to a terminal

    def finalize(value: object) -> Markup:
        return value if isinstance(value, Markup) else Markup(escape(str(value)))

    templates = Environment(
        loader=PackageLoader("mtnlg.report", ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **delimiters,  # type: ignore[arg-type]
    )
    templates.filters.update(
        title=display.board_title,
        value=display.value_text,
        score=display.score_text,
        evidence=display.evidence_text,
        interval=display.interval_text,
        spread=display.spread_text,
        seeds=display.seeds_text,
        short=display.short_label,
        amount=display.count_text,
        flops=display.flops_text,
        duration=display.duration_text,
        memory=display.bytes_text,
        moment=display.moment_text,
        share=display.share_text,
    )
    templates.globals.update(absent=display.ABSENT)
    return templates


def render_page(
    template: str,
    context: Mapping[str, object],
    *,
    scripts: Sequence[str],
    styles: Sequence[str] = STYLES,
) -> str:
    """A self-contained page: the template filled in, with our styles and our scripts in it."""
    pages = environment(escape)
    pages.filters.update(breakable=_breakable, fold=_fold)
    css = "".join(map(_source, styles))
    script = "\n".join(['"use strict";\n', *map(_source, scripts)]) if scripts else ""
    frame = {"css": Markup(css), "script": Markup(script), "policy": _policy(css, script)}
    return pages.get_template(template).render(**frame, **context)


def escape(text: str) -> Markup:
    """Text from data with no markup and nothing hidden in it."""
    return escape_html(visible(text))


def _source(name: str) -> str:
    return (files("mtnlg.report") / ASSETS / name).read_text(encoding="utf-8")


def _policy(css: str, script: str) -> str:
    """A Content-Security-Policy under which the page loads nothing and runs our script alone."""
    scripts = f"script-src '{_hash(script)}'; " if script else ""
    return (
        f"default-src 'none'; style-src '{_hash(css)}'; {scripts}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _breakable(text: str) -> Markup:
    """A name that may be broken after an underscore."""
    return escape(text).replace("_", Markup("_<wbr>"))


def _fold(text: str) -> tuple[str, str]:
    """The part of a text that shows and the part that is folded away, empty for a short text."""
    if len(text) <= LONG_TEXT:
        return text, ""
    space = text.rfind(" ", HEAD - LONGEST_WORD, HEAD)
    cut = HEAD if space < 0 else space + 1
    return text[:cut], text[cut:]
