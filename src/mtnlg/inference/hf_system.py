"""Any AutoModelForCausalLM or AutoModelForSeq2SeqLM of transformers: T5, mT5, BART, mBART, Marian,
NLLB, and decoders that are none of our families. No code of a folder is run, and no pickle read.

The folder says which tokens begin and end an output; all else of decoding is ours.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from mtnlg.config import DecodingConfig, PromptFormat
from mtnlg.errors import ConfigError
from mtnlg.inference.prompting import Prompting
from mtnlg.inference.prompts import cut_source
from mtnlg.inference.systems import Answers, OnProgress, check_mapped, check_strategy
from mtnlg.records.transformers_folder import SAFE, import_transformers, opened
from mtnlg.text.scripts import base_language

logger = logging.getLogger(__name__)

MAPPED = (
    *("temperature", "top_k", "top_p", "seed", "num_beams", "length_penalty", "min_new_tokens"),
    *("no_repeat_ngram_size", "repetition_penalty"),
)
OF_DECODERS = ("no_repeat_ngram_size", "repetition_penalty")
"""Settings that for transformers count the prompt of a decoder in, and for us never do."""
OF_FOLDER = (
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
    *("forced_bos_token_id", "forced_eos_token_id", "bad_words_ids", "suppress_tokens"),
    *("begin_suppress_tokens", "sequence_bias", "renormalize_logits", "remove_invalid_values"),
)
"""Settings of generation_config.json that are kept."""
LANGUAGE_TOKEN = re.compile(r"([a-z]{2,3}_[A-Z][A-Za-z]+)|__([a-z]{2,3})__")
"""As mBART's en_XX, NLLB's eng_Latn, M2M100's __en__."""
USUAL_CODES = ("zh_CN", "zho_Hans")
ISO_3 = {
    **{"en": "eng", "zh": "zho", "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "pt": "por"},
    **{"nl": "nld", "ru": "rus", "uk": "ukr", "pl": "pol", "cs": "ces", "ro": "ron", "el": "ell"},
    **{"ja": "jpn", "ko": "kor", "vi": "vie", "th": "tha", "id": "ind", "tr": "tur", "ar": "arb"},
    **{"hi": "hin", "fa": "pes", "he": "heb", "sv": "swe", "da": "dan", "fi": "fin", "hu": "hun"},
}
"""ISO 639-1 -> the code of NLLB, where its language is meant."""
CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx")
UNBOUNDED = 1_000_000
"""A tokenizer that has no longest length says a larger one."""


def check_hf(decoding: DecodingConfig, *, system: str) -> None:
    """Raise ConfigError for settings that have no equal in transformers."""
    check_strategy(decoding, ("greedy", "sampling", "beam"), system=system)
    check_mapped(decoding, MAPPED, system=system)


class HfSystem:
    """A folder of transformers."""

    def __init__(self, folder: Path, *, device: str) -> None:
        self._folder = folder
        self._model, self._tokenizer = _load(folder)
        self._model.to(device).eval()
        self.is_encoder_decoder = bool(self._model.config.is_encoder_decoder)
        template = getattr(self._tokenizer, "chat_template", None)
        self.chat_template = template if isinstance(template, str) else None
        if self.is_encoder_decoder:
            self.usual_format = PromptFormat.source
        else:
            has_chat = self.chat_template is not None
            self.usual_format = PromptFormat.chat if has_chat else PromptFormat.text
        self.num_parameters = sum(weight.numel() for weight in self._model.parameters())
        self.context_length = _context_length(self._model.config, self._tokenizer)

    def answer(
        self,
        sources: Sequence[str],
        prompting: Prompting,
        decoding: DecodingConfig,
        on_progress: OnProgress,
    ) -> Answers:
        """As System has it. Batches have prompts of like length, as many as decoding.batch_tokens
        lets in, but at least one.
        """
        if prompting.format is PromptFormat.chat and self.chat_template is None:
            raise ConfigError(
                f"prompt_format=chat: {self._folder} has no chat template; use prompt_format=text"
            )
        settings = self._settings(decoding, prompting)
        texts, prompts, cuts = self._prompts(sources, prompting, decoding)
        outputs: list[list[int]] = [[] for _ in prompts]
        for indices in _batches(list(map(len, prompts)), decoding):
            torch.manual_seed(decoding.seed + indices[0])
            for index, output in zip(
                indices, self._decode([prompts[index] for index in indices], settings), strict=True
            ):
                outputs[index] = output
            on_progress(len(indices))
        ends = self._end_ids(settings)
        return Answers(
            prompts=texts,
            texts=[self._tokenizer.decode(ids, skip_special_tokens=True) for ids in outputs],
            num_tokens=sum(map(len, outputs)),
            num_prompt_tokens=sum(map(len, prompts)),
            num_unfinished=sum(not ends & set(output) for output in outputs),
            num_cut_prompts=sum(cut > 0 for cut in cuts),
            num_cut_tokens=sum(cuts),
        )

    def _prompts(
        self, sources: Sequence[str], prompting: Prompting, decoding: DecodingConfig
    ) -> tuple[list[str], list[list[int]], list[int]]:
        """The prompts as texts and as ids, and how many tokens each source lost."""
        self._set_languages(prompting)
        room = self.context_length
        if room is not None and not self.is_encoder_decoder:
            room -= decoding.max_new_tokens
        built = [self._fitted(source, prompting, room) for source in sources]
        texts, prompts = [text for text, _, _ in built], [ids for _, ids, _ in built]
        return texts, prompts, [num_cut for _, _, num_cut in built]

    def _fitted(
        self, source: str, prompting: Prompting, room: int | None
    ) -> tuple[str, list[int], int]:
        text, ids = self._prompt(source, prompting)
        if room is None or len(ids) <= room:
            return text, ids, 0
        source_ids = self._tokenizer.encode(source, add_special_tokens=False)
        kept = source_ids
        while len(ids) > room:
            if not kept:
                raise ConfigError(
                    f"{prompting.task.name}: a prompt without its source has {len(ids)} tokens, "
                    f"and the context of {self._folder} leaves {room}; use fewer examples "
                    "(tasks.*.instruction.num_fewshot) or decoding.max_new_tokens"
                )
            most = max(len(kept) - (len(ids) - room), 0)
            kept = list(cut_source(kept, prompting.task.kind, most))
            shorter = self._tokenizer.decode(kept, skip_special_tokens=True)
            text, ids = self._prompt(shorter, prompting)
        return text, ids, len(source_ids) - len(kept)

    def _prompt(self, source: str, prompting: Prompting) -> tuple[str, list[int]]:
        if prompting.format is PromptFormat.chat:
            text = self._tokenizer.apply_chat_template(
                prompting.messages(source), tokenize=False, add_generation_prompt=True
            )
            return text, list(self._tokenizer.encode(text, add_special_tokens=False))
        text = prompting.text(source)
        return text, list(self._tokenizer.encode(text))

    @torch.inference_mode()
    def _decode(self, prompts: Sequence[Sequence[int]], settings: Any) -> list[list[int]]:
        """The new ids of each prompt up to their end, which is included."""
        pad, width = settings.pad_token_id, max(map(len, prompts))
        is_left = not self.is_encoder_decoder
        rows, masks = [], []
        for prompt in prompts:
            padding, ones = [pad] * (width - len(prompt)), [1] * len(prompt)
            zeros = [0] * len(padding)
            rows.append([*padding, *prompt] if is_left else [*prompt, *padding])
            masks.append([*zeros, *ones] if is_left else [*ones, *zeros])
        device = self._model.device
        given = self._model.generate(
            input_ids=torch.tensor(rows, device=device),
            attention_mask=torch.tensor(masks, device=device),
            generation_config=settings,
        )
        ends = self._end_ids(settings)
        start = 1 if self.is_encoder_decoder else width
        return [_to_end(row, ends) for row in given[:, start:].tolist()]

    def _settings(self, decoding: DecodingConfig, prompting: Prompting) -> Any:
        """Our decoding as transformers says it, with the folder's special tokens."""
        import transformers

        for name in () if self.is_encoder_decoder else OF_DECODERS:
            if (value := getattr(decoding, name)) is not None:
                raise ConfigError(
                    f"decoding.{name}={value}: for a decoder, transformers counts the prompt in; "
                    "leave it out"
                )
        theirs = self._model.generation_config
        given = {name: getattr(theirs, name, None) for name in OF_FOLDER}
        kept = {name: value for name, value in given.items() if value or value == 0}
        end = kept.get("eos_token_id", self._tokenizer.eos_token_id)
        kept["eos_token_id"] = end
        if kept.get("pad_token_id") is None:
            padding = self._tokenizer.pad_token_id
            first_end = end[0] if isinstance(end, list) else end
            kept["pad_token_id"] = first_end if padding is None else padding
        if (target := self._target_token(prompting)) is not None:
            kept["forced_bos_token_id"] = target
        is_sampling = decoding.strategy == "sampling"
        sampled = {
            "temperature": decoding.temperature,
            "top_k": decoding.top_k or 0,
            "top_p": decoding.top_p,
        }
        kind: Any = transformers.GenerationConfig
        return kind(
            **kept,
            max_new_tokens=decoding.max_new_tokens,
            min_new_tokens=decoding.min_new_tokens,
            num_beams=decoding.num_beams if decoding.strategy == "beam" else 1,
            length_penalty=decoding.length_penalty,
            no_repeat_ngram_size=decoding.no_repeat_ngram_size or 0,
            repetition_penalty=decoding.repetition_penalty or 1.0,
            do_sample=is_sampling,
            **(sampled if is_sampling else {}),
        )

    def _end_ids(self, settings: Any) -> set[int]:
        ends = settings.eos_token_id
        return set(ends) if isinstance(ends, list) else {ends}

    def _set_languages(self, prompting: Prompting) -> None:
        if self._languages:
            self._tokenizer.src_lang = self._language(prompting.task.source_language)

    def _target_token(self, prompting: Prompting) -> int | None:
        """The token of the target language, with which outputs of a model of many begin."""
        if not self._languages:
            return None
        code = self._language(prompting.task.target_language)
        return int(self._tokenizer.convert_tokens_to_ids(self._languages[code]))

    @cached_property
    def _languages(self) -> dict[str, str]:
        """Code -> token of each language of mBART, NLLB or M2M100; empty for other models."""
        if not hasattr(self._tokenizer, "src_lang"):
            return {}
        matches = map(LANGUAGE_TOKEN.fullmatch, self._tokenizer.get_added_vocab())
        return {match[1] or match[2]: match.group() for match in matches if match}

    def _language(self, language: str) -> str:
        """The model's code of a language; raises ConfigError where it has none, or several."""
        base, code = base_language(language), language.replace("-", "_")
        alike = [name for name in self._languages if base_language(name) in (base, ISO_3.get(base))]
        usual = [name for name in alike if name in USUAL_CODES]
        for choices in ([name for name in alike if name == code], usual, alike):
            if len(choices) == 1:
                return choices[0]
        known = ", ".join(sorted(alike or self._languages))
        raise ConfigError(
            f"{self._folder}: {'several codes' if alike else 'no code'} for language {language}: "
            f"{known}; set tasks.*.source_language and tasks.*.target_language to one of them"
        )


def _load(folder: Path) -> tuple[Any, Any]:
    """The model in fp32 and its tokenizer; raises ArtifactError or ConfigError in one line."""
    name = f"system=hf/{folder}"
    transformers = import_transformers(f"{name}: needs the package transformers")

    def load() -> tuple[Any, Any]:
        config = transformers.AutoConfig.from_pretrained(folder, **SAFE)
        is_pair = bool(config.is_encoder_decoder)
        kind = transformers.AutoModelForSeq2SeqLM if is_pair else transformers.AutoModelForCausalLM
        model = kind.from_pretrained(
            folder, config=config, dtype=torch.float32, use_safetensors=True, **SAFE
        )
        return model, transformers.AutoTokenizer.from_pretrained(folder, **SAFE)

    model, tokenizer = opened(name, load)
    return model, tokenizer


def _context_length(config: Any, tokenizer: Any) -> int | None:
    """The most tokens of a prompt, and of a decoder's output with it; None without a limit."""
    if getattr(config, "relative_attention_num_buckets", None) is None:
        for name in CONTEXT_FIELDS:
            if isinstance(value := getattr(config, name, None), int):
                return value
    longest = int(tokenizer.model_max_length)
    return longest if longest < UNBOUNDED else None


def _batches(lengths: Sequence[int], decoding: DecodingConfig) -> Iterator[list[int]]:
    """Indices of prompts, longest first, in batches of at most decoding.batch_tokens."""
    copies = decoding.num_beams if decoding.strategy == "beam" else 1
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        width = lengths[batch[0] if batch else index] + decoding.max_new_tokens
        if batch and (len(batch) + 1) * copies * width > decoding.batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _to_end(ids: list[int], ends: set[int]) -> list[int]:
    """The ids up to the first end, which is included."""
    length = next((number for number, token in enumerate(ids, start=1) if token in ends), len(ids))
    return ids[:length]
