"""Our models in the formats of others: folders of transformers, peft, CTranslate2, GGUF files."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.interop.checkpoint import TOKENIZER_CONFIG_FILE, WEIGHTS_FILE
from mtnlg.interop.families import family_of
from mtnlg.interop.peft_folder import BASE
from mtnlg.interop.peft_writer import write_adapter
from mtnlg.model import Transformer, load_model
from mtnlg.model.folder import CARD_FILE, CONFIG_FILE, weights_of
from mtnlg.model.initial import start_from
from mtnlg.records.files import whole_folder, write_text
from mtnlg.records.places import CHAT_TEMPLATE_FILE
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer

GGUF_FILE = "model.gguf"
LONGEST_OUTPUT = 128
"""New tokens where a user of the folder sets nothing."""


def export_model(
    model: Path, form: str, folder: Path, *, card: str, base: Path | None = None
) -> None:
    """Write the folder, whole or not at all; raises ConfigError for what the format cannot say.
    `base` is the initial model of adapters.
    """
    with whole_folder(folder) as partial:
        if base is None:
            FORMATS[form](model, partial)
        else:
            write_peft(model, base, partial)
        write_text(partial / CARD_FILE, card)


def write_transformers(model_folder: Path, folder: Path) -> None:
    """A folder that transformers opens without our code."""
    _write_model(load_model(model_folder), model_folder, folder)


def write_peft(model_folder: Path, base_folder: Path, folder: Path) -> None:
    """A folder of peft, with the model that it adapts in `base`: the initial model with the rows of
    new tokens.
    """
    base = load_model(model_folder)
    start_from(base, base_folder)
    (folder / BASE).mkdir()
    _write_model(base, model_folder, folder / BASE)
    write_adapter(model_folder, base, folder)


def _write_model(model: Transformer, model_folder: Path, folder: Path) -> None:
    """The model, with the tokenizer of a model folder."""
    tokenizer = TextTokenizer.load(model_folder / TOKENIZER_FILE)
    family, end = family_of(model.config), tokenizer.end_id
    state = {
        name: part
        for ours, tensor in weights_of(model).items()
        for name, part in family.split(ours, tensor, model.config).items()
    }
    ids = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": tokenizer.pad_id}
    config = family.write(model.config, model.vocabulary_size)
    tokens = {token["id"]: token["content"] for token in _added_tokens(tokenizer)}
    documents = {
        CONFIG_FILE: {**config, **ids, "dtype": "float32"},
        TOKENIZER_CONFIG_FILE: {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": tokens[end],  # not used, but CTranslate2 needs both, as GPT-2 has them
            "unk_token": tokens[end],
            "eos_token": tokens[end],
            "pad_token": tokens[tokenizer.pad_id],
            "model_max_length": model.config.context_length,
            "clean_up_tokenization_spaces": False,
        },
        "generation_config.json": {
            **ids,
            "do_sample": False,
            "max_new_tokens": min(LONGEST_OUTPUT, model.config.context_length // 2),
            "suppress_tokens": [token for token in tokenizer.special_ids if token != end],
        },
    }
    for name, document in documents.items():
        write_text(folder / name, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    save_file(state, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    tokenizer.save(folder / TOKENIZER_FILE)
    if (model_folder / CHAT_TEMPLATE_FILE).is_file():
        shutil.copy(model_folder / CHAT_TEMPLATE_FILE, folder)


def write_ctranslate2(model_folder: Path, folder: Path) -> None:
    """A folder of CTranslate2 in fp32, by its own converter."""
    try:
        from ctranslate2.converters import TransformersConverter
    except ImportError:
        raise ConfigError(
            "--format ctranslate2: needs its package; pip install 'mtnlg[ctranslate2]'"
        ) from None
    with tempfile.TemporaryDirectory(dir=folder.parent) as middle:
        write_transformers(model_folder, Path(middle))
        try:
            TransformersConverter(middle).convert(str(folder), force=True)
        except Exception as error:  # whatever the converter does not know
            raise ArtifactError(f"--format ctranslate2: its converter failed ({error})") from None
        shutil.copy(Path(middle, TOKENIZER_FILE), folder)


def write_gguf(model_folder: Path, folder: Path) -> None:
    """A GGUF file in fp32, with its tokenizer."""
    from mtnlg.interop.gguf_writer import write_gguf_file  # its package is an extra

    write_gguf_file(model_folder, folder / GGUF_FILE)


FORMATS: dict[str, Callable[[Path, Path], None]] = {
    "hf": write_transformers,
    "ctranslate2": write_ctranslate2,
    "gguf": write_gguf,
}


def push_folder(folder: Path, repository: str, *, is_private: bool) -> str:
    """Upload an exported folder to a model of the hub and return its address."""
    from huggingface_hub import HfApi

    try:
        client = HfApi()
        client.create_repo(repository, private=is_private, exist_ok=True)
        return str(client.upload_folder(repo_id=repository, folder_path=str(folder)))
    except (OSError, ValueError) as error:  # those of the hub are of these kinds
        reason = "".join(str(error).strip().splitlines()[:1])
        raise ConfigError(
            f"push to {repository}: the hub refused ({reason}); log in by `hf auth login`"
        ) from None


def _added_tokens(tokenizer: TextTokenizer) -> list[dict[str, object]]:
    tokens: list[dict[str, object]] = json.loads(tokenizer.to_json())["added_tokens"]
    return tokens
