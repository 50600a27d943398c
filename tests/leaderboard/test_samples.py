"""Samples side by side: chosen by index and not by quality, and lined up by id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from made_launch import MadeLaunch, made_metric
from made_samples import add_system
from mtnlg.leaderboard.samples import BoardSamples, board_samples
from mtnlg.records.files import write_jsonl
from mtnlg.records.rows import Prediction
from mtnlg.report.page_data import samples_json
from read_report import Page, written


def samples_of(launch: MadeLaunch, num_samples: int) -> BoardSamples:
    leaderboard = launch.build()
    return board_samples(
        leaderboard.boards[0],
        artifacts_root=leaderboard.artifacts_root,
        num_samples=num_samples,
    )


def made_outputs(launch: MadeLaunch) -> None:
    """A trained system, and two baselines of which the second is better."""
    scores = []
    for kind, name, bleu in (
        ("trained", "nano", 20.0),
        ("baseline", "worse", 3.0),
        ("baseline", "better", 5.0),
    ):
        key = launch.add_predictions(
            launch.add_scores(name, bleu), [f"{name} {index}" for index in range(7)]
        )
        scores.append(launch.score(key, kind=kind, system=name))
    launch.add_run("run", scores)


def test_samples_are_taken_at_even_distances(launch: MadeLaunch) -> None:
    made_outputs(launch)

    chosen = samples_of(launch, 3)

    assert [sample.id for sample in chosen.samples] == ["row-0", "row-2", "row-4"]
    assert chosen.num_examples == 7


def test_samples_show_trained_systems_and_the_best_baseline(launch: MadeLaunch) -> None:
    made_outputs(launch)

    (sample,) = samples_of(launch, 1).samples

    assert [(output.label, output.text) for output in sample.outputs] == [
        ("nano", "nano 0"),
        ("better", "better 0"),
    ]


def test_more_samples_than_examples_shows_each_once(launch: MadeLaunch) -> None:
    made_outputs(launch)

    chosen = samples_of(launch, 20)

    assert [sample.id for sample in chosen.samples] == [f"row-{index}" for index in range(7)]


def test_missing_predictions_are_a_problem_and_not_an_error(
    launch: MadeLaunch, tmp_path: Path
) -> None:
    launch.add_run("run", [launch.score(launch.add_scores("run", 20.0))])

    chosen = samples_of(launch, 3)
    page = Page(written(launch.build(), tmp_path / "report")["index.html"])

    assert chosen.samples == ()
    assert chosen.problems == (
        "nano: its predictions cannot be read: "
        "artifacts/predictions/run/predictions.jsonl: no such file",
    )
    assert chosen.problems[0] in page.text


def test_outputs_carry_the_language_of_the_board(launch: MadeLaunch, tmp_path: Path) -> None:
    made_outputs(launch)

    page = Page(written(launch.build(), tmp_path / "report")["index.html"])

    languages = [
        attributes["lang"] for tag, attributes in page.tags if attributes.get("class") == "text"
    ]
    assert languages[:4] == ["", "de", "de", "de"], "source, reference, two outputs"


SENTENCES = ["ein Haus steht", "der Hund bellt laut", "sie liest", "wir gehen", "er kam"]


def sentences(outputs: Sequence[str]) -> list[Prediction]:
    references = zip(SENTENCES, outputs, strict=True)
    return [
        Prediction(f"{reference}", "s", (reference,), output) for reference, output in references
    ]


def test_value_of_an_example_is_that_of_a_corpus_of_one(launch: MadeLaunch) -> None:
    """Oracle: sacreBLEU's own sentence score, of the sentences at places 0 and 2."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    outputs = ["ein Haus stand", "der Hund", "sie liest", "gehen wir", "kam er"]
    add_system(launch, "nano", sentences(outputs))

    shown = samples_of(launch, 2)

    for sample, index in zip(shown.samples, (0, 2), strict=True):
        (output,) = sample.outputs
        arguments = (outputs[index], [SENTENCES[index]])
        bleu = BLEU(effective_order=True).sentence_score(*arguments).score
        assert output.values == {
            "bleu": pytest.approx(bleu, abs=0.005),
            "chrf": pytest.approx(CHRF().sentence_score(*arguments).score, abs=0.005),
        }


def test_values_follow_the_ids_where_a_system_has_another_order(launch: MadeLaunch) -> None:
    perfect_last = sentences(["x", "x", "x", "x", SENTENCES[4]])
    add_system(launch, "ada", perfect_last)
    add_system(launch, "bob", perfect_last[::-1])

    shown = samples_of(launch, 5)

    values = [[output.values["chrf"] for output in sample.outputs] for sample in shown.samples]
    assert {tuple(pair) for pair in values} == {(0.0, 0.0), (100.0, 100.0)}


def test_statistics_of_other_examples_give_no_value(launch: MadeLaunch) -> None:
    """A published board keeps the statistics of all examples and the predictions of few."""
    predictions = sentences(SENTENCES)
    add_system(launch, "nano", predictions)
    path = launch.artifacts_root / "predictions" / "nano" / "predictions.jsonl"
    write_jsonl(path, (row.to_json() for row in predictions[:2]))

    shown = samples_of(launch, 2)

    assert [output.values for sample in shown.samples for output in sample.outputs] == [{}, {}]


def test_data_of_the_page_holds_texts_and_values(launch: MadeLaunch) -> None:
    outputs = [*SENTENCES[:4], "</script>\u2028&\u202e"]
    add_system(launch, "nano", sentences(outputs))
    leaderboard = launch.build()
    shown = samples_of(launch, 5)

    text = samples_json(shown, leaderboard.boards[0], source_language="en")

    document = json.loads(text)
    assert not set(text) & set("<>&\u2028\u2029\u202e")
    assert document["rows"][4]["outputs"] == ["</script>\n&⟨U+202E⟩"]
    assert [metric["name"] for metric in document["metrics"]] == ["bleu", "chrf"]
    ((*values, last),) = document["metrics"][1]["values"]
    assert values == [100.0] * 4
    assert 0 < last < 10
    assert document["source_language"] == "en"


def test_number_of_examples_is_that_of_the_largest_score(launch: MadeLaunch) -> None:
    """A published board keeps fewer predictions than were scored."""
    for name, num_examples in (("first", 5), ("second", 9), ("third", 7)):
        key = launch.add_predictions(name, ["text"] * 3)
        launch.add_scores(name, all={"bleu": made_metric(20.0, n=num_examples)})
        launch.add_run(name, [launch.score(key, system=name)], system=name)

    assert samples_of(launch, 2).num_examples == 9
