"""Lightning's classes that users choose by name: trackers, callbacks, a strategy, a profiler."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from mtnlg.errors import ConfigError


@dataclass(kw_only=True)
class ThirdParty:
    """A class and its arguments."""

    target: str
    """Full Python name, such as lightning.pytorch.callbacks.EarlyStopping."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments; `{run_folder}`, `{run_id}` and `{experiment}` in texts are filled in."""

    @property
    def class_name(self) -> str:
        """The last part of the target."""
        return self.target.rpartition(".")[2]


PREFIXES = {
    "logger": "lightning.pytorch.loggers.",
    "callbacks": "lightning.pytorch.callbacks.",
    "trainer.strategy": "lightning.pytorch.strategies.",
    "trainer.profiler": "lightning.pytorch.profilers.",
}
"""Setting -> how the names of its classes must begin."""

LOGGER_PACKAGES = {
    "TensorBoardLogger": (("tensorboard", "tensorboardX"), "tensorboard"),
    "MLFlowLogger": (("mlflow",), "mlflow"),
    "WandbLogger": (("wandb",), "wandb"),
    "CometLogger": (("comet_ml",), None),
    "NeptuneLogger": (("neptune",), None),
    "CSVLogger": ((), None),
}
"""Class -> packages of which it needs one, and the extra of mtnlg that installs it."""

WATCHING_CALLBACKS = {
    *("DeviceStatsMonitor", "LearningRateMonitor", "ModelSummary", "RichModelSummary"),
    *("RichProgressBar", "ThroughputMonitor", "TQDMProgressBar"),
}
"""Callbacks that change no weights; all others are part of the training's key."""

REFUSED = {
    "BackboneFinetuning": "set trainer.frozen to the parameters that keep their values",
    "BatchSizeFinder": "set trainer.batch_tokens",
    "EMAWeightAveraging": "set trainer.ema_decay",
    "GradientAccumulationScheduler": "set trainer.accumulation or trainer.step_target_tokens",
    "LearningRateFinder": "set optimizer.learning_rate, for example by a sweep",
    "ModelCheckpoint": "the best weights and two checkpoints to resume from are kept anyway",
    "ModelPruning": "it renames the weights that a checkpoint holds; take it out",
    "OnExceptionCheckpoint": "a training that fails keeps its last checkpoint anyway",
    "StochasticWeightAveraging": "set trainer.average_last or trainer.ema_decay",
    "WeightAveraging": "set trainer.average_last or trainer.ema_decay",
    "DeepSpeedStrategy": "it divides the weights, and checkpoints hold them whole; use DDPStrategy",
    "FSDPStrategy": "it divides the weights, and checkpoints hold them whole; use DDPStrategy",
    "ModelParallelStrategy": "the model is not divided; use DDPStrategy",
}
"""Class that would break exact resuming or do nothing here -> what to do instead."""


def changing_callbacks(callbacks: Mapping[str, ThirdParty]) -> dict[str, ThirdParty]:
    """The callbacks that can change weights, in the order of their calls."""
    return {
        name: callbacks[name]
        for name in sorted(callbacks)
        if callbacks[name].class_name not in WATCHING_CALLBACKS
    }


def check_third_party(chosen: ThirdParty, key: str) -> None:
    """Raise ConfigError for an object that cannot be built here."""
    prefix = PREFIXES[key if key in PREFIXES else key.partition(".")[0]]
    if not chosen.target.startswith(prefix):
        raise ConfigError(
            f"{key}.target={chosen.target}: must be {prefix}<class>; nothing else is ever built"
        )
    if chosen.class_name in REFUSED:
        raise ConfigError(f"{key}.target={chosen.target}: {REFUSED[chosen.class_name]}")
    packages, extra = LOGGER_PACKAGES.get(chosen.class_name, (None, None))
    if packages is None:
        _find_class(chosen.target, key)
    elif packages and not any(find_spec(package) for package in packages):
        wanted = packages[0] if extra is None else f"'mtnlg[{extra}]'"
        raise ConfigError(
            f"{key}.target={chosen.target}: needs {packages[0]}, which is not installed; "
            f"pip install {wanted}, or leave {key} out"
        )


def build(chosen: ThirdParty, key: str, names: Mapping[str, str]) -> Any:
    """The object, with `names` filled into its arguments. Raises ConfigError for wrong ones."""
    check_third_party(chosen, key)
    third_party = _find_class(chosen.target, key)
    arguments = {name: _filled(value, names) for name, value in chosen.arguments.items()}
    try:
        return third_party(**arguments)
    except TypeError as error:
        raise ConfigError(f"{key}.arguments: {error}") from None


def _find_class(target: str, key: str) -> type:
    """The class of this name; raises ConfigError if there is none."""
    module_name, _, name = target.rpartition(".")
    try:
        third_party = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{key}.target={target}: no such class ({error})") from None
    if not isinstance(third_party, type) or not third_party.__module__.startswith(module_name):
        raise ConfigError(f"{key}.target={target}: no class of {module_name}")
    return third_party


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    for name, text in names.items():
        value = value.replace(f"{{{name}}}", text)
    return value
