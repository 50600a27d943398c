"""What the command line says about words and files of other tools' habits.

Oracles: the messages by hand; Hydra itself for what a remedy leads to.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mtnlg.cli.main import main
from mtnlg.config.foreign_names import foreign_names, look_up

TASK, MODEL = "task=translation/builtin_en_zh", "model=mt_nlg_nano"
SHOWN = (TASK, MODEL, "--cfg", "job")
RESUMING = (
    "an interrupted training goes on when it is started again; to begin with other weights, set "
    "initial_model=<model folder>"
)


def error_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of a refused command."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line.removeprefix("error: ")


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("fit", "`mtnlg train` trains"),
        ("fine-tune", "initial_model=<model folder> starts from other weights"),
        ("validate", "`mtnlg evaluate` scores a run, `mtnlg score` scores files"),
        ("Predict", "`mtnlg say` answers one text with a model folder"),
        ("translate", "`mtnlg generate` decodes the test sets of a run"),
        ("preprocess", "`mtnlg prepare` makes rows, tokenizer and token arrays"),
        ("sacrebleu", "`mtnlg score` scores files"),
        ("sweep", "`mtnlg run -m seed=1,2` runs every combination"),
        ("leaderboard", "`mtnlg report` writes the board of an experiment"),
        ("rnu", "did you mean 'run'?"),
    ],
)
def test_command_of_another_tool_is_answered_with_ours(
    command: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capsys, command, "x")

    assert line.startswith(f"unknown command '{command}'; ")
    assert remedy in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["generate", "--model", "x"], "`mtnlg say --model <model folder>` answers texts"),
        (["generate", "--checkpoint=x"], "`mtnlg say --model <model folder>` answers with it"),
        (["train", "--lr", "3"], "settings are key=value: set optimizer.learning_rate"),
        (["train", "--max-tokens", "9"], "settings are key=value: set trainer.batch_tokens"),
        (["run", "--seed=3"], "unknown option '--seed'; settings are key=value: set seed"),
        (["run", "--max_steps", "3"], "settings are key=value: set trainer.max_steps"),
        (["run", "--experiment", "demo"], "settings are key=value: choose experiment=<name>"),
        (["train", "--frozn", "x"], "did you mean '--frozen'?"),
    ],
)
def test_option_that_is_a_setting_here_is_answered_with_it(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in error_of(capsys, *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["score", "--ref", "a"], "unknown option '--ref'; use --references"),
        (["score", "--predictions", "a"], "unknown option '--predictions'; use --hypotheses"),
        (["doctor", "--hyp=a"], "unknown option '--hyp'; use --hypotheses"),
        (
            ["score", "--tokenize", "13a"],
            "use --language, which chooses the tokens; a name such as bleu-13a",
        ),
        (["score", "--lowercase"], "use --metrics bleu-lc"),
        (["import", "--name", "x"], "unknown option '--name'; use --system"),
        (["say", "--beam", "4"], "unknown option '--beam'; use --num-beams"),
        (["say", "--temperature", "2"], "use --set NAME=VALUE, as in --set strategy=sampling"),
        (["say", "--checkpoint", "x"], "unknown option '--checkpoint'; use --model"),
        (["score", "--langauge", "x"], "did you mean '--language'?"),
    ],
)
def test_option_of_another_tool_is_answered_with_ours(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in error_of(capsys, *words)


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("trainer.ckpt_path=x", RESUMING),
        ("trainer.resume_from_checkpoint=x", RESUMING),
        ("optimizer.lr=1", "set optimizer.learning_rate"),
        ("trainer.per_device_train_batch_size=8", "trainer.accumulation or trainer.step_target"),
        ("trainer.warmup_ratio=0.1", "set optimizer.warmup_steps, a number of steps"),
        ("trainer.fp16=true", "set trainer.precision=bf16_mixed, fp16_mixed or fp32"),
        ("trainer.max_tokens=4096", "set trainer.batch_tokens, padding included"),
        ("decoding.max_tokens=64", "set decoding.max_new_tokens"),
        ("model.n_layer=6", "set model.num_layers"),
        ("model.vocab_size=6", "set tokenizer.vocabulary_size"),
        ("decoding.beam=5", "set decoding.strategy=beam and decoding.num_beams"),
        ("generation.num_beams=5", "the settings of decoding are decoding.<setting>"),
        ("max_steps=5", "set trainer.max_steps"),
        ("trainer.weight_decay=0.1", "set optimizer.weight_decay"),
        ("trainer.max_train_rows=5", "set tasks.<name>.max_train_rows"),
        ("trainer.lerning_rate=5", "did you mean 'learning_rate'?"),
        ("trainer.precision=bf16", "32 is fp32, bf16-mixed is bf16_mixed, 16-mixed is fp16_mixed"),
        ("trainer.accelerator=gpu", "cuda is a GPU; other devices are not supported"),
        ("trainer.max_steps=1e3", "write a whole number in digits alone"),
        ("tasks.builtin_enzh.weight=2", "the tasks chosen are builtin_en_zh"),
        ("fast_dev_run=true", "set trainer.fast_dev_run, or choose debug=fast"),
        ("ckpt_path=x", RESUMING),
        ("lr=1", "set optimizer.learning_rate"),
        ("callbacks.early.patience=1", "choose callbacks=<one of early_stopping, learning_rate"),
        ("callback=x", "choose logger=<name> or callbacks=<name>"),
        ("hparams_search=x", "a search is `mtnlg run -m hydra/sweeper=optuna"),
        ("hydra.sweeper.n_trials=3", "choose hydra/sweeper=optuna"),
        ("paths.data_dir=x", "set data_root, artifacts_root, runs_root and reports_root"),
        ("test=false", "every run scores its test sets; `mtnlg train` stops before them"),
        ("task_name=x", "set name, the experiment's folder"),
        ("task.weight=2", "the settings of a data set are tasks.<name>.<setting>"),
        ("logger=none", "Available options: mlflow, tensorboard, wandb, or null for none"),
        ("evaluation.metrics=bleu", "a list, as in evaluation.metrics=[bleu,chrf]"),
    ],
)
def test_setting_of_another_tool_is_answered_with_ours(
    word: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capsys, "run", *SHOWN, word)

    assert f"; {end}" in line or f"set {end}" in line or end in line.split("; ")[-1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            [TASK + "h", MODEL],
            "Could not find 'task/translation/builtin_en_zhh'; did you mean "
            "'translation/builtin_en_zh'?",
        ),
        (
            ["task=builtin_en_zh", MODEL],
            "Could not find 'task/builtin_en_zh'; did you mean 'translation/builtin_en_zh'?",
        ),
        (
            ["task=[translation/builtin_en_zh,dialogue/builtin_dialog]", "model=mtnlg_nano"],
            "Could not find 'task/dialogue/builtin_dialog'; did you mean "
            "'dialogue/builtin_dialogue'? Could not find 'model/mtnlg_nano'; did you mean "
            "'mt_nlg_nano'?",
        ),
        (
            [TASK, MODEL, "tokenizer=bpe_3k"],
            "Could not find 'tokenizer/bpe_3k'; did you mean 'bpe_2k'?",
        ),
        (
            [TASK, MODEL, "decoding=nucleus"],
            "Could not find 'decoding/nucleus'; Available options: beam5, beam5_length_bounds, "
            "beam5_no_repeat3, greedy, mbr, sampling",
        ),
        (["demo"], "demo: settings are key=value; did you mean experiment=demo?"),
        (
            ["max_steps"],
            "max_steps: settings are key=value, without spaces, as in trainer.max_steps=VALUE",
        ),
        (
            [TASK, MODEL, "name="],
            "name=: no value; write name=VALUE without spaces, name=null for none or 'name=\"\"' "
            "for an empty text",
        ),
        (
            [TASK, MODEL, "tags=a,b"],
            "tags=a,b: several values; write 'tags=[a,b]' for a list, 'tags=\"a,b\"' for one text, "
            "or add -m to run each of them",
        ),
        (
            [TASK, MODEL, "name=中文"],
            "name=中文: cannot be read; quote it: 'name=\"中文\"'",
        ),
        (
            [TASK, MODEL, "tags=[中文,b c(]"],
            'tags=[中文,b c(]: cannot be read; quote it: \'tags=["中文","b c("]\'',
        ),
        (
            [TASK, MODEL, "data_root=/tmp/a (b)"],
            "data_root=/tmp/a (b): cannot be read; quote it: 'data_root=\"/tmp/a (b)\"'",
        ),
        (
            ["-m", TASK, "model=glob(nope*)", "decoding=greedy"],
            "model=glob(nope*): matches none of ",
        ),
        (
            [TASK, MODEL, "hydra.run.dir=/proc/x/y"],
            "hydra.run.dir or hydra.sweep.dir: /proc/x cannot be made (No such file or "
            "directory); leave it out, and set runs_root",
        ),
    ],
)
def test_word_that_cannot_be_used_is_answered_in_one_line(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_of(capsys, "run", *words).startswith(line)


def test_all_choices_that_are_missing_or_unknown_are_reported_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = error_of(capsys, "run", "dataset=x", "tokenizer=bpe_3k")

    assert "dataset: no such setting; choose task=<kind>/<name>; --help lists them; " in line
    assert "Could not find 'tokenizer/bpe_3k'; did you mean 'bpe_2k'? You must specify" in line
    assert "You must specify 'task', as task=<one of dialogue/builtin_dialogue, " in line
    assert "You must specify 'model', as model=<one of modern_nano, " in line


@pytest.mark.parametrize("quoted", ['name="中文"', 'name="a b (c"'])
def test_quoted_word_is_taken(quoted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The remedy for words that the grammar does not take."""
    assert main(["run", *SHOWN, quoted]) == 0

    assert f"name: {quoted.split('=')[1].strip(chr(34))}" in capsys.readouterr().out


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("header", [b"", b"# @package _global_\n"])
def test_task_file_without_its_package_is_named(
    header: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = b"kind: translation\nsource_language: en\ntarget_language: zh\n"
    file = write(tmp_path, "task/translation/mine.yaml", header + body)
    words = ["run", "task=translation/mine", MODEL, "--config-dir", str(tmp_path), "--cfg", "job"]

    assert error_of(capsys, *words) == f"{file}: its first line must be `# @package tasks.mine`"

    write(tmp_path, "task/translation/mine.yaml", b"# @package tasks.mine\n" + body)
    assert main(words) == 0


def test_experiment_file_without_its_package_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "experiment/mine.yaml", b"seed: 3\n")

    line = error_of(capsys, "run", *SHOWN, "experiment=mine", "--config-dir", str(tmp_path))

    assert line == f"{file}: its first line must be `# @package _global_`"


def test_package_that_a_file_lacks_is_named_before_what_it_then_misses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its package, the choices of an experiment are not made either."""
    choices = "\n".join(f"  - override /{word.replace('=', ': ')}" for word in (TASK, MODEL))
    file = write(tmp_path, "experiment/mine.yaml", f"defaults:\n{choices}\nname: x\n".encode())

    line = error_of(capsys, "run", "experiment=mine", "--config-dir", str(tmp_path))

    assert line == f"{file}: its first line must be `# @package _global_`"


@pytest.mark.parametrize(
    ("group", "content", "package"),
    [
        ("model", b"# @package _global_\nnum_layers: 3\n", "model"),
        ("callbacks", b"target: lightning.pytorch.callbacks.Timer\n", "callbacks.mine"),
        ("logger", b"target: lightning.pytorch.loggers.CSVLogger\n", "logger.mine"),
    ],
)
def test_package_of_a_group_is_named(
    group: str,
    content: bytes,
    package: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the first lines of the shipped files."""
    file = write(tmp_path, f"{group}/mine.yaml", content)

    line = error_of(capsys, "run", TASK, MODEL, f"{group}=mine", "--config-dir", str(tmp_path))

    assert line == f"{file}: its first line must be `# @package {package}`"


def test_yaml_that_is_not_utf8_or_broken_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "task=translation/mine", MODEL, "--config-dir", str(tmp_path)]
    content = "# @package tasks.mine\nkind: translation\nsource_language: é\n"
    file = write(tmp_path, "task/translation/mine.yaml", content.encode("latin-1"))
    assert error_of(capsys, *words) == f"{file}, line 3: is not UTF-8; save it as UTF-8"

    write(tmp_path, "task/translation/mine.yaml", b"# @package tasks.mine\nkind: [a\nx: 1\n")
    assert error_of(capsys, *words) == (
        f"{file}, line 3: not valid YAML (expected ',' or ']', but got ':'); repair it"
    )


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("task/translation/builtin_en_zh", ()),
        ("model/mt_nlg_nano", ()),
        ("tokenizer/bpe", ()),
        ("decoding/greedy", ()),
        ("experiment/demo", ("experiment=demo",)),
    ],
)
@pytest.mark.parametrize("mode", [("--cfg", "job"), ("-m",), ()])
def test_file_with_the_name_of_a_shipped_one_is_refused_naming_both(
    name: str,
    chosen: tuple[str, ...],
    mode: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Hydra takes the shipped file without a word."""
    file = write(tmp_path, f"{name}.yaml", b"seed: 3\n")

    line = error_of(capsys, "run", TASK, MODEL, *chosen, *mode, "--config-dir", str(tmp_path))

    assert line.startswith(f"{file}: is hidden by ")
    assert line.endswith(f"conf/{name}.yaml; rename it")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("BLEU", "bleu"),
        ("sacrebleu", "bleu"),
        ("chrF2", "chrf"),
        ("chrF2++", "chrf++"),
        ("rouge-l", "rougeL"),
        ("ROUGE-1", "rouge1"),
        ("Rouge_Lsum", "rougeLsum"),
        ("bert_score", "bertscore"),
        ("METEOR", "meteor"),
        ("TERcom", "ter"),
        ("rougl", "rougeL"),
    ],
)
def test_metric_of_another_tool_is_answered_with_ours(
    name: str, ours: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "a.txt", b"a\n")
    files = ["--references", str(file), "--hypotheses", str(file)]

    line = error_of(
        capsys, "score", *files, "--task", "translation", "--language", "en", "--metrics", name
    )

    assert line.endswith(f"; did you mean {ours!r}?")


def test_every_spelling_of_a_foreign_name_leads_to_one_answer() -> None:
    """Oracle: each name is listed once in its section."""
    sections = foreign_names()

    for section, names in sections.items():
        assert len({name.lower().replace("-", "_") for name in names}) == len(names), section
    assert look_up("--N-Layer", "anywhere") == "set model.num_layers"


def test_number_of_beams_is_not_ignored_where_it_is_the_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: the message that any other number of beams gets; greedy decoding has none."""
    lines = {
        number: error_of(capsys, "prepare", TASK, MODEL, f"decoding.num_beams={number}")
        for number in (4, 5)
    }

    assert lines[5] == lines[4].replace("=4:", "=5:")
    assert lines[5] == (
        "decoding.num_beams=5: must be with decoding.strategy=beam; greedy does not read it"
    )
