"""Starting the desktop program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ifc_app.display import has_display


def prepare_environment() -> None:
    """Choose the Qt binding and give napari a settings file of our own.

    Must run before anything imports qtpy or napari.
    """
    from ifc_core.config import data_dir

    os.environ.setdefault("QT_API", "pyside6")
    # The program's window layout must not change that of a person's ordinary napari.
    os.environ.setdefault("NAPARI_CONFIG", str(data_dir() / "napari-settings.yaml"))


def launch(path: str | None = None, *, sample: bool = False) -> int:
    """Open the desktop program; without a display, do the sample job headless.

    Args:
        path: A video, frame folder, project or YTVIS file to open.
        sample: Open the bundled clip if no path is given.

    Returns:
        The exit code.
    """
    prepare_environment()
    if not has_display():
        from ifc_app.headless import run_headless

        return run_headless(path, Path("out"))
    return _run_window(path, sample)


def _run_window(path: str | None, sample: bool) -> int:
    import napari
    from qtpy.QtWidgets import QApplication

    from ifc_app.window import DesktopWindow

    window = DesktopWindow()
    application = QApplication.instance()
    assert application is not None  # noqa: S101 - napari made it
    application.setApplicationName("ifc-studio")
    application.setApplicationDisplayName("IFC Studio")
    QApplication.setDesktopFileName("ifc-studio")
    window.show()
    if path is not None:
        window.begin_open(path)  # the start page shows how far it is, and can cancel it
    elif sample:
        window.open_sample()
    napari.run()
    window.studio.close()
    return 0


if __name__ == "__main__":
    sys.exit(launch())
