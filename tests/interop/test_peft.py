"""Adapters in peft, both ways. Oracle: peft itself, on transformers' models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from made_checkpoints import NUM_TOKENS, make_checkpoint
from mtnlg.cli.main import main
from mtnlg.config import LoraConfig
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment.initial_model import write_initial_tokenizer
from mtnlg.experiment.pretrained import make_pretrained
from mtnlg.interop.convert import convert
from mtnlg.model import Transformer, load_model, save_model
from mtnlg.model.initial import start_from
from mtnlg.model.lora import add_adapters, merge_adapters, save_adapters
from mtnlg.tokenization.tokenizer import TextTokenizer

peft = pytest.importorskip("peft")

IDS = torch.tensor([[5, 9, 4, 7, 3, 270], [8, 6, 11, 20, 4, 1]])
SETTINGS: dict[str, dict[str, Any]] = {
    "all": {"rank": 3, "alpha": 5.0},
    "some": {"rank": 2, "targets": ["q_proj", "v_proj", "down_proj"]},
    "stabilized": {"rank": 4, "is_rank_stabilized": True},
    "magnitude": {"rank": 3, "has_magnitude": True, "targets": ["k_proj", "up_proj"]},
}
PEFT: dict[str, dict[str, Any]] = {
    "all": {"r": 3, "lora_alpha": 5},
    "patterns": {"r": 2, "rank_pattern": {r"0\..*": 5}, "alpha_pattern": {r"1\..*": 3}},
    "stabilized": {"r": 4, "use_rslora": True},
    "magnitude": {"r": 3, "use_dora": True},
}


def randomized(model: torch.nn.Module) -> None:
    """Adapters that change the outputs by as much as the weights do."""
    with torch.no_grad():
        for name, part in model.named_parameters():
            if "lora_b" in name.lower():
                part.normal_(0.0, 0.05)
            if "magnitude" in name:
                part.mul_(torch.rand_like(part) * 0.2 + 0.9)


def assert_close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Within 1e-5 of the largest logit."""
    assert (ours - theirs).abs().max() < 1e-5 * max(1.0, float(theirs.abs().max()))


class Adapted:
    """A model folder with adapters of a converted model, one token larger, as training makes it."""

    def __init__(self, root: Path, family: str, settings: LoraConfig) -> None:
        make_checkpoint(root / "theirs", family)
        self.artifacts, self.folder = root / "artifacts", root / "model"
        self.initial, _ = make_pretrained(str(root / "theirs"), self.artifacts)
        self.folder.mkdir()
        write_initial_tokenizer(self.initial, self.folder, markers=["<task>"])
        size = TextTokenizer.load(self.folder / "tokenizer.json").vocabulary_size
        base = load_model(self.initial)
        assert size == base.vocabulary_size + 1
        self.model = Transformer(base.config, size).eval()
        start_from(self.model, self.initial)
        self.unadapted = self.logits()
        add_adapters(self.model, settings)
        randomized(self.model)
        digest = json.loads((self.initial / "artifact.json").read_text())["files"]
        weights = digest["model.safetensors"]["sha256"]
        save_adapters(self.folder, self.model, settings, initial_weights=weights)
        merge_adapters(self.model)
        save_model(self.folder, self.model)

    @torch.inference_mode()
    def logits(self) -> torch.Tensor:
        return self.model(IDS)

    def export(self, folder: Path, *words: str) -> int:
        roots = ["--artifacts-root", str(self.artifacts)]
        return main(
            ["export", str(self.folder), "--format", "peft", *roots, "--to", str(folder), *words]
        )


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("family", ["llama", "gpt2", "phi3", "qwen2"])
@torch.inference_mode()
def test_our_adapters_open_in_peft_and_come_back(family: str, name: str, tmp_path: Path) -> None:
    settings = dict(SETTINGS[name])
    made = Adapted(tmp_path, family, LoraConfig(**settings))

    assert made.export(tmp_path / "peft") == 0

    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "peft" / "base").eval()
    assert_close(made.unadapted, theirs(IDS).logits)
    adapted = peft.PeftModel.from_pretrained(theirs, tmp_path / "peft").eval()
    logits = adapted(IDS).logits
    assert_close(made.logits(), logits)
    assert (logits - made.unadapted).abs().max() > 0.1
    convert(tmp_path / "peft", tmp_path / "back")
    assert_close(load_model(tmp_path / "back")(IDS), logits)


@pytest.mark.parametrize("name", PEFT)
@pytest.mark.parametrize("family", ["llama", "gpt2", "phi3", "qwen3"])
@torch.inference_mode()
def test_adapters_of_peft_are_an_initial_model(family: str, name: str, tmp_path: Path) -> None:
    base = make_checkpoint(tmp_path / "theirs", family)
    torch.manual_seed(2)
    config = peft.LoraConfig(
        **PEFT[name],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        fan_in_fan_out=family == "gpt2",
    )
    adapted = peft.get_peft_model(base, config).eval()
    randomized(adapted)
    adapted.peft_config["default"].base_model_name_or_path = str(tmp_path / "theirs")
    adapted.save_pretrained(tmp_path / "peft")

    folder, _ = make_pretrained(str(tmp_path / "peft"), tmp_path / "artifacts")

    logits = adapted(IDS).logits
    assert_close(load_model(folder)(IDS)[..., :NUM_TOKENS], logits[..., :NUM_TOKENS])
    with adapted.disable_adapter():
        assert (adapted(IDS).logits - logits).abs().max() > 0.1


def test_config_has_the_names_that_users_of_peft_expect(tmp_path: Path) -> None:
    """Oracle: the fields by hand."""
    targets = ["q_proj", "v_proj"]
    made = Adapted(tmp_path, "llama", LoraConfig(rank=2, alpha=7.0, targets=targets))

    made.export(tmp_path / "peft")

    config = json.loads((tmp_path / "peft" / "adapter_config.json").read_text())
    assert config["target_modules"] == targets
    assert (config["r"], config["lora_alpha"], config["rank_pattern"]) == (2, 7.0, {})
    tensors = load_file(tmp_path / "peft" / "adapter_model.safetensors")
    assert len(tensors) == 3 * 2 * 2
    assert tensors["base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight"].shape == (8, 2)
    assert "PeftModel" in (tmp_path / "peft" / "README.md").read_text()


def test_fused_layer_of_theirs_has_the_ranks_of_its_parts(tmp_path: Path) -> None:
    """Oracle: three parts of rank 2 in GPT-2's c_attn, at the same scale."""
    made = Adapted(tmp_path, "gpt2", LoraConfig(rank=2, alpha=7.0, targets=["attention"]))

    made.export(tmp_path / "peft")

    config = json.loads((tmp_path / "peft" / "adapter_config.json").read_text())
    assert config["rank_pattern"] == {"c_attn": 6}
    assert config["alpha_pattern"] == {"c_attn": 21.0}
    assert config["target_modules"] == ["attn.c_proj", "c_attn"]


def test_initial_model_is_found_or_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the messages by hand."""
    made = Adapted(tmp_path, "llama", LoraConfig(rank=2))
    moved = tmp_path / "moved"
    made.initial.rename(moved)

    assert made.export(tmp_path / "peft") == 2
    assert "give its initial model by --initial-model FOLDER" in capsys.readouterr().err
    assert made.export(tmp_path / "peft", "--initial-model", str(made.folder)) == 2
    assert made.export(tmp_path / "peft", "--initial-model", str(moved)) == 0
    (made.folder / "adapter.json").unlink()
    assert made.export(tmp_path / "other") == 2
    assert "has no adapter.json: not trained with lora.rank" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"peft_type": "IA3"},
            r"peft_type=IA3: only peft_type=LORA can be read; merge the adapter",
        ),
        ({"bias": "all"}, r"bias=all: only bias=none can be read"),
        ({"modules_to_save": ["lm_head"]}, r"modules_to_save=\['lm_head'\]: only"),
        (
            {"base_model_name_or_path": "no/model"},
            r"=no/model: no such folder; download it, and wri",
        ),
        ({"lora_alpha": None}, r"lora_alpha=None: not a number"),
        ({"tensor": "model.norm.weight"}, r"model\.norm\.weight is no adapter of a linear layer"),
        ({"tensor": "model.x.lora_A.weight"}, r"adapts model\.x, which the base model has not"),
        ({"sizes": True}, r"self_attn\.q_proj has other sizes"),
        ({"file": None}, r"adapter_model\.safetensors: no such file; peft's save_pretrained"),
    ],
)
def test_adapter_that_cannot_be_read_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Oracle: the message by hand, and no folder."""
    made = Adapted(tmp_path, "llama", LoraConfig(rank=2, targets=["q_proj"]))
    made.export(tmp_path / "peft")
    config, weights = (
        tmp_path / "peft" / name for name in ("adapter_config.json", "adapter_model.safetensors")
    )
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    tensors = load_file(weights)
    if "tensor" in change:
        tensors[f"base_model.model.{change['tensor']}"] = torch.ones(2, 2)
    if "sizes" in change:
        tensors = {name: part[..., :1].contiguous() for name, part in tensors.items()}
    save_file(tensors, weights)
    if "file" in change:
        weights.unlink()

    with pytest.raises((ConfigError, ArtifactError), match=message):
        make_pretrained(str(tmp_path / "peft"), tmp_path / "new")

    assert not [*tmp_path.glob("new/pretrained/[!.]*/config.json")]
