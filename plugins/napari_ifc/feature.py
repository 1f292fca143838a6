"""What a part of the studio is: a module of its own that hangs itself into a studio.

The list of all parts stands in :mod:`napari_ifc.features`; adding one there is all that is
needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_ifc.language import tr
from napari_ifc.soon import soon

if TYPE_CHECKING:
    from qtpy.QtCore import QTimer

    from ifc_core.annotation import EditResult
    from napari_ifc.actions import Action
    from napari_ifc.controllers.editing import Aim, EditController
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

NOTHING_OPEN = tr("Open a video first.")


class Feature:
    """One part of a studio. Override what is of interest; everything runs in the GUI thread.

    A feature is made once for each studio, in the order of the list. In ``__init__`` the panel,
    the timeline, the layers, the engine and the presenter exist, so that pages can be added and
    signals connected; the actions of the other features and the docks do not exist yet.

    Args:
        studio: The studio. Features use its public names only.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def actions(self) -> Iterable[Action]:
        """What it adds to the one table behind menus, keys and palette; asked once."""
        return ()

    def started(self) -> None:
        """The studio is complete: all actions and docks are there, nothing is open."""

    def opened(self, workspace: Workspace) -> None:
        """A video is shown now; before the studio's ``opened`` signal."""

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """What is open is put down, while its files can still be used.

        Args:
            workspace: What is open.
            keep_project: Another video of the same project follows.
        """

    def refresh(self) -> None:
        """Show anew what depends on tracks, runs and the journal; comes often, so be fast."""

    def actions_changed(self) -> None:
        """Some action may have become possible or impossible."""

    def project_changed(self, result: EditResult) -> None:
        """An edit was made, undone or done again."""

    def frame_changed(self, frame_index: int) -> None:
        """Another frame is shown."""

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """Other tracks are selected, the current one first."""

    def tool_changed(self) -> None:
        """The drawing tool or the brush changed."""

    def drawn(self, mask: npt.NDArray[np.uint8], tool: str, aim: Aim | None) -> None:
        """A stroke has ended: its mask (H, W), the tool's word, whose mask it is."""

    def busy(self) -> str:
        """What of it goes on and would stop if the window closed, in a few words; or empty."""
        return ""

    def close(self) -> None:
        """The studio ends: stop what runs. Nothing is open any more."""

    # Helps

    def soon(self, callback: Callable[[], None], interval_ms: int = 0) -> QTimer:
        """A timer that calls once, and no more once the studio has ended."""
        return soon(callback, interval_ms, self.studio)

    @property
    def workspace(self) -> Workspace:
        """What is open; only for actions that ``why_not`` guards."""
        workspace = self.studio.workspace
        assert workspace is not None  # noqa: S101 - why_not was asked before
        return workspace

    def editor_reason(self, ask: Callable[[EditController], str]) -> Callable[[], str]:
        """A ``why_not`` that asks the editor, where something is open."""

        def reason() -> str:
            workspace = self.studio.workspace
            return NOTHING_OPEN if workspace is None else ask(workspace.editor)

        return reason

    def edit(self, change: Callable[[EditController], Any]) -> Callable[[], Any]:
        """A callback that changes something through the editor."""
        return lambda: change(self.workspace.editor)
