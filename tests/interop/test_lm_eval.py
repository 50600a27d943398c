"""Our models and tasks in lm-evaluation-harness itself.

`pip install 'mtnlg[lm-eval]'` gives it. Oracle: our own generate, transformers' logits, and
sacreBLEU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

pytest.importorskip("lm_eval", reason="pip install 'mtnlg[lm-eval]'")

from lm_eval.api.instance import Instance
from sacrebleu.metrics.bleu import BLEU
from transformers import PreTrainedTokenizerFast

from made_checkpoints import make_checkpoint
from mtnlg.cli.main import main
from mtnlg.errors import ConfigError
from mtnlg.experiment.pretrained import make_pretrained
from mtnlg.interop.lm_eval_model import MtnlgLM
from small_run import SmallRun

SOURCES = ["lazy dog", "it's 12", "naïve café"]


def request(kind: str, *arguments: Any) -> Instance:
    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A folder of ours, and the model and tokenizer of transformers that it was made of."""
    root = tmp_path_factory.mktemp("converted")
    model = make_checkpoint(root / "theirs", "gpt2", n_positions=64)
    folder, _ = make_pretrained(str(root / "theirs"), root / "artifacts")
    kind: Any = PreTrainedTokenizerFast
    return folder, model, kind(tokenizer_file=str(root / "theirs" / "tokenizer.json"))


def test_likelihoods_are_those_of_transformers(converted: tuple[Path, Any, Any]) -> None:
    """Oracle: the logits of transformers."""
    folder, model, tokenizer = converted
    adapter = MtnlgLM(pretrained=str(folder))

    scored = adapter.loglikelihood([request("loglikelihood", text, " fox") for text in SOURCES])

    for text, (value, is_greedy) in zip(SOURCES, scored, strict=True):
        context, whole = tokenizer.encode(text), tokenizer.encode(f"{text} fox")
        with torch.inference_mode():
            logits = model(torch.tensor([whole])).logits[0, :, :279].log_softmax(-1)
        labels = whole[len(context) :]
        rows = logits[len(context) - 1 : -1]
        expected = sum(float(row[label]) for row, label in zip(rows, labels, strict=True))
        assert value == pytest.approx(expected, abs=0.02)  # two tokens of ours have a share
        assert is_greedy == (rows.argmax(-1).tolist() == labels)


def test_rolling_likelihood_is_the_sum_of_its_windows(converted: tuple[Path, Any, Any]) -> None:
    """Oracle: each window as a continuation of the end alone."""
    adapter = MtnlgLM(pretrained=str(converted[0]))
    ids = adapter._generator.tokenizer.encode("the quick brown fox " * 6)
    text = adapter._generator.tokenizer.decode(ids)

    (total,) = adapter.loglikelihood_rolling([request("loglikelihood_rolling", text)])

    end = adapter._generator.tokenizer.end_id
    assert len(ids) > 64
    windows = [ids[at : at + 62] for at in range(0, len(ids), 62)]
    assert total == pytest.approx(sum(adapter._score([end, *w], 1)[0] for w in windows), abs=1e-4)


def test_unknown_settings_are_named(converted: tuple[Path, Any, Any]) -> None:
    folder = str(converted[0])
    with pytest.raises(ConfigError, match="--model_args dtype: known are pretrained, task"):
        MtnlgLM(pretrained=folder, dtype="float32")
    with pytest.raises(ConfigError, match=r"--model_args task=x: .* has no tasks\.json"):
        MtnlgLM(pretrained=folder, task="x")
    asked = request("generate_until", "fox", {"until": [], "typical_p": 0.5})
    with pytest.raises(ConfigError, match="generation_kwargs has typical_p; known: until, max_gen"):
        MtnlgLM(pretrained=folder).generate_until([asked])


def test_continuation_ends_before_its_end(converted: tuple[Path, Any, Any]) -> None:
    """Oracle: the continuation without an end, cut by hand."""
    adapter = MtnlgLM(pretrained=str(converted[0]))
    settings = {"until": [], "max_gen_toks": 16}
    (whole,) = adapter.generate_until([request("generate_until", SOURCES[0], settings)])
    ends = [whole[9:11], whole[4:6]]

    asked = request("generate_until", SOURCES[0], {**settings, "until": ends})

    assert adapter.generate_until([asked]) == [whole[: min(map(whole.index, ends))]]


def write_choices(folder: Path) -> None:
    """A task of two choices, and one of whole texts."""
    documents = [
        {"text": "the lazy dog", "choices": [" dog", " fox"], "answer": index % 2}
        for index in range(4)
    ]
    lines = "".join(json.dumps(document) + "\n" for document in documents)
    (folder / "tiny.jsonl").write_text(lines)
    usual = {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "tiny.jsonl")}},
        "test_split": "test",
        "metadata": {"version": 1},
    }
    choices = {
        "output_type": "multiple_choice",
        "doc_to_text": "{{text}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "acc"}],
    }
    rolling = {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "bits_per_byte"}],
    }
    for name, settings in {"tiny_choices": choices, "tiny_rolling": rolling}.items():
        document = {"task": name, **usual, **settings}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document))


def harness(folder: Path, model: Path, tasks: str, *words: str) -> dict[str, Any]:
    """The results of the harness's own command."""
    command = [sys.executable, "-m", "mtnlg.interop.lm_eval_model", "--model", "mtnlg"]
    command += ["--model_args", f"pretrained={model}", "--include_path", str(folder)]
    command += ["--tasks", tasks, "--output_path", str(folder / "out"), *words]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    ended = subprocess.run(
        command,
        env={**os.environ, **offline, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (path,) = (folder / "out").rglob("results_*.json")
    results: dict[str, Any] = json.loads(path.read_text())["results"]
    return results


@pytest.mark.slow
def test_exported_task_and_model_score_there_as_here_and_come_back(tmp_path: Path) -> None:
    """Oracle: our own board: the same BLEU, and after an import of the log the same outputs."""
    run = SmallRun(tmp_path)
    assert run.run("run").returncode == 0
    record = run.record()
    roots = [f"--{name}-root={tmp_path / name}" for name in ("runs", "artifacts")]
    folder = tmp_path / "theirs"

    assert main(["export", record["run_id"], "--format=lm-eval", f"--to={folder}", *roots]) == 0

    model = tmp_path / "artifacts" / "model" / record["artifacts"]["model"]
    results = harness(folder, model, "multi30k_en_de_test", "--log_samples")
    (ours,) = (score for score in record["scores"] if score["kind"] == "trained")
    predictions = tmp_path / "artifacts" / "predictions" / ours["predictions"]
    rows = [json.loads(line) for line in (predictions / "predictions.jsonl").open()]
    expected = BLEU().corpus_score(
        [row["prediction"] for row in rows], [[row["references"][0] for row in rows]]
    )
    assert results["multi30k_en_de_test"]["bleu,none"] == pytest.approx(expected.score, abs=1e-6)
    (log,) = (folder / "out").rglob("samples_*.jsonl")
    words = ["--experiment=small", "--task=translation/multi30k_en_de", "--system=there"]
    roots.append(f"--reports-root={tmp_path / 'reports'}")
    assert main(["import", *words, f"--hypotheses={log}", *roots]) == 0
    imports = json.loads((tmp_path / "runs" / "small" / "imports.json").read_text())
    imported = tmp_path / "artifacts" / "predictions" / imports["imports"][0]["predictions"]
    again = [json.loads(line) for line in (imported / "predictions.jsonl").open()]
    assert [row["prediction"] for row in again] == [row["prediction"] for row in rows]


@pytest.mark.slow
def test_likelihood_tasks_run_in_the_harness(
    converted: tuple[Path, Any, Any], tmp_path: Path
) -> None:
    """Oracle: the adapter's own likelihoods."""
    write_choices(tmp_path)

    results = harness(tmp_path, converted[0], "tiny_choices,tiny_rolling")

    assert results["tiny_choices"]["acc,none"] == 0.5  # the answers are half and half
    adapter = MtnlgLM(pretrained=str(converted[0]))
    (value,) = adapter.loglikelihood_rolling([request("loglikelihood_rolling", "the lazy dog")])
    bits = -value / len("the lazy dog") / torch.log(torch.tensor(2.0)).item()
    assert results["tiny_rolling"]["bits_per_byte,none"] == pytest.approx(bits, abs=1e-5)
