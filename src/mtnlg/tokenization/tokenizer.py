"""Text to ids and back: byte-level BPE or Unigram, with a few special tokens.

A sequence is `<marker> source <sep> target <eos>`. Special tokens that a user's text spells out
stay text.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from mtnlg.config import Algorithm, Normalizer, TokenizerConfig, WordPattern
from mtnlg.errors import ArtifactError, ConfigError, DataError

PAD, SEPARATOR, END = "<pad>", "<sep>", "<eos>"
ENDS = (END, "<|im_end|>", "<|eot_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "</s>")
"""The end of a text is the first of these that a tokenizer has: ours, or that of a tokenizer that
others trained.
"""
TOKENIZER_FILE = "tokenizer.json"
BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
SPACE_LETTER = "▁"
"""What SentencePiece writes for a space, in tokenizers that others trained."""
WORD = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}[\p{L}\p{M}\u200c\u200d]*| ?\p{N}+"
    r"| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
"""GPT-2's pattern of words, with marks and joiners as parts of the word of the letter before."""


def train_tokenizer(
    texts: Iterable[str], config: TokenizerConfig, *, markers: Sequence[str]
) -> TextTokenizer:
    """A byte-level tokenizer; the same texts in the same order give the same bytes."""
    special = [PAD, SEPARATOR, END, *sorted(set(markers))]
    if config.vocabulary_size < 256 + len(special):
        raise ConfigError(
            f"tokenizer.vocabulary_size={config.vocabulary_size}: must be at least "
            f"{256 + len(special)}, 256 bytes and {len(special)} special tokens"
        )
    model, trainer = ALGORITHMS[config.algorithm](config, special)
    tokenizer = Tokenizer(model)
    if config.normalizer is not None:
        tokenizer.normalizer = NORMALIZERS[config.normalizer]()
    tokenizer.pre_tokenizer = _words_of(config.pattern)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainer)
    return TextTokenizer(tokenizer)


def _words_of(pattern: WordPattern | None) -> pre_tokenizers.PreTokenizer:
    """What divides text into words, with a letter for each byte."""
    if pattern is WordPattern.gpt2:
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _byte_level_bpe(
    config: TokenizerConfig, special: list[str]
) -> tuple[models.Model, trainers.Trainer]:
    """Radford et al. 2019, sec. 2.2."""
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary_size,
        min_frequency=config.min_frequency,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return models.BPE(), trainer


def _unigram(config: TokenizerConfig, special: list[str]) -> tuple[models.Model, trainers.Trainer]:
    """Kudo 2018, sec. 3.2, over the letters that stand for bytes: with `byte_fallback` instead,
    some texts would not come back from their ids.
    """
    trainer = trainers.UnigramTrainer(
        vocab_size=config.vocabulary_size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return models.Unigram(), trainer


ALGORITHMS = {None: _byte_level_bpe, Algorithm.unigram: _unigram}
NORMALIZERS = {
    Normalizer.nfc: normalizers.NFC,
    Normalizer.nfkc: normalizers.NFKC,
    Normalizer.lowercase: normalizers.Lowercase,
}


class TextTokenizer:
    """A trained tokenizer; every text comes back from its ids, but for its normalizer's changes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True  # tokenizer.json does not keep this flag
        self._tokenizer = tokenizer
        self.pad_id, self.separator_id, self.end_id = (
            self._special_id(names) for names in ((PAD,), (SEPARATOR,), ENDS)
        )

    @classmethod
    def load(cls, path: Path) -> TextTokenizer:
        """The tokenizer of a tokenizer.json; raises ArtifactError if it is missing or not ours."""
        try:
            return cls(Tokenizer.from_file(str(path)))
        except Exception as error:  # tokenizers raises bare Exception for any broken file
            raise ArtifactError(f"{path}: not a tokenizer ({error})") from None

    def __reduce__(self) -> tuple[Callable[[str], TextTokenizer], tuple[str]]:
        """Pickled as its JSON, so that another process sets the flag of special tokens again."""
        return _from_json, (self.to_json(),)

    def save(self, path: Path) -> None:
        """Write tokenizer.json, which Hugging Face's PreTrainedTokenizerFast can open."""
        self._tokenizer.save(str(path))

    def add_markers(self, markers: Sequence[str]) -> list[str]:
        """Add the markers that are new, with ids after all others, and return them."""
        known = self._tokenizer.get_vocab()
        new = sorted({marker for marker in markers if marker not in known})
        self._tokenizer.add_special_tokens(new)
        return new

    def to_json(self) -> str:
        """The content of tokenizer.json."""
        return str(self._tokenizer.to_str())

    @property
    def has_merges(self) -> bool:
        """True for byte-level BPE, the only algorithm here with merges that can be left out."""
        is_byte_level = isinstance(self._tokenizer.decoder, decoders.ByteLevel)
        return is_byte_level and isinstance(self._tokenizer.model, models.BPE)

    @property
    def divides_words(self) -> bool:
        """True where text is divided as by the tokenizers that are trained here, unchanged, so that
        no token crosses two words.
        """
        dividers = [_words_of(pattern).__getstate__() for pattern in (None, *WordPattern)]
        pre_tokenizer = self._tokenizer.pre_tokenizer
        added = self._tokenizer.get_added_tokens_decoder().values()
        return (
            pre_tokenizer is not None
            and pre_tokenizer.__getstate__() in dividers
            and self._tokenizer.normalizer is None
            and getattr(self._tokenizer.model, "dropout", None) is None
            and self._tokenizer.truncation is None
            and self._tokenizer.padding is None
            and all(token.special for token in added)
        )

    def words(self, text: str) -> list[str]:
        """The words of a text, which no token crosses, with a letter for each byte."""
        return [word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(text)]

    @property
    def vocabulary_size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    @property
    def special_ids(self) -> list[int]:
        """Ids that stand for no text, including the end."""
        added = self._tokenizer.get_added_tokens_decoder()
        return sorted(token for token, content in added.items() if content.special)

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """The UTF-8 bytes of each id; none for special tokens."""
        byte_of = {character: byte for byte, character in enumerate(_byte_characters())}
        is_byte_level = isinstance(self._tokenizer.decoder, decoders.ByteLevel)
        added = self._tokenizer.get_added_tokens_decoder()

        def bytes_of(token: int) -> bytes:
            letters = self._letters(token)
            if token in added:
                return b"" if added[token].special else letters.encode()
            if is_byte_level:
                return bytes(byte_of[letter] for letter in letters)
            if match := BYTE_TOKEN.fullmatch(letters):
                return bytes.fromhex(match[1])
            return letters.replace(SPACE_LETTER, " ").encode()

        return [bytes_of(token) for token in range(self.vocabulary_size)]

    def marker_id(self, marker: str) -> int:
        """The id of a task's marker; raises ConfigError with the known ones."""
        token = self._tokenizer.token_to_id(marker)
        if token is None or token not in self.special_ids:
            known = [self._letters(special) for special in self.special_ids]
            raise ConfigError(f"prompt {marker}: the tokenizer knows only {', '.join(known)}")
        return int(token)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without special tokens; raises like `encode_batch`."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text; raises DataError for one with a lone surrogate."""
        try:
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        except TypeError:  # raised for a text that UTF-8 cannot hold
            raise DataError(_surrogate_fault(texts)) from None
        return [list(encoding.ids) for encoding in encodings]

    def encode_prompt(self, text: str, *, has_start: bool) -> list[int]:
        """The ids of a text in which special tokens of others stand for themselves, as in a chat
        template; with a start also those that the tokenizer puts around a text. Raises like
        `encode_batch`.
        """
        try:
            return list(self._as_theirs.encode(text, add_special_tokens=has_start).ids)
        except TypeError:
            raise DataError(_surrogate_fault([text])) from None

    @cached_property
    def _as_theirs(self) -> Tokenizer:
        """The tokenizer without the special tokens of ours that were added after all others."""
        content = json.loads(self.to_json())
        first = self.vocabulary_size - len((PAD, SEPARATOR, END))
        content["added_tokens"] = [
            token
            for token in content["added_tokens"]
            if token["id"] < first or token["content"] not in (PAD, SEPARATOR, END)
        ]
        return Tokenizer.from_str(json.dumps(content))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special tokens become nothing, and broken characters U+FFFD."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _letters(self, token: int) -> str:
        return str(self._tokenizer.id_to_token(token))

    def _special_id(self, names: Sequence[str]) -> int:
        """The id of the first of these names that is a token."""
        for name in names:
            if (token := self._tokenizer.token_to_id(name)) is not None:
                return int(token)
        raise ArtifactError(f"tokenizer without {names[0]}: not one that mtnlg has trained")


def _byte_characters() -> list[str]:
    """The character that byte-level BPE writes for each byte: the byte's own where it is visible,
    else the next one from U+0100 on (Radford et al. 2019).
    """
    is_visible = [33 <= byte < 127 or 161 <= byte < 173 or byte >= 174 for byte in range(256)]
    substitutes = itertools.count(256)
    return [chr(byte if is_visible[byte] else next(substitutes)) for byte in range(256)]


def _from_json(text: str) -> TextTokenizer:
    return TextTokenizer(Tokenizer.from_str(text))


def _surrogate_fault(texts: Sequence[str]) -> str:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return (
                f"text {text[:80]!r}: character {error.start + 1} is the lone surrogate "
                f"U+{ord(text[error.start]):04X}; clean the text before it is encoded"
            )
    raise AssertionError(f"the tokenizer refused {len(texts)} texts, all of them valid")
