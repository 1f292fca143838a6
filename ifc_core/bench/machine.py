"""Facts about the machine that go beside every figure, and peak memory."""

from __future__ import annotations

import multiprocessing
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def machine_facts() -> dict[str, Any]:
    """Processor, cores, load and library versions, ready for JSON."""
    import torch

    facts: dict[str, Any] = {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "avx512_bf16": bool(torch.cpu._is_avx512_bf16_supported()),
        "amx": bool(torch.cpu._is_amx_tile_supported()),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    }
    if hasattr(os, "getloadavg"):
        facts["load_average"] = os.getloadavg()[0]
    return facts


def peak_memory_bytes() -> int | None:
    """The largest resident size of this process so far; ``None`` where it is not known."""
    if sys.platform == "win32":
        return None
    if sys.platform == "linux":  # a started process inherits ru_maxrss from its parent
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        fields = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
        if fields:
            return int(fields[0][1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def in_own_process(work: Callable[..., _Result], *arguments: Any) -> _Result:
    """Run ``work`` in a fresh process, so that its peak memory is its own.

    Args:
        work: A function of a module.
        arguments: Its arguments; they and the result travel between processes.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *arguments).result()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - a kernel file
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
