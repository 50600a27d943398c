"""Adapters of linear layers: what they add, what they leave as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from made_models import make_model
from mtnlg.config import LoraConfig
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.model import Transformer
from mtnlg.model.lora import (
    AdaptedLinear,
    add_adapters,
    check_targets,
    count_parameters,
    load_adapters,
    merge_adapters,
    save_adapters,
)

IDS = torch.tensor([[5, 9, 4, 7, 3], [8, 6, 11, 20, 4]])
SETTINGS = {
    "plain": LoraConfig(rank=3, alpha=5.0),
    "stabilized": LoraConfig(rank=3, alpha=5.0, is_rank_stabilized=True),
    "magnitude": LoraConfig(rank=3, alpha=5.0, has_magnitude=True),
    "some": LoraConfig(rank=2, targets=["q_proj", "v_proj", "feed_forward"]),
    "some with magnitude": LoraConfig(rank=2, targets=["k_proj", "up_proj"], has_magnitude=True),
}


def adapted(settings: LoraConfig, variant: str = "rotary_grouped") -> Transformer:
    """A model with adapters that change its outputs."""
    model = make_model(variant)
    add_adapters(model, settings)
    with torch.no_grad():
        for name, part in model.named_parameters():
            if ".lora_b." in name:
                part.normal_(0.0, 0.3)
            if ".magnitude." in name:
                part.mul_(torch.rand_like(part) + 0.5)
    return model


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("variant", ["learned", "rotary_grouped"])
def test_new_adapters_change_no_output_and_trained_ones_do(name: str, variant: str) -> None:
    """Oracle: the model without adapters."""
    plain, model = make_model(variant), make_model(variant)

    add_adapters(model, SETTINGS[name])

    torch.testing.assert_close(model(IDS), plain(IDS), atol=1e-5, rtol=0)
    assert (adapted(SETTINGS[name], variant)(IDS) - plain(IDS)).abs().max() > 0.1


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("variant", ["learned", "rotary_grouped"])
def test_merged_model_has_the_same_outputs_and_the_names_of_a_plain_one(
    name: str, variant: str
) -> None:
    """Oracle: the outputs before."""
    model = adapted(SETTINGS[name], variant)
    before = model(IDS)

    merge_adapters(model)

    torch.testing.assert_close(model(IDS), before, atol=2e-5, rtol=1e-5)
    assert [*model.state_dict()] == [*make_model(variant).state_dict()]


def test_layer_is_the_formula_of_the_papers() -> None:
    """Oracle: eq. 3 of LoRA and eq. 5 of DoRA written out, for the rows of queries and values."""
    settings = LoraConfig(rank=2, alpha=3.0, targets=["q_proj", "v_proj"], has_magnitude=True)
    model = adapted(settings)
    layer = model.blocks[0].attention.query_key_value
    assert isinstance(layer, AdaptedLinear)
    hidden = torch.randn(4, 60)

    output = layer(hidden)

    weights = dict(zip(("q", "k", "v"), layer.weight.split([60, 20, 20]), strict=True))
    expected = []
    for part, weight in weights.items():
        if part != "k":
            name = f"{part}_proj"
            total = weight + 3.0 / 2 * layer.lora_b[name] @ layer.lora_a[name]
            weight = layer.magnitude[name][:, None] * total / total.norm(dim=1, keepdim=True)
        expected.append(hidden @ weight.T)
    torch.testing.assert_close(output, torch.cat(expected, dim=1), atol=1e-5, rtol=1e-5)


def test_only_adapters_have_gradients_and_dropout_acts_on_them_alone() -> None:
    """Oracle: the names, and two passes in training mode."""
    model = adapted(LoraConfig(rank=2, dropout=0.5))

    model(IDS).sum().backward()

    with_gradient = {name for name, part in model.named_parameters() if part.grad is not None}
    assert with_gradient == {name for name, _ in model.named_parameters() if ".lora_" in name}
    state = model.eval()(IDS)
    assert torch.equal(model(IDS), state)
    for module in model.modules():
        if isinstance(module, AdaptedLinear):
            module.train()
    assert not torch.equal(model(IDS), state)


def test_parameters_are_counted_by_hand() -> None:
    """Oracle: R (I + O) for each part of each of two blocks."""
    model = make_model("rotary_grouped")
    num_before = sum(part.numel() for part in model.parameters())

    add_adapters(model, LoraConfig(rank=4, targets=["q_proj", "k_proj", "down_proj"]))

    per_block = 4 * (60 + 60) + 4 * (60 + 20) + 4 * (240 + 60)
    assert count_parameters(model) == (num_before, 2 * per_block)


@pytest.mark.parametrize("name", SETTINGS)
def test_adapters_on_disk_come_back(name: str, tmp_path: Path) -> None:
    """Oracle: the outputs and settings before."""
    model = adapted(SETTINGS[name])
    save_adapters(tmp_path, model, SETTINGS[name], initial_weights="0" * 64)
    again = make_model("rotary_grouped")

    settings = load_adapters(tmp_path, again)

    assert settings == SETTINGS[name]
    assert torch.equal(again(IDS), model(IDS))
    with pytest.raises(ArtifactError, match=r"adapter\.safetensors: does not fit"):
        load_adapters(tmp_path, make_model("rotary_grouped", num_layers=3))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["gate_proj"], r"lora\.targets has 'gate_proj', which names no layer of the model"),
        (["q_prj"], r"did you mean 'q_proj'\?"),
        (["fc1"], r"known: q_proj, k_proj, v_proj, o_proj, up_proj, down_proj, attention, feed_"),
    ],
)
def test_target_that_the_model_has_not_is_refused(targets: list[str], message: str) -> None:
    """Oracle: the message by hand."""
    with pytest.raises(ConfigError, match=message):
        check_targets(make_model("learned").config, LoraConfig(rank=2, targets=targets))


def test_no_target_is_refused() -> None:
    """Oracle: the message by hand."""
    with pytest.raises(ConfigError, match=r"lora\.targets=\[\]: must be names of layers"):
        LoraConfig(rank=2, targets=[])
