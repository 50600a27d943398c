"""Prompts of which only the head sees itself in both directions: those of a language model."""

from __future__ import annotations

import pytest
import torch

from made_models import EOS, PROMPTS, VARIANTS, make_model
from mtnlg.config import DecodingConfig
from mtnlg.generation.engine import generate
from mtnlg.model import Transformer

LONG = [prompt for prompt in PROMPTS if len(prompt) > 2]


@torch.inference_mode()
def plain_greedy(model: Transformer, prompt: list[int], num_new: int, prefix: int) -> list[int]:
    """By whole forward passes, as in training: only `prefix` tokens are the model's prefix."""
    ids = list(prompt)
    while len(ids) < len(prompt) + num_new and EOS not in ids[len(prompt) :]:
        logits = model(torch.tensor([ids]), prefix_lengths=torch.tensor([prefix]))
        ids.append(int(logits[0, -1].argmax()))
    return [one for one in ids[len(prompt) :] if one != EOS]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("prompts", [LONG, [PROMPTS[2], PROMPTS[5]]], ids=["padded", "even"])
@pytest.mark.parametrize("strategy", ["greedy", "beam"])
def test_continuation_equals_forward_passes_with_that_prefix(
    variant: str, prompts: list[list[int]], strategy: str
) -> None:
    """Oracle: no cache, the mask of training; a beam of one is greedy."""
    model = make_model(variant)
    beams = {"num_beams": 1} if strategy == "beam" else {}
    config = DecodingConfig(max_new_tokens=8, strategy=strategy, **beams)

    outputs = generate(model, prompts, eos_id=EOS, config=config, prefix_length=2)

    expected = [plain_greedy(model, prompt, 8, 2) for prompt in prompts]
    assert [output.ids for (output,) in outputs] == expected


def test_whole_prompt_as_prefix_gives_something_else() -> None:
    """Lest the tests above could not fail."""
    model = make_model("learned_prefix")
    config = DecodingConfig(max_new_tokens=8)

    part, whole = (
        [
            one.ids
            for (one,) in generate(model, LONG, eos_id=EOS, config=config, prefix_length=length)
        ]
        for length in (2, None)
    )

    assert part != whole
