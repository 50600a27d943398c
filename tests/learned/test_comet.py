"""COMET and CometKiwi: the values of unbabel-comet, and folders that cannot be used.

There are no published weights here; small ones are made by a formula. REFERENCE holds what
unbabel-comet 2.2.7 computes on the same folders with transformers 4.57.6 and entmax 1.3, by
`comet.load_from_checkpoint(...).predict(rows, batch_size=3, gpus=0)`.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from safetensors.torch import save_file

from made_scorers import CASES, COMET, HYPOTHESES, KIWI, REFERENCES, SOURCES, write_comet
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.learned.comet import Comet
from mtnlg.learned.comet_network import sparsemax

TOLERANCE = 1e-5
"""Of sums in float32 whose order depends on the padding of batches."""
REFERENCE = {
    "comet": [-0.1435914, 0.033967, -0.0350516, 0.0083093, -0.0319872, -0.2390854, -0.0724759],
    "softmax": [-0.1216647, 0.0757174, -0.2865864, 0.007178, -0.002899, -0.3365648, -0.0488404],
    "layer_norm": [0.4650632, 0.5111456, 0.4915216, 0.5005133, 0.4932929, 0.4406571, 0.4828318],
    "maximum": [-0.2581948, 0.0206036, -0.1636797, -0.1509252, -0.0093214, -0.306437, -0.0404692],
    "default": [-0.163784, -0.3613632, -0.0684812, -0.047029, -0.3226803, 0.0571194, -0.1933686],
    "comet_xl": [-0.0190635, -0.257078, -0.0709592, -0.2583984, -0.2789473, -0.331268, -0.1323032],
    "cometkiwi": [-0.067284, -0.1251169, -0.1003595, -0.14199, -0.0586414, -0.1115345, -0.0841904],
    "kiwi_sparsemax": [
        -0.1024434,
        -0.1694832,
        -0.1355747,
        -0.169728,
        -0.0865491,
        -0.1477208,
        -0.1043875,
    ],
    "kiwi_layer": [0.0151455, -0.0015827, 0.0307114, 0.0275311, -0.0386385, 0.0018449, -0.0716781],
    "kiwi_xl": [0.1001785, 0.1044507, 0.0791541, 0.0830575, 0.1057937, 0.0303561, 0.1336265],
}


def scores(folder: Path, hparams: dict[str, Any]) -> list[float]:
    model = Comet(folder, hparams["class_identifier"])
    if hparams["class_identifier"] == "unified_metric":
        return model.estimation(SOURCES, HYPOTHESES)
    return model.regression(SOURCES, HYPOTHESES, REFERENCES)


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_that_the_package_computed(tmp_path: Path, name: str) -> None:
    """Oracle: REFERENCE, the values of unbabel-comet."""
    folder = write_comet(tmp_path / "model", CASES[name])

    assert scores(folder, CASES[name]) == pytest.approx(REFERENCE[name], abs=TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_the_installed_package(tmp_path: Path, name: str) -> None:
    """Oracle: unbabel-comet itself, where it is installed and can run."""
    if int(transformers.__version__.partition(".")[0]) >= 5:
        pytest.skip(
            "unbabel-comet 2.2.7 takes outputs of encoders apart as transformers 4 has them"
        )
    package = pytest.importorskip("comet", reason="unbabel-comet is not installed")
    encoder = tmp_path / "model" / "encoder"
    hparams = CASES[name] | {"pretrained_model": str(encoder)}
    folder = write_comet(tmp_path / "model", hparams)
    names = ("src", "mt", "ref")
    if hparams["class_identifier"] == "unified_metric":
        names = ("src", "mt")
    columns = zip(SOURCES, HYPOTHESES, REFERENCES, strict=True)
    rows = [dict(zip(names, texts, strict=False)) for texts in columns]

    model = package.load_from_checkpoint(str(folder / "checkpoints" / "model.ckpt"))
    expected = model.predict(rows, batch_size=3, gpus=0, progress_bar=False).scores

    assert scores(folder, hparams) == pytest.approx(expected, abs=TOLERANCE)


def test_settings_within_the_checkpoint_decide(tmp_path: Path) -> None:
    """Oracle: the package does, but for CometKiwi's softmax (its issues 195 and 244)."""
    hparams = COMET | {"pool": "max", "layer_norm": True}
    comet = write_comet(tmp_path / "comet", hparams, saved=COMET)
    kiwi = write_comet(tmp_path / "kiwi", KIWI, saved={"layer_transformation": "sparsemax"})

    assert scores(comet, COMET) == pytest.approx(REFERENCE["comet"], abs=TOLERANCE)
    assert scores(kiwi, KIWI) == pytest.approx(REFERENCE["cometkiwi"], abs=TOLERANCE)


def test_safetensors_stand_for_the_checkpoint(tmp_path: Path) -> None:
    """Oracle: the values of the checkpoint; settings then come from hparams.yaml."""
    folder = write_comet(tmp_path / "model", CASES["kiwi_sparsemax"])
    checkpoint = folder / "checkpoints" / "model.ckpt"
    save_file(
        torch.load(checkpoint, weights_only=True)["state_dict"],
        checkpoint.with_suffix(".safetensors"),
    )
    checkpoint.unlink()

    found = scores(folder, CASES["kiwi_sparsemax"])

    assert found == pytest.approx(REFERENCE["kiwi_sparsemax"], abs=TOLERANCE)


def test_each_distinct_text_is_encoded_once(tmp_path: Path) -> None:
    """Oracle: the texts counted by hand, over two systems with the same sources."""
    model = Comet(write_comet(tmp_path / "model", COMET), "regression_metric")
    counts: list[int] = []
    model.network.register_forward_hook(lambda _, inputs, __: counts.append(len(inputs[0])))

    first = model.regression(SOURCES, HYPOTHESES, REFERENCES)
    texts = {*SOURCES, *HYPOTHESES, *REFERENCES}
    assert sum(counts) == len(texts)
    second = model.regression(SOURCES, ["a new one", *HYPOTHESES[1:]], REFERENCES)

    assert sum(counts) == len(texts) + 1
    assert second[1:] == first[1:]


def test_pair_is_scored_once(tmp_path: Path) -> None:
    model = Comet(write_comet(tmp_path / "model", KIWI), "unified_metric")
    counts: list[int] = []
    model.network.register_forward_hook(lambda _, inputs, __: counts.append(len(inputs[0])))

    values = model.estimation([*SOURCES, SOURCES[0]], [*HYPOTHESES, HYPOTHESES[0]])

    assert values[0] == values[-1]
    assert sum(counts) == len(SOURCES)


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    """Oracle: entmax.sparsemax where it is installed, and two cases by hand."""
    generator = torch.Generator().manual_seed(0)

    assert sparsemax(torch.tensor([0.3, 0.3])).tolist() == pytest.approx([0.5, 0.5])
    assert sparsemax(torch.tensor([2.0, 0.0, 0.9])).tolist() == pytest.approx([1, 0, 0])
    entmax = pytest.importorskip("entmax", reason="entmax is not installed")
    for _ in range(20):
        values = torch.randn(7, generator=generator)
        assert torch.allclose(sparsemax(values), entmax.sparsemax(values, dim=0))


def test_signature_names_model_weights_layer_and_releases(tmp_path: Path) -> None:
    """Oracle: hashlib, and what importlib says of the releases."""
    import hashlib
    from importlib.metadata import version

    snapshot = "models--Unbabel--wmt22-comet-da/snapshots/2760a223ac957f30acfb18c8aa649b01cf1d75f2"
    folder = write_comet(tmp_path / snapshot, COMET)
    digest = hashlib.sha256((folder / "checkpoints" / "model.ckpt").read_bytes()).hexdigest()
    releases = ",".join(
        f"{name}-{version(name)}" for name in ("torch", "transformers", "tokenizers")
    )

    assert Comet(folder, "regression_metric").signature == (
        f"model:Unbabel/wmt22-comet-da@2760a223ac95|weights:{digest[:12]}|class:regression_metric|"
        f"layer:mix|mix:sparsemax|pool:avg|version:{releases}"
    )


def test_cut_text_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = Comet(write_comet(tmp_path / "model", KIWI), "unified_metric")

    model.estimation(SOURCES, HYPOTHESES)

    assert "2 of 7 texts fill the 42 tokens" in caplog.text


class Code:
    """What a pickle of an attacker holds: it runs a command when it is read."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_checkpoint_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    folder = write_comet(tmp_path / "model", COMET)
    checkpoint, proof = folder / "checkpoints" / "model.ckpt", tmp_path / "proof"
    torch.save({"state_dict": Code(f"touch {proof}")}, checkpoint)

    with pytest.raises(ArtifactError, match=r"holds \S*system beside weights.*convert it once"):
        Comet(folder, "regression_metric")

    assert not proof.exists()
    pickle.loads(pickle.dumps(Code(f"touch {proof}")))  # it would have run
    assert proof.exists()


def change_hparams(folder: Path, **changes: object) -> None:
    path = folder / "hparams.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


def change_checkpoint(folder: Path, **changes: Any) -> None:
    """Change, or take away with None, weights by name; dots are written as two underscores."""
    path = folder / "checkpoints" / "model.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    weights = checkpoint["state_dict"]
    weights |= {name.replace("__", "."): value for name, value in changes.items()}
    checkpoint["state_dict"] = {k: value for k, value in weights.items() if value is not None}
    torch.save(checkpoint, path)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda at: (at / "hparams.yaml").unlink(), r"hparams\.yaml is not there; hf download Unb"),
        (lambda at: (at / "hparams.yaml").write_text("a: [b"), r"hparams\.yaml: is no YAML"),
        (lambda at: (at / "hparams.yaml").write_text("word"), r"class_identifier is None; must be"),
        (
            lambda at: change_hparams(at, class_identifier="ranking_metric"),
            r"is 'ranking_metric'; must be regression_metric, as of wmt22-comet-da",
        ),
        (lambda at: (at / "checkpoints/model.ckpt").unlink(), r"model\.ckpt is not there, nor is"),
        (
            lambda at: (at / "checkpoints/model.ckpt").write_text("version https://git-lfs"),
            r"model\.ckpt: holds no weights of COMET",
        ),
        (lambda at: torch.save({}, at / "checkpoints/model.ckpt"), r"no weights.*state_dict"),
        (lambda at: change_checkpoint(at, estimator__ff__0__bias=None), r"lacks estimator\.ff\.0"),
        (
            lambda at: change_checkpoint(
                at, **{"encoder.model.encoder.layer.3.output.dense.bias": None}
            ),
            r"lacks encoder\.layer\.3\.output\.dense\.bias \(1 weights\)",
        ),
        (
            lambda at: change_checkpoint(at, estimator__ff__9__bias=torch.zeros(1)),
            r"weights that its settings lack: estimator\.ff\.9\.bias",
        ),
        (
            lambda at: change_checkpoint(at, estimator__ff__0__bias=torch.zeros(2)),
            r"does not fit hparams\.yaml \(.*size mismatch for estimator\.ff\.0\.bias",
        ),
        (
            lambda at: (at / "encoder/tokenizer.json").unlink(),
            r"needs config\.json and tokenizer\.json of xlm-roberta-large; hf download xlm",
        ),
        (lambda at: (at / "encoder/tokenizer.json").write_text("{}"), r"transformers cannot open"),
    ],
)
def test_unusable_folder_is_an_error_of_one_line(tmp_path: Path, harm: Any, message: str) -> None:
    folder = write_comet(tmp_path / "model", COMET)
    harm(folder)

    with pytest.raises((ArtifactError, ConfigError), match=message) as caught:
        Comet(folder, "regression_metric")

    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pool": "median"}, r"pool='median': must be one of avg, cls, max, default"),
        ({"layer_transformation": "top"}, r"layer_transformation='top': must be one of softmax"),
        ({"layer": 5}, r"layer=5: must be mix or below 5"),
        ({"activations": "Relu"}, r"activations='Relu': must be one of torch\.nn"),
        ({"encoder_model": "BERT"}, r"encoder_model is 'BERT'; known: XLM-RoBERTa"),
    ],
)
def test_unknown_setting_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    folder = write_comet(tmp_path / "model", COMET, saved=changes)

    with pytest.raises(ConfigError, match=message):
        Comet(folder, "regression_metric")


def test_kiwi_needs_a_model_that_reads_sources(tmp_path: Path) -> None:
    folder = write_comet(tmp_path / "model", KIWI | {"input_segments": ["mt", "ref"]})

    with pytest.raises(ConfigError, match="input_segments lack src"):
        Comet(folder, "unified_metric")


def test_tokenizer_of_another_encoder_is_refused(tmp_path: Path) -> None:
    folder = write_comet(tmp_path / "model", COMET)
    path = folder / "encoder" / "tokenizer.json"
    path.write_text(path.read_text().replace("<pad>", "<fill>"))

    with pytest.raises(ArtifactError, match="are of different encoders"):
        Comet(folder, "regression_metric")
