"""Which videos of the open project are not found, looked for beside the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ifc_core.jobs import JobCancelled
from napari_ifc.controllers.videos import absent_videos
from napari_ifc.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

    from napari_ifc.studio import Studio


class AbsentVideos:
    """Knows which videos are not found; asks in a thread of its own.

    Args:
        studio: Whose project.
        on_known: Called when other ones are missing than before.

    Attributes:
        ids: Videos that are known not to be found.
    """

    def __init__(self, studio: Studio, on_known: Callable[[], None]) -> None:
        self.ids: frozenset[int] = frozenset()
        self._on_known = on_known
        self._worker = Worker(studio.deliver, "places")
        self._generation = 0

    def look(self, folder: Path) -> None:
        """Look for the videos of a project; what was asked before is not waited for."""
        self._generation += 1
        number, context = self._generation, self._worker.context

        def take(found: tuple[frozenset[int], frozenset[int]]) -> None:
            if number == self._generation:
                absent, unclear = found
                self._know(absent | (self.ids & unclear))

        def work() -> tuple[frozenset[int], frozenset[int]]:
            if number != self._generation:
                raise JobCancelled
            return absent_videos(folder, context)

        self._worker.submit(work, take, lambda error: None)

    def add(self, video_id: int) -> None:
        """Take in that one was looked for otherwise and is not found."""
        self._know(self.ids | {video_id})

    def forget(self) -> None:
        """Another project, or none."""
        self._generation += 1
        self.ids = frozenset()

    def close(self) -> None:
        """Stop looking."""
        self._generation += 1
        self._worker.close()

    def _know(self, ids: frozenset[int]) -> None:
        if ids != self.ids:
            self.ids = ids
            self._on_known()
