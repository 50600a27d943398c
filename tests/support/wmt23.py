"""The outputs of WMT23 with their published scores, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GROUND_TRUTH = Path(
    os.environ.get("MTNLG_GROUND_TRUTH", ROOT.parent / "shared" / "groundtruth")
).absolute()
WMT23 = GROUND_TRUTH / "wmt23"
needs_wmt23 = pytest.mark.skipif(
    not WMT23.is_dir(), reason=f"no {WMT23}; set MTNLG_GROUND_TRUTH to the folder that has wmt23"
)
