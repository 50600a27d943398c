"""What every strategy promises: independence of the batch, limits, ends, forbidden ids, errors."""

from __future__ import annotations

from importlib import resources

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as some

from made_models import EOS, PROMPTS, VOCABULARY_SIZE, assert_same, make_model
from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import cut_batches, new_token_limits
from mtnlg.generation.engine import generate
from mtnlg.generation.strategies import STRATEGIES, find_strategy

EVERY_STRATEGY = [
    DecodingConfig(max_new_tokens=9),
    DecodingConfig(
        strategy="sampling", max_new_tokens=9, num_alternatives=3, top_p=0.9, temperature=0.8
    ),
    DecodingConfig(strategy="beam", max_new_tokens=9, num_beams=3, num_alternatives=2),
]
every_strategy = pytest.mark.parametrize(
    "config", EVERY_STRATEGY, ids=lambda config: config.strategy
)


def with_batch_tokens(config: DecodingConfig, batch_tokens: int) -> DecodingConfig:
    return DecodingConfig(**{**vars(config), "batch_tokens": batch_tokens})


def test_every_strategy_is_that_of_some_yaml() -> None:
    """Oracle: the files of conf/decoding."""
    folder = resources.files("mtnlg.conf") / "decoding"
    files = [file for file in folder.iterdir() if file.name.endswith(".yaml")]

    settings = [DecodingConfig(**yaml.safe_load(file.read_text())) for file in files]

    assert {config.strategy for config in settings} == set(STRATEGIES)
    for config in settings:
        find_strategy(config)


@every_strategy
@pytest.mark.parametrize("variant", ["learned", "rotary_grouped_prefix"])
def test_outputs_do_not_depend_on_batch_size(config: DecodingConfig, variant: str) -> None:
    model = make_model(variant)
    together = generate(model, PROMPTS, eos_id=EOS, config=config)

    for batch_tokens in (1, 60, 120):
        apart = generate(model, PROMPTS, eos_id=EOS, config=with_batch_tokens(config, batch_tokens))

        assert_same(apart, together)


@every_strategy
def test_outputs_do_not_depend_on_order(config: DecodingConfig) -> None:
    model = make_model()
    numbers = [100, 7, 3, 50, 2, 9]
    order = [3, 1, 5, 0, 4, 2]
    straight = generate(model, PROMPTS, eos_id=EOS, config=config, example_numbers=numbers)

    shuffled = generate(
        model,
        [PROMPTS[place] for place in order],
        eos_id=EOS,
        config=config,
        example_numbers=[numbers[place] for place in order],
    )

    assert_same(shuffled, [straight[place] for place in order])


@every_strategy
def test_forbidden_ids_never_appear(config: DecodingConfig) -> None:
    model = make_model()
    allowed = {EOS, 5, 9, 13, 17, 21}
    forbidden = [token for token in range(VOCABULARY_SIZE) if token not in allowed]

    outputs = generate(model, PROMPTS, eos_id=EOS, config=config, forbidden_ids=forbidden)

    produced = {token for found in outputs for output in found for token in output.ids}
    assert produced
    assert produced <= allowed - {EOS}


@every_strategy
def test_model_that_ends_at_once_gives_no_ids(config: DecodingConfig) -> None:
    model = make_model(is_embedding_tied=False)
    with torch.no_grad():  # a final state of ones, which only the end's row answers to
        model.final_norm.weight.zero_()
        model.final_norm.bias.fill_(1)
        model.unembedding.weight.zero_()
        model.unembedding.weight[EOS] = 10

    outputs = generate(model, PROMPTS, eos_id=EOS, config=config)

    for found in outputs:
        assert found[0].ids == []
        assert found[0].is_finished
        assert found[0].score == pytest.approx(0, abs=1e-4)


@every_strategy
def test_limit_of_a_row_is_its_own_room_in_the_context(config: DecodingConfig) -> None:
    model = make_model(context_length=8)
    never = VOCABULARY_SIZE - 1
    config = DecodingConfig(**{**vars(config), "max_new_tokens": 5})

    outputs = generate(model, PROMPTS, eos_id=EOS, config=config, forbidden_ids=[])
    endless = generate(model, PROMPTS, eos_id=never, config=config)

    for prompt, found, unfinished in zip(PROMPTS, outputs, endless, strict=True):
        limit = min(5, 8 - len(prompt))
        assert all(len(output.ids) + output.is_finished <= limit for output in found)
        assert all(len(one.ids) == limit for one in unfinished if not one.is_finished)


@every_strategy
def test_prompt_that_fills_the_context_is_refused(config: DecodingConfig) -> None:
    model = make_model(context_length=7)

    with pytest.raises(ValueError, match=r"prompt 2 has 7 tokens; model\.context_length=7"):
        generate(model, PROMPTS, eos_id=EOS, config=config)


def test_empty_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="prompt 1 has 0 tokens"):
        generate(make_model(), [[3], []], eos_id=EOS, config=EVERY_STRATEGY[0])


def test_forbidden_end_is_refused() -> None:
    with pytest.raises(ValueError, match="end-of-sequence id 2"):
        generate(make_model(), [[3]], eos_id=EOS, config=EVERY_STRATEGY[0], forbidden_ids=[0, EOS])


@every_strategy
def test_broken_weights_are_refused(config: DecodingConfig) -> None:
    model = make_model()
    with torch.no_grad():
        model.final_norm.bias[0] = torch.nan

    with pytest.raises(ValueError, match="not finite"):
        generate(model, PROMPTS, eos_id=EOS, config=config)


def test_no_prompts_give_no_outputs() -> None:
    assert generate(make_model(), [], eos_id=EOS, config=EVERY_STRATEGY[0]) == []


def test_progress_counts_every_prompt_and_training_mode_comes_back() -> None:
    model = make_model(dropout=0.5).train()
    told: list[int] = []

    generate(
        model,
        PROMPTS,
        eos_id=EOS,
        config=DecodingConfig(max_new_tokens=3, batch_tokens=20),
        on_progress=told.append,
    )

    assert sum(told) == len(PROMPTS)
    assert len(told) > 1
    assert model.training


@given(
    lengths=some.lists(some.integers(1, 40), min_size=1, max_size=30),
    max_new_tokens=some.integers(1, 50),
    batch_tokens=some.integers(1, 500),
    num_beams=some.integers(1, 4),
)
def test_batches_hold_every_prompt_once_within_the_budget(
    lengths: list[int], max_new_tokens: int, batch_tokens: int, num_beams: int
) -> None:
    config = DecodingConfig(
        strategy="beam",
        num_beams=num_beams,
        max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
    )
    limits = new_token_limits(lengths, max_new_tokens=max_new_tokens, context_length=41)

    batches = cut_batches(lengths, limits, config=config)

    flat = [index for batch in batches for index in batch]
    assert sorted(flat) == list(range(len(lengths)))
    assert flat == sorted(flat, key=lambda index: (-lengths[index], index))
    for batch in batches:
        width = max(lengths[index] for index in batch) + max(limits[index] for index in batch)
        assert len(batch) == 1 or len(batch) * num_beams * width <= batch_tokens
