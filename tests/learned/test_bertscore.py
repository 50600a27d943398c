"""BERTScore: the values of bert_score, and folders and layers that cannot be used.

The encoders are made by a formula. REFERENCE holds what bert_score 0.3.13 computes of layer 3 on
the same folders with transformers 4.57.6, pair by pair (batch_size=1): in larger batches it takes a
cosine below 0 for 0 where a reference is padded. Its slow tokenizers were used, but for XLM-R.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from made_scorers import ENCODERS, HYPOTHESES, REFERENCES, write_bert, write_roberta
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.learned.bertscore import COLUMNS, BertScore, rescaled

TOLERANCE = 1e-5
"""Of sums in float32 whose order depends on the padding of batches."""
REFERENCE = {
    ("bert", "precision"): [0.971085, 0.9999999, 0.9360564, 0.0, 0.9159486, 0.9466776, 0.9009466],
    ("bert", "recall"): [0.9472409, 0.9999999, 0.9472526, 0.0, 0.9179723, 0.9661862, 0.9271796],
    ("bert", "f1"): [0.9590147, 0.9999999, 0.9416212, 0.0, 0.9169593, 0.9563324, 0.9138749],
    ("roberta", "precision"): [0.9975283, 1.0, 0.989719, 0.0, 0.978749, 0.9164562, 0.8905978],
    ("roberta", "recall"): [0.9969242, 1.0, 0.9852036, 0.0, 0.9696875, 0.8973293, 0.9605144],
    ("roberta", "f1"): [0.9972261, 1.0, 0.9874561, 0.0, 0.9741971, 0.9067919, 0.9242357],
    ("xlm_roberta", "precision"): [0.9908869, 1.0, 0.9445202, 0.0, 0.8499752, 0.9753798, 0.8775747],
    ("xlm_roberta", "recall"): [0.9904057, 1.0, 0.9610899, 0.0, 0.9630783, 0.9808984, 0.9326911],
    ("xlm_roberta", "f1"): [0.9906462, 1.0, 0.952733, 0.0, 0.9029989, 0.9781313, 0.9042939],
}
BASELINE = "LAYER,P,R,F\n0,0.1,0.2,0.3\n1,0.4,0.4,0.4\n2,0.5,0.5,0.5\n3,0.31,0.42,0.53\n"
PAIRS = [[text] for text in REFERENCES]


@pytest.mark.parametrize("name", ENCODERS)
def test_values_are_those_that_the_package_computed(tmp_path: Path, name: str) -> None:
    """Oracle: REFERENCE, the values of bert_score."""
    ENCODERS[name](tmp_path / name)

    values = BertScore(tmp_path / name, 3).score(HYPOTHESES, PAIRS)

    for column, value in zip(values.T, COLUMNS, strict=True):
        assert column == pytest.approx(REFERENCE[name, value], abs=TOLERANCE), value


@pytest.mark.parametrize("layer", [1, 3, 4])
@pytest.mark.parametrize("name", ENCODERS)
def test_values_are_those_of_the_installed_package(tmp_path: Path, name: str, layer: int) -> None:
    """Oracle: bert_score itself, rescaled too, where it is installed and can run."""
    if int(transformers.__version__.partition(".")[0]) >= 5:
        pytest.skip("bert_score 0.3.13 calls tokenizers as transformers 4 has them")
    package = pytest.importorskip("bert_score", reason="bert-score is not installed")
    folder = tmp_path / name
    ENCODERS[name](folder)
    (folder / "rescale_baseline").mkdir()
    (folder / "rescale_baseline" / "en.tsv").write_text(BASELINE + "4,0.2,0.2,0.1\n")
    scorer = BertScore(folder, layer)
    given: dict[str, Any] = {
        **{"model_type": str(folder), "num_layers": layer, "device": "cpu", "batch_size": 1},
        **{"use_fast_tokenizer": name == "xlm_roberta", "lang": "en"},
        "baseline_path": str(folder / "rescale_baseline" / "en.tsv"),
    }

    values = scorer.score(HYPOTHESES, PAIRS)

    plain = package.score(HYPOTHESES, REFERENCES, **given)
    assert np.allclose(values, torch.stack(plain, 1).numpy(), rtol=0, atol=TOLERANCE)
    scaled = package.score(HYPOTHESES, REFERENCES, rescale_with_baseline=True, **given)
    found = rescaled(values, scorer.baseline("en"))
    assert np.allclose(found, torch.stack(scaled, 1).numpy(), rtol=0, atol=2 * TOLERANCE)


def test_best_reference_counts_for_each_value(tmp_path: Path) -> None:
    """Oracle: the greatest of the values of each reference alone."""
    write_bert(tmp_path / "bert")
    scorer = BertScore(tmp_path / "bert", 3)
    many = [["the dog", "a dog barks", "dogs"], ["it rains"]]
    alone = np.concatenate([scorer.score(["a dog bark"], [[text]]) for text in many[0]])

    values = scorer.score(["a dog bark", "rain"], many)

    assert values[0].tolist() == alone.max(axis=0).tolist()
    assert alone.argmax(axis=0).tolist() == [1, 1, 1]


def test_each_distinct_text_is_encoded_once(tmp_path: Path) -> None:
    """Oracle: the texts counted by hand; a pair that is known is not encoded again."""
    write_bert(tmp_path / "bert")
    scorer = BertScore(tmp_path / "bert", 3)
    counts: list[int] = []
    scorer.network.register_forward_hook(
        lambda *given: counts.append(len(given[1][0])), with_kwargs=False
    )

    first = scorer.score(HYPOTHESES, PAIRS)
    assert sum(counts) == len({*HYPOTHESES, *REFERENCES})
    assert scorer.score(HYPOTHESES, PAIRS).tolist() == first.tolist()

    assert sum(counts) == len({*HYPOTHESES, *REFERENCES})


def test_baseline_is_that_of_layer_and_language(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    scorer = BertScore(tmp_path / "bert", 3)
    folder = tmp_path / "bert" / "rescale_baseline"
    with pytest.raises(ArtifactError, match=r"rescale_baseline/en\.tsv is not there; copy it from"):
        scorer.baseline("en")
    folder.mkdir()
    (folder / "en.tsv").write_text(BASELINE)

    assert scorer.baseline("en").tolist() == [0.31, 0.42, 0.53]
    assert rescaled(np.array([[0.31, 0.42, 1.0]]), scorer.baseline("en")).tolist() == [[0, 0, 1]]
    (folder / "en.tsv").write_text("LAYER,P,R,F\n1,0.4,0.4,0.4\n")
    with pytest.raises(ArtifactError, match=r"has no line LAYER,P,R,F of layer 3"):
        scorer.baseline("en")


def test_layer_of_a_known_model_is_that_of_the_package(tmp_path: Path) -> None:
    """Oracle: bert_score's table model2layers; a small encoder has no layer 17."""
    folder = tmp_path / "models--FacebookAI--roberta-large" / "snapshots" / "722cf37b1afa9454edce"
    write_roberta(folder)

    with pytest.raises(ConfigError, match=r"has the layers 1 to 4"):
        BertScore(folder, None)
    assert "|layer:2|" in BertScore(folder, 2).signature
    assert "model:FacebookAI/roberta-large@722cf37b1afa|" in BertScore(folder, 2).signature


@pytest.mark.parametrize("layer", [None, 0, 5])
def test_layer_that_is_not_there_or_not_known_is_asked_for(tmp_path: Path, layer: Any) -> None:
    write_bert(tmp_path / "bert")

    with pytest.raises(
        ConfigError, match=r"has the layers 1 to 4; name one, as in bertscore-layer9"
    ):
        BertScore(tmp_path / "bert", layer)


def test_folder_without_a_model_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"transformers cannot open it") as caught:
        BertScore(tmp_path, 3)

    assert "\n" not in str(caught.value)


def test_decoder_is_refused(tmp_path: Path) -> None:
    transformers.BartConfig(encoder_layers=2, decoder_layers=2).save_pretrained(tmp_path)

    with pytest.raises(ConfigError, match="has a decoder; give an encoder"):
        BertScore(tmp_path, 2)


def test_missing_weights_are_no_random_ones(tmp_path: Path) -> None:
    """Oracle: transformers gives missing weights random values, and only logs that."""
    write_bert(tmp_path / "bert")
    path = tmp_path / "bert" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 6}))

    assert BertScore(tmp_path / "bert", 4).layer == 4
    with pytest.raises(ArtifactError, match=r"lacks encoder\.layer\.4"):
        BertScore(tmp_path / "bert", 5)
