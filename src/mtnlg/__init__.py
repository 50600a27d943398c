"""Train and evaluate a Megatron-Turing-style transformer, from raw text to a leaderboard.

    scores = mtnlg.score(outputs, references, task="translation", language="de")
    compared = mtnlg.compare({"a": left, "b": right}, references, task="dialogue", language="en")
    frame = mtnlg.load_board("reports/demo").to_frame()
    curves = mtnlg.load_runs("runs/demo").curves
    model = mtnlg.MegatronTuringForConditionalGeneration.from_pretrained("artifacts/model/<key>")

Importing this package is light: what it offers is loaded when it is first asked for, and PyTorch
with the model alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
    from mtnlg.library.boards import Boards, load_board
    from mtnlg.library.results import Comparison, Score, Scores
    from mtnlg.library.runs import Runs, load_runs
    from mtnlg.library.scoring import compare, score

__version__ = "0.2.0"
__all__ = [
    "Boards",
    "Comparison",
    "MegatronTuringForConditionalGeneration",
    "Runs",
    "Score",
    "Scores",
    "__version__",
    "compare",
    "load_board",
    "load_runs",
    "score",
]
HOMES = {
    "inference.pretrained": ("MegatronTuringForConditionalGeneration",),
    "library.boards": ("Boards", "load_board"),
    "library.runs": ("Runs", "load_runs"),
    "library.results": ("Comparison", "Score", "Scores"),
    "library.scoring": ("compare", "score"),
}
"""Module -> what it offers."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"mtnlg.{module}"), name)
    raise AttributeError(f"module 'mtnlg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
