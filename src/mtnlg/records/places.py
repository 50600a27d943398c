"""Where files lie: their names, and the folders of artifacts and runs.

| folder | its files |
|---|---|
| `<artifacts>/pretrained/<key>/` | a model of others as a model folder of ours |
| `<artifacts>/rows/<key>/` | `train.jsonl`, `validation.jsonl`, `<test set>.jsonl`, `audit.json` |
| `<artifacts>/contamination/<key>/` | `<task>.<test set>.jsonl`, `contamination.json` |
| `<artifacts>/targets/<key>/` | `train.jsonl` with a teacher's outputs, `generation.json` |
| `<artifacts>/model/<key>/` | the model, `training.json`, `metrics.csv`, `profile.txt` |
| `<artifacts>/predictions/<key>/` | `predictions.jsonl`, `generation.json` |
| `<artifacts>/scores/<key>/` | `scores.json`, `statistics.npz` |
| `<artifacts>/answers/` | answers of endpoints, by the hash of their requests |
| `<artifacts>/<stage>/` | `.<key>.lock`, `.<key>.verified`, `<key>.damaged-<number>/` |
| `<artifacts>/` | `.in-use`, which the processes that use them lock |
| `<runs>/<experiment>/` | `launch.json`, `imports.json`, `ratings/ratings.json` |
| `<runs>/<experiment>/<run id>/` | `launched.json`, `config.yaml`, `run.json`, `log.txt` |
| the same, of a cluster's job | `submitted.json` |
| the same, of changed code | `code.diff` |
"""

from __future__ import annotations

from pathlib import Path

TRAIN, VALIDATION = "train", "validation"
"""Names of the prepared splits, whatever the raw data calls them."""
ANSWERS_FOLDER = "answers"
IN_USE_FILE = ".in-use"
CONTAMINATION_FILE = "contamination.json"
TRAINING_FILE, METRICS_FILE, PROFILE_FILE = "training.json", "metrics.csv", "profile.txt"
RANKS_FILE = "ranks.json"
"""In the folder of a training in progress: what each of its processes is to do."""
NOT_FINITE_FILE = "not_finite.json"
"""Among the checkpoints of a training that ended in NaN: where it did."""
PREDICTIONS_FILE, GENERATION_FILE = "predictions.jsonl", "generation.json"
SCORES_FILE, STATISTICS_FILE = "scores.json", "statistics.npz"
SAMPLE_VALUES_FILE = "sample_values.json"
LAUNCH_FILE, LAUNCHED_FILE = "launch.json", "launched.json"
CLUSTER_FOLDER = "submitit"
"""Beside the runs of an experiment: scripts and logs of a cluster's jobs."""
SUBMITTED_FILE = "submitted.json"
IMPORTS_FILE = "imports.json"
"""Beside launch.json, which each launch writes again."""
RATINGS_FILE = Path("ratings", "ratings.json")
"""Below the folder of an experiment; a new launch leaves it as it is."""
TASKS_FILE, CHAT_TEMPLATE_FILE = "tasks.json", "chat_template.jinja"
"""In a model folder: its tasks, or how a model of others wants to be asked."""
CONFIG_FILE, RUN_FILE, LOG_FILE = "config.yaml", "run.json", "log.txt"
DIFF_FILE = "code.diff"
"""The changes of the package since its commit, beside run.json, where there are any."""
MAX_NAME_BYTES = 200
"""Less than the 255 of common file systems, to leave room for the endings that are added."""


def rows_file(split: str) -> str:
    """The file of a split's rows."""
    return f"{split}.jsonl"


def artifact_folder(artifacts_root: Path, stage: str, key: str) -> Path:
    """The folder of one artifact."""
    return artifacts_root / stage / key


def verified_file(folder: Path) -> Path:
    """Beside an artifact, which of its files were hashed; without it they are hashed again."""
    return folder.with_name(f".{folder.name}.verified")


def damaged_path(path: Path, number: int) -> Path:
    """Where a damaged folder or file is set aside."""
    return path.with_name(f"{path.name}.damaged-{number}")


def model_folder(artifacts_root: Path, key: str) -> Path:
    """The folder of a model."""
    return artifact_folder(artifacts_root, "model", key)


def predictions_file(artifacts_root: Path, key: str) -> Path:
    """The outputs of one system on one test set."""
    return artifact_folder(artifacts_root, "predictions", key) / PREDICTIONS_FILE


def scores_folder(artifacts_root: Path, key: str) -> Path:
    """The folder of the scores of one system on one test set."""
    return artifact_folder(artifacts_root, "scores", key)


def experiment_folder(runs_root: Path, experiment: str) -> Path:
    """The folder of an experiment's launch."""
    return runs_root / experiment


def run_folder(runs_root: Path, experiment: str, run_id: str) -> Path:
    """The folder of one run."""
    return experiment_folder(runs_root, experiment) / run_id


def is_folder_name(name: str) -> bool:
    """True for one step of a path: no separator, no parent, and not too long for a disk."""
    try:
        num_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return False
    is_step = name not in {"", ".", ".."} and not set(name) & set("/\\\0")
    return is_step and num_bytes <= MAX_NAME_BYTES
