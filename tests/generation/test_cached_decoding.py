"""Reading token by token into a cache gives the logits of one whole forward pass."""

from __future__ import annotations

import pytest
import torch

from made_models import EOS, PROMPTS, VARIANTS, make_model, next_logits, plain_greedy, without_end
from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import read_prompts
from mtnlg.generation.engine import generate
from mtnlg.generation.rows import widen

TOLERANCE = 1e-5
"""float32; the same sums in another order."""


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("prompts", [PROMPTS, PROMPTS[2:3] + PROMPTS[5:6]], ids=["padded", "even"])
@torch.inference_mode()
def test_cached_logits_equal_the_full_forward_pass(variant: str, prompts: list[list[int]]) -> None:
    model = make_model(variant)
    new_ids = torch.arange(3, 3 + 4 * len(prompts)).view(len(prompts), 4) % 29

    reading = read_prompts(model, prompts, num_new_slots=4)
    found = [reading.logits]
    for step in range(4):
        mask = widen(reading.is_real, step + 1)[:, None, None]
        positions = (reading.lengths + step)[:, None]
        found.append(
            model.extend(new_ids[:, step : step + 1], reading.cache, positions=positions, mask=mask)
        )

    for row, prompt in enumerate(prompts):
        for step in range(5):
            expected = next_logits(model, prompt, new_ids[row, :step].tolist())
            assert (found[step][row] - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize("variant", VARIANTS)
def test_greedy_ids_equal_those_without_a_cache(variant: str) -> None:
    model = make_model(variant)

    outputs = generate(model, PROMPTS, eos_id=EOS, config=DecodingConfig(max_new_tokens=30))

    expected = [plain_greedy(model, prompt, 30) for prompt in PROMPTS]
    assert [output.ids for (output,) in outputs] == [without_end(ids) for ids in expected]
    assert [output.is_finished for (output,) in outputs] == [ids[-1] == EOS for ids in expected]
    for prompt, ids, (output,) in zip(PROMPTS, expected, outputs, strict=True):
        total = sum(
            float(next_logits(model, prompt, ids[:step]).log_softmax(-1)[ids[step]])
            for step in range(len(ids))
        )
        assert output.score == pytest.approx(total, abs=1e-3)


@torch.inference_mode()
def test_dropped_rows_leave_the_others_as_they_were() -> None:
    model = make_model()
    cache = read_prompts(model, PROMPTS, num_new_slots=1).cache
    keys, values = cache.keys.clone(), cache.values.clone()

    order = cache.drop_rows(torch.tensor([True, False, False, True, False, True]))

    assert sorted(order.tolist()) == [1, 2, 4]
    assert torch.equal(cache.keys, keys[:, order])
    assert torch.equal(cache.values, values[:, order])
