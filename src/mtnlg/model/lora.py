"""Low-rank adapters (LoRA, Hu et al. 2021; DoRA, Liu et al. 2024) of the linear layers in blocks.

A layer of ours may be several of others, side by side; each of these has matrices of its own.

Legend: R rank, S sum of the ranks in a layer, I inputs of a layer, O outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from mtnlg.config import LoraConfig, ModelConfig
from mtnlg.errors import ArtifactError, ConfigError, suggestion
from mtnlg.model.folder import read_weights, weights_of
from mtnlg.model.transformer import Block, Transformer
from mtnlg.records.codec import decode_settings
from mtnlg.records.files import read_json, write_json

ADAPTER_FILE, ADAPTER_WEIGHTS_FILE = "adapter.json", "adapter.safetensors"
LAYERS = {
    "attention.query_key_value": ("q_proj", "k_proj", "v_proj"),
    "attention.output": ("o_proj",),
    "feed_forward.gate_and_up": ("gate_proj", "up_proj"),
    "feed_forward.inner": ("up_proj",),
    "feed_forward.output": ("down_proj",),
}
"""Layer of a block -> the names that others have for the parts of its rows."""


class AdaptedLinear(nn.Linear):
    """A linear layer whose weight is frozen, with adapters of some parts of its rows."""

    def __init__(self, layer: nn.Linear, rows: Mapping[str, int], settings: LoraConfig) -> None:
        """`rows` has the size of each part, in order; those that the settings name are adapted."""
        super().__init__(layer.in_features, layer.out_features, device="meta")
        assert settings.rank is not None, "nothing is adapted"
        self.weight, self.bias = layer.weight, layer.bias
        self.rows, self.dropout, self.scale = dict(rows), settings.dropout, settings.scale
        self.lora_a, self.lora_b = nn.ParameterDict(), nn.ParameterDict()
        self.magnitude = nn.ParameterDict()
        norms = torch.linalg.vector_norm(layer.weight.detach(), dim=1).split([*rows.values()])
        for (part, size), norm in zip(rows.items(), norms, strict=True):
            if part in (settings.targets or rows):
                self.lora_a[part] = layer.weight.new_empty(settings.rank, layer.in_features)
                nn.init.kaiming_uniform_(self.lora_a[part], a=math.sqrt(5))
                self.lora_b[part] = layer.weight.new_zeros(size, settings.rank)
                if settings.has_magnitude:
                    self.magnitude[part] = norm.clone()

    def down(self) -> Tensor:
        """(S, I), the first matrices of all adapted parts."""
        return torch.cat([*self.lora_a.values()])

    def up(self) -> Tensor:
        """(O, S), the second matrices, each in the rows of its part and the columns of its rank;
        not scaled.
        """
        blocks = [
            self.lora_b[part] if part in self.lora_b else self.weight.new_zeros(size, 0)
            for part, size in self.rows.items()
        ]
        up: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
        return up

    def total(self) -> Tensor:
        """(O, I), the weight and what the matrices add to it."""
        return self.weight + self.scale * (self.up() @ self.down())

    def ratios(self) -> Tensor:
        """(O,), the norms that the rows of the sum shall have, divided by those that they have;
        the latter count as constants (sec. 4.3 of DoRA).
        """
        norms = torch.linalg.vector_norm(self.total().detach(), dim=1)
        parts = zip(self.rows, norms.split([*self.rows.values()]), strict=True)
        return torch.cat(
            [
                self.magnitude[part] / norm if part in self.magnitude else torch.ones_like(norm)
                for part, norm in parts
            ]
        )

    def forward(self, input: Tensor) -> Tensor:
        dropped = F.dropout(input, self.dropout, self.training)
        added = F.linear(F.linear(dropped, self.down()), self.scale * self.up())
        if not self.magnitude:
            return F.linear(input, self.weight, self.bias) + added
        output = self.ratios() * (F.linear(input, self.weight) + added)
        return output if self.bias is None else output + self.bias

    def merged_weight(self) -> Tensor:
        """(O, I), the weight of a plain layer with the same outputs."""
        return self.ratios()[:, None] * self.total() if self.magnitude else self.total()


def add_adapters(model: Transformer, settings: LoraConfig) -> None:
    """Freeze all weights, and put adapters beside those that the settings name; no output changes.

    Raises ConfigError for a target that the model has not.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    known = {layer: LAYERS[layer] for layer, _, _ in _layers(model.blocks[0])}
    targets = _parts(known, settings.targets)
    for block in model.blocks:
        for layer, home, name in [*_layers(block)]:
            if parts := [part for target, part in targets if target == layer]:
                linear = getattr(home, name)
                rows = dict(zip(LAYERS[layer], _sizes(layer, linear, model.config), strict=True))
                chosen = LoraConfig(**{**vars(settings), "targets": parts})
                setattr(home, name, AdaptedLinear(linear, rows, chosen))


def check_targets(config: ModelConfig, settings: LoraConfig) -> None:
    """Raise what `add_adapters` would raise, without allocating weights."""
    with torch.device("meta"):
        add_adapters(Transformer(config, 1), settings)


@torch.no_grad()
def merge_adapters(model: Transformer) -> None:
    """Make each adapted layer a plain one, with the same outputs."""
    for block in model.blocks:
        for _, home, name in [*_layers(block)]:
            layer = getattr(home, name)
            if isinstance(layer, AdaptedLinear):
                plain = nn.Linear(layer.in_features, layer.out_features, device="meta")
                plain.weight, plain.bias = nn.Parameter(layer.merged_weight()), layer.bias
                setattr(home, name, plain)


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """The parameters of a model without adapters, and those that are trained."""
    named = [(name, weight.numel(), weight) for name, weight in model.named_parameters()]
    num_parameters = sum(number for name, number, _ in named if not is_adapter(name))
    return num_parameters, sum(number for _, number, weight in named if weight.requires_grad)


def count_adapted(model: nn.Module) -> int | None:
    """The parameters of a model's adapters; None where it has none."""
    return sum(part.numel() for name, part in model.named_parameters() if is_adapter(name)) or None


def save_adapters(
    folder: Path, model: Transformer, settings: LoraConfig, *, initial_weights: str
) -> None:
    """Write adapter.json, with the sha256 `initial_weights` of the model that is adapted, and
    adapter.safetensors.
    """
    document = {"initial_weights": initial_weights, "lora": msgspec.to_builtins(settings)}
    write_json(folder / ADAPTER_FILE, document)
    tensors = {name: tensor for name, tensor in weights_of(model).items() if is_adapter(name)}
    save_file(tensors, folder / ADAPTER_WEIGHTS_FILE, metadata={"format": "pt"})


def load_adapters(folder: Path, model: Transformer) -> LoraConfig:
    """Put the adapters of a model folder into the model that they adapt; returns their settings.
    Raises ArtifactError where they do not fit.
    """
    path = folder / ADAPTER_FILE
    settings = decode_settings(read_json(path).get("lora"), LoraConfig)
    add_adapters(model, settings)
    tensors = read_weights(folder / ADAPTER_WEIGHTS_FILE)
    wanted = {name: tensor for name, tensor in model.state_dict().items() if is_adapter(name)}
    shapes = [{name: part.shape for name, part in each.items()} for each in (tensors, wanted)]
    if shapes[0] != shapes[1]:
        raise ArtifactError(f"{folder / ADAPTER_WEIGHTS_FILE}: does not fit {path} beside it")
    model.load_state_dict(tensors, strict=False)
    return settings


def initial_weights_of(folder: Path) -> str:
    """The sha256 of the weights that a folder's adapters adapt; raises ConfigError without any."""
    if not (folder / ADAPTER_FILE).is_file():
        raise ConfigError(
            f"{folder}: has no {ADAPTER_FILE}: not trained with lora.rank; export it as hf"
        )
    return str(read_json(folder / ADAPTER_FILE).get("initial_weights"))


def is_adapter(name: str) -> bool:
    return any(f".{kind}." in name for kind in ("lora_a", "lora_b", "magnitude"))


def _layers(block: Block | nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """The linear layers of a block: path, the module that has it, and its name there."""
    for path in LAYERS:
        sublayer, _, name = path.partition(".")
        home = getattr(block, sublayer)
        if isinstance(getattr(home, name, None), nn.Linear):
            yield path, home, name


def _sizes(layer: str, linear: nn.Linear, model: ModelConfig) -> list[int]:
    """Rows of each part of a layer."""
    if layer == "attention.query_key_value":
        heads = (model.num_heads, model.key_value_heads, model.key_value_heads)
        return [number * model.head_size for number in heads]
    num_parts = len(LAYERS[layer])
    return [linear.out_features // num_parts] * num_parts


def _parts(
    known: Mapping[str, Sequence[str]], targets: Sequence[str] | None
) -> set[tuple[str, str]]:
    """The layers and parts that the targets name."""
    pairs = [(layer, part) for layer, parts in known.items() for part in parts]
    if targets is None:
        return set(pairs)
    named = {(layer, part): {part, layer, layer.split(".")[0]} for layer, part in pairs}
    words = [*dict.fromkeys([*(part for _, part in pairs), "attention", "feed_forward", *known])]
    for target in targets:
        if target not in words:
            raise ConfigError(
                f"lora.targets has {target!r}, which names no layer of the model"
                f"{suggestion(target, words)}; known: {', '.join(words)}"
            )
    return {pair for pair, names in named.items() if names.intersection(targets)}
