"""What outputs must and must not hold, under every strategy: against Hugging Face's processors and
against the rules in plain Python.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LogitsProcessor,
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    PrefixConstrainedLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
)

from made_models import (
    EOS,
    PROMPTS,
    VOCABULARY_SIZE,
    all_hypotheses,
    assert_same,
    copy_weights,
    make_model,
    next_logits,
    plain_beam,
    plain_greedy,
    without_end,
)
from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import Output
from mtnlg.generation.constraints import (
    NO_RULES,
    TextRules,
    ban_repeats,
    compile_constraints,
    least_new_tokens,
    relative_limits,
)
from mtnlg.generation.engine import generate, stream
from mtnlg.inference.banned_texts import ban_texts
from mtnlg.model import Transformer

TOLERANCE = 1e-4
"""float32; a score sums a dozen log-probabilities."""
CPU = torch.device("cpu")
LETTERS = [b"" if token == EOS else bytes([97 + token]) for token in range(VOCABULARY_SIZE)]
"""Tokens of one byte each, for which texts and sequences of tokens are the same."""
BAD_SEQUENCES = [[23], [13, 13], [24, 1], [9, 13, 6]]
FORCED = [13, 24, 13]
NUM_STEPS = 15


def banned(sequences: list[list[int]]) -> TextRules:
    words = [b"".join(LETTERS[token] for token in sequence).decode() for sequence in sequences]
    return TextRules(banned_texts=ban_texts(words, LETTERS, device=CPU))


SETTINGS: dict[str, tuple[dict[str, object], TextRules]] = {
    "no_repeat_1": ({"no_repeat_ngram_size": 1}, NO_RULES),
    "no_repeat_2": ({"no_repeat_ngram_size": 2}, NO_RULES),
    "no_repeat_3": ({"no_repeat_ngram_size": 3}, NO_RULES),
    "repetition_penalty": ({"repetition_penalty": 1.7}, NO_RULES),
    "min_new_tokens": ({"min_new_tokens": 12}, NO_RULES),
    "bad_words": ({"bad_words": ["given as ids"]}, banned(BAD_SEQUENCES)),
    "forced_prefix": ({"forced_prefix": "as ids"}, TextRules(forced_ids=FORCED)),
    "all": (
        {
            "no_repeat_ngram_size": 2,
            "repetition_penalty": 1.2,
            "min_new_tokens": 6,
            "bad_words": ["given as ids"],
            "forced_prefix": "as ids",
        },
        dataclasses.replace(banned(BAD_SEQUENCES), forced_ids=FORCED),
    ),
}
every_setting = pytest.mark.parametrize("name", SETTINGS)

STRATEGIES: dict[str, dict[str, object]] = {
    "greedy": {},
    "sampling": {"num_alternatives": 3, "temperature": 1.5},
    "beam": {"num_beams": 4, "num_alternatives": 3},
}


def config_of(name: str, strategy: str, **fields: object) -> DecodingConfig:
    values = {
        "strategy": strategy,
        "max_new_tokens": NUM_STEPS,
        **STRATEGIES[strategy],
        **SETTINGS[name][0],
        **fields,
    }
    return DecodingConfig(**values)  # type: ignore[arg-type]


def decode(
    model: Transformer, name: str, config: DecodingConfig, prompts: list[list[int]] = PROMPTS
) -> list[list[Output]]:
    return generate(model, prompts, eos_id=EOS, config=config, rules=SETTINGS[name][1])


def plain_gains(name: str, size: int = VOCABULARY_SIZE) -> Callable[..., list[float]]:
    """Log-probabilities with the rules written out: what they were before anything was banned."""
    fields, rules = SETTINGS[name]
    size_of_ngrams = fields.get("no_repeat_ngram_size")
    sequences = BAD_SEQUENCES if "bad_words" in fields else []

    def is_allowed(history: tuple[int, ...], token: int) -> bool:
        if len(history) < len(rules.forced_ids):
            return token == rules.forced_ids[len(history)]
        whole = [*history, token]
        if size_of_ngrams is not None:
            assert isinstance(size_of_ngrams, int)
            starts = range(len(whole) - size_of_ngrams + 1)
            ngrams = [tuple(whole[start : start + size_of_ngrams]) for start in starts]
            if ngrams and ngrams[-1] in ngrams[:-1]:
                return False
        if any(whole[-len(sequence) :] == sequence for sequence in sequences):
            return False
        return token != EOS or len(history) >= int(str(fields.get("min_new_tokens", 0)))

    def gains(model: Transformer, prompt: list[int], history: tuple[int, ...]) -> list[float]:
        logits = next_logits(model, prompt, list(history)).tolist()
        penalty = float(str(fields.get("repetition_penalty", 1)))
        for token in set(history):
            logits[token] *= penalty if logits[token] < 0 else 1 / penalty
        total = math.log(sum(math.exp(one) for one in logits))
        allowed = [token for token in range(size) if is_allowed(history, token)] or [EOS]
        return [logits[token] - total if token in allowed else -math.inf for token in range(size)]

    return gains


@every_setting
@pytest.mark.parametrize("variant", ["learned", "rotary_grouped_prefix"])
def test_greedy_search_keeps_the_rules(name: str, variant: str) -> None:
    """Oracle: the rules in plain Python on whole forward passes."""
    model = make_model(variant)

    outputs = decode(model, name, config_of(name, "greedy"))

    gains = plain_gains(name)
    for prompt, (output,) in zip(PROMPTS, outputs, strict=True):
        expected = plain_greedy(model, prompt, NUM_STEPS, gains)
        assert output.ids == without_end(expected)
        assert output.is_finished == (expected[-1] == EOS)
        total = sum(
            gains(model, prompt, tuple(expected[:step]))[token]
            for step, token in enumerate(expected)
        )
        assert output.score == pytest.approx(total, abs=TOLERANCE)


@every_setting
def test_beams_keep_the_rules(name: str) -> None:
    """Oracle: a plain search by lists under the rules in plain Python."""
    model, prompts = make_model("rotary_grouped_prefix"), PROMPTS[1:3]
    config = config_of(name, "beam", num_beams=3, max_new_tokens=13)

    outputs = decode(model, name, config, prompts)

    for prompt, found in zip(prompts, outputs, strict=True):
        expected = plain_beam(model, prompt, config, plain_gains(name))[:3]
        assert [output.ids for output in found] == [without_end(one.ids) for one in expected]
        assert [output.is_finished for output in found] == [one.ids[-1] == EOS for one in expected]
        assert [output.score for output in found] == pytest.approx(
            [one.score for one in expected], abs=TOLERANCE
        )


@pytest.mark.parametrize("name", ["no_repeat_1", "no_repeat_2", "repetition_penalty"])
def test_beams_for_every_sequence_equal_brute_force(name: str) -> None:
    """Oracle: all sequences of a vocabulary of 4 up to 3 tokens that the rules allow."""
    model = make_model(seed=1, vocabulary_size=4)
    config = config_of(
        name, "beam", max_new_tokens=3, num_beams=64, num_alternatives=64, length_penalty=0.5
    )

    outputs = decode(model, name, config, [[1, 3], [0]])

    for prompt, found in zip([[1, 3], [0]], outputs, strict=True):
        expected = all_hypotheses(
            model, prompt, num_steps=3, length_penalty=0.5, gains=plain_gains(name, 4)
        )
        assert [output.score for output in found] == pytest.approx(
            [one.score for one in expected], abs=TOLERANCE
        )
        assert found[0].ids == without_end(expected[0].ids)


@every_setting
@pytest.mark.parametrize("variant", ["learned_prefix", "rotary_grouped"])
def test_beam_of_one_equals_greedy(name: str, variant: str) -> None:
    model = make_model(variant, seed=2)
    greedy = decode(model, name, config_of(name, "greedy"))

    config = config_of(name, "beam", num_beams=1, num_alternatives=1, length_penalty=0.0)

    assert_same(decode(model, name, config), greedy)


@every_setting
@pytest.mark.parametrize("variant", ["rotary_grouped"])
def test_sampling_of_the_likeliest_alone_equals_greedy(name: str, variant: str) -> None:
    model = make_model(variant)
    greedy = decode(model, name, config_of(name, "greedy"))

    config = config_of(name, "sampling", num_alternatives=1, top_k=1)

    assert_same(decode(model, name, config), greedy)


@every_setting
def test_samples_go_only_where_the_rules_allow(name: str) -> None:
    """Oracle: the rules in plain Python, at every step of every sample."""
    model, gains = make_model(), plain_gains(name)

    outputs = decode(model, name, config_of(name, "sampling"), PROMPTS[:3])

    for prompt, found in zip(PROMPTS[:3], outputs, strict=True):
        for output in found:
            ids = [*output.ids, *([EOS] if output.is_finished else [])]
            steps = [gains(model, prompt, tuple(ids[:step])) for step in range(len(ids))]
            total = sum(values[token] for values, token in zip(steps, ids, strict=True))
            assert output.score == pytest.approx(total, abs=TOLERANCE)  # finite: all were allowed


@every_setting
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_outputs_depend_on_no_other_row(name: str, strategy: str) -> None:
    model = make_model("learned_prefix")
    together = decode(model, name, config_of(name, strategy), PROMPTS[:4])

    apart = decode(model, name, config_of(name, strategy, batch_tokens=1), PROMPTS[:4])

    assert_same(apart, together)


class OnNewTokens(LogitsProcessor):
    """A processor that does not see the prompt, as ours do not."""

    def __init__(self, processor: LogitsProcessor, width: int) -> None:
        self.processor, self.width = processor, width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return self.processor(input_ids[:, self.width :], scores)


def processor_of(name: str, *, num_beams: int) -> LogitsProcessor:
    fields, _ = SETTINGS[name]
    if "no_repeat_ngram_size" in fields:
        return NoRepeatNGramLogitsProcessor(fields["no_repeat_ngram_size"])
    if "repetition_penalty" in fields:
        return RepetitionPenaltyLogitsProcessor(fields["repetition_penalty"])
    if "min_new_tokens" in fields:
        return MinNewTokensLengthLogitsProcessor(0, fields["min_new_tokens"], EOS)
    if "bad_words" in fields:
        return NoBadWordsLogitsProcessor(BAD_SEQUENCES, eos_token_id=EOS)

    def allowed(_: int, ids: torch.Tensor) -> list[int]:
        return FORCED[len(ids) : len(ids) + 1] or list(range(VOCABULARY_SIZE))

    return PrefixConstrainedLogitsProcessor(allowed, num_beams)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "all"])
@pytest.mark.parametrize("strategy", ["greedy", "beam"])
def test_outputs_equal_hugging_face_generate(name: str, strategy: str) -> None:
    """Oracle: GPT2LMHeadModel.generate with copied weights and its own logits processors.

    But for the penalty in beam search, which divides log-probabilities there and logits here.
    """
    if name == "repetition_penalty" and strategy == "beam":
        pytest.skip("Hugging Face penalizes log-probabilities in beam search, logits elsewhere")
    torch.manual_seed(4)
    settings = {"n_positions": 23, "n_embd": 21, "n_layer": 2, "n_head": 3}
    reference = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY_SIZE,
            initializer_range=0.3,
            bos_token_id=None,
            eos_token_id=EOS,
            **settings,
        )
    ).eval()
    model = make_model()
    copy_weights(reference, model)
    width = max(len(prompt) for prompt in PROMPTS)
    config = config_of(name, strategy)
    num_beams = config.num_beams if strategy == "beam" else 1

    expected = reference.generate(
        torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in PROMPTS]),
        attention_mask=torch.tensor(
            [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in PROMPTS]
        ),
        max_new_tokens=NUM_STEPS,
        num_beams=num_beams,
        num_return_sequences=config.num_alternatives,
        logits_processor=LogitsProcessorList(
            [OnNewTokens(processor_of(name, num_beams=num_beams), width)]
        ),
        do_sample=False,
        pad_token_id=EOS,
    )
    outputs = decode(model, name, config)

    found = [output.ids for alternatives in outputs for output in alternatives]
    assert found == [without_end(row) for row in expected[:, width:].tolist()]
    free = generate(
        model,
        PROMPTS,
        eos_id=EOS,
        config=config_of("all", strategy, **dict.fromkeys(SETTINGS["all"][0])),
    )
    assert outputs != free  # the rule had something to do


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_output_that_may_not_go_on_ends(strategy: str) -> None:
    """Of five tokens, one of them the end, each may come once: a longer minimum cannot help."""
    model = make_model(vocabulary_size=5)
    config = config_of("no_repeat_1", strategy, min_new_tokens=9)

    outputs = generate(model, [[1, 3, 4], [0]], eos_id=EOS, config=config)

    for found in outputs:
        assert found
        for output in found:
            assert sorted(output.ids) == [0, 1, 3, 4]
            assert output.is_finished
            assert math.isfinite(output.score)


def test_first_draws_without_the_end_are_as_frequent_as_they_are_probable() -> None:
    """Oracle: the softmax without the end; chi-square with 27 degrees of freedom exceeds 55.5 once
    in 1,000 seeds.
    """
    model = make_model(initial_deviation=0.1)
    config = DecodingConfig(
        strategy="sampling", max_new_tokens=1, min_new_tokens=1, num_alternatives=4_000
    )

    (outputs,) = generate(model, [PROMPTS[0]], eos_id=EOS, config=config)

    counts = torch.zeros(VOCABULARY_SIZE)
    for output in outputs:
        counts[output.ids[0]] += 1
    logits = next_logits(model, PROMPTS[0], []).clone()
    logits[EOS] = -torch.inf
    expected = 4_000 * logits.softmax(-1)
    is_possible = expected > 0
    assert counts[EOS] == 0
    distances = (counts - expected)[is_possible] ** 2 / expected[is_possible]
    assert float(distances.sum()) < 55.5


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_repeats_are_found_in_every_history(size: int) -> None:
    """Oracle: all histories of up to 6 tokens of two letters."""
    for length in range(7):
        histories = list(itertools.product(range(2), repeat=length))
        is_banned = torch.zeros(len(histories), 2, dtype=torch.bool)

        ban_repeats(is_banned, torch.tensor(histories).view(len(histories), length), size)

        for history, row in zip(histories, is_banned.tolist(), strict=True):
            ngrams = {history[start : start + size] for start in range(length - size + 1)}
            last = history[length - size + 1 :] if length >= size - 1 else None
            expected = [last is not None and (*last, token) in ngrams for token in range(2)]
            assert row == expected, history


def relative(**fields: object) -> DecodingConfig:
    return DecodingConfig(**fields)  # type: ignore[arg-type]


def test_limits_follow_the_source_and_leave_room_for_the_prefix() -> None:
    """Oracle: by hand; 0.29 * 100 is 28.999999999999996 in floating point."""
    rules = TextRules(source_lengths=[0, 1, 10, 100], forced_ids=[5, 5])
    ratio = relative(max_length_ratio=0.29)
    both = relative(max_length_ratio=0.29, max_length_constant=4)

    assert relative_limits([50] * 4, ratio, rules) == [3, 3, 3, 29]
    assert relative_limits([50, 50, 6, 30], both, rules) == [4, 4, 6, 30]
    assert relative_limits([7] * 4, relative(), NO_RULES) == [7] * 4


def test_minimums_follow_the_source() -> None:
    """Oracle: by hand."""
    rules = TextRules(source_lengths=[0, 1, 10, 100])

    assert least_new_tokens(relative(min_length_ratio=0.29), rules, [3, 1, 0]) == [29, 1, 0]
    both = relative(min_length_ratio=0.29, min_new_tokens=2)
    assert least_new_tokens(both, rules, [3, 1, 0]) == [29, 2, 2]
    assert least_new_tokens(relative(), NO_RULES, [0, 0]) == [0, 0]


@pytest.mark.parametrize("percent", [*range(1, 100), 101, 129, 157, 199, 215])
def test_lengths_relative_to_the_source_round_as_fractions_do(percent: int) -> None:
    """Oracle: exact fractions: 0.07 * 100 is 7.000000000000001 in floating point, and 0.29 * 100
    is 28.999999999999996.
    """
    lengths = list(range(0, 301))
    rules = TextRules(source_lengths=lengths)
    exact = [Fraction(percent, 100) * length for length in lengths]

    least = least_new_tokens(relative(min_length_ratio=percent / 100), rules, lengths)
    most = relative_limits(
        [1000] * len(lengths),
        relative(max_length_ratio=percent / 100, max_length_constant=3),
        rules,
    )

    assert least == [math.ceil(value) for value in exact]
    assert most == [math.floor(value) + 3 for value in exact]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_outputs_are_as_long_as_their_source_asks(strategy: str) -> None:
    model = make_model()
    lengths = [len(prompt) for prompt in PROMPTS]
    config = config_of("no_repeat_3", strategy, max_length_ratio=1.0, min_length_ratio=0.9)
    config = dataclasses.replace(config, no_repeat_ngram_size=None, max_length_constant=2)

    outputs = generate(
        model, PROMPTS, eos_id=EOS, config=config, rules=TextRules(source_lengths=lengths)
    )

    for length, found in zip(lengths, outputs, strict=True):
        for output in found:
            assert math.ceil(0.9 * length) <= len(output.ids) <= length + 2
            assert len(output.ids) + output.is_finished <= length + 2


def test_settings_that_are_off_cost_nothing() -> None:
    """Without constraints no rule is looked at in any step."""
    assert compile_constraints(DecodingConfig(), NO_RULES, [0], eos_id=EOS, device=CPU) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_length_ratio": 1.0}, "length_ratio"),
        ({"min_length_ratio": 1.0}, "length_ratio"),
        ({"bad_words": ["a"]}, "bad_words"),
        ({"forced_prefix": "a"}, "forced_prefix"),
    ],
)
def test_setting_without_its_ids_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=rf"decoding\.{message} is set, and its part"):
        generate(make_model(), PROMPTS, eos_id=EOS, config=relative(**fields))


@every_setting
@pytest.mark.parametrize("strategy", ["greedy", "sampling"])
def test_streamed_ids_equal_those_of_generate(name: str, strategy: str) -> None:
    model = make_model("rotary_grouped_prefix", dropout=0.5).train()
    config = config_of(name, strategy, num_alternatives=1)

    for prompt in PROMPTS:
        ids = list(stream(model, prompt, eos_id=EOS, config=config, rules=SETTINGS[name][1]))

        assert ids == decode(model, name, config, [prompt])[0][0].ids
    assert model.training


def test_stream_gives_each_id_before_the_next_is_worked_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model()
    num_calls = 0
    extend = model.extend

    def counted(*arguments: object, **options: object) -> torch.Tensor:
        nonlocal num_calls
        num_calls += 1
        return extend(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "extend", counted)
    config = DecodingConfig(max_new_tokens=5, min_new_tokens=5)

    seen = [num_calls for _ in stream(model, PROMPTS[0], eos_id=EOS, config=config)]

    assert seen == [1, 2, 3, 4, 5]
