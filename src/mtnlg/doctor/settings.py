"""The settings of peers: how other programs score the same outputs, one row of SETTINGS each.

A new setting is a row. Who uses it was read in the source or the documentation of that program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mtnlg.doctor.values import (
    Compute,
    Value,
    bleu,
    chrf,
    mean_sentence_bleu,
    nltk_corpus_bleu,
    ours,
    rouge,
    ter,
    where_installed,
)
from mtnlg.evaluation import Texts
from mtnlg.evaluation.metrics.tokenization import bleu_tokenizer
from mtnlg.text.scripts import CHARACTER_LANGUAGES, base_language

GITHUB = "https://github.com/"
SACREBLEU = GITHUB + "mjpost/sacrebleu/blob/v2.6.0/sacrebleu/"
LM_EVAL = GITHUB + "EleutherAI/lm-evaluation-harness/blob/001722b/lm_eval/api/metrics.py"
EVALUATE = GITHUB + "huggingface/evaluate/blob/main/metrics/"
TRANSFORMERS = GITHUB + "huggingface/transformers/blob/main/examples/pytorch/"
TORCHMETRICS = GITHUB + "Lightning-AI/torchmetrics/blob/v1.9.0/src/torchmetrics/functional/text/"
FAIRSEQ = GITHUB + "facebookresearch/fairseq/blob/3b27ed7/fairseq/scoring/bleu.py"
JOEYNMT = GITHUB + "joeynmt/joeynmt/blob/01dec5e/joeynmt/metrics.py"
T5 = GITHUB + "google-research/text-to-text-transfer-transformer/blob/main/t5/evaluation/metrics.py"
MULTI_BLEU = GITHUB + "moses-smt/mosesdecoder/blob/31473d8/scripts/generic/multi-bleu.perl"
NLTK = GITHUB + "nltk/nltk/blob/3.10.4/nltk/translate/bleu_score.py"
FILES2ROUGE = GITHUB + "pltrdy/files2rouge/blob/2342226/files2rouge/utils.py"

ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
FAMILIES = {
    **{"rougeL": ("rougeL", "rougeLsum"), "rougeLsum": ("rougeL", "rougeLsum")},
    **{"chrf++": ("chrf",), "moses_bleu": ("bleu",)},
}
"""Metric -> the metrics that are published under its name; any other stands for itself."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to measure a metric."""

    metric: str
    words: str
    users: Mapping[str, str] = field(default_factory=dict)
    """Program -> where it is written that it measures so."""
    compute: Compute
    is_for: Callable[[str], bool] = lambda language: True
    """Whether it says anything for texts of this language."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A setting and what it gives."""

    setting: Setting
    value: Value
    difference: float | None = None
    """To our own value of the metric."""


def _is_chinese(language: str) -> bool:
    return base_language(language) == "zh"


SETTINGS: tuple[Setting, ...] = (
    Setting(
        metric="bleu",
        words="tokens by the language, as on our boards",
        users={"sacreBLEU with a language pair, as in -l en-zh": SACREBLEU + "metrics/bleu.py"},
        compute=ours("bleu"),
    ),
    Setting(
        metric="bleu",
        words="13a tokens, whatever the language",
        users={
            "sacreBLEU without a language pair": SACREBLEU + "metrics/bleu.py",
            "lm-evaluation-harness": LM_EVAL,
            "Hugging Face evaluate (sacrebleu)": EVALUATE + "sacrebleu/sacrebleu.py",
            "transformers run_translation.py": TRANSFORMERS + "translation/run_translation.py",
            "fairseq-generate --scoring sacrebleu": FAIRSEQ,
            "JoeyNMT": JOEYNMT,
        },
        compute=bleu("13a"),
    ),
    Setting(
        metric="bleu",
        words="13a tokens, lower-cased",
        users={"sacreBLEU -lc": SACREBLEU + "metrics/bleu.py"},
        compute=bleu("13a", lowercase=True),
    ),
    Setting(
        metric="bleu",
        words="13a tokens, no smoothing",
        users={
            "torchmetrics SacreBLEUScore": TORCHMETRICS + "sacre_bleu.py",
            "Hugging Face evaluate (bleu), of one reference": EVALUATE + "bleu/bleu.py",
        },
        compute=bleu("13a", smooth="none"),
    ),
    Setting(
        metric="bleu",
        words="international tokens",
        users={"T5": T5, "sacreBLEU --tokenize intl": SACREBLEU + "metrics/bleu.py"},
        compute=bleu("intl"),
    ),
    Setting(
        metric="bleu",
        words="each character a token",
        users={"sacreBLEU --tokenize char": SACREBLEU + "metrics/bleu.py"},
        compute=bleu("char"),
    ),
    Setting(
        metric="bleu",
        words="Chinese tokens, lower-cased",
        users={"sacreBLEU -lc -l en-zh": SACREBLEU + "metrics/bleu.py"},
        compute=bleu("zh", lowercase=True),
        is_for=_is_chinese,
    ),
    Setting(
        metric="bleu",
        words="Chinese tokens, no smoothing",
        users={"torchmetrics SacreBLEUScore(tokenize='zh')": TORCHMETRICS + "sacre_bleu.py"},
        compute=bleu("zh", smooth="none"),
        is_for=_is_chinese,
    ),
    Setting(
        metric="bleu",
        words="cut at white space: right only where the files are tokenized already",
        users={"sacreBLEU --tokenize none": SACREBLEU + "metrics/bleu.py"},
        compute=bleu("none"),
    ),
    Setting(
        metric="bleu",
        words="cut at white space, no smoothing",
        users={"multi-bleu.perl": MULTI_BLEU, "fairseq-generate, on its dictionary": FAIRSEQ},
        compute=bleu("none", smooth="none"),
    ),
    Setting(
        metric="bleu",
        words="cut at white space, no smoothing, lower-cased",
        users={"multi-bleu.perl -lc": MULTI_BLEU},
        compute=bleu("none", smooth="none", lowercase=True),
    ),
    Setting(
        metric="bleu",
        words="Moses tokens, no smoothing, lower-cased",
        users={"multi-bleu.perl -lc on text that Moses tokenized": MULTI_BLEU},
        compute=where_installed("sacremoses", ours("moses_bleu")),
        is_for=lambda language: base_language(language) not in CHARACTER_LANGUAGES,
    ),
    Setting(
        metric="bleu",
        words="cut at white space, no smoothing, short texts count as misses",
        users={"NLTK corpus_bleu on text.split()": NLTK},
        compute=nltk_corpus_bleu,
    ),
    Setting(
        metric="bleu",
        words="mean of sentence BLEU, tokens by the language",
        users={"means of sacrebleu.sentence_bleu": SACREBLEU + "compat.py"},
        compute=lambda texts: mean_sentence_bleu(bleu_tokenizer(texts.language))(texts),
    ),
    Setting(
        metric="chrf",
        words="character 6-grams without white space, as on our boards",
        users={
            "sacreBLEU -m chrf": SACREBLEU + "metrics/chrf.py",
            "lm-evaluation-harness, which calls it chrF++": LM_EVAL,
            "Hugging Face evaluate (chrf)": EVALUATE + "chrf/chrf.py",
            "JoeyNMT": JOEYNMT,
        },
        compute=ours("chrf"),
    ),
    Setting(
        metric="chrf",
        words="chrF++: words and their pairs too",
        users={
            "torchmetrics CHRFScore (in Chinese it differs by some hundredths)": TORCHMETRICS
            + "chrf.py",
            "sacreBLEU --chrf-word-order 2": SACREBLEU + "metrics/chrf.py",
        },
        compute=chrf(word_order=2),
    ),
    Setting(
        metric="chrf",
        words="white space counts as a character",
        users={"sacreBLEU --chrf-whitespace": SACREBLEU + "metrics/chrf.py"},
        compute=chrf(whitespace=True),
    ),
    Setting(
        metric="chrf",
        words="lower-cased",
        users={"sacreBLEU --chrf-lowercase": SACREBLEU + "metrics/chrf.py"},
        compute=chrf(lowercase=True),
    ),
    Setting(
        metric="ter",
        words="tokens by the language, as on our boards",
        compute=ours("ter"),
    ),
    Setting(
        metric="ter",
        words="words as they stand, any case",
        users={"sacreBLEU -m ter": SACREBLEU + "metrics/ter.py", "lm-evaluation-harness": LM_EVAL},
        compute=ter(),
    ),
    Setting(
        metric="ter",
        words="words as they stand, case counts",
        users={"sacreBLEU --ter-case-sensitive": SACREBLEU + "metrics/ter.py"},
        compute=ter(case_sensitive=True),
    ),
    Setting(
        metric="ter",
        words="normalized, each ideograph a word",
        users={"sacreBLEU --ter-normalized --ter-asian-support": SACREBLEU + "metrics/ter.py"},
        compute=ter(normalized=True, asian_support=True),
    ),
    *(
        setting
        for name in ROUGES
        for setting in (
            Setting(
                metric=name,
                words="tokens by the language, no stemmer, as on our boards",
                compute=ours(name),
            ),
            Setting(
                metric=name,
                words="words of a-z and 0-9, no stemmer",
                users={
                    "rouge_score and Hugging Face evaluate (rouge)": EVALUATE + "rouge/rouge.py",
                    **({} if name == "rougeLsum" else {"T5": T5}),
                    **(
                        {}
                        if name == "rougeLsum"
                        else {"torchmetrics ROUGEScore": TORCHMETRICS + "rouge.py"}
                    ),
                },
                compute=rouge(name),
            ),
            Setting(
                metric=name,
                words="words of a-z and 0-9, Porter's stemmer",
                users={}
                if name == "rougeLsum"
                else {
                    "transformers run_summarization.py": TRANSFORMERS
                    + "summarization/run_summarization.py"
                },
                compute=rouge(name, use_stemmer=True),
            ),
        )
    ),
    Setting(
        metric="rougeLsum",
        words="a sentence ends at ' . '",
        users={"T5": T5, "files2rouge, whose ROUGE-1.5.5 calls it ROUGE-L": FILES2ROUGE},
        compute=rouge("rougeLsum", sentences="spaced_stops"),
    ),
    Setting(
        metric="rougeLsum",
        words="sentences by NLTK's punkt",
        users={"torchmetrics ROUGEScore": TORCHMETRICS + "rouge.py"},
        compute=rouge("rougeLsum", sentences="punkt"),
    ),
    Setting(
        metric="rougeLsum",
        words="sentences by NLTK's punkt, Porter's stemmer",
        users={
            "transformers run_summarization.py": TRANSFORMERS + "summarization/run_summarization.py"
        },
        compute=rouge("rougeLsum", sentences="punkt", use_stemmer=True),
    ),
)
"""The first row of each metric is ours."""

KNOWN_METRICS = tuple(dict.fromkeys(setting.metric for setting in SETTINGS))


def read_settings(texts: Texts, metrics: Sequence[str]) -> list[Reading]:
    """The value under each setting of the metrics that fits the language; settings with the same
    signature are one.
    """
    readings: dict[tuple[str, str], Reading] = {}
    our_values: dict[str, float | None] = {}
    for setting in SETTINGS:
        if setting.metric not in metrics or not setting.is_for(texts.language):
            continue
        value = setting.compute(texts)
        our_values.setdefault(setting.metric, value.value)
        key = (setting.metric, value.signature)
        if key in readings:
            first = readings[key]
            users = {**first.setting.users, **setting.users}
            readings[key] = replace(first, setting=replace(first.setting, users=users))
            continue
        base = our_values.get(setting.metric)
        is_known = base is not None and value.value is not None
        difference = value.value - base if is_known else None  # type: ignore[operator]
        readings[key] = Reading(setting=setting, value=value, difference=difference)
    return list(readings.values())
