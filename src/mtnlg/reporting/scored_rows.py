"""Which rows of which test set a number is over, read from the predictions behind it.

Refuses to know: what is made of it. Two systems whose test sets have the same name and size need
not have seen the same one.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from mtnlg.errors import MtnlgError
from mtnlg.records import read_predictions
from mtnlg.reporting.fields import is_folder_name


def rows_digest(key: str | None, *, artifacts_root: Path) -> str | None:
    """A digest of the ids and references of predictions; None where these cannot be read, so that
    nothing is known against them.
    """
    if key is None or not is_folder_name(key):
        return None
    try:
        rows = read_predictions(artifacts_root / "predictions" / key / "predictions.jsonl")
    except (MtnlgError, OSError, RecursionError):
        return None
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.id, row.references]).encode())
    return digest.hexdigest()
