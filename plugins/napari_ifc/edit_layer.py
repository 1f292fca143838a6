"""The mask under the brush: a binary Labels layer, its tools, and strokes that end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.interactions import mouse_release_callbacks

from napari_ifc.gestures import POINTER_TOOLS, Gesture, held_keys
from napari_ifc.picture_place import PLAIN, PicturePlace
from napari_ifc.soon import soon
from napari_ifc.steady_place import hold_place, keep_place

EDIT = "Edit"
SMART_ERASE = "smart_erase"
_MODES = {SMART_ERASE: "erase", **dict.fromkeys(POINTER_TOOLS, "pan_zoom")}
_FAINT = 0.35  # of the opacity, where stripes are to be seen through it
_WORDS = {
    "paint": "Paint",
    "erase": "Erase",
    SMART_ERASE: "Smart erase",
    "polygon": "Polygon",
    "fill": "Fill",
}
_STROKES = frozenset(_WORDS) - {"polygon"}
"""Tools of one drag, which Escape calls off; it takes all corners of a polygon."""


class EditLayer:
    """The mask of the selected track on the current frame, as napari draws into it.

    Args:
        size: (height, width) of the video.
        opacity: Of the mask.
        on_drawn: Called with the edited mask (H, W) uint8, the tool's word and what the mask
            was shown as the aim of, once a stroke has ended.
        on_mode: Called when the drawing tool or the brush size changed.
        on_gesture: Called with a :class:`Gesture` while a pointer tool is dragged and once it
            is released.
        on_late: Called once a stroke is over and stored before which another mask came.
        on_rest: Called then, whether one came or not.
        place: Where the video lies.

    Attributes:
        layer: The layer; made anew with :meth:`renew`.
        mode: The tool: one of :data:`POINTER_TOOLS`, ``smart_erase`` or napari's name of a mode.
        is_drawing: Whether a stroke is going on.
        brush_size: Diameter of the brush in pixels of the video.
    """

    def __init__(
        self,
        size: tuple[int, int],
        opacity: float,
        *,
        on_drawn: Callable[[npt.NDArray[np.uint8], str, Hashable], None],
        on_mode: Callable[[], None],
        on_gesture: Callable[[Gesture], None],
        on_late: Callable[[], None],
        on_rest: Callable[[], None],
        place: PicturePlace = PLAIN,
    ) -> None:
        self._size = size
        self._place = place
        self._opacity = opacity
        self._on_drawn = on_drawn
        self._on_mode = on_mode
        self._on_gesture = on_gesture
        self._on_late = on_late
        self._on_rest = on_rest
        self.mode = "pan_zoom"
        self.is_drawing = False
        self.brush_size = max(4, min(size) // 24)
        self._color: tuple[float, ...] | None = None
        self._pending = ""
        self._aim: Hashable = None
        self._busy = False
        self._choosing = False
        self._is_due = False
        self._is_blank = True
        self._held: dict[str, Callable[[], None]] = {}
        self._before: npt.NDArray[np.uint8] | None = None  # the stroke that is being drawn
        self._commit_timer = soon(self.flush)
        self._rest_timer = soon(self._rest)
        self.layer = self._make()

    def renew(self) -> Labels:
        """Make the layer anew, after a person deleted it; tool and held keys stay."""
        self.end_stroke()
        mode, editable = self.mode, self.layer.editable
        self.layer = self._make()
        self.layer.editable = editable
        self.set_mode(mode)
        self.hold_keys(self._held)
        return self.layer

    def close(self) -> None:
        """Hand over what was drawn, and stop."""
        self.end_stroke()
        self._rest_timer.stop()
        self._is_due = False

    def _make(self) -> Labels:
        layer = Labels(
            np.zeros(self._size, np.uint8),
            name=EDIT,
            opacity=self._opacity,
            blending="translucent_no_depth",
            metadata={"ifc": EDIT},
        )
        keep_place(layer)
        hold_place(layer, self._place)
        self._color = None
        self._is_blank = True
        layer.selected_label = 1
        layer.brush_size = self.brush_size
        layer.events.paint.connect(self._on_paint)
        layer.events.mode.connect(self._on_edit_mode)
        layer.events.brush_size.connect(self._on_brush_size)
        layer.mouse_drag_callbacks.insert(0, self._on_drag)
        layer.events.selected_label.connect(self._on_selected_label)
        return layer

    # What is shown

    def show(
        self,
        mask: npt.NDArray[np.uint8] | None,
        color_rgb: tuple[int, int, int],
        aim: Hashable = None,
        *,
        faint: bool = False,
    ) -> None:
        """Put a mask under the brush.

        Args:
            mask: (H, W) uint8, 1 inside; ``None`` for an empty one.
            color_rgb: Its colour.
            faint: Whether what is drawn below it, such as stripes, is to be seen through it.
            aim: Whose mask it is: where strokes on it go, whatever is selected by their end.
        """
        if self.has_stroke:  # one that is not stored is not painted over
            self._is_due = True
            if not self.is_drawing:
                self._rest_timer.start()
            return
        self._busy = True
        self._aim = aim
        color = (*color_rgb, _FAINT if faint else 1.0)
        if color != self._color:  # a new colour map redraws much of napari
            self._color = color
            rgba = (*(c / 255 for c in color_rgb), color[3])
            self.layer.colormap = DirectLabelColormap(
                color_dict={None: (0, 0, 0, 0), 0: (0, 0, 0, 0), 1: rgba}
            )
        self._fill(mask)
        self._busy = False

    def _fill(self, mask: npt.NDArray[np.uint8] | None) -> None:
        if mask is None:
            if self._is_blank:
                return
            self.layer.data.fill(0)
        elif np.array_equal(self.layer.data, mask):
            return
        else:
            np.copyto(self.layer.data, mask)
        self._is_blank = mask is None
        self.layer.refresh(extent=False, thumbnail=False, highlight=False)

    def mask(self) -> npt.NDArray[np.uint8]:
        """The mask as it is now, (H, W) uint8."""
        return np.asarray(self.layer.data)

    def set_opacity(self, opacity: float) -> None:
        """Show it more or less strongly."""
        self._opacity = self.layer.opacity = opacity

    # Tools

    def set_mode(self, mode: str) -> None:
        """Choose the tool; see :attr:`mode`."""
        self._choosing = True
        if mode != "pan_zoom":
            self.layer.visible = True  # napari draws nothing on a layer that its eye hides
        self.layer.mode = _MODES.get(mode, mode)
        self._choosing = False
        self.layer.mouse_pan = mode == "pan_zoom"
        self.layer.cursor = "cross" if mode in POINTER_TOOLS else self.layer.cursor
        self._take_mode(mode)

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid drawing."""
        if not editable:
            self.set_mode("pan_zoom")
        self.layer.editable = editable

    def hold_keys(self, keys: dict[str, Callable[[], None]]) -> None:
        """Bind keys for a while, in place of those that were held before."""
        for key in self._held:
            self.layer.bind_key(key, None, overwrite=True)
        for key, callback in keys.items():
            self.layer.bind_key(key, lambda _, call=callback: call(), overwrite=True)
        self._held = dict(keys)

    # Strokes

    @property
    def has_stroke(self) -> bool:
        """Whether a stroke goes on or is not handed over yet."""
        return self.is_drawing or bool(self._pending)

    def flush(self) -> None:
        """Hand over a stroke that has ended but was not handed over yet."""
        self._commit_timer.stop()
        if self._pending:
            word, self._pending = self._pending, ""
            self._rest_timer.start()
            self._on_drawn(np.array(self.layer.data, copy=True), word, self._aim)

    def end_stroke(self) -> None:
        """Hand over what was drawn so far; until the button is pressed again nothing is."""
        if self.is_drawing:
            mouse_release_callbacks(self.layer, SimpleNamespace(type="mouse_release"))
            self.is_drawing = False
            self._rest_timer.start()
        self.flush()

    def drop_stroke(self) -> None:
        """Take back what is being drawn; until the button is pressed again nothing is."""
        before = self._before
        if before is not None:
            mouse_release_callbacks(self.layer, SimpleNamespace(type="mouse_release"))
            self._commit_timer.stop()
            self._pending = ""
            self._fill(before)

    def _keep_before(self, before: npt.NDArray[np.uint8] | None) -> None:
        """Have Escape mean the stroke for as long as there is one."""
        self._before = before
        callback: Callable[[Any], None] = lambda _: self.drop_stroke()  # noqa: E731
        self.layer.bind_key("Escape", None if before is None else callback, overwrite=True)
        if before is None:
            self.hold_keys(self._held)

    def _rest(self) -> None:
        """A stroke is over: what came meanwhile can be shown, unless the next one goes on."""
        self.flush()
        if not self.is_drawing:
            due, self._is_due = self._is_due, False
            if due:
                self._on_late()
            self._on_rest()

    def _on_paint(self, event: Any = None) -> None:
        # napari tells of polygons before it writes them, so look after the event is over.
        if not self._busy:
            self._is_blank = False
            self._pending = _WORDS.get(self.mode, "Paint")
            self._commit_timer.start()

    def _on_edit_mode(self, event: Any = None) -> None:
        if not self._choosing:
            self.layer.mouse_pan = str(self.layer.mode) == "pan_zoom"
            self._take_mode(str(self.layer.mode))

    def _on_brush_size(self, event: Any = None) -> None:
        self.brush_size = int(self.layer.brush_size)
        self._on_mode()

    def _take_mode(self, mode: str) -> None:
        self.mode = mode
        self._on_mode()

    def _on_selected_label(self, event: Any = None) -> None:
        # The layer is binary: 1 draws, 0 erases; other numbers have no meaning here.
        if self.layer.selected_label not in (0, 1):
            self.layer.selected_label = 1

    def _on_drag(self, layer: Any, event: Any) -> Iterator[None]:
        """Runs along with every drag on the layer, napari's own drawing included."""
        self.flush()  # the stroke before: this one may go on with the track that it began
        tool = self.mode
        self.is_drawing = tool in _WORDS
        if tool in _STROKES:
            self._keep_before(np.array(self.layer.data, copy=True))
        trail: list[tuple[tuple[float, float], tuple[float, float]]] = []
        self._point(tool, event, trail, finished=False)
        yield
        while event.type == "mouse_move":
            self._point(tool, event, trail, finished=False)
            yield
        self.is_drawing = False
        if tool in _STROKES:
            self._keep_before(None)
        self._point(tool, event, trail, finished=True)
        if tool in _WORDS:  # napari's part of the stroke ends after this one
            self._rest_timer.start()

    def _point(
        self,
        tool: str,
        event: Any,
        trail: list[tuple[tuple[float, float], tuple[float, float]]],
        *,
        finished: bool,
    ) -> None:
        if tool not in POINTER_TOOLS:
            return
        row, column = (v + 0.5 for v in self._place.row_column(event.position))
        at = (float(event.pos[0]), float(event.pos[1]))
        if not finished or not trail:
            trail.append(((column, row), at))
        points, positions = zip(*trail, strict=True)
        self._on_gesture(Gesture(tool, points, positions, finished, held_keys(event)))
