"""Configurations of a sweep that are made from one another."""

from __future__ import annotations

import itertools

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf import DictConfig

from mtnlg.errors import ConfigError
from mtnlg.experiment.compose import load, register_schema
from mtnlg.experiment.launcher import Variations
from mtnlg.experiment.naming import run_id

FIXED = ["task=translation/builtin_en_zh", "debug=fast"]
VALUES = {
    "model": ["mt_nlg_nano", "modern_nano"],
    "tags": ["[]", "[a]"],
    "seed": ["1", "2"],
    "model.dropout": ["0", "0.2"],
    "model.context_length": ["64", "128"],
    "trainer.precision": ["fp32", "bf16_mixed"],
}


@pytest.fixture
def composed() -> list[list[str]]:
    return []


@pytest.fixture
def variations(composed: list[list[str]]) -> Variations:
    def call(words: list[str]) -> DictConfig:
        composed.append(words)
        return by_hydra(words)

    return Variations(call)


def by_hydra(words: list[str]) -> DictConfig:
    register_schema()
    with initialize_config_module("mtnlg.conf", version_base="1.3"):
        return compose("config", overrides=words, return_hydra_config=True)


def test_variation_is_what_hydra_composes(
    variations: Variations, composed: list[list[str]]
) -> None:
    """Oracle: each configuration composed anew; one depends on another by ${...}."""
    for values in itertools.product(*VALUES.values()):
        words = FIXED + [f"{key}={value}" for key, value in zip(VALUES, values, strict=True)]
        if values[2:5] in (("1", "0", "64"), ("2", "0.2", "128")):
            config, expected = variations.config(words), load(by_hydra(words))
            assert (config, run_id(config)) == (expected, run_id(expected))

    assert len(composed) == 4, "one for each model and list"


def test_variation_is_checked(variations: Variations) -> None:
    words = [*FIXED, "model=mt_nlg_nano", "model.dropout=0.1"]
    assert variations.config(words).model.dropout == 0.1

    with pytest.raises(ConfigError, match=r"model\.dropout=7"):
        variations.config([*words[:-1], "model.dropout=7"])
    with pytest.raises(HydraException, match="Error merging override"):
        variations.config([*words[:-1], "model.dropout=x"])

    assert variations.config([*words, "seed=2"]).model.dropout == 0.1
