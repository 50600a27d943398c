"""Pretraining on plain text, then fine-tuning on a task: what a run keeps of another and what its
keys depend on.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from mtnlg.config import (
    Algorithm,
    Config,
    DecodingConfig,
    ModelConfig,
    TaskConfig,
    TaskKind,
    TokenizerConfig,
    TrainerConfig,
)
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.experiment import stages
from mtnlg.experiment.initial_model import check_initial_model
from mtnlg.experiment.preflight import preflight
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.records.files import read_json
from mtnlg.records.rows import read_rows
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer

ANIMALS = ("fox", "dog", "cat", "owl")
MODEL = ModelConfig(
    name="small",
    num_layers=1,
    hidden_size=12,
    num_heads=3,
    context_length=32,
    is_prefix_bidirectional=True,
)
TEXT = TaskConfig(
    kind=TaskKind.language_modeling,
    reader="paragraphs",
    source_language="en",
    columns={"text": "text"},
    test_sets=[],
)
PAIRS = TaskConfig(
    kind=TaskKind.translation,
    reader="parallel_text",
    source_language="en",
    target_language="de",
    columns={"source": "en", "target": "de"},
)


def config(root: Path, task: TaskConfig) -> Config:
    name = task.kind.value
    task = dataclasses.replace(task, folder=str(root / name))
    return Config(
        tasks={name: task},
        tokenizer=TokenizerConfig(vocabulary_size=330),
        model=dataclasses.replace(MODEL),
        trainer=TrainerConfig(
            max_steps=3, validate_every_steps=3, batch_tokens=64, num_threads=1, validation_rows=2
        ),
        decoding=DecodingConfig(max_new_tokens=4),
        artifacts_root=str(root / "artifacts"),
        runs_root=str(root / "runs"),
    )


def write_records(folder: Path, records: list[dict[str, str]]) -> None:
    folder.mkdir()
    for split, part in (
        ("train", records[:-3]),
        ("validation", records[-3:]),
        ("test", records[:2]),
    ):
        lines = "\n".join(json.dumps(record) for record in part)
        (folder / f"{split}.jsonl").write_text(lines + "\n")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    sentences = [f"the {one} sees the {other}" for one in ANIMALS for other in ANIMALS]
    texts = [{"text": " . ".join(sentences[: 1 + number])} for number in range(len(sentences))]
    write_records(root / "language_modeling", [{"text": ""}, *texts])
    pairs = [{"en": one, "de": one.upper()} for one in sentences]
    write_records(root / "translation", pairs)
    return root


@pytest.fixture(scope="module")
def pretrained(root: Path) -> Path:
    """The model folder of a run on plain text alone."""
    plain = config(root, TEXT)
    preflight(plain)
    return stages.train(plain, stages.prepare(plain)).folder


def finetuning(root: Path, start: Path) -> Config:
    tuned = config(root, PAIRS)
    tuned.initial_model = str(start)
    return tuned


def test_rows_of_plain_text_have_no_source_and_are_no_copies_of_each_other(root: Path) -> None:
    """Oracle: the texts that were written; the empty one is dropped and counted. That they share
    13-grams is found.
    """
    prepared = stages.prepare(config(root, TEXT))

    folder = prepared.rows["language_modeling"].folder
    rows = list(read_rows(folder / "train.jsonl"))
    train = read_json(folder / "audit.json")["splits"]["train"]  # type: ignore[index,call-overload]
    assert {row.source for row in rows} == {""}
    assert len(rows) == 13
    assert train["dropped"] == {"empty_reference": 1}
    assert train["duplicates"] == {"pairs": 0, "sources": 0}
    validation = read_json(folder / "audit.json")["splits"]["validation"]  # type: ignore[index,call-overload]
    found = validation["overlap_with_train"]
    named = ("source", "target", "pair", "near_source", "near_target", "near_pair")
    assert [found[f"train_{name}"] for name in named] == [0] * len(named)
    assert found["checked"] == found["train_ngrams"] == 3


def test_finetuning_keeps_the_tokenizer_and_adds_a_token_for_the_new_marker(
    root: Path, pretrained: Path
) -> None:
    """Oracle: both tokenizers on the same text."""
    tuned = finetuning(root, pretrained)
    preflight(tuned)
    model = stages.train(tuned, stages.prepare(tuned)).folder

    old, new = (TextTokenizer.load(one / "tokenizer.json") for one in (pretrained, model))
    text = "the fox sees <translation_en_de> 狐狸 <language_modeling_en>"
    assert new.encode(text) == old.encode(text)
    assert new.decode(new.encode(text)) == text
    assert new.vocabulary_size == old.vocabulary_size + 1
    assert new.marker_id("<translation_en_de>") == old.vocabulary_size
    assert new.marker_id("<language_modeling_en>") == old.marker_id("<language_modeling_en>")
    answers = MegatronTuringForConditionalGeneration.from_pretrained(model).generate(["the fox"])
    assert len(answers) == 1


def test_second_finetuning_needs_no_new_token(root: Path, pretrained: Path) -> None:
    """Oracle: the vocabulary of the first."""
    tuned = finetuning(root, pretrained)
    first = stages.train(tuned, stages.prepare(tuned)).folder
    again = finetuning(root, first)

    prepared = stages.prepare(again)

    assert prepared.tokenizer is not None
    made = prepared.tokenizer.folder / "tokenizer.json"
    assert made.read_bytes() == (first / "tokenizer.json").read_bytes()


def test_keys_depend_on_the_content_of_the_folder_and_not_on_its_path(
    root: Path, pretrained: Path, tmp_path: Path
) -> None:
    """Oracle: the keys of a copy elsewhere, and of a changed copy."""
    tuned = finetuning(root, pretrained)
    prepared = stages.prepare(tuned)
    model = stages.train(tuned, prepared)
    copied = shutil.copytree(pretrained, tmp_path / "copy")
    elsewhere = finetuning(root, copied)

    assert stages.train(elsewhere, stages.prepare(elsewhere)).key == model.key

    weights = bytearray((copied / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copied / "model.safetensors").write_bytes(bytes(weights))
    changed = stages.prepare(elsewhere)
    assert changed.tokenizer is not None
    assert prepared.tokenizer is not None
    assert changed.tokenizer.key == prepared.tokenizer.key
    assert stages.train(elsewhere, changed).key != model.key


def test_run_from_scratch_has_other_keys(root: Path, pretrained: Path) -> None:
    """Oracle: the keys of a run without an initial model."""
    scratch, tuned = config(root, PAIRS), finetuning(root, pretrained)

    first, second = (stages.prepare(one).tokenizer for one in (scratch, tuned))

    assert first is not None
    assert second is not None
    assert first.key != second.key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 15}, r"model\.hidden_size=15.*trained with model\.hidden_size=12"),
        (
            {"num_layers": 2, "has_bias": False},
            r"num_layers=2, model\.has_bias=False: .*model\.num_layers=1 model\.has_bias=True",
        ),
        ({"context_length": 64}, r"model\.context_length=64: .*model\.context_length=32"),
        ({"feed_forward_size": 47}, r"model\.feed_forward_size=47: .*feed_forward_size=48"),
    ],
)
def test_model_of_another_shape_is_refused_by_key_and_value(
    root: Path, pretrained: Path, changes: dict[str, int], message: str
) -> None:
    """Oracle: the settings that differ, by hand."""
    tuned = finetuning(root, pretrained)
    tuned.model = dataclasses.replace(tuned.model, **changes)  # type: ignore[arg-type]

    with pytest.raises(ConfigError, match=message):
        check_initial_model(tuned)


def test_what_has_no_place_in_the_weights_may_differ(root: Path, pretrained: Path) -> None:
    """Oracle: settings that no weight depends on."""
    tuned = finetuning(root, pretrained)
    tuned.model = dataclasses.replace(
        tuned.model,
        name="other",
        dropout=0.3,
        initial_deviation=1.0,
        is_prefix_bidirectional=False,
        feed_forward_size=48,
        num_key_value_heads=3,
    )

    check_initial_model(tuned)


def test_folder_that_is_no_model_is_named(root: Path, tmp_path: Path) -> None:
    """Oracle: the path and the missing file."""
    with pytest.raises(ConfigError, match=r"initial_model=.*: has no config\.json; give a model"):
        preflight(finetuning(root, tmp_path))


def test_corrupt_artifact_is_refused(root: Path, pretrained: Path, tmp_path: Path) -> None:
    """Oracle: one changed byte."""
    copied = shutil.copytree(pretrained, tmp_path / "copy")
    (copied / "tokenizer.json").write_text("{}")

    with pytest.raises(ArtifactError, match=r"tokenizer\.json is corrupt"):
        preflight(finetuning(root, copied))


def test_dropout_of_merges_goes_by_the_tokenizer_that_is_used(
    root: Path, pretrained: Path, tmp_path: Path
) -> None:
    """That of the initial model, whatever the configuration says of one to train."""
    copied = shutil.copytree(pretrained, tmp_path / "copy")
    (copied / "artifact.json").unlink()
    settings = TokenizerConfig(vocabulary_size=330, algorithm=Algorithm.unigram)
    train_tokenizer(["a fox"], settings, markers=["<x>"]).save(copied / "tokenizer.json")
    with_merges, without = (finetuning(root, folder) for folder in (pretrained, copied))
    for tuned in (with_merges, without):
        tuned.trainer = dataclasses.replace(tuned.trainer, bpe_dropout=0.1)
    with_merges.tokenizer = settings

    preflight(with_merges)
    with pytest.raises(ConfigError, match=r"bpe_dropout=0\.1: .*initial_model=.*has no merges"):
        preflight(without)


def test_language_model_continues_a_text(pretrained: Path) -> None:
    """Oracle: the text that the model was given."""
    model = MegatronTuringForConditionalGeneration.from_pretrained(pretrained)

    answers = model.generate(["the fox", ""], max_new_tokens=5)

    assert answers[0].startswith("the fox")
    assert answers[1]
    assert "".join(model.stream("the fox", max_new_tokens=5)) == answers[0]


@pytest.mark.parametrize(
    ("kind", "test_sets", "message"),
    [
        (TaskKind.language_modeling, ["test"], r"\['test'\]: must be \[\] for language_modeling"),
        (TaskKind.translation, [], r"test_sets=\[\]: must be at least one split"),
    ],
)
def test_test_sets_fit_the_kind(kind: TaskKind, test_sets: list[str], message: str) -> None:
    """Oracle: plain text has no outputs to score."""
    with pytest.raises(ConfigError, match=message):
        TaskConfig(kind=kind, reader="x", source_language="en", test_sets=test_sets)
