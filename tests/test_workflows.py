"""The workflows of continuous integration: what they may do, and that they run what is there.

Oracle: GitHub's rules for keys of a workflow, written out by hand; the Makefile; pyproject.toml.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGE = (ROOT / "docs" / "reproducibility.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in FILES} | {
    "docs/reproducibility.md": EXAMPLE
}
WORKFLOW_KEYS = {"name", "on", "permissions", "concurrency", "env", "jobs"}
JOB_KEYS = {"runs-on", "timeout-minutes", "strategy", "steps"}
STEP_KEYS = {"name", "if", "uses", "with", "run"}


def workflow(name: str) -> dict[str, Any]:
    """A workflow; YAML 1.1 takes the key `on` for true."""
    document = yaml.safe_load(TEXTS[name])
    return {"on" if key is True else key: value for key, value in document.items()}


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", TEXTS)
def test_workflow_has_the_keys_of_its_schema(name: str) -> None:
    document = workflow(name)

    assert {"name", "on", "permissions", "jobs"} <= document.keys() <= WORKFLOW_KEYS
    assert all(job.keys() <= JOB_KEYS for job in document["jobs"].values())
    assert all(("uses" in step) != ("run" in step) for step in steps(name))
    assert all(step.keys() <= STEP_KEYS for step in steps(name))


@pytest.mark.parametrize("name", TEXTS)
def test_workflow_can_only_read_and_uses_pinned_actions(name: str) -> None:
    """Each action is a commit, with its release in a comment; there is no secret to steal."""
    lines = [line for line in TEXTS[name].splitlines() if "uses:" in line]

    assert workflow(name)["permissions"] == {"contents": "read"}
    assert all(
        re.search(r"uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", li) for li in lines
    )
    assert "secrets" not in TEXTS[name]
    assert "pull_request_target" not in TEXTS[name]


def test_workflows_run_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    words = [step.get("run", "").split() for path in FILES for step in steps(path.name)]
    targets = {line[1] for line in words if line[:1] == ["make"]}

    assert targets == {"check", "test", "reproduce"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_tests_run_on_each_python_from_the_oldest_on() -> None:
    (matrix,) = (
        job["strategy"]["matrix"]["python"]
        for job in workflow("tests.yml")["jobs"].values()
        if "strategy" in job
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert matrix == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == f">={matrix[0]}"


def test_pages_example_has_at_most_fifteen_lines() -> None:
    assert len(EXAMPLE.splitlines()) <= 15
