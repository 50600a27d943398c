"""Texts to texts with one model: encode, cut, decode in batches, turn back into text, count what
was cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mtnlg.config import DecodingConfig
from mtnlg.generation import Output, generate
from mtnlg.inference.prompts import PromptBuilder, TaskPrompt
from mtnlg.model import Transformer
from mtnlg.tokenizer import TextTokenizer

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but tab and line feed: a byte-level model can emit them, and no metric can
score them.
"""


@dataclass(slots=True)
class Generated:
    """Texts, best first for each source, with what it took."""

    texts: list[list[str]]
    scores: list[list[float]]
    num_tokens: int = 0
    """Tokens decoded, ends included, of the best outputs."""
    num_cut_prompts: int = 0
    """Sources that did not fit the context and were cut."""
    num_cut_tokens: int = 0
    num_unfinished: int = 0
    """Best outputs that were stopped by the limit and not by the model."""


@dataclass
class TextGenerator:
    """A model and its tokenizer, ready to answer."""

    model: Transformer
    tokenizer: TextTokenizer

    @cached_property
    def prompts(self) -> PromptBuilder:
        return PromptBuilder(self.tokenizer, self.model.config.context_length)

    def generate(
        self,
        sources: Sequence[str],
        task: TaskPrompt,
        decoding: DecodingConfig,
        *,
        on_progress: Callable[[int], None] | None = None,
    ) -> Generated:
        """One list of alternatives for each source, in the sources' order; sources are taken as
        clean.
        """
        output_length = min(decoding.max_new_tokens, self.model.config.context_length // 2)
        built = [
            self.prompts.build(ids, task, output_length=output_length)
            for ids in self.tokenizer.encode_batch(list(sources))
        ]
        forbidden = [
            special for special in self.tokenizer.special_ids if special != self.tokenizer.end_id
        ]
        outputs = generate(
            self.model,
            [ids for ids, _ in built],
            eos_id=self.tokenizer.end_id,
            config=decoding,
            forbidden_ids=forbidden,
            on_progress=on_progress,
        )
        cuts = [num_cut for _, num_cut in built if num_cut]
        return Generated(
            texts=[[self._text(output) for output in alternatives] for alternatives in outputs],
            scores=[[output.score for output in alternatives] for alternatives in outputs],
            num_tokens=sum(
                len(alternatives[0].ids) + alternatives[0].is_finished for alternatives in outputs
            ),
            num_cut_prompts=len(cuts),
            num_cut_tokens=sum(cuts),
            num_unfinished=sum(not alternatives[0].is_finished for alternatives in outputs),
        )

    def _text(self, output: Output) -> str:
        return CONTROL.sub("", self.tokenizer.decode(output.ids)).strip()
