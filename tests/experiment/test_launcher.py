"""A sweep whose source is edited while it works."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

import mtnlg
from mtnlg.cli.main import main
from mtnlg.experiment import jobs
from mtnlg.records.files import read_json
from mtnlg.records.launches import read_launch, read_runs

LINES = "\n".join(f"Row {number} has some words." for number in range(12)) + "\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, laid out as in a wheel."""
    folder = tmp_path / "copy" / "mtnlg"
    ignored = shutil.ignore_patterns("__pycache__", "assets")
    shutil.copytree(Path(str(mtnlg.__file__)).parent, folder, ignore=ignored)
    shutil.copytree(str(resources.files("mtnlg.conf")), folder / "conf", ignore=ignored)
    return folder


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "translation" / "multi30k_en_de"
    folder.mkdir(parents=True)
    for split in ("train", "validation", "test"):
        for language in ("en", "de"):
            (folder / f"{split}.{language}").write_text(LINES, encoding="utf-8")
    return tmp_path / "data"


def test_job_after_an_edit_has_another_key_and_says_so(
    tmp_path: Path, package: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: of two jobs of one sweep, the second runs what was edited after the first."""
    source = package / "corpus" / "preparation.py"

    def child_command(stage: str, frozen: Path) -> list[str]:
        words = [sys.executable, "-m", "mtnlg.cli.main", stage, "--frozen", str(frozen)]
        edit = f"echo EDITED=1 >> {source}"
        return ["sh", "-c", f"PYTHONPATH={package.parent} {shlex.join(words)} && {edit}"]

    monkeypatch.setattr(jobs, "child_command", child_command)
    roots = [f"{name}_root={tmp_path / name}" for name in ("artifacts", "runs", "reports")]
    words = ["task=translation/multi30k_en_de", "tasks.multi30k_en_de.test_sets=[test]"]
    words += ["model=mt_nlg_nano", "tokenizer.vocabulary_size=300", "name=edited"]
    words += ["seed=1,2", "hydra.launcher.jobs=1"]

    assert main(["prepare", "-m", *words, f"data_root={data_root}", *roots]) == 0

    first, second = sorted((tmp_path / "runs" / "edited").glob("*seed*"))
    assert "code_changed" not in read_json(first / "run.json")
    assert read_json(second / "run.json")["code_changed"] == ["rows"]
    assert "the code of rows was changed after the launch" in (second / "log.txt").read_text()
    assert len(list((tmp_path / "artifacts" / "rows").glob("*/artifact.json"))) == 2
    assert len(list((tmp_path / "artifacts" / "tokenizer").glob("*/artifact.json"))) == 1


def test_jobs_run_at_a_time_as_many_as_asked_for(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the first two jobs end only when both have begun; the third fails."""

    def child_command(stage: str, frozen: Path) -> list[str]:
        if "seed3" in frozen.parent.name:
            return ["false"]
        mark = frozen.with_name("begun")
        both = shlex.quote(str(frozen.parent.parent)) + "/*/begun"
        return ["sh", "-c", f"touch {mark}; until [ $(ls {both} | wc -l) = 2 ]; do sleep .1; done"]

    monkeypatch.setattr(jobs, "child_command", child_command)
    roots = [f"{name}_root={tmp_path / name}" for name in ("artifacts", "runs", "reports")]
    words = ["task=translation/multi30k_en_de", "model=mt_nlg_nano", "name=pair"]
    words += ["seed=1,2,3", "hydra.launcher.jobs=2", f"data_root={data_root}"]

    assert main(["prepare", "-m", *words, *roots]) == 1

    assert len(read_json(tmp_path / "runs" / "pair" / "launch.json")["run_ids"]) == 3


@pytest.mark.parametrize("has_piped_errors", [True, False])
def test_child_says_what_is_wrong_and_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], has_piped_errors: bool
) -> None:
    command = jobs.child_command("prepare", tmp_path / "missing.yaml")

    child = jobs.start_child(command, os.environ, has_piped_errors=has_piped_errors)

    _, piped = child.communicate()
    assert child.returncode == 2
    assert "missing.yaml" in (piped or capfd.readouterr().err)


def test_jobs_that_are_one_run_keep_the_tags_of_both(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the frozen configuration of the one run, and the launch, which lists it once."""
    monkeypatch.setattr(jobs, "child_command", lambda stage, frozen: ["false"])
    roots = [f"{name}_root={tmp_path / name}" for name in ("artifacts", "runs", "reports")]
    words = ["task=translation/multi30k_en_de", "model=mt_nlg_nano", "name=twins"]
    words += ["tags=[first],[second]", "trainer.num_workers=0,1", f"data_root={data_root}"]

    assert main(["prepare", "-m", *words, *roots]) == 1

    (run,) = (tmp_path / "runs" / "twins").glob("*seed*")
    assert "tags:\n- first\n- second\n" in (run / "config.yaml").read_text(encoding="utf-8")
    launch = read_json(tmp_path / "runs" / "twins" / "launch.json")
    assert launch["run_ids"] == [run.name]


class ForkLauncher(Launcher):
    """As launchers of others: it knows nothing of ours, and its jobs' memory is lost."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.context, self.task_function, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        for number, overrides in enumerate(job_overrides, start=initial_job_idx):
            job = self.context.config_loader.load_sweep_config(self.config, list(overrides))
            with open_dict(job):
                job.hydra.job.id = job.hydra.job.num = number
            if (child := os.fork()) == 0:
                run_job(
                    self.task_function,
                    job,
                    job_dir_key="hydra.sweep.dir",
                    job_subdir_key="hydra.sweep.subdir",
                    hydra_context=self.context,
                )
                os._exit(0)
            os.waitpid(child, 0)
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]


@pytest.mark.parametrize(
    ("sweeper_name", "launcher_name"),
    [
        *(("frozen", "frozen"), ("frozen", "fork"), ("basic", "basic")),
        *(
            pytest.param(*names, marks=pytest.mark.slow)
            for names in (("frozen", "basic"), ("basic", "frozen"), ("basic", "fork"))
        ),
    ],
)
def test_launch_is_the_same_under_every_launcher(
    tmp_path: Path,
    data_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    launcher_name: str,
    sweeper_name: str,
) -> None:
    """Oracle: by hand; one of three jobs names a file that is not there."""
    module = ModuleType("hydra_plugins.fork")  # where Hydra wants them
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(ForkLauncher, "__module__", module.__name__)
    monkeypatch.setattr(module, "ForkLauncher", ForkLauncher, raising=False)
    Plugins.instance().register(ForkLauncher)
    node = {"_target_": "hydra_plugins.fork.ForkLauncher"}
    ConfigStore.instance().store(group="hydra/launcher", name="fork", node=node)
    roots = [f"{name}_root={tmp_path / name}" for name in ("artifacts", "runs", "reports")]
    words = ["task=translation/multi30k_en_de", "model=mt_nlg_nano", "name=same"]
    words += ["tasks.multi30k_en_de.test_sets=[test],[nope],[train]", f"data_root={data_root}"]
    words += [f"hydra/launcher={launcher_name}", f"hydra/sweeper={sweeper_name}"]

    status = main(["prepare", "-m", "tokenizer.vocabulary_size=300", *words, *roots])

    launch = read_launch("same", runs_root=tmp_path / "runs")
    runs = read_runs(launch, runs_root=tmp_path / "runs")
    assert [run.status for run in runs] == ["incomplete", "failed", "incomplete"]
    asked = [run.overrides[-1].partition("test_sets=")[2] for run in runs]
    assert asked == ["[test]", "[nope]", "[train]"]
    is_seen = launcher_name != "fork" or sweeper_name == "frozen"
    assert status == int(is_seen)
