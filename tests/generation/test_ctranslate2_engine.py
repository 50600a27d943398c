"""CTranslate2 as the engine. Oracle: our own search of the same prompts."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from made_decoder import CONFIGS, NUM_NEW, MadeDecoder
from mtnlg.config import DecodingConfig, Engine, FeedForward
from mtnlg.errors import ConfigError
from mtnlg.generation import ctranslate2_engine
from mtnlg.generation.batches import Output
from mtnlg.generation.constraints import TextRules
from mtnlg.generation.ctranslate2_engine import check_engine
from mtnlg.generation.engine import generate
from mtnlg.generation.strategies import decoding_label
from mtnlg.model import Transformer

SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam": {"strategy": "beam", "num_beams": 4, "num_alternatives": 3},
    "beam_long": {"strategy": "beam", "num_beams": 3, "length_penalty": 0.4},
}


@pytest.fixture(params=[*CONFIGS, "gelu"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> MadeDecoder:
    pytest.importorskip("ctranslate2")
    if request.param != "gelu":
        return MadeDecoder(tmp_path, request.param)
    made = MadeDecoder(tmp_path, "gpt2")
    config = replace(made.model.config, feed_forward=FeedForward.gelu, norm_epsilon=0.03)
    model = Transformer(config, made.model.vocabulary_size).eval()
    model.load_state_dict(made.model.state_dict())
    made.model = model
    return made


def outputs(
    made: MadeDecoder, rules: TextRules | None = None, **settings: Any
) -> list[list[Output]]:
    return generate(
        made.model,
        made.prompts,
        eos_id=made.end,
        config=DecodingConfig(**{"max_new_tokens": NUM_NEW, **settings}),
        forbidden_ids=made.forbidden,
        rules=rules or TextRules(),
    )


@pytest.mark.parametrize("search", SEARCHES)
def test_outputs_and_scores_are_ours(made: MadeDecoder, search: str) -> None:
    settings = SEARCHES[search]

    theirs = outputs(made, engine=Engine.ctranslate2, **settings)

    ours = outputs(made, **settings)
    assert [[row.ids for row in rows] for rows in theirs] == [
        [row.ids for row in rows] for rows in ours
    ]
    for found, expected in zip(chain(*theirs), chain(*ours), strict=True):
        assert found.score == pytest.approx(expected.score, rel=2e-3)
        assert found.is_finished == expected.is_finished


@pytest.fixture
def gpt2(tmp_path: Path) -> MadeDecoder:
    pytest.importorskip("ctranslate2")
    return MadeDecoder(tmp_path, "gpt2")


def test_a_complete_output_ends_there(gpt2: MadeDecoder) -> None:
    rules = TextRules(is_complete=lambda ids: len(ids) >= 3)

    theirs = outputs(gpt2, rules, engine=Engine.ctranslate2)

    ours = outputs(gpt2, rules)
    assert [(rows[0].ids, rows[0].is_complete) for rows in theirs] == [
        (rows[0].ids, rows[0].is_complete) for rows in ours
    ]
    assert max(len(rows[0].ids) for rows in ours) == 3


def test_prompts_near_the_end_of_the_context_keep_their_limits(gpt2: MadeDecoder) -> None:
    gpt2.prompts = [(gpt2.prompts[0] * 20)[:length] for length in (50, 58, 63, 20)]

    theirs = outputs(gpt2, engine=Engine.ctranslate2)

    assert [rows[0].ids for rows in theirs] == [rows[0].ids for rows in outputs(gpt2)]


def test_changed_weights_are_seen(gpt2: MadeDecoder) -> None:
    before = outputs(gpt2, engine=Engine.ctranslate2)
    with torch.no_grad():
        gpt2.model.final_norm.weight.neg_()

    after = outputs(gpt2, engine=Engine.ctranslate2)

    assert [rows[0].ids for rows in after] == [rows[0].ids for rows in outputs(gpt2)]
    assert after != before


def test_weights_of_8_bits_give_nearly_the_same(gpt2: MadeDecoder) -> None:
    """Oracle: our log-probabilities of the same first tokens."""
    theirs = outputs(gpt2, engine=Engine.ctranslate2_int8, max_new_tokens=1)

    ours = outputs(gpt2, max_new_tokens=1)
    pairs = [(found[0], expected[0]) for found, expected in zip(theirs, ours, strict=True)]
    differences = [
        abs(found.score - expected.score) for found, expected in pairs if found.ids == expected.ids
    ]
    assert len(differences) > 10
    assert 0.001 < sum(differences) / len(differences) < 0.3


@pytest.mark.parametrize(
    ("settings", "model", "message"),
    [
        ({"strategy": "sampling"}, {}, "decoding.strategy=sampling: with decoding.engine=ctran"),
        ({"repetition_penalty": 1.2}, {}, "decoding.repetition_penalty=1.2: decoding.engine=c"),
        ({}, {"has_pointer": True}, "engine=ctranslate2: cannot express model.has_pointer=true"),
        ({}, {"is_prefix_bidirectional": True}, "cannot express model.is_prefix_bidirectional"),
    ],
)
def test_what_it_cannot_decode_is_refused(
    settings: dict[str, Any],
    model: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Oracle: the messages by hand."""
    monkeypatch.setattr(ctranslate2_engine, "find_spec", lambda name: "installed")
    config = replace(MadeDecoder(tmp_path, "gpt2").model.config, **model)

    with pytest.raises(ConfigError, match=message):
        check_engine(DecodingConfig(engine=Engine.ctranslate2, **settings), config)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the command by hand."""
    monkeypatch.setattr(ctranslate2_engine, "find_spec", lambda name: None)
    config = MadeDecoder(tmp_path, "gpt2").model.config

    with pytest.raises(ConfigError, match=r"pip install 'mtnlg\[ctranslate2\]'"):
        check_engine(DecodingConfig(engine=Engine.ctranslate2), config)


def test_the_engine_is_in_the_label() -> None:
    """Oracle: the labels by hand: rows of two engines are two rows."""
    assert decoding_label(DecodingConfig(engine=Engine.ctranslate2_int8)) == (
        "greedy_ctranslate2_int8"
    )
    assert decoding_label(DecodingConfig()) == "greedy"
