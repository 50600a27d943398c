"""Our adapters in the folder format of peft.

Legend: R rank, I inputs and O outputs of a layer, as others have it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mtnlg.config import LoraConfig
from mtnlg.interop.checkpoint import ADAPTER_CONFIG_FILE
from mtnlg.interop.families import family_of
from mtnlg.interop.family import Family
from mtnlg.interop.peft_folder import ADAPTER_FILE, BASE, PREFIX
from mtnlg.model import Transformer
from mtnlg.model.lora import AdaptedLinear, load_adapters
from mtnlg.records.files import JsonObject, write_text


def write_adapter(model_folder: Path, base: Transformer, folder: Path) -> None:
    """Write the adapters of a model folder of ours; `base` is the model that they adapt."""
    family = family_of(base.config)
    settings = load_adapters(model_folder, base)
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    for name, layer in base.named_modules():
        if isinstance(layer, AdaptedLinear):
            for module, kind, tensor in _split(family, name, layer, base):
                tensors[f"{PREFIX}{module}.{kind}"] = tensor.contiguous()
                if kind == "lora_A.weight":
                    ranks[module] = len(tensor)
    config = _config(settings, family, ranks)
    write_text(folder / ADAPTER_CONFIG_FILE, json.dumps(config, indent=1) + "\n")
    save_file(tensors, folder / ADAPTER_FILE, metadata={"format": "pt"})


@torch.no_grad()
def _split(
    family: Family, name: str, layer: AdaptedLinear, model: Transformer
) -> Iterator[tuple[str, str, Tensor]]:
    """Module, kind and tensor of each of their layers that stand side by side in ours."""
    parts, down = [*layer.lora_a], layer.down()
    of_rows = [
        torch.full((number,), parts.index(part) if part in parts else len(parts))
        for part, number in layer.rows.items()
    ]
    norms = layer.ratios() * torch.linalg.vector_norm(layer.total(), dim=1)
    ups, owners, magnitudes = (
        family.split(f"{name}.rows", tensor, model.config)
        for tensor in (layer.up(), torch.cat(of_rows), norms)
    )
    for key, up in ups.items():
        module, owning = key.removesuffix(".rows"), torch.unique(owners[key])
        columns = (
            torch.arange(len(down)).view(len(parts), -1)[owning[owning < len(parts)]].flatten()
        )
        if len(columns):
            yield module, "lora_A.weight", down[columns]
            yield module, "lora_B.weight", up[:, columns]
            if layer.magnitude:
                yield module, "lora_magnitude_vector", magnitudes[key]


def _config(settings: LoraConfig, family: Family, ranks: dict[str, int]) -> JsonObject:
    """adapter_config.json. A layer of theirs that is several of ours has the sum of their ranks."""
    assert settings.rank is not None, "adapters have a rank"
    targets = {_short_name(module, family): rank for module, rank in ranks.items()}
    patterns = {name: rank for name, rank in targets.items() if rank != settings.rank}
    power = 0.5 if settings.is_rank_stabilized else 1.0
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": BASE,
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        "target_modules": [*sorted(targets)],
        "rank_pattern": dict(patterns),
        "alpha_pattern": {
            name: settings.alpha * (rank / settings.rank) ** power
            for name, rank in patterns.items()
        },
        "use_rslora": settings.is_rank_stabilized,
        "use_dora": settings.has_magnitude,
        "fan_in_fan_out": bool(family.transposed),
        "bias": "none",
        "inference_mode": True,
    }


def _short_name(module: str, family: Family) -> str:
    """The end of a module's name that no other kind of layer has."""
    kinds = {names.rpartition(".N.")[2] for each in family.weights.values() for names in each}
    kind = next(kind for kind in kinds if module.endswith(f".{kind}"))
    last = kind.rpartition(".")[2]
    return kind if sum(each.rpartition(".")[2] == last for each in kinds) > 1 else last
