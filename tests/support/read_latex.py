"""LaTeX read back: commands and escapes."""

from __future__ import annotations

import re

COMMANDS = {
    *("usepackage", "begin", "end", "centering", "caption", "toprule", "midrule", "bottomrule"),
    *("textbf", "textsuperscript", "scriptsize", "footnotesize", "par", "multicolumn"),
    *("small", "label", "raggedright", "allowbreak", "bfseries", "emergencystretch", "linewidth"),
    *("textuparrow", "textdownarrow"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"),
    *("textquotedbl", "textasciigrave", "textquotesingle"),
}


def without_escapes(text: str) -> str:
    """LaTeX without comments, and without marks that stand for themselves."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    return re.sub(r"\\[&%$#_{}]", "", "\n".join(lines))
