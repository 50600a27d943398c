"""Greedy and beam search by CTranslate2, for plain causal models: the same outputs, faster where
the time goes into small operators, and with 8-bit weights where it goes into memory.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mtnlg.config import (
    DecodingConfig,
    Engine,
    FeedForward,
    ModelConfig,
    Normalization,
    PositionEncoding,
)
from mtnlg.errors import ConfigError

if TYPE_CHECKING:
    from mtnlg.generation.batches import Batch, Output
    from mtnlg.model import Transformer

COMPUTE_TYPES = {Engine.ctranslate2: "float32", Engine.ctranslate2_int8: "int8"}
ABSENT = (
    *("no_repeat_ngram_size", "repetition_penalty", "min_new_tokens", "min_length_ratio"),
    *("bad_words", "forced_prefix"),
)
"""Settings of decoding that it has not, or that it counts in another way."""
SPREAD = 1 / 8
"""By which share the lengths of prompts that are read together may differ."""
OURS = ("is_prefix_bidirectional", "has_pointer")
"""Fields of models that it cannot express."""

_generators: WeakKeyDictionary[Transformer, tuple[object, Any]] = WeakKeyDictionary()
"""Model -> the state of its weights, and a generator with them."""


def check_engine(decoding: DecodingConfig, model: ModelConfig) -> None:
    """Raise ConfigError for an engine that is not installed, and for what it cannot decode."""
    engine = decoding.engine
    if engine is None:
        return
    key = f"decoding.engine={engine.value}"
    if find_spec("ctranslate2") is None:
        raise ConfigError(f"{key}: needs its package; pip install 'mtnlg[ctranslate2]'")
    if decoding.strategy not in ("greedy", "beam"):
        raise ConfigError(
            f"decoding.strategy={decoding.strategy}: with {key}, must be greedy or beam"
        )
    for name in ABSENT:
        value = getattr(decoding, name)
        if value is not None:
            raise ConfigError(
                f"decoding.{name}={value}: {key} has no such setting; leave out one of them"
            )
    for name in OURS:
        if getattr(model, name):
            raise ConfigError(f"{key}: cannot express model.{name}=true; leave it out")


def decode_by_ctranslate2(
    model: Transformer, batch: Batch, config: DecodingConfig
) -> list[list[Output]]:
    """The outputs of each prompt of a batch, best first, as `decode_batch` has them."""
    outputs: list[list[Output]] = [[] for _ in batch.prompts]
    for indices in _groups(batch):
        limit = batch.limits[indices[0]]
        decoded = _decode(model, batch, indices, limit, config)
        for index, alternatives in zip(indices, decoded, strict=True):
            outputs[index] = alternatives
    return outputs


def _groups(batch: Batch) -> list[list[int]]:
    """Indices of prompts with one limit and nearly one length: of a group, CTranslate2 reads as
    many tokens at once as the shortest has, and the rest token by token.
    """
    groups: list[list[int]] = []
    lengths = [len(prompt) for prompt in batch.prompts]
    for index in sorted(
        range(len(lengths)), key=lambda index: (batch.limits[index], -lengths[index])
    ):
        first = groups[-1][0] if groups else None
        if (
            first is not None
            and batch.limits[first] == batch.limits[index]
            and lengths[first] - lengths[index] <= SPREAD * lengths[first]
        ):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _decode(
    model: Transformer, batch: Batch, indices: list[int], limit: int, config: DecodingConfig
) -> list[list[Output]]:
    from mtnlg.generation.batches import Output

    is_beam, end = config.strategy == "beam", str(batch.eos_id)
    completed: set[int] = set()
    seen: dict[int, list[int]] = defaultdict(list)

    def is_complete(step: Any) -> bool:
        assert batch.is_complete is not None
        seen[step.batch_id].append(step.token_id)
        if batch.is_complete(seen[step.batch_id]):
            completed.add(step.batch_id)
        return step.batch_id in completed

    has_callback = batch.is_complete is not None and not is_beam
    assert config.engine is not None, "ours decodes by itself"
    results = _generator(model, config.engine).generate_batch(
        [[*map(str, batch.prompts[index])] for index in indices],
        beam_size=config.num_beams if is_beam else 1,
        num_hypotheses=config.num_alternatives,
        # Scores of greedy search are sums
        length_penalty=config.length_penalty if is_beam else 0,
        suppress_sequences=[[str(token)] for token in batch.forbidden_ids] or None,
        end_token=end,
        return_end_token=True,
        max_length=limit,
        include_prompt_in_result=False,
        return_scores=True,
        callback=is_complete if has_callback else None,
    )
    outputs = []
    for row, result in enumerate(results):
        alternatives = []
        for ids, score in zip(result.sequences_ids, result.scores, strict=True):
            is_finished = batch.eos_id in ids
            new = ids[:-1] if is_finished else ids
            alternatives.append(Output(new, score, is_finished, is_complete=row in completed))
        outputs.append(alternatives)
    return outputs


def _generator(model: Transformer, engine: Engine) -> Any:
    """A generator of CTranslate2 with the weights as they are now."""
    import ctranslate2
    import torch

    state = (engine, [(weight.data_ptr(), weight._version) for weight in model.parameters()])
    known = _generators.get(model)
    if known is not None and known[0] == state:
        return known[1]
    specification = _specification(model)
    with tempfile.TemporaryDirectory(prefix="mtnlg-ctranslate2-") as folder:
        specification.save(folder)
        generator = ctranslate2.Generator(
            folder,
            device=model.token_embedding.weight.device.type,
            compute_type=COMPUTE_TYPES[engine],
            intra_threads=torch.get_num_threads(),
        )
    _generators[model] = (state, generator)
    return generator


def _specification(model: Transformer) -> Any:
    """The model in CTranslate2's terms. Its tokens are the ids as texts."""
    from ctranslate2.specs import TransformerDecoderModelSpec
    from ctranslate2.specs.common_spec import Activation

    config = model.config
    is_rotary = config.position_encoding is PositionEncoding.rotary
    specification = TransformerDecoderModelSpec.from_config(
        config.num_layers,
        config.num_heads,
        activation={
            FeedForward.gelu: Activation.GELU,
            FeedForward.gelu_tanh: Activation.GELUTanh,
            FeedForward.swiglu: Activation.SWISH,
        }[config.feed_forward],
        ffn_glu=config.feed_forward is FeedForward.swiglu,
        rms_norm=config.normalization is Normalization.rms_norm,
        rotary_dim=0 if is_rotary else None,
        rotary_interleave=False,
        rotary_base=config.rotary_base,
        num_heads_kv=config.key_value_heads,
        head_dim=config.head_size,
        qk_norm=config.has_query_key_norm,
    )
    decoder = specification.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = model.token_embedding.weight
    if model.position_embedding is not None:
        decoder.position_encodings.encodings = model.position_embedding.weight
    _set_norm(decoder.layer_norm, model.final_norm)
    decoder.projection.weight = model.unembedding.weight
    for layer, block in zip(decoder.layer, model.blocks, strict=True):
        _set_block(layer, block)
    names = [*map(str, range(model.vocabulary_size))]
    specification.register_vocabulary(names)
    specification.config.layer_norm_epsilon = config.norm_epsilon
    for name in ("bos_token", "eos_token", "unk_token"):
        setattr(specification.config, name, names[0])  # each call says what ends an output
    specification.validate()
    specification.optimize()
    return specification


def _set_block(layer: Any, block: Any) -> None:
    from mtnlg.model.transformer import GatedFeedForward

    attention, feed_forward = block.attention, block.feed_forward
    _set_norm(layer.self_attention.layer_norm, block.attention_norm)
    _set_linear(layer.self_attention.linear[0], attention.query_key_value)
    _set_linear(layer.self_attention.linear[1], attention.output)
    if attention.query_norm is not None:
        _set_norm(layer.self_attention.q_norm, attention.query_norm)
        _set_norm(layer.self_attention.k_norm, attention.key_norm)
    _set_norm(layer.ffn.layer_norm, block.feed_forward_norm)
    if isinstance(feed_forward, GatedFeedForward):
        inner = feed_forward.gate_and_up
        biases = (None, None) if inner.bias is None else inner.bias.chunk(2)
        specs = (layer.ffn.linear_0, layer.ffn.linear_0_noact)
        for spec, weight, bias in zip(specs, inner.weight.chunk(2), biases, strict=True):
            _set_linear(spec, SimpleNamespace(weight=weight, bias=bias))
    else:
        _set_linear(layer.ffn.linear_0, feed_forward.inner)
    _set_linear(layer.ffn.linear_1, feed_forward.output)


def _set_linear(spec: Any, linear: Any) -> None:
    spec.weight = linear.weight
    if linear.bias is not None:
        spec.bias = linear.bias


def _set_norm(spec: Any, norm: Any) -> None:
    spec.gamma = norm.weight
    if getattr(norm, "bias", None) is not None:
        spec.beta = norm.bias
