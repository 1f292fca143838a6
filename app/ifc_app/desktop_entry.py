"""The entry in the applications menu of Linux desktops (freedesktop.org)."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import ifc_resources
from ifc_core.errors import InputError
from ifc_core.io.atomic import atomic_output

_ENTRY = """[Desktop Entry]
Type=Application
Name=IFC Studio
GenericName=Video annotation
Comment=Annotate video with a model's help
Exec={command} %f
Icon=ifc-studio
Terminal=false
Categories=Graphics;Science;Video;
MimeType=video/mp4;video/quicktime;video/x-matroska;video/webm;video/x-msvideo;
StartupWMClass=ifc-studio
"""


def install_desktop_entry() -> tuple[Path, Path]:
    """Write the menu entry and the icon for the present user.

    Returns:
        The paths of the entry and of the icon.

    Raises:
        InputError: This is not Linux.
        OutputError: A file cannot be written.
    """
    if not sys.platform.startswith("linux"):
        raise InputError(
            "Desktop entries exist on Linux only; start the program with `ifc-studio`."
        )
    data_home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    entry = data_home / "applications" / "ifc-studio.desktop"
    icon = data_home / "icons" / "hicolor" / "scalable" / "apps" / "ifc-studio.svg"
    for target in (entry, icon):
        target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(icon) as temporary:
        shutil.copyfile(ifc_resources.path("icons/ifc-studio.svg"), temporary)
    with atomic_output(entry) as temporary:
        temporary.write_text(_ENTRY.format(command=_command()), encoding="utf-8")
    return entry, icon


def _command() -> str:
    """The line that starts this installation, quoted as the specification asks."""
    script = Path(sys.executable).with_name("ifc-studio")
    words = [str(script)] if script.exists() else [sys.executable, "-m", "ifc_app"]
    return " ".join(_quote(word) for word in words)


def _quote(word: str) -> str:
    for character in ("\\", '"', "`", "$"):
        word = word.replace(character, "\\" + character)
    return '"' + word.replace("%", "%%") + '"'
