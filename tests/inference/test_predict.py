"""One model on one test set: the files, their order, their tags and counts."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest

from mtnlg.config import DecodingConfig
from mtnlg.inference import TextGenerator
from mtnlg.inference.predict import predict_test_set
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.inference.text_generator import Generated
from mtnlg.records.files import JsonObject, write_jsonl
from mtnlg.records.rows import Row, read_predictions

TEST = [
    Row("1", "the red cat " * 20, ("一只红猫", "红猫")),
    Row("2", "a dog", ("一条狗",)),
    Row("3", "how are you?", ("你好吗？",)),
]
TAGS = {"1": [], "2": ["train_source", "train_pair"], "3": ["train_target"]}


def read_lines(path: Path) -> list[JsonObject]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def predict(
    pretrained: MegatronTuringForConditionalGeneration, folder: Path, decoding: DecodingConfig
) -> Path:
    pretrained.save_pretrained(folder / "model")
    write_jsonl(folder / "test.jsonl", (row.to_json() for row in TEST))
    write_jsonl(folder / "signals.jsonl", ({"id": one, "tags": TAGS[one]} for one in TAGS))
    made = folder / "predictions"
    made.mkdir()
    predict_test_set(
        folder / "model",
        "translation/captions",
        folder / "test.jsonl",
        decoding,
        signals_file=folder / "signals.jsonl",
        folder=made,
    )
    return made


def test_predictions_keep_the_rows_and_their_order(
    pretrained: MegatronTuringForConditionalGeneration, tmp_path: Path
) -> None:
    folder = predict(pretrained, tmp_path, DecodingConfig(max_new_tokens=5))

    predictions = read_predictions(folder / "predictions.jsonl")

    assert [Row(one.id, one.source, one.references) for one in predictions] == TEST
    with pytest.warns(UserWarning, match="1 of 3 texts did not fit the context"):
        expected = pretrained.generate([row.source for row in TEST], max_new_tokens=5)
    assert [one.prediction for one in predictions] == expected
    assert [list(one.tags) for one in predictions] == [*TAGS.values()]
    assert sorted(path.name for path in folder.iterdir()) == [
        "generation.json",
        "predictions.jsonl",
    ]


def test_what_it_took_is_counted(
    pretrained: MegatronTuringForConditionalGeneration, tmp_path: Path
) -> None:
    folder = predict(pretrained, tmp_path, DecodingConfig(max_new_tokens=5))

    record = json.loads((folder / "generation.json").read_text())

    assert (record["rows"], record["cut_prompts"]) == (3, 1)
    assert record["cut_tokens"] > 0
    assert 3 <= record["tokens"] <= 15
    assert record["decoding_tokens_per_second"] > 0


def test_alternatives_are_written_best_first(
    pretrained: MegatronTuringForConditionalGeneration, tmp_path: Path
) -> None:
    decoding = DecodingConfig(strategy="beam", num_beams=3, num_alternatives=2, max_new_tokens=5)
    folder = predict(pretrained, tmp_path, decoding)

    records = read_lines(folder / "alternatives.jsonl")
    predictions = read_predictions(folder / "predictions.jsonl")

    assert [record["id"] for record in records] == ["1", "2", "3"]
    for record, prediction in zip(records, predictions, strict=True):
        alternatives = record["alternatives"]
        assert isinstance(alternatives, list)
        texts, scores = zip(*((one["text"], one["score"]) for one in alternatives), strict=True)  # type: ignore[index,call-overload]
        assert texts[0] == prediction.prediction
        assert list(scores) == sorted(scores, reverse=True)


def test_likelihoods_are_written_where_they_are_asked_for(
    pretrained: MegatronTuringForConditionalGeneration, tmp_path: Path
) -> None:
    """Oracle: the sums of the file's own columns; the first reference's bytes."""
    folder = predict(pretrained, tmp_path, DecodingConfig(max_new_tokens=5, has_likelihood=True))

    lines = read_lines(folder / "likelihood.jsonl")
    record = json.loads((folder / "generation.json").read_text())

    assert [line["id"] for line in lines] == ["1", "2", "3"]
    assert [line["target_bytes"] for line in lines] == [
        len(row.references[0].encode()) for row in TEST
    ]
    nats = [float(str(line["target_nats"])) for line in lines]
    num_bytes = sum(len(row.references[0].encode()) for row in TEST)
    assert min(nats) > 0
    assert record["bits_per_byte"] == round(sum(nats) / math.log(2) / num_bytes, 6)
    assert record["cut_targets"] == 0


def test_alternatives_under_minimum_risk_are_ordered_by_utility(
    pretrained: MegatronTuringForConditionalGeneration, tmp_path: Path
) -> None:
    decoding = DecodingConfig(
        strategy="sampling", num_alternatives=4, mbr_utility="chrf", max_new_tokens=5
    )
    folder = predict(pretrained, tmp_path, decoding)

    records = read_lines(folder / "alternatives.jsonl")
    predictions = read_predictions(folder / "predictions.jsonl")

    for record, prediction in zip(records, predictions, strict=True):
        alternatives = record["alternatives"]
        assert isinstance(alternatives, list)
        assert len(alternatives) == 4
        utilities = [one["utility"] for one in alternatives if isinstance(one, dict)]
        assert utilities == sorted(utilities, key=lambda value: -float(str(value)))
        assert all(
            isinstance(one, dict) and one.keys() >= {"text", "score"} for one in alternatives
        )
        assert isinstance(alternatives[0], dict)
        assert alternatives[0]["text"] == prediction.prediction


def counted(**counts: int) -> Generated:
    """What three rows gave, with these counts and zeros for the rest."""
    names = ("num_tokens", "num_cut_prompts", "num_cut_tokens", "num_unfinished")
    texts, scores = [["a"], ["b"], ["c"]], [[-1.0], [-2.0], [-3.0]]
    return Generated(
        texts=texts, scores=scores, utilities=None, **(dict.fromkeys(names, 0) | counts)
    )


@pytest.mark.parametrize("num_cut", [0, 2])
def test_every_count_of_a_decoding_is_written_and_cut_prompts_are_said(
    pretrained: MegatronTuringForConditionalGeneration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    num_cut: int,
) -> None:
    """Oracle: the counts that are put in, all different."""
    made = counted(num_tokens=29, num_cut_prompts=num_cut, num_cut_tokens=17, num_unfinished=5)
    monkeypatch.setattr(TextGenerator, "generate", lambda *_, **__: made)

    folder = predict(pretrained, tmp_path, DecodingConfig(max_new_tokens=5))

    record = json.loads((folder / "generation.json").read_text())
    expected = {"rows": 3, "tokens": 29, "cut_prompts": num_cut, "cut_tokens": 17, "unfinished": 5}
    assert {name: record[name] for name in expected} == expected
    warning = "warning: 2 of 3 prompts did not fit the context and were cut"
    assert (warning in capsys.readouterr().err) == (num_cut == 2)
    texts = [row.prediction for row in read_predictions(folder / "predictions.jsonl")]
    assert texts == ["a", "b", "c"]


def test_speed_is_tokens_over_seconds(
    pretrained: MegatronTuringForConditionalGeneration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: a clock by hand: 29 tokens in eight seconds."""
    clock = [100.0]

    def generate(*_: object, **__: object) -> Generated:
        clock[0] += 8
        return counted(num_tokens=29)

    monkeypatch.setattr(TextGenerator, "generate", generate)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    folder = predict(pretrained, tmp_path, DecodingConfig(max_new_tokens=5))

    record = json.loads((folder / "generation.json").read_text())
    assert (record["seconds"], record["decoding_tokens_per_second"]) == (8, round(29 / 8, 1))


@pytest.mark.parametrize("num_long", [0, 1, 2])
def test_targets_that_are_cut_are_counted_and_said(
    pretrained: MegatronTuringForConditionalGeneration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    num_long: int,
) -> None:
    """Oracle: first references of more than half of the context of 37 tokens, counted by hand; the
    length of another reference says nothing.
    """
    long, rows = "a dog sees you " * 6, []
    for number, row in enumerate(TEST):
        references = (long,) if number < num_long else (row.references[0], long)
        rows.append(Row(row.id, row.source, references))
    monkeypatch.setitem(globals(), "TEST", rows)

    folder = predict(pretrained, tmp_path, DecodingConfig(max_new_tokens=5, has_likelihood=True))

    record = json.loads((folder / "generation.json").read_text())
    assert record["cut_targets"] == num_long
    said = capsys.readouterr().err
    assert (f"warning: {num_long} of 3 targets are longer" in said) == (num_long > 0)
    assert ("targets are longer" in said) == (num_long > 0)
