"""Sampling: draws that belong to their example, frequencies that are the model's probabilities."""

from __future__ import annotations

import pytest
import torch

from made_models import EOS, PROMPTS, VOCABULARY_SIZE, make_model, next_logits
from mtnlg.config import DecodingConfig
from mtnlg.generation.engine import generate
from mtnlg.generation.sampling import mix, truncate, uniform

NUM_DRAWS = 4_000
MASK = (1 << 64) - 1
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
"""The first numbers of the seed 1234567 (Rosetta Code, Pseudo-random numbers/Splitmix64)."""


def plain_mix(state: int) -> int:
    """SplitMix64 (Steele et al. 2014): one step of the state, and the number that it gives."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def unsigned(values: torch.Tensor) -> list[int]:
    return [value & MASK for value in values.tolist()]


def sampling(**fields: object) -> DecodingConfig:
    return DecodingConfig(strategy="sampling", **fields)  # type: ignore[arg-type]


def chi_square(counts: torch.Tensor, expected: torch.Tensor) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


def test_same_seed_gives_the_same_draws_and_another_seed_others() -> None:
    model = make_model()
    first, again, other = (
        generate(model, PROMPTS, eos_id=EOS, config=sampling(max_new_tokens=12, seed=seed))
        for seed in (5, 5, 6)
    )

    assert first == again
    assert first != other


def test_draws_belong_to_the_example_not_to_its_place_in_the_batch() -> None:
    model = make_model()
    config = sampling(max_new_tokens=12, num_alternatives=3)
    together = generate(
        model, PROMPTS, eos_id=EOS, config=config, example_numbers=[40, 41, 42, 43, 44, 45]
    )

    alone = generate(model, PROMPTS[3:4], eos_id=EOS, config=config, example_numbers=[43])

    assert [output.ids for output in alone[0]] == [output.ids for output in together[3]]


def test_more_alternatives_keep_the_earlier_ones() -> None:
    model = make_model()
    few = generate(
        model, PROMPTS, eos_id=EOS, config=sampling(max_new_tokens=8, num_alternatives=2)
    )
    many = generate(
        model, PROMPTS, eos_id=EOS, config=sampling(max_new_tokens=8, num_alternatives=5)
    )

    for some, more in zip(few, many, strict=True):
        assert {tuple(output.ids) for output in some} <= {tuple(output.ids) for output in more}
        assert [output.score for output in more] == sorted(
            (output.score for output in more), reverse=True
        )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_first_tokens_are_as_frequent_as_they_are_probable(temperature: float) -> None:
    """Oracle: the softmax; chi-square with 28 degrees of freedom exceeds 57 once in 1,000 seeds."""
    model = make_model(initial_deviation=0.1)
    prompt = PROMPTS[0]
    config = sampling(max_new_tokens=1, temperature=temperature, seed=11)

    outputs = generate(model, [prompt] * NUM_DRAWS, eos_id=EOS, config=config)

    counts = torch.zeros(VOCABULARY_SIZE)
    for (output,) in outputs:
        counts[output.ids[0] if output.ids else EOS] += 1
    probabilities = (next_logits(model, prompt, []) / temperature).softmax(-1)
    assert chi_square(counts, NUM_DRAWS * probabilities) < 57


def test_alternatives_of_one_example_are_as_frequent_as_they_are_probable() -> None:
    model = make_model(initial_deviation=0.1)
    prompt = PROMPTS[0]
    config = sampling(max_new_tokens=1, num_alternatives=NUM_DRAWS)

    (outputs,) = generate(model, [prompt], eos_id=EOS, config=config)

    counts = torch.zeros(VOCABULARY_SIZE)
    for output in outputs:
        counts[output.ids[0] if output.ids else EOS] += 1
    assert chi_square(counts, NUM_DRAWS * next_logits(model, prompt, []).softmax(-1)) < 57


@pytest.mark.parametrize("setting", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}])
@pytest.mark.parametrize("seed", [1, 2])
def test_sampling_of_the_likeliest_alone_equals_greedy(
    setting: dict[str, float], seed: int
) -> None:
    model = make_model("rotary_grouped")
    greedy = generate(model, PROMPTS, eos_id=EOS, config=DecodingConfig(max_new_tokens=12))

    sampled = generate(
        model, PROMPTS, eos_id=EOS, config=sampling(max_new_tokens=12, seed=seed, **setting)
    )

    assert [output.ids for (output,) in sampled] == [output.ids for (output,) in greedy]
    assert [output.score for (output,) in sampled] == pytest.approx(
        [output.score for (output,) in greedy], abs=1e-4
    )


def kept(probabilities: list[float], **fields: object) -> list[int]:
    logits = torch.tensor([probabilities]).log()
    return truncate(logits, sampling(**fields))[0].isfinite().nonzero()[:, 0].tolist()


def test_truncation_keeps_the_smallest_set_with_the_mass() -> None:
    probabilities = [0.1, 0.4, 0.05, 0.25, 0.2]

    assert kept(probabilities, top_k=3) == [1, 3, 4]
    assert kept(probabilities, top_p=0.39) == [1]
    assert kept(probabilities, top_p=0.41) == [1, 3]
    assert kept(probabilities, top_p=0.66) == [1, 3, 4]
    assert kept(probabilities, top_p=1.0) == [0, 1, 2, 3, 4]
    # Of the mass within top-k: 0.4 / 0.65 is over 0.6.
    assert kept(probabilities, top_k=2, top_p=0.6) == [1]


def test_equal_probabilities_are_kept_from_the_lower_id() -> None:
    assert kept([0.25] * 4, top_k=2) == [0, 1]
    assert kept([0.25] * 4, top_p=0.6) == [0, 1, 2]


def test_nucleus_wider_than_the_guess_is_found() -> None:
    uniform_chances = [1 / 1_000] * 1_000

    assert len(kept(uniform_chances, top_p=0.9005)) == 901


def test_uniform_numbers_are_uniform_and_unrelated() -> None:
    """Moments of U(0, 1) along each counter: 1/2, 1/12, and no correlation of neighbours."""
    counters = torch.arange(100_000)
    zeros = torch.zeros_like(counters)
    for numbers in (
        uniform(1, counters, zeros, zeros),
        uniform(1, zeros, counters, zeros),
        uniform(1, zeros, zeros, counters),
        torch.cat([uniform(seed, counters[:1]) for seed in range(20_000)]),
    ):
        assert float(numbers.min()) >= 0
        assert float(numbers.max()) < 1
        assert float(numbers.mean()) == pytest.approx(1 / 2, abs=0.01)
        assert float(numbers.var()) == pytest.approx(1 / 12, abs=0.003)
        neighbours = torch.stack([numbers[:-1], numbers[1:]])
        assert abs(float(torch.corrcoef(neighbours)[0, 1])) < 0.03


def test_numbers_are_those_that_were_published() -> None:
    """Oracle: the published numbers; the state grows by the golden ratio each time."""
    states = [1234567 + step * 0x9E3779B97F4A7C15 for step in range(len(PUBLISHED))]
    signed = [(state & MASK) - (1 << 64) * (state >> 63 & 1) for state in states]

    assert [plain_mix(state & MASK) for state in states] == PUBLISHED
    assert unsigned(mix(torch.tensor(signed))) == PUBLISHED


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63, 2**64 - 1, -1])
def test_draws_are_the_upper_bits_of_seed_and_counters_mixed(seed: int) -> None:
    """Oracle: plain integers of any size, and a division."""
    counters = [[0, 1, 2, 77, 2**40, 2**62], [5, 0, 3, 2**33, 1, 9]]

    draws = uniform(seed, *(torch.tensor(counter) for counter in counters))

    expected = []
    for first, second in zip(*counters, strict=True):
        state = plain_mix(plain_mix(plain_mix(seed & MASK) ^ first) ^ second)
        expected.append((state >> 11) / 2**53)
    assert draws.tolist() == expected
    assert draws.dtype is torch.float64
