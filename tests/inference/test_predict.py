"""One model on one test set: the files, their order, their tags and counts."""

from __future__ import annotations

import json
from pathlib import Path

from mtnlg.config import DecodingConfig, Strategy
from mtnlg.inference.predict import predict_test_set
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.records import Row, read_jsonl, read_predictions, write_jsonl

TEST = [
    Row("1", "the red cat " * 20, ("一只红猫", "红猫")),
    Row("2", "a dog", ("一条狗",)),
    Row("3", "how are you?", ("你好吗？",)),
]
TRAIN = [Row("t1", "a dog", ("一条狗",)), Row("t2", "x", ("你好吗？",))]


def predict(
    pretrained: MegatronTuringForConditionalGeneration, folder: Path, decoding: DecodingConfig
) -> Path:
    pretrained.save_pretrained(folder / "model")
    for name, rows in (("test", TEST), ("train", TRAIN)):
        write_jsonl(folder / f"{name}.jsonl", (row.to_json() for row in rows))
    made = folder / "predictions"
    made.mkdir()
    predict_test_set(
        folder / "model",
        "translation/captions",
        folder / "test.jsonl",
        decoding,
        training_files=[folder / "train.jsonl"],
        folder=made,
    )
    return made


def test_predictions_keep_the_rows_and_their_order(
    pretrained: MegatronTuringForConditionalGeneration, tmp_path: Path
) -> None:
    folder = predict(pretrained, tmp_path, DecodingConfig(max_new_tokens=5))

    predictions = read_predictions(folder / "predictions.jsonl")

    assert [Row(one.id, one.source, one.references) for one in predictions] == TEST
    expected = pretrained.generate([row.source for row in TEST], max_new_tokens=5)
    assert [one.prediction for one in predictions] == expected
    assert [bool(one.tags) for one in predictions] == [False, True, True]
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
    decoding = DecodingConfig(
        strategy=Strategy.beam, num_beams=3, num_alternatives=2, max_new_tokens=5
    )
    folder = predict(pretrained, tmp_path, decoding)

    records = [record for _, record in read_jsonl(folder / "alternatives.jsonl")]
    predictions = read_predictions(folder / "predictions.jsonl")

    assert [record["id"] for record in records] == ["1", "2", "3"]
    for record, prediction in zip(records, predictions, strict=True):
        alternatives = record["alternatives"]
        assert isinstance(alternatives, list)
        texts, scores = zip(*((one["text"], one["score"]) for one in alternatives), strict=True)  # type: ignore[index,call-overload]
        assert texts[0] == prediction.prediction
        assert list(scores) == sorted(scores, reverse=True)
