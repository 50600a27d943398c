"""Decoding settings that are texts, in the form the engine takes: ids and an automaton over bytes.

A text can be tokenized in many ways, with and without the space before it, and a model may choose
any of them. Its bytes are always the same, so banned texts are searched for there (Aho and Corasick
1975).

Legend: N states, V vocabulary, L bytes of the longest token.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from mtnlg.config import DecodingConfig
from mtnlg.errors import ConfigError
from mtnlg.generation.constraints import BannedTexts, TextRules
from mtnlg.tokenization.tokenizer import TextTokenizer

CONTROLS = [
    letter
    for letter in map(chr, range(0xA0))
    if unicodedata.category(letter) == "Cc" and letter not in "\t\n"
]
"""Characters that are removed from an output, which could complete a banned text: banned too."""


def text_rules(
    decoding: DecodingConfig,
    tokenizer: TextTokenizer,
    *,
    source_lengths: Sequence[int],
    longest_output: int,
    device: torch.device,
) -> TextRules:
    """The rules for prompts with these source lengths; raises ConfigError if the forced prefix does
    not fit an output of `longest_output` tokens.
    """
    prefix = tokenizer.encode(decoding.forced_prefix) if decoding.forced_prefix else []
    if len(prefix) >= longest_output:
        raise ConfigError(
            f"decoding.forced_prefix={decoding.forced_prefix!r}: its {len(prefix)} tokens must be "
            f"fewer than the {longest_output} of the longest output (decoding.max_new_tokens, and "
            "at most half of model.context_length)"
        )
    banned = None
    if decoding.bad_words is not None:
        texts = [*decoding.bad_words, *CONTROLS]
        banned = ban_texts(texts, tokenizer.token_bytes, device=device)
    return TextRules(source_lengths, prefix, banned)


def ban_texts(
    texts: Sequence[str], token_bytes: Sequence[bytes], *, device: torch.device
) -> BannedTexts:
    """The automaton over tokens that finds the texts in the bytes of an output."""
    words = [text.encode() for text in texts]
    after, is_word = byte_automaton(words)  # (N, 256), (N,)
    width = max(len(token) for token in token_bytes)
    padded = torch.tensor([list(token.ljust(width, b"\0")) for token in token_bytes])  # (V, L)
    lengths = torch.tensor([len(token) for token in token_bytes])
    states = torch.arange(len(after))[:, None].expand(-1, len(token_bytes))  # (N, V)
    is_banned = torch.zeros(states.shape, dtype=torch.bool)
    for position in range(width):
        is_read = lengths > position
        states = torch.where(is_read, after[states, padded[:, position]], states)
        is_banned |= is_read & is_word[states]
    memory = max(len(word) for word in words) - 1
    return BannedTexts(states.to(device), is_banned.to(device), memory)


def byte_automaton(words: Sequence[bytes]) -> tuple[Tensor, Tensor]:
    """The next state for each state and byte, (N, 256) int64, and whether what was read ends in a
    word, (N,) bool. A state is the longest suffix of what was read that is a prefix of a word.
    """
    children: list[dict[int, int]] = [{}]
    is_word = [False]
    for word in words:
        state = 0
        for byte in word:
            if byte not in children[state]:
                children[state][byte] = len(children)
                children.append({})
                is_word.append(False)
            state = children[state][byte]
        is_word[state] = True
    after = torch.zeros(len(children), 256, dtype=torch.int64)
    shorter = [0] * len(children)  # the state of the next shorter suffix
    queue = deque([0])
    while queue:
        state = queue.popleft()
        after[state] = after[shorter[state]]  # still zeros for the start
        is_word[state] |= is_word[shorter[state]]
        for byte, child in children[state].items():
            shorter[child] = int(after[state, byte])
            after[state, byte] = child
            queue.append(child)
    return after, torch.tensor(is_word)
