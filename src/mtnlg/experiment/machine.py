"""This machine: what of it changes the bits of a training, and what a manifest says of it."""

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


def hardware(accelerator: Accelerator, threads: int | None) -> dict[str, str | int | None]:
    """The machine, as far as it can change a result or explain a time."""
    models = (line.partition(":")[2] for line in _processor_lines("model name"))
    return {
        "machine": platform.machine(),
        "processor": next(models, platform.processor()).strip(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "threads": num_threads(threads),
        **arithmetic(accelerator),
    }


def arithmetic(accelerator: Accelerator) -> dict[str, str]:
    """What decides how sums are rounded, beside the number of threads."""
    variables = {name: os.environ[name] for name in ARITHMETIC_VARIABLES if name in os.environ}
    return {"instruction_set": instruction_set(), "device": device(accelerator), **variables}


def num_threads(asked: int | None, *, ranks: int = 1) -> int:
    """CPU threads of one process. None means PyTorch's own choice: the number of cores, or fewer
    where OMP_NUM_THREADS or MKL_NUM_THREADS says so. The ranks of a training share the cores.
    """
    if ranks > 1:
        return asked or max(num_threads(None) // ranks, 1)
    if asked is not None:
        return asked
    for name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        number = os.environ.get(name, "").split(",")[0]
        if number.isdecimal() and int(number) > 0:
            return min(int(number), num_cores())
    return num_cores()


def instruction_set() -> str:
    """PyTorch's name of the widest vector instructions that it uses on this processor."""
    chosen = CAPABILITIES.get(os.environ.get("ATEN_CPU_CAPABILITY", ""))
    if chosen is not None:
        return chosen
    flags = next((set(line.split()) for line in _processor_lines("flags")), set[str]())
    if not flags:
        import torch

        return str(torch.backends.cpu.get_cpu_capability())
    return "AVX512" if flags >= AVX512 else "AVX2" if flags >= AVX2 else "DEFAULT"


@cache
def device(accelerator: Accelerator) -> str:
    """The device that a training uses: cpu, mps, or the name of the CUDA device."""
    may_have_another = platform.system() != "Linux" or NVIDIA_DRIVER.exists()
    if accelerator is Accelerator.cpu or not may_have_another:
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return "mps" if torch.backends.mps.is_available() else "cpu"


def num_devices() -> int:
    """CUDA devices."""
    import torch

    return int(torch.cuda.device_count())


def num_processors() -> int:
    """Processes that can run at a time here: two a core where it has two hardware threads."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def num_cores() -> int:
    """Physical cores that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cores = set()
    for number in os.sched_getaffinity(0):
        try:
            cores.add(Path(SIBLINGS.format(number)).read_text(encoding="ascii"))
        except OSError:
            cores.add(str(number))
    return len(cores)


def _processor_lines(start: str) -> list[str]:
    """The lines of Linux's facts about the processor that start so; none on other systems."""
    try:
        lines = CPU_INFORMATION.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.startswith(start)]
