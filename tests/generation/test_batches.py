"""Prompts that are read together: who sees whom, and what may follow."""

from __future__ import annotations

import pytest
import torch

from made_models import make_model
from made_transformers import build, modern
from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import prompt_mask, read_prompts, shared_length
from mtnlg.generation.constraints import forbid
from mtnlg.generation.engine import generate
from mtnlg.generation.rows import widen
from mtnlg.model import KeyValueCache

PROMPTS = [[5, 9, 4], [7], [3, 8, 6, 11]]


@pytest.mark.parametrize("prefix_length", [None, 1, 2, 3])
@pytest.mark.parametrize("is_bidirectional", [False, True])
def test_mask_of_prompts_says_who_looks_at_whom(
    is_bidirectional: bool, prefix_length: int | None
) -> None:
    """Oracle: the rules token by token: padding is seen by nobody and sees itself; others see what
    is before them, and in a bidirectional prefix one another.
    """
    lengths, width = [3, 1, 4], 4
    is_real = torch.tensor(
        [[step >= width - length for step in range(width)] for length in lengths]
    )

    mask = prompt_mask(is_real, is_bidirectional, prefix_length=prefix_length)

    assert mask.shape == (3, 1, width, width)
    for row, length in enumerate(lengths):
        first = width - length
        end = first + (length if prefix_length is None else min(prefix_length, length))
        for query in range(width):
            for key in range(width):
                is_prefix = is_bidirectional and first <= query < end and first <= key < end
                expected = key == query or (key >= first and (key <= query or is_prefix))
                if query >= first:
                    assert bool(mask[row, 0, query, key]) == expected, (row, query, key)
        assert mask[row, 0].diagonal().all()


def test_prompts_are_padded_on_the_left_and_have_room_for_new_tokens() -> None:
    """Oracle: lengths and padding written out, and the logits of each prompt read alone."""
    model = make_model()

    reading = read_prompts(model, PROMPTS, num_new_slots=6)

    assert reading.lengths.tolist() == [3, 1, 4]
    assert reading.is_real.tolist() == [
        [False, True, True, True],
        [False, False, False, True],
        [True, True, True, True],
    ]
    assert reading.cache.keys.shape[3] == 4 + 6
    assert reading.cache.length == 4
    for row, prompt in enumerate(PROMPTS):
        alone = model(torch.tensor([prompt]))[0, -1]
        torch.testing.assert_close(reading.logits[row], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["gpt", "modern"])
def test_a_shared_beginning_is_read_once_and_changes_no_output(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: each prompt alone, which shares nothing; and greedy and beam search of each alone."""
    monkeypatch.setattr("mtnlg.generation.batches.LEAST_SHARED", 3)
    model = build() if kind == "gpt" else modern()
    prompts = [[5, 6, 7, 8, 1], [5, 6, 7], [5, 6, 7, 2, 3, 4]]
    lengths: list[int] = []
    allocate = model.allocate_cache

    def watched(num_rows: int, length: int) -> KeyValueCache:
        lengths.append(num_rows)
        return allocate(num_rows, length)

    monkeypatch.setattr(model, "allocate_cache", watched)
    prompts = [[9, *prompt] for prompt in prompts]
    assert shared_length(model, prompts) == 3  # one token of the shortest is left to read

    reading = read_prompts(model, prompts, num_new_slots=6)

    assert lengths == [1]
    assert reading.lengths.tolist() == [6, 4, 7]
    for row, prompt in enumerate(prompts):
        alone = model(torch.tensor([prompt]))[0, -1]
        torch.testing.assert_close(reading.logits[row], alone, atol=1e-4, rtol=0)
    for decoding in (DecodingConfig(), DecodingConfig(strategy="beam", num_beams=3)):
        together = generate(model, prompts, eos_id=0, config=decoding)
        for prompt, outputs in zip(prompts, together, strict=True):
            (expected,) = generate(model, [prompt], eos_id=0, config=decoding)
            assert [output.ids for output in outputs] == [output.ids for output in expected]


def test_forbidden_ids_have_no_chance_and_others_keep_theirs() -> None:
    """Oracle: by hand."""
    logits = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.bfloat16)

    assert forbid(logits.clone(), [0, 2]).tolist() == [
        [-torch.inf, 2.0, -torch.inf],
        [-torch.inf, 5.0, -torch.inf],
    ]
    assert forbid(logits.clone(), []).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert forbid(logits, [1]).dtype is torch.float32


def test_new_slots_are_seen() -> None:
    """Oracle: by hand."""
    visible = torch.tensor([[False, True], [True, True]])

    assert widen(visible, 2).tolist() == [[False, True, True, True], [True, True, True, True]]
