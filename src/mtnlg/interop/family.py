"""A family of models that our transformer can be: one table of settings and weights, for both ways.

"Theirs" are the names of transformers: fields of config.json, and weights of safetensors files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from mtnlg.config import ModelConfig
from mtnlg.errors import ConfigError
from mtnlg.records.files import JsonObject

NEEDED: Any = object()
"""The default of a field that every config.json of the family has."""
LAYER = re.compile(r"blocks\.(\d+)\.")
HARMLESS = frozenset(
    re.findall(
        r"\w+",
        """architectures model_type dtype torch_dtype transformers_version use_cache vocab_size
        initializer_range bos_token_id eos_token_id pad_token_id unk_token_id attention_dropout
        attn_pdrop resid_pdrop embd_pdrop pretraining_tp task_specific_params auto_map n_ctx
        original_max_position_embeddings max_window_layers reorder_and_upcast_attn output_past
        is_llama_config name_or_path id2label label2id tokenizer_class unsloth_version
        use_sliding_window sliding_window layer_types""",
    )
)
"""Fields of config.json that change no logit of a text within the context."""
ATTENTIONS = ("full_attention", "sliding_attention")
"""Kinds of layers that are the same within a sliding window."""
ROPE_FIELDS = ("rope_scaling", "rope_parameters")
"""Objects of config.json whose fields we read as if they stood beside them."""


@dataclass(frozen=True)
class Field:
    """One of their fields that is a setting of ours."""

    name: str
    default: Any = NEEDED
    """What transformers takes where config.json has no such field."""
    values: Mapping[str, Any] | None = None
    """Their value -> ours; None: the same."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """How models of one architecture are written by others."""

    model_type: str
    architecture: str
    """The class of transformers that opens them."""
    gguf: str | None
    """The architecture in a GGUF file; None: no such files."""
    always: dict[str, Any]
    """Our settings that all its models share."""
    fields: dict[str, Field]
    """Our setting -> theirs."""
    allowed: dict[str, list[Any]] = field(default_factory=dict)
    """Their fields that ours cannot express -> the values without effect; a missing one has the
    first, which is also written.
    """
    harmless: frozenset[str] = HARMLESS
    """Their fields without effect."""
    window: Callable[[JsonObject], Any] = lambda config: None
    """The sliding window, within which attention is whole."""
    weights: dict[str, list[str]]
    """Our weight, with `blocks.N` for each layer -> theirs, whose rows follow one another in it."""
    transposed: frozenset[str] = frozenset()
    """Our weights that are theirs with rows and columns exchanged."""
    prefix: str = "model."
    """What files may leave out at the start of their names."""
    ignored: re.Pattern[str] = re.compile(r"rotary_emb\.inv_freq$")
    """Their tensors that are no weights."""
    gguf_interleaved: tuple[str, ...] = ()
    """Ends of their weights whose rows GGUF orders for rotations of neighbors."""

    def read(self, config: JsonObject, *, path: object) -> ModelConfig:
        """Our settings; raises ConfigError naming the first field that ours cannot express."""
        config = flattened(config, path=path)
        self._check(config, path)
        settings = {**self.always, "name": self.model_type, "dropout": 0.0}
        for name, theirs in self.fields.items():
            value = config.get(theirs.name, theirs.default)
            if value is NEEDED or (value is None and theirs.default is NEEDED):
                raise ConfigError(f"{path}: no field {theirs.name}, the setting model.{name}")
            settings[name] = value
            if theirs.values is not None:
                if value not in theirs.values:
                    known = ", ".join(theirs.values)
                    raise ConfigError(f"{path}: {theirs.name}={value} is none of ours: {known}")
                settings[name] = theirs.values[value]
        try:
            if (window := self.window(config)) is not None:
                settings["context_length"] = min(settings["context_length"], window)
            return canonical(ModelConfig(**settings))
        except (TypeError, ConfigError) as error:
            raise ConfigError(f"{path}: not the settings of a model ({error})") from None

    def write(self, model: ModelConfig, vocabulary_size: int) -> JsonObject:
        """Their config.json of our settings, as far as the family can say them."""
        ours = vars(model) | {
            "num_key_value_heads": model.key_value_heads,
            "feed_forward_size": model.inner_size,
            "attention_head_size": model.head_size,
        }
        config: JsonObject = {"architectures": [self.architecture], "model_type": self.model_type}
        for name, theirs in self.fields.items():
            values = {our: their for their, our in [*(theirs.values or {}).items()][::-1]}
            config[theirs.name] = values.get(ours[name], theirs.default) if values else ours[name]
        written = {name: values[0] for name, values in self.allowed.items() if None not in values}
        return config | written | {"vocab_size": vocabulary_size}

    def differences(self, model: ModelConfig) -> list[str]:
        """Our settings that do not come back from what the family writes of them."""
        ours = canonical(replace(model, name=self.model_type, dropout=0.0))
        try:
            theirs = self.read(self.write(model, 1), path=self.model_type)
        except ConfigError:  # without a size of heads, their number must divide the width
            return [row.name for row in fields(ModelConfig)]
        ignored = ("attention_dropout", "embedding_dropout", "layer_dropout", "initial_deviation")
        return [
            row.name
            for row in fields(ModelConfig)
            if row.name not in ignored and getattr(ours, row.name) != getattr(theirs, row.name)
        ]

    def their_names(self, ours: str) -> list[str]:
        """The names of one of our weights; raises ConfigError if the family has none."""
        stem, _, ending = ours.rpartition(".")
        layer = LAYER.match(stem)
        names = self.weights.get(LAYER.sub("blocks.N.", stem))
        if names is None:
            raise ConfigError(f"{self.architecture} has no weight for {ours}")
        return [
            f"{name.replace('.N.', f'.{layer[1] if layer else 0}.')}.{ending}" for name in names
        ]

    def is_transposed(self, ours: str) -> bool:
        """Whether theirs has the columns of ours as rows."""
        return ours.endswith(".weight") and LAYER.sub("blocks.N.", ours)[:-7] in self.transposed

    def split(self, ours: str, tensor: Tensor, model: ModelConfig) -> dict[str, Tensor]:
        """Their weights of one of ours, by name."""
        names, size = self.their_names(ours), model.head_size
        heads = (model.num_heads, model.key_value_heads, model.key_value_heads)
        parts = [tensor]
        if len(names) == len(heads):
            parts = [*torch.split(tensor, [count * size for count in heads])]
        elif len(names) > 1:
            parts = [*tensor.chunk(len(names))]
        turned = (part.T if self.is_transposed(ours) else part for part in parts)
        return dict(zip(names, (part.contiguous() for part in turned), strict=True))

    def _check(self, config: JsonObject, path: object) -> None:
        architectures = config.get("architectures") or [self.architecture]
        if architectures != [self.architecture]:
            raise ConfigError(
                f"{path}: architectures={architectures}: only {self.architecture} has the logits "
                "of next tokens"
            )
        for name, values in self.allowed.items():
            if config.get(name, values[0]) not in values:
                allowed = " or ".join(map(str, values))
                raise ConfigError(
                    f"{path}: {name}={config[name]}: our transformer has only {name}={allowed}"
                )
        kinds = config.get("layer_types")
        for kind in kinds if isinstance(kinds, list) else ():
            if kind not in ATTENTIONS:
                raise ConfigError(
                    f"{path}: layer_types has {kind}: only {' and '.join(ATTENTIONS)}"
                )
        known = {*self.harmless, *self.allowed, *(theirs.name for theirs in self.fields.values())}
        for name, value in config.items():
            is_private = name.startswith("_") or "." in name
            if name not in known and not is_private and value not in (None, False, 0, "", [], {}):
                raise ConfigError(
                    f"{path}: {name}={str(value)[:80]}: not a field that we know of "
                    f"{self.architecture}; remove it if it changes no logits"
                )


def flattened(config: JsonObject, *, path: object) -> JsonObject:
    """A config.json with the fields of its rotary positions beside the others; raises ConfigError
    where it says two things of one.
    """
    flat = {name: value for name, value in config.items() if name not in ROPE_FIELDS}
    for name in ROPE_FIELDS:
        inner = config.get(name)
        for key, value in inner.items() if isinstance(inner, dict) else ():
            key = "rope_type" if key == "type" else key
            if flat.setdefault(key, value) != value:
                raise ConfigError(f"{path}: {key} is both {flat[key]} and {value}; keep one")
    return flat


def canonical(model: ModelConfig) -> ModelConfig:
    """The same model with each size that is the usual one left out, or written out."""
    has_usual_heads = model.head_size * model.num_heads == model.hidden_size
    return replace(
        model,
        num_key_value_heads=model.key_value_heads,
        feed_forward_size=model.inner_size,
        attention_head_size=None if has_usual_heads else model.head_size,
    )
