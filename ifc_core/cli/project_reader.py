"""Projects that a command reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ifc_core.errors import OlderProjectError

if TYPE_CHECKING:
    from ifc_core.annotation import ProjectReader


def open_reader(folder: Path, *, lasts: bool = False) -> ProjectReader:
    """Open a project for reading; one of an earlier version is brought up to date before.

    Args:
        folder: The project.
        lasts: The work takes long, and a window that has the project open goes on meanwhile.

    Raises:
        ProjectError: There is no project, it is damaged, of a later version, or of an earlier one
            and cannot be written.
        ProjectLockedError: It is of an earlier version, and another process writes to it.
    """
    from ifc_core.annotation import Project, ReaderView, view_project

    view = ReaderView.COPY if lasts else ReaderView.SNAPSHOT
    try:
        return view_project(folder, view)
    except OlderProjectError:
        Project.open(folder, if_locked="error").close()
        return view_project(folder, view)
