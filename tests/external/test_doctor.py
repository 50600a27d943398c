"""`mtnlg doctor`: settings against the reference packages, and every symptom planted."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from nltk.translate.bleu_score import corpus_bleu
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from mtnlg.cli import main
from mtnlg.evaluation import Texts
from mtnlg.external.settings import readings
from mtnlg.external.symptoms import findings

REFERENCES = [
    "The cats sat on the mat, and the dogs slept.",
    "It rains in the city all day long.",
    "She bought three books at the market yesterday!",
    "Nobody answered the door that evening, he said.",
    "The train to the sea leaves at nine.",
    "We will meet again when spring comes.",
]
OUTPUTS = [
    "The cat sat on the mat, and the dog slept.",
    "It rains in the town all day.",
    "She bought three books at a market yesterday!",
    "Nobody answered the door that night, he said.",
    "The train to the sea leaves at ten.",
    "We will meet again when the spring comes.",
]
CHINESE = ["小猫坐在垫子上，睡着了。", "那天晚上没有人应门。", "她买了三本书。"]
WMT = Path(__file__).parents[3] / "shared" / "groundtruth" / "wmt23"


def texts(
    outputs: Sequence[str] = OUTPUTS,
    references: Sequence[str] = REFERENCES,
    *,
    language: str = "en",
    sources: Sequence[str] | None = None,
) -> Texts:
    return Texts(
        hypotheses=list(outputs),
        references=[[one] for one in references],
        language=language,
        sources=sources,
    )


def values(metric: str, of: Texts) -> dict[str, float | None]:
    return {one.setting.title: one.value for one in readings(of, [metric])}


def told(of: Texts) -> str:
    return "; ".join(f"{one.count} {one.what} {one.first}" for one in findings(of))


class Command:
    """Files, and what the command prints of them."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys

    def __call__(self, *more: str, outputs: Sequence[str] = OUTPUTS) -> str:
        for name, lines in (("ref.txt", REFERENCES), ("out.txt", outputs)):
            (self.root / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
        words = ["--references", str(self.root / "ref.txt"), "--language", "en", *more]
        if "--task" not in more:
            words += ["--task", "translation"]
        assert main(["doctor", "--hypotheses", str(self.root / "out.txt"), *words]) == 0
        return self.capsys.readouterr().out


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def test_bleu_settings_equal_the_packages_that_they_stand_for() -> None:
    found = values("bleu", texts())

    def bleu(**settings: Any) -> float:
        return float(BLEU(force=True, **settings).corpus_score(OUTPUTS, [REFERENCES]).score)

    assert found["by the language of the references"] == bleu(tokenize="13a")
    assert found["13a, lower case"] == bleu(tokenize="13a", lowercase=True)
    assert found["13a, not smoothed"] == bleu(tokenize="13a", smooth_method="none")
    assert found["international"] == bleu(tokenize="intl")
    assert found["words parted by spaces"] == bleu(tokenize="none")
    assert found["words parted by spaces, not smoothed"] == 100 * corpus_bleu(
        [[one.split()] for one in REFERENCES], [one.split() for one in OUTPUTS]
    )


@pytest.mark.parametrize("is_stemmed", [True, False])
def test_rouge_settings_equal_rouge_score(is_stemmed: bool) -> None:
    found = values("rougeL", texts())
    scorer = RougeScorer(["rougeL"], use_stemmer=is_stemmed)

    scores = [
        scorer.score(target, output)["rougeL"].fmeasure
        for target, output in zip(REFERENCES, OUTPUTS, strict=True)
    ]

    title = "a-z and digits, stemmed" if is_stemmed else "by the language of the references"
    assert found[title] == pytest.approx(100 * sum(scores) / len(scores), abs=1e-12)


def test_rouge_of_identical_chinese_is_0_by_the_usual_tokens_and_100_by_ours() -> None:
    found = values("rouge1", texts(CHINESE, CHINESE, language="zh"))

    assert found["by the language of the references"] == 100
    assert found["a-z and digits"] == 0


def test_settings_that_say_the_same_stand_once() -> None:
    titles = list(values("bleu", texts()))

    assert "13a" not in titles  # that is what English has anyway
    assert len(titles) == len(set(titles))


def test_number_that_fits_is_traced_to_its_setting(command: Command) -> None:
    value = values("bleu", texts())["words parted by spaces, not smoothed"]

    shown = command("--published", f"{value:.2f}")

    verdict = shown.splitlines()[-1]
    assert f"bleu {value:.2f} agrees with 2 of" in verdict
    assert "which these outputs do not tell apart" in verdict
    assert "sacreBLEU -tok none" in verdict
    assert "NLTK's corpus_bleu on text.split()" in verdict


def test_number_between_0_and_1_is_read_on_that_scale(command: Command) -> None:
    value = values("rougeL", texts())["a-z and digits, stemmed"]
    assert value is not None

    shown = command(
        "--task", "summarization", "--metric", "rougeL", "--published", f"{value / 100:.4f}"
    )

    assert "rougeL 0." in shown
    assert "a-z and digits, stemmed" in shown.splitlines()[-1]


def test_number_that_fits_nothing_is_said_to_fit_nothing(command: Command) -> None:
    assert "agrees with none of" in command("--published", "99.9")


def test_json_has_settings_and_findings(command: Command) -> None:
    document = json.loads(command("--json", outputs=[*OUTPUTS[:-1], ""]))

    assert document["settings"][0]["signature"].startswith("nrefs:1|case:mixed")
    empty = next(one for one in document["findings"] if one["what"] == "are empty")
    assert (empty["count"], empty["first"]) == (1, 6)


def test_clean_outputs_have_no_symptom() -> None:
    assert told(texts()) == ""
    assert told(texts(CHINESE, CHINESE, language="zh", sources=["a", "b", "c"])) == ""


@pytest.mark.parametrize(
    ("outputs", "symptom"),
    [
        ([one.replace("the", "th@@ e") for one in OUTPUTS], "have marks of subwords"),
        (["\u2581" + one.replace(" ", " \u2581") for one in OUTPUTS], "have marks of subwords"),
        ([one.replace(".", " .") for one in OUTPUTS], "have a space before punctuation"),
        ([one.lower() for one in OUTPUTS], "6 have no capital"),
        ([*OUTPUTS[:5], " "], "1 are empty 5"),
        ([one[:15] for one in OUTPUTS], "are shorter than their references"),
        ([f"{one} {one}" for one in OUTPUTS], "are longer than their references"),
        ([*OUTPUTS[1:], "One more."], "output i that of line i + 1"),
        ([unicodedata.normalize("NFD", f"é {one}") for one in OUTPUTS], "are not composed"),
    ],
)
def test_planted_symptom_is_found(outputs: list[str], symptom: str) -> None:
    assert symptom in told(texts(outputs))


def test_half_width_punctuation_of_chinese_is_found() -> None:
    outputs = [one.replace("，", ",").replace("。", ".") for one in CHINESE]

    assert "3 have half-width punctuation" in told(texts(outputs, CHINESE, language="zh"))


def test_copied_sources_are_found() -> None:
    assert "6 are their sources 0" in told(texts(sources=OUTPUTS))


def test_metric_of_another_task_is_refused(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    command()
    words = ["--references", str(command.root / "ref.txt"), "--language", "en"]

    status = main(
        [
            *("doctor", "--hypotheses", str(command.root / "out.txt"), *words),
            *("--task", "translation", "--metric", "rouge1", "--published", "3"),
        ]
    )

    assert status == 2
    assert "translation is looked at by bleu, chrf" in capsys.readouterr().err


@pytest.mark.skipif(not WMT.is_dir(), reason="the WMT23 outputs are not here")
def test_published_number_of_wmt_is_the_chinese_setting(capsys: pytest.CaptureFixture[str]) -> None:
    published = json.loads((WMT / "published_scores.json").read_text("utf-8"))
    name, scores = next(iter(published["scores"]["en-zh"].items()))
    (output,) = (WMT / "system-outputs").glob(f"*hyp.{name}.zh")
    (reference,) = (WMT / "references").glob("*refA.zh")
    bleu = next(value for key, value in scores.items() if key.startswith("bleu"))

    words = ["--references", str(reference), "--hypotheses", str(output), "--language", "zh"]
    assert main(["doctor", *words, "--task", "translation", "--published", f"{bleu:.3f}"]) == 0

    shown = capsys.readouterr().out.splitlines()
    verdict = next(line for line in shown if " agrees with " in line)
    assert "by the language of the references" in verdict
