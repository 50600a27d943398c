"""The only bridge to Hydra: registers the schema, turns what Hydra composed into typed objects,
freezes and thaws them. Nothing below this module sees a DictConfig.

Hydra checks keys against the schema but lets `+unknown=1` pass; merging the resolved values into a
fresh structured config refuses it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from functools import update_wrapper
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import takewhile
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from mtnlg.artifacts.in_use import hold
from mtnlg.config import Config, DecodingConfig, TaskConfig
from mtnlg.config.descriptions import find_settings
from mtnlg.config.foreign_names import foreign_names, setting_hint
from mtnlg.errors import ConfigError
from mtnlg.experiment.mistakes import (
    PACKAGES,
    check_names,
    check_words,
    explain_choices,
    explain_grammar,
    explain_null,
    explain_several,
    explain_unchosen,
    one_line,
    wrong_packages,
)
from mtnlg.experiment.naming import NO_MODEL, plain_config, run_folder
from mtnlg.records import places
from mtnlg.records.files import write_text
from mtnlg.records.run_config import config_text

CONFIG_MODULE = "pkg://mtnlg.conf"
BELOW_NULL = re.compile(r"Unexpected type for root: NoneType|\n *full_key: ")
"""What OmegaConf's own assertions say of a setting below one that is null."""


def register_schema() -> None:
    """Make the schema known to Hydra."""
    ConfigStore.instance().store(name="schema", node=Config)


def run_hydra(
    prog: str, flags: Sequence[str], words: Sequence[str], task: Callable[[Any], object]
) -> None:
    """Call the task with what Hydra composes of the overrides, or do what its flags ask; raises
    ConfigError.
    """
    folder, words = _user_folder(flags), with_model(words)
    check_words(words, folder)
    if {"--multirun", "-m"} & {*flags}:
        words = below_swept(words)
    register_schema()
    # Otherwise Hydra prints errors in its own words and exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    before, sys.argv = sys.argv, [prog, *flags, *words]
    work = _Started(task)
    try:
        hydra.main(version_base="1.3", config_path=CONFIG_MODULE, config_name="config")(work)()
    except SystemExit as end:
        is_hydras = end.code == 1 and any(
            flag.split("=")[0] in ("--package", "-p") for flag in flags
        )
        raise SystemExit(ConfigError.exit_code if is_hydras else end.code) from None
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise explain(error, words, folder) from None
    except (AssertionError, AttributeError) as error:
        if BELOW_NULL.search(str(error)) is None:
            raise
        raise explain_null(words) from None
    except OSError as error:
        if work.is_started:
            raise
        raise ConfigError(
            f"hydra.run.dir or hydra.sweep.dir: {error.filename or 'its folder'} cannot be made "
            f"({error.strerror}); leave it out, and set runs_root"
        ) from None
    finally:
        sys.argv = before


def with_model(words: Sequence[str]) -> list[str]:
    """The overrides, without a model of ours where they name a system and no model."""
    names = {word.lstrip("+~").partition("=")[0] for word in words}
    return [*words, *([NO_MODEL] if "system" in names and "model" not in names else [])]


def below_swept(words: Sequence[str]) -> list[str]:
    """The overrides of a sweep; one below a group that is swept becomes a sweep of one value.
    Hydra composes a configuration of what is not swept first, and there it has no place.
    """
    try:
        parsed = OverridesParser.create().parse_overrides([*words])
    except OverrideParseException:  # which Hydra says
        return [*words]
    swept = {override.key_or_group for override in parsed if override.is_sweep_override()}
    sections = {PACKAGES.get(group, group).partition(".")[0] for group in swept}

    def is_below(override: Override) -> bool:
        section, dot, _ = override.key_or_group.partition(".")
        is_known = section in sections or ("_global_" in sections and section != "hydra")
        return bool(dot) and is_known and not (override.is_sweep_override() or override.is_delete())

    return [
        word.replace("=", "=choice(", 1) + ")" if is_below(override) else word
        for word, override in zip(words, parsed, strict=True)
    ]


class _Started:
    """The task, and whether Hydra has called it; it has the task's attributes."""

    def __init__(self, task: Callable[[Any], object]) -> None:
        self.task, self.is_started = task, False
        update_wrapper(self, task)

    def __call__(self, raw: Any) -> object:
        self.is_started = True
        return self.task(raw)


def _user_folder(flags: Sequence[str]) -> Path | None:
    """The folder of --config-dir, if it is there."""
    for position, flag in enumerate(flags):
        name, equals, value = flag.partition("=")
        if name in ("--config-dir", "-cd"):
            folder = Path(value if equals else flags[position + 1])
            return folder if folder.is_dir() else None
    return None


def load(raw: DictConfig, named: Sequence[str] = ()) -> Config:
    """The typed, checked configuration; raises ConfigError naming the key that does not fit.
    `named` are keys that the user set on the command line.
    """
    from mtnlg.generation.ctranslate2_engine import check_engine
    from mtnlg.generation.strategies import find_strategy

    try:
        plain = plain_values(raw, named)
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), plain))
    except ConfigError:
        raise
    except OmegaConfBaseException as error:
        raise explain(error) from None
    assert isinstance(config, Config), f"composition gave {type(config).__name__}"
    find_strategy(config.decoding)
    if config.model is not None:
        check_engine(config.decoding, config.model)
    return config


def plain_values(raw: DictConfig, named: Sequence[str] = ()) -> Any:
    """What Hydra composed for us, with the values of ${...} and of a pretrained model."""
    ours = OmegaConf.masked_copy(raw, [str(key) for key in raw if key != "hydra"])
    if ours.get("system") is not None:
        _forget_model(ours, named)
    _fill_model(ours, named)
    _fill_teacher(ours)
    return OmegaConf.to_container(ours, resolve=True, enum_to_str=True, throw_on_missing=True)


def _forget_model(ours: DictConfig, named: Sequence[str]) -> None:
    """Leave out what an experiment says of a model of ours, for a system in its place."""
    for name in ("model", "initial_model"):
        if not any(key.split(".")[0] == name for key in named):
            ours.merge_with({name: None})


def _fill_model(ours: DictConfig, named: Sequence[str]) -> None:
    """Take what nobody set of the model from the initial one, which becomes a folder of ours."""
    model = ours.get("model")
    if model is not None and any(OmegaConf.is_missing(model, name) for name in model):
        from mtnlg.experiment.pretrained import settings_of_pretrained

        given: Any = OmegaConf.to_container(ours.model, resolve=True)
        filled = settings_of_pretrained(ours.initial_model, Path(ours.artifacts_root), given, named)
        ours.merge_with({"model": filled.model, "initial_model": filled.initial_model})


def _fill_teacher(ours: DictConfig) -> None:
    """Put the model folder of a teacher in place of its run."""
    distillation = ours.get("distillation")
    if distillation is not None and distillation.get("teacher") is not None:
        from mtnlg.experiment.teacher import teacher_folder

        runs_root, artifacts_root = Path(ours.runs_root), Path(ours.artifacts_root)
        folder = teacher_folder(
            distillation.teacher, runs_root=runs_root, artifacts_root=artifacts_root
        )
        ours.merge_with({"distillation": {"teacher": folder}})


def load_composed(raw: DictConfig) -> Config:
    """As `load`, while Hydra runs; also raises ConfigError where a user's file has the name of an
    earlier one on the search path, which Hydra silently prefers, and for words that set what the
    decoding does not read, even to its default.
    """
    composed = raw.hydra if "hydra" in raw else HydraConfig.get()
    sources = composed.runtime.config_sources
    check_names([Path(str(folder)) for folder in _config_folders(sources)])
    words = composed.overrides.task
    config = load(raw, [word.lstrip("+").partition("=")[0] for word in words])
    check_decoding(config, words)
    return config


def check_decoding(config: Config, words: Iterable[str]) -> None:
    """Raise ConfigError for words that set what the decoding does not read."""
    from mtnlg.generation.strategies import check_read, find_strategy

    keys = (word.lstrip("+").partition("=")[0] for word in words)
    named = [key.removeprefix("decoding.") for key in keys if key.startswith("decoding.")]
    check_read(config.decoding, find_strategy(config.decoding), named)


def named_job() -> tuple[int | None, list[str]]:
    """While Hydra runs: the number of this job in its sweep, None outside of one, and its
    overrides.
    """
    settings = HydraConfig.get()
    is_sweep = settings.mode is RunMode.MULTIRUN
    return (settings.job.num if is_sweep else None), list(settings.overrides.task)


def builtin_tasks() -> list[TaskConfig]:
    """The data sets of conf/task, by kind and name."""
    tasks: list[Any] = []
    for path in sorted(Path(str(resources.files("mtnlg.conf"))).glob("task/*/*.yaml")):
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
        tasks.append(OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(TaskConfig), plain)))
    return tasks


def head_comment(choice: str) -> list[str]:
    """The comment at the head of a chosen file (`task/translation/x`), without Hydra's own lines;
    only while Hydra runs, since it knows the folder.
    """
    for folder in _config_folders(HydraConfig.get().runtime.config_sources):
        file = folder / f"{choice}.yaml"
        if file.is_file():
            lines = takewhile(
                lambda line: line.startswith("#"), file.read_text(encoding="utf-8").splitlines()
            )
            return [line[1:].strip() for line in lines if not line.startswith("# @package")]
    return []


def _config_folders(sources: Iterable[Any]) -> Iterator[Traversable]:
    """The folders of YAML files, in the order of Hydra's search path."""
    for source in sources:
        if source.schema in ("pkg", "file"):
            yield resources.files(source.path) if source.schema == "pkg" else Path(source.path)


def decoding_settings(words: Sequence[str]) -> dict[str, object]:
    """Typed decoding settings from words such as `top_p=0.9`; raises ConfigError for a bad one."""
    from mtnlg.generation.strategies import STRATEGY_TABLE

    for word in words:
        if "=" not in word:
            raise ConfigError(f"--set {word}: expected NAME=VALUE, as in --set max_new_tokens=32")
    try:
        given = OmegaConf.from_dotlist(list(words))
        typed = OmegaConf.merge(OmegaConf.structured(DecodingConfig), given)
    except OmegaConfBaseException as error:
        raise explain(error) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {' '.join(words)}: not YAML ({one_line(str(error))})") from None
    plain = OmegaConf.to_container(typed)
    assert isinstance(plain, dict), f"{typed!r} is no mapping"
    STRATEGY_TABLE.find(plain["strategy"], key="--set strategy")
    return {str(name): plain[name] for name in given}


def freeze(config: Config) -> str:
    """The resolved configuration as YAML, with every default written out."""
    return config_text(plain_config(config))


def thaw(path: Path) -> Config:
    """A frozen configuration; raises ConfigError where it is missing or of another version."""
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--frozen {path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"--frozen {path}: not YAML ({one_line(str(error))})") from None
    if not isinstance(plain, dict):
        kind = type(plain).__name__
        raise ConfigError(f"--frozen {path}: expected the keys of a configuration, found {kind}")
    try:
        return load(OmegaConf.create(plain))
    except (ConfigError, OmegaConfBaseException) as error:
        raise ConfigError(f"--frozen {path}: {one_line(str(error))}") from None


def freeze_run(config: Config) -> Path:
    """Write runs/<experiment>/<run id>/config.yaml and return its path; nothing that this process
    uses from here on is cleaned.
    """
    hold(Path(config.artifacts_root))
    path, text = run_folder(config) / places.CONFIG_FILE, freeze(config)
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text:
            return path
    write_text(path, text)
    return path


def explain(error: Exception, words: Sequence[str] = (), folder: Path | None = None) -> ConfigError:
    """The error of Hydra or OmegaConf as one line that names the key and says what to do. The
    overrides and the user's folder of YAML files help to find the cause.
    """
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    message = one_line(str(cause))
    section, key = getattr(cause, "object_type", None), str(getattr(cause, "key", None))
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        file, line = mark.name, mark.line + 1
        return ConfigError(f"{file}, line {line}: not valid YAML ({error.problem}); repair it")  # type: ignore[attr-defined]
    if isinstance(error, OverrideParseException):
        return explain_grammar(error.override)
    for file, package in wrong_packages(words, folder, message):
        return ConfigError(f"{file}: its first line must be `# @package {package}`")
    if isinstance(error, MissingConfigException) or "You must specify" in message:
        return explain_choices(words, folder, message)
    if ambiguous := [word for word in words if f"Ambiguous value for argument '{word}'" in message]:
        return explain_several(ambiguous[0])
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and is_dataclass(section):
        message += setting_hint(key, section)
    elif hint := foreign_names()["values"].get(str(getattr(cause, "full_key", None))):
        message += f"; {hint}"
    elif "incompatible with type hint" in message and "full_key" in message:
        key = str(getattr(cause, "full_key", ""))
        return ConfigError(
            f"{message.split(' of type')[0]}: {key} is {find_settings(key)[0].values}"
        )
    elif "is not a ListConfig" in message:
        message += "; write a list, as in KEY=[a,b]"
    elif "could not be converted to Integer" in message:
        message += "; write a whole number in digits alone"
    elif "is not in struct" in message:
        message += explain_unchosen(str(getattr(cause, "full_key", "")), words)
    return ConfigError(message)
