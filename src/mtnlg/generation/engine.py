"""The engine: cuts prompts into batches, decodes each with a strategy, and orders the outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import Batch, Output, cut_batches, new_token_limits
from mtnlg.generation.constraints import NO_RULES, TextRules, compile_constraints, relative_limits
from mtnlg.generation.ctranslate2_engine import check_engine, decode_by_ctranslate2
from mtnlg.generation.rows import decode_rows, walk_rows
from mtnlg.generation.strategies import find_strategy
from mtnlg.model import Transformer


def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    eos_id: int,
    config: DecodingConfig,
    forbidden_ids: Sequence[int] = (),
    rules: TextRules = NO_RULES,
    example_numbers: Sequence[int] | None = None,
    prefix_length: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[list[Output]]:
    """The outputs of each prompt, best first, at most `config.num_alternatives`. They do not depend
    on the other prompts. Probabilities are among the ids that are not forbidden.

    `rules` has the settings about texts and sources, in ids. Random draws depend on the seed and
    `example_numbers` (None: 0, 1, ...). `prefix_length` (None: all) is how many tokens of each
    prompt see one another in a bidirectional prefix. `on_progress` gets the number of prompts in
    each batch. Raises ValueError for a prompt that leaves no room in the context, and if the
    model's logits are not finite.
    """
    if eos_id in forbidden_ids:
        raise ValueError(f"forbidden_ids has the end-of-sequence id {eos_id}; no output could end")
    rules.check(config)
    check_engine(config, model.config)
    numbers = range(len(prompts)) if example_numbers is None else example_numbers
    lengths = [len(prompt) for prompt in prompts]
    limits = _limits(model, lengths, config, rules)
    outputs: list[list[Output]] = [[] for _ in prompts]
    was_training = model.training
    model.eval()
    decode = decode_by_ctranslate2 if config.engine else decode_batch
    try:
        for indices in cut_batches(lengths, limits, config=config):
            batch = Batch(
                prompts=[list(prompts[index]) for index in indices],
                limits=[limits[index] for index in indices],
                example_numbers=[numbers[index] for index in indices],
                eos_id=eos_id,
                forbidden_ids=list(forbidden_ids),
                constraints=compile_constraints(
                    config, rules, indices, eos_id=eos_id, device=_device(model)
                ),
                prefix_length=prefix_length,
                is_complete=rules.is_complete,
            )
            decoded = decode(model, batch, config)
            for index, alternatives in zip(indices, decoded, strict=True):
                outputs[index] = alternatives
            if on_progress is not None:
                on_progress(len(indices))
    finally:
        model.train(was_training)
    return outputs


@torch.inference_mode()
def decode_batch(model: Transformer, batch: Batch, config: DecodingConfig) -> list[list[Output]]:
    """The outputs of each prompt of a batch, best first. Scores are those of the model itself, at
    temperature 1 and without truncation.
    """
    strategy = find_strategy(config)
    if strategy.search is not None:
        return strategy.search(model, batch, config)
    assert strategy.choose is not None, "a strategy has one of the two"
    choose, copies = strategy.choose(batch, config, _device(model)), strategy.num_branches(config)
    outputs = decode_rows(model, batch, choose, copies=copies)
    groups = (outputs[start : start + copies] for start in range(0, len(outputs), copies))
    return [sorted(group, key=lambda output: -output.score) for group in groups]


@torch.inference_mode()
def stream(
    model: Transformer,
    prompt: Sequence[int],
    *,
    eos_id: int,
    config: DecodingConfig,
    forbidden_ids: Sequence[int] = (),
    rules: TextRules = NO_RULES,
    prefix_length: int | None = None,
) -> Iterator[int]:
    """The new ids that `generate` would return for one prompt, each as soon as it is chosen. Only
    for strategies that choose token by token, and for one output.
    """
    strategy = find_strategy(config)
    assert strategy.choose is not None, f"{config.strategy} takes tokens back"
    assert config.num_alternatives == 1, f"{config.num_alternatives} outputs are no stream"
    rules.check(config)
    batch = Batch(
        prompts=[list(prompt)],
        limits=_limits(model, [len(prompt)], config, rules),
        example_numbers=[0],
        eos_id=eos_id,
        forbidden_ids=list(forbidden_ids),
        constraints=compile_constraints(config, rules, [0], eos_id=eos_id, device=_device(model)),
        prefix_length=prefix_length,
        is_complete=rules.is_complete,
    )
    choose = strategy.choose(batch, config, _device(model))
    was_training = model.training
    model.eval()
    try:
        for (chosen,) in walk_rows(model, batch, choose, outputs=[None]):
            if int(chosen) != eos_id:
                yield int(chosen)
    finally:
        model.train(was_training)


def _limits(
    model: Transformer, lengths: Sequence[int], config: DecodingConfig, rules: TextRules
) -> list[int]:
    limits = new_token_limits(
        lengths, max_new_tokens=config.max_new_tokens, context_length=model.config.context_length
    )
    return relative_limits(limits, config, rules)


def _device(model: Transformer) -> torch.device:
    return model.token_embedding.weight.device
