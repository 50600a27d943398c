"""Settings of decoding: what cannot work together, labels that tell them apart, and words of the
command line as typed values.

Oracle unless a test names another: messages, labels and values written by hand.
"""

from __future__ import annotations

import pytest

from mtnlg.config import DecodingConfig
from mtnlg.errors import ConfigError
from mtnlg.experiment.compose import decoding_settings
from mtnlg.experiment.naming import slug
from mtnlg.generation.strategies import decoding_label, find_strategy

SAMPLES = {"strategy": "sampling", "num_alternatives": 8}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"no_repeat_ngram_size": 0}, r"no_repeat_ngram_size=0: must be a finite number >= 1"),
        ({"repetition_penalty": 0.0}, r"repetition_penalty=0\.0: must be from 0.0001 to 10,000"),
        ({"repetition_penalty": float("nan")}, r"repetition_penalty=nan: must be"),
        ({"min_new_tokens": 0}, r"min_new_tokens=0: must be a finite number >= 1"),
        ({"min_new_tokens": 129}, r"min_new_tokens=129: must be at most decoding\.max_new.*=128"),
        ({"max_length_ratio": -1.0}, r"max_length_ratio=-1\.0: must be a finite number >= 0"),
        ({"max_length_ratio": 0.0}, r"max_length_ratio=0\.0: must be above 0, or with .*_constant"),
        ({"max_length_constant": 5}, r"max_length_constant=5: must be with .*max_length_ratio"),
        (
            {"max_length_ratio": 1.0, "max_length_constant": -1},
            r"max_length_constant=-1: must be a finite number >= 0",
        ),
        ({"min_length_ratio": 0.0}, r"min_length_ratio=0\.0: must be a finite number > 0"),
        (
            {"min_length_ratio": 2.0, "max_length_ratio": 1.5},
            r"min_length_ratio=2\.0: must be at most decoding\.max_length_ratio=1\.5",
        ),
        ({"bad_words": []}, r"bad_words=\[\]: must be a list of texts"),
        ({"bad_words": "cat"}, r"bad_words=cat: must be a list of texts"),
        ({"bad_words": ["a", ""]}, r"bad_words='': must be some text"),
        ({"bad_words": ["a\x00"]}, r"bad_words='a\\x00': must be some text without control"),
        ({"bad_words": ["\ufffd"]}, r"bad_words='\ufffd': must be .* and U\+FFFD"),
        ({"bad_words": ["\ud800"]}, r"bad_words='\\ud800': must be some text"),
        ({"forced_prefix": ""}, r"forced_prefix='': must be some text"),
        ({"forced_prefix": "The "}, r"forced_prefix='The ': must be .* and space at its ends"),
        ({"forced_prefix": "a\rb"}, r"forced_prefix='a\\rb': must be some text without control"),
        (
            {"forced_prefix": "Concatenate", "bad_words": ["dog", "cat"]},
            r"forced_prefix='Concatenate': must be without \['cat'\] of decoding\.bad_words",
        ),
        ({"mbr_utility": "chrf"}, r"mbr_utility=chrf: must be with decoding\.strategy=sampling"),
        (
            {"mbr_utility": "chrf", "strategy": "sampling"},
            r"mbr_utility=chrf: must be with .*decoding\.num_alternatives above 1",
        ),
        (
            {"mbr_utility": "chrf", "strategy": "beam", "num_alternatives": 5},
            r"mbr_utility=chrf: must be with decoding\.strategy=sampling",
        ),
        (
            {"num_beams": 4},
            r"num_beams=4: must be with decoding\.strategy=beam; greedy does not read it",
        ),
        (
            {"strategy": "beam", "temperature": 0.5},
            r"temperature=0\.5: must be with decoding\.strategy=sampling; beam does not read it",
        ),
        ({"num_alternatives": 2}, r"num_alternatives=2: must be at most 1 with strategy greedy"),
        (
            {"strategy": "beam", "num_alternatives": 6},
            r"num_alternatives=6: must be at most 5 with strategy beam",
        ),
        ({"options": {"mass": 0.9}}, r"options=mass: must be an option of greedy: none"),
        ({"strategy": "gready"}, r"strategy has 'gready'; known: .*; did you mean 'greedy'"),
    ],
)
def test_setting_that_cannot_work_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"decoding\.{message}"):
        find_strategy(DecodingConfig(**fields))  # type: ignore[arg-type]


def test_settings_that_fit_together_are_taken() -> None:
    DecodingConfig(max_length_ratio=0.0, max_length_constant=40)
    DecodingConfig(max_length_ratio=1.0, max_length_constant=40, min_length_ratio=1.2)
    DecodingConfig(bad_words=[" he", "猫", "two\nlines"], forced_prefix="She said:\n\t「你好")
    DecodingConfig(min_new_tokens=128, repetition_penalty=0.5)


def test_labels_tell_the_settings_that_matter() -> None:
    """Oracle: the labels by hand; texts are told apart by six digits."""
    fields: list[dict[str, object]] = [
        {"no_repeat_ngram_size": 3},
        {"repetition_penalty": 1.2},
        {"min_new_tokens": 5},
        {"max_length_ratio": 1.5, "max_length_constant": 10},
        {"max_length_ratio": 2.0, "min_length_ratio": 0.5},
        {**SAMPLES, "mbr_utility": "rougeL"},
        {"strategy": "beam", "num_beams": 4, "no_repeat_ngram_size": 2, "min_new_tokens": 9},
        {"has_likelihood": True},
    ]

    labels = [decoding_label(DecodingConfig(**one)) for one in fields]  # type: ignore[arg-type]

    assert labels == [
        "greedy_norepeat3",
        "greedy_repetition1.2",
        "greedy_min5",
        "greedy_max1.5x+10",
        "greedy_min0.5x_max2x+0",
        "sampling_t1_p1_s1_mbr8_rougeL",
        "beam4_norepeat2_min9",
        "greedy",
    ]


def test_labels_of_different_texts_differ_and_are_file_names() -> None:
    configs = [
        *(DecodingConfig(bad_words=words) for words in (["a"], ["b"], ["a", "b"], ["ab"], ["猫"])),
        *(DecodingConfig(forced_prefix=text) for text in ("a", "b", "../x", "猫")),
    ]

    labels = [decoding_label(config) for config in configs]

    assert len(set(labels)) == len(labels)
    assert [slug(label) for label in labels] == labels


def test_words_become_typed_settings() -> None:
    words = ["max_new_tokens=32", "strategy=sampling", "temperature=1e-1", "top_k=null"]
    texts = ["bad_words=[cat, ' he']", "forced_prefix=12"]

    settings = decoding_settings([*words, *texts])

    assert settings == {
        "max_new_tokens": 32,
        "strategy": "sampling",
        "temperature": 0.1,
        "top_k": None,
        "bad_words": ["cat", " he"],
        "forced_prefix": "12",
    }


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("max_new_tokens", r"--set max_new_tokens: expected NAME=VALUE"),
        ("max_new_token=3", r"Key 'max_new_token' .*did you mean 'max_new_tokens'"),
        ("num_beams=five", r"'five' .*Integer; full_key: num_beams"),
        ("strategy=best", r"--set strategy has 'best'; known: greedy, sampling, beam"),
        ("bad_words=cat", r"bad_words"),
        ("bad_words=[", r"--set bad_words=\[: not YAML"),
    ],
)
def test_wrong_word_is_one_line_that_names_it(word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        decoding_settings([word])

    assert "\n" not in str(caught.value)
