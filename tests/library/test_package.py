"""The package as it is imported: what it offers, its help and its examples.

Oracles: pydoc and doctest.
"""

from __future__ import annotations

import doctest
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import mtnlg
from mtnlg.library import boards, runs, scoring

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", [boards, runs, scoring], ids=lambda module: module.__name__)
def test_examples_are_right(module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    result = doctest.testmod(module)  # type: ignore[arg-type]

    assert result.attempted > 0
    assert result.failed == 0


def test_help_shows_everything_that_is_offered() -> None:
    text = pydoc.plain(pydoc.render_doc(mtnlg))

    for name in ("score", "compare", "load_board", "load_runs"):
        assert f"    {name}(" in text
    assert "class MegatronTuringForConditionalGeneration" in text
    assert text.count(">>> ") > 8
    assert set(mtnlg.__all__) <= set(dir(mtnlg))
    assert all(getattr(mtnlg, name) is not None for name in mtnlg.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mtnlg' has no attribute 'evaluate'"):
        mtnlg.evaluate  # noqa: B018


def test_first_score_loads_no_pytorch() -> None:
    """Oracle: the modules of a fresh process, frames included."""
    code = (
        "import sys, mtnlg; print('numpy' in sys.modules); "
        "s = mtnlg.score(['a b'], ['a b'], task='translation', language='en'); s.to_frame(); "
        "mtnlg.load_board('reports/published/ci').to_frame(); print('torch' in sys.modules)"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout.split() == ["False", "False"]
