"""Experiment trackers beside metrics.csv: they get its lines and the settings, and can fail without
harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from mtnlg.config import Config
from mtnlg.config.plain import flat_settings
from mtnlg.config.third_party import build
from mtnlg.errors import ConfigError

logger = logging.getLogger(__name__)


def run_names(run_folder: Path) -> dict[str, str]:
    """What arguments of third parties may name of a run, in braces."""
    return {
        "run_folder": str(run_folder.absolute()),
        "run_id": run_folder.name,
        "experiment": run_folder.parent.name,
    }


class Loggers(Logger):
    """The trackers that still work, as the one logger that Lightning and its callbacks know; the
    first exception of a tracker is a warning and switches it off.
    """

    def __init__(
        self,
        builders: Mapping[str, Callable[[], Any]],
        settings: dict[str, bool | int | float | str],
    ) -> None:
        super().__init__()
        self.builders, self.settings = builders, settings
        self.active: dict[str, Any] = {}

    @classmethod
    def of(cls, config: Config, names: Mapping[str, str]) -> Loggers:
        """Those of a configuration, whose arguments may mention `names`; none is built yet."""
        chosen = {} if config.trainer.fast_dev_run else config.logger
        builders = {
            name: partial(build, logger, f"logger.{name}", names) for name, logger in chosen.items()
        }
        return cls(builders, flat_settings(config))

    @property
    def name(self) -> str:
        return "mtnlg"

    @property
    def version(self) -> str:
        return ""

    def start(self) -> None:
        """Build the trackers and send them the settings."""
        for name, build_logger in self.builders.items():
            try:
                self.active[name] = build_logger()
            except ConfigError:
                raise
            except Exception as error:
                self._switch_off(name, error)
        self._each(lambda logger: logger.log_hyperparams(self.settings))

    def log_row(self, row: dict[str, Any]) -> None:
        """One line of metrics.csv, which has its step."""
        values = {name: value for name, value in row.items() if name != "step"}
        self.log_metrics(values, row["step"])

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        values = {name: float(value) for name, value in metrics.items()}
        self._each(lambda logger: logger.log_metrics(values, step=step))

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Nothing: `start` has sent all settings."""

    def finalize(self, status: str) -> None:
        self._each(lambda logger: logger.finalize(status))

    def _each(self, call: Callable[[Any], object]) -> None:
        for name, logger in list(self.active.items()):
            try:
                call(logger)
            except Exception as error:
                self._switch_off(name, error)

    def _switch_off(self, name: str, error: Exception) -> None:
        self.active.pop(name, None)
        first = (str(error).strip().splitlines() or [""])[0][:300]
        logger.warning(f"logger.{name} is switched off: {type(error).__name__}: {first}")
