"""`runs/<experiment>/imports.json`: the systems of others on the boards of an experiment.

Refuses to know: how they were made. One entry for each task, test set and system; launches leave
the file as it is.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from mtnlg.records import JsonObject, JsonValue, read_json, write_json
from mtnlg.reporting.fields import objects_of
from mtnlg.reporting.manifests import IMPORTS_FILE

IDENTITY = ("task", "test_set", "system")


def record_import(folder: Path, entry: JsonObject) -> bool:
    """Put the entry into the file of an experiment, in the place of an earlier one of the same
    system, if there is one; gives whether there was.
    """
    path = folder / IMPORTS_FILE
    with FileLock(folder / f".{IMPORTS_FILE}.lock"):
        earlier = objects_of(read_json(path), "imports") if path.exists() else []
        places = [
            place
            for place, one in enumerate(earlier)
            if all(one.get(name) == entry[name] for name in IDENTITY)
        ]
        if places:
            earlier[places[0]] = entry
        else:
            earlier.append(entry)
        imports: list[JsonValue] = list(earlier)
        write_json(path, {"experiment": folder.name, "imports": imports})
    return bool(places)
