"""Metrics that need data or models that do not come with ours: METEOR, BERTScore, COMET.

Where something is missing, they do not run and say why; nothing is ever downloaded. A model is a
folder named by `evaluation.model_folders`, of which no code is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.errors import MtnlgError
from mtnlg.evaluation.metrics.base import Family, Metric, MetricNotRunError, percentage, with_ones
from mtnlg.evaluation.metrics.rouge import rouge_length
from mtnlg.evaluation.metrics.tokenization import ascii_words
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, count_references
from mtnlg.text.scripts import base_language

if TYPE_CHECKING:
    from mtnlg.learned.bertscore import BertScore
    from mtnlg.learned.comet import Comet

MODELS = {
    "bertscore": "FacebookAI/roberta-large",
    "comet": "Unbabel/wmt22-comet-da",
    "cometkiwi": "Unbabel/wmt22-cometkiwi-da",
}
"""Metric -> a model of the hub that it can read."""
COMET_CLASSES = {"comet": "regression_metric", "cometkiwi": "unified_metric"}
"""Metric -> the class_identifier of its models."""


def meteor_statistics(texts: Texts) -> FloatArray:
    """Statistics (N, 2): NLTK's METEOR (Banerjee and Lavie 2005) against the best reference, and
    1.
    """
    if base_language(texts.language) != "en":
        raise MetricNotRunError(f"METEOR's stems and synonyms are English, not {texts.language}")
    nltk = import_module("nltk")
    try:
        nltk.data.find("corpora/wordnet.zip")
    except LookupError:
        raise MetricNotRunError(
            "the WordNet data of NLTK is not here; python -m nltk.downloader wordnet"
        ) from None
    meteor = import_module("nltk.translate.meteor_score").meteor_score
    return with_ones(
        [
            meteor([ascii_words(target) for target in targets], ascii_words(hypothesis))
            for hypothesis, targets in zip(texts.hypotheses, texts.references, strict=True)
        ]
    )


def meteor_signature(references: Sequence[Sequence[str]], language: str) -> str:
    """In sacreBLEU's form, with the version of NLTK."""
    count, release = count_references(references), version("nltk")
    return f"nrefs:{count}|multi:best|case:lc|tok:rouge_score|wordnet:yes|version:nltk-{release}"


@dataclass(frozen=True, kw_only=True)
class BertScoreSettings:
    """What the words of a name change."""

    folder: Path | None
    value: str = "f1"
    layer: int | None = None
    """None: the layer that bert_score takes of a model of that name."""
    is_rescaled: bool = False
    """A baseline of bert_score is 0, so that values spread more."""


def bertscore_statistics(texts: Texts, *, settings: BertScoreSettings) -> FloatArray:
    """Statistics (N, 2): BERTScore (Zhang et al. 2020) against the best reference, and 1."""
    from mtnlg.learned.bertscore import COLUMNS, rescaled

    language = base_language(texts.language)
    with _as_reason():
        scorer = _bertscore(settings)
        baseline = scorer.baseline(language) if settings.is_rescaled else None
    if scorer.language not in (None, language):
        raise MetricNotRunError(
            f"{scorer.folder} is a model of {scorer.language}, and the texts are {language}"
        )
    values = scorer.score(texts.hypotheses, texts.references)
    if baseline is not None:
        values = rescaled(values, baseline)
    return with_ones(values[:, COLUMNS.index(settings.value)])


def bertscore_signature(
    references: Sequence[Sequence[str]], language: str, *, settings: BertScoreSettings
) -> str:
    """In sacreBLEU's form, with the model, its weights, the layer and releases."""
    rescaled = "yes" if settings.is_rescaled else "no"
    return (
        f"nrefs:{count_references(references)}|multi:best|value:{settings.value}|"
        f"rescaled:{rescaled}|{_bertscore(settings).signature}"
    )


def comet_statistics(texts: Texts, *, name: str, folder: Path | None) -> FloatArray:
    """Statistics (N, 2): the score of a COMET model (Rei et al. 2020, 2022), and 1; comet is that
    of the best reference, cometkiwi reads none.
    """
    assert texts.sources is not None, "metrics with needs_sources are measured with sources"
    with _as_reason():
        model = _comet(name, folder)
        model.check_language(base_language(texts.language))
    if name == "cometkiwi":
        return with_ones(model.estimation(texts.sources, texts.hypotheses))
    rows = zip(texts.sources, texts.hypotheses, texts.references, strict=True)
    triples = [(source, hypothesis, target) for source, hypothesis, many in rows for target in many]
    sources, hypotheses, targets = zip(*triples, strict=True)
    scores = iter(model.regression(sources, hypotheses, targets))
    return with_ones([max(next(scores) for _ in many) for many in texts.references])


def comet_signature(
    references: Sequence[Sequence[str]], language: str, *, name: str, folder: Path | None
) -> str:
    """In sacreBLEU's form, with the model, its weights, the layer and releases."""
    count = 0 if name == "cometkiwi" else f"{count_references(references)}|multi:best"
    return f"nrefs:{count}|{_comet(name, folder).signature}"


def _bertscore(settings: BertScoreSettings) -> BertScore:
    from mtnlg.learned.bertscore import load_bertscore

    return load_bertscore(_folder("bertscore", settings.folder), settings.layer)


def _comet(name: str, folder: Path | None) -> Comet:
    from mtnlg.learned.comet import load_comet

    return load_comet(_folder(name, folder), COMET_CLASSES[name])


def _folder(name: str, folder: Path | None) -> Path:
    if folder is None:
        raise MetricNotRunError(
            f"no model is given; hf download {MODELS[name]} --local-dir FOLDER, and name it by "
            f"evaluation.model_folders.{name}=FOLDER or --model-folder {name}=FOLDER"
        )
    if not folder.is_dir():
        raise MetricNotRunError(f"its model folder {folder} is not there")
    return folder


@contextmanager
def _as_reason() -> Iterator[None]:
    """Turn an error of a model's folder into the reason why the metric is not run."""
    try:
        yield
    except MtnlgError as error:
        raise MetricNotRunError(str(error)) from None


_metric = partial(
    Metric,
    aggregate=percentage,
    length=rouge_length,
    max_tokens=20_000,
    is_whole=True,
    needs_model=True,
)


def _bertscore_family(folder: Path | None, words: Sequence[str]) -> Family:
    def make(name: str, settings: BertScoreSettings) -> Metric:
        return _metric(
            name=name,
            statistics=partial(bertscore_statistics, settings=settings),
            signature=partial(bertscore_signature, settings=settings),
        )

    layers = [word for word in words if re.fullmatch(r"layer\d+", word)] or ["layer9"]
    return Family(
        name="bertscore",
        make=make,
        settings=BertScoreSettings(folder=folder),
        words={
            **{word: {"value": word} for word in ("precision", "recall")},
            **{word: {"layer": int(word.removeprefix("layer"))} for word in layers},
            "rescaled": {"is_rescaled": True},
        },
    )


def find_optional(
    name: str, *, key: str = "evaluation.metrics", model_folders: Mapping[str, str] | None = None
) -> Metric | None:
    """The metric of that name, with the folder of its model; None for any other name.

    Raises ConfigError, naming the setting `key`, where a word of the name is unknown.
    """
    base, *words = name.split("-")
    folders = model_folders or {}
    given = folders.get(name, folders.get(base))
    folder = None if given is None else Path(given)
    if base == "bertscore":
        return _bertscore_family(folder, words).variant(name, words, key=key)
    if name == "meteor":
        return _metric(name=name, statistics=meteor_statistics, signature=meteor_signature)
    if name in COMET_CLASSES:
        return _metric(
            name=name,
            statistics=partial(comet_statistics, name=name, folder=folder),
            signature=partial(comet_signature, name=name, folder=folder),
            needs_sources=True,
        )
    return None


METRICS = {name: metric for name in ("meteor", *MODELS) if (metric := find_optional(name))}
"""Name -> the metric without the folder of a model."""
