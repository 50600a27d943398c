"""Each setting has a description, which the help and docs/configuration.md show.

Oracle unless a test names another: the classes of settings, through `dataclasses` and OmegaConf.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import mtnlg.config
from mtnlg.cli.main import main
from mtnlg.cli.settings_help import settings_page
from mtnlg.config import Config
from mtnlg.config.descriptions import all_settings, docstrings

ROOT = Path(__file__).parents[2]
BY_KEY = {setting.key: setting for setting in all_settings()}


def settings_classes() -> Iterator[type]:
    """All classes of settings and their choices in the package."""
    for module in pkgutil.iter_modules(mtnlg.config.__path__):
        if module.name not in ("checks", "descriptions"):
            for kind in vars(importlib.import_module(f"mtnlg.config.{module.name}")).values():
                if isinstance(kind, type) and kind.__module__.endswith(module.name):
                    yield kind
    yield Config


CLASSES = {
    kind.__name__: kind
    for kind in settings_classes()
    if issubclass(kind, Enum) or dataclasses.is_dataclass(kind)
}


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_and_choice_has_a_description(name: str) -> None:
    """Write one below the field, as a docstring; of a group, its class has it."""
    kind: Any = CLASSES[name]
    if dataclasses.is_dataclass(kind):
        groups = {
            field.name for field in dataclasses.fields(kind) if str(field.type).endswith("Config")
        }
        names = {field.name for field in dataclasses.fields(kind)} - groups - {"tasks"}
    else:
        names = {member.name for member in kind}

    texts = docstrings(kind)

    assert {name for name in names if not texts[name]} == set()


def test_every_key_of_the_configuration_is_described() -> None:
    sections = {
        field.name: field.default_factory
        for field in dataclasses.fields(Config)
        if dataclasses.is_dataclass(field.default_factory)
    }
    keys = [field.name for field in dataclasses.fields(Config)]
    keys += [
        f"{name}.{field.name}"
        for name, kind in sections.items()
        for field in dataclasses.fields(kind)
    ]  # type: ignore[arg-type]

    assert set(keys) <= BY_KEY.keys()
    assert all(setting.description for setting in all_settings())


def test_defaults_are_those_of_a_composed_run() -> None:
    """Oracle: the schema, as OmegaConf reads it."""
    schema: Any = OmegaConf.structured(Config)
    checked = 0
    for key, setting in BY_KEY.items():
        group, _, name = key.rpartition(".")
        if setting.default and group in ("", "optimizer", "trainer", "decoding", "evaluation"):
            value = (schema[group] if group else schema)[name]
            plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            assert json.loads(json.dumps(getattr(plain, "name", plain))) == parsed(setting.default)
            checked += 1
    assert checked > 70


def parsed(default: str) -> object:
    """A default as JSON; names of choices have no quotes."""
    try:
        return json.loads(default)
    except ValueError:
        return default


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["trainer.max_steps"], ["trainer.max_steps: whole number >= 1 or null; default null"]),
        (["max_steps"], ["trainer.max_steps: ", "horizon of the schedule. null: those of"]),
        (["seed"], ["seed: whole number >= 0; default 1", "order of the examples"]),
        (["+decoding.top_p=0.9"], ["decoding.top_p: number in (0, 1]", "Holtzman et al. 2020"]),
        (["optimizer"], ["optimizer=adamw, optimizer=inverse_sqrt", "Choices: cosine: Half a"]),
        (["tasks.samsum.weight"], ["tasks.<name>.weight: number > 0; default 1.0"]),
        (["task=x"], ["task=summarization/samsum", "tasks.<name>.hub: "]),
        (["decoding.strategy"], ["Choices: greedy, sampling, beam."]),
        (["experiment", "debug"], ["experiment=demo", "debug=fast"]),
        (["trainer/strategy"], ["strategy=ddp", "trainer.strategy.target: text"]),
    ],
    ids=" ".join,
)
def test_help_of_a_key_shows_what_it_is(
    words: list[str],
    shown: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Oracle: lines by hand."""
    monkeypatch.setenv("COLUMNS", "100")

    assert main(["run", "--help", *words]) == 0

    text = capsys.readouterr().out
    assert all(part in " ".join(text.split()) for part in shown)
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainr", "--help trainr: no such setting; did you mean 'trainer'?"),
        ("trainer.max_stps=3", "no such setting; did you mean 'trainer.max_steps'?"),
        ("lr", "--help lr: no such setting; set optimizer.learning_rate"),
        ("beam_size", "--help beam_size: no such setting; set decoding.strategy=beam"),
    ],
)
def test_help_of_an_unknown_key_names_the_nearest(
    word: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: the message by hand."""
    assert main(["train", "--help", word]) == 2

    assert message in capsys.readouterr().err


def test_page_of_all_settings_is_up_to_date() -> None:
    """`make configuration` writes it. Oracle: a process that has loaded nothing else."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert page == settings_page()
    assert all(f"`{key}`" in page or f"\n## {key}\n" in page for key in BY_KEY)


def test_help_of_a_key_loads_nothing_heavy() -> None:
    """Oracle: the modules of a fresh process."""
    code = (
        "import sys; from mtnlg.cli.main import main; main(['run', '--help', 'trainer']); "
        "print({'torch', 'hydra', 'numpy', 'lightning', 'sacrebleu'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "set()"
