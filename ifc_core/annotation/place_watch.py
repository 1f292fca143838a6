"""Whether the files that a writer holds open are still those of the project.

An open file can be written after it, or its folder, was deleted, moved or replaced by a program
that keeps folders in step: the writes go well, and go nowhere.
"""

from __future__ import annotations

from pathlib import Path

from ifc_core.annotation.connection import DATABASE_NAME
from ifc_core.annotation.locking import LOCK_NAME
from ifc_core.errors import ProjectError

_NAMES = (DATABASE_NAME, f"{DATABASE_NAME}-wal", LOCK_NAME)


class PlaceWatch:
    """Remembers which files a project has while its writer has them open.

    Args:
        folder: The project folder, whose database is open by now.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = {folder / name: _identity(folder / name) for name in _NAMES}
        self._known = {path: identity for path, identity in found.items() if identity}

    def check(self) -> None:
        """Make sure that what is written next is found at the place of the project.

        Raises:
            ProjectError: It would not be.
        """
        for path, known in self._known.items():
            if _identity(path) != known:
                raise ProjectError(self._sentence(path), path=self._folder)

    def _sentence(self, path: Path) -> str:
        name = self._folder.name
        if not (self._folder / DATABASE_NAME).exists():
            return (
                f"{name} is not where it was opened any more, so nothing was changed; put it back, "
                "or open it where it is now."
            )
        return (
            f"{path.name} of {name} was deleted or replaced while the project was open, so nothing "
            "was changed; close the project and open it again."
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file lies at a place; ``None`` where there is none, or its disk is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
