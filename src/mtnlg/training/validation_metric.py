"""The validation metric: the main metric of each task on a few fixed rows, decoded greedily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtnlg.config import DecodingConfig
from mtnlg.evaluation import Texts, find_metric, score_texts
from mtnlg.inference import TaskPrompt, TextGenerator
from mtnlg.model import Transformer
from mtnlg.records.rows import Row
from mtnlg.tokenization.tokenizer import TextTokenizer


@dataclass(frozen=True)
class ValidationTask:
    """A task with a validation split."""

    prompt: TaskPrompt
    rows: Sequence[Row] = ()
    """What is decoded."""
    metric: str | None = None
    """The task's main metric; None: there is only a loss."""


@dataclass(frozen=True)
class ValidationMetric:
    """Scores a model in training; the mean over the tasks chooses the checkpoint."""

    tasks: Sequence[ValidationTask]
    """In the order of the validation loaders."""
    tokenizer: TextTokenizer
    decoding: DecodingConfig

    @property
    def titles(self) -> list[str]:
        """The full names of the tasks that have a metric."""
        return [task.prompt.name for task in self.tasks if task.metric is not None]

    def measure(self, model: Transformer) -> dict[str, float]:
        """The main metric of each task that has one, by the task's full name."""
        generator = TextGenerator(model, self.tokenizer)
        return {
            task.prompt.name: self._score(generator, task, task.metric)
            for task in self.tasks
            if task.metric is not None
        }

    def mean(self, values: dict[str, float]) -> float:
        """The mean of what `measure` gave; more is better: metrics of which less is better count
        with their sign turned.
        """
        metrics = {task.prompt.name: task.metric for task in self.tasks if task.metric is not None}
        signed = [
            value if find_metric(metrics[name]).higher_is_better else -value
            for name, value in values.items()
        ]
        return sum(signed) / len(signed)

    def _score(self, generator: TextGenerator, task: ValidationTask, metric: str) -> float:
        sources = [row.source for row in task.rows]
        generated = generator.generate(sources, task.prompt, self.decoding)
        texts = Texts(
            [alternatives[0] for alternatives in generated.texts],
            [row.references for row in task.rows],
            language=task.prompt.target_language,
            sources=sources,
        )
        return score_texts(metric, texts)


def fixed_rows(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` rows at an even stride: the same ones in every validation."""
    stride = max(len(rows) / count, 1.0)
    return [rows[int(index * stride)] for index in range(min(count, len(rows)))]
