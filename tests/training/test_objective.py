"""What a step minimizes beside the targets' cross-entropy, against PyTorch's own functions and
values by hand.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from made_training import dataset
from mtnlg.model import States, Transformer
from mtnlg.training import loss as loss_module
from mtnlg.training.data import Batch
from mtnlg.training.objective import Objective, count_flops, source_labels, symmetric_divergence
from mtnlg.training.plan import MicroBatch

TOLERANCE = 1e-5
"""fp32 sums of a few hundred terms in another order."""
EXAMPLES = (3, 17, 40)


def causal_model(prepared: Any, **fields: object) -> Transformer:
    config = prepared.config.model
    values = {**vars(config), "is_prefix_bidirectional": False, "initial_deviation": 0.2, **fields}
    torch.manual_seed(0)
    return Transformer(type(config)(**values), prepared.tokenizer.vocabulary_size)


def unembedding(weight: torch.Tensor) -> Any:
    """A model that is nothing but its last matrix, (V, E)."""
    return SimpleNamespace(logits=lambda states: states.hidden @ weight.T)


def batch_of(prepared: Any, examples: tuple[int, ...] = EXAMPLES) -> Batch:
    return dataset(prepared)[MicroBatch(examples, 1)]


def test_divergence_of_two_distributions_is_that_by_hand() -> None:
    """Oracle: p = (3/4, 1/4), q = (1/2, 1/2): KL(p|q) = 3/4 ln 3/2 - 1/4 ln 2, KL(q|p) = 1/2 ln 2/3
    + 1/2 ln 2.
    """
    model = unembedding(torch.eye(2))
    forward = 0.75 * math.log(1.5) - 0.25 * math.log(2)
    backward = 0.5 * math.log(2 / 3) + 0.5 * math.log(2)

    found = symmetric_divergence(
        model, States(torch.tensor([[math.log(3), 0.0]])), States(torch.zeros(1, 2))
    )

    assert found.item() == pytest.approx((forward + backward) / 2, abs=1e-6)


@pytest.mark.parametrize("num_labels", [1, 10, 11])
def test_chunked_divergence_and_gradients_equal_pytorch(
    monkeypatch: pytest.MonkeyPatch, num_labels: int
) -> None:
    """Oracle: torch.nn.functional.kl_div both ways over whole logits."""
    monkeypatch.setattr(loss_module, "CHUNK_LABELS", 5)
    random = torch.Generator().manual_seed(3)
    inputs = [
        torch.randn(*shape, generator=random, requires_grad=True)
        for shape in ((num_labels, 3), (num_labels, 3), (13, 3))
    ]
    log_p, log_q = ((hidden @ inputs[2].T).log_softmax(1) for hidden in inputs[:2])
    expected = sum(
        F.kl_div(*pair, log_target=True, reduction="sum") / 2
        for pair in ((log_q, log_p), (log_p, log_q))
    )
    assert isinstance(expected, torch.Tensor)
    expected_gradients = torch.autograd.grad(0.37 * expected, inputs)

    actual = symmetric_divergence(unembedding(inputs[2]), *map(States, inputs[:2]))
    actual_gradients = torch.autograd.grad(0.37 * actual, inputs)

    torch.testing.assert_close(actual, expected, atol=TOLERANCE, rtol=TOLERANCE)
    for one, other in zip(actual_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, atol=TOLERANCE, rtol=TOLERANCE)


def test_r_drop_is_half_of_the_paper_s_equation_four(prepared: Any) -> None:
    """Oracle: two passes from the same draws, with F.cross_entropy and F.kl_div."""
    model, batch = causal_model(prepared, dropout=0.3), batch_of(prepared)
    torch.manual_seed(5)
    first, second = (model(batch.ids, label_index=batch.label_index) for _ in range(2))
    both = [F.cross_entropy(one, batch.labels, reduction="sum") for one in (first, second)]
    log_p, log_q = first.log_softmax(1), second.log_softmax(1)
    divergence = (
        F.kl_div(log_q, log_p, log_target=True, reduction="sum")
        + F.kl_div(log_p, log_q, log_target=True, reduction="sum")
    ) / 2

    torch.manual_seed(5)
    total, nats = Objective(0.0, r_drop=5.0)(model, batch)

    assert divergence.item() > 0.1
    assert total.item() == pytest.approx((sum(both) + 5 * divergence).item() / 2, rel=TOLERANCE)
    assert nats.item() == pytest.approx(sum(both).item() / 2, rel=TOLERANCE)


def test_sources_are_predicted_up_to_the_separator(prepared: Any) -> None:
    """Oracle: each sequence, read by hand."""
    data, batch = dataset(prepared), batch_of(prepared)
    width = batch.ids.shape[1]
    expected = []
    for row, example in enumerate(EXAMPLES):
        ids, prefix_length = data.sequence(example)
        expected += [(row, place, int(ids[place])) for place in range(1, prefix_length)]

    index, labels = source_labels(batch)

    assert [
        (int(one) // width, int(one) % width + 1, int(label))
        for one, label in zip(index, labels, strict=True)
    ] == expected


def test_source_of_weight_one_gives_the_language_model_s_loss(prepared: Any) -> None:
    """Oracle: F.cross_entropy of every next token of each sequence alone; another weight by
    difference.
    """
    model, data = causal_model(prepared).eval(), dataset(prepared)
    whole = 0.0
    for example in EXAMPLES:
        ids = torch.from_numpy(data.sequence(example)[0])[None]
        whole += F.cross_entropy(model(ids)[0, :-1], ids[0, 1:], reduction="sum").item()
    batch = batch_of(prepared)
    targets = Objective(0.0)(model, batch)[0].item()

    total, nats = Objective(0.0, source_loss_weight=1.0)(model, batch)
    weighted, _ = Objective(0.0, source_loss_weight=0.3)(model, batch)

    assert total.item() == pytest.approx(whole, rel=TOLERANCE)
    assert nats.item() == pytest.approx(targets, rel=TOLERANCE)
    assert weighted.item() == pytest.approx(targets + 0.3 * (whole - targets), rel=TOLERANCE)


@pytest.mark.parametrize(
    "objective",
    [Objective(0.1, source_loss_weight=0.3), Objective(0.1, 0.3, r_drop=2.0)],
    ids=["source", "source and r_drop"],
)
def test_micro_batches_sum_to_the_whole_batch(prepared: Any, objective: Objective) -> None:
    """Oracle: one batch of all; without dropout, as it would be drawn anew."""
    model = causal_model(prepared).eval()
    whole, _ = objective(model, batch_of(prepared))
    expected = torch.autograd.grad(whole, list(model.parameters()))

    parts = sum(objective(model, batch_of(prepared, part))[0] for part in ((3,), (17, 40)))
    assert isinstance(parts, torch.Tensor)
    actual = torch.autograd.grad(parts, list(model.parameters()))

    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, atol=TOLERANCE, rtol=TOLERANCE)


def test_flops_count_both_passes_and_the_labels_of_sources(prepared: Any) -> None:
    """Oracle: the count of the model's own function, by hand."""
    model, batch = causal_model(prepared), batch_of(prepared)
    lengths, every = batch.lengths, sum(batch.lengths) - len(EXAMPLES)
    vocabulary_size = prepared.tokenizer.vocabulary_size

    plain = Objective(0.1).flops(model, batch)
    both = Objective(0.1, 0.5, r_drop=1.0).flops(model, batch)

    assert plain == count_flops(
        model.config, vocabulary_size, lengths=lengths, num_labels=len(batch.labels)
    )
    assert both == 2 * count_flops(model.config, vocabulary_size, lengths=lengths, num_labels=every)
