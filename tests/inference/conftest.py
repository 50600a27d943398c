"""A tiny random model with two tasks, as users hold it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from mtnlg.config import CleaningConfig, ModelConfig, TaskKind, TokenizerConfig
from mtnlg.inference import TaskPrompt
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.model import Transformer
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer

TRANSLATION, DIALOGUE = "translation/captions", "dialogue/chat"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads would only wait for each other."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="session")
def prompts() -> dict[str, TaskPrompt]:
    cleaning = CleaningConfig()
    return {
        TRANSLATION: TaskPrompt(
            TRANSLATION, TaskKind.translation, "en", "zh", "<translation_en_zh>", cleaning
        ),
        DIALOGUE: TaskPrompt(DIALOGUE, TaskKind.dialogue, "en", "en", "<dialogue_en>", cleaning),
    }


@pytest.fixture(scope="session")
def tokenizer(prompts: dict[str, TaskPrompt]) -> TextTokenizer:
    texts = ["the red cat sees a dog", "一只红猫看见一条狗", "how are you?\nfine, and you?"]
    markers = [prompt.marker for prompt in prompts.values()]
    return train_tokenizer(texts, TokenizerConfig(vocabulary_size=300), markers=markers)


@pytest.fixture
def pretrained(
    tokenizer: TextTokenizer, prompts: dict[str, TaskPrompt]
) -> MegatronTuringForConditionalGeneration:
    """Weights large enough that answers differ between texts."""
    torch.manual_seed(3)
    config = ModelConfig(
        name="tiny",
        num_layers=2,
        hidden_size=21,
        num_heads=3,
        context_length=37,
        initial_deviation=0.4,
    )
    model = Transformer(config, tokenizer.vocabulary_size).eval()
    return MegatronTuringForConditionalGeneration(model, tokenizer, dict(prompts), TRANSLATION)
