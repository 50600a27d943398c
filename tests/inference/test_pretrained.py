"""The class that users hold: folder to model, text to text, and clear refusals."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import pytest
import torch

import mtnlg
from mtnlg.artifacts.store import make_artifact
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.generation.strategies import decoding_label
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration as Pretrained
from mtnlg.inference.pretrained import decoding_of

TEXTS = ["the red cat", "a dog sees you", "how are you?\nfine"]
FAST = {"max_new_tokens": 6}


@pytest.fixture
def folder(pretrained: Pretrained, tmp_path: Path) -> Path:
    pretrained.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def answers(model: Pretrained, texts: list[str]) -> list[str]:
    return model.generate(texts, task=None, max_new_tokens=6)


def test_saved_model_answers_alike(pretrained: Pretrained, folder: Path) -> None:
    loaded = mtnlg.MegatronTuringForConditionalGeneration.from_pretrained(str(folder))

    assert sorted(path.name for path in folder.iterdir()) == [
        *("README.md", "config.json", "model.safetensors", "tasks.json", "tokenizer.json")
    ]
    assert (loaded.tasks, loaded.default_task) == (pretrained.tasks, pretrained.default_task)
    assert answers(loaded, TEXTS) == answers(pretrained, TEXTS)
    state = loaded.model.state_dict()
    for name, tensor in pretrained.model.state_dict().items():
        assert torch.equal(state[name], tensor), name


def test_a_text_gives_a_text_and_a_list_a_list(pretrained: Pretrained) -> None:
    together = answers(pretrained, TEXTS)

    assert [pretrained.generate(text, max_new_tokens=6) for text in TEXTS] == together
    assert len(set(together)) > 1
    assert pretrained.generate([]) == []


def test_task_chooses_the_prompt(pretrained: Pretrained) -> None:
    default = pretrained.generate(TEXTS, max_new_tokens=6)

    assert pretrained.generate(TEXTS, task="translation/captions", max_new_tokens=6) == default
    assert pretrained.generate(TEXTS, task="captions", max_new_tokens=6) == default
    assert pretrained.generate(TEXTS, task="chat", max_new_tokens=6) != default


def test_unknown_and_ambiguous_tasks_are_refused_with_the_known_ones(
    pretrained: Pretrained,
) -> None:
    with pytest.raises(ConfigError, match="task=poetry: this model knows dialogue/chat, trans"):
        pretrained.generate("a", task="poetry")

    pretrained.tasks["summarization/chat"] = pretrained.tasks["dialogue/chat"]
    with pytest.raises(ConfigError, match="task=chat: this model knows"):
        pretrained.generate("a", task="chat")


@pytest.mark.parametrize("text", ["", " \n ", "\x00", "\ud800", "<eos><pad>", "猫" * 3, "👩‍👩‍👧‍👦"])
def test_any_text_is_answered(pretrained: Pretrained, text: str) -> None:
    assert isinstance(pretrained.generate(text, max_new_tokens=6), str)


@pytest.mark.filterwarnings("ignore:1 of 1 texts did not fit")
def test_text_longer_than_the_context_is_cut_and_answered(pretrained: Pretrained) -> None:
    start = "the red cat sees a dog " * 4

    documents = [pretrained.generate(f"{start}{end}", max_new_tokens=6) for end in ("", "and you")]
    dialogues = [
        pretrained.generate(f"{begin}{start}", task="chat", max_new_tokens=6)
        for begin in ("", "fine ")
    ]

    assert documents[0] == documents[1]
    assert dialogues[0] == dialogues[1]


def test_cut_texts_are_counted_in_a_warning_at_the_call(pretrained: Pretrained) -> None:
    """Oracle: the tokens that the prompts have room for."""
    texts = ["a", ("the red cat sees a dog " * 4).strip(), ("how are you? " * 9).strip()]
    num_tokens = [len(ids) for ids in pretrained.tokenizer.encode_batch(texts)]
    room = pretrained._generator.prompts.source_room(6)
    lost = sum(max(one - room, 0) for one in num_tokens)

    with pytest.warns(UserWarning, match=f"2 of 3 texts did not .* lost {lost} tokens") as caught:
        pretrained.generate(texts, max_new_tokens=6)
    with pytest.warns(UserWarning, match="1 of 1 texts did not fit"):
        "".join(pretrained.stream(texts[1], max_new_tokens=6))

    assert caught[0].filename == __file__


@pytest.mark.parametrize("num_lost", [1, 2])
@pytest.mark.parametrize("method", ["generate", "stream"])
def test_warning_comes_with_the_first_token_that_is_lost(
    pretrained: Pretrained, method: str, num_lost: int
) -> None:
    """Oracle: a text of so many tokens more than the prompt has room for."""
    room = pretrained._generator.prompts.source_room(6)
    texts = ["x" * count for count in range(4 * room)]
    by_length = dict(zip(map(len, pretrained.tokenizer.encode_batch(texts)), texts, strict=True))

    with pytest.warns(UserWarning, match=f"1 of 1 texts did not .* lost {num_lost} tokens"):
        getattr(pretrained, method)(by_length[room + num_lost], max_new_tokens=6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(pretrained, method)(by_length[room], max_new_tokens=6)


def test_texts_that_fit_are_answered_without_a_warning(pretrained: Pretrained) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pretrained.generate(TEXTS, max_new_tokens=6)
        "".join(pretrained.stream(TEXTS[0], max_new_tokens=6))


def test_text_is_cleaned_as_in_training(pretrained: Pretrained) -> None:
    dirty = "the\u00a0 red\u200b  cat"

    assert pretrained.generate(dirty, max_new_tokens=6) == answers(pretrained, ["the red cat"])[0]


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({}, "greedy"),
        ({"num_beams": 3}, "beam3"),
        ({"num_beams": 3, "engine": "ctranslate2"}, "beam3_ctranslate2"),
        ({"strategy": "sampling", "temperature": 0.8, "top_k": 5}, "sampling_t0.8_k5_p1_s1"),
    ],
)
def test_decoding_settings_choose_the_search(values: dict[str, object], label: str) -> None:
    assert decoding_label(decoding_of(values)) == label


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beams": 3}, r"has no setting 'beams'; set strategy=beam and num_beams"),
        ({"max_length": 3}, r"generate\(\) has no setting 'max_length'; set max_new_tokens$"),
        ({"num_beam": 3}, r"'num_beam'; set strategy=beam and num_beams"),
        ({"num_return_sequences": 3}, r"decoding\.num_alternatives=3: must be at most 1"),
        ({"num_return_sequences": 0}, r"decoding\.num_alternatives=0: must be"),
        ({"strategy": "best"}, r"decoding\.strategy has 'best'; known: greedy, sampling, beam"),
        ({"strategy": "greedy", "num_beams": 3}, r"num_beams=3: must be with .*strategy=beam"),
        ({"has_likelihood": True}, r"generate\(has_likelihood=True\): .*decoding\.has_likelihood"),
        ({"min_new_tokens": 200}, r"decoding\.min_new_tokens=200: must be at most"),
        ({"num_beams": "five"}, r"generate\(num_beams='five'\)"),
        ({"engine": "onnx"}, r"generate\(engine='onnx'\): must be ctranslate2 or ctrans"),
        ({"max_new_tokens": 0}, r"decoding\.max_new_tokens=0: must be"),
        ({"strategy": "sampling", "temperature": float("nan")}, r"temperature=nan: must be"),
    ],
)
def test_wrong_decoding_setting_is_named(
    pretrained: Pretrained, values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        pretrained.generate("a", task=None, **values)


def test_several_answers_are_lists_whose_first_is_the_only_one(pretrained: Pretrained) -> None:
    """Oracle: the answers of the same search without the number."""
    single = pretrained.generate(TEXTS, num_beams=4, **FAST)

    several = pretrained.generate(TEXTS, num_beams=4, num_return_sequences=3, **FAST)
    of_text = pretrained.generate(TEXTS[0], num_beams=4, num_return_sequences=3, **FAST)

    assert [len(answers) for answers in several] == [3, 3, 3]
    assert [answers[0] for answers in several] == single
    assert of_text == several[0]
    assert len(set(of_text)) == 3
    assert pretrained.generate(TEXTS[0], num_return_sequences=1, **FAST) == [
        pretrained.generate(TEXTS[0], **FAST)
    ]


def test_model_says_what_it_is(pretrained: Pretrained) -> None:
    """Oracle: the parameters of PyTorch, and the fixture's sizes by hand."""
    num_parameters = sum(weight.numel() for weight in pretrained.model.parameters())

    text = repr(pretrained)

    assert text == (
        f"MegatronTuringForConditionalGeneration(tiny: {num_parameters:,} parameters, 2 layers of "
        f"width 21, context of 37 tokens, vocabulary of {pretrained.tokenizer.vocabulary_size}; "
        "tasks: translation/captions (default), dialogue/chat; on cpu)"
    )


def test_model_moves_and_a_device_that_is_not_there_is_named(pretrained: Pretrained) -> None:
    """Oracle: PyTorch's own device `meta`, which needs no hardware."""
    assert pretrained.to("cpu") is pretrained
    assert pretrained.to("meta").model.token_embedding.weight.device.type == "meta"
    with pytest.raises(ConfigError, match=r"to\('gpu'\): PyTorch cannot use it \(.*cpu always"):
        pretrained.to("gpu")


@pytest.mark.parametrize("text", [3, None, ["a", None], b"a"])
def test_input_that_is_no_text_is_named(pretrained: Pretrained, text: object) -> None:
    with pytest.raises(ConfigError, match=r"the input is a \w+; it must be a text, or a list"):
        pretrained.generate(text)  # type: ignore[call-overload]


def test_flipped_byte_in_a_finished_folder_is_found(pretrained: Pretrained, tmp_path: Path) -> None:
    """safetensors has no checksum of its own: the flipped weight would load silently."""
    folder = make_artifact(tmp_path, "model", {}, pretrained.save_pretrained).folder
    weights = bytearray((folder / "model.safetensors").read_bytes())
    Pretrained.from_pretrained(folder)
    weights[-5] ^= 1
    (folder / "model.safetensors").write_bytes(weights)

    with pytest.raises(ArtifactError, match=r"model\.safetensors is corrupt: sha256"):
        Pretrained.from_pretrained(folder)


class Bomb:
    """Something that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return pytest.fail, ("a pickle was executed",)


@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), b"", b"\xff" * 64])
def test_pickles_and_nonsense_are_refused_as_weights(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)

    with pytest.raises(ArtifactError, match=r"model\.safetensors: cannot be read"):
        Pretrained.from_pretrained(folder)


@pytest.mark.parametrize("name", ["config.json", "tasks.json"])
def test_folder_of_a_later_version_is_refused(folder: Path, name: str) -> None:
    document = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**document, "schema_version": 2}))

    with pytest.raises(ArtifactError, match=rf"{name}: schema_version 2 is newer than 1; update"):
        Pretrained.from_pretrained(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "tasks.json"]
)
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(ArtifactError, match=name):
        Pretrained.from_pretrained(folder)


@pytest.mark.parametrize("body", [{}, {"tasks": 3, "default_task": "x"}, {"tasks": []}])
def test_broken_tasks_file_is_named(folder: Path, body: dict[str, object]) -> None:
    (folder / "tasks.json").write_text(json.dumps(body))

    with pytest.raises(ArtifactError, match=r"tasks\.json: expected a list 'tasks'"):
        Pretrained.from_pretrained(folder)


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="nowhere: no such model folder"):
        Pretrained.from_pretrained(tmp_path / "nowhere")


def test_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    from mtnlg.config import TokenizerConfig
    from mtnlg.tokenization.tokenizer import train_tokenizer

    other = train_tokenizer(["x"], TokenizerConfig(vocabulary_size=300), markers=["<a>"])
    other.save(folder / "tokenizer.json")

    with pytest.raises(ArtifactError, match=r"tokenizer\.json: has \d+ tokens, the model \d+"):
        Pretrained.from_pretrained(folder)


def test_only_our_engine_streams(pretrained: Pretrained) -> None:
    """Oracle: the message by hand."""
    with pytest.raises(
        ConfigError, match=r"stream\(engine=ctranslate2\): only our own search gives"
    ):
        pretrained.stream("a", engine="ctranslate2")
