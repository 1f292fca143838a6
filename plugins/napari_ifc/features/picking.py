"""A click on a mask selects its track."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from napari_ifc.controllers.picking import picked, with_picked
from napari_ifc.feature import Feature
from napari_ifc.features.attention import PAGE as ATTENTION
from napari_ifc.gestures import held_keys

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

_CLICK_PX = 4.0  # a shorter drag, in pixels of the canvas, is a click
_ADD_KEYS = frozenset({"Shift", "Control"})


class Picking(Feature):
    """With the tool that moves and zooms, a click selects; with Shift or Ctrl it adds."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        studio.viewer.mouse_drag_callbacks.append(self._on_press)

    def close(self) -> None:
        """Listen to no more clicks."""
        callbacks = self.studio.viewer.mouse_drag_callbacks
        if self._on_press in callbacks:
            callbacks.remove(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        if not self._is_meant():
            return
        start = tuple(float(v) for v in event.pos)
        adding = bool(held_keys(event) & _ADD_KEYS)
        yield
        far = 0.0
        while event.type == "mouse_move":
            far = max(far, math.dist(start, event.pos))
            yield
        if far < _CLICK_PX and self._is_meant():
            at = self.studio.layers.place.row_column(event.position)
            y, x = (math.floor(v + 0.5) for v in at)
            self.pick(x, y, adding=adding)

    def _is_meant(self) -> bool:
        """Whether a click is not somebody else's: a tool's, a region's, attention's, napari's."""
        studio = self.studio
        if studio.workspace is None or studio.layers.is_waiting:
            return False
        active = studio.viewer.layers.selection.active
        return (
            studio.layers.mode == "pan_zoom"
            and studio.panel.current_page != ATTENTION
            and active in studio.layers.layers
            and studio.viewer.dims.ndisplay == 2
        )

    def pick(self, x: int, y: int, *, adding: bool = False) -> None:
        """Select the track under a pixel.

        Args:
            x: Column of the pixel.
            y: Row of the pixel.
            adding: Whether other tracks stay selected.
        """
        workspace = self.workspace
        editor = workspace.editor
        height, width = self.studio.layers.size
        if not (0 <= x < width and 0 <= y < height):
            return
        entry = workspace.session.entry
        stored = workspace.session.project.masks_at(entry.id, editor.frame_index)
        records = [r for r in stored if workspace.look.shows(r.track_id, editor.selected)]
        track_id = picked(records, x, y, () if adding else editor.selected)
        chosen = with_picked(editor.selected, track_id, adding=adding)
        if chosen != editor.selected:
            self.studio.select(chosen)
