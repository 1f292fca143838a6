"""The studio's layers. No other module changes ``viewer.layers``.

From below: the video, the read-only picture of all masks, a heat map while attention is
shown, and a binary Labels layer with the selected track's mask on the current frame. If a
person deletes or reorders them they are put back; in 3-D drawing rests. The project never
depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QTimer

from napari_ifc.gestures import POINTER_TOOLS, Gesture
from napari_ifc.lazy_video import LazyVideo
from napari_ifc.overlay import DrawnMask, OverlayPainter, OverlayStyle
from napari_ifc.views.heat_colors import heat_colormap

if TYPE_CHECKING:
    import napari

VIDEO, OVERLAY, HEAT, EDIT = "Video", "Tracks", "Attention", "Edit"
SMART_ERASE = "smart_erase"
_MODES = {SMART_ERASE: "erase", **dict.fromkeys(POINTER_TOOLS, "pan_zoom")}
_WORDS = {
    "paint": "Paint",
    "erase": "Erase",
    SMART_ERASE: "Smart erase",
    "polygon": "Polygon",
    "fill": "Fill",
}


class LayerStack:
    """The layers of one video in one viewer.

    Args:
        viewer: The viewer.
        style: How masks are drawn.
        on_frame: Called with the frame index when another frame is shown.
        on_drawn: Called with the edited mask (H, W) uint8 and the tool's word once a stroke
            has ended.
        on_mode: Called when the drawing tool or the brush size changed.
        on_told: Called with a sentence when layers were put back.

    Attributes:
        on_gesture: Called with a :class:`Gesture` while a pointer tool is dragged and once it
            is released.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        style: OverlayStyle,
        on_frame: Callable[[int], None],
        on_drawn: Callable[[npt.NDArray[np.uint8], str], None],
        on_mode: Callable[[], None],
        on_told: Callable[[str], None],
    ) -> None:
        self._viewer = viewer
        self.style = style
        self._on_frame = on_frame
        self._on_drawn = on_drawn
        self._on_mode = on_mode
        self._on_told = on_told
        self._video: Image | None = None
        self._heat: Image | None = None
        self._overlay: Image | None = None
        self._edit: Labels | None = None
        self._edit_color: tuple[int, int, int] | None = None
        self._source: LazyVideo | None = None
        self._size = (1, 1)
        self._painter = OverlayPainter((1, 1))
        self._pending = ""
        self._busy = False
        self._frame_index = 0
        self._mode = "pan_zoom"
        self._choosing = False
        self._drawing = False
        self._edit_is_due = False
        self._held: tuple[str, ...] = ()
        self.on_gesture: Callable[[Gesture], None] = lambda gesture: None
        self._brush_size = 10
        self._keys: dict[Any, Callable[[], None]] = {}
        self._commit_timer = self._timer(self.flush)
        self._repair_timer = self._timer(self._repair)
        self._late_timer = self._timer(self._edit_late)
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)
        viewer.layers.events.removed.connect(self._on_layers_changed)
        viewer.layers.events.reordered.connect(self._on_layers_changed)

    @staticmethod
    def _timer(callback: Callable[[], None]) -> QTimer:
        timer = QTimer()
        timer.setSingleShot(True)
        timer.setInterval(0)
        timer.timeout.connect(callback)
        return timer

    # Showing

    @property
    def is_shown(self) -> bool:
        """Whether a video is shown."""
        return self._source is not None

    @property
    def frame_index(self) -> int:
        """The frame that is shown."""
        return self._frame_index

    @property
    def mode(self) -> str:
        """The tool: one of :data:`POINTER_TOOLS`, ``smart_erase`` or napari's name of a mode."""
        return self._mode

    @property
    def is_drawing(self) -> bool:
        """Whether a stroke is going on."""
        return self._drawing

    @property
    def brush_size(self) -> int:
        """Diameter of the brush in pixels of the video."""
        return self._brush_size

    @property
    def layers(self) -> tuple[Any, ...]:
        """Our layers, from below."""
        return tuple(
            x for x in (self._video, self._overlay, self._heat, self._edit) if x is not None
        )

    def show_video(self, source: LazyVideo, name: str) -> None:
        """Show a video in place of what was shown."""
        self.clear()
        self._source = source
        self._name = name
        self._size = source.shape[1:3]
        self._painter = OverlayPainter(self._size)
        self._mode = "pan_zoom"
        self._brush_size = max(4, min(self._size) // 24)
        self._build()
        self._viewer.dims.axis_labels = ("t", "y", "x")
        self._viewer.dims.set_current_step(0, 0)
        self._viewer.reset_view()
        self._frame_index = 0

    def clear(self) -> None:
        """Take our layers away."""
        self.flush()
        for timer in (self._commit_timer, self._repair_timer, self._late_timer):
            timer.stop()
        present = [layer for layer in self.layers if layer in self._viewer.layers]
        if present:
            self._busy = True
            with self._viewer.layers.batched_update():  # napari cleans up once, not per layer
                for layer in present:
                    self._viewer.layers.remove(layer)
            self._busy = False
        self._video = self._overlay = self._heat = self._edit = self._source = None
        self._drawing = self._edit_is_due = False

    def close(self) -> None:
        """Take our layers away and stop listening."""
        self.clear()
        dims, layers = self._viewer.dims.events, self._viewer.layers.events
        dims.current_step.disconnect(self._on_step)
        dims.ndisplay.disconnect(self._on_ndisplay)
        layers.removed.disconnect(self._on_layers_changed)
        layers.reordered.disconnect(self._on_layers_changed)

    def go_to(self, frame_index: int) -> None:
        """Show a frame."""
        self._viewer.dims.set_current_step(0, frame_index)

    def draw(self, masks: Sequence[DrawnMask]) -> None:
        """Draw the masks of the current frame, lowest first."""
        if self._overlay is None:
            return
        self._painter.draw(masks, self.style)
        self._overlay.refresh(extent=False, thumbnail=False)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the video in pixels."""
        return self._size

    def add_extra(self, layer: Any, *, active: bool) -> None:
        """Put a layer of a feature above ours; the feature takes it away again."""
        self._busy = True
        self._viewer.layers.append(layer)
        self._viewer.layers.selection.active = layer if active else self._edit
        self._busy = False

    def drop_extra(self, layer: Any) -> None:
        """Take a layer of a feature away."""
        self._remove(layer)
        if self._edit is not None:
            self._viewer.layers.selection.active = self._edit

    def show_heat(self, values: npt.NDArray[np.float32] | None) -> None:
        """Lay a heat map over the current frame, or take it away.

        Args:
            values: (h, w) in 0 to 1, stretched over the frame; ``None`` for none.
        """
        if self._source is None:
            return
        before, self._heat = self._heat, None
        if before is not None and values is not None and before.data.shape == values.shape:
            self._heat = before
            before.data = values
        else:
            self._remove(before)
            self._heat = None if values is None else self._make_heat(values)
        if values is not None:
            self._build()

    def _remove(self, layer: Any) -> None:
        if layer is not None and layer in self._viewer.layers:
            self._busy = True
            self._viewer.layers.remove(layer)
            self._busy = False

    # Editing

    def edit(self, mask: npt.NDArray[np.uint8], color_rgb: tuple[int, int, int]) -> None:
        """Put a mask under the brush.

        Args:
            mask: (H, W) uint8, 1 inside; taken over.
            color_rgb: Its colour.
        """
        if self._edit is None:
            return
        if self._drawing:  # a stroke in progress is not to be painted over
            self._edit_is_due = True
            return
        self._busy = True
        if color_rgb != self._edit_color:  # a new colour map redraws much of napari
            self._edit_color = color_rgb
            rgba = (*(c / 255 for c in color_rgb), 1.0)
            self._edit.colormap = DirectLabelColormap(
                color_dict={None: (0, 0, 0, 0), 0: (0, 0, 0, 0), 1: rgba}
            )
        if not np.array_equal(self._edit.data, mask):
            np.copyto(self._edit.data, mask)
            self._edit.refresh(extent=False, thumbnail=False)
        self._busy = False

    def _edit_late(self) -> None:
        """Show what came during a stroke, unless the stroke itself brings something newer."""
        self.flush()
        due, self._edit_is_due = self._edit_is_due, False
        if due and not self._drawing:
            self._on_frame(self._frame_index)

    def edited_mask(self) -> npt.NDArray[np.uint8]:
        """The mask under the brush as it is now, (H, W) uint8."""
        if self._edit is None:
            return np.zeros(self._size, np.uint8)
        return np.asarray(self._edit.data)

    def set_mode(self, mode: str) -> None:
        """Choose the tool; see :attr:`mode`."""
        if self._edit is None:
            return
        if mode != "pan_zoom":
            self._viewer.layers.selection.active = self._edit
        self._choosing = True
        self._edit.mode = _MODES.get(mode, mode)
        self._choosing = False
        self._edit.mouse_pan = mode == "pan_zoom"
        self._edit.cursor = "cross" if mode in POINTER_TOOLS else self._edit.cursor
        self._take_mode(mode)

    def set_brush_size(self, size: int) -> None:
        """Set the diameter of the brush in pixels of the video."""
        if self._edit is not None:
            self._edit.brush_size = size

    def set_style(self, style: OverlayStyle) -> None:
        """Draw masks in another style from the next :meth:`draw` on."""
        self.style = style
        if self._edit is not None:
            self._edit.opacity = max(0.05, style.opacity)

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid drawing."""
        if self._edit is not None:
            if not editable:
                self.set_mode("pan_zoom")
            self._edit.editable = editable

    def flush(self) -> None:
        """Hand over a stroke that has ended but was not handed over yet."""
        self._commit_timer.stop()
        if self._pending and self._edit is not None:
            word, self._pending = self._pending, ""
            self._on_drawn(np.array(self._edit.data, copy=True), word)

    def bind_keys(self, keys: dict[Any, Callable[[], None]]) -> None:
        """Bind keys on our layers, in place of napari's own meaning."""
        gone = [key for key in self._keys if key not in keys]
        self._keys = dict(keys)
        for layer in self.layers:
            for key in gone:
                layer.bind_key(key, None, overwrite=True)
            self._bind(layer)

    def hold_keys(self, keys: dict[str, Callable[[], None]]) -> None:
        """Bind keys on the editing layer for a while, in place of those that were held before."""
        if self._edit is not None:
            for key in self._held:
                self._edit.bind_key(key, None, overwrite=True)
            for key, callback in keys.items():
                self._edit.bind_key(key, lambda _, call=callback: call(), overwrite=True)
        self._held = tuple(keys)

    # Building

    def _build(self) -> None:
        assert self._source is not None  # noqa: S101 - callers show a video first
        self._busy = True
        layers = self._viewer.layers
        if self._video is None or self._video not in layers:
            self._video = Image(self._source, rgb=True, name=self._name, metadata={"ifc": VIDEO})
            layers.append(self._video)
        if self._overlay is None or self._overlay not in layers:
            self._overlay = self._make_overlay()
            layers.append(self._overlay)
        if self._heat is not None and self._heat not in layers:
            layers.append(self._heat)
        if self._edit is None or self._edit not in layers:
            self._edit = self._make_edit()
            layers.append(self._edit)
        for place, layer in enumerate(self.layers):
            if layers.index(layer) != place:
                layers.move(layers.index(layer), place)
        for layer in self.layers:
            self._bind(layer)
        layers.selection.active = self._edit
        self._busy = False

    def _make_overlay(self) -> Image:
        step = 1 / self._painter.scale
        offset = (step - 1) / 2
        return Image(
            self._painter.picture,
            rgb=True,
            name=OVERLAY,
            scale=(step, step),
            translate=(offset, offset),
            blending="translucent_no_depth",
            metadata={"ifc": OVERLAY},
        )

    def _make_heat(self, values: npt.NDArray[np.float32]) -> Image:
        scale = tuple(whole / part for whole, part in zip(self._size, values.shape, strict=True))
        return Image(
            values,
            name=HEAT,
            colormap=heat_colormap(),
            contrast_limits=(0.0, 1.0),
            scale=scale,
            translate=tuple((s - 1) / 2 for s in scale),
            interpolation2d="linear",
            blending="translucent_no_depth",
            metadata={"ifc": HEAT},
        )

    def _make_edit(self) -> Labels:
        layer = Labels(
            np.zeros(self._size, np.uint8),
            name=EDIT,
            opacity=max(0.05, self.style.opacity),
            blending="translucent_no_depth",
            metadata={"ifc": EDIT},
        )
        self._edit_color = None
        layer.selected_label = 1
        layer.brush_size = self._brush_size
        layer.events.paint.connect(self._on_paint)
        layer.events.mode.connect(self._on_edit_mode)
        layer.events.brush_size.connect(self._on_brush_size)
        layer.mouse_drag_callbacks.insert(0, self._on_drag)
        layer.events.selected_label.connect(self._on_selected_label)
        return layer

    def _bind(self, layer: Any) -> None:
        for key, callback in self._keys.items():
            layer.bind_key(key, lambda _, call=callback: call(), overwrite=True)

    # What napari says

    def _on_step(self, event: Any = None) -> None:
        if self._busy or self._source is None:
            return
        frame_index = int(self._viewer.dims.current_step[0])
        frame_index = min(max(frame_index, 0), len(self._source) - 1)
        if frame_index == self._frame_index:
            return
        if self._drawing:  # what was drawn so far belongs to the frame that is left
            self._pending = _WORDS.get(self._mode, "Paint")
            self._drawing = False
        self.flush()
        self._frame_index = frame_index
        self._on_frame(frame_index)

    def _on_paint(self, event: Any = None) -> None:
        # napari tells of polygons before it writes them, so look after the event is over.
        if not self._busy:
            self._pending = _WORDS.get(self._mode, "Paint")
            self._commit_timer.start()

    def _on_edit_mode(self, event: Any = None) -> None:
        if self._edit is not None and not self._choosing:
            self._edit.mouse_pan = str(self._edit.mode) == "pan_zoom"
            self._take_mode(str(self._edit.mode))

    def _on_brush_size(self, event: Any = None) -> None:
        if self._edit is not None:
            self._brush_size = int(self._edit.brush_size)
            self._on_mode()

    def _take_mode(self, mode: str) -> None:
        self._mode = mode
        self._on_mode()

    def _on_drag(self, layer: Any, event: Any) -> Iterator[None]:
        """Runs along with every drag on the editing layer, napari's own drawing included."""
        tool = self._mode
        self._drawing = tool in _WORDS
        trail: list[tuple[tuple[float, float], tuple[float, float]]] = []
        self._point(tool, event, trail, finished=False)
        yield
        while event.type == "mouse_move":
            self._point(tool, event, trail, finished=False)
            yield
        self._drawing = False
        self._point(tool, event, trail, finished=True)
        if self._edit_is_due:  # napari's part of the stroke ends after this one
            self._late_timer.start()

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
        row, column = (float(v) + 0.5 for v in event.position[-2:])
        at = (float(event.pos[0]), float(event.pos[1]))
        if not finished or not trail:
            trail.append(((column, row), at))
        points, positions = zip(*trail, strict=True)
        keys = frozenset(str(key) for key in event.modifiers)
        self.on_gesture(Gesture(tool, points, positions, finished, keys))

    def _on_selected_label(self, event: Any = None) -> None:
        # The layer is binary: 1 draws, 0 erases; other numbers have no meaning here.
        if self._edit is not None and self._edit.selected_label not in (0, 1):
            self._edit.selected_label = 1

    def _on_ndisplay(self, event: Any = None) -> None:
        if self._source is None:
            return
        if self._viewer.dims.ndisplay == 3:
            self.flush()
            self.set_editable(False)
            self._on_told("Drawing rests in 3-D; go back to 2-D to draw.")
        else:
            self._repair_timer.start()

    def _on_layers_changed(self, event: Any = None) -> None:
        if not self._busy and self._source is not None:
            self._repair_timer.start()

    def _repair(self) -> None:
        if self._source is None:
            return
        layers = self._viewer.layers
        missing = [x for x in self.layers if x not in layers]
        self._build()
        flat = self._viewer.dims.ndisplay == 2
        self.set_editable(flat)
        if missing:
            self._on_told("The studio's layers were put back; to close the video, close it here.")
        self._on_frame(self._frame_index)
