"""Numbers that nobody means: refused with key, value and range before any work or memory.

Oracle: the ranges by hand, and the limits of PyTorch's whole numbers.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from composed import composed
from made_models import make_model
from mtnlg.cli.main import main
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.model.folder import load_model, save_model

BASE = ("task=translation/builtin_en_zh", "model=mt_nlg_nano")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (f"seed={2**63}", "seed=9223372036854775808: must be a finite number >= 0, up to 9,223"),
        (f"seed={10**400}", "must be a finite number >= 0, up to 9,223,372,036,854,775,807"),
        ("seed=-1", "seed=-1: must be a finite number >= 0"),
        ("evaluation.seed=-1", "evaluation.seed=-1: must be a finite number >= 0"),
        (f"evaluation.seed={2**63}", "evaluation.seed="),
        ("decoding=sampling decoding.seed=-5", "decoding.seed=-5: must be a finite number >= 0"),
        ("decoding=beam5 decoding.num_beams=100000", "num_beams=100000: must be from 1 to 1,000"),
        ("decoding=beam5 decoding.num_beams=0", "decoding.num_beams=0: must be from 1 to 1,000"),
        ("decoding=sampling decoding.temperature=0", "must be from 0.0001 to 10,000"),
        ("decoding=sampling decoding.temperature=1e-320", "must be from 0.0001 to 10,000"),
        ("decoding=sampling decoding.temperature=nan", "must be from 0.0001 to 10,000"),
        ("decoding.repetition_penalty=1e-300", "decoding.repetition_penalty=1e-300: must be from"),
        (f"decoding.max_new_tokens={10**30}", "must be a finite number >= 1, up to 9,223"),
        (f"trainer.batch_tokens={2**63}", "trainer.batch_tokens=9223372036854775808: must be"),
    ],
)
def test_value_out_of_its_range_is_refused(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        composed(*BASE, *words.split())


def test_largest_seed_is_taken() -> None:
    assert composed(*BASE, f"seed={2**63 - 1}").seed == 2**63 - 1


@pytest.mark.parametrize("number", ["0", "-3"])
def test_say_refuses_beams_below_one(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "--model", "nowhere", "--num-beams", number, "x"]) == 2

    assert f"--num-beams={number}: must be a finite number >= 1" in capsys.readouterr().err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("model")
    save_model(path, make_model())
    return path


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("model", {"hidden_size": 399_999}, "names or shapes differ"),
        ("model", {"hidden_size": 3 * 2**61}, "sizes that no tensor has"),
        ("model", {"hidden_size": 3 * 10**30}, "up to 9,223"),
        ("model", {"hidden_size": -3}, "model.hidden_size=-3: must be"),
        ("model", {"hidden_size": "21"}, "Expected `int`, got `str`"),
        ("model", {"num_layers": 10**9}, "num_layers is 1000000000, and the weights have 2"),
        ("model", {"num_layers": 1}, "num_layers is 1, and the weights have 2"),
        ("model", {"feed_forward_size": 10**12}, "names or shapes differ"),
        ("model", {"context_length": 10**12}, "differ: ['position_embedding.weight']"),
        ("model", {"is_embedding_tied": False}, "differ: ['unembedding.weight']"),
        ("", {"vocabulary_size": 10**12}, "differ: ['token_embedding.weight']"),
        ("", {"vocabulary_size": -1}, "sizes that no tensor has"),
        ("", {"vocabulary_size": 10**30}, "sizes that no tensor has"),
    ],
)
def test_model_folder_of_other_sizes_is_refused_before_memory_is_taken(
    folder: Path, tmp_path: Path, section: str, values: dict[str, Any], message: str
) -> None:
    """Sizes of up to 400 terabytes; the shapes in the weights' header are compared first."""
    shutil.copytree(folder, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    (document[section] if section else document).update(values)
    path.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(ArtifactError, match=re.escape(message)) as error:
        load_model(tmp_path / "model")

    assert len(str(error.value).splitlines()) == 1
