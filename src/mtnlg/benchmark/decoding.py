"""Decoding beside transformers and CTranslate2: the same weights, prompts and outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product
from pathlib import Path
from statistics import pvariance
from typing import Any

import torch

from mtnlg.benchmark.measurement import (
    Cases,
    DifferentOutputError,
    MissingPeerError,
    Row,
    alternate,
    ratio_row,
    require,
    timed,
)
from mtnlg.benchmark.workbench import Workbench, equal_share
from mtnlg.config import DecodingConfig, Engine
from mtnlg.generation.engine import generate

GROUP = "decoding"
OURS, BY_CTRANSLATE2 = "ours", "ours by CTranslate2"
HUGGING_FACE, FLOAT, INTEGER = "Hugging Face generate", "CTranslate2 fp32", "CTranslate2 int8"
LEAST_SHARE = 0.99
"""Of equal outputs; rounding may decide between two tokens that are nearly as likely."""
NUM_NEW, LONGEST_PROMPT, BEAMS = 40, 40, 5
NUM_PROMPTS = {"2 M": 64, "10 M": 32, "92 M": 16, "quick": 8}
DEVIATION = 2.0
"""Of the weights, times the root of the width: so wide that outputs do not repeat a token."""
Ids = list[list[int]]


class Material:
    """A model of a size with random weights, its prompts, and the token that ends outputs by the
    number of beams. Greedy outputs have different lengths; those of a beam search are as long as
    they may be, since programs differ in when a search with finished hypotheses ends.
    """

    def __init__(self, bench: Workbench, size: str) -> None:
        self.bench, self.size, dataset = bench, size, bench.ragged()
        width = bench.config(size).hidden_size
        self.model = bench.model(size, deviation=DEVIATION / width**0.5).eval()
        number = NUM_PROMPTS[size]
        stride = max(len(dataset) // number, 1)
        sequences = [dataset.sequence(index * stride) for index in range(number)]
        self.prompts = [ids[:prefix].tolist()[:LONGEST_PROMPT] for ids, prefix in sequences]
        self.ends = {1: bench.tokenizer.end_id, BEAMS: bench.tokenizer.end_id}
        self.ends[1] = widest_spread(our_decoder(self)(self.prompts, 1, number))

    def folder(self, form: str) -> Path:
        """The model as a peer reads it."""
        return self.bench.exported(self.model, form, f"decode-{self.size}")


Decoder = Callable[[Ids, int, int], Ids]
"""Prompts, beams and rows of a batch -> the new ids of each prompt, without the end."""


def widest_spread(outputs: Ids) -> int:
    """The token that as an end would make outputs of the most different lengths."""
    first: dict[int, list[int]] = {}
    for output in outputs:
        for token in set(output):
            first.setdefault(token, []).append(output.index(token))
    lengths = {
        token: [*positions, *[NUM_NEW] * (len(outputs) - len(positions))]
        for token, positions in first.items()
    }
    return max(lengths, key=lambda token: pvariance(lengths[token]))


def our_decoder(material: Material, engine: Engine | None = None) -> Decoder:
    """Ours, by one of its engines."""

    def decode(prompts: Ids, beams: int, num_rows: int) -> Ids:
        config = DecodingConfig(
            strategy="beam" if beams > 1 else "greedy",
            engine=engine,
            max_new_tokens=NUM_NEW,
            batch_tokens=num_rows * beams * (LONGEST_PROMPT + NUM_NEW),
            num_beams=beams if beams > 1 else DecodingConfig.num_beams,
        )
        outputs = generate(material.model, prompts, eos_id=material.ends[beams], config=config)
        return [alternatives[0].ids for alternatives in outputs]

    return decode


def hugging_face_decoder(material: Material) -> Decoder:
    """`generate` of transformers, on prompts sorted by length and padded on the left."""
    from transformers import AutoModelForCausalLM, GenerationConfig

    model = AutoModelForCausalLM.from_pretrained(material.folder("hf")).eval()  # type: ignore[no-untyped-call]
    pad = material.bench.tokenizer.pad_id

    def decode(prompts: Ids, beams: int, num_rows: int) -> Ids:
        end = material.ends[beams]
        settings = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=NUM_NEW,
            num_beams=beams,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=pad,
        )
        model.generation_config = settings
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        outputs: Ids = [[] for _ in prompts]
        for start in range(0, len(order), num_rows):
            indices = order[start : start + num_rows]
            width = len(prompts[indices[0]])
            padding = [width - len(prompts[index]) for index in indices]
            ids = [[pad] * number + prompts[i] for i, number in zip(indices, padding, strict=True)]
            mask = [[0] * number + [1] * (width - number) for number in padding]
            texts = model.generate(
                torch.tensor(ids), attention_mask=torch.tensor(mask), generation_config=settings
            )
            for index, text in zip(indices, texts[:, width:].tolist(), strict=True):
                outputs[index] = text[: text.index(end)] if end in text else text
        return outputs

    return decode


def ctranslate2_decoder(material: Material, compute_type: str) -> Decoder:
    """CTranslate2 in one arithmetic."""
    import ctranslate2

    folder, bench = material.folder("ctranslate2"), material.bench
    vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    generator = ctranslate2.Generator(
        str(folder), device="cpu", compute_type=compute_type, intra_threads=bench.threads
    )

    def decode(prompts: Ids, beams: int, num_rows: int) -> Ids:
        results: Any = generator.generate_batch(
            [[vocabulary[token] for token in prompt] for prompt in prompts],
            max_length=NUM_NEW,
            beam_size=beams,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=vocabulary[material.ends[beams]],
            max_batch_size=num_rows,
            length_penalty=1.0,
        )
        return [result.sequences_ids[0] for result in results]

    return decode


PEERS: dict[str, Callable[[Material], Decoder]] = {
    HUGGING_FACE: hugging_face_decoder,
    FLOAT: lambda material: ctranslate2_decoder(material, "float32"),
    INTEGER: lambda material: ctranslate2_decoder(material, "int8"),
}
CASES = {"greedy": (1, 64), "beam 5": (BEAMS, 32), "one prompt at a time": (1, 1)}
"""Case -> beams and rows of a batch."""
NUM_SINGLE = 8
"""Prompts that are decoded one at a time."""


def check_outputs(peer: str, ours: Ids, theirs: Ids) -> str:
    """The share of equal outputs in words; raises DifferentOutputError where it is too low. Another
    arithmetic than ours may differ.
    """
    share = equal_share(ours, theirs)
    text = f"{share * len(ours):.0f} of {len(ours)} outputs equal"
    if share < LEAST_SHARE and peer != INTEGER:
        raise DifferentOutputError(f"{text}; at least {LEAST_SHARE:.0%} must be")
    return text


def cases(bench: Workbench) -> Cases:
    """The cases of this file; those of a size share its model."""
    material = {size: cache(partial(Decoders, bench, size)) for size in bench.sizes}
    return {
        f"{name}, {size}": partial(decode_case, material[size], size, name, *shape)
        for size in bench.sizes
        for name, shape in CASES.items()
    }


class Decoders:
    """The decoders of a size by name, and why some peers have none."""

    def __init__(self, bench: Workbench, size: str) -> None:
        self.material, self.missing = Material(bench, size), dict[str, str]()
        self.decoders = {OURS: our_decoder(self.material)}
        for peer, make in PEERS.items():
            try:
                require(peer)
                self.decoders[peer] = make(self.material)
            except MissingPeerError as error:
                self.missing[peer] = str(error)
        if FLOAT in self.decoders:
            self.decoders[BY_CTRANSLATE2] = our_decoder(self.material, Engine.ctranslate2)


def decode_case(
    make_decoders: Callable[[], Decoders], size: str, case: str, beams: int, num_rows: int
) -> Iterator[Row]:
    """Every peer on the same prompts: the outputs first, then new tokens a second."""
    given = make_decoders()
    prompts, repeats = given.material.prompts, given.material.bench.repeats
    cases = {OURS: f"{case}, {size}", BY_CTRANSLATE2: f"{case} by engine=ctranslate2, {size}"}

    def decode(name: str) -> Ids:
        if num_rows > 1:
            return given.decoders[name](prompts, beams, num_rows)
        return [given.decoders[name]([prompt], beams, 1)[0] for prompt in prompts[:NUM_SINGLE]]

    outputs = {name: decode(name) for name in given.decoders}
    sides = {
        name: partial(timed, partial(decode, name), amount=float(sum(map(len, ids)) or 1))
        for name, ids in outputs.items()
    }
    checks: dict[tuple[str, str], str] = {}
    for name, peer in product([name for name in cases if name in outputs], PEERS):
        if (name, peer) == (BY_CTRANSLATE2, INTEGER):
            continue
        if peer in given.missing:
            yield Row(GROUP, cases[name], peer, status="skipped", check=given.missing[peer])
            continue
        try:
            checks[name, peer] = check_outputs(peer, outputs[name], outputs[peer])
        except DifferentOutputError as error:
            yield Row(GROUP, cases[name], peer, status="differs", check=str(error))
    used = {name: side for name, side in sides.items() if any(name in pair for pair in checks)}
    costs = alternate(used, repeats=repeats, warms_up=False) if checks else {}
    for (name, peer), check in checks.items():
        yield ratio_row(GROUP, cases[name], peer, (costs[name], costs[peer]), check)
