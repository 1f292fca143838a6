"""The studio: project, engine, layers and panels wired together for one napari viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_ifc.actions import ActionTable
from napari_ifc.settings import StudioSettings

if TYPE_CHECKING:
    import napari
    from qtpy.QtWidgets import QDockWidget

    from ifc_core.engine.client import EngineClient
    from ifc_core.inference.settings import ProposeSettings


class Studio(QObject):
    """One studio for one viewer. GUI thread only.

    Args:
        viewer: The napari viewer whose window gets the panels.
        engine_factory: Makes the client of the engine process when it is first needed;
            replaced in tests.
        settings: What the person has set.

    Attributes:
        docks: Dock widgets by name: ``"studio"``, ``"tracks"``, ``"history"``, ``"timeline"``.
        actions: Everything a person can do, as a searchable table.
        opened: Emitted with the :class:`ifc_core.structures.Video` that is now shown.
        project_closed: Emitted after a project was closed.
        run_changed: Emitted with the state of the propose run, a
            ``napari_ifc.controllers.propose.RunState``.
        run_finished: Emitted once a run ended: ``"succeeded"``, ``"failed"`` or ``"cancelled"``.
        project_changed: Emitted after each edit, undo and redo.
        failed: Emitted with one sentence for each error that is shown.
    """

    opened = Signal(object)
    project_closed = Signal()
    run_changed = Signal(object)
    run_finished = Signal(str)
    project_changed = Signal()
    failed = Signal(str)

    def __init__(
        self,
        viewer: napari.Viewer,
        *,
        engine_factory: Callable[[], EngineClient] | None = None,
        settings: StudioSettings | None = None,
    ) -> None:
        super().__init__()
        self.viewer = viewer
        self.settings = settings or StudioSettings()
        self.actions = ActionTable(on_refused=self.failed.emit)
        self.docks: dict[str, QDockWidget] = {}

    def open_path(self, path: str | Path) -> bool:
        """Open a video file, a frame folder, a ``*.ifcproj`` project or a YTVIS file.

        What was open before is closed first (everything in it is already saved).

        Returns:
            Whether it was opened. If not, the sentence was shown and ``failed`` emitted.
        """
        raise NotImplementedError

    def propose(self, settings: ProposeSettings | None = None) -> bool:
        """Start proposing tracks for the open video; returns at once.

        Args:
            settings: How; the panel's settings if ``None``.

        Returns:
            Whether a run was started; ``run_finished`` tells its end.
        """
        raise NotImplementedError

    def export_ytvis(self, path: str | Path) -> Any:
        """Write the open project as a YTVIS file.

        Returns:
            The report: what was written and what was left out.

        Raises:
            ifc_core.errors.IFCError: The file cannot be written.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Stop the run, the engine process and every thread, and close the project.

        Safe to call twice; called when the viewer's window closes.
        """
        raise NotImplementedError
