"""The engine: cuts prompts into batches, has a strategy search each, puts the outputs in order.

A new strategy is one function (model, batch, config) and one row of STRATEGIES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from mtnlg.config import DecodingConfig, Strategy
from mtnlg.generation.batches import Batch, Output, cut_batches, new_token_limits
from mtnlg.generation.beam import search_beams
from mtnlg.generation.greedy import decode_greedily
from mtnlg.generation.sampling import draw_samples
from mtnlg.model import Transformer

STRATEGIES: dict[Strategy, Callable[[Transformer, Batch, DecodingConfig], list[list[Output]]]] = {
    Strategy.greedy: decode_greedily,
    Strategy.sampling: draw_samples,
    Strategy.beam: search_beams,
}


def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    eos_id: int,
    config: DecodingConfig,
    forbidden_ids: Sequence[int] = (),
    example_numbers: Sequence[int] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[list[Output]]:
    """For each prompt its outputs, best first; `config.num_alternatives` of them, if there are.

    No output depends on the other prompts. Probabilities are those among the ids that are not
    forbidden. `example_numbers` (None: 0, 1, ...) is what the draws of a prompt depend on, with the
    seed. `on_progress` is told after each batch how many prompts it had. Raises ValueError for a
    prompt that leaves no room in the context, and where the model's logits are not finite.
    """
    if eos_id in forbidden_ids:
        raise ValueError(f"forbidden_ids has the end-of-sequence id {eos_id}; no output could end")
    numbers = range(len(prompts)) if example_numbers is None else example_numbers
    lengths = [len(prompt) for prompt in prompts]
    context_length = model.config.context_length
    limits = new_token_limits(
        lengths, max_new_tokens=config.max_new_tokens, context_length=context_length
    )
    outputs: list[list[Output]] = [[] for _ in prompts]
    was_training = model.training
    model.eval()
    try:
        for indices in cut_batches(lengths, limits, config=config):
            batch = Batch(
                prompts=[list(prompts[index]) for index in indices],
                limits=[limits[index] for index in indices],
                example_numbers=[numbers[index] for index in indices],
                eos_id=eos_id,
                forbidden_ids=list(forbidden_ids),
            )
            with torch.inference_mode():
                found = STRATEGIES[config.strategy](model, batch, config)
            for index, alternatives in zip(indices, found, strict=True):
                outputs[index] = alternatives
            if on_progress is not None:
                on_progress(len(indices))
    finally:
        model.train(was_training)
    return outputs
