"""What the machine offers and how fast it was, in words, and as a text to send to others."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ifc_core.config import config_dir, data_dir, log_dir
from ifc_core.version import __version__
from napari_ifc.language import tr

_TAIL_LINES = 40
_LIBRARIES = ("napari", "PySide6-Essentials", "PyQt6", "PyQt5", "qtpy", "torch", "numpy", "av")


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the last run was.

    Attributes:
        frames: Frames it finished.
        seconds: It took, the loading of the model included.
    """

    frames: int
    seconds: float

    @property
    def text(self) -> str:
        """In words, such as ``"2.1 frames/s"``."""
        return tr("{value:.1f} frames/s").format(value=self.frames / max(self.seconds, 1e-09))


def machine_rows(report: Mapping[str, Any], speed: Speed | None) -> list[tuple[str, str]]:
    """Lines of the system panel.

    Args:
        report: Of the engine's ``system`` job; empty while it has not answered.
        speed: Of the last run.

    Returns:
        (what, value) of each line.
    """
    rows = [("IFC Studio", __version__), ("Python", platform.python_version())]
    rows += [(name, version) for name, version in library_versions()]
    rows.append((tr("System"), str(report.get("platform") or platform.platform())))
    for device in report.get("devices", ()):
        rows.append((tr("Device {device}").format(device=device["name"]), device_text(device)))
    memory = report.get("memory", {})
    if memory.get("engine"):
        rows.append((tr("Engine memory"), _gib(memory["engine"])))
    if memory.get("available") and memory.get("total"):
        free = tr("{gib} free of {gib2}").format(
            gib=_gib(memory["available"]), gib2=_gib(memory["total"])
        )
        rows.append((tr("Machine memory"), free))
    if report.get("threads"):
        rows.append((tr("Processor threads"), str(report["threads"])))
    rows.append((tr("Last run"), speed.text if speed else tr("none in this session")))
    if report.get("advice"):
        rows.append((tr("Advice"), str(report["advice"])))
    return rows


def library_versions() -> list[tuple[str, str]]:
    """Versions of the libraries that matter, without importing them."""
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return found


def device_text(device: Mapping[str, Any]) -> str:
    """One device in words."""
    text = str(device.get("kind") or device["name"])
    if device.get("total_bytes"):
        free = device.get("free_bytes") or 0
        text += tr(", {gib} free of {gib2}").format(
            gib=_gib(free), gib2=_gib(device["total_bytes"])
        )
    return text


def status_text(report: Mapping[str, Any], speed: Speed | None) -> str:
    """Device, memory and speed in one line."""
    devices = report.get("devices") or ()
    if not devices:
        return tr("The engine has not started yet")
    first = devices[0]
    name = {"cpu": "CPU", "mps": tr("Apple GPU")}.get(
        str(first["name"]), str(first.get("kind") or first["name"])
    )
    parts = [name]
    if first.get("engine_bytes"):
        parts.append(tr("{gib} in use").format(gib=_gib(first["engine_bytes"])))
    if speed is not None:
        parts.append(speed.text)
    return " · ".join(parts)


def diagnostics_text(
    rows: Sequence[tuple[str, str]], logs: Sequence[Path], project: str = ""
) -> str:
    """Everything a report of a fault needs, as one text; holds no picture and no annotation.

    Args:
        rows: From :func:`machine_rows`.
        logs: Log files, newest first; the end of each of the first two is taken in.
        project: Facts of what is open, in one line.
    """
    lines = [tr("IFC Studio diagnostics"), ""]
    lines += [f"{name}: {value}" for name, value in rows]
    lines += [
        "",
        tr("Executable: {executable}").format(executable=sys.executable),
        tr("Settings: {config_dir}").format(config_dir=config_dir()),
    ]
    lines += [
        tr("Data: {data_dir}").format(data_dir=data_dir()),
        tr("Logs: {log_dir}").format(log_dir=log_dir()),
    ]
    if project:
        lines.append(tr("Open: {project}").format(project=project))
    for path in logs[:2]:
        lines += ["", f"--- {path.name}", *log_tail(path)]
    return "\n".join(lines) + "\n"


def log_files() -> list[Path]:
    """The log files, newest first."""
    try:
        found = list(log_dir().glob("*.log"))
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return []


def log_tail(path: Path, lines: int = _TAIL_LINES) -> list[str]:
    """The last lines of a log file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError as error:
        return [tr("(cannot be read: {strerror})").format(strerror=error.strerror)]


def _gib(count: float) -> str:
    return tr("{value:.1f} GiB").format(value=count / 2**30)
