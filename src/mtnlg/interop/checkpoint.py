"""A checkpoint of others, opened but not read: settings, weights by name, tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.interop.families import find_family
from mtnlg.interop.family import Family
from mtnlg.model.folder import read_license
from mtnlg.records.files import JsonObject, read_json
from mtnlg.records.places import CHAT_TEMPLATE_FILE
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE

CONFIG_FILE, TOKENIZER_CONFIG_FILE = "config.json", "tokenizer_config.json"
WEIGHTS_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
ADAPTER_CONFIG_FILE = "adapter_config.json"
"""In folders of peft."""
PICKLE_ENDINGS = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}


@dataclass(frozen=True)
class Checkpoint:
    """What a conversion reads."""

    path: Path
    family: Family
    config: JsonObject
    """As config.json of transformers has it."""
    names: frozenset[str]
    """Of the tensors in the files."""
    name_in_file: Callable[[str], str]
    """The name that the files have for one of transformers' names."""
    read: Callable[[str], Tensor]
    """The tensor of one of transformers' names, in float32."""
    tokenizer: str
    """The content of tokenizer.json."""
    end_token: str | None
    chat_template: str | None
    license: str | None
    """As its model card or file names it."""


def checkpoint_files(path: Path) -> list[Path]:
    """The files of a checkpoint that a conversion reads: a GGUF file, or those of a folder, or of
    an adapter and its base. Raises ConfigError for pickles, ArtifactError where a file is missing.
    """
    if path.is_file():
        if path.suffix != ".gguf":
            raise ConfigError(f"initial_model={path}: {_pickle_fault(path) or _FORMATS}")
        return [path]
    if not path.is_dir():
        raise ConfigError(f"initial_model={path}: no such file or folder; {_FORMATS}")
    if (path / ADAPTER_CONFIG_FILE).is_file():
        from mtnlg.interop.peft_folder import adapter_files, base_of  # it stands on this module

        return [*adapter_files(path), *checkpoint_files(base_of(path))]
    weights = sorted({path / file for file in _shards(path).values()})
    names = (CONFIG_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, CHAT_TEMPLATE_FILE, INDEX_FILE)
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        if not (path / name).is_file():
            raise ArtifactError(f"{path / name}: no such file; {_FORMATS}")
    return [*(file for name in names if (file := path / name).is_file()), *weights]


_FORMATS = (
    "give a folder with config.json, tokenizer.json and model.safetensors, a .gguf file, or a "
    "model of the hub as OWNER/NAME@REVISION"
)


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a GGUF file or a folder of transformers or peft; raises ArtifactError or ConfigError."""
    if path.is_file():
        from mtnlg.interop.gguf_file import open_gguf  # its package is an extra

        return open_gguf(path)
    if (path / ADAPTER_CONFIG_FILE).is_file():
        from mtnlg.interop.peft_folder import base_of, with_adapter  # it stands on this module

        return with_adapter(open_checkpoint(base_of(path)), path)
    config = read_json(path / CONFIG_FILE)
    family = find_family(config.get("model_type"), path=path / CONFIG_FILE)
    shards = _shards(path)
    names = frozenset(name for name in shards if not family.ignored.search(name))

    def name_in_file(name: str) -> str:
        return name if name in shards else name.removeprefix(family.prefix)

    def read(name: str) -> Tensor:
        name = name_in_file(name)
        try:
            with safe_open(path / shards[name], framework="pt") as stream:
                tensor: Tensor = stream.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ArtifactError(f"{path / shards[name]}: cannot be read ({error})") from None
        if not tensor.is_floating_point():
            raise ConfigError(
                f"{path / shards[name]}: {name} is {tensor.dtype}; give weights that are not "
                "quantized, or a GGUF file"
            )
        return tensor.to(torch.float32)

    settings = _optional_json(path / TOKENIZER_CONFIG_FILE)
    return Checkpoint(
        path,
        family,
        config,
        names,
        name_in_file,
        read,
        (path / TOKENIZER_FILE).read_text(encoding="utf-8"),
        _content(settings.get("eos_token")),
        _chat_template(path, settings),
        read_license(path),
    )


def _shards(folder: Path) -> dict[str, str]:
    """Tensor -> its file in the folder; raises ArtifactError where one is missing or broken."""
    index = folder / INDEX_FILE
    if index.is_file():
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict):
            raise ArtifactError(f"{index}: no object 'weight_map'; download it again")
        for file in sorted(set(map(str, shards.values()))):
            if not (folder / file).is_file():
                raise ArtifactError(f"{folder / file}: no such file, although {INDEX_FILE} has it")
        return {name: str(file) for name, file in shards.items()}
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        pickles = (_pickle_fault(path) for path in sorted(folder.iterdir()))
        raise ConfigError(
            f"initial_model={folder}: has no {WEIGHTS_FILE}; "
            + next((fault for fault in pickles if fault), _FORMATS)
        )
    try:
        with safe_open(weights, framework="pt") as stream:
            return dict.fromkeys(stream.keys(), WEIGHTS_FILE)
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{weights}: cannot be read ({error})") from None


def _pickle_fault(path: Path) -> str | None:
    if path.suffix not in PICKLE_ENDINGS:
        return None
    return (
        f"{path.name} is a pickle of torch, which can run any code when it is opened; save it as "
        "safetensors, as transformers' save_pretrained does"
    )


def _optional_json(path: Path) -> JsonObject:
    return read_json(path, has_only_finite=False) if path.is_file() else {}


def _content(token: object) -> str | None:
    """The text of a token that stands in tokenizer_config.json as a text or an object."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def _chat_template(folder: Path, settings: JsonObject) -> str | None:
    file = folder / CHAT_TEMPLATE_FILE
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = settings.get("chat_template")
    if isinstance(template, list):  # several by name
        named = {str(item["name"]): item["template"] for item in json.loads(json.dumps(template))}
        template = named.get("default")
    return template if isinstance(template, str) else None
