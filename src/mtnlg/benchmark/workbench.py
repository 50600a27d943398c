"""What the cases share: settings, models of a few sizes, a tokenizer, parallel text as tokens."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

from mtnlg.benchmark.measurement import ours, timed_command
from mtnlg.config import CleaningConfig, ModelConfig, TaskKind
from mtnlg.inference import PromptBuilder, TaskPrompt
from mtnlg.interop.export import export_model
from mtnlg.model import Transformer, save_model
from mtnlg.provenance.environment import git_state
from mtnlg.records.transformers_folder import import_transformers
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer
from mtnlg.tokenization.tokens import TokenSplit, read_token_split
from mtnlg.training.data import SequenceDataset, TaskSplit

SHAPES = {"2 M": (6, 128, 4), "10 M": (10, 256, 8), "92 M": (12, 768, 12), "quick": (2, 32, 2)}
"""Size -> layers, width and heads of mt_nlg_tiny, mt_nlg_small, GPT-2 small, and of tests."""
BLOCK_TOKENS = 512
PEER_PACKAGES = ("torch", "transformers", "ctranslate2", "sacrebleu", "rouge-score")


@dataclass(frozen=True)
class Workbench:
    """One benchmark: how much it measures, and a folder for what it makes on the way."""

    scratch: Path
    repeats: int = 5
    threads: int = 1
    is_quick: bool = False
    is_large: bool = False
    data_root: Path | None = None

    @property
    def sizes(self) -> list[str]:
        """The sizes of models that are measured."""
        return ["quick"] if self.is_quick else ["2 M", "10 M", *(["92 M"] if self.is_large else [])]

    def facts(self) -> dict[str, object]:
        """When, of what and how often it measures, for the board."""
        git = git_state()
        commit = f"{git['commit'] or 'unknown'}"[:9] + (" with changes" if git["dirty"] else "")
        named = {name: installed_release(name) for name in PEER_PACKAGES}
        return {
            "on": datetime.now(UTC).date().isoformat(),
            "at commit": commit,
            "with text of": "the built-in corpus" if self.data_root is None else "Multi30k",
            "alternations": self.repeats,
            "busy processes on the machine": round(os.getloadavg()[0], 1),
            **{name: version for name, version in named.items() if version},
            **({"sizes": "quick, which say nothing"} if self.is_quick else {}),
        }

    def scaled(self, full: int, quick: int) -> int:
        """An amount of work."""
        return quick if self.is_quick else full

    @property
    def vocabulary_size(self) -> int:
        return self.scaled(8_000, 600)

    @property
    def _task(self) -> str:
        """Multi30k where there is a folder of data sets, else the built-in corpus."""
        return "builtin_en_zh" if self.data_root is None else "multi30k_en_de"

    @property
    def words(self) -> list[str]:
        """The settings of stages on parallel text, in folders of the scratch."""
        words = [f"task=translation/{self._task}", "model=mt_nlg_nano"]
        words += [f"tokenizer.vocabulary_size={self.vocabulary_size}"]
        if self.data_root is not None:
            words += [f"data_root={self.data_root}", f"tasks.{self._task}.test_sets=[test]"]
        if self.is_quick:
            words += [f"tasks.{self._task}.max_train_rows=300"]
        return [*words, *roots(self.scratch)]

    @cached_property
    def prepared(self) -> Path:
        """The artifacts of the parallel text."""
        timed_command(ours("prepare", *self.words), threads=self.threads)
        return self.scratch / "artifacts"

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """The tokenizer of that text, filled up to the models' vocabulary."""
        tokenizer = TextTokenizer.load(next(self.prepared.glob(f"tokenizer/*/{TOKENIZER_FILE}")))
        number = self.vocabulary_size - tokenizer.vocabulary_size
        tokenizer.add_markers([f"<unused_{index:04}>" for index in range(number)])
        return tokenizer

    def ragged(self) -> SequenceDataset:
        """The parallel text, in sequences as long as its sentences."""
        folder = next(self.prepared.glob("tokens/*/train.ids.bin")).parent
        return self._dataset(read_token_split(folder, "train"), TaskKind.translation)

    def blocks(self) -> SequenceDataset:
        """Sequences of random tokens that all fill the context."""
        length, number = BLOCK_TOKENS - 3, self.scaled(64, 8)  # marker, separator, end
        random = np.random.Generator(np.random.PCG64(0))
        ids = random.integers(300, self.vocabulary_size, size=length * number).astype(np.uint32)
        starts = np.arange(number, dtype=np.int64) * length
        ends = np.stack([starts, starts + length], axis=1)
        return self._dataset(TokenSplit(ids, ends), TaskKind.language_modeling)

    def _dataset(self, tokens: TokenSplit, kind: TaskKind) -> SequenceDataset:
        marker = f"<translation_{self._task[-5:]}>"
        prompt = TaskPrompt("benchmark", kind, "en", "en", marker, CleaningConfig())
        builder = PromptBuilder(self.tokenizer, BLOCK_TOKENS)
        return SequenceDataset([TaskSplit(prompt, tokens, 1.0)], builder)

    def config(self, size: str, *, deviation: float = 0.02) -> ModelConfig:
        """A decoder with the layers of GPT-2, which all peers know."""
        num_layers, hidden_size, num_heads = SHAPES[size]
        return ModelConfig(
            name=size,
            num_layers=num_layers,
            hidden_size=hidden_size,
            num_heads=num_heads,
            context_length=BLOCK_TOKENS,
            initial_deviation=deviation,
        )

    def model(self, size: str, *, deviation: float = 0.02) -> Transformer:
        """A model with random weights, the same at any time."""
        torch.manual_seed(0)
        return Transformer(self.config(size, deviation=deviation), self.vocabulary_size)

    def exported(self, model: Transformer, form: str, name: str) -> Path:
        """The model as `mtnlg export` writes it for a peer."""
        folder, target = self.scratch / name / "model", self.scratch / name / form
        if not folder.exists():
            save_model(folder, model)
            self.tokenizer.save(folder / TOKENIZER_FILE)
        if not target.exists():
            export_model(folder, form, target, card="")
        return target


def installed_release(name: str) -> str | None:
    """The version of a package; None where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def set_up(threads: int) -> None:
    """Give this process its threads, and let peers and Lightning say nothing."""
    torch.set_num_threads(threads)
    if installed_release("transformers"):
        import_transformers("")


def roots(folder: Path) -> list[str]:
    """The settings of the folders that stages write to."""
    return [f"{name}_root={folder / name}" for name in ("artifacts", "runs", "reports")]


def equal_share(left: Sequence[object], right: Sequence[object]) -> float:
    """The share of positions at which both have the same."""
    return sum(a == b for a, b in zip(left, right, strict=True)) / len(left)
