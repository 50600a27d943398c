"""What each stage writes for one small data set, held to the byte: a change of output without a new
number in STAGE_VERSIONS would let old folders stand for new ones.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from mtnlg.artifacts.source import CHOICES, WITHOUT_EFFECT, Code
from mtnlg.artifacts.store import STAGE_VERSIONS, Artifact, make_folder
from mtnlg.config import (
    Config,
    DecodingConfig,
    EvaluationConfig,
    ModelConfig,
    PreparationConfig,
    TaskConfig,
    TaskKind,
    ThirdParty,
    TokenizerConfig,
    TrainerConfig,
    plain_settings,
)
from mtnlg.config.tokenizer import Algorithm
from mtnlg.errors import ConfigError
from mtnlg.evaluation import baselines_for, score
from mtnlg.experiment import artifacts, stages
from mtnlg.experiment.stages import code_hashes
from mtnlg.records.files import read_json
from mtnlg.records.rows import read_rows
from mtnlg.tokenization import tokenizer
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer

GOLDEN = {
    "rows": (4, "cc9a58a374a8a167"),
    "contamination": (2, "610d842f800db9c8"),
    "tokenizer": (2, "8253c579c2ebf553"),
    "tokens": (1, "04bd0537b21b5ab2"),
    "predictions": (2, "962ba5381ff68da5"),
    "scores": (3, "ea30f33c882663e6"),
}
"""Stage -> its version and the start of the sha256 over its files, artifact.json apart."""

GOLDEN_MODEL = (1, (5.70802, 5.72449))
"""The version and the training losses of two steps."""
LOSS_TOLERANCE = 1e-3
"""Other processors sum in another order."""

PAIRS = [
    (f"Row {number}:  the {animal} sees {number * 7} houses.", f"第{number}行：{word}看见房子。")
    for number, (animal, word) in enumerate([("fox", "狐狸"), ("dog", "狗"), ("cat", "猫")] * 8)
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    root = tmp_path_factory.mktemp("golden")
    data = root / "data"
    data.mkdir()
    for split, pairs in (("train", PAIRS[:16]), ("validation", PAIRS[16:19]), ("test", PAIRS[15:])):
        records = (json.dumps({"en": source, "zh": target}) for source, target in pairs)
        (data / f"{split}.jsonl").write_text("\n".join(records) + "\n", encoding="utf-8")
    task = TaskConfig(
        kind=TaskKind.translation,
        reader="parallel_text",
        source_language="en",
        target_language="zh",
        folder=str(data),
        columns={"source": "en", "target": "zh"},
    )
    return Config(
        tasks={"golden": task},
        tokenizer=TokenizerConfig(vocabulary_size=300),
        model=ModelConfig(
            name="golden", num_layers=1, hidden_size=8, num_heads=2, context_length=64
        ),
        trainer=TrainerConfig(
            max_steps=2, log_every_steps=1, validate_every_steps=2, batch_tokens=256, num_threads=1
        ),
        decoding=DecodingConfig(max_new_tokens=8),
        evaluation=EvaluationConfig(num_resamples=100),
        artifacts_root=str(root / "artifacts"),
    )


def digest(folder: Path) -> str:
    paths = sorted(path for path in folder.iterdir() if path.name != "artifact.json")
    content = b"".join(path.name.encode() + path.read_bytes() for path in paths)
    return hashlib.sha256(content).hexdigest()[:16]


def test_outputs_change_only_with_the_number_of_their_stage(config: Config) -> None:
    """Oracle: the digests of the version that is written beside them."""
    prepared = stages.prepare(config)
    decoded = stages.predict_baselines(config, prepared)
    scored = stages.evaluate(config, decoded)
    assert prepared.tokenizer is not None
    assert prepared.contamination is not None

    folders = {
        "rows": prepared.rows["golden"].folder,
        "contamination": prepared.contamination.folder,
        "tokenizer": prepared.tokenizer.folder,
        "tokens": prepared.tokens["golden"].folder,
        "predictions": decoded[-1].predictions.folder,
        "scores": scored[-1][1].folder,
    }
    found = {stage: (STAGE_VERSIONS[stage], digest(folder)) for stage, folder in folders.items()}

    assert found == GOLDEN, "raise STAGE_VERSIONS of the stages that differ, then note the digests"


def test_training_changes_only_with_its_number(config: Config) -> None:
    """Oracle: the losses of the version that is written beside them."""
    model = stages.train(config, stages.prepare(config))

    with (model.folder / "metrics.csv").open(encoding="utf-8") as stream:
        losses = [float(row["train_loss"]) for row in csv.DictReader(stream) if row["train_loss"]]

    version, golden = GOLDEN_MODEL
    assert STAGE_VERSIONS["model"] == version
    assert losses == pytest.approx(golden, abs=LOSS_TOLERANCE)


def test_option_that_is_off_leaves_the_key_as_it_was() -> None:
    """A new setting that is None or false by default must not make every older folder unknown."""
    assert plain_settings(DecodingConfig()).keys() == {
        "strategy",
        "max_new_tokens",
        "temperature",
        "top_p",
        "seed",
        "num_beams",
        "length_penalty",
        "num_alternatives",
        "batch_tokens",
    }


def two_tasks(config: Config, **tokenizer: object) -> Config:
    """The golden task beside a dialogue of the built-in corpus, up to the tokenizer."""
    talk = TaskConfig(kind=TaskKind.dialogue, reader="builtin", source_language="en")
    settings = TokenizerConfig(vocabulary_size=300, **tokenizer)  # type: ignore[arg-type]
    return replace(config, tasks={**config.tasks, "talk": talk}, tokenizer=settings)


def test_tokenizer_learns_from_the_chosen_tasks_alone_and_knows_all_their_markers(
    config: Config,
) -> None:
    """Oracle: the tokenizer trained on the rows of that task by hand."""
    chosen = two_tasks(config, tasks=["golden"])

    prepared = stages.prepare(chosen)

    assert prepared.tokenizer is not None
    rows = read_rows(prepared.rows["golden"].folder / "train.jsonl")
    by_hand = train_tokenizer(
        (text for row in rows for text in (row.source, *row.references)),
        TokenizerConfig(vocabulary_size=300),
        markers=[task.marker for task in chosen.tasks.values()],
    )
    made = TextTokenizer.load(prepared.tokenizer.folder / "tokenizer.json")
    assert made.encode(PAIRS[3][0] + PAIRS[3][1]) == by_hand.encode(PAIRS[3][0] + PAIRS[3][1])
    assert made.marker_id("<dialogue_en>") == by_hand.marker_id("<dialogue_en>")


def test_tokenizer_task_that_is_not_trained_on_is_refused(config: Config) -> None:
    """Oracle: the known tasks in the message."""
    with pytest.raises(ConfigError, match=r"tokenizer\.tasks=gold: .*golden, talk"):
        two_tasks(config, tasks=["gold"])


def test_number_of_workers_is_in_no_key(config: Config) -> None:
    """Oracle: the keys of one worker."""
    prepared = stages.prepare(config)
    two = replace(config, preparation=PreparationConfig(num_workers=2))

    again = stages.prepare(two)

    assert not any(one.is_new for one in (*again.rows.values(), *again.tokens.values()))
    assert again.tokens["golden"].key == prepared.tokens["golden"].key


def test_baselines_are_predicted_unless_the_evaluation_has_none(config: Config) -> None:
    """Oracle: the names of the trivial systems that a translation with training rows has."""
    prepared = stages.prepare(config)
    without = replace(config, evaluation=EvaluationConfig(has_baselines=False))

    names = [(one.system, one.kind) for one in stages.predict_baselines(config, prepared)]

    assert names == [
        (name, "baseline") for name in baselines_for("translation", has_training_rows=True)
    ]
    assert names
    assert stages.predict_baselines(without, prepared) == []


@pytest.mark.parametrize("algorithm", [None, Algorithm.unigram])
@pytest.mark.parametrize("has_other_bytes", [False, True])
def test_tokens_are_made_again_where_the_tokenizer_comes_out_with_other_bytes(
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    algorithm: Algorithm | None,
    has_other_bytes: bool,
) -> None:
    """Oracle: a tokenizer whose folder was deleted and that comes out under its old key, with the
    bytes that it had or with others.
    """
    settings = TokenizerConfig(vocabulary_size=300, algorithm=algorithm)
    changed = replace(config, tokenizer=settings, artifacts_root=str(tmp_path / "artifacts"))
    first = stages.prepare(changed)
    assert first.tokenizer is not None
    path = first.tokenizer.folder / "tokenizer.json"
    content = path.read_bytes() + b"\n" * has_other_bytes
    shutil.rmtree(first.tokenizer.folder)
    made = SimpleNamespace(save=lambda path: path.write_bytes(content))
    monkeypatch.setattr(tokenizer, "train_tokenizer", lambda *_, **__: made)

    second = stages.prepare(changed)

    assert second.tokenizer is not None
    assert (second.tokenizer.key, second.tokenizer.is_new) == (first.tokenizer.key, True)
    assert second.tokens["golden"].is_new == has_other_bytes
    assert (second.tokens["golden"].key != first.tokens["golden"].key) == has_other_bytes


OPTIONS: dict[str, object] = {
    "trainer": TrainerConfig(
        max_steps=3,
        validate_every_steps=3,
        batch_tokens=256,
        num_threads=1,
        ema_decay=0.9,
        r_drop=1.0,
        bpe_dropout=0.1,
        curriculum_steps=2,
        source_loss_weight=0.1,
        patience=2,
        activation_checkpointing=True,
        has_profile=True,
    ),
    "model": ModelConfig(
        name="golden",
        num_layers=1,
        hidden_size=8,
        num_heads=2,
        context_length=64,
        dropout=0.1,
        has_pointer=True,
    ),
    "decoding": DecodingConfig(
        strategy="sampling",
        max_new_tokens=8,
        num_alternatives=3,
        mbr_utility="chrf",
        has_likelihood=True,
        bad_words=["cat"],
        no_repeat_ngram_size=3,
    ),
    "evaluation": EvaluationConfig(
        num_resamples=100, metrics=["bleu", "rougeL-mean", "ter", "distinct2", "novel2"]
    ),
}


@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["defaults", "options"])
def test_all_code_that_runs_is_in_the_key(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    """Oracle: Python's profiler, which names the file of each function that is called."""
    config = replace(config, artifacts_root=str(tmp_path), **options)  # type: ignore[arg-type]
    unexpected = set()

    def make_watched(*arguments: Any, code: Code, **others: Any) -> Artifact:
        *rest, build = arguments
        expected = {*code.modules, code.function.__module__} | WITHOUT_EFFECT | CHOICES

        def watched(folder: Path) -> None:
            def note(frame: FrameType, event: str, _: object) -> None:
                name = str(frame.f_globals.get("__name__"))
                if name.split(".")[0] == "mtnlg" and name not in expected:
                    unexpected.add((code.function.__name__, name, frame.f_code.co_name))

            sys.setprofile(note)
            try:
                build(folder)
            finally:
                sys.setprofile(None)

        return make_folder(*rest, watched, code=code, **others)

    monkeypatch.setattr(artifacts, "make_folder", make_watched)
    monkeypatch.setattr(score, "make_folder", make_watched)

    prepared = stages.prepare(config)
    decoded = stages.generate(config, prepared, stages.train(config, prepared))
    stages.evaluate(config, [*decoded, *stages.predict_baselines(config, prepared)])

    assert unexpected == set()


def test_record_of_each_artifact_has_the_hash_that_run_json_gives_its_stage(
    config: Config,
) -> None:
    """Oracle: artifact.json, whose inputs give the key."""
    prepared = stages.prepare(config)
    model = stages.train(config, prepared)
    (decoded,) = stages.generate(config, prepared, model)
    baseline = stages.predict_baselines(config, prepared)[0]
    (_, scores), *_ = stages.evaluate(config, [decoded])
    assert prepared.tokenizer is not None
    assert prepared.contamination is not None
    built = {
        "rows": prepared.rows["golden"],
        "contamination": prepared.contamination,
        "tokenizer": prepared.tokenizer,
        "tokens": prepared.tokens["golden"],
        "model": model,
        "predictions": decoded.predictions,
        "baselines": baseline.predictions,
        "scores": scores,
    }

    records = {name: read_json(one.folder / "artifact.json") for name, one in built.items()}

    codes = {name: record["inputs"]["code"] for name, record in records.items()}
    assert codes == code_hashes(config)


def test_what_only_watches_a_training_is_not_in_its_key(config: Config) -> None:
    """Oracle: the key of the plain training; a callback that may end it gives another."""
    prepared = stages.prepare(config)
    plain = stages.train(config, prepared)
    callbacks = "lightning.pytorch.callbacks."
    monitor = ThirdParty(target=f"{callbacks}LearningRateMonitor")
    profiler = ThirdParty(target="lightning.pytorch.profilers.SimpleProfiler")
    trainer = replace(config.trainer, profiler=profiler, enable_progress_bar=False, num_workers=1)
    watched = replace(config, callbacks={"rates": monitor}, trainer=trainer)
    stopping = ThirdParty(
        target=f"{callbacks}EarlyStopping", arguments={"monitor": "val/loss", "patience": 1}
    )
    stopped = replace(config, callbacks={"rates": monitor, "stop": stopping})

    assert stages.train(watched, prepared).key == plain.key
    assert not stages.train(watched, prepared).is_new
    assert stages.train(stopped, prepared).key != plain.key
