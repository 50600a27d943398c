"""What every page is made of: templates, styles and scripts, and the policy under which nothing
else is obeyed.

Escaping is on for everything, and every text passes `visible` first. Refuses to know: what a page
is about.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mtnlg.report import display
from mtnlg.text.visible import visible

ASSETS = "assets"
STYLES = ("report.css",)
LONG_TEXT = 600
"""Characters from which a text is folded."""
HEAD = 300
"""Characters of a folded text that show."""
LONGEST_WORD = 40
"""Characters within which a space is looked for to fold at; Chinese has none and folds anywhere."""


def render_page(
    template: str,
    context: Mapping[str, object],
    *,
    scripts: Sequence[str],
    styles: Sequence[str] = STYLES,
) -> str:
    """A self-contained page: the template filled in, with our styles and our scripts, each joined
    into one.
    """
    environment = _environment()
    css = "".join(_source(environment, name) for name in styles)
    parts = [_source(environment, name) for name in scripts]
    script = "\n".join(['"use strict";\n', *parts]) if parts else ""
    frame = {"css": Markup(css), "script": Markup(script), "policy": _policy(css, script)}
    return environment.get_template(template).render(**frame, **context)


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None, "the environment has our loader"
    return environment.loader.get_source(environment, name)[0]


def _policy(css: str, script: str) -> str:
    """A Content-Security-Policy under which the page loads nothing and runs our script alone."""
    scripts = f"script-src '{_hash(script)}'; " if script else ""
    return (
        f"default-src 'none'; style-src '{_hash(css)}'; {scripts}"
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mtnlg.report", ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        value=display.value_text,
        evidence=display.evidence_text,
        interval=display.interval_text,
        spread=display.spread_text,
        amount=display.count_text,
        flops=display.flops_text,
        duration=display.duration_text,
        memory=display.bytes_text,
        moment=display.moment_text,
        share=display.share_text,
        breakable=_breakable,
        fold=_fold,
        visible=visible,
    )
    environment.globals.update(absent=display.ABSENT)
    return environment


def _finalize(value: object) -> object:
    """Text from data with nothing hidden in it; our own markup as it is."""
    return visible(value) if type(value) is str else value


def _breakable(text: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return escape(visible(text)).replace("_", Markup("_<wbr>"))


def _fold(text: str) -> tuple[str, str]:
    """The part of a text that shows at once and the part that is folded away, empty for a short
    one.
    """
    if len(text) <= LONG_TEXT:
        return text, ""
    space = text.rfind(" ", HEAD - LONGEST_WORD, HEAD)
    cut = HEAD if space < 0 else space + 1
    return text[:cut], text[cut:]
