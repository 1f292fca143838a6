"""The dock widget that napari makes from the plugins menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_ifc.contributions import studio_for

if TYPE_CHECKING:
    import napari


class StudioDock(QWidget):
    """The studio's side panel; napari docks it. Closing it closes the studio.

    Args:
        napari_viewer: The viewer; napari passes it by this name.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.studio = studio_for(napari_viewer, dock_panel=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.studio.panel)
        self.studio.window.end_with(self)
