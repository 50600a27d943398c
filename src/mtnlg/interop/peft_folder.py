"""Adapters of others, in the folder format of peft: a checkpoint of their base model, into whose
weights they are merged.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.interop.checkpoint import ADAPTER_CONFIG_FILE, Checkpoint
from mtnlg.model.folder import read_weights
from mtnlg.records.files import JsonObject, JsonValue, read_json

ADAPTER_FILE = "adapter_model.safetensors"
BASE = "base"
"""The folder of the base model, in that of the adapter."""
PREFIX = "base_model.model."
NOT_READ: dict[str, tuple[JsonValue, ...]] = {
    "bias": ("none", None),
    "peft_type": ("LORA",),
    **dict.fromkeys(
        ("modules_to_save", "trainable_token_indices", "target_parameters"), (None, [])
    ),
    **dict.fromkeys(("layer_replication", "alora_invocation_tokens"), (None, [])),
    **dict.fromkeys(("lora_bias", "use_qalora", "use_bdlora"), (None, False)),
}
"""Fields of adapter_config.json -> the values that we can read; other fields only say how the
adapters were trained.
"""


def base_of(folder: Path) -> Path:
    """The folder of the base model of an adapter; raises ConfigError where it is not there."""
    path = folder / ADAPTER_CONFIG_FILE
    name = read_json(path).get("base_model_name_or_path")
    for base in (folder / str(name), Path(str(name))):
        if name and base.is_dir():
            return base
    raise ConfigError(
        f"{path}: base_model_name_or_path={name}: no such folder; download it, and write its "
        "folder there"
    )


def adapter_files(folder: Path) -> list[Path]:
    """The files of the adapter itself; raises ArtifactError where the weights are missing."""
    if not (folder / ADAPTER_FILE).is_file():
        raise ArtifactError(
            f"{folder / ADAPTER_FILE}: no such file; peft's save_pretrained writes it"
        )
    return [folder / ADAPTER_CONFIG_FILE, folder / ADAPTER_FILE]


def with_adapter(base: Checkpoint, folder: Path) -> Checkpoint:
    """The base model with the folder's adapters merged in; raises ConfigError or ArtifactError for
    what cannot be read.
    """
    adapter = _Adapter.read(folder)
    for module in adapter.modules():
        if base.name_in_file(f"{module}.weight") not in base.names:
            raise ArtifactError(
                f"{folder / ADAPTER_FILE}: adapts {module}, which the base model has not; is "
                "base_model_name_or_path of another model?"
            )

    def read(name: str) -> Tensor:
        return adapter.merged(name.removesuffix(".weight"), base.read(name))

    return replace(base, path=folder, read=read)


@dataclass(frozen=True)
class _Adapter:
    path: Path
    config: JsonObject
    tensors: dict[str, Tensor]
    """Name without PREFIX -> tensor."""

    @classmethod
    def read(cls, folder: Path) -> _Adapter:
        path = folder / ADAPTER_CONFIG_FILE
        config = read_json(path)
        for name, values in NOT_READ.items():
            if config.get(name) not in values:
                raise ConfigError(
                    f"{path}: {name}={config[name]}: only {name}={values[0]} can be read; merge "
                    "the adapter by peft's merge_and_unload, and save that"
                )
        tensors = {
            name.removeprefix(PREFIX): tensor.float()
            for name, tensor in read_weights(folder / ADAPTER_FILE).items()
        }
        adapter = cls(path, config, tensors)
        kinds = ("lora_A.weight", "lora_B.weight", "lora_magnitude_vector")
        known = {f"{module}.{kind}" for module in adapter.modules() for kind in kinds}
        if unknown := sorted(set(tensors) - known):
            raise ConfigError(
                f"{folder / ADAPTER_FILE}: {unknown[0]} is no adapter of a linear layer; merge it "
                "by peft's merge_and_unload, and save that"
            )
        return adapter

    def modules(self) -> list[str]:
        """The layers that are adapted."""
        ending = ".lora_A.weight"
        return sorted(name.removesuffix(ending) for name in self.tensors if name.endswith(ending))

    def merged(self, module: str, weight: Tensor) -> Tensor:
        """The weight of a layer with its adapter, if it has one."""
        down = self.tensors.get(f"{module}.lora_A.weight")
        if down is None:
            return weight
        up = self.tensors.get(f"{module}.lora_B.weight")
        turned = weight.T if self.config.get("fan_in_fan_out") else weight
        if up is None or (len(up), down.shape[1]) != turned.shape or up.shape[1] != len(down):
            raise ArtifactError(f"{self.path.parent / ADAPTER_FILE}: {module} has other sizes")
        total = turned + self._scale(module, len(down)) * (up @ down)
        if self.config.get("use_dora"):
            magnitude = self.tensors[f"{module}.lora_magnitude_vector"]
            total *= (magnitude / torch.linalg.vector_norm(total, dim=1))[:, None]
        return total.T if self.config.get("fan_in_fan_out") else total

    def _scale(self, module: str, rank: int) -> float:
        alpha = self.config.get("lora_alpha")
        patterns = self.config.get("alpha_pattern")
        for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
            if re.match(rf"(.*\.)?({pattern})$", module):
                alpha = value
                break
        if not isinstance(alpha, int | float):
            raise ArtifactError(f"{self.path}: lora_alpha={alpha}: not a number")
        return alpha / (math.sqrt(rank) if self.config.get("use_rslora") else rank)
