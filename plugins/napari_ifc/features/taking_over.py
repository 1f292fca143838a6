"""A project that another window holds: said once that one closes it, and edited here then."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from ifc_core.annotation.locking import is_locked
from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.features.imports import GROUP
from napari_ifc.language import tr
from napari_ifc.worker import Worker

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

_TAKE_OVER = "project.take_over"
_EVERY_MS = 3000


class TakingOver(Feature):
    """Looks now and then whether the lock of a project that is read-only here is free."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._worker = Worker(studio.deliver, "lock")
        self._timer = QTimer(studio)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self._ask)
        self._waits_for: Path | None = None  # the folder that somebody else holds
        self._is_asking = False

    def actions(self) -> Iterable[Action]:
        """What the message offers."""
        yield Action(
            _TAKE_OVER,
            tr("Edit this project here"),
            self._take_over,
            group=GROUP,
            why_not=self._why_not,
            tip=tr("Open the project again, which another window has closed."),
            text_now=lambda: "",  # it belongs to the message
        )

    def opened(self, workspace: Workspace) -> None:
        """Begin to look, where it is not ours to write."""
        self._waits_for = None
        if workspace.session.project.read_only:
            self._timer.start()
            self._ask()

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Look no more."""
        self._timer.stop()

    def close(self) -> None:
        """Stop the worker."""
        self._timer.stop()
        self._worker.close()

    def _ask(self) -> None:
        folder = self._folder()
        if folder is None or self._is_asking:
            return
        self._is_asking = True

        def work() -> bool | None:
            try:
                return is_locked(folder)
            except OSError:  # it is read-only for another reason
                return None

        def take(held: bool | None) -> None:
            self._is_asking = False
            if folder == self._folder():
                self._learn(folder, held)

        self._worker.submit(work, take, lambda error: take(None))

    def _learn(self, folder: Path, held: bool | None) -> None:
        if held:
            self._waits_for = folder
        waits = self._waits_for == folder
        if held or (held is None and waits):  # a share may be away for a moment
            return
        self._timer.stop()
        if not waits:
            return
        text = tr("The other window has closed {name}, so it can be edited here.")
        self.studio.panel.banner.show_message(
            text.format(name=folder.name), "info", tr("Edit it here"), _TAKE_OVER
        )

    def _folder(self) -> Path | None:
        """Of the project that is open and read-only."""
        project = self.studio.project
        return project.folder if project is not None and project.read_only else None

    def _why_not(self) -> str:
        if self._folder() is None:
            return tr("No project is open that is read-only here.")
        return ""

    def _take_over(self) -> None:
        folder = self._folder()
        if folder is not None:
            self.studio.begin_open(folder)
