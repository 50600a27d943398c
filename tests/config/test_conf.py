"""Every YAML composes, every mistake names key and value, and freezing loses nothing.

Oracle unless a test names another: values and messages written by hand, and a second composition
that differs in one setting.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
import tempfile
from pathlib import Path

import pytest

from composed import CONF, choices, composed
from mtnlg.cli.main import make_parser
from mtnlg.config import (
    Config,
    DecodingConfig,
    OptimizerName,
    TaskConfig,
    TaskKind,
    flat_settings,
    plain_settings,
)
from mtnlg.errors import ConfigError
from mtnlg.experiment.compose import freeze, freeze_run, thaw
from mtnlg.experiment.launch import name_alike
from mtnlg.experiment.naming import experiment_name, run_id, slug, without_paths
from mtnlg.generation.strategies import decoding_label

TASK, OTHER_TASK = "task=translation/multi30k_en_de", "dialogue/dailydialog"
MODEL = "model=mt_nlg_nano"
BASE = (TASK, MODEL)
PLACEHOLDERS = {
    "task=...": "task=translation/builtin_en_zh",
    "model=...": "model=mt_nlg_nano",
    "<a Chinese summarization set to train on>": "summarization/builtin_reports",
    "<folder>": "data",
    "<key>": "0123456789abcdef",
    "<name>": "builtin_en_zh",
}


def each_choice() -> list[str]:
    groups = sorted(path.name for path in CONF.iterdir() if path.is_dir() and choices(path.name))
    return [f"{group}={choice}" for group in groups for choice in choices(group)]


def initial_model(name: str, root: Path) -> list[str]:
    """The setting without which model=pretrained has no shape."""
    if name != "pretrained":
        return []
    sizes = {"num_layers": 1, "hidden_size": 8, "num_heads": 2, "context_length": 64}
    (root / "config.json").write_text(json.dumps({"model": sizes}))
    return [f"initial_model={root}"]


@pytest.mark.parametrize("choice", each_choice())
def test_every_file_composes(choice: str, tmp_path: Path) -> None:
    """An experiment chooses task and model itself; anything else is added to a small run."""
    group, name = choice.split("=")
    base = [] if group == "experiment" else [one for one in BASE if not one.startswith(group)]

    config = composed(*base, choice, *initial_model(name, tmp_path))

    assert thawed(config) == config
    if group == "model":
        assert config.model.name == name


def test_no_file_is_empty() -> None:
    """An empty file composes, and changes nothing."""
    texts = {path: path.read_text(encoding="utf-8") for path in CONF.rglob("*.yaml")}

    assert [path for path, text in texts.items() if not text.strip()] == []


def test_optimizer_is_the_one_of_its_file() -> None:
    names = {
        name: composed(*BASE, f"optimizer={name}").optimizer.name for name in ("adamw", "muon")
    }

    assert names == {"adamw": OptimizerName.adamw, "muon": OptimizerName.muon}


def thawed(config: Config) -> Config:
    """Frozen, written and read again."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "config.yaml"
        path.write_text(freeze(config), encoding="utf-8")
        return thaw(path)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["trainer.ema_decay=0.99", "trainer.average_last=3"],
            r"trainer\.average_last=3: must be null where trainer\.ema_decay=0\.99",
        ),
        (
            ["trainer.step_target_tokens=9000", "trainer.accumulation=2"],
            r"trainer\.accumulation=2: must be left at 1 where trainer\.step_target_tokens",
        ),
        (
            ["trainer.max_steps=10", "trainer.curriculum_steps=11"],
            r"trainer\.curriculum_steps=11: must be at most trainer\.max_steps=10",
        ),
        (
            ["trainer.precision=fp16_mixed", "trainer.accelerator=cpu"],
            r"trainer\.precision=fp16_mixed: must be fp32 or bf16_mixed",
        ),
        (["trainer.ema_decay=1"], r"trainer\.ema_decay=1\.0: must be in \(0, 1\)"),
        (["trainer.r_drop=0"], r"trainer\.r_drop=0\.0: must be a finite number > 0"),
        (["trainer.patience=0"], r"trainer\.patience=0: must be a finite number >= 1"),
        (["model.layer_dropout=1"], r"model\.layer_dropout=1\.0: must be in \[0, 1\)"),
    ],
)
def test_options_that_cannot_work_are_named(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        composed(*BASE, *overrides)


def test_every_task_file_is_named_after_its_task() -> None:
    for choice in choices("task"):
        kind, name = choice.split("/")

        tasks = composed(f"task={choice}", MODEL).tasks

        assert list(tasks) == [name]
        assert tasks[name].kind.value == kind


def test_experiments_say_how_to_run_them() -> None:
    for choice in choices("experiment"):
        lines = (CONF / "experiment" / f"{choice}.yaml").read_text().splitlines()

        assert lines[0] == "# @package _global_"
        assert lines[1].startswith(f"# mtnlg run experiment={choice}")
        assert lines[2].endswith("?")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "model.layer=3",
            r"Key 'layer' not in 'ModelConfig'; full_key: model\.layer; did you mean 'num_layers'",
        ),
        (
            "+model.layer=3",
            r"Key 'layer' not in 'ModelConfig'; full_key: model\.layer; did you mean 'num_layers'",
        ),
        ("+sed=1", r"'sed'.*did you mean 'seed'"),
        ("tasks.multi30k_en_de.wight=5", r"tasks\.multi30k_en_de\.wight; did you mean 'weight'"),
        ("model.num_heads=-3", r"model\.num_heads=-3: must be a finite number >= 1"),
        ("model.num_heads=5", r"model\.num_heads=5: must be a divisor of model\.hidden_size=96"),
        ("model.num_layers=three", r"'three' .*Integer; full_key: model\.num_layers"),
        ("optimizer.learning_rate=nan", r"optimizer\.learning_rate=nan: must be a finite"),
        ("optimizer.learning_rate=1e400", r"optimizer\.learning_rate=inf: must be a finite"),
        ("optimizer.learning_rate=-1", r"optimizer\.learning_rate=-1\.0: must be"),
        (
            "trainer.precision=bf16",
            r"'bf16', expected one of \[fp32, bf16_mixed, fp16_mixed\].*trainer\.precision",
        ),
        ("seed=-1", r"seed=-1: must be a finite number >= 0"),
        (
            "+evaluation.equivalence_margin.bleu=0",
            r"evaluation\.equivalence_margin\.bleu=0\.0: must be a finite number > 0",
        ),
        ("evaluation.metrics=3", r"evaluation\.metrics|ListConfig"),
        ("tasks.multi30k_en_de.weight=0", r"weight=0\.0: must be"),
        ("tasks.multi30k_en_de.test_sets=[../x]", r"test_sets=\.\./x: must be a name of letters"),
        ("tasks.multi30k_en_de.prompt=eos", r"prompt=eos: must be a name .* not pad, sep, eos"),
        ("tasks.multi30k_en_de.prompt='a> b'", r"prompt=a> b: must be a name"),
        ("tasks.multi30k_en_de.revision=null", r"revision=None: must be the commit of bentrevett"),
        ("decoding.top_p=0", r"decoding\.top_p=0\.0: must be"),
        ("decoding.num_alternatives=2", r"num_alternatives=2: must be at most 1 with .* greedy"),
        (
            "model=nope",
            r"Could not find 'model/nope'; Available options.*modern_nano, .*mt_nlg_tiny",
        ),
        ("task=translation/nope", r"Could not find 'task/translation/nope'; Available options: "),
    ],
)
def test_mistake_is_one_line_that_names_key_and_value(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        composed(*(one for one in BASE if one.split("=")[0] != override.split("=")[0]), override)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("given", "missing"), [(TASK, "model"), (MODEL, "task")])
def test_what_defines_a_run_has_no_default(given: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=f"You must specify '{missing}'"):
        composed(given)


def test_two_tasks_compose() -> None:
    config = composed(f"task=[translation/multi30k_en_de,{OTHER_TASK}]", MODEL)

    assert list(config.tasks) == ["multi30k_en_de", "dailydialog"]
    assert config.task_title("dailydialog") == "dialogue/dailydialog"
    assert experiment_name(config) == "multi30k_en_de+dailydialog-mt_nlg_nano"


def test_frozen_configuration_keeps_every_kind_of_value() -> None:
    config = composed(
        *BASE, "decoding=beam5", "name=\"中文 #1: 'x'\"", "trainer.max_minutes=0.1", "tags=[a,'1']"
    )

    again = thawed(config)

    assert again == config
    assert again.decoding.strategy == "beam"
    assert again.tags == ["a", "1"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "cannot be read"),
        ("", "found NoneType"),
        ("- a", "found list"),
        ("a: [", "not YAML"),
        ("sed: 1", "'sed'"),
        ("seed: 1", "tasks"),
        ("name: ${", "name"),
    ],
)
def test_frozen_file_that_is_none_is_an_error_with_its_path(
    tmp_path: Path, body: str | None, message: str
) -> None:
    path = tmp_path / "config.yaml"
    if body is not None:
        path.write_text(body)

    with pytest.raises(ConfigError, match=rf"--frozen .*config\.yaml: .*{message}") as caught:
        thaw(path)

    assert "\n" not in str(caught.value)


def test_run_id_does_not_depend_on_paths_and_tags() -> None:
    config = composed(*BASE)
    elsewhere = composed(
        *BASE, "data_root=/x", "artifacts_root=y", "runs_root=z", "reports_root=w", "tags=[a]"
    )

    assert run_id(elsewhere) == run_id(config)
    assert run_id(config).startswith("mt_nlg_nano-greedy-seed1-")


@pytest.mark.parametrize(
    "override",
    [
        *("trainer.num_workers=1", "trainer.log_every_steps=7", "trainer.detect_anomaly=true"),
        *("trainer.enable_progress_bar=false", "profiler=simple", "preparation.num_workers=2"),
        *("report.formats=[html]", "report.num_samples=3", "tags=[a]", "logger=tensorboard"),
    ],
)
def test_run_id_does_not_depend_on_what_changes_no_result(override: str) -> None:
    """Oracle: the keys of artifacts, which do not hold these settings either."""
    assert run_id(composed(*BASE, override)) == run_id(composed(*BASE))


@pytest.mark.parametrize(
    "override", ["seed=2", "decoding=beam5", "evaluation.num_resamples=101", "name=x"]
)
def test_run_id_depends_on_what_changes_the_run(override: str) -> None:
    assert run_id(composed(*BASE, override)) != run_id(composed(*BASE))


def test_run_is_frozen_in_its_own_folder(tmp_path: Path) -> None:
    config = composed(*BASE, f"runs_root={tmp_path}", "name=../../elsewhere")

    path = freeze_run(config)

    assert path.parent.name == run_id(config)
    assert path.parents[2] == tmp_path
    assert thaw(path) == config


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/passwd", "a/b", "", ".", "..", "中文", "a b", "x" * 300, "a\nb", "CON:"],
)
def test_slug_is_one_safe_file_name(name: str) -> None:
    made = slug(name)

    assert made not in ("", ".", "..")
    assert not set(made) & set("/\\ \n:")
    assert len(made) <= 87
    assert made.isascii()


def test_slugs_of_different_names_differ() -> None:
    names = ["a/b", "a b", "a_b", "a:b", "中文", "文中", "x" * 300, "x" * 301]

    assert slug("multi30k_en_de+x-mt_nlg.v1") == "multi30k_en_de+x-mt_nlg.v1"
    assert len({slug(name) for name in names}) == len(names)


def with_model(config: Config, name: str) -> Config:
    changed = copy.deepcopy(config)
    changed.model = dataclasses.replace(changed.model, name=name)
    return changed


def test_jobs_of_a_sweep_over_models_lie_in_one_folder() -> None:
    config = composed(*BASE)
    jobs = [with_model(config, "a"), with_model(config, "b"), with_model(config, "a")]

    name_alike(jobs)

    assert {experiment_name(job) for job in jobs} == {"multi30k_en_de-a+b"}


def test_jobs_of_a_sweep_over_seeds_keep_the_name_of_a_single_run() -> None:
    jobs = [composed(*BASE, f"seed={seed}") for seed in (1, 2)]

    name_alike(jobs)

    assert [job.name for job in jobs] == [None, None]


def test_jobs_with_different_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="name=a,b: the jobs of one launch have one name"):
        name_alike([composed(*BASE, f"name={name}") for name in "ab"])


def test_fast_debugging_fits_every_model(tmp_path: Path) -> None:
    for name in choices("model"):
        initial = initial_model(name, tmp_path)
        config = composed(TASK, f"model={name}", "debug=fast", *initial)

        assert config.trainer.batch_tokens >= config.model.context_length


def test_decoding_labels_tell_the_settings_that_matter() -> None:
    labels = [
        decoding_label(DecodingConfig()),
        decoding_label(DecodingConfig(strategy="beam", num_beams=3, length_penalty=0.6)),
        decoding_label(DecodingConfig(strategy="sampling", temperature=0.7, top_k=5, seed=2)),
    ]

    assert labels == ["greedy", "beam3_penalty0.6", "sampling_t0.7_k5_p1_s2"]


@pytest.mark.parametrize(
    ("target", "prompt", "marker"),
    [
        ("de", None, "<translation_en_de>"),
        (None, None, "<translation_en>"),
        ("de", "to_de", "<to_de>"),
    ],
)
def test_marker_is_made_of_kind_and_languages(
    target: str | None, prompt: str | None, marker: str
) -> None:
    task = TaskConfig(
        kind=TaskKind.translation,
        reader="parallel_text",
        source_language="en",
        target_language=target,
        prompt=prompt,
    )

    assert task.marker == marker


def test_overrides_of_sweeps_are_single_values() -> None:
    with pytest.raises(ConfigError, match=r"seed=1,2: several values; .* or add -m to run"):
        composed(*BASE, "seed=1,2")


def test_several_loggers_compose_and_leave_the_run_id_as_it_is() -> None:
    config = composed(*BASE, "logger=[tensorboard,mlflow]", "logger.mlflow.arguments.run_name=x")

    assert list(config.logger) == ["tensorboard", "mlflow"]
    assert config.logger["mlflow"].arguments["run_name"] == "x"
    assert run_id(config) == run_id(composed(*BASE))
    assert without_paths(["logger=tensorboard", "logger.mlflow.target=x", "seed=2"]) == ["seed=2"]
    assert thawed(config) == config


def test_run_id_depends_on_the_initial_model() -> None:
    assert run_id(composed(*BASE, "initial_model=a/b")) != run_id(composed(*BASE))


def test_contamination_that_others_counted_changes_no_key_and_no_run() -> None:
    """Oracle: the same configuration without it."""
    config = composed("task=dialogue/dailydialog", MODEL)
    without = composed(
        "task=dialogue/dailydialog", MODEL, "tasks.dailydialog.known_contamination=[]"
    )

    assert len(config.tasks["dailydialog"].known_contamination) == 6
    assert without.tasks["dailydialog"].known_contamination == []
    assert plain_settings(config.tasks["dailydialog"]) == plain_settings(
        without.tasks["dailydialog"]
    )
    assert flat_settings(config) == flat_settings(without)
    assert run_id(config) == run_id(without)
    assert freeze(config) == freeze(without)


def head_commands() -> list[str]:
    """The commands at the heads of the files, with values for what a user has to fill in."""
    commands = []
    for path in sorted(CONF.rglob("*.yaml")):
        head = path.read_text(encoding="utf-8").replace(" \\\n# ", " ")
        for line in re.findall(r"^# +(mtnlg [^;\n]*)", head, re.MULTILINE):
            for placeholder, value in PLACEHOLDERS.items():
                line = line.replace(placeholder, value)
            commands.append(line)
    return commands


@pytest.mark.parametrize("command", head_commands())
def test_command_at_the_head_of_a_file_composes(command: str) -> None:
    """Oracle: the parser of the command line, and Hydra; of a sweep its first job."""
    options, rest = make_parser().parse_known_args(command.split()[1:])
    overrides = [*options.overrides, *rest]

    first = [re.sub(r"^([\w.]+=[^,\[]+),.*", r"\1", word) for word in overrides]

    assert composed(*first).tasks
