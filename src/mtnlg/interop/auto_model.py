"""Our model folders behind the Auto classes of transformers, also those that no family of theirs
expresses: a pointer, or a prefix whose tokens see one another. Importing this module registers
them:

    import mtnlg.interop.auto_model
    model = AutoModelForCausalLM.from_pretrained("artifacts/model/1a2b3c4d")
    output = model.generate(ids, attention_mask=mask)  # rows padded on the left

For inference; each step reads all tokens again. Our own decoder is faster and gives the same.

Legend: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.modeling_outputs import CausalLMOutput

from mtnlg.errors import ConfigError
from mtnlg.generation.batches import prompt_mask
from mtnlg.model import Transformer, load_model
from mtnlg.model.folder import MODEL_TYPE
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer


class MegatronTuringConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """What config.json of a model folder says; `model` has the keys of ModelConfig."""

    model_type = MODEL_TYPE


class MegatronTuringForCausalLM(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """A transformer as transformers calls it."""

    config_class = MegatronTuringConfig
    main_input_name = "input_ids"

    def __init__(self, config: MegatronTuringConfig, transformer: Transformer) -> None:
        super().__init__(config)
        self.transformer = transformer

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, folder: str | Path, *, config: MegatronTuringConfig, **settings: Any
    ) -> MegatronTuringForCausalLM:
        """The model of a local folder, in fp32; raises ConfigError for settings that it lacks."""
        unknown = [
            name
            for name, value in sorted(settings.items())
            if value not in (None, False) and not name.startswith("_")
        ]
        if unknown:
            raise ConfigError(f"from_pretrained of {folder} takes no {', '.join(unknown)}")
        model = cls(config, load_model(Path(folder)))
        model.train(False)
        tokenizer = TextTokenizer.load(Path(folder) / TOKENIZER_FILE)
        end = tokenizer.end_id
        model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
            eos_token_id=end,
            pad_token_id=tokenizer.pad_id,
            suppress_tokens=[token for token in tokenizer.special_ids if token != end],
            use_cache=False,
        )
        return model

    @torch.no_grad()
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        prompt_length: int | None = None,
        **_: Any,
    ) -> CausalLMOutput:
        """Logits (B, T, V) of (B, T). Of the first `prompt_length` tokens, padding included, the
        real ones see one another if the model's prefix is bidirectional.
        """
        model = self.transformer
        is_real = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        is_real = is_real.bool()
        mask = prompt_mask(is_real, is_bidirectional=False)
        if model.config.is_prefix_bidirectional and prompt_length is not None:
            width = prompt_length
            mask[:, :, :width, :width] = prompt_mask(is_real[:, :width], is_bidirectional=True)
        positions = (is_real.cumsum(1) - 1).clamp(min=0)
        cache = model.allocate_cache(*input_ids.shape)
        return CausalLMOutput(
            logits=model.extend_each(input_ids, cache, positions=positions, mask=mask)
        )

    def generate(  # type: ignore[override]
        self, inputs: Tensor | None = None, *, input_ids: Tensor | None = None, **settings: Any
    ) -> Any:
        """As GenerationMixin's; all tokens of the one or the other name are the prompt."""
        ids = input_ids if inputs is None else inputs
        if ids is None:
            raise ConfigError("generate() needs input_ids")
        return super().generate(ids, prompt_length=ids.shape[1], **settings)  # type: ignore[misc]

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Tensor, attention_mask: Tensor, prompt_length: int, **_: Any
    ) -> dict[str, Any]:
        """The arguments of `forward` for one step."""
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "prompt_length": prompt_length,
        }


AutoConfig.register(MODEL_TYPE, MegatronTuringConfig)
AutoModelForCausalLM.register(MegatronTuringConfig, MegatronTuringForCausalLM)
AutoTokenizer.register(  # type: ignore[no-untyped-call]
    MegatronTuringConfig, fast_tokenizer_class=PreTrainedTokenizerFast
)
