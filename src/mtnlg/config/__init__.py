"""Every setting of a run as typed, checked dataclasses, and as plain values for keys and trackers.

YAML chooses values, these classes hold defaults, and nothing is written in both. All modules but
`compose.py` see these objects, never YAML.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mtnlg.config.checks import CountOrZero, check_fields, require
from mtnlg.config.decoding import DecodingConfig, Engine
from mtnlg.config.distillation import DistillationConfig, DistillationKind
from mtnlg.config.evaluation import EvaluationConfig
from mtnlg.config.lora import LoraConfig
from mtnlg.config.model import FeedForward, ModelConfig, Normalization, PositionEncoding
from mtnlg.config.report import ReportConfig
from mtnlg.config.system import (
    EndpointConfig,
    GenerationKwargs,
    InstructionConfig,
    PromptFormat,
    SystemName,
    parse_system,
)
from mtnlg.config.task import (
    CleaningConfig,
    KnownContamination,
    ResponseTurns,
    TaskConfig,
    TaskKind,
)
from mtnlg.config.third_party import ThirdParty
from mtnlg.config.tokenizer import (
    Algorithm,
    Normalizer,
    PreparationConfig,
    TokenizerConfig,
    WordPattern,
)
from mtnlg.config.training import (
    Accelerator,
    OptimizerConfig,
    OptimizerName,
    Precision,
    Schedule,
    TrainerConfig,
)
from mtnlg.errors import ConfigError

__all__ = [
    "Accelerator",
    "Algorithm",
    "CleaningConfig",
    "Config",
    "DecodingConfig",
    "DistillationConfig",
    "DistillationKind",
    "EndpointConfig",
    "Engine",
    "EvaluationConfig",
    "FeedForward",
    "GenerationKwargs",
    "InstructionConfig",
    "KnownContamination",
    "LoraConfig",
    "ModelConfig",
    "Normalization",
    "Normalizer",
    "OptimizerConfig",
    "OptimizerName",
    "PositionEncoding",
    "Precision",
    "PreparationConfig",
    "PromptFormat",
    "ReportConfig",
    "ResponseTurns",
    "Schedule",
    "SystemName",
    "TaskConfig",
    "TaskKind",
    "ThirdParty",
    "TokenizerConfig",
    "TrainerConfig",
    "WordPattern",
    "flat_settings",
    "parse_system",
    "plain_settings",
]


@dataclass(kw_only=True)
class Config:
    """One run: what defines it (tasks, model) has no default."""

    name: str | None = None
    """The experiment's folder in `runs_root` and `reports_root`. None: from tasks and model."""
    tags: list[str] = field(default_factory=list)
    """Free words for the manifest; they change no result."""
    seed: CountOrZero = 1
    """Initial weights, dropout and the order of the examples."""
    data_root: str | None = None
    """Folder of data sets (`<kind>/<name>/<split>.jsonl`) that is read before the hub."""
    artifacts_root: str = "artifacts"
    """Folder of everything that stages build and later runs find again, by key."""
    runs_root: str = "runs"
    """Folder of the manifests and logs of runs, by experiment."""
    reports_root: str = "reports"
    """Folder of the reports, by experiment."""
    tasks: dict[str, TaskConfig]
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    preparation: PreparationConfig = field(default_factory=PreparationConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    model: ModelConfig | None = None
    """The shape of our transformer. None: `system` is not ours."""
    initial_model: str | None = None
    """Model folder whose weights and tokenizer a training starts from; new tasks' markers are added
    to its tokens. With model=pretrained also a folder of transformers, a .gguf file, or a model of
    the hub as OWNER/NAME@REVISION. None: random weights.
    """
    lora: LoraConfig = field(default_factory=LoraConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    logger: dict[str, ThirdParty] = field(default_factory=dict)
    """Experiment trackers that also get the lines of metrics.csv; they change no result."""
    system: str | None = None
    """In place of a model of ours: hf/FOLDER (transformers), local/FOLDER or local/FILE.gguf (our
    decoder), or openai/URL/MODEL (an endpoint; its key is OPENAI_API_KEY). Nothing is trained.
    """
    prompt_format: PromptFormat | None = None
    """None: chat where the system has a template for it, and for endpoints; source for encoders
    with decoders; else text.
    """
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)
    trial: str | None = None
    """FILE#NUMBER of a search's study and trial, which `hydra/sweeper=optuna` sets where it prunes.
    None: nothing prunes the training.
    """
    callbacks: dict[str, ThirdParty] = field(default_factory=dict)
    """Lightning callbacks; they can monitor each value that a training logs, as val/loss."""

    def __post_init__(self) -> None:
        allowed = "at least one data set, as in task=translation/builtin_en_zh"
        require(bool(self.tasks), "tasks", "{}", allowed)
        check_fields(self, "")
        if self.system is not None:
            parse_system(self.system)
            for name in ("model", "initial_model"):
                given = getattr(self, name)
                allowed = "null with a `system`, which is not trained"
                require(given is None, name, getattr(given, "name", given), allowed)
        else:
            allowed = "one of the sizes, as in model=mt_nlg_tiny, or null with a `system`"
            require(self.model is not None, "model", "null", allowed)
        trained_on = [name for name, task in self.tasks.items() if task.train_split]
        for name in self.tokenizer.tasks or []:
            known = ", ".join(trained_on) or "none"
            require(name in trained_on, "tokenizer.tasks", name, f"a task to train on: {known}")

    @property
    def system_name(self) -> str:
        """The row's name on a board."""
        return self.our_model.name if self.system is None else parse_system(self.system).model

    @property
    def our_model(self) -> ModelConfig:
        """The model of a run that trains one."""
        assert self.model is not None, f"{self.system} is not ours"
        return self.model

    @property
    def distilled(self) -> DistillationKind | None:
        """What a student learns from; None without a teacher."""
        return None if self.distillation.teacher is None else self.distillation.kind

    def task_title(self, name: str) -> str:
        """A task's full name, as on its board: kind/name."""
        return f"{self.tasks[name].kind.value}/{name}"

    @property
    def training_tasks(self) -> dict[str, TaskConfig]:
        """The tasks that a training reads; the others are only for tests and change no model."""
        return {
            name: task
            for name, task in self.tasks.items()
            if task.train_split or task.validation_split
        }

    @property
    def metrics(self) -> list[str]:
        """The metrics of all tasks, each once."""
        kinds = dict.fromkeys(task.kind for task in self.tasks.values())
        names = (name for kind in kinds for name in self.evaluation.for_kind(kind).metrics or ())
        return [*dict.fromkeys(names)]

    @property
    def logged_values(self) -> list[str]:
        """The names of the values that a training logs and a callback can monitor."""
        values = ["train/loss", "train/learning_rate", "train/grad_norm", "val/loss"]
        validated = {
            self.task_title(name): task.main_metric
            for name, task in self.tasks.items()
            if task.validation_split
        }
        values += [f"val/{title}/loss" for title in validated]
        values += [f"val/{title}/{metric}" for title, metric in validated.items() if metric]
        return [*values, "val/metric"] if any(validated.values()) else values

    @property
    def tokenizer_tasks(self) -> list[str]:
        """The tasks whose training rows a tokenizer learns from."""
        only = self.tokenizer.tasks
        trained = [name for name, task in self.tasks.items() if task.train_split]
        return trained if only is None else [name for name in trained if name in only]

    def model_task(self, name: str) -> str:
        """The task under whose name a model knows this one: itself, or for a data set that is only
        for tests, the first trained one with the same marker.

        Raises ConfigError if no training data has this marker.
        """
        marker = self.tasks[name].marker
        trained = [key for key, task in self.tasks.items() if task.train_split]
        alike = [key for key in trained if self.tasks[key].marker == marker]
        if not alike:
            markers = ", ".join(dict.fromkeys(self.tasks[key].marker for key in trained))
            raise ConfigError(
                f"tasks.{name}: nothing is trained for its marker {marker}, only for "
                f"{markers or 'none'}; add a data set to train on with this marker, as in "
                f"task=[<it>,{self.task_title(name)}], or set tasks.{name}.prompt to one of those"
            )
        return name if name in self.training_tasks else alike[0]


def plain_settings(settings: object, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A settings dataclass as JSON values, with enums by name and without options that are off
    (None or false), so that a new option changes no existing key.
    """
    assert dataclasses.is_dataclass(settings), f"{settings!r} is no dataclass"
    assert not isinstance(settings, type), f"{settings!r} is a class"
    body = dataclasses.asdict(settings)
    return {
        name: body[name].name if isinstance(body[name], Enum) else body[name]
        for name in _names(settings)
        if name not in without and body[name] is not None and body[name] is not False
    }


def flat_settings(settings: object, prefix: str = "") -> dict[str, bool | int | float | str]:
    """Every setting by its dotted name, also those that are off; lists and None as text."""
    if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        items = {name: getattr(settings, name) for name in _names(settings)}
    elif isinstance(settings, dict):
        items = settings
    else:
        value = settings.name if isinstance(settings, Enum) else settings
        is_plain = isinstance(value, bool | int | float | str)
        return {prefix.removesuffix("."): value if is_plain else str(value)}  # type: ignore[dict-item]
    flat: dict[str, bool | int | float | str] = {}
    for name, value in items.items():
        flat |= flat_settings(value, f"{prefix}{name}.")
    return flat


def _names(settings: Any) -> list[str]:
    """The fields that count when settings are compared."""
    return [field.name for field in dataclasses.fields(settings) if field.compare]
