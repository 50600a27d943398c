"""The model card of a saved model: what it quotes, and what it will not claim."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from made_launch import TASK, MadeLaunch, launch, made_training, put_json
from mtnlg.errors import ConfigError
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration as Pretrained

__all__ = ["launch"]


def run_folder(launch: MadeLaunch) -> Path:
    return launch.runs_root / launch.experiment / "a"


def evaluated(launch: MadeLaunch, pretrained: Pretrained) -> Path:
    """The folder of a model that run `a` evaluated."""
    scores = [launch.score(launch.add_scores("s", 21.5))]
    launch.add_run("a", scores, artifacts={"model": "m"})
    folder = launch.artifacts_root / "model" / "m"
    pretrained.write_files(folder)
    put_json(folder / "training.json", made_training())
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    return folder


def test_card_quotes_the_run_that_evaluated_the_model(
    launch: MadeLaunch, pretrained: Pretrained, tmp_path: Path
) -> None:
    """Oracle: the records of a made run, and the head as YAML."""
    model = Pretrained.from_pretrained(evaluated(launch, pretrained))

    model.save_pretrained(tmp_path / "saved", run=run_folder(launch))

    card = (tmp_path / "saved" / "README.md").read_text()
    assert "| bleu | 21.50 | 20.50 to 22.50 | 7 | `nrefs:1|" in card
    assert f"- {TASK} test: 0 of 7 (13-gram overlap)" in card
    assert "2,200,000 parameters; 1,000,000 training tokens" in card
    head = yaml.safe_load(card.split("---\n")[1])
    languages = ["en", "zh"]
    assert head == {"library_name": "mtnlg", "language": languages, "license": "apache-2.0"}


def test_usage_of_a_card_runs(
    pretrained: Pretrained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the model's own answer."""
    pretrained.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]

    exec(code, {"FOLDER": tmp_path, "TEXT": "the red cat", "TASK": "captions"})

    assert capsys.readouterr().out == pretrained.generate("the red cat", task="captions") + "\n"
    assert "TASK is one of translation/captions, dialogue/chat; TEXT is the source" in card


def test_card_of_a_model_without_records_says_so(pretrained: Pretrained, tmp_path: Path) -> None:
    """Oracle: the sentences by hand."""
    pretrained.save_pretrained(tmp_path)

    card = (tmp_path / "README.md").read_text()
    assert "Not known here: no run that evaluated it was named." in card
    assert "Not known: the folder has no record of a training." in card


@pytest.mark.parametrize(
    ("folder", "where"), [(None, "no folder"), (Path("/m"), "/m"), (Path("/"), "/")]
)
def test_run_of_another_model_is_refused(
    folder: Path | None,
    where: str,
    launch: MadeLaunch,
    pretrained: Pretrained,
    tmp_path: Path,
) -> None:
    """Oracle: the message by hand, and no folder, wherever the model is from."""
    evaluated(launch, pretrained)
    pretrained.folder = folder

    with pytest.raises(ConfigError, match=f"it evaluated model m, and this one is from {where};"):
        pretrained.save_pretrained(tmp_path / "saved", run=run_folder(launch))

    assert not (tmp_path / "saved").exists()
