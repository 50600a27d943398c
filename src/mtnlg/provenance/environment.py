"""What a run stands on beside its settings: installed releases, the code's commit and its changes,
math libraries, and variables of the environment.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from mtnlg.records.run_config import without_folders
from mtnlg.records.runs import Facts

PACKAGE_FOLDER = Path(__file__).parents[1]
LOCK_FILE = "requirements.lock"
EXTRAS_FOR_WORK = re.compile(r"extra == ['\"](dev|browser|mutation)['\"]")
"""Extras that compute nothing of a run."""
VARIABLES = re.compile(
    r"(OMP|GOMP|KMP|MKL|DNNL|ONEDNN|OPENBLAS|BLIS|ATEN|TORCH|PYTORCH|CUBLAS|CUBLASLT|CUDNN|NCCL)_\w+"
    r"|NVIDIA_TF32_OVERRIDE|CUDA_VISIBLE_DEVICES|PYTHONHASHSEED|TOKENIZERS_PARALLELISM"
    r"|SACREBLEU_SEED|LD_PRELOAD"
)
"""Variables that choose threads, kernels, their roundings, or an order."""
LIBRARIES = {
    "blas": r"BLAS_INFO=(\w+)",
    "mkl": r"Math Kernel Library Version (\S+?)-",
    "onednn": r"MKL-DNN v(\S+)",
    "cuda": r"CUDA Runtime (\S+)",
    "cudnn": r"CuDNN (\S+)",
}
"""Name -> how PyTorch says its release."""


@cache
def installed_versions() -> dict[str, str | None]:
    """The release of each package that is installed and that this one requires, in any depth."""
    versions: dict[str, str | None] = {}
    waiting = ["mtnlg"]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if name in versions:
            continue
        versions[name] = package.version
        for line in package.requires or ():
            is_ours = name == "mtnlg" and not EXTRAS_FOR_WORK.search(line)
            if is_ours or "extra ==" not in line:
                waiting += re.findall(r"^[\w.-]+", line)
    return dict(sorted(versions.items()))


def lock_hash() -> str | None:
    """The sha256 of the package's requirements.lock; None where it came without one."""
    try:
        return hashlib.sha256((PACKAGE_FOLDER.parents[1] / LOCK_FILE).read_bytes()).hexdigest()
    except OSError:
        return None


def arithmetic_variables() -> Facts:
    """The variables of this process's environment that can change arithmetic or an order."""
    names = sorted(filter(VARIABLES.fullmatch, os.environ))
    return {name: without_folders(os.environ[name]) for name in names}


def math_libraries() -> Facts:
    """The math libraries of PyTorch; empty where this process has not needed it."""
    torch = sys.modules.get("torch")
    text = str(torch.__config__.show()) if torch is not None else ""
    matches = {name: re.search(pattern, text) for name, pattern in LIBRARIES.items()}
    return {name: match[1] for name, match in matches.items() if match}


def git_state() -> Facts:
    """Commit of the package's repository, whether it has changes, and the sha256 of those; nulls
    if there is none.
    """
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:  # of somebody else's repository
        return {"commit": None, "dirty": None}
    commit = (_git("rev-parse", "HEAD") or "").strip()
    if not _git("status", "--porcelain", "."):
        return {"commit": commit, "dirty": False}
    return {"commit": commit, "dirty": True, "diff": hashlib.sha256(git_diff()).hexdigest()}


def git_diff() -> bytes:
    """The changes of the package since its commit, new files included, for `git apply`."""
    names = (_git("ls-files", "-z", "--others", "--exclude-standard", ".") or "").split("\0")
    parts = [_git("diff", "HEAD", "--binary", "--relative", "--", ".")]
    for name in filter(None, names):
        parts.append(_git("diff", "--no-index", "--binary", "--", os.devnull, name, status=1))
    return "".join(part or "" for part in parts).encode("utf-8", errors="surrogateescape")


def _git(*arguments: str, status: int = 0) -> str | None:
    """What git says in the package's folder; None if it ends with another status."""
    try:
        result = subprocess.run(
            ["git", *arguments],
            env={name: text for name, text in os.environ.items() if name[:4] != "GIT_"},
            cwd=PACKAGE_FOLDER,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout if result.returncode == status else None
