"""Beam search: the hypotheses of a prompt are the branches of a tree in one row of the cache.

The model reads a prompt once. Each step adds one token per beam to the row, and a mask says which
tokens a beam may look at: its ancestors. A beam that changes its parent therefore moves no keys and
values, only the mask, and slots that no living beam looks at are reused.

The rules are those of Hugging Face with `early_stopping=False`. K beams have 2K candidates, since
each beam can end once. Ends among the first K are kept if they are among the K best by
sum / length ** penalty, the end included; the best K others live on. A row is over at its limit,
where the living count too, or when it has K hypotheses and the best living beam, scored at its
present length, beats none of them. With `length_penalty=0` this stop loses nothing, since sums only
fall. With a penalty it may, because the same sum scores better at a greater length; but the bound
that loses nothing (the sum over the limit's length) would run most rows to their limit, and one
beam would no longer be greedy search.

Legend: B rows, W beams before a step (1, then K), K beams, S slots, T new tokens, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtnlg.config import DecodingConfig
from mtnlg.generation.batches import Batch, Output, PromptReading, read_prompts
from mtnlg.generation.ranking import largest
from mtnlg.model import KeyValueCache, Transformer


@dataclass(slots=True)
class Tree:
    """The rows that are not over."""

    numbers: Tensor
    """(B,) int64, indices in the batch."""
    lengths: Tensor
    """(B,) int64, tokens of the prompts."""
    limits: Tensor
    """(B,) int64, most new tokens."""
    visible: Tensor
    """(B, W, S) bool, slots that a beam looks at."""
    sums: Tensor
    """(B, W) float32, log-probabilities of living beams, best first; minus infinity for none."""
    ids: Tensor
    """(B, T, K) int64, the token of each beam at each step."""
    parents: Tensor
    """(B, T, K) int64, the beam of the step before that each beam continues."""
    scores: Tensor
    """(B, K) float32, scores of the hypotheses, best first; minus infinity for none."""
    ends: Tensor
    """(B, K, 3) int64, step, parent and id of the last token of each hypothesis."""
    history: Tensor
    """(B, W, t) int64, the new ids of the living beams; t is 0 if no constraint needs them."""

    def take(self, order: Tensor) -> Tree:
        return Tree(*(getattr(self, name)[order] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best continuations of each row, best first, each (B, 2K)."""

    sums: Tensor
    parents: Tensor
    ids: Tensor

    def take(self, indices: Tensor) -> Candidates:
        return Candidates(*(getattr(self, name).gather(1, indices) for name in self.__slots__))


def search_beams(model: Transformer, batch: Batch, config: DecodingConfig) -> list[list[Output]]:
    """The `num_alternatives` best hypotheses of each prompt; fewer if the vocabulary is tiny."""
    num_beams, num_steps = config.num_beams, max(batch.limits)
    # Beams share most of their ancestors; if they do not, the cache grows.
    num_new_slots = num_steps - 1 if num_beams == 1 else num_steps + 2 * num_beams
    reading = read_prompts(
        model, batch.prompts, num_new_slots=num_new_slots, prefix_length=batch.prefix_length
    )
    cache, logits = reading.cache, reading.logits[:, None]  # (B, 1, V)
    tree = start(reading, batch.limits, num_beams)
    outputs: list[list[Output]] = [[] for _ in batch.prompts]
    for step in range(num_steps):
        allowed = batch.constrain(logits, tree.history, tree.numbers)
        candidates = rank(*allowed, tree.sums, num_beams)
        is_end = candidates.ids == batch.eos_id
        keep_hypotheses(tree, candidates, is_end, step=step, length_penalty=config.length_penalty)
        extend(tree, candidates, is_end, step=step)
        best = tree.sums[:, 0] / (step + 1) ** config.length_penalty
        is_over = (tree.limits == step + 1) | (best <= tree.scores[:, -1])
        if bool(is_over.any()):
            finalize(tree.take(is_over), batch.eos_id, config.num_alternatives, outputs=outputs)
            tree = tree.take(order := cache.drop_rows(is_over))
            if len(order) == 0:
                break
        assign_slots(tree, cache, tree.parents[:, step])
        if batch.constraints is not None:
            append_history(tree, step)
        positions = (tree.lengths + step)[:, None].expand(-1, num_beams)
        logits = model.extend_each(
            tree.ids[:, step], cache, positions=positions, mask=tree.visible[:, None]
        )
    return outputs


def start(reading: PromptReading, limits: list[int], num_beams: int) -> Tree:
    """Rows with one living beam, which has seen the prompt, and no hypotheses."""
    num_rows, device = len(limits), reading.lengths.device
    ids = torch.zeros(num_rows, max(limits), num_beams, dtype=torch.int64, device=device)
    return Tree(
        numbers=torch.arange(num_rows, device=device),
        lengths=reading.lengths,
        limits=torch.tensor(limits, device=device),
        visible=reading.is_real[:, None],
        sums=torch.zeros(num_rows, 1, device=device),
        ids=ids,
        parents=ids.clone(),
        scores=torch.full((num_rows, num_beams), -torch.inf, device=device),
        ends=torch.zeros(num_rows, num_beams, 3, dtype=torch.int64, device=device),
        history=ids[:, :1, :0],
    )


def rank(logits: Tensor, log_probabilities: Tensor, sums: Tensor, num_beams: int) -> Candidates:
    """The 2K best continuations of beams with `sums` (B, W), given `logits` and
    `log_probabilities` (B, W, V).
    """
    num_rows, width, vocabulary_size = logits.shape
    _, ids = largest(logits.flatten(0, 1), min(2 * num_beams, vocabulary_size))
    gains = log_probabilities.flatten(0, 1).gather(1, ids).view(num_rows, width, -1)
    totals = (sums[:, :, None] + gains).flatten(1)
    parents = torch.arange(width, device=ids.device)[:, None].expand_as(gains).flatten(1)
    everything = Candidates(totals, parents, ids.reshape(num_rows, -1))
    order = totals.sort(dim=1, descending=True, stable=True).indices[:, : 2 * num_beams]
    best = everything.take(order)
    missing = 2 * num_beams - order.shape[1]
    if missing > 0:  # a vocabulary smaller than the beams
        return Candidates(
            F.pad(best.sums, (0, missing), value=-torch.inf),
            F.pad(best.parents, (0, missing)),
            F.pad(best.ids, (0, missing)),
        )
    return best


def keep_hypotheses(
    tree: Tree, candidates: Candidates, is_end: Tensor, *, step: int, length_penalty: float
) -> None:
    """Keep the K best candidates that end; at a row's limit all do."""
    num_beams = tree.scores.shape[1]
    is_hypothesis = (is_end | (tree.limits == step + 1)[:, None])[:, :num_beams]
    if not bool(is_hypothesis.any()):
        return
    scores = candidates.sums[:, :num_beams] / (step + 1) ** length_penalty
    scores = scores.masked_fill(~is_hypothesis, -torch.inf)
    steps = torch.full_like(candidates.ids, step)
    ends = torch.stack([steps, candidates.parents, candidates.ids], dim=2)[:, :num_beams]
    merged = torch.cat([tree.scores, scores], dim=1).sort(dim=1, descending=True, stable=True)
    order = merged.indices[:, :num_beams]
    tree.scores = merged.values[:, :num_beams]
    tree.ends = torch.cat([tree.ends, ends], dim=1).gather(1, order[:, :, None].expand(-1, -1, 3))


def extend(tree: Tree, candidates: Candidates, is_end: Tensor, *, step: int) -> None:
    """Make the best K candidates that do not end the living beams."""
    order = is_end.to(torch.uint8).sort(dim=1, stable=True).indices[:, : tree.ids.shape[2]]
    living = candidates.take(order)
    # If fewer than K go on, ends are among them.
    tree.sums = living.sums.masked_fill(is_end.gather(1, order), -torch.inf)
    tree.ids[:, step] = living.ids
    tree.parents[:, step] = living.parents


def assign_slots(tree: Tree, cache: KeyValueCache, parents: Tensor) -> None:
    """Give each beam a slot that no beam looks at; it sees that slot and what its parent sees."""
    num_beams, num_slots = parents.shape[1], tree.visible.shape[2]
    inherited = tree.visible.gather(1, parents[:, :, None].expand(-1, -1, num_slots))
    inherited = F.pad(inherited, (0, num_beams))
    slots = torch.arange(num_slots + num_beams, device=parents.device)
    taken_last = torch.where(inherited.any(1), slots + len(slots), slots)  # (B, S + K)
    free = taken_last.topk(num_beams, dim=1, largest=False).values
    cache.length = max(num_slots, int(free.max()) + 1)
    cache.slots = free
    cache.reserve(cache.length)
    tree.visible = inherited[:, :, : cache.length].scatter(2, free[:, :, None], True)


def append_history(tree: Tree, step: int) -> None:
    """Set the history of each beam to that of its parent and its own new id."""
    parents = tree.parents[:, step, :, None].expand(-1, -1, step)
    inherited = tree.history.gather(1, parents)
    tree.history = torch.cat([inherited, tree.ids[:, step, :, None]], dim=2)


def finalize(
    tree: Tree, eos_id: int, num_alternatives: int, *, outputs: list[list[Output]]
) -> None:
    """Collect the best hypotheses of the rows that are over, from their ends to their roots."""
    scores, ends = tree.scores.tolist(), tree.ends.tolist()
    ids, parents = tree.ids.tolist(), tree.parents.tolist()
    for row, number in enumerate(tree.numbers.tolist()):
        for score, (step, parent, last_id) in zip(scores[row], ends[row], strict=True):
            if score == -torch.inf or len(outputs[number]) == num_alternatives:
                break
            path = [last_id] if last_id != eos_id else []
            for earlier in range(step - 1, -1, -1):
                path.append(ids[row][earlier][parent])
                parent = parents[row][earlier][parent]
            outputs[number].append(Output(path[::-1], score, last_id == eos_id))
