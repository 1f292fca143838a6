"""Opening the desktop program, and its entry in the applications menu."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from ifc_core.errors import InputError, OutputError

INSTALL_LINE = 'pip install ".[app]"'
LIBRARIES_LINE = (
    "sudo apt-get install libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-keysyms1 libxcb-shape0 libxcb-xinerama0 libdbus-1-3 libfontconfig1"
)
COMMAND_GROUP = "ifc_studio.commands"
_WINDOW_PACKAGES = {"PySide6", "napari", "napari_ifc", "ifc_app", "pyqtgraph", "qtpy", "superqt"}

_ENTRY = """[Desktop Entry]
Type=Application
Name=IFC Studio
GenericName=Video annotation
Comment=Annotate video with a model's help
Exec={command} %f
Icon=ifc-studio
Terminal=false
Categories=Science;Video;Graphics;
MimeType=video/mp4;video/quicktime;video/x-matroska;video/x-msvideo;video/webm;image/tiff;
StartupWMClass=ifc-studio
"""


def open_desktop(path: str | None) -> int:
    """Start the desktop program.

    The core knows nothing of windows: the program is found through the entry-point group
    ``ifc_studio.commands`` under the name ``desktop``.

    Args:
        path: What to open, or ``None`` for the start screen.

    Returns:
        The exit status of the window.

    Raises:
        InputError: Qt or napari is not installed, or lacks a library of the system.
    """
    entries = list(metadata.entry_points(group=COMMAND_GROUP, name="desktop"))
    sentence = f"The desktop program is not installed; run: {INSTALL_LINE}"
    if not entries:
        raise InputError(sentence)
    try:
        launch = entries[0].load()
        return int(launch(path))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in _WINDOW_PACKAGES:
            raise InputError(sentence) from error
        raise
    except ImportError as error:
        if ".so" in str(error):  # a library of the system that Qt needs
            raise InputError(
                f"The window cannot start ({error}); on Debian or Ubuntu run: {LIBRARIES_LINE}"
            ) from error
        raise


def install_desktop_entry() -> Path:
    """Write the entry for the applications menu of a Linux desktop.

    Returns:
        The ``.desktop`` file.

    Raises:
        InputError: This is not Linux.
        OutputError: The file cannot be written.
    """
    if not sys.platform.startswith("linux"):
        raise InputError("A desktop entry can only be installed on Linux.")
    root = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    target = root / "applications" / "ifc-studio.desktop"
    beside = Path(sys.executable).with_name("ifc-studio")
    command = str(beside) if beside.exists() else (shutil.which("ifc-studio") or "ifc-studio")
    try:
        _install_icon(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        partial.write_text(_ENTRY.format(command=_quoted(command)), encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}.", path=target) from error
    return target


def _quoted(command: str) -> str:
    """Quote a path for an ``Exec`` line."""
    escaped = "".join("\\" + c if c in '"`$\\' else c for c in command)
    return f'"{escaped.replace("%", "%%")}"'


def _install_icon(root: Path) -> None:
    """Copy the bundled icon into the user's icon theme."""
    from importlib.resources import files

    icons = files("ifc_resources") / "icons"
    for name, folder in (("ifc-studio.svg", "scalable"), ("ifc-studio.png", "256x256")):
        source = icons / name
        if source.is_file():
            target = root / "icons" / "hicolor" / folder / "apps" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
