"""Experiment trackers beside metrics.csv: they get its lines and the settings, and can fail without
harm.

Lightning is not told of them: it would call them from many places, where a failure ends the
training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from mtnlg.config import Config
from mtnlg.config.plain import flat_settings
from mtnlg.config.third_party import build
from mtnlg.errors import ConfigError
from mtnlg.progress import say


class Loggers(Callback):
    """The trackers that still work; the first exception of one is a warning and switches it off."""

    def __init__(
        self,
        makers: Mapping[str, Callable[[], Any]],
        settings: dict[str, bool | int | float | str],
    ) -> None:
        self.makers, self.settings = makers, settings
        self.active: dict[str, Any] = {}

    @classmethod
    def of(cls, config: Config, folder: Path) -> Loggers:
        """Those of a configuration, with their files in `folder`; none is made before training."""
        places = {
            "run_folder": str(folder.absolute()),
            "run_id": folder.name,
            "experiment": folder.parent.name,
        }
        makers = {
            name: partial(build, one, f"logger.{name}", places)
            for name, one in config.logger.items()
        }
        return cls(makers, flat_settings(config))

    def log(self, row: dict[str, Any]) -> None:
        """One line of metrics.csv, which has its step."""
        values = {name: float(value) for name, value in row.items() if name != "step"}
        self._each(lambda logger: logger.log_metrics(values, step=row["step"]))

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        for name, make in self.makers.items():
            try:
                self.active[name] = make()
            except ConfigError:
                raise
            except Exception as error:
                self._switch_off(name, error)
        self._each(lambda logger: logger.log_hyperparams(self.settings))

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self._each(lambda logger: logger.finalize("success"))

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._each(lambda logger: logger.finalize("failed"))

    def _each(self, call: Callable[[Any], object]) -> None:
        for name, logger in list(self.active.items()):
            try:
                call(logger)
            except Exception as error:
                self._switch_off(name, error)

    def _switch_off(self, name: str, error: Exception) -> None:
        self.active.pop(name, None)
        first = (str(error).strip().splitlines() or [""])[0][:300]
        say(f"warning: logger.{name} is switched off: {type(error).__name__}: {first}")
