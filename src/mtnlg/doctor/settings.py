"""Peer settings: how other programs score the same outputs, from settings.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources

import yaml

from mtnlg.doctor.other_rouge import py_rouge, rouge_of_sets
from mtnlg.doctor.values import (
    Compute,
    Value,
    mean_sentence_bleu,
    nltk_corpus_bleu,
    ours,
    rouge,
    sacrebleu,
    where_installed,
)
from mtnlg.evaluation import Texts
from mtnlg.text.scripts import base_language, is_sinitic, is_unspaced_language

FAMILIES = {
    **{"rougeL": ("rougeL", "rougeLsum"), "rougeLsum": ("rougeL", "rougeLsum")},
    **{"chrf++": ("chrf",), "moses_bleu": ("bleu",)},
}
"""Metric -> the metrics that are published under its name; any other stands for itself."""
FUNCTIONS: dict[str, Callable[..., Compute]] = {
    "ours": ours,
    "sacrebleu": sacrebleu,
    "rouge": rouge,
    "py_rouge": py_rouge,
    "rouge_of_sets": rouge_of_sets,
    "moses": lambda metric: ours("moses_bleu"),
    "nltk": lambda metric: nltk_corpus_bleu,
    "mean_of_sentences": lambda metric: mean_sentence_bleu,
}
"""What computes a setting of a metric, given the metric and the setting's options."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to measure a metric."""

    metric: str
    words: str
    compute: Compute
    users: Mapping[str, str] = field(default_factory=dict)
    """Program -> the address that documents its setting."""
    languages: str | None = None
    """Which languages it says anything about; None: all."""

    def is_for(self, language: str) -> bool:
        """Whether it says anything about texts in this language."""
        if self.languages in ("spaced", "unspaced"):
            return is_unspaced_language(language) == (self.languages == "unspaced")
        base = "zh" if is_sinitic(language) else base_language(language)
        return self.languages in (None, base)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A setting and its value."""

    setting: Setting
    value: Value
    difference: float | None = None
    """Distance to our own value of the metric."""


def _settings() -> Iterator[Setting]:
    """The rows of settings.yaml."""
    file = resources.files("mtnlg.doctor") / "settings.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    sources = document.pop("sources")
    for metric, rows in document.items():
        for row in rows:
            compute = FUNCTIONS[row["function"]](metric, **row.get("options", {}))
            yield Setting(
                metric=metric,
                words=row["words"],
                compute=where_installed(row["package"], compute) if "package" in row else compute,
                users={
                    user: address.format_map(sources)
                    for user, address in row.get("users", {}).items()
                },
                languages=row.get("languages"),
            )


SETTINGS = tuple(_settings())
KNOWN_METRICS = tuple(dict.fromkeys(setting.metric for setting in SETTINGS))


def read_settings(texts: Texts, metrics: Sequence[str]) -> list[Reading]:
    """The value of each setting of the metrics that fits the language. Settings with the same
    signature become one.
    """
    readings: dict[tuple[str, str], Reading] = {}
    our_values: dict[str, float | None] = {}
    for setting in SETTINGS:
        if setting.metric not in metrics or not setting.is_for(texts.language):
            continue
        value = setting.compute(texts)
        base = our_values.setdefault(setting.metric, value.value)
        key = (setting.metric, value.signature)
        if key in readings:
            first = readings[key].setting
            users = {**first.users, **setting.users}
            readings[key] = replace(readings[key], setting=replace(first, users=users))
            continue
        is_known = base is not None and value.value is not None
        difference = value.value - base if is_known else None  # type: ignore[operator]
        readings[key] = Reading(setting=setting, value=value, difference=difference)
    return list(readings.values())
