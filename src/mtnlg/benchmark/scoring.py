"""Scoring beside sacreBLEU and rouge_score, each as a whole process on the same files."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtnlg.benchmark.measurement import (
    Cases,
    Cost,
    DifferentOutputError,
    Row,
    alternate,
    ours,
    ratio_row,
    timed_command,
)
from mtnlg.benchmark.workbench import Workbench
from mtnlg.corpus.builtin.corpus import generate_rows

GROUP = "scoring"
NUM_RESAMPLES = 1_000
ROUGE = ("rouge1", "rouge2", "rougeL")
TOLERANCE = 0.01
"""Points between two scores: boards round them."""
SUMMARY_WORDS = 100
CASES = {
    "BLEU + chrF": ("sacreBLEU", 2_000, False),
    "BLEU + chrF with intervals": ("sacreBLEU", 2_000, True),
    "ROUGE-1/2/L with intervals": ("rouge_score", 10_000, True),
}
"""Case -> peer, examples, and whether intervals are computed."""


def write_texts(folder: Path, number: int, *, num_words: int | None) -> None:
    """Write references and outputs that change some of their words; sentences, or summaries of so
    many words.
    """
    source = random.Random(0)
    texts = [row.source for row in generate_rows("translation", "train", num_rows=2_000)]
    words = " ".join(texts).split()
    folder.mkdir()
    with (folder / "ref").open("w") as references, (folder / "out").open("w") as outputs:
        for index in range(number):
            if num_words is None:
                tokens = texts[index % len(texts)].split()
            else:
                tokens = source.choices(words, k=num_words)
            changed = [source.choice(words) if source.random() < 0.3 else word for word in tokens]
            references.write(" ".join(tokens) + "\n")
            outputs.write(" ".join(changed) + "\n")


def our_words(folder: Path, metrics: Sequence[str], task: str, has_intervals: bool) -> list[str]:
    """The command of ours; a single resample stands for none."""
    files = ["--references", str(folder / "ref"), "--hypotheses", str(folder / "out")]
    style = ["--json", "--resamples", str(NUM_RESAMPLES if has_intervals else 1)]
    return ours("score", "--task", task, "--language", "en", *files, "--metrics", *metrics, *style)


def sacrebleu_words(folder: Path, has_intervals: bool) -> list[str]:
    """The command of sacreBLEU."""
    words = [sys.executable, "-m", "sacrebleu", str(folder / "ref"), "-i", str(folder / "out")]
    words += ["-m", "bleu", "chrf", "-f", "json", "-w", "4"]
    return words + (["--confidence", "--confidence-n", str(NUM_RESAMPLES)] if has_intervals else [])


def rouge_words(folder: Path) -> list[str]:
    """The command of rouge_score."""
    options = {
        "target_filepattern": folder / "ref",
        "prediction_filepattern": folder / "out",
        "output_filename": folder / "scores.csv",
        "rouge_types": ",".join(ROUGE),
    }
    return [
        *(sys.executable, "-m", "rouge_score.rouge"),
        *(f"--{name}={value}" for name, value in options.items()),
    ]


def our_scores(text: str) -> list[float]:
    """The scores of a board of one system, in its order."""
    (board,) = json.loads(text)["boards"]
    return [metric["value"] for metric in board["rows"][0]["metrics"].values()]


def sacrebleu_scores(text: str) -> list[float]:
    """BLEU and chrF."""
    document: Any = json.loads(text)
    return [float(score["score"]) for score in document]


def rouge_scores(folder: Path) -> tuple[list[float], float]:
    """The F of each ROUGE, from lines such as rouge1-F,low,mid,high, and how far from the mean the
    middle of resampled means may be: a twentieth of their interval.
    """
    lines = (folder / "scores.csv").read_text(encoding="utf-8").splitlines()
    columns = {line.split(",")[0]: line.split(",")[1:] for line in lines}
    values = [[100 * float(column) for column in columns[f"{name}-F"]] for name in ROUGE]
    return [middle for _, middle, _ in values], max(high - low for low, _, high in values) / 20


def check_scores(ours: Sequence[float], theirs: Sequence[float], tolerance: float) -> str:
    """Both scores in words; raises DifferentOutputError where they differ by more points."""
    left, right = ("/".join(f"{value:.2f}" for value in values) for values in (ours, theirs))
    if any(abs(a - b) > tolerance for a, b in zip(ours, theirs, strict=True)):
        raise DifferentOutputError(f"our scores are {left}, theirs {right}")
    return f"both score {left}"


def cases(bench: Workbench) -> Cases:
    """The cases of this file."""
    return {case: partial(one_system, bench, case, *given) for case, given in CASES.items()}


def one_system(
    bench: Workbench, case: str, peer: str, number: int, has_intervals: bool
) -> Iterator[Row]:
    """One system against one reference."""
    folder, is_rouge = bench.scratch / case.replace("/", "-"), peer == "rouge_score"
    write_texts(folder, bench.scaled(number, 30), num_words=SUMMARY_WORDS if is_rouge else None)
    task, metrics = ("summarization", ROUGE) if is_rouge else ("translation", ("bleu", "chrf"))
    theirs = rouge_words(folder) if is_rouge else sacrebleu_words(folder, has_intervals)
    words = {"ours": our_words(folder, metrics, task, has_intervals), peer: theirs}
    texts: dict[str, str] = {}

    def measure(name: str) -> Cost:
        cost, texts[name] = timed_command(words[name], threads=bench.threads)
        return cost

    sides = {name: partial(measure, name) for name in words}
    for side in sides.values():
        side()
    scores, tolerance = rouge_scores(folder) if is_rouge else (sacrebleu_scores(texts[peer]), 0.0)
    check = check_scores(our_scores(texts["ours"]), scores, tolerance + TOLERANCE)
    costs = alternate(sides, repeats=bench.repeats, warms_up=False)
    yield ratio_row(GROUP, case, peer, (costs["ours"], costs[peer]), check)
