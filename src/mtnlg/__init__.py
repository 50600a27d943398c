"""mtnlg: train and evaluate a Megatron-Turing-style transformer, from raw text to a leaderboard.

Importing this package is light; the one public class loads PyTorch when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration

__version__ = "0.1.0"
__all__ = ["MegatronTuringForConditionalGeneration", "__version__"]


def __getattr__(name: str) -> object:
    if name == "MegatronTuringForConditionalGeneration":
        from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration

        return MegatronTuringForConditionalGeneration
    raise AttributeError(f"module 'mtnlg' has no attribute {name!r}")
