"""What the machine offers: devices, memory, versions."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

CUDA_ADVICE = (
    "This torch build has no CUDA support; for an NVIDIA GPU install the CUDA build as "
    "https://pytorch.org/get-started says."
)


def system_report() -> dict[str, Any]:
    """Describe the machine as this process sees it.

    Returns:
        ``versions``, ``platform``, ``memory`` (bytes: ``total``, ``available``, ``engine``; a
        value that the system does not tell is ``None``), ``threads``, ``devices`` (each with
        ``name``, ``kind``, ``total_bytes``, ``free_bytes``, ``engine_bytes``) and ``advice``.
    """
    import torch

    from ifc_core.version import __version__

    return {
        "versions": {
            "ifc-studio": __version__,
            "torch": str(torch.__version__),
            "cuda": torch.version.cuda,
            "python": platform.python_version(),
        },
        "platform": platform.platform(),
        "memory": machine_memory(),
        "threads": torch.get_num_threads(),
        "devices": _devices(),
        "advice": "" if torch.version.cuda or sys.platform == "darwin" else CUDA_ADVICE,
    }


def machine_memory() -> dict[str, int | None]:
    """Memory of the machine and of this process, in bytes."""
    total = available = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts = _proc("/proc/meminfo")
    if "MemAvailable" in facts:
        available = facts["MemAvailable"]
    if sys.platform == "win32":
        total, available = _windows_memory()
    return {
        "total": total,
        "available": available,
        "engine": _proc("/proc/self/status").get("VmRSS"),
    }


def _proc(name: str) -> dict[str, int]:
    """Values in kB of one of Linux's files, in bytes; empty elsewhere."""
    try:
        lines = Path(name).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    words = (line.replace(":", " ").split() for line in lines)
    return {w[0]: int(w[1]) << 10 for w in words if len(w) == 3 and w[2] == "kB"}


def _windows_memory() -> tuple[int | None, int | None]:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in ("total", "available", "a", "b", "c", "d", "e")
            ),
        )

    status = Status()
    status.length = ctypes.sizeof(Status)
    kernel: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return int(status.total), int(status.available)


def _devices() -> list[dict[str, Any]]:
    import torch

    devices: list[dict[str, Any]] = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        devices.append(
            {
                "name": f"cuda:{index}",
                "kind": torch.cuda.get_device_name(index),
                "total_bytes": total,
                "free_bytes": free,
                "engine_bytes": torch.cuda.memory_reserved(index),
            }
        )
    if torch.backends.mps.is_available():
        limit = torch.mps.recommended_max_memory()
        used = torch.mps.driver_allocated_memory()
        devices.append(_device("mps", "Apple GPU", limit, limit - used, used))
    memory = machine_memory()
    kind = platform.processor() or platform.machine()
    devices.append(_device("cpu", kind, memory["total"], memory["available"], memory["engine"]))
    return devices


def _device(
    name: str, kind: str, total: int | None, free: int | None, engine: int | None
) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "total_bytes": total,
        "free_bytes": free,
        "engine_bytes": engine,
    }
