"""The image: what it copies is enough to install the package, and its commands are there.

Oracle: setuptools, which builds a wheel from the copied files alone; the Makefile.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = [line.split() for line in TEXT.replace("\\\n", " ").splitlines()]


def test_copied_files_are_enough_to_install(tmp_path: Path) -> None:
    image = tmp_path / "image"
    for _, *sources, target in (words for words in LINES if words[:1] == ["COPY"]):
        (image / target).mkdir(parents=True, exist_ok=True)
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, image / target, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / source, image / target)

    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path)]
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", *options, str(image)]
    subprocess.run(command, check=True, timeout=300)

    (wheel,) = tmp_path.glob("mtnlg-*.whl")
    names = set(ZipFile(wheel).namelist())
    assert {"mtnlg/conf/experiment/demo.yaml", "mtnlg/report/assets/report.css"} <= names
    assert {"Makefile", "requirements.lock"} <= {path.name for path in image.iterdir()}


def test_commands_of_the_image_are_targets_and_its_python_is_one_of_ours() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (made,) = re.findall(r"^RUN make (\S+)$", TEXT, re.MULTILINE)
    (default,) = re.findall(r"^CMD (.+)$", TEXT, re.MULTILINE)
    (version,) = re.findall(r"^FROM python:([\d.]+)-slim", TEXT, re.MULTILINE)
    make, target = json.loads(default)

    assert f">={version}" == project["requires-python"]
    assert make == "make"
    for name in (made, target):
        assert re.search(rf"^{re.escape(name)}:", makefile, re.MULTILINE)
