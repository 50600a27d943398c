"""How other tools would score the same outputs: one row for each setting, and who uses it.

Adding one is a row of SETTINGS. Refuses to know: files, and what was published.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from mtnlg.errors import ConfigError
from mtnlg.evaluation import Texts, find_metric, score_texts
from mtnlg.evaluation.tokenisation import package_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way of measuring a metric."""

    metric: str
    """What a paper would call it."""
    title: str
    users: str
    """Who does it so, where that is known; empty for ours."""
    name: str = ""
    """The metric of ours that equals it; empty where `value` works it out."""
    language: str | None = None
    """What it takes the texts for; None: what they are."""
    value: Callable[[Texts], float] | None = None
    signature: str = ""
    """Of what `value` works out."""
    needs_several_references: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a setting gives; `reason` says why there is no value."""

    setting: Setting
    value: float | None
    signature: str
    reason: str | None = None


def nltk_bleu(texts: Texts) -> float:
    """BLEU as NLTK's corpus_bleu has it by default, on words parted by spaces."""
    from nltk.translate.bleu_score import corpus_bleu  # half a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of n-grams without a match: the value shows it
        return 100 * float(
            corpus_bleu(
                [[target.split() for target in targets] for targets in texts.references],
                [text.split() for text in texts.hypotheses],
            )
        )


def unsmoothed_13a(texts: Texts) -> float:
    """BLEU on 13a's tokens without smoothing, as the metric `bleu` of Hugging Face evaluate."""
    from sacrebleu.metrics.bleu import BLEU

    most = max(map(len, texts.references))
    columns = [
        [targets[place] if place < len(targets) else None for targets in texts.references]
        for place in range(most)
    ]
    scorer = BLEU(tokenize="13a", smooth_method="none", force=True)
    return float(scorer.corpus_score(texts.hypotheses, columns).score)  # type: ignore[arg-type]


SACREBLEU_DEFAULT = (
    "sacreBLEU where no language pair is given; lm-evaluation-harness; Hugging Face evaluate's "
    "sacrebleu and run_translation.py; torchmetrics' SacreBLEUScore"
)
STEMMER_OFF = "rouge_score and Hugging Face evaluate's rouge by default"
STEMMER_ON = "Hugging Face's run_summarization.py; ROUGE-1.5.5 with -m"

SETTINGS: tuple[Setting, ...] = (
    Setting(metric="bleu", title="by the language of the references", users="", name="bleu"),
    Setting(metric="bleu", title="13a", users=SACREBLEU_DEFAULT, name="bleu-13a"),
    Setting(metric="bleu", title="13a, lower case", users="sacreBLEU -lc", name="bleu-13a-lc"),
    Setting(
        metric="bleu",
        title="13a, not smoothed",
        users="Hugging Face evaluate's bleu; mteval-v13a.pl",
        value=unsmoothed_13a,
        signature="case:mixed|eff:no|tok:13a|smooth:none",
    ),
    Setting(metric="bleu", title="international", users="sacreBLEU -tok intl", name="bleu-intl"),
    Setting(
        metric="bleu",
        title="Chinese",
        users="sacreBLEU -l xx-zh or -tok zh",
        name="bleu-zh",
    ),
    Setting(metric="bleu", title="characters", users="sacreBLEU -tok char", name="bleu-char"),
    Setting(
        metric="bleu",
        title="words parted by spaces",
        users="sacreBLEU -tok none, as for output that is tokenised already",
        name="bleu-none",
    ),
    Setting(
        metric="bleu",
        title="words parted by spaces, not smoothed",
        users="NLTK's corpus_bleu on text.split()",
        value=nltk_bleu,
        signature="case:mixed|tok:spaces|smooth:none",
    ),
    Setting(
        metric="bleu",
        title="Moses' tokens, lower case, not smoothed",
        users="multi-bleu.perl after tokenizer.perl and lowercase.perl, in older papers",
        name="moses_bleu",
    ),
    Setting(metric="chrf", title="characters", users="sacreBLEU's chrF2", name="chrf"),
    Setting(
        metric="chrf",
        title="with words",
        users="sacreBLEU --chrf-word-order 2",
        name="chrf++",
    ),
    Setting(metric="chrf", title="lower case", users="sacreBLEU --chrf-lowercase", name="chrf-lc"),
    *(
        row
        for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")
        for row in (
            Setting(metric=name, title="by the language of the references", users="", name=name),
            Setting(
                metric=name, title="a-z and digits", users=STEMMER_OFF, name=name, language="en"
            ),
            Setting(
                metric=name,
                title="a-z and digits, stemmed",
                users=STEMMER_ON,
                name=f"{name}-stem",
                language="en",
            ),
            Setting(
                metric=name,
                title="mean over references",
                users="papers that average over references",
                name=f"{name}-mean",
                needs_several_references=True,
            ),
            Setting(
                metric=name,
                title="words by jieba",
                users="papers on Chinese that segment first",
                name=f"{name}-jieba",
            ),
        )
    ),
    Setting(
        metric="rougeL",
        title="sentences by lines (Lsum), as ROUGE-1.5.5 has it",
        users="pegasus, BART and others that report rougeLsum as ROUGE-L",
        name="rougeLsum",
    ),
    Setting(
        metric="rougeL",
        title="sentences by lines (Lsum), stemmed",
        users=STEMMER_ON,
        name="rougeLsum-stem",
        language="en",
    ),
)


def readings(texts: Texts, metrics: list[str]) -> list[Reading]:
    """What every setting of some metrics gives, in the order of SETTINGS: the first of a metric is
    ours. Settings that say the same as one before are left out.
    """
    has_several = max(map(len, texts.references)) > 1
    found: list[Reading] = []
    for setting in SETTINGS:
        if setting.metric not in metrics or (setting.needs_several_references and not has_several):
            continue
        reading = _read(setting, texts)
        if not any(_is_same(reading, other) for other in found):
            found.append(reading)
    return found


def _is_same(one: Reading, other: Reading) -> bool:
    return (
        (one.setting.metric, one.signature) == (other.setting.metric, other.signature)
        and (one.setting.name.split("-")[0] == other.setting.name.split("-")[0])
        and one.reason is None
    )


def _read(setting: Setting, texts: Texts) -> Reading:
    if setting.value is not None:
        version = package_version("nltk" if "spaces" in setting.signature else "sacrebleu")
        return Reading(setting, setting.value(texts), f"{setting.signature}|version:{version}")
    language = setting.language or texts.language
    try:
        value = score_texts(setting.name, texts.hypotheses, texts.references, language=language)
        signature = find_metric(setting.name).signature(texts.references, language)
    except ConfigError as error:
        return Reading(setting, None, "", str(error))
    return Reading(setting, value, signature)
