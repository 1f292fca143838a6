"""Projects that a command reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ifc_core.errors import OlderProjectError

if TYPE_CHECKING:
    from ifc_core.annotation import ProjectReader


def open_reader(folder: Path) -> ProjectReader:
    """Open a project for reading; one of an earlier version is brought up to date before.

    Raises:
        ProjectError: There is no project, it is damaged, of a later version, or of an earlier one
            and cannot be written.
        ProjectLockedError: It is of an earlier version, and another process writes to it.
    """
    from ifc_core.annotation import Project, ProjectReader

    try:
        return ProjectReader.open(folder)
    except OlderProjectError:
        Project.open(folder, if_locked="error").close()
        return ProjectReader.open(folder)
