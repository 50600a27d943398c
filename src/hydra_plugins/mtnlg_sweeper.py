"""The sweeper that Hydra finds as `hydra/sweeper=optuna`; what it does is in
mtnlg.experiment.search, imported only when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """Hydra's search with today's Optuna; its settings have the names of hydra-optuna-sweeper."""

    def __init__(
        self,
        n_trials: int,
        n_jobs: int | None,
        direction: str,
        sampler: Any,
        pruner: Any,
        params: Mapping[str, str] | None,
    ) -> None:
        self.n_trials, self.n_jobs, self.direction = n_trials, n_jobs, direction
        self.sampler, self.pruner, self.params = sampler, pruner, dict(params or {})

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.loader, self.config = hydra_context.config_loader, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the trials; raises SystemExit at the end where one failed."""
        try:
            from mtnlg.experiment.search import run_search
        except ModuleNotFoundError as error:
            from mtnlg.errors import ConfigError

            raise ConfigError(
                f"hydra/sweeper=optuna needs {error.name}: pip install 'mtnlg[optuna]'"
            ) from None

        def compose(words: Sequence[str]) -> DictConfig:
            assert self.config is not None
            return self.loader.load_sweep_config(self.config, list(words))

        run_search(self, arguments, compose)


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="optuna",
    node={
        "_target_": f"hydra_plugins.mtnlg_sweeper.{OptunaSweeper.__name__}",
        "_recursive_": False,
        "n_trials": 20,
        "n_jobs": None,
        "direction": "maximize",
        "sampler": {"_target_": "optuna.samplers.TPESampler", "seed": 1},
        "pruner": None,
        "params": None,
    },
    provider="mtnlg",
)
