"""Scores of lists of texts: what `mtnlg score` does with files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path

from mtnlg.config.evaluation import NUM_TRIALS, EvaluationConfig
from mtnlg.errors import ConfigError, DataError
from mtnlg.leaderboard.file_board import build_file_board
from mtnlg.leaderboard.file_inputs import STANDARD_METRICS, Inputs, make_settings
from mtnlg.leaderboard.model import Leaderboard
from mtnlg.library.results import Comparison, Scores
from mtnlg.records.text_files import TextFile, check_aligned
from mtnlg.text.scripts import find_unscorable

References = Sequence[str] | Sequence[Sequence[str]]
"""A reference for each text, or a list of references for each."""
KINDS: dict[type, str] = {
    str: "a text",
    Sequence: "a list of names",
    Mapping: "a dictionary",
    Integral: "a whole number",
    Real: "a number",
}
"""Type of an argument -> what it must be, in words."""


def score(
    hypotheses: Sequence[str],
    references: References,
    *,
    task: str,
    language: str,
    metrics: Sequence[str] | str = (),
    sources: Sequence[str] | None = None,
    main_metric: str | None = None,
    model_folders: Mapping[str, str] | None = None,
    confidence: float = EvaluationConfig.confidence,
    resamples: int = EvaluationConfig.num_resamples,
    seed: int = EvaluationConfig.seed,
) -> Scores:
    """The scores of one system's outputs: the numbers of `mtnlg score`.

    `task` is the kind: translation, summarization or dialogue; `language` is that of the
    references, as ISO 639 code, and chooses the tokens. `metrics` are names such as "bleu" or
    "rougeL-stem"; without any, the usual ones of the kind. `references` has a text for each
    output, or a list of texts. Raises DataError for texts that do not fit together and ConfigError
    for an argument that is not allowed, and names it.

    >>> scores = score(["the cat sat"], ["the cat sat"], task="translation", language="en",
    ...                metrics=["chrf", "ter"])
    >>> scores.value, scores["ter"].value, scores.n
    (100.0, 0.0, 1)
    >>> scores.signature
    'nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0'
    """
    compared = compare(
        {"hypotheses": hypotheses},
        references,
        task=task,
        language=language,
        metrics=metrics,
        sources=sources,
        main_metric=main_metric,
        model_folders=model_folders,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    return compared["hypotheses"]


def compare(
    systems: Mapping[str, Sequence[str]],
    references: References,
    *,
    task: str,
    language: str,
    metrics: Sequence[str] | str = (),
    sources: Sequence[str] | None = None,
    main_metric: str | None = None,
    model_folders: Mapping[str, str] | None = None,
    confidence: float = EvaluationConfig.confidence,
    resamples: int = EvaluationConfig.num_resamples,
    trials: int = NUM_TRIALS,
    seed: int = EvaluationConfig.seed,
    equivalence_margin: Mapping[str, float] | None = None,
) -> Comparison:
    """The scores of several systems, name -> outputs, and paired tests of each pair: the numbers of
    `mtnlg score`. Arguments and errors are those of `score`.

    >>> references = ["one red cat", "two dogs ran", "it rained all day", "the train is late"]
    >>> guesses = ["a red cat", "the dogs", "it was a day", "a train came"]
    >>> compared = compare({"perfect": references, "guesses": guesses}, references,
    ...                    task="translation", language="en", metrics="chrf", trials=500)
    >>> [(name, round(scores.value)) for name, scores in compared.items()]
    [('perfect', 100), ('guesses', 26)]
    >>> compared.pairs[0].is_significant  # four texts cannot show it
    False
    """
    if not isinstance(systems, Mapping) or not systems:
        raise ConfigError("systems: must be a dictionary of at least one name and its outputs")
    _check_types(str, task=task)
    if task not in STANDARD_METRICS:
        raise ConfigError(f"task={task!r}: must be one of {', '.join(STANDARD_METRICS)}")
    metrics = [metrics] if isinstance(metrics, str) else metrics
    margins, folders = equivalence_margin or {}, model_folders or {}
    _check_types(str, language=language, main_metric=main_metric or "")
    _check_types(str, **{f"systems: the name {name!r}": name for name in systems})
    _check_types(Sequence, metrics=metrics)
    _check_types(Mapping, equivalence_margin=margins, model_folders=folders)
    _check_types(Integral, resamples=resamples, trials=trials, seed=seed)
    _check_types(Real, confidence=confidence)
    _check_types(Real, **{f"equivalence_margin[{name!r}]": margins[name] for name in margins})
    settings = make_settings(
        task=task,
        language=language,
        has_sources=sources is not None,
        num_systems=len(systems),
        metrics=metrics,
        main_metric=main_metric,
        model_folders={name: str(folders[name]) for name in folders},
        resamples=int(resamples),
        confidence=float(confidence),
        trials=int(trials),
        seed=int(seed),
        equivalence_margin=margins,
    )
    inputs = _inputs(systems, references, sources)
    settings = replace(settings, max_processes=1)
    board = build_file_board(inputs, settings, task=task)
    return Comparison(Leaderboard("Scores", None, (board,), (), Path()))


def _inputs(
    systems: Mapping[str, Sequence[str]], references: References, sources: Sequence[str] | None
) -> Inputs:
    hypotheses = [_texts(name, texts) for name, texts in systems.items()]
    targets = _texts("references", references, has_several=True)
    num_texts = len(hypotheses[0].examples)
    is_transposed = all(len(texts) == num_texts for texts in targets.examples)
    if num_texts > 1 and len(targets.examples) != num_texts and is_transposed:
        raise DataError(
            "references: has a list for each set of references, as sacreBLEU takes them; give a "
            "list for each text: list(zip(*references))"
        )
    source_file = None if sources is None else _texts("sources", sources)
    check_aligned([targets, *hypotheses, *filter(None, [source_file])])
    for index, texts in enumerate(targets.examples):
        if not any(text.strip() for text in texts):
            raise DataError(f"references[{index}]: is empty; leave it out of all lists")
    return Inputs(
        hypotheses=hypotheses,
        references=[targets],
        sources=source_file,
        targets=[tuple(filter(str.strip, texts)) for texts in targets.examples],
        names=list(systems),
    )


def _check_types(kind: type, **arguments: object) -> None:
    """Raise ConfigError for an argument of another type."""
    for name, value in arguments.items():
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ConfigError(f"{name}={value!r}: must be {KINDS[kind]}")


def _texts(name: str, values: Iterable[object], *, has_several: bool = False) -> TextFile:
    """The texts of a list as a file of them; raises DataError naming what is no text."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise DataError(f"{name}: is a {type(values).__name__}; it must be a list of texts")
    examples = []
    for index, value in enumerate(values):
        several = has_several and isinstance(value, Sequence) and not isinstance(value, str)
        texts = tuple(value) if several and isinstance(value, Sequence) else (value,)
        for text in texts:
            if not isinstance(text, str):
                raise DataError(f"{name}[{index}]: is a {type(text).__name__}; it must be a text")
            if (unscorable := find_unscorable(text)) is not None:
                raise DataError(f"{name}[{index}]: {unscorable} is no text; remove it")
        examples.append(tuple(str(text) for text in texts))
    if not examples:
        raise DataError(f"{name}: has no text; give at least one")
    return TextFile(name, examples, range(1, len(examples) + 1))
