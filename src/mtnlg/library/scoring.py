"""Scores of lists of texts: what `mtnlg score` does with files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mtnlg.config.evaluation import NUM_TRIALS, EvaluationConfig
from mtnlg.errors import ConfigError, DataError, suggestion
from mtnlg.leaderboard.file_board import build_file_board
from mtnlg.leaderboard.file_inputs import STANDARD_METRICS, Inputs, make_settings
from mtnlg.leaderboard.model import Board, Leaderboard, RowComparison
from mtnlg.library.boards import Boards
from mtnlg.records.text_files import TextFile, check_aligned
from mtnlg.report.summary import board_sentence
from mtnlg.text.scripts import find_unscorable

if TYPE_CHECKING:
    import pandas

References = Sequence[str] | Sequence[Sequence[str]]
"""A reference for each text, or a list of references for each."""
FRAME = ("system", "rank", "metric", "value", "low", "high", "n", "unit", "cld", "signature")
"""Columns of the frame of scored texts."""


@dataclass(frozen=True, slots=True)
class Score:
    """One number with everything that it takes to read it."""

    metric: str
    value: float
    low: float | None
    high: float | None
    """Ends of the bootstrap interval; None where the metric has none."""
    n: int
    """Number of texts."""
    unit: str
    higher_is_better: bool | None
    """None: it describes, and no direction is better."""
    signature: str


class Scores(Boards, Mapping[str, Score]):
    """The scores of one system: metric -> Score. `value`, `low`, `high`, `n` and `signature` are
    those of the main metric, the first.
    """

    @property
    def value(self) -> float:
        """The main metric."""
        return self.main.value

    @property
    def low(self) -> float | None:
        """The lower end of its interval."""
        return self.main.low

    @property
    def high(self) -> float | None:
        """The upper end of its interval."""
        return self.main.high

    @property
    def n(self) -> int:
        """Number of texts."""
        return self.main.n

    @property
    def signature(self) -> str:
        """How the main metric was computed, as in sacreBLEU."""
        return self.main.signature

    @property
    def main(self) -> Score:
        """The score by the main metric."""
        return self[self.leaderboard.boards[0].metric_names[0]]

    def to_frame(self) -> pandas.DataFrame:
        """A line for each metric."""
        return self._frame(*FRAME).drop(columns=["system", "rank", "cld"]).set_index("metric")

    def __getitem__(self, metric: str) -> Score:
        (row,) = self.leaderboard.boards[0].rows
        if metric not in row.metrics:
            known = suggestion(metric, row.metrics) or f"; computed: {', '.join(row.metrics)}"
            raise KeyError(row.left_out.get(metric) or f"{metric!r} was not computed{known}")
        score = row.metrics[metric]
        return Score(
            metric,
            score.value,
            score.low,
            score.high,
            score.num_examples,
            score.unit,
            score.higher_is_better,
            score.signature,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.leaderboard.boards[0].rows[0].metrics)

    def __len__(self) -> int:
        return len(self.leaderboard.boards[0].rows[0].metrics)

    def __repr__(self) -> str:
        return str(self)


class Comparison(Boards, Mapping[str, Scores]):
    """Several systems on the same texts: name -> Scores, best first."""

    @property
    def board(self) -> Board:
        """The board as `mtnlg.leaderboard.model` has it."""
        return self.leaderboard.boards[0]

    @property
    def verdict(self) -> str:
        """Which system is best by the main metric, and how sure that is, in words."""
        return board_sentence(self.board)

    @property
    def pairs(self) -> tuple[RowComparison, ...]:
        """The paired tests of the main metric."""
        return self.board.comparisons

    def to_frame(self) -> pandas.DataFrame:
        """A line for each system and metric; systems that share a letter in `cld` are not
        significantly different.
        """
        return self._frame(*FRAME)

    def differences(self) -> pandas.DataFrame:
        """A line for each pair of systems and metric: the difference with its interval and p-value,
        before and after Holm's correction.
        """
        import pandas

        return pandas.DataFrame(
            [
                asdict(pair) | {"is_significant": pair.is_significant}
                for tests in self.board.tests.values()
                for pair in tests.comparisons
            ]
        ).dropna(axis="columns", how="all")

    def __getitem__(self, system: str) -> Scores:
        rows = [row for row in self.board.rows if row.label == system]
        if not rows:
            raise KeyError(f"{system!r} is none of {', '.join(self)}")
        board = replace(self.board, rows=tuple(rows), tests={})
        return Scores(replace(self.leaderboard, boards=(board,)))

    def __iter__(self) -> Iterator[str]:
        return (row.label for row in self.board.rows)

    def __len__(self) -> int:
        return len(self.board.rows)

    def __repr__(self) -> str:
        return str(self)


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
    if task not in STANDARD_METRICS:
        raise ConfigError(f"task={task!r}: must be one of {', '.join(STANDARD_METRICS)}")
    metrics = [metrics] if isinstance(metrics, str) else metrics
    _check_types(language=(language, str), metrics=(metrics, Sequence))
    _check_types(resamples=(resamples, int), trials=(trials, int), seed=(seed, int))
    _check_types(confidence=(confidence, float))
    settings = make_settings(
        task=task,
        language=language,
        has_sources=sources is not None,
        num_systems=len(systems),
        metrics=metrics,
        main_metric=main_metric,
        model_folders=model_folders,
        resamples=resamples,
        confidence=confidence,
        trials=trials,
        seed=seed,
        equivalence_margin=equivalence_margin,
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


def _check_types(**arguments: tuple[object, type]) -> None:
    """Raise ConfigError for an argument of another type."""
    for name, (value, kind) in arguments.items():
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ConfigError(f"{name}={value!r}: must be a {kind.__name__}")


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
