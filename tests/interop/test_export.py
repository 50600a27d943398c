"""Our models in the tools of others. Oracle: our greedy outputs of the same prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers

from made_decoder import CONFIGS, MARKER, NUM_NEW, WORDS, MadeDecoder
from made_launch import TASK, MadeLaunch, launch, made_training, put_json
from mtnlg.cli.main import main
from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.inference.pretrained import MegatronTuringForConditionalGeneration
from mtnlg.interop.convert import convert
from mtnlg.model import Transformer, load_model
from mtnlg.records.places import CHAT_TEMPLATE_FILE
from mtnlg.tokenization.tokenizer import TextTokenizer

__all__ = ["launch"]
SMALLEST_SHARE = {"gpt2": 0.99, "llama": 1.0}
"""Of equal outputs in llama.cpp, which looks GELU up in a table of 16-bit numbers."""
NUMBERS = [20, pytest.param(500, marks=pytest.mark.slow)]


def exported(made: MadeDecoder, form: str, tmp_path: Path) -> Path:
    folder = tmp_path / form
    assert main(["export", str(made.folder), "--format", form, "--to", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("family", CONFIGS)
def test_transformers_gives_the_same_outputs(family: str, number: int, tmp_path: Path) -> None:
    made = MadeDecoder(tmp_path / "model", family, number)

    folder = exported(made, "hf", tmp_path)

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert type(model).__name__.lower().startswith(family)
    answers = []
    for text, prompt in zip(made.texts, made.prompts, strict=True):
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        assert ids[0].tolist() == prompt
        answers.append(made.cut(model.generate(ids, max_new_tokens=NUM_NEW)[0, len(prompt) :]))
    assert answers == made.answers


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_ctranslate2_gives_the_same_outputs(family: str, number: int, tmp_path: Path) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    made = MadeDecoder(tmp_path / "model", family, number)

    folder = exported(made, "ctranslate2", tmp_path)

    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
    names = tokenizer.convert_ids_to_tokens
    results = ctranslate2.Generator(str(folder), intra_threads=1).generate_batch(
        [names(prompt) for prompt in made.prompts],
        max_length=NUM_NEW,
        include_prompt_in_result=False,
        suppress_sequences=[[names(token)] for token in made.forbidden],
        end_token=names(made.end),
    )
    assert [made.cut(result.sequences_ids[0]) for result in results] == made.answers


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_llama_cpp_gives_the_same_outputs(family: str, number: int, tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("llama_cpp")
    made = MadeDecoder(tmp_path / "model", family, number)

    folder = exported(made, "gguf", tmp_path)

    fp32 = {"type_k": llama_cpp.GGML_TYPE_F32, "type_v": llama_cpp.GGML_TYPE_F32}
    model = llama_cpp.Llama(f"{folder}/model.gguf", n_ctx=64, n_threads=1, verbose=False, **fp32)

    def forbid(_: Any, scores: Any) -> Any:
        scores[made.forbidden] = -1e30
        return scores

    answers = []
    for text, prompt in zip(made.texts, made.prompts, strict=True):
        assert model.tokenize(text.encode(), add_bos=False, special=True) == prompt
        model.reset()
        tokens = model.generate(
            prompt,
            temp=0.0,
            repeat_penalty=1.0,
            logits_processor=llama_cpp.LogitsProcessorList([forbid]),
        )
        answers.append(made.cut([next(tokens) for _ in range(NUM_NEW)]))
    num_equal = sum(map(list.__eq__, answers, made.answers))
    assert num_equal >= number * SMALLEST_SHARE[family]


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_gguf_file_comes_back(family: str, tmp_path: Path) -> None:
    """Oracle: our logits and ids before."""
    made = MadeDecoder(tmp_path / "model", family)
    (made.folder / CHAT_TEMPLATE_FILE).write_text("{{ messages }}")
    folder, ids = exported(made, "gguf", tmp_path), torch.tensor([made.prompts[0]])

    convert(folder / "model.gguf", tmp_path / "back")

    with torch.inference_mode():
        assert torch.equal(load_model(tmp_path / "back")(ids), made.model(ids))
    back = TextTokenizer.load(tmp_path / "back" / "tokenizer.json")
    assert back.encode_batch(WORDS) == made.tokenizer.encode_batch(WORDS)
    assert back.end_id == made.end
    assert (tmp_path / "back" / CHAT_TEMPLATE_FILE).read_text() == "{{ messages }}"


def test_gguf_file_opens_in_transformers(tmp_path: Path) -> None:
    """It reads such files with code of its own, of GPT-2 only those with 1,024 positions."""
    made = MadeDecoder(tmp_path / "model", "llama")
    folder, ids = exported(made, "gguf", tmp_path), torch.tensor([made.prompts[0]])

    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file="model.gguf", dtype=torch.float32
    )

    with torch.inference_mode():
        torch.testing.assert_close(theirs.eval()(ids).logits, made.model(ids), atol=1e-4, rtol=0)


def rewrite(source: Path, target: Path, quantization: str, **changes: Any) -> None:
    """The same GGUF file with other matrices and fields."""
    import gguf

    reader, kind = gguf.GGUFReader(source), gguf.GGMLQuantizationType[quantization]
    architecture = changes.pop("architecture", "llama")
    writer = gguf.GGUFWriter(target, architecture)
    for name, row in reader.fields.items():
        if not name.startswith(("GGUF.", "general.architecture", *changes)):
            sub = row.types[1] if len(row.types) > 1 else None
            writer.add_key_value(name, row.contents(), row.types[0], sub)
    for name, value in changes.items():
        (writer.add_string if isinstance(value, str) else writer.add_uint32)(name, value)
    for tensor in reader.tensors:
        is_matrix = len(tensor.shape) > 1 and tensor.shape[0] % 32 == 0
        data = gguf.quantize(tensor.data, kind) if is_matrix else tensor.data
        writer.add_tensor(tensor.name, data, raw_dtype=kind if is_matrix else tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("quantization", ["F16", "BF16", "Q8_0"])
def test_quantized_gguf_files_are_read(quantization: str, tmp_path: Path) -> None:
    """Oracle: the weights within the precision of their type."""
    made = MadeDecoder(tmp_path / "model", "llama")
    source = exported(made, "gguf", tmp_path) / "model.gguf"
    rewrite(source, tmp_path / "small.gguf", quantization)

    convert(tmp_path / "small.gguf", tmp_path / "back")

    back = load_model(tmp_path / "back").state_dict()
    for name, weight in made.model.state_dict().items():
        assert (back[name] - weight).abs().max() < 0.011, name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"llama.rope.scaling.type": "linear"}, "llama.rope.scaling.type=linear: not in our"),
        ({"llama.expert_count": 8}, "llama.expert_count=8: not in our transformer"),
        ({"llama.rope.dimension_count": 4}, "llama.rope.dimension_count=4: not in our"),
        ({"llama.block_count": 2}, "9 tensors of LlamaForCausalLM are unknown"),
        ({"architecture": "gemma"}, "general.architecture=gemma: our transformer can be gpt2"),
        ({"tokenizer.ggml.model": "llama"}, "tokenizer.ggml.model=llama, tokenizer.ggml.pre=gpt-2"),
        ({"tokenizer.ggml.pre": "new"}, "tokenizer.ggml.pre=new: known are gpt2 with gpt-2, smo"),
    ],
)
def test_what_a_gguf_file_has_and_ours_has_not(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Oracle: the message by hand."""
    made = MadeDecoder(tmp_path / "model", "llama")
    source = exported(made, "gguf", tmp_path) / "model.gguf"
    rewrite(source, tmp_path / "other.gguf", "F32", **changes)

    with pytest.raises((ConfigError, ArtifactError)) as raised:
        convert(tmp_path / "other.gguf", tmp_path / "back")

    assert message in str(raised.value)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("num_bytes", [3, 200, 60_000])
def test_truncated_gguf_file_is_one_line(
    num_bytes: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the message by hand."""
    made = MadeDecoder(tmp_path / "model", "llama")
    whole = (exported(made, "gguf", tmp_path) / "model.gguf").read_bytes()
    (tmp_path / "part.gguf").write_bytes(whole[:num_bytes])
    words = ["prepare", "task=translation/builtin_en_zh", "model=pretrained"]
    words += [f"initial_model={tmp_path / 'part.gguf'}", f"artifacts_root={tmp_path / 'artifacts'}"]
    capsys.readouterr()

    assert main(words) == 4

    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "not a whole GGUF file" in error
    assert not [path for path in tmp_path.glob("artifacts/pretrained/*") if path.is_dir()]


@pytest.mark.parametrize(
    ("form", "settings", "message"),
    [
        ("hf", {"is_prefix_bidirectional": True}, "model.is_prefix_bidirectional=True: no arch"),
        ("hf", {"has_pointer": True}, "there, no output copies a token of the source"),
        ("gguf", {"has_bias": False}, "model.has_bias=False: no architecture of others has this"),
    ],
)
def test_what_others_cannot_express_is_refused(
    form: str,
    settings: dict[str, Any],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the message by hand, and no folder."""
    made = MadeDecoder(tmp_path / "model", "gpt2")
    model = Transformer(replace(made.model.config, **settings), made.model.vocabulary_size)
    MegatronTuringForConditionalGeneration(model, made.tokenizer, {}, "").save_pretrained(
        tmp_path / "model"
    )

    status = main(["export", str(made.folder), "--format", form, "--to", str(tmp_path / "out")])

    assert status == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_an_existing_folder_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the message by hand."""
    made = MadeDecoder(tmp_path / "model", "gpt2")

    assert main(["export", str(made.folder), "--to", str(made.folder)]) == 2

    assert "is not empty; give a new folder" in capsys.readouterr().err


def test_card_of_a_folder_says_what_is_not_known(tmp_path: Path) -> None:
    """Oracle: the sentences by hand."""
    made = MadeDecoder(tmp_path / "model", "gpt2")

    card = (exported(made, "hf", tmp_path) / "README.md").read_text()

    assert f"`{MARKER}TEXT<sep>`" in card
    assert "Not known here: no run that evaluated it was named." in card
    assert "Not known: the folder has no record of a training." in card
    assert "- captions: source not known; license: CC0" in card


def test_card_of_a_run_has_its_scores(launch: MadeLaunch, tmp_path: Path) -> None:
    """Oracle: the records of a made run."""
    scores = [launch.score(launch.add_scores("s", 21.5))]
    launch.add_run("a", scores, artifacts={"model": "m"})
    folder = launch.artifacts_root / "model" / "m"
    MadeDecoder(folder, "llama")
    put_json(folder / "training.json", made_training())
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    roots = ["--runs-root", str(launch.runs_root), "--artifacts-root", str(launch.artifacts_root)]

    assert main(["export", "a", "--to", str(tmp_path / "out"), *roots]) == 0

    card = (tmp_path / "out" / "README.md").read_text()
    assert "| bleu | 21.50 | 20.50 to 22.50 | 7 | `nrefs:1|" in card
    assert f"- {TASK} test: 0 of 7 (13-gram overlap)" in card
    assert "2,200,000 parameters; 1,000,000 training tokens" in card
    assert "License of the weights that the training began with: apache-2.0." in card


def test_push_uploads_what_export_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client is faked. Oracle: the names of the files of an export."""
    made = MadeDecoder(tmp_path / "model", "gpt2")
    calls: list[Any] = []

    def upload(repo_id: str, folder_path: str) -> str:
        calls.append((repo_id, sorted(path.name for path in Path(folder_path).iterdir())))
        return f"https://hub/{repo_id}"

    client = SimpleNamespace(
        create_repo=lambda name, **settings: calls.append((name, settings)), upload_folder=upload
    )
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: client)

    assert main(["push", str(made.folder), "me/model", "--private"]) == 0

    files = sorted(path.name for path in exported(made, "hf", tmp_path).iterdir())
    assert calls == [
        ("me/model", {"private": True, "exist_ok": True}),
        ("me/model", files),
    ]
    assert "https://hub/me/model" in capsys.readouterr().out


def test_push_that_the_hub_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the message by hand."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("401 Unauthorized\n\nInvalid username or password.")

    made = MadeDecoder(tmp_path / "model", "gpt2")
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: SimpleNamespace(create_repo=refuse))

    assert main(["push", str(made.folder), "me/model"]) == 2

    error = capsys.readouterr().err
    assert (
        "push to me/model: the hub refused (401 Unauthorized); log in by `hf auth login`" in error
    )
