"""What of this machine changes the bits of a training, without loading PyTorch to know it where
that can be.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

from mtnlg.config import Accelerator

CPU_INFORMATION = Path("/proc/cpuinfo")
SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"}
AVX2 = {"avx2", "fma"}
CAPABILITIES = {"default": "DEFAULT", "avx2": "AVX2", "avx512": "AVX512"}
"""Values of ATEN_CPU_CAPABILITY, and what PyTorch calls them."""
ARITHMETIC_VARIABLES = (
    *("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE"),
    *("NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG"),
)
"""Variables of the environment that choose between kernels with other roundings."""


def arithmetic(accelerator: Accelerator) -> dict[str, str]:
    """What decides how sums are rounded, beside the number of threads."""
    variables = {name: os.environ[name] for name in ARITHMETIC_VARIABLES if name in os.environ}
    return {"instruction_set": instruction_set(), "device": device(accelerator), **variables}


def num_threads(asked: int | None) -> int:
    """CPU threads of one process; None: as many as there are cores, or fewer where OMP_NUM_THREADS
    or MKL_NUM_THREADS says so. It is PyTorch's own choice.
    """
    if asked is not None:
        return asked
    for name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        number = os.environ.get(name, "").split(",")[0]
        if number.isdecimal() and int(number) > 0:
            return min(int(number), _num_cores())
    return _num_cores()


def instruction_set() -> str:
    """The widest vector instructions that PyTorch uses on this processor, under its own name."""
    chosen = CAPABILITIES.get(os.environ.get("ATEN_CPU_CAPABILITY", ""))
    if chosen is not None:
        return chosen
    flags = _processor_flags()
    if not flags:
        import torch

        return str(torch.backends.cpu.get_cpu_capability())
    return "AVX512" if flags >= AVX512 else "AVX2" if flags >= AVX2 else "DEFAULT"


@cache
def device(accelerator: Accelerator) -> str:
    """The device that a training takes: cpu, mps, or the name of the CUDA device."""
    may_have_another = platform.system() != "Linux" or NVIDIA_DRIVER.exists()
    if accelerator is Accelerator.cpu or not may_have_another:
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _num_cores() -> int:
    """Cores that this process may use, each counted once however many threads it runs."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cores = set()
    for number in os.sched_getaffinity(0):
        try:
            cores.add(Path(SIBLINGS.format(number)).read_text(encoding="ascii"))
        except OSError:
            cores.add(str(number))
    return len(cores)


def _processor_flags() -> set[str]:
    try:
        lines = CPU_INFORMATION.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
