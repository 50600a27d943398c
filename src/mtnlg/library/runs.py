"""The runs of an experiment as data frames: settings, scores and learning curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtnlg.errors import ArtifactError
from mtnlg.leaderboard.curves import read_table
from mtnlg.records.codec import read_record
from mtnlg.records.launches import read_launch, read_runs
from mtnlg.records.places import LAUNCH_FILE
from mtnlg.records.run_config import read_config, settings_of
from mtnlg.records.runs import RunRecord
from mtnlg.records.scores import read_scores
from mtnlg.report.publish import PUBLICATION_FILE, Publication, open_archive

if TYPE_CHECKING:
    import pandas

METRICS = [
    *("run", "system", "kind", "task", "test_set", "subset", "metric"),
    *("value", "low", "high", "n", "signature"),
]
"""Columns of the frame of scores."""


@dataclass(frozen=True)
class Runs:
    """The runs of an experiment, in the order of the commands that asked for them."""

    runs: tuple[RunRecord, ...]
    """As `mtnlg.records.runs` has them."""
    settings: pandas.DataFrame
    """A line for each run, by its id: status, seconds, and its configuration by dotted keys."""
    metrics: pandas.DataFrame
    """A line for each run, test set, subset and metric: value, low, high, n and signature; also
    those of baselines, whose run is the first that has them."""
    curves: pandas.DataFrame
    """A line for each logged step of each run: the columns of metrics.csv."""

    def __repr__(self) -> str:
        names = ", ".join(f"{run.run_id} ({run.status})" for run in self.runs)
        return f"Runs({names})"

    def _repr_html_(self) -> str:
        return str(self.settings.iloc[:, :8].to_html(escape=True))


def load_runs(path: str | Path, *, artifacts_root: str | Path | None = None) -> Runs:
    """The runs of an experiment's folder, such as runs/demo, or of a published record.zip.

    Artifacts are looked for in `artifacts_root`, without one in the folder `artifacts` beside that
    of the runs. A run that failed has its status and reason in `settings`, and no line in the other
    frames. Raises ArtifactError where there is no such experiment.

    >>> runs = load_runs("reports/published/demo/record.zip")
    >>> runs.settings["model.hidden_size"].tolist()
    ['96', '96']
    >>> sorted(runs.metrics.system.unique())[:2]
    ['common_opening', 'copy_source']
    >>> last = runs.curves.groupby("run").step.max()
    >>> last.tolist() == runs.settings["trainer.max_steps"].astype(int).sort_index().tolist()
    True
    """
    path = Path(path).absolute()
    if path.suffix == ".zip":
        with open_archive(path) as record:
            experiment = read_record(record / PUBLICATION_FILE, Publication).experiment
            return _loaded(record / "runs" / experiment, record / "artifacts")
    if not (path / LAUNCH_FILE).is_file():
        raise ArtifactError(
            f"{path}: has no {LAUNCH_FILE}; name the folder of an experiment, such as runs/demo, "
            "or a record.zip"
        )
    return _loaded(path, Path(artifacts_root or path.parent.parent / "artifacts"))


def _loaded(folder: Path, artifacts_root: Path) -> Runs:
    import pandas

    runs = read_runs(read_launch(folder.name, runs_root=folder.parent), runs_root=folder.parent)
    if not artifacts_root.is_dir() and any(run.model or run.scores for run in runs):
        raise ArtifactError(f"{artifacts_root}: no such folder; name it by artifacts_root")
    settings = [_settings(run, folder) for run in runs]
    metrics = [row for run in runs for row in _metrics(run, artifacts_root)]
    curves = [
        {"run": run.run_id, **row}
        for run in runs
        for row in read_table(run.model, artifacts_root=artifacts_root)
    ]
    columns = list(dict.fromkeys(["run", "step", *(name for row in curves for name in row)]))
    frame = pandas.DataFrame(curves, columns=columns)
    frame[columns[1:]] = frame[columns[1:]].apply(pandas.to_numeric, errors="coerce")
    return Runs(
        runs,
        settings=pandas.DataFrame(settings).set_index("run"),
        metrics=pandas.DataFrame(metrics, columns=METRICS).drop_duplicates(METRICS[1:]),
        curves=frame,
    )


def _settings(run: RunRecord, folder: Path) -> dict[str, Any]:
    config = read_config(folder / run.run_id)
    return {
        "run": run.run_id,
        "status": run.status,
        "reason": run.reason,
        "seconds": run.seconds,
        **(dict(settings_of(config)) if not isinstance(config, str) else {}),
    }


def _metrics(run: RunRecord, artifacts_root: Path) -> Iterator[dict[str, Any]]:
    for record in run.scores:
        subsets = read_scores(record.scores, artifacts_root=artifacts_root)
        for subset, scores in {} if isinstance(subsets, str) else subsets.items():
            for name, score in scores.metrics.items():
                yield {
                    **{field: getattr(record, field) for field in METRICS[1:5]},
                    "run": run.run_id,
                    "subset": subset,
                    "metric": name,
                    "value": score.value,
                    "low": score.low,
                    "high": score.high,
                    "n": score.num_examples,
                    "signature": score.signature,
                }
