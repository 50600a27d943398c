"""Text to ids and back, for any text. Oracle: the text itself, unless a test names another."""

from __future__ import annotations

import json
import pickle
import random
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from mtnlg.config import Algorithm, Normalizer, TokenizerConfig, WordPattern
from mtnlg.errors import ArtifactError, ConfigError, DataError
from mtnlg.tokenization.tokenizer import TextTokenizer, train_tokenizer

CORPUS = [
    "The quick brown fox jumps over the lazy dog. " * 3,
    "Der schnelle braune Fuchs springt über den faulen Hund.",
    "敏捷的棕色狐狸跳过了懒狗。" * 3,
    "<eos> is text here, and so is <translation_en_zh>.",
]
MARKERS = ["<translation_en_zh>", "<dialogue_en>"]
CONFIG = TokenizerConfig(vocabulary_size=340)
LOOK_ALIKES = ["<eos>", "<pad>", "<sep>", *MARKERS]
PIECES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        [
            *LOOK_ALIKES,
            "👩‍👩‍👧‍👦",
            "🇩🇪",
            "，！（）１２",
            "\u2028",
            "\x00",
            "\r\n",
            "  ",
            "é",
            "e\u0301",
        ]
    ),
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
ALGORITHMS = [None, Algorithm.unigram]
NORMALIZED = {
    Normalizer.nfc: lambda text: unicodedata.normalize("NFC", text),
    Normalizer.nfkc: lambda text: unicodedata.normalize("NFKC", text),
    Normalizer.lowercase: str.lower,
}
"""What each normalizer does, by the standard library."""


@pytest.fixture(scope="module", params=ALGORITHMS, ids=["bpe", "unigram"])
def tokenizer(request: pytest.FixtureRequest) -> TextTokenizer:
    config = replace(CONFIG, algorithm=request.param)
    return train_tokenizer(CORPUS, config, markers=MARKERS)


@pytest.fixture(scope="module")
def saved(tokenizer: TextTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(path)
    return path


@pytest.fixture(scope="module", params=Normalizer)
def normalizing(request: pytest.FixtureRequest) -> tuple[Normalizer, TextTokenizer]:
    config = replace(CONFIG, normalizer=request.param)
    return request.param, train_tokenizer(CORPUS, config, markers=MARKERS)


@given(text=TEXTS)
def test_any_text_comes_back_unchanged(tokenizer: TextTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(text=TEXTS)
def test_text_comes_back_as_its_normalizer_left_it(
    normalizing: tuple[Normalizer, TextTokenizer], text: str
) -> None:
    """Oracle: the standard library, except for newer characters that tokenizers may not know."""
    normalizer, tokenizer = normalizing
    expected = NORMALIZED[normalizer](text)
    assume(all(unicodedata.category(character) != "Cn" for character in text))

    back = tokenizer.decode(tokenizer.encode(text))

    assert back == expected
    assert tokenizer.decode(tokenizer.encode(back)) == back


def test_nfkc_rewrites_chinese_punctuation_and_no_normalizer_does_not() -> None:
    text = "，！（）１２"
    tokenizers = [
        train_tokenizer(CORPUS, replace(CONFIG, normalizer=normalizer), markers=MARKERS)
        for normalizer in (Normalizer.nfkc, Normalizer.nfc, None)
    ]

    assert [tokenizer.decode(tokenizer.encode(text)) for tokenizer in tokenizers] == [
        ",!()12",
        text,
        text,
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में!", ["हिन्दी", " में", "!"]),
        ("e\u0301tude don't", ["e\u0301tude", " don", "'t"]),
        ("क्\u200dष می\u200cخواهم", ["क्\u200dष", " می\u200cخواهم"]),
        ("❤\ufe0f  1\ufe0f\u20e3", ["❤\ufe0f", " ", " 1", "\ufe0f\u20e3"]),
    ],
)
def test_marks_and_joiners_stay_in_the_word_of_their_letter(text: str, words: list[str]) -> None:
    """Oracle: cut by hand; each piece shows the bytes of its word."""
    tokenizer = train_tokenizer([text], CONFIG, markers=MARKERS)

    pieces = tokenizer.words(text)

    byte_level = train_tokenizer([], replace(CONFIG, pattern=WordPattern.gpt2), markers=MARKERS)
    lengths = [sum(map(len, byte_level.words(word))) for word in words]
    assert [len(piece) for piece in pieces] == lengths == [len(word.encode()) for word in words]


HINDI = (
    "मैं हम लड़का लड़की बच्चे किताब स्कूल पानी बाज़ार दिल्ली पहाड़ चाँद सुंदर पढ़ता लिखते देखी जाएँगे "
    "क्योंकि विद्यार्थी अंतरराष्ट्रीय कार्यक्रम प्रधानमंत्री है हैं में को का की के और"
)


def test_hindi_words_are_at_most_two_tokens_in_a_vocabulary_of_their_own() -> None:
    """Oracle: words between spaces; GPT-2's pattern cuts them at each vowel sign."""
    chance = random.Random(0)
    texts = [" ".join(chance.choices(HINDI.split(), k=12)) for _ in range(400)]
    num_words = 12 * len(texts)

    def tokens_per_word(pattern: WordPattern | None) -> float:
        config = TokenizerConfig(vocabulary_size=4_000, pattern=pattern)
        tokenizer = train_tokenizer(texts, config, markers=MARKERS)
        return sum(map(len, tokenizer.encode_batch(texts))) / num_words

    assert tokens_per_word(None) <= 2 < 3 < tokens_per_word(WordPattern.gpt2)


@given(text=TEXTS)
def test_text_without_marks_and_joiners_has_the_words_of_gpt2(text: str) -> None:
    """Oracle: the pattern built into tokenizers' ByteLevel, which is GPT-2's."""
    text = "".join(
        character
        for character in text
        if unicodedata.category(character)[0] not in "MC" or character.isspace()
    )
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)

    words = train_tokenizer([], CONFIG, markers=MARKERS).words(text)

    assert words == [word for word, _ in gpt2.pre_tokenize_str(text)]


def test_tokenizer_of_gpt2s_pattern_loads_unchanged(tmp_path: Path) -> None:
    """Oracle: its ids before it was saved; so were all tokenizers before the setting."""
    old = train_tokenizer(CORPUS, replace(CONFIG, pattern=WordPattern.gpt2), markers=MARKERS)
    old.save(tmp_path / "tokenizer.json")

    loaded = TextTokenizer.load(tmp_path / "tokenizer.json")

    assert json.loads(loaded.to_json())["pre_tokenizer"]["type"] == "ByteLevel"
    assert loaded.encode("हिन्दी में!") == old.encode("हिन्दी में!")


@given(text=TEXTS)
def test_text_never_becomes_a_special_token(tokenizer: TextTokenizer, text: str) -> None:
    assert not set(tokenizer.encode(text)) & set(tokenizer.special_ids)


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_special_tokens_inside_text_stay_text_after_a_load(saved: Path, text: str) -> None:
    """tokenizer.json does not keep the flag for it."""
    loaded = TextTokenizer.load(saved)

    ids = loaded.encode(f"a {text} b")

    assert not set(ids) & set(loaded.special_ids)
    assert loaded.decode(ids) == f"a {text} b"


def test_two_trainings_of_bpe_give_the_same_bytes(tmp_path: Path) -> None:
    """Unigram sums in no fixed order, so it promises less."""
    for name, markers in (("first", MARKERS), ("second", MARKERS[::-1])):
        train_tokenizer(iter(CORPUS), CONFIG, markers=markers).save(tmp_path / name)

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_tokenizer_of_another_process_keeps_special_tokens_in_text_as_text(
    tokenizer: TextTokenizer,
) -> None:
    """Oracle: the tokenizer itself; it is pickled as JSON, which does not keep the flag."""
    copy = pickle.loads(pickle.dumps(tokenizer))

    for text in [*CORPUS, *LOOK_ALIKES]:
        assert copy.encode(text) == tokenizer.encode(text)


def test_hugging_face_opens_it_and_gives_the_same_ids(saved: Path) -> None:
    """Oracle: PreTrainedTokenizerFast, on text without look-alikes, which it parses as special."""
    transformers = pytest.importorskip("transformers")
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=str(saved))
    ours = TextTokenizer.load(saved)

    for text in [*CORPUS[:3], "", " ", "हिन्दी में।", "neue Wörter 新词 👩‍👩‍👧‍👦"]:
        assert theirs(text, add_special_tokens=False)["input_ids"] == ours.encode(text)


def test_a_batch_is_encoded_like_its_texts(tokenizer: TextTokenizer) -> None:
    assert tokenizer.encode_batch([*CORPUS, ""]) == [
        tokenizer.encode(text) for text in [*CORPUS, ""]
    ]


def test_vocabulary_holds_all_bytes_and_the_special_tokens(tokenizer: TextTokenizer) -> None:
    specials = [tokenizer.pad_id, tokenizer.separator_id, tokenizer.end_id]

    assert specials == [0, 1, 2]
    assert tokenizer.special_ids == [0, 1, 2, *sorted(map(tokenizer.marker_id, MARKERS))]
    assert 256 + 5 < tokenizer.vocabulary_size <= CONFIG.vocabulary_size


def test_special_tokens_give_no_text(tokenizer: TextTokenizer) -> None:
    ids = [tokenizer.marker_id(MARKERS[0]), *tokenizer.encode("a b"), tokenizer.end_id]

    assert tokenizer.decode(ids) == "a b"


def test_unknown_marker_is_an_error_with_the_known_ones(tokenizer: TextTokenizer) -> None:
    for marker in ("<summarization_en>", "a"):
        with pytest.raises(ConfigError, match=rf"prompt {marker}: .*<dialogue_en>"):
            tokenizer.marker_id(marker)


def test_too_small_vocabulary_is_an_error_with_the_least(tokenizer: TextTokenizer) -> None:
    markers = [f"<task_{number}>" for number in range(42)]

    with pytest.raises(ConfigError, match=r"vocabulary_size=300: must be at least 301"):
        train_tokenizer(CORPUS, TokenizerConfig(vocabulary_size=300), markers=markers)
    with pytest.raises(ConfigError, match=r"tokenizer\.vocabulary_size=299"):
        TokenizerConfig(vocabulary_size=299)


def test_lone_surrogate_is_an_error_that_shows_it(tokenizer: TextTokenizer) -> None:
    """The package itself says only `TextInputSequence must be str`."""
    with pytest.raises(DataError, match=r"character 3 is the lone surrogate U\+D800"):
        tokenizer.encode("ab\ud800")
    with pytest.raises(DataError, match=r"'x.udfff': character 2"):
        tokenizer.encode_batch(["fine", "x\udfff"])


@pytest.mark.parametrize("body", [None, "", "{}", "[]", '{"model": {"type": "BPE"}}'])
def test_file_that_is_no_tokenizer_is_an_error_with_its_path(
    tmp_path: Path, body: str | None
) -> None:
    path = tmp_path / "tokenizer.json"
    if body is not None:
        path.write_text(body)

    with pytest.raises(ArtifactError, match=r"tokenizer\.json: not a tokenizer"):
        TextTokenizer.load(path)


def test_foreign_tokenizer_is_refused(saved: Path, tmp_path: Path) -> None:
    document = json.loads(saved.read_text())
    document["added_tokens"] = []
    vocabulary = document["model"]["vocab"]
    document["model"]["vocab"] = (
        {token: index for token, index in vocabulary.items() if token != "<sep>"}
        if isinstance(vocabulary, dict)
        else [
            ["<other>", score] if token == "<sep>" else [token, score]
            for token, score in vocabulary
        ]
    )
    (tmp_path / "other.json").write_text(json.dumps(document))

    with pytest.raises(ArtifactError, match="without <sep>"):
        TextTokenizer.load(tmp_path / "other.json")


def test_min_frequency_that_unigram_would_ignore_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.min_frequency=3.*unigram"):
        TokenizerConfig(algorithm=Algorithm.unigram, min_frequency=3)
