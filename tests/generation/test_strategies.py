"""Strategies by name: what they are called on a board, and which settings they refuse."""

from __future__ import annotations

import pytest

from mtnlg.config import DecodingConfig
from mtnlg.errors import ConfigError
from mtnlg.generation.strategies import STRATEGIES, decoding_label, find_strategy


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "greedy"),
        ({"strategy": "beam", "num_beams": 4}, "beam4"),
        ({"strategy": "beam", "num_beams": 4, "length_penalty": 2}, "beam4_penalty2"),
        ({"strategy": "beam", "num_beams": 4, "length_penalty": 0.6}, "beam4_penalty0.6"),
        ({"strategy": "beam", "num_beams": 3, "length_penalty": 0.0}, "beam3_penalty0"),
        ({"strategy": "sampling", "seed": 7}, "sampling_t1_p1_s7"),
        (
            {"strategy": "sampling", "temperature": 0.7, "top_k": 9, "top_p": 0.85, "seed": 3},
            "sampling_t0.7_k9_p0.85_s3",
        ),
        (
            {"strategy": "sampling", "num_alternatives": 5, "mbr_utility": "chrf", "seed": 3},
            "sampling_t1_p1_s3_mbr5_chrf",
        ),
        ({"strategy": "sampling", "num_alternatives": 5, "seed": 3}, "sampling_t1_p1_s3"),
    ],
)
def test_label_names_the_settings_that_change_an_output(
    fields: dict[str, object], expected: str
) -> None:
    """Oracle: written out; another value of any setting is another label."""
    assert decoding_label(DecodingConfig(**fields)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({"strategy": "greedy"}, 1),
        ({"strategy": "beam", "num_beams": 4}, 4),
        ({"strategy": "sampling"}, 50),
    ],
)
def test_as_many_outputs_as_a_strategy_has_are_allowed(
    fields: dict[str, object], most: int
) -> None:
    """Oracle: greedy search has one output, beams one each, and draws are endless."""
    config = DecodingConfig(**fields, num_alternatives=most)  # type: ignore[arg-type]

    assert find_strategy(config) is STRATEGIES[str(fields["strategy"])]
    assert find_strategy(config).num_branches(config) == most
    if fields["strategy"] != "sampling":
        more = DecodingConfig(**fields, num_alternatives=most + 1)  # type: ignore[arg-type]
        message = rf"decoding\.num_alternatives={most + 1}: must be at most {most} with strategy"
        with pytest.raises(ConfigError, match=message):
            find_strategy(more)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("name", "value", "owner"),
    [
        ("temperature", 0.5, "sampling"),
        ("top_k", 3, "sampling"),
        ("top_p", 0.5, "sampling"),
        ("seed", 5, "sampling"),
        ("num_beams", 2, "beam"),
        ("length_penalty", 0.5, "beam"),
    ],
)
def test_setting_of_another_strategy_is_refused_with_its_owner(
    strategy: str, name: str, value: float, owner: str
) -> None:
    """Oracle: which strategy reads which setting, written out."""
    config = DecodingConfig(strategy=strategy, **{name: value})  # type: ignore[arg-type]

    if strategy == owner:
        assert name in find_strategy(config).settings
    else:
        with pytest.raises(ConfigError, match=rf"decoding\.{name}={value}: .*strategy={owner};"):
            find_strategy(config)


def test_option_that_a_strategy_lacks_is_refused() -> None:
    """Oracle: no strategy of ours has options."""
    for strategy in STRATEGIES:
        with pytest.raises(ConfigError, match=rf"an option of {strategy}: none"):
            find_strategy(DecodingConfig(strategy=strategy, options={"width": 3}))
