"""Whether a run that was made again (B) is the first one (A): a verdict for each artifact of each
stage, with what differs first and what explains it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mtnlg.artifacts.store import RECORD_FILE, ArtifactRecord, artifact_key, file_sha256
from mtnlg.errors import ArtifactError
from mtnlg.provenance.file_differences import TIMES, FileDifference, first_difference
from mtnlg.provenance.manifest import Run
from mtnlg.records.codec import read_record
from mtnlg.records.places import METRICS_FILE, PROFILE_FILE, artifact_folder
from mtnlg.records.run_config import Difference, differences
from mtnlg.text.display import one_line

Word = Literal["bit-identical", "equal within tolerance", "different"]
WORDS: tuple[Word, ...] = ("bit-identical", "equal within tolerance", "different")
"""From the best to the worst."""
TOLERANCES = {"model": 1e-3, "predictions": 1e-3, "scores": 1e-6}
"""Stage -> the largest relative difference of its numbers that counts as equal: of a logged loss,
or of a weight beside the largest of its tensor. Texts and counts must be the same."""
TIMED_FILES = {*TIMES, PROFILE_FILE}
"""Files whose hash no manifest has, since they hold times."""
EARLIER = re.compile(
    r"(rows|tokens|validation_rows)\b.*|own_training_rows|tokenizer|signals|model|predictions"
)
"""Inputs that say by a hash what an earlier stage made."""


@dataclass(frozen=True, slots=True)
class Part:
    """One artifact in A and in B."""

    stage: str
    name: str
    """As the manifest has it: `rows/<task>`, `scores/<task>/<test set>/<system>`."""
    verdict: Word
    differences: tuple[FileDifference, ...]
    """The first of each file; the curve of a training comes before its weights."""
    reasons: tuple[str, ...]
    """What explains them, or was another without effect."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """All parts in the order of the pipeline, and what else the manifests say differently."""

    parts: tuple[Part, ...]
    environment: tuple[Difference, ...]

    @property
    def verdict(self) -> Word:
        """The worst of all parts."""
        return max(self.stages().values(), key=WORDS.index)

    def stages(self) -> dict[str, Word]:
        """Stage -> the worst verdict of its parts."""
        verdicts: dict[str, Word] = {}
        for part in self.parts:
            words = verdicts.get(part.stage, WORDS[0]), part.verdict
            verdicts[part.stage] = max(words, key=WORDS.index)
        return verdicts


def judge(runs: tuple[Run, Run], roots: tuple[Path, Path]) -> Judgment:
    """The verdicts over A and B, whose artifacts lie in these folders."""
    environment = tuple(
        row
        for row in differences([run.record.environment for run in runs])
        if not (row.key.startswith("hardware.") and None in row.values)  # a library not loaded
    )
    keys = [_keys(run) for run in runs]
    names = dict.fromkeys([*keys[0], *keys[1]])
    parts = (_judge_part(name, runs, keys, roots, environment) for name in names)
    return Judgment(tuple(parts), environment)


def _keys(run: Run) -> dict[str, str]:
    """Name of each part -> its artifact key."""
    made = run.record.artifacts
    scores = {
        f"{score.task.partition('/')[2]}/{score.test_set}/{score.system}": score
        for score in run.record.scores
    }
    keys = {
        **{f"rows/{task}": key for task, key in made.rows.items()},
        **{"contamination": made.contamination, "tokenizer": made.tokenizer},
        **{f"tokens/{task}": key for task, key in made.tokens.items()},
        "model": made.model,
        **{f"predictions/{name}": score.predictions for name, score in scores.items()},
        **{f"scores/{name}": score.scores for name, score in scores.items()},
    }
    return {name: key for name, key in keys.items() if key is not None}


def _judge_part(
    name: str,
    runs: tuple[Run, Run],
    keys: Sequence[dict[str, str]],
    roots: tuple[Path, Path],
    environment: Sequence[Difference],
) -> Part:
    stage = name.partition("/")[0]
    contents = [run.record.contents.get(name) for run in runs]
    folders = [
        artifact_folder(root, stage, of_run.get(name, "none"))
        for root, of_run in zip(roots, keys, strict=True)
    ]
    if missing := [label for label, path in zip("AB", folders, strict=True) if not path.is_dir()]:
        is_same = contents[0] is not None and contents[0] == contents[1]
        words = "the same hash" if is_same else "no equal hash"
        reason = f"{missing[0]} has no files of it, and {words} in run.json"
        return Part(stage, name, WORDS[0 if is_same else -1], (), (reason,))
    files = tuple(_file_differences(*folders))
    tolerance = TOLERANCES.get(stage, -1)
    is_near = all(row.error is not None and row.error <= tolerance for row in files)
    records = [_record(folder) for folder in folders]
    reasons = list(_inputs(*records, is_equal=not files))
    for label, folder, record, content in zip("AB", folders, records, contents, strict=True):
        reasons += _damage(label, folder, record, content)
    if files and not reasons:
        recorded = [_said(row) for row in environment if not row.key.startswith("code.")]
        reasons = recorded or ["nothing that the manifests hold explains it"]
    return Part(stage, name, WORDS[0 if not files else 2 - is_near], files, tuple(reasons))


def _record(folder: Path) -> ArtifactRecord | None:
    try:
        return read_record(folder / RECORD_FILE, ArtifactRecord)
    except ArtifactError:
        return None


def _file_differences(first: Path, second: Path) -> Iterator[FileDifference]:
    files = (path for folder in (first, second) for path in folder.rglob("*") if path.is_file())
    names = {path.name for path in files} - {RECORD_FILE, PROFILE_FILE}
    for name in sorted(names, key=lambda name: (name != METRICS_FILE, name)):
        if not ((first / name).is_file() and (second / name).is_file()):
            label = "A" if (first / name).is_file() else "B"
            yield FileDifference(name, f"only {label} has it", "", "", None)
        elif difference := first_difference(first / name, second / name):
            yield difference


def _inputs(
    first: ArtifactRecord | None, second: ArtifactRecord | None, *, is_equal: bool
) -> Iterator[str]:
    """What the two were not equally made of; earlier stages only where the files differ."""
    if first is None or second is None:
        return
    for row in differences([first.inputs, second.inputs]):
        if not EARLIER.fullmatch(row.key):
            yield _said(row)
        elif not is_equal:
            yield f"{row.key} that it was made of"


def _damage(
    label: str, folder: Path, record: ArtifactRecord | None, content: str | None
) -> Iterator[str]:
    """Which files are not those that the run made, by the hashes of its records."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != RECORD_FILE)
    files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}
    if record is None:
        yield f"{RECORD_FILE} of {label} cannot be read"
    for name, file in record.files.items() if record is not None else ():
        if files.get(name) != file.sha256:
            yield f"{name} of {label} was changed after it was made ({RECORD_FILE} has its hash)"
    timeless = {name: digest for name, digest in files.items() if name not in TIMED_FILES}
    if content not in (None, artifact_key(folder.parent.name, {**timeless})):
        yield f"files of {label} were changed after the run (run.json has their hash)"


def _said(row: Difference) -> str:
    return f"{row.key}: " + " -> ".join(one_line(value or "none") for value in row.values)
