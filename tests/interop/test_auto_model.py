"""Our model folders behind the Auto classes of transformers. Oracle: our own greedy outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers

from made_decoder import NUM_NEW, MadeDecoder
from mtnlg.errors import ConfigError
from mtnlg.interop.auto_model import MegatronTuringForCausalLM


def test_pointer_and_prefix_that_sees_itself_decode_in_transformers(tmp_path: Path) -> None:
    """All prompts in one batch, padded on the left; Auto classes find our model folder."""
    made = MadeDecoder(tmp_path / "model", "ours")
    model = transformers.AutoModelForCausalLM.from_pretrained(made.folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(made.folder)
    width = max(map(len, made.prompts))
    padding = [width - len(prompt) for prompt in made.prompts]
    ids = [[0] * num + prompt for num, prompt in zip(padding, made.prompts, strict=True)]
    mask = [[0] * num + [1] * (width - num) for num in padding]

    outputs = model.generate(
        input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), max_new_tokens=NUM_NEW
    )

    assert isinstance(model, MegatronTuringForCausalLM)
    assert [made.cut(row[width:]) for row in outputs] == made.answers
    assert tokenizer(made.texts[0], add_special_tokens=False).input_ids == made.prompts[0]


def test_auto_class_refuses_what_our_models_lack(tmp_path: Path) -> None:
    made = MadeDecoder(tmp_path / "model", "ours", 2)

    with pytest.raises(ConfigError, match="takes no dtype"):
        transformers.AutoModelForCausalLM.from_pretrained(made.folder, dtype=torch.bfloat16)
