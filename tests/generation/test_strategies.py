"""A strategy of another package: its function, its settings and its label are those of its row."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
import torch
from torch import Tensor

from made_models import EOS, PROMPTS, make_model
from mtnlg import plugins
from mtnlg.config import DecodingConfig
from mtnlg.errors import ConfigError
from mtnlg.generation.batches import Batch
from mtnlg.generation.engine import generate, stream
from mtnlg.generation.rows import Choose
from mtnlg.generation.strategies import Strategy, decoding_label, find_strategy


def choose_by_rank(batch: Batch, config: DecodingConfig, device: torch.device) -> Choose:
    """The token that is so many places from the likeliest."""
    rank = int((config.options or {}).get("rank", 0))

    def choose(logits: Tensor, numbers: Tensor, step: int) -> Tensor:
        return logits.sort(dim=1, descending=True, stable=True).indices[:, rank]

    return choose


RANKED = Strategy(choose=choose_by_rank, settings=("temperature",), options={"rank": 0})


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point of a package that adds `ranked`."""
    point = EntryPoint("ranked", f"{__name__}:RANKED", "mtnlg.strategies")
    monkeypatch.setattr(EntryPoint, "load", lambda self: RANKED)
    monkeypatch.setattr(plugins, "installed", lambda group: (point,))


def test_strategy_of_a_package_decodes_and_streams() -> None:
    """Oracle: greedy search, which rank 0 is."""
    model = make_model()
    config = DecodingConfig(strategy="ranked", max_new_tokens=6)

    ranked = generate(model, PROMPTS, eos_id=EOS, config=config)

    assert ranked == generate(model, PROMPTS, eos_id=EOS, config=DecodingConfig(max_new_tokens=6))
    streamed = list(stream(model, PROMPTS[0], eos_id=EOS, config=config))
    assert streamed == ranked[0][0].ids


def test_option_of_a_package_reaches_its_strategy() -> None:
    model = make_model()
    first, second = (
        DecodingConfig(strategy="ranked", max_new_tokens=6, options={"rank": rank})
        for rank in (0, 1)
    )

    outputs = [
        generate(model, PROMPTS[:2], eos_id=EOS, config=config) for config in (first, second)
    ]

    assert outputs[0] != outputs[1]


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({}, "ranked"),
        ({"temperature": 0.5, "options": {"rank": 2}}, "ranked_temperature0.5_rank2"),
        ({"no_repeat_ngram_size": 2}, "ranked_norepeat2"),
    ],
)
def test_label_of_a_package_names_what_is_not_the_default(
    settings: dict[str, object], label: str
) -> None:
    """Oracle: labels by hand."""
    config = DecodingConfig(strategy="ranked", **settings)  # type: ignore[arg-type]

    assert decoding_label(config) == label


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_beams": 2}, r"num_beams=2: must be with .*=beam; ranked does not read it"),
        ({"options": {"rnk": 2}}, r"decoding\.options=rnk: must be an option of ranked: rank"),
        ({"num_alternatives": 2}, r"num_alternatives=2: must be at most 1 with strategy ranked"),
    ],
)
def test_setting_that_a_package_does_not_read_is_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        find_strategy(DecodingConfig(strategy="ranked", **settings))  # type: ignore[arg-type]
