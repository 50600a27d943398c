"""The decoding strategies by name. A new one is a function, its row here and its YAML in
conf/decoding; other packages add rows by the entry point group `mtnlg.strategies`.

Does not load PyTorch until a strategy decodes, so that a run can be named without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from mtnlg.config import DecodingConfig
from mtnlg.config.checks import require
from mtnlg.errors import ConfigError
from mtnlg.plugins import Table

if TYPE_CHECKING:
    import torch

    from mtnlg.generation.batches import Batch, Output
    from mtnlg.generation.rows import Choose
    from mtnlg.model import Transformer

    Search = Callable[[Transformer, Batch, DecodingConfig], list[list[Output]]]
    ChooserOf = Callable[[Batch, DecodingConfig, torch.device], Choose]


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How to decode: token by token (`choose`) or with a search of its own (`search`)."""

    choose: ChooserOf | None = None
    """Returns the function that chooses the next token of each row; outputs can be streamed."""
    search: Search | None = None
    """Returns the outputs of each prompt, best first."""
    settings: tuple[str, ...] = ()
    """Fields of DecodingConfig that it reads, among those that not all strategies read."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Names in DecodingConfig.options and their defaults."""
    num_branches: Callable[[DecodingConfig], int] = lambda config: 1
    """Hypotheses of a prompt that are decoded together: the most outputs it can have."""
    label: Callable[[DecodingConfig], str] | None = None
    """A short name for the strategy and its settings; None: built from those that were changed."""

    def __post_init__(self) -> None:
        assert (self.choose is None) != (self.search is None), "one of choose and search is needed"


def find_strategy(config: DecodingConfig) -> Strategy:
    """The strategy of the configuration; raises ConfigError if it is unknown or does not read a
    setting that was changed.
    """
    strategy = STRATEGY_TABLE.find(config.strategy, key="decoding.strategy")
    most = strategy.num_branches(config)
    require(
        config.num_alternatives <= most,
        "decoding.num_alternatives",
        config.num_alternatives,
        f"at most {most} with strategy {config.strategy}",
    )
    changed = [name for name in OWN_SETTINGS if getattr(config, name) != DEFAULTS[name]]
    check_read(config, strategy, changed)
    for name in config.options or {}:
        allowed = f"an option of {config.strategy}: {', '.join(strategy.options) or 'none'}"
        require(name in strategy.options, "decoding.options", name, allowed)
    return strategy


def check_read(config: DecodingConfig, strategy: Strategy, names: Iterable[str]) -> None:
    """Raise ConfigError for a setting that other strategies read, and this one does not."""
    for name in sorted(OWN_SETTINGS & set(names) - set(strategy.settings)):
        owners = [known for known, row in STRATEGIES.items() if name in row.settings]
        raise ConfigError(
            f"decoding.{name}={getattr(config, name)}: must be with "
            f"decoding.strategy={' or '.join(owners)}; {config.strategy} does not read it"
        )


def decoding_label(config: DecodingConfig) -> str:
    """A short name for the settings that change an output."""
    strategy = find_strategy(config)
    label = strategy.label or _label_of_changes
    return "_".join([label(config), *config.constraint_labels])


def _label_of_changes(config: DecodingConfig) -> str:
    values = {name: getattr(config, name) for name in find_strategy(config).settings}
    changed = {name: value for name, value in values.items() if value != DEFAULTS[name]}
    changed |= config.options or {}
    return "_".join([config.strategy, *(f"{name}{value}" for name, value in changed.items())])


def _beam_label(config: DecodingConfig) -> str:
    penalty = "" if config.length_penalty == 1 else f"_penalty{config.length_penalty:g}"
    return f"beam{config.num_beams}{penalty}"


def _sampling_label(config: DecodingConfig) -> str:
    top_k = "" if config.top_k is None else f"_k{config.top_k}"
    utility = config.mbr_utility
    mbr = f"_mbr{config.num_alternatives}_{utility}" if utility else ""
    return f"sampling_t{config.temperature:g}{top_k}_p{config.top_p:g}_s{config.seed}{mbr}"


def _likeliest(batch: Batch, config: DecodingConfig, device: torch.device) -> Choose:
    from mtnlg.generation.rows import likeliest

    return likeliest


def _draws(batch: Batch, config: DecodingConfig, device: torch.device) -> Choose:
    from mtnlg.generation.sampling import drawer

    return drawer(batch, config, device)


def _beams(model: Transformer, batch: Batch, config: DecodingConfig) -> list[list[Output]]:
    from mtnlg.generation.beam import search_beams

    return search_beams(model, batch, config)


STRATEGIES: dict[str, Strategy] = {
    "greedy": Strategy(choose=_likeliest),
    "sampling": Strategy(
        choose=_draws,
        settings=("temperature", "top_k", "top_p", "seed", "mbr_utility"),
        num_branches=lambda config: config.num_alternatives,
        label=_sampling_label,
    ),
    "beam": Strategy(
        search=_beams,
        settings=("num_beams", "length_penalty"),
        num_branches=lambda config: config.num_beams,
        label=_beam_label,
    ),
}
STRATEGY_TABLE = Table("mtnlg.strategies", Strategy, STRATEGIES)

DEFAULTS: dict[str, Any] = {setting.name: setting.default for setting in fields(DecodingConfig)}
OWN_SETTINGS = {name for row in STRATEGIES.values() for name in row.settings}
"""Settings that some strategies read and others do not."""
