"""`mtnlg score` on small files: its numbers, its formats, and how it fails.

Oracles: sacreBLEU and score_predictions for numbers; words and orders are written out by hand.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from mtnlg.cli.main import main
from mtnlg.evaluation import METRICS, Resampling, score_predictions
from mtnlg.records.rows import Prediction
from scored_texts import GOOD, POOR, REFERENCES

CHINESE = ["小猫坐在垫子上。", "小镇下了一整天的雨。", "她在市场买了iPhone 15。"]


class Files:
    """Files of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, lines: Sequence[str], *, end: str = "\n") -> str:
        return self.write_bytes(name, "".join(line + end for line in lines).encode())

    def write_bytes(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


WITHOUT_SOURCES = [name for name, metric in METRICS.items() if not metric.needs_sources]


def words(
    references: str | Sequence[str],
    *hypotheses: str,
    language: str = "en",
    task: str = "translation",
) -> list[str]:
    several = [references] if isinstance(references, str) else list(references)
    return [
        *("score", "--references", *several, "--hypotheses", *hypotheses),
        *("--task", task, "--language", language, "--trials", "200", "--resamples", "100"),
    ]


def run_json(capsys: pytest.CaptureFixture[str], command: Sequence[str]) -> dict[str, Any]:
    """The only board of the command's JSON."""
    assert main([*command, "--json"]) == 0
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    return dict(board)


def error_of(capsys: pytest.CaptureFixture[str], command: Sequence[str]) -> str:
    """The one line of a command that must fail with status 2."""
    assert main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    return line


def metric_values(board: dict[str, Any], index: int = 0) -> dict[str, float]:
    return {name: metric["value"] for name, metric in board["rows"][index]["metrics"].items()}


def test_values_are_those_of_sacrebleu(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: sacreBLEU on the same lists."""
    command = words(files.write("ref.txt", REFERENCES), files.write("poor.txt", POOR))

    values = metric_values(run_json(capsys, command))

    assert values == {
        "bleu": BLEU().corpus_score(POOR, [REFERENCES]).score,
        "chrf": CHRF().corpus_score(POOR, [REFERENCES]).score,
    }


@pytest.mark.parametrize("metrics", [["rougeLsum", "bleu"], WITHOUT_SOURCES])
def test_metrics_equal_those_of_a_run(
    files: Files, capsys: pytest.CaptureFixture[str], metrics: list[str]
) -> None:
    """Oracle: score_predictions, as in the evaluation stage: values, intervals and signatures."""
    command = words(files.write("ref.txt", REFERENCES), files.write("good.txt", GOOD))
    rows = [
        Prediction(str(place), "", (target,), text)
        for place, (target, text) in enumerate(zip(REFERENCES, GOOD, strict=True))
    ]

    document = run_json(capsys, [*command, "--metrics", *metrics])

    expected = score_predictions(
        rows, language="en", metrics=metrics, resampling=Resampling(num_resamples=100)
    ).metrics
    assert document["rows"][0]["metrics"] == {
        name: score.to_json() for name, score in expected.items()
    }
    assert list(expected) == metrics


@pytest.mark.parametrize("task", ["translation", "summarization", "dialogue"])
def test_identical_chinese_text_is_perfect_at_every_task(
    files: Files, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    path = files.write("ref.txt", CHINESE)

    document = run_json(capsys, words(path, path, language="zh", task=task))

    assert metric_values(document)
    assert metric_values(document) == pytest.approx(dict.fromkeys(metric_values(document), 100.0))


def test_summaries_also_get_the_agreement_of_names_and_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: of Tom, Paris and 3, the output has Tom and 3, and its source has Tom."""
    texts = {"ref": "Then Tom saw Paris 3 times.", "out": "Then Tom was here 3 times."}
    files = {name: tmp_path / name for name in (*texts, "src")}
    for name, text in texts.items():
        files[name].write_text(f"{text}\n", encoding="utf-8")
    files["src"].write_text("Ask Tom.\n", encoding="utf-8")
    command = [
        *("score", "--references", str(files["ref"]), "--hypotheses", str(files["out"])),
        *("--task", "summarization", "--language", "en", "--trials", "200"),
    ]

    values = metric_values(run_json(capsys, command))
    with_sources = metric_values(run_json(capsys, [*command, "--sources", str(files["src"])]))

    assert values["entity_precision"] == 100
    assert values["entity_recall"] == pytest.approx(100 * 2 / 3)
    assert "entity_source_precision" not in values
    assert with_sources["entity_source_precision"] == 50


LSUM_IS_L = "rougeLsum is rougeL: no text has a second"


@pytest.mark.parametrize(
    ("language", "reference", "output", "note"),
    [
        ("zh", "猫抓到了鱼，很高兴", "高兴的猫", f"{LSUM_IS_L} sentence"),
        ("th", "แมวจับปลา", "ปลาจับแมว", f"{LSUM_IS_L} sentence"),
        (
            "en",
            "A cat. It eats.",
            "It. A cat.",
            f"{LSUM_IS_L} line (here a sentence is a line of its own)",
        ),
        ("zh", "猫抓到了鱼。很高兴！", "很高兴！猫抓到了鱼。", None),
        ("en", "A cat.\nIt eats.", "It eats.\nA cat.", None),
    ],
)
def test_board_says_where_lsum_is_l(
    files: Files,
    capsys: pytest.CaptureFixture[str],
    language: str,
    reference: str,
    output: str,
    note: str | None,
) -> None:
    """By hand: two sentences that change their places change ROUGE-L and not ROUGE-Lsum."""
    lines = [json.dumps({"text": text}) for text in (reference, output)]
    paths = [files.write(f"{number}.jsonl", [line]) for number, line in enumerate(lines)]
    options = ["--reference-field", "text", "--hypothesis-field", "text"]
    command = [*words(*paths, language=language), *options, "--metrics", "rougeL,rougeLsum"]

    assert main(command) == 0

    printed = capsys.readouterr().out
    assert (LSUM_IS_L in printed) == (note is not None)
    assert note is None or note in printed


@pytest.mark.parametrize(
    ("language", "reference", "output", "note"),
    [
        ("en", "The cat eats.", "猫吃鱼了。", "outputs are in Chinese script, not in Latin"),
        ("zh", "The cat eats.", "猫吃鱼了。", "references are in Latin script, not in Chinese"),
        ("th", "แมวกินปลา", "maeo kin pla", "outputs are in Latin script, not in Thai"),
        ("de", "Die Katze frisst.", "Eine Katze.", None),
    ],
)
def test_text_of_another_script_than_the_language_is_named(
    files: Files,
    capsys: pytest.CaptureFixture[str],
    language: str,
    reference: str,
    output: str,
    note: str | None,
) -> None:
    """Oracle: the scripts of the texts, read by hand."""
    paths = [files.write("ref.txt", [reference] * 3), files.write("out.txt", [output] * 3)]

    document = run_json(capsys, words(*paths, language=language))

    reason = document["rows"][0]["reason"] or ""
    assert ("script" in reason) == (note is not None)
    assert note is None or f"3 of 3 {note} as language={language} is" in reason


def test_systems_stand_best_first_with_groups_and_pairs(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = 8
    references = files.write("ref.txt", REFERENCES * rounds)
    paths = [files.write(f"{name}.txt", texts * rounds) for name, texts in
             (("poor", POOR), ("good", GOOD), ("same", GOOD))]  # fmt: skip

    document = run_json(capsys, words(references, *paths))

    names = ["good.txt", "same.txt", "poor.txt"]
    assert [row["label"] for row in document["rows"]] == names
    assert [row["cld"]["bleu"] for row in document["rows"]] == ["a", "a", "b"]
    for name in ("bleu", "chrf"):
        tied, *pairs = [pair for pair in document["comparisons"] if pair["metric"] == name]
        assert [(pair["better"], pair["worse"]) for pair in (tied, *pairs)] == [
            (names[0], names[1]),
            (names[0], names[2]),
            (names[1], names[2]),
        ]
        good, poor = (document["rows"][index]["metrics"][name]["value"] for index in (0, 2))
        assert tied["p"] == 1
        for pair in pairs:
            assert pair["difference"] == pytest.approx(good - poor)
            assert 0 < pair["low"] < pair["difference"] < pair["high"]
            assert pair["p_holm"] < 0.05


def test_several_references_are_used_together(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: sacreBLEU; an empty line of the second file is no reference."""
    second = ["The cat is on the mat.", "", *GOOD[2:]]
    paths = [files.write("one.txt", REFERENCES), files.write("two.txt", second)]

    document = run_json(capsys, words(paths, files.write("poor.txt", POOR)))

    missing = [text or None for text in second]
    expected = BLEU().corpus_score(POOR, [REFERENCES, missing]).score  # type: ignore[list-item]
    assert metric_values(document)["bleu"] == expected
    assert "nrefs:var|" in document["rows"][0]["metrics"]["bleu"]["signature"]


def test_table_ranks_systems_and_says_what_it_stands_on(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    references = files.write("ref.txt", REFERENCES)

    assert main(words(references, files.write("poor.txt", POOR), files.write("好.txt", GOOD))) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["system", "bleu", "interval", "group", "chrf", "interval", "group"]
    assert [line.split()[0] for line in lines[1:3]] == ["好.txt", "poor.txt"]
    assert lines[1].split()[1] == f"{BLEU().corpus_score(GOOD, [REFERENCES]).score:.2f}"
    assert lines[1].index("[") + 1 == lines[2].index("[")  # 好 takes two columns
    notes = "\n".join(lines[4:])
    assert "signature: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in notes
    assert "n = 5" in notes
    assert "interval: percentile bootstrap, 100 resamples, seed 12345, 95 %" in notes
    assert (
        "paired approximate randomization, 200 trials, seed 12345; systems among each other, all "
        "pairs, one comparison; at 5%"
    ) in notes


def test_one_example_has_no_interval_and_says_why(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    command = words(files.write("ref.txt", REFERENCES[:1]), files.write("a.txt", GOOD[:1]))

    document = run_json(capsys, command)

    (row,) = document["rows"]
    assert row["metrics"]["bleu"]["low"] is None
    assert row["metrics"]["bleu"]["interval_reason"] == "one example cannot be resampled"
    assert document["not_tested"]["bleu"] == {"a.txt": "no other system can be tested"}
    assert main(command) == 0
    assert "n = 1; no interval: one example cannot be resampled" in capsys.readouterr().out


def test_files_of_one_name_get_different_labels(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    references = files.write("ref.txt", REFERENCES)
    paths = [files.write(f"{name}/out.txt", GOOD) for name in ("a", "b")]

    document = run_json(capsys, words(references, *paths, paths[0], references))

    assert [row["label"] for row in document["rows"]] == [
        *("ref.txt", f"{paths[0]} (1)", "b/out.txt", f"{paths[0]} (2)"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt.gz", "".join(f"{text}\n" for text in GOOD)),
        ("a.txt", "\ufeff" + "".join(f"{text}\r\n" for text in GOOD)),
        ("a.txt", "\n".join(GOOD)),
        ("a.jsonl", "".join(json.dumps({"prediction": text}) + "\n\n" for text in GOOD)),
        ("a.jsonl.gz", "".join(json.dumps({"x": 1, "prediction": [text]}) + "\n" for text in GOOD)),
        ("a.tsv", "id\tprediction\n" + "".join(f"7\t{text}\n" for text in GOOD)),
        ("a.tsv.gz", "prediction\n" + "".join(f"{text}\n" for text in GOOD)),
    ],
)
def test_file_of_any_format_scores_alike(
    files: Files, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    references = files.write("ref.txt", REFERENCES)
    plain = files.write("plain.txt", GOOD)

    document = run_json(capsys, words(references, plain, files.write_bytes(name, content.encode())))

    assert len(document["rows"]) == 2
    assert metric_values(document, 1) == metric_values(document, 0)


def test_fields_have_the_names_that_options_give_them(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [{"gold": [one, two], "out": text} for one, two, text in
               zip(REFERENCES, GOOD, POOR, strict=True)]  # fmt: skip
    path = files.write("a.jsonl", [json.dumps(record) for record in records])
    table = files.write("b.tsv", [f"{place}\t{text}" for place, text in enumerate(POOR)])
    fields = ["--hypothesis-field", "out", "--reference-field", "gold"]

    document = run_json(capsys, [*words(path, path), *fields])
    by_number = run_json(capsys, [*words(path, table), *fields[2:], "--hypothesis-field", "2"])

    expected = BLEU().corpus_score(POOR, [REFERENCES, GOOD]).score
    assert metric_values(document)["bleu"] == expected
    assert metric_values(by_number)["bleu"] == expected


def test_standard_input_is_one_of_the_files(
    files: Files, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO("".join(f"{text}\n" for text in POOR).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    references = files.write("ref.txt", REFERENCES)

    document = run_json(capsys, words(references, "-"))

    assert document["rows"][0]["label"] == "-"
    assert metric_values(document)["bleu"] == BLEU().corpus_score(POOR, [REFERENCES]).score


def test_only_a_line_feed_ends_a_line(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    odd = ["one\u2028two three four", "five\x0bsix\x85seven", "eight nine"]
    path = files.write("odd.txt", odd)

    (row,) = run_json(capsys, words(path, path))["rows"]

    assert row["metrics"]["bleu"]["n"] == 3


def test_number_of_lines_must_agree(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    references = files.write("ref.txt", REFERENCES)
    short = files.write("short.txt", GOOD[:4])

    error = error_of(capsys, words(references, files.write("good.txt", GOOD), short))

    assert f"{short} has 4 examples, but {references} has 5" in error
    assert "good.txt" not in error


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.txt", b"", "a.txt: the file is empty"),
        ("a.jsonl", b"\n\n", "a.jsonl: the file is empty"),
        ("a.txt", b"one\nt\xffwo\n", "a.txt:2: not UTF-8 (byte 2 is 0xff)"),
        ("a.txt", b"one\nab\0c\n", "a.txt:2: U+0000 at character 3"),
        ("a.jsonl", b'{"prediction": "a\\ud800"}\n', "a.jsonl:1: U+D800 at character 2"),
        (
            "a.jsonl",
            b'{"prediction": "a"}\n{"text": "b"}\n',
            "a.jsonl:2: has no field 'prediction'",
        ),
        ("a.jsonl", b'{"prediction": 3}\n', "a.jsonl:1: prediction is '3'; it must be a text"),
        ("a.jsonl", b'{"prediction": ["a", "b"]}\n', "a.jsonl:1: has 2 texts"),
        ("a.jsonl", b'{"prediction": \n', "a.jsonl:1: not valid JSON"),
        ("a.jsonl", b'["a"]\n', "a.jsonl:1: expected a JSON object, found list"),
        ("a.tsv", b"id\ttext\n1\ta\n", "a.tsv:1: the first line names no column 'prediction'"),
        ("a.tsv", b"id\tprediction\n1\ta\n2\n", "a.tsv:3: has 1 cells and no column prediction"),
    ],
)
def test_fault_in_a_file_names_file_and_line(
    files: Files, capsys: pytest.CaptureFixture[str], name: str, content: bytes, complaint: str
) -> None:
    path = files.write_bytes(name, content)

    assert complaint in error_of(capsys, words(files.write("ref.txt", REFERENCES), path))


def test_broken_gzip_file_names_the_line(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    whole = gzip.compress("".join(f"{text}\n" for text in GOOD * 50).encode())
    path = files.folder / "a.txt.gz"
    path.write_bytes(whole[:-20])

    error = error_of(capsys, words(files.write("ref.txt", REFERENCES), str(path)))

    assert f"{path}:" in error
    assert "cannot be read" in error


def test_empty_reference_names_file_and_line(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    references = files.write("ref.txt", [*REFERENCES[:3], " ", REFERENCES[4]])

    error = error_of(capsys, words(references, files.write("good.txt", GOOD)))

    assert f"{references}:4: the reference is empty" in error


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (["--metrics", "blue"], "--metrics has 'blue'; known: bleu, chrf, chrf++"),
        (["--metrics", "length_ratio"], "--metrics has 'length_ratio', of which neither more nor"),
        (["--main-metric", "blue"], "--main-metric has 'blue'; known: bleu, chrf, chrf++"),
        (["--main-metric", "copy_rate"], "metrics that can rank systems: bleu, chrf, chrf++"),
        (
            ["--print", "pdf"],
            "--print has 'pdf'; known: html, markdown, csv, json, latex, terminal",
        ),
        (["--language", "English"], "language='English': must be an ISO 639-1 code"),
        (["--resamples", "0"], "--resamples=0: must be a finite number >= 1"),
        (["--confidence", "1.5"], "--confidence=1.5: must be in (0, 1)"),
        (["--sources", "-", "--hypotheses", "-"], "can be read only once"),
        (["--sources", "nowhere.txt"], "nowhere.txt: no such file"),
    ],
)
def test_impossible_option_says_what_is_allowed(
    files: Files, capsys: pytest.CaptureFixture[str], changes: list[str], complaint: str
) -> None:
    command = words(files.write("ref.txt", REFERENCES), files.write("good.txt", GOOD))

    assert complaint in error_of(capsys, [*command, *changes])


def test_text_beyond_the_longest_leaves_one_metric_of_one_system_out(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    long_text = "word " * 20_001
    references = files.write("ref.txt", REFERENCES)
    paths = [
        files.write("long.txt", [*GOOD[:2], long_text, *GOOD[3:]]),
        files.write("good.txt", GOOD),
        files.write("poor.txt", POOR),
    ]
    command = [*words(references, *paths), "--metrics", "bleu", "rougeL"]

    document = run_json(capsys, command)

    (long,) = [row for row in document["rows"] if row["label"] == "long.txt"]
    assert list(long["metrics"]) == ["bleu"]
    reason = f"{paths[0]}:3 has 20001 tokens; rougeL is computed for at most 20000"
    assert long["left_out"] == {"rougeL": reason}
    assert "rougeL" not in long["cld"]
    pairs = [
        {pair["better"], pair["worse"]}
        for pair in document["comparisons"]
        if pair["metric"] == "rougeL"
    ]
    assert pairs == [{"good.txt", "poor.txt"}]
    assert main(command) == 0
    assert f"long.txt: left out: rougeL: {reason}" in capsys.readouterr().out


def test_metric_that_no_system_has_is_an_error_below_the_board(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: an exit status that is not 0, with the other metric's score all the same."""
    references = files.write("ref.txt", REFERENCES)
    command = [*words(references, files.write("good.txt", GOOD)), "--metrics", "chrf", "bertscore"]

    status = main(command)

    printed = capsys.readouterr()
    assert status == 2
    assert "chrf" in printed.out
    assert "error: --metrics has 'bertscore', which no system has: not run: no model" in printed.err


def test_small_files_are_scored_within_a_second_and_without_heavy_packages(files: Files) -> None:
    """A second of processor time, as other work on the machine must not fail the test."""
    references = files.write("ref.txt", REFERENCES)
    command = [*words(references, files.write("good.txt", GOOD)), "--trials", "10000"]
    code = (
        "import sys, time; from mtnlg.cli.main import main; status = main(sys.argv[1:]); "
        "heavy = 'torch lightning hydra omegaconf pandas datasets transformers'.split(); "
        "print(status, round(time.process_time(), 2), *set(heavy) & set(sys.modules))"
    )
    started = time.monotonic()

    found = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    )

    status, seconds, *heavy = found.stdout.splitlines()[-1].split()
    assert (status, heavy) == ("0", [])
    assert float(seconds) < 1, time.monotonic() - started


def test_main_metric_sorts_the_board_whatever_metrics_are_asked_for(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: sixty needless words cost TER sixty edits, and BLEU no more than its precision."""
    references = files.write("ref.txt", REFERENCES)
    wordy = [*REFERENCES[:4], "The train to the coast leaves at nine. " + "It " * 60]
    paths = [files.write("wordy.txt", wordy), files.write("poor.txt", POOR)]
    command = words(references, *paths)

    by_bleu = run_json(capsys, [*command, "--metrics", "bleu", "ter"])
    by_ter = run_json(capsys, [*command, "--main-metric", "ter", "--metrics", "bleu"])

    assert [row["label"] for row in by_bleu["rows"]] == ["wordy.txt", "poor.txt"]
    assert [row["label"] for row in by_ter["rows"]] == ["poor.txt", "wordy.txt"]
    assert [list(row["metrics"]) for row in by_ter["rows"]] == [["ter", "bleu"]] * 2


def test_system_without_the_chosen_main_metric_keeps_its_numbers_without_a_rank(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the limit of ROUGE-L; the other metric is computed and tested as ever."""
    references = files.write("ref.txt", REFERENCES)
    paths = [
        files.write("long.txt", ["word " * 20_001, *GOOD[1:]]),
        *(files.write(f"{name}.txt", GOOD) for name in ("a", "b")),
    ]
    command = words(references, *paths)

    board = run_json(capsys, [*command, "--main-metric", "rougeL", "--metrics", "bleu"])

    assert [row["label"] for row in board["rows"]] == ["a.txt", "b.txt", "long.txt"]
    assert list(board["rows"][2]["metrics"]) == ["bleu"]
    assert "rougeL" in board["rows"][2]["left_out"]
    by_bleu = [pair for pair in board["comparisons"] if pair["metric"] == "bleu"]
    assert len(by_bleu) == 3
    for style in ("--markdown", "--latex", "--csv", "--terminal"):
        assert main([*command, "--main-metric", "rougeL", "--metrics", "bleu", style]) == 0
        assert "20001 tokens" in capsys.readouterr().out
    assert main([*command, "--main-metric", "rougeL", "--html", str(files.folder / "page")]) == 0


@pytest.mark.parametrize("columns", [40, 80, 132, 1_000])
def test_table_of_nine_metrics_fits_the_terminal(
    files: Files,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    """Oracle: the values of the JSON board; each stands once beside its system and below its name.
    A block that is wider than the terminal has one metric.
    """
    references = files.write("ref.txt", REFERENCES)
    command = words(references, *(files.write(f"{name}.txt", GOOD[:]) for name in ("a", "b")))
    names = [
        "bleu",
        "chrf",
        "rouge1",
        "rouge2",
        "rougeL",
        "rougeLsum",
        "ter",
        "nist",
        "length_ratio",
    ]
    command += ["--metrics", *names]
    board = run_json(capsys, command)
    monkeypatch.setenv("COLUMNS", str(columns))

    assert main(command) == 0

    table, _, _ = capsys.readouterr().out.partition("verdict: ")
    blocks = [block.splitlines() for block in table.strip().split("\n\n")]
    shown = [name for block in blocks for name in block[0].split() if name in names]
    assert shown == names
    for block in blocks:
        is_narrow = max(map(len, block)) <= columns
        assert is_narrow or block[0].count("interval") == 1
        assert [line.split()[0] for line in block] == ["system", "a.txt", "b.txt"]
        for row, line in zip(board["rows"], block[1:], strict=True):
            values = [row["metrics"][name]["value"] for name in block[0].split() if name in names]
            numbers = re.findall(r"(?<![\[\d.])([\d.]+)(?= +\[| +no)", line)
            assert list(map(float, numbers)) == pytest.approx(values, abs=0.006, rel=1e-3)
    assert (len(blocks) == 1) == (columns == 1_000)


def test_trials_too_few_for_the_pairs_are_refused_with_the_number_needed(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: twelve systems have 66 pairs, and 66 / 1321 is the first share below 5 %."""
    references = files.write("ref.txt", REFERENCES)
    paths = [files.write(f"{number}.txt", GOOD) for number in range(12)]
    command = [*words(references, *paths), "--trials"]

    line = error_of(capsys, [*command, "1319"])

    assert line == (
        "error: --trials=1319: must be at least 1320: the least p-value, 1/1320, cannot be "
        "significant after Holm's correction for the 66 pairs of 12 systems"
    )
    assert main([*command, "1320"]) == 0
    assert main([*words(references, paths[0]), "--trials", "1"]) == 0


def test_systems_within_the_margin_are_equivalent(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: equal outputs differ by 0 with an interval of 0."""
    references = files.write("ref.txt", REFERENCES)
    paths = [files.write(f"{name}.txt", GOOD) for name in "ab"]
    command = [*words(references, *paths), "--equivalence-margin", "bleu=1"]

    document = run_json(capsys, command)

    pairs = {pair["metric"]: pair for pair in document["comparisons"]}
    assert pairs["bleu"]["p_equivalent"] < 0.05
    assert "p_equivalent" not in pairs["chrf"]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "; equivalent within 1.00 (two one-sided tests, p = " in text
    assert ") to the next system, b.txt (" in text


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("bleu", "--equivalence-margin bleu: must be METRIC=NUMBER, as bleu=1"),
        ("bleu=x", "--equivalence-margin bleu=nan: must be a finite number > 0"),
        ("bleu=0", "--equivalence-margin bleu=0.0: must be a finite number > 0"),
        ("rouge1=1", "--equivalence-margin has 'rouge1', which is not computed: bleu, chrf"),
    ],
)
def test_margin_that_says_nothing_is_refused(
    files: Files, capsys: pytest.CaptureFixture[str], word: str, expected: str
) -> None:
    references = files.write("ref.txt", REFERENCES)

    line = error_of(capsys, [*words(references, references), "--equivalence-margin", word])

    assert line == f"error: {expected}"


def test_large_difference_that_is_not_significant_is_never_called_a_tie(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: two examples show nothing, however much two systems differ."""
    references = files.write("ref.txt", REFERENCES[:2])
    paths = [files.write(f"{name}.txt", texts[:2]) for name, texts in
             (("good", GOOD), ("poor", POOR))]  # fmt: skip

    assert main(words(references, *paths)) == 0

    text = capsys.readouterr().out
    assert "no significant difference from the next system, poor.txt (" in text
    assert "would have been found in 80 %)" in text
    assert "tied" not in text
    assert "equivalent" not in text
