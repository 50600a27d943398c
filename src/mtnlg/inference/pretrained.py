"""The model as users hold it: load a folder, give it text, get text."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import overload

import torch

from mtnlg.artifacts.store import RECORD_FILE, verify_artifact
from mtnlg.config import DecodingConfig, Engine
from mtnlg.config.foreign_names import setting_hint
from mtnlg.corpus.cleaning import clean_text
from mtnlg.errors import ArtifactError, ConfigError, is_out_of_memory
from mtnlg.generation.strategies import find_strategy
from mtnlg.inference.card import model_card
from mtnlg.inference.prompts import TaskPrompt, read_tasks, write_tasks
from mtnlg.inference.text_generator import TextGenerator
from mtnlg.model import Transformer, load_model, save_model
from mtnlg.model.folder import CARD_FILE
from mtnlg.records.codec import read_record
from mtnlg.records.files import write_text
from mtnlg.records.places import RUN_FILE, TASKS_FILE, model_folder
from mtnlg.records.runs import RunRecord
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer


class MegatronTuringForConditionalGeneration:
    """A trained transformer with its tokenizer and its tasks.

    from_pretrained(folder) loads one; generate(text) and stream(text) answer; to("cuda") moves it.
    """

    def __init__(
        self,
        model: Transformer,
        tokenizer: TextTokenizer,
        tasks: dict[str, TaskPrompt],
        default_task: str,
        *,
        folder: Path | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.tasks = tasks
        self.default_task = default_task
        self.folder = folder
        """Where it was loaded from, whose records the model card quotes."""
        self._generator = TextGenerator(model, tokenizer)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> MegatronTuringForConditionalGeneration:
        """Load a model folder; raises ArtifactError with the name of a missing or corrupt file.

        Reads only safetensors and JSON: nothing in the folder is ever executed.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise ArtifactError(
                f"{folder}: no such model folder; expected one with config.json, as training "
                "writes it"
            )
        if (folder / RECORD_FILE).is_file():
            verify_artifact(folder)
        tasks, default_task = read_tasks(folder / TASKS_FILE)
        model, tokenizer = load_model(folder), TextTokenizer.load(folder / TOKENIZER_FILE)
        if model.vocabulary_size != tokenizer.vocabulary_size:
            raise ArtifactError(
                f"{folder / TOKENIZER_FILE}: has {tokenizer.vocabulary_size} tokens, the model "
                f"{model.vocabulary_size}; they were not trained together"
            )
        return cls(model, tokenizer, tasks, default_task, folder=folder)

    def save_pretrained(self, folder: str | Path, *, run: str | Path | None = None) -> None:
        """Write the model, its tokenizer and its tasks, and a model card, README.md. The card says
        what is known of data, licenses and cost, and, with the folder of a `run` that evaluated
        this model, its scores.

        Raises ConfigError for a run of another model.
        """
        record, artifacts_root = self._evaluated(run)
        card = model_card(
            "mtnlg",
            self.tasks,
            folder=self.folder,
            name=self.model.config.name,
            run=record,
            artifacts_root=artifacts_root,
        )
        self.write_files(folder)
        write_text(Path(folder, CARD_FILE), card)

    def write_files(self, folder: str | Path) -> None:
        """Write config.json, model.safetensors, tokenizer.json and tasks.json alone."""
        folder = Path(folder)
        save_model(folder, self.model)
        self.tokenizer.save(folder / TOKENIZER_FILE)
        write_tasks(folder / TASKS_FILE, self.tasks, self.default_task)

    def _evaluated(self, run: str | Path | None) -> tuple[RunRecord | None, Path]:
        """The record of a run that evaluated this model, and the root of the artifacts."""
        if run is None:
            return None, Path()
        record = read_record(Path(run, RUN_FILE), RunRecord)
        folder = (self.folder or Path()).resolve()
        root = folder.parent.parent
        if not record.model or not self.folder or folder != model_folder(root, record.model):
            raise ConfigError(
                f"save_pretrained(run={str(run)!r}): it evaluated model {record.model}, and this "
                f"one is from {self.folder or 'no folder'}; load it from artifacts/model/<key>"
            )
        return record, root

    def to(self, device: str | torch.device) -> MegatronTuringForConditionalGeneration:
        """This model, on another device such as "cuda" or "cpu"; raises ConfigError where there is
        no such device.
        """
        try:
            self.model.to(device)
        except (RuntimeError, AssertionError, TypeError) as error:
            if is_out_of_memory(error):
                raise
            fault = str(error).splitlines()[0]
            raise ConfigError(
                f"to({str(device)!r}): PyTorch cannot use it ({fault}); cpu always works"
            ) from None
        return self

    def __repr__(self) -> str:
        config, weights = self.model.config, list(self.model.parameters())
        names = [f"{name} (default)" if name == self.default_task else name for name in self.tasks]
        return (
            f"{type(self).__name__}({config.name}: "
            f"{sum(weight.numel() for weight in weights):,} parameters, "
            f"{config.num_layers} layers of width {config.hidden_size}, "
            f"context of {config.context_length} tokens, "
            f"vocabulary of {self.tokenizer.vocabulary_size:,}; "
            f"tasks: {', '.join(names)}; on {weights[0].device})"
        )

    @overload
    def generate(
        self,
        text: str,
        *,
        task: str | None = None,
        prefix: str | None = None,
        num_return_sequences: None = None,
        **decoding: object,
    ) -> str: ...

    @overload
    def generate(
        self,
        text: list[str],
        *,
        task: str | None = None,
        prefix: str | None = None,
        num_return_sequences: None = None,
        **decoding: object,
    ) -> list[str]: ...

    @overload
    def generate(
        self,
        text: str | list[str],
        *,
        task: str | None = None,
        prefix: str | None = None,
        num_return_sequences: int,
        **decoding: object,
    ) -> list[str] | list[list[str]]: ...

    def generate(
        self,
        text: str | list[str],
        *,
        task: str | None = None,
        prefix: str | None = None,
        num_return_sequences: int | None = None,
        **decoding: object,
    ) -> str | list[str] | list[list[str]]:
        """The model's answer to a text, or a list of answers to a list of texts.

        `task` is a full name such as "translation/tatoeba_en_zh" or its last part; None: the
        folder's default. Line feeds separate the turns of a dialogue. Every answer begins with
        `prefix`, if given. With `num_return_sequences` each answer is a list of so many, best
        first. `decoding` takes the fields of DecodingConfig, such as `num_beams=5` (which chooses
        beam search) or `strategy="sampling", temperature=0.8`. Warns if texts are cut to fit the
        context.
        """
        prompt = self.find_task(task)
        if num_return_sequences is not None:
            decoding = {"num_alternatives": num_return_sequences, **decoding}
        settings = decoding_of(decoding, prefix=prefix)
        texts = _as_texts(text)
        if not texts:
            return []
        cleaned = [clean_text(source, prompt.cleaning) for source in texts]
        generated = self._generator.generate(cleaned, prompt, settings)
        _warn_of_cuts(generated.num_cut_prompts, generated.num_cut_tokens, len(texts))
        if num_return_sequences is not None:
            several = [alternatives[:num_return_sequences] for alternatives in generated.texts]
            return several[0] if isinstance(text, str) else several
        answers = [alternatives[0] for alternatives in generated.texts]
        return answers[0] if isinstance(text, str) else answers

    def stream(
        self, text: str, *, task: str | None = None, prefix: str | None = None, **decoding: object
    ) -> Iterator[str]:
        """The answer of `generate` in pieces, each as soon as its characters are certain. Only with
        greedy search and sampling, because beam search revises its output.
        """
        prompt = self.find_task(task)
        settings = decoding_of(decoding, prefix=prefix, call="stream")
        if find_strategy(settings).choose is None:
            raise ConfigError(
                f"stream(strategy={settings.strategy}): {settings.strategy} search takes back what "
                "it has said; stream with greedy or sampling, or call generate()"
            )
        if settings.engine is not None:
            raise ConfigError(
                f"stream(engine={settings.engine.value}): only our own search gives text as it "
                "comes; leave it out, or call generate()"
            )
        if settings.num_alternatives > 1:
            raise ConfigError(
                f"stream(num_alternatives={settings.num_alternatives}): a stream is one output; "
                "call generate()"
            )
        (text,) = _as_texts(text)
        cleaned = clean_text(text, prompt.cleaning)
        encoded = self._generator.encode([cleaned], prompt, settings)
        (num_cut,) = encoded.cuts
        _warn_of_cuts(int(num_cut > 0), num_cut, 1)
        return self._generator.stream(encoded, settings)

    def find_task(self, name: str | None) -> TaskPrompt:
        """A task by its full name or unambiguous last part; raises ConfigError for any other."""
        name = name or self.default_task
        titles = [title for title in self.tasks if title == name or title.split("/")[-1] == name]
        if len(titles) != 1:
            raise ConfigError(f"task={name}: this model knows {', '.join(sorted(self.tasks))}")
        return self.tasks[titles[0]]


def decoding_of(
    values: dict[str, object], *, prefix: str | None = None, call: str = "generate"
) -> DecodingConfig:
    """A DecodingConfig from keyword arguments; raises ConfigError for an unknown one, or one that
    has no effect in this call.
    """
    known = {field.name for field in dataclasses.fields(DecodingConfig)}
    unknown = sorted(set(values) - known)
    if unknown:
        hint = setting_hint(unknown[0], DecodingConfig).replace("decoding.", "")
        raise ConfigError(f"{call}() has no setting {unknown[0]!r}{hint}")
    if values.get("has_likelihood"):
        raise ConfigError(
            f"{call}(has_likelihood=True): likelihood.jsonl is written for test sets; "
            "use it as decoding.has_likelihood=true of `mtnlg generate`"
        )
    if prefix is not None:
        if values.get("forced_prefix") is not None:
            raise ConfigError(f"{call}(): prefix and forced_prefix say the same; give one of them")
        values = {**values, "forced_prefix": prefix}
    strategy = values.get("strategy", "beam" if "num_beams" in values else "greedy")
    settings = {**values, "strategy": strategy}
    engine = values.get("engine")
    try:
        settings["engine"] = None if engine is None else Engine(engine)
    except ValueError:
        names = " or ".join(known.value for known in Engine)
        raise ConfigError(f"{call}(engine={engine!r}): must be {names}") from None
    try:
        decoding = DecodingConfig(**settings)  # type: ignore[arg-type]
    except TypeError as error:
        given = ", ".join(f"{name}={value!r}" for name, value in values.items())
        raise ConfigError(f"{call}({given}): {error}") from None
    find_strategy(decoding)
    return decoding


def _as_texts(text: object) -> list[str]:
    """One text or several as a list; raises ConfigError for anything else."""
    values: list[object] = list(text) if isinstance(text, list | tuple) else [text]
    for value in values:
        if not isinstance(value, str):
            raise ConfigError(
                f"the input is a {type(value).__name__}; it must be a text, or a list of texts"
            )
    return [str(value) for value in values]


def _warn_of_cuts(num_texts: int, num_tokens: int, num_all: int) -> None:
    if num_texts:
        warnings.warn(
            f"{num_texts} of {num_all} texts did not fit the context and lost {num_tokens} tokens",
            stacklevel=3,
        )
