"""Logs of other harnesses as rows of a board. The logs are written by hand as the harnesses write
them. Oracle: the board after an import of the same outputs as lines of text.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from made_board import OUTPUTS, REFERENCES, MadeBoard

THEIRS = [REFERENCES[0], "小镇下雨。", *REFERENCES[2:]]
ORDER = [3, 0, 4, 2, 1]
"""In which a log has the rows of the board."""
Rows = list[tuple[int, str]]


def lm_eval(board: MadeBoard, rows: Rows) -> Path:
    lines = [
        {
            "doc_id": number,
            "doc": {"en": f"source {index}", "zh": REFERENCES[index]},
            "target": REFERENCES[index],
            "arguments": {"gen_args_0": {"arg_0": f"Say: source {index}", "arg_1": {"until": []}}},
            "resps": [[f" {output}\n\nmore"]],
            "filtered_resps": [output],
            "filter": "none",
        }
        for number, (index, output) in enumerate(rows)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return board.write("samples_tiny_2026-11-30T12-00-00.jsonl", text)


def inspect_document(rows: Rows) -> dict[str, Any]:
    samples = [
        {
            "id": number,
            "epoch": 1,
            "input": [
                {"role": "system", "content": "Translate."},
                {"role": "user", "content": [{"type": "text", "text": f"Say: source {index}"}]},
            ]
            if number % 2
            else f"Say: source {index}",
            "target": REFERENCES[index],
            "output": {
                "model": "m",
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": output
                            if number % 2
                            else [{"type": "reasoning"}, {"type": "text", "text": output}],
                        }
                    }
                ],
            },
        }
        for number, (index, output) in enumerate(rows, start=1)
    ]
    return {"version": 2, "status": "success", "eval": {"task": "tiny"}, "samples": samples}


def inspect_json(board: MadeBoard, rows: Rows) -> Path:
    return board.write("2026-11-30_tiny.json", json.dumps(inspect_document(rows), indent=2))


def inspect_eval(board: MadeBoard, rows: Rows) -> Path:
    path = board.root / "2026-11-30_tiny.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", "{}")
        for sample in inspect_document(rows)["samples"]:
            archive.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
    return path


def helm(board: MadeBoard, rows: Rows) -> Path:
    states = [
        {
            "instance": {
                "id": f"id{number}",
                "input": {"text": f"source {index}"},
                "references": [{"output": {"text": REFERENCES[index]}, "tags": ["correct"]}],
                "split": "test",
            },
            "request": {"prompt": f"Translate.\n\nsource {index}\nChinese:"},
            "result": {"success": True, "completions": [{"text": output, "tokens": []}]},
        }
        for number, (index, output) in enumerate(rows)
    ]
    document = {"adapter_spec": {}, "request_states": states}
    return board.write("scenario_state.json", json.dumps(document))


def helm_displayed(board: MadeBoard, rows: Rows) -> Path:
    """As helm-summarize writes them: an instance once, and no field that is null."""
    numbers = {index: f"id{number}" for number, index in enumerate(sorted(dict(rows)))}
    instances = [
        {
            "input": {"text": f"source {index}"},
            "references": [{"output": {"text": REFERENCES[index]}, "tags": ["correct"]}],
            "split": "test",
            "id": identity,
        }
        for index, identity in numbers.items()
    ]
    board.write("instances.json", json.dumps(instances, indent=2))
    predictions = [
        {
            "instance_id": numbers[index],
            "train_trial_index": 0,
            "predicted_text": output,
            "stats": {"rouge_l": 0.5},
        }
        for index, output in rows
    ]
    return board.write("display_predictions.json", json.dumps(predictions, indent=2))


LOGS: dict[str, Callable[[MadeBoard, Rows], Path]] = {
    "lm-evaluation-harness": lm_eval,
    "inspect_ai": inspect_json,
    "inspect_ai as .eval": inspect_eval,
    "HELM": helm,
    "HELM as it displays them": helm_displayed,
}


def row_of(board: MadeBoard) -> Any:
    return board.rows()["NMT-X"]


@pytest.mark.parametrize("name", LOGS)
def test_samples_in_any_order_become_the_row_of_their_outputs(name: str, board: MadeBoard) -> None:
    assert board.run(board.write("out.txt", "".join(f"{text}\n" for text in THEIRS))) == 0
    expected = row_of(board)

    status = board.run(LOGS[name](board, [(index, THEIRS[index]) for index in ORDER]))

    assert status == 0
    assert row_of(board).metrics == expected.metrics
    assert row_of(board).predictions == expected.predictions
    assert f"from a log of {name.split(' as ')[0]}" in row_of(board).reason


def test_row_says_which_prompts_it_had(board: MadeBoard) -> None:
    """Oracle: logs with the same and with other prompts."""
    path = lm_eval(board, list(enumerate(OUTPUTS)))
    content = path.read_text()
    reasons = []
    for text in (content, "\n".join(content.splitlines()[::-1]), content.replace("Say:", "Do:")):
        path.write_text(text)
        assert board.run(path) == 0
        reasons.append(row_of(board).reason)

    assert "prompt:" in reasons[0]
    assert reasons[0] == reasons[1] != reasons[2]


def test_generated_predictions_of_a_trainer_are_lines_of_text(board: MadeBoard) -> None:
    """transformers writes generated_predictions.txt so: stripped, joined by line feeds."""
    assert board.run(board.write("generated_predictions.txt", "\n".join(THEIRS))) == 0

    assert row_of(board).rank == 1


@pytest.mark.parametrize("name", LOGS)
def test_mismatches_are_named(
    name: str, board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = LOGS[name](board, [(index, OUTPUTS[index]) for index in (0, 1, 3)])

    assert board.run(path) == 2

    message = capsys.readouterr().err
    assert f"{path}: 2 of 5 rows of the board have no sample (row row-2, row-4)" in message
    assert not (board.roots["runs"] / "tiny" / "imports.json").exists()


@pytest.mark.parametrize("name", LOGS)
def test_outputs_of_one_row_that_differ_are_an_error(
    name: str, board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(index, OUTPUTS[index]) for index in range(5)]

    assert board.run(LOGS[name](board, [*rows, rows[0]])) == 0
    assert board.run(LOGS[name](board, [*rows, (0, "anders")])) == 2

    assert "are outputs of one row, row-0, and differ" in capsys.readouterr().err


def test_samples_of_other_rows_are_named(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lm_eval(board, [(index, OUTPUTS[index]) for index in range(5)])
    path.write_text(path.read_text().replace("source 4", "Quelle 4"))

    assert board.run(path) == 2

    message = capsys.readouterr().err
    assert "1 of 5 rows of the board have no sample (row row-4)" in message
    assert "1 of 5 samples are of no row of the board (as line 5)" in message


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("lm-evaluation-harness", ('"filtered_resps": ["', '"x": ["'), ":5: is no sample with"),
        ("inspect_ai", ('"choices"', '"chosen"'), "sample 5 has no output (KeyError: 'choices')"),
        ("HELM", ('"completions"', '"complete"'), "sample 5 has no output (KeyError: 'completion"),
        (
            "HELM as it displays them",
            ('"instance_id": "id4"', '"instance_id": "id9"'),
            "sample 5 has no output (ValueError: instances.json has no instance id9)",
        ),
    ],
)
def test_damaged_log_is_one_line(
    name: str,
    damage: tuple[str, str],
    message: str,
    board: MadeBoard,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = LOGS[name](board, [(index, OUTPUTS[index]) for index in range(5)])
    before, _, after = path.read_text().rpartition(damage[0])
    path.write_text(before + damage[1] + after)

    assert board.run(path) == 2

    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert message in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "display_predictions.json: needs instances.json of the same run beside it"),
        ("[1]", "instances.json: is no list of HELM's instances"),
    ],
)
def test_displayed_predictions_need_their_instances(
    content: str | None, message: str, board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = helm_displayed(board, [(index, OUTPUTS[index]) for index in range(5)])
    instances = path.with_name("instances.json")
    instances.unlink() if content is None else instances.write_text(content)

    assert board.run(path) == 2

    assert message in capsys.readouterr().err


def test_packed_log_that_cannot_be_unpacked_says_what_to_do(
    board: MadeBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    path = inspect_eval(board, [(0, "x")])
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 10
    content[at : at + 2] = (93).to_bytes(2, "little")  # zstd, which Python 3.11 cannot read
    path.write_bytes(bytes(content))

    assert board.run(path) == 2

    assert "inspect log convert --to json" in capsys.readouterr().err
