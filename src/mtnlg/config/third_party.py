"""An object of another package that users choose by its Python name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class ThirdParty:
    """A class and what it is called with; `mtnlg.third_party` builds it, if it is on its list."""

    target: str
    """Full Python name, such as lightning.pytorch.loggers.CSVLogger."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments. In texts `{run_folder}`, `{run_id}` and `{experiment}` are filled in."""
