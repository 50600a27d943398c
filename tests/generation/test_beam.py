"""Beam search against brute force, a plain search by lists, greedy search and Hugging Face."""

from __future__ import annotations

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from made_models import (
    EOS,
    PROMPTS,
    VARIANTS,
    all_hypotheses,
    copy_weights,
    make_model,
    plain_beam,
    without_end,
)
from mtnlg.config import DecodingConfig
from mtnlg.generation.engine import generate
from mtnlg.model import KeyValueCache

TOLERANCE = 1e-4
"""float32; a score sums a dozen log-probabilities."""
PROMPTS_OF_FIVE = [[1, 3, 4], [0]]
"""Of a vocabulary of five."""


def beam(**fields: object) -> DecodingConfig:
    return DecodingConfig(strategy="beam", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_beams_for_every_sequence_equal_brute_force(seed: int, length_penalty: float) -> None:
    """Oracle: all sequences of a vocabulary of 4 up to 3 tokens, scored one by one."""
    model = make_model(seed=seed, vocabulary_size=4)
    prompts = [[1, 3], [0]]
    config = beam(
        max_new_tokens=3, num_beams=64, num_alternatives=64, length_penalty=length_penalty
    )

    outputs = generate(model, prompts, eos_id=EOS, config=config)

    for prompt, found in zip(prompts, outputs, strict=True):
        expected = all_hypotheses(model, prompt, num_steps=3, length_penalty=length_penalty)
        assert len(found) == len(expected) == 1 + 3 + 3 * 3 * 4
        assert [output.score for output in found] == pytest.approx(
            [one.score for one in expected], abs=TOLERANCE
        )
        assert {tuple(output.ids) for output in found} == {
            tuple(without_end(one.ids)) for one in expected
        }
        assert found[0].ids == without_end(expected[0].ids)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
def test_beams_equal_a_plain_search_by_lists(variant: str, length_penalty: float) -> None:
    model = make_model(variant)
    config = beam(max_new_tokens=11, num_beams=3, num_alternatives=3, length_penalty=length_penalty)

    outputs = generate(model, PROMPTS, eos_id=EOS, config=config)

    for prompt, found in zip(PROMPTS, outputs, strict=True):
        expected = plain_beam(model, prompt, config)
        assert [output.ids for output in found] == [without_end(one.ids) for one in expected]
        assert [output.is_finished for output in found] == [one.ids[-1] == EOS for one in expected]
        assert [output.score for output in found] == pytest.approx(
            [one.score for one in expected], abs=TOLERANCE
        )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_beam_of_one_equals_greedy(variant: str, length_penalty: float, seed: int) -> None:
    model = make_model(variant, seed=seed)
    greedy = generate(model, PROMPTS, eos_id=EOS, config=DecodingConfig(max_new_tokens=12))

    config = beam(max_new_tokens=12, num_beams=1, length_penalty=length_penalty)
    beams = generate(model, PROMPTS, eos_id=EOS, config=config)

    for (ours,), (theirs,) in zip(beams, greedy, strict=True):
        assert (ours.ids, ours.is_finished) == (theirs.ids, theirs.is_finished)
        length = len(ours.ids) + ours.is_finished
        assert ours.score == pytest.approx(theirs.score / length**length_penalty, abs=TOLERANCE)


def test_cache_grows_where_beams_share_few_ancestors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the plain search by lists; near-equal chances keep the beams apart."""
    capacities: list[int] = []
    reserve = KeyValueCache.reserve

    def watched(cache: KeyValueCache, num_slots: int) -> None:
        reserve(cache, num_slots)
        capacities.append(cache.keys.shape[3])

    monkeypatch.setattr(KeyValueCache, "reserve", watched)
    model = make_model(seed=4, vocabulary_size=5, initial_deviation=0.1)
    config = beam(max_new_tokens=9, num_beams=30, num_alternatives=30)

    outputs = generate(model, PROMPTS_OF_FIVE, eos_id=EOS, config=config)

    assert capacities[-1] > capacities[0]
    for prompt, found in zip(PROMPTS_OF_FIVE, outputs, strict=True):
        expected = plain_beam(model, prompt, config)
        assert [output.ids for output in found] == [without_end(one.ids) for one in expected]


def test_equal_tokens_go_to_the_lower_id() -> None:
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()

    greedy = generate(model, [[3]], eos_id=EOS, config=DecodingConfig(max_new_tokens=4))
    beams = generate(
        model, [[3]], eos_id=EOS, config=beam(max_new_tokens=4, num_beams=2, num_alternatives=2)
    )

    assert greedy[0][0].ids == [0, 0, 0, 0]
    assert [output.ids for output in beams[0]] == [[0, 0, 0, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_outputs_equal_hugging_face_beam_search(length_penalty: float) -> None:
    """Oracle: GPT2LMHeadModel.generate with copied weights, on prompts of different lengths."""
    torch.manual_seed(4)
    reference = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=29,
            n_positions=23,
            n_embd=21,
            n_layer=2,
            n_head=3,
            initializer_range=0.3,
            bos_token_id=None,
            eos_token_id=EOS,
        )
    ).eval()
    model = make_model()
    copy_weights(reference, model)
    width = max(len(prompt) for prompt in PROMPTS)
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in PROMPTS])
    attention_mask = torch.tensor(
        [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in PROMPTS]
    )

    expected = reference.generate(
        ids,
        attention_mask=attention_mask,
        max_new_tokens=10,
        num_beams=4,
        num_return_sequences=3,
        length_penalty=length_penalty,
        do_sample=False,
        pad_token_id=EOS,
    )
    config = beam(max_new_tokens=10, num_beams=4, num_alternatives=3, length_penalty=length_penalty)
    outputs = generate(model, PROMPTS, eos_id=EOS, config=config)

    found = [output.ids for alternatives in outputs for output in alternatives]
    assert found == [without_end(row) for row in expected[:, width:].tolist()]
    assert any(output.is_finished for alternatives in outputs for output in alternatives)
