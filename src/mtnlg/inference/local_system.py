"""Weights of others in our own decoder, asked without any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mtnlg.config import DecodingConfig, PromptFormat
from mtnlg.errors import ConfigError
from mtnlg.inference.banned_texts import text_rules
from mtnlg.inference.prompting import Prompting, render_chat
from mtnlg.inference.prompts import TaskPrompt, cut_source
from mtnlg.inference.systems import Answers, OnProgress, check_mapped
from mtnlg.inference.text_generator import EncodedSources, TextGenerator
from mtnlg.model import load_model
from mtnlg.records.places import CHAT_TEMPLATE_FILE
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer

MAPPED = (
    "engine",
    *("temperature", "top_k", "top_p", "seed", "num_beams", "length_penalty", "mbr_utility"),
    *("no_repeat_ngram_size", "repetition_penalty", "min_new_tokens", "max_length_ratio"),
    *("max_length_constant", "min_length_ratio", "bad_words", "forced_prefix", "num_alternatives"),
)


def check_local(decoding: DecodingConfig, *, system: str) -> None:
    """Raise ConfigError for settings that only models of ours have."""
    check_mapped(decoding, MAPPED, system=system)
    if decoding.num_alternatives > 1 and decoding.mbr_utility is None:
        raise ConfigError(
            f"decoding.num_alternatives={decoding.num_alternatives}: system={system} gives one "
            "output a row; use it with decoding.mbr_utility, or leave it out"
        )


class LocalSystem:
    """A model folder of ours, as a conversion writes it."""

    def __init__(self, folder: Path) -> None:
        template = folder / CHAT_TEMPLATE_FILE
        has_template = template.is_file()
        self.chat_template = template.read_text(encoding="utf-8") if has_template else None
        self.usual_format = PromptFormat.chat if has_template else PromptFormat.text
        self.model = load_model(folder)
        self.tokenizer = TextTokenizer.load(folder / TOKENIZER_FILE)
        self.num_parameters = sum(weight.numel() for weight in self.model.parameters())

    def answer(
        self,
        sources: Sequence[str],
        prompting: Prompting,
        decoding: DecodingConfig,
        on_progress: OnProgress,
    ) -> Answers:
        """As System has it."""
        if prompting.format is PromptFormat.chat and self.chat_template is None:
            raise ConfigError(
                "prompt_format=chat: the model has no chat template; use prompt_format=text"
            )
        generator = PromptedGenerator(self.model, self.tokenizer, prompting)
        generated = generator.generate(sources, prompting.task, decoding, on_progress=on_progress)
        return Answers(
            prompts=generator.shown,
            texts=[alternatives[0] for alternatives in generated.texts],
            num_tokens=generated.num_tokens,
            num_prompt_tokens=generator.num_prompt_tokens,
            num_unfinished=generated.num_unfinished,
            num_cut_prompts=generated.num_cut_prompts,
            num_cut_tokens=generated.num_cut_tokens,
        )


@dataclass
class PromptedGenerator(TextGenerator):
    """A generator whose prompts are those of an instruction."""

    prompting: Prompting
    shown: list[str] = field(default_factory=list)
    """The prompts of the last call, as texts."""
    num_prompt_tokens: int = 0

    def encode(
        self, sources: Sequence[str], task: TaskPrompt, decoding: DecodingConfig
    ) -> EncodedSources:
        """The prompts of the sources; a source is cut where its prompt leaves no room for the
        longest output. Raises ConfigError where the instruction alone leaves none.
        """
        room = self.model.config.context_length - decoding.max_new_tokens
        source_ids = self.tokenizer.encode_batch(list(sources))
        built = [
            self._fitted(source, ids, task, room)
            for source, ids in zip(sources, source_ids, strict=True)
        ]
        self.shown = [text for text, _, _ in built]
        prompts = [ids for _, ids, _ in built]
        self.num_prompt_tokens = sum(map(len, prompts))
        rules = text_rules(
            decoding,
            self.tokenizer,
            source_lengths=[len(ids) for ids in source_ids],
            longest_output=decoding.max_new_tokens,
            device=self.model.token_embedding.weight.device,
        )
        if self.prompting.until and decoding.num_alternatives == 1:  # what follows counts for more
            rules = replace(rules, is_complete=self._is_complete)
        cuts = [num_cut for _, _, num_cut in built]
        return EncodedSources(prompts, cuts, rules, beginnings=[""] * len(prompts))

    def _is_complete(self, ids: Sequence[int]) -> bool:
        # An unfinished character is U+FFFD until its other bytes arrive.
        return self.prompting.is_complete(self.text(ids).rstrip("\ufffd"))

    def _fitted(
        self, source: str, source_ids: list[int], task: TaskPrompt, room: int
    ) -> tuple[str, list[int], int]:
        """A prompt, its ids, and how many tokens its source lost."""
        text = self._prompt(source)
        ids, kept = self._ids(text), source_ids
        while len(ids) > room:
            if not kept:
                raise ConfigError(
                    f"{task.name}: a prompt without its source has {len(ids)} tokens, and the "
                    f"context of the model leaves {room}; use fewer examples "
                    "(tasks.*.instruction.num_fewshot) or decoding.max_new_tokens"
                )
            kept = list(cut_source(kept, task.kind, max(len(kept) - (len(ids) - room), 0)))
            text = self._prompt(self.tokenizer.decode(kept))
            ids = self._ids(text)
        return text, ids, len(source_ids) - len(kept)

    def _prompt(self, source: str) -> str:
        if self.prompting.format is not PromptFormat.chat:
            return self.prompting.text(source)
        assert self.prompting.chat_template is not None, "a chat needs a template"
        return render_chat(self.prompting.chat_template, self.prompting.messages(source))

    def _ids(self, text: str) -> list[int]:
        has_start = self.prompting.format is not PromptFormat.chat  # a template writes its own
        return self.tokenizer.encode_prompt(text, has_start=has_start)
