"""What a stage counts beside its output: contamination.json, training.json, generation.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtnlg.errors import ArtifactError
from mtnlg.records.codec import read_record
from mtnlg.records.places import TRAINING_FILE, is_folder_name, model_folder
from mtnlg.records.runs import Contamination, Number


@dataclass(frozen=True, slots=True)
class ContaminationSummary:
    """contamination.json: how many rows of each test set have which signal."""

    rules: Mapping[str, str]
    """Signal -> when a row has it."""
    training_sets: tuple[str, ...]
    """What the rows were looked up in, by `<task>.<split>`."""
    test_sets: Mapping[str, Mapping[str, int]]
    """`<task>.<test set>` -> rows checked, flagged, and with each signal."""

    def of(self, test_set: str, *, rule: str) -> Contamination:
        """The counts of one test set; the rule says in a sentence what was looked for."""
        counts = self.test_sets[test_set]
        tags = {signal: counts[signal] for signal in sorted(self.rules) if counts.get(signal)}
        return Contamination(counts["checked"], counts["flagged"], rule, tags)


@dataclass(frozen=True, slots=True)
class LastAverage:
    """The mean of the weights of the last validations, as a candidate for the model folder."""

    steps: tuple[int, ...]
    validation_loss: float
    validation_metric: float | None
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """training.json: what a training took, over all processes and resumptions, and what it gave."""

    steps: int
    ended_by: str | None = None
    """The setting that ended it; None in files that are older than this field."""
    best_step: int
    """The step of the weights in the model folder."""
    best_validation_loss: float
    best_validation_metric: float | None
    """Mean over the tasks; None where no task has a metric."""
    parameters: int
    trained_parameters: int | None = None
    """None in files that are older than this field."""
    training_tokens: int
    training_target_tokens: int
    training_flops: Number
    training_seconds: float
    cut_sources: int | None = None
    cut_targets: int | None = None
    accumulation: int | None = None
    """None where it is a setting, and was not derived from the tokens of a step."""
    peak_memory_bytes: int
    threads: int
    devices: int
    processes: tuple[int, ...] = (1,)
    """Numbers of processes, one after the other where it went on with another."""
    average_last: LastAverage | None = None
    """None where it was not asked for."""

    @property
    def objective(self) -> float:
        """What a sweep maximizes: the best validation metric, or without one the negated loss."""
        metric = self.best_validation_metric
        return -self.best_validation_loss if metric is None else metric


def find_training(model: str | None, *, artifacts_root: Path) -> Training | None:
    """The record of a model's training, or None where it cannot be read."""
    if model is None or not is_folder_name(model):
        return None
    try:
        return read_record(model_folder(artifacts_root, model) / TRAINING_FILE, Training)
    except ArtifactError:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """generation.json: what decoding one test set took."""

    rows: int
    seconds: float
    tokens: int
    """Tokens of all outputs."""
    decoding_tokens_per_second: float | None
    """None for an endpoint, whose answers may be of an earlier time."""
    cut_prompts: int
    """Prompts that did not fit the context."""
    cut_tokens: int
    unfinished: int
    """Outputs that ended at the longest length."""
    prompt: str | None = None
    """How a system of others was asked, in short; None for ours."""
    parameters: int | None = None
    """Of a system of others, where they are known."""
    prompt_tokens: int | None = None
    """Of all prompts; None for ours."""
    requests: int | None = None
    """To an endpoint, further attempts included; None where there is none."""
    cached_answers: int | None = None
    """Answers of an endpoint that were there from an earlier attempt."""
    refusals: int | None = None
    """Rows that an endpoint refused to answer, whose outputs are empty."""
    bits_per_byte: float | None = None
    """Of the first references under the model; None where likelihoods were not asked for."""
    cut_targets: int | None = None

    @property
    def note(self) -> str | None:
        """What the answers of an endpoint took, in words; None for any other system."""
        if self.requests is None:
            return None
        counts = f"{self.prompt_tokens:,} prompt and {self.tokens:,} output tokens"
        return f"{counts}; {self.refusals} refusals"
