"""The generation metric of a validation: a few fixed rows of each task, decoded greedily and
scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtnlg.config import DecodingConfig
from mtnlg.evaluation import Texts, score_texts
from mtnlg.inference import TaskPrompt, TextGenerator
from mtnlg.model import Transformer
from mtnlg.records.rows import Row
from mtnlg.tokenization.tokenizer import TextTokenizer


@dataclass(frozen=True)
class ValidationTask:
    """Rows of one task, and what they are scored by."""

    prompt: TaskPrompt
    rows: Sequence[Row]
    metric: str


@dataclass(frozen=True)
class ValidationMetric:
    """Scores a model in training; the mean over the tasks chooses the checkpoint."""

    tasks: Sequence[ValidationTask]
    tokenizer: TextTokenizer
    decoding: DecodingConfig

    def measure(self, model: Transformer) -> dict[str, float]:
        """`validation_metric` (mean over tasks, 0-100) and, with several tasks, each one's own;
        nothing where no task has a metric.
        """
        if not self.tasks:
            return {}
        generator = TextGenerator(model, self.tokenizer)
        values = {task.prompt.name: self._score(generator, task) for task in self.tasks}
        mean = sum(values.values()) / len(values)
        each = (
            {f"validation_metric/{name}": value for name, value in values.items()}
            if len(values) > 1
            else {}
        )
        return {"validation_metric": mean, **each}

    def _score(self, generator: TextGenerator, task: ValidationTask) -> float:
        generated = generator.generate(
            [row.source for row in task.rows], task.prompt, self.decoding
        )
        texts = Texts(
            [alternatives[0] for alternatives in generated.texts],
            [row.references for row in task.rows],
            language=task.prompt.target_language,
        )
        return score_texts(task.metric, texts)


def fixed_rows(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` rows at an even stride: the same ones in every validation."""
    stride = max(len(rows) / count, 1.0)
    return [rows[int(place * stride)] for place in range(min(count, len(rows)))]
