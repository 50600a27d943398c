"""Metrics that need packages, data or models that do not come with ours: METEOR, BERTScore, COMET.

Where something is missing, they do not run and say why; nothing is ever downloaded. A model is a
folder named by `evaluation.model_folders`. The metric's package loads it and may unpickle it: use
only folders that you trust.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mtnlg.evaluation.metrics.base import Metric, MetricNotRunError, percentage, with_ones
from mtnlg.evaluation.metrics.rouge import rouge_length
from mtnlg.evaluation.metrics.tokenization import ascii_words
from mtnlg.evaluation.significance.bootstrap import FloatArray
from mtnlg.evaluation.texts import Texts, count_references
from mtnlg.text.scripts import base_language


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


def bertscore_statistics(texts: Texts, *, folder: Path | None) -> FloatArray:
    """Statistics (N, 2): the F-measure of BERTScore (Zhang et al. 2020) against the best reference,
    from the last layer of the model and not rescaled, and 1.
    """
    package = _package("bert_score", "bert-score")
    model = _folder("bertscore", folder)
    num_layers = int(json.loads((model / "config.json").read_text("utf-8"))["num_hidden_layers"])
    scorer = package.BERTScorer(
        model_type=str(model), num_layers=num_layers, lang=base_language(texts.language)
    )
    references = [list(targets) for targets in texts.references]
    _, _, values = scorer.score(list(texts.hypotheses), references)
    return with_ones([float(value) for value in values])


def comet_statistics(texts: Texts, *, folder: Path | None) -> FloatArray:
    """Statistics (N, 2): the score of a COMET model (Rei et al. 2020) against the best reference,
    and 1.
    """
    package = _package("comet", "unbabel-comet")
    checkpoint = _folder("comet", folder) / "checkpoints" / "model.ckpt"
    if not checkpoint.is_file():
        raise MetricNotRunError(f"{checkpoint} is not there; give a folder as COMET downloads them")
    assert texts.sources is not None, "metrics with needs_sources are measured with sources"
    model = package.load_from_checkpoint(str(checkpoint))
    flat = [
        {"src": source, "mt": hypothesis, "ref": target}
        for source, hypothesis, targets in zip(
            texts.sources, texts.hypotheses, texts.references, strict=True
        )
        for target in targets
    ]
    scores = iter(model.predict(flat, gpus=0, progress_bar=False).scores)
    return with_ones([max(next(scores) for _ in targets) for targets in texts.references])


def model_signature(
    references: Sequence[Sequence[str]], language: str, *, package: str, folder: Path | None
) -> str:
    """In sacreBLEU's form, with the name of the model's folder and the version of the package."""
    count, model = count_references(references), "none" if folder is None else folder.name
    return f"nrefs:{count}|multi:best|model:{model}|version:{version(package)}"


def _package(name: str, distribution: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MetricNotRunError(
            f"{distribution} is not installed; pip install {distribution}, and give the folder of "
            "a model"
        ) from None


def _folder(metric: str, folder: Path | None) -> Path:
    if folder is None:
        raise MetricNotRunError(
            f"no model is given; name its folder, as in evaluation.model_folders.{metric}=FOLDER "
            f"or --model-folder {metric}=FOLDER"
        )
    if not folder.is_dir():
        raise MetricNotRunError(f"its model folder {folder} is not there")
    return folder


_metric = partial(
    Metric,
    aggregate=percentage,
    length=rouge_length,
    max_tokens=20_000,
    is_whole=True,
    needs_model=True,
)


def _meteor(folder: Path | None) -> Metric:
    return _metric(name="meteor", statistics=meteor_statistics, signature=meteor_signature)


def _with_model(
    name: str,
    package: str,
    statistics: Callable[..., FloatArray],
    *,
    needs_sources: bool = False,
) -> Callable[[Path | None], Metric]:
    def make(folder: Path | None) -> Metric:
        return _metric(
            name=name,
            statistics=partial(statistics, folder=folder),
            signature=partial(model_signature, package=package, folder=folder),
            needs_sources=needs_sources,
        )

    return make


METRICS: dict[str, Callable[[Path | None], Metric]] = {
    "meteor": _meteor,
    "bertscore": _with_model("bertscore", "bert-score", bertscore_statistics),
    "comet": _with_model("comet", "unbabel-comet", comet_statistics, needs_sources=True),
}
"""Name -> the metric with the folder of a model."""
