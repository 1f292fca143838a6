"""A polygon while its corners are clicked: taken back corner by corner, finished by Enter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_ifc.edit_layer import EDIT
from napari_ifc.feature import Feature
from napari_ifc.features.editing import Editing
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

_TOOL = "polygon"
_FEWEST_CORNERS = 3
_TAKE_BACK = {
    "edit.undo": tr("Undo the last corner"),
    "track.clear": tr("Remove the last corner"),
}
"""What Ctrl+Z and Backspace mean otherwise, and as what menus and buttons then name it."""


class Polygon(Feature):
    """Keys of a polygon that is being drawn, which napari keeps to itself until it is finished."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._layer: Any = None
        self._frame_index = 0
        self._is_begun = False

    def started(self) -> None:
        """While there are corners, taking back means the last one, and is named so."""
        for action_id, text in _TAKE_BACK.items():
            self.studio.actions.lead_elsewhere(
                action_id, self.take_corner, lambda text=text: text if self._is_begun else ""
            )

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """What was begun goes with its layer."""
        self._watch(None)

    @property
    def corners(self) -> list[Any]:
        """The corners so far; the pointer's own place, which napari keeps behind them, is none."""
        return [] if self._layer is None else list(self._overlay.points[:-1])

    @property
    def _overlay(self) -> Any:
        return self._layer._overlays["polygon"]  # napari has no public name for it

    def tool_changed(self) -> None:
        """Look after the layer under the tool; another tool ends what was begun."""
        if self.studio.layers.mode == _TOOL:
            layers = self.studio.layers.layers
            self._watch(next((x for x in layers if x.metadata.get("ifc") == EDIT), None))
        else:
            self._drop(tr("The polygon was dropped with its tool; Enter finishes it first."))

    def frame_changed(self, frame_index: int) -> None:
        """A polygon belongs to the frame on which it was begun."""
        if frame_index != self._frame_index:
            self._drop(tr("The polygon was dropped with its frame; Enter finishes it first."))

    def take_corner(self) -> bool:
        """Take the last corner back.

        Returns:
            Whether there was one.
        """
        corners = self.corners
        if corners:
            pointer = self._overlay.points[-1]
            self._overlay.points = [*corners[:-1], pointer] if len(corners) > 1 else []
        return bool(corners)

    def finish(self) -> None:
        """Fill the polygon, without a corner where the pointer is."""
        corners = self.corners
        if len(corners) < _FEWEST_CORNERS:
            self.studio.inform(tr("A polygon has three corners at least."))
            return
        self._overlay.points = corners
        self._overlay.add_polygon_to_labels(self._layer)

    def _watch(self, layer: Any) -> None:
        if layer is not self._layer:
            self._layer = layer
            self._begin(begun=False)
            if layer is not None:
                self._overlay.events.points.connect(self._on_points)

    def _on_points(self, event: Any = None) -> None:
        """The first corner takes the keys, the last one gives them back."""
        begun = bool(self.corners)
        if begun == self._is_begun:
            return
        self._begin(begun=begun)
        self._frame_index = self.studio.layers.frame_index
        finish: Callable[[Any], None] = lambda layer: self.finish()  # noqa: E731
        self._layer.bind_key("Enter", finish if begun else None, overwrite=True)

    def _begin(self, *, begun: bool) -> None:
        """Name at the buttons, too, what taking back means from now on."""
        if begun != self._is_begun:
            self._is_begun = begun
            self.studio.feature(Editing).tool_changed()

    def _drop(self, words: str) -> None:
        if self.corners:
            self._overlay.points = []
            self.studio.inform(words)
