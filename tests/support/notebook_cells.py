"""Runs a notebook's cells and writes what they show into it, as Jupyter would; `make notebook`."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]


def read_notebook(path: Path) -> JsonObject:
    """The notebook as its JSON says."""
    return json.loads(path.read_text(encoding="utf-8"))


def run_cells(notebook: JsonObject, folder: Path) -> list[list[JsonObject]]:
    """The outputs of each code cell, run one after the other in `folder`."""
    import matplotlib.pyplot

    matplotlib.use("Agg")
    matplotlib.pyplot.close("all")
    names: JsonObject = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    with contextlib.chdir(folder):
        return [_run("".join(cell["source"]), names) for cell in cells]


def _run(source: str, names: JsonObject) -> list[JsonObject]:
    """What is printed, the value of a last expression, and the figures that are open."""
    from matplotlib import pyplot

    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    outputs = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue()})
    if value is not None and not source.rstrip().endswith(";"):
        outputs.append(_display("text/plain", repr(value)))
        if hasattr(value, "_repr_html_"):
            outputs[-1]["data"]["text/html"] = value._repr_html_()
    for number in pyplot.get_fignums():
        picture = io.BytesIO()
        pyplot.figure(number).savefig(picture, format="png", bbox_inches="tight", dpi=80)
        outputs.append(_display("image/png", base64.b64encode(picture.getvalue()).decode()))
    pyplot.close("all")
    return outputs


def _display(kind: str, text: str) -> JsonObject:
    return {"output_type": "display_data", "metadata": {}, "data": {kind: text}}


if __name__ == "__main__":
    file = Path(sys.argv[1])
    written = read_notebook(file)
    cells = [cell for cell in written["cells"] if cell["cell_type"] == "code"]
    outputs = run_cells(written, file.parent)
    for number, (cell, shown) in enumerate(zip(cells, outputs, strict=True), start=1):
        cell |= {"execution_count": number, "outputs": shown}
    text = json.dumps(written, indent=1, ensure_ascii=False) + "\n"
    temporary = file.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, file)
