"""What cannot be converted: one line each, nothing written. Oracle: the messages by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models

from made_checkpoints import NUM_TOKENS, byte_level_bpe, forget, make_checkpoint
from mtnlg.errors import ArtifactError, ConfigError, DataError
from mtnlg.experiment.pretrained import make_pretrained

ROPE = {"rope_type": "llama3", "factor": 8.0, "rope_theta": 500000.0}


@pytest.mark.parametrize(
    ("family", "fields", "message"),
    [
        ("llama", {"rope_parameters": ROPE}, "rope_type=llama3: our transformer has only"),
        ("llama", {"rope_scaling": {"type": "linear"}}, "rope_type is both linear and default"),
        ("llama", {"rope_scaling": {"type": "su"}, "rope_parameters": None}, "rope_type=su: our"),
        (
            "phi3",
            {"rope_parameters": {"partial_rotary_factor": 0.75}},
            "partial_rotary_factor=0.75",
        ),
        ("llama", {"attention_bias": True}, "attention_bias=True: our transformer has only"),
        ("llama", {"hidden_act": "gelu"}, "hidden_act=gelu: our transformer has only"),
        ("llama", {"final_logit_softcapping": 30.0}, "final_logit_softcapping=30.0: not a field"),
        ("llama", {"quantization_config": {"bits": 4}}, "quantization_config={'bits': 4}"),
        ("qwen3", {"layer_types": ["linear_attention"]}, "layer_types has linear_attention"),
        ("mistral", {"num_local_experts": 8}, "num_local_experts=8: not a field"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ("gpt2", {"activation_function": "relu"}, "activation_function=relu is none of ours"),
        ("gpt2", {"n_layer": None}, "no field n_layer, the setting model.num_layers"),
        ("gpt2", {"n_layer": "3"}, "not the settings of a model"),
        ("gpt2", {"n_head": 4}, "model.num_heads=4: must be a divisor"),
        ("llama", {"model_type": "t5"}, "model_type=t5: our transformer can be gpt2, llama"),
        ("llama", {"architectures": ["LlamaForSequenceClassification"]}, "only LlamaForCausalLM"),
        ("llama", {"intermediate_size": 21}, "is 40 x 24; the configuration needs 42 x 24"),
        (
            "llama",
            {"num_hidden_layers": 2},
            "9 tensors of LlamaForCausalLM are unknown, as model.l",
        ),
        (
            "llama",
            {"num_hidden_layers": 4},
            "9 tensors of LlamaForCausalLM are missing, as model.l",
        ),
    ],
)
def test_what_ours_cannot_express_is_named(
    family: str, fields: dict[str, Any], message: str, tmp_path: Path
) -> None:
    make_checkpoint(tmp_path / "theirs", family)
    forget(tmp_path / "theirs", **fields)

    with pytest.raises((ConfigError, ArtifactError)) as raised:
        make_pretrained(str(tmp_path / "theirs"), tmp_path / "artifacts")

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(tmp_path / "theirs") in str(raised.value)
    assert nothing_is_left(tmp_path)


def nothing_is_left(root: Path) -> bool:
    return not [path for path in root.glob("artifacts/pretrained/*") if path.is_dir()]


def remove_shard(folder: Path) -> None:
    next(folder.glob("model-00002-*")).unlink()


def truncate_shard(folder: Path) -> None:
    file = next(folder.glob("model-00002-*"))
    file.write_bytes(file.read_bytes()[:-100])


def use_pickle(folder: Path) -> None:
    for file in folder.glob("model*"):
        file.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"PK")


def use_large_tokenizer(folder: Path) -> None:
    tokenizer = byte_level_bpe()
    tokenizer.add_special_tokens([f"<extra_{number}>" for number in range(9)])
    tokenizer.save(str(folder / "tokenizer.json"))


def use_word_tokenizer(folder: Path) -> None:
    Tokenizer(models.WordLevel({"a": 0, "b": 1}, "a")).save(str(folder / "tokenizer.json"))


def leave_gap(folder: Path) -> None:
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    last = max(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    tokenizer["model"]["vocab"][last] += 1
    file.write_text(json.dumps(tokenizer))


def quantize(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        save_file({name: value.to(torch.int8) for name, value in load_file(file).items()}, file)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_shard, "no such file, although model.safetensors.index.json has it"),
        (truncate_shard, "cannot be read"),
        (use_pickle, "pytorch_model.bin is a pickle of torch, which can run any code"),
        (use_large_tokenizer, f"has {NUM_TOKENS + 9} tokens, the embedding only 283 rows"),
        (use_word_tokenizer, "our models need one of bytes"),
        (leave_gap, "tokens have gaps"),
        (quantize, "is torch.int8; give weights that are not quantized"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json: no such file"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "not a tokenizer"),
        (lambda folder: (folder / "config.json").write_text("{"), "not valid JSON"),
    ],
)
def test_damaged_folder_is_one_line(damage: Any, message: str, tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "theirs", "llama", shard_size="9KB")
    damage(tmp_path / "theirs")

    with pytest.raises((ConfigError, ArtifactError)) as raised:
        make_pretrained(str(tmp_path / "theirs"), tmp_path / "artifacts")

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere/at/all", "no such file or folder"),
        ("openai-community/gpt2", "name the revision, as in openai-community/gpt2@main"),
    ],
)
def test_source_that_is_not_there(source: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        make_pretrained(source, tmp_path)


def test_pickle_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"PK")

    with pytest.raises(ConfigError, match=r"model\.pt is a pickle of torch"):
        make_pretrained(str(tmp_path / "model.pt"), tmp_path)


def test_hub_without_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise OSError("404 Client Error\n\nRepository Not Found")

    monkeypatch.setattr("huggingface_hub.snapshot_download", missing)

    with pytest.raises(DataError, match=r"the hub gave no files \(404 Client Error\); give a"):
        make_pretrained("nobody/nothing@main", tmp_path)
