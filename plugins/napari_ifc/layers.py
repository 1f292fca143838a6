"""The studio's layers. No other module changes ``viewer.layers``.

From below: the video, the picture of all masks, a heat map while attention is shown, and a binary
Labels layer with the selected track's mask. If a person deletes or reorders them they are put back;
in 3-D one frame is seen and drawing rests. The project never depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_ifc.chosen_layers import choice_kept
from napari_ifc.edit_layer import EDIT, SMART_ERASE, EditLayer
from napari_ifc.fitted_view import FittedView
from napari_ifc.flat_view import FlatView
from napari_ifc.frame_travel import Deliver, FrameTravel
from napari_ifc.gestures import UNTIL_TOOL, Gesture
from napari_ifc.heat_layer import HEAT, heat_layer
from napari_ifc.language import tr
from napari_ifc.layer_order import LayerOrder
from napari_ifc.lazy_video import LazyVideo
from napari_ifc.overlay import DrawnMask, OverlayStyle
from napari_ifc.overlay_ahead import Read
from napari_ifc.overlay_layer import OVERLAY, OverlayLayer
from napari_ifc.picture_place import PLAIN, PicturePlace
from napari_ifc.soon import soon
from napari_ifc.steady_place import hold_place, keep_place
from napari_ifc.time_axis import name_axes
from napari_ifc.zoom_watch import ZoomWatch

if TYPE_CHECKING:
    import napari

    from ifc_core.errors import VideoError

VIDEO = "Video"
__all__ = ["EDIT", "HEAT", "OVERLAY", "SMART_ERASE", "VIDEO", "LayerStack"]


class LayerStack:
    """The layers of one video in one viewer.

    Args:
        viewer: The viewer.
        style: How masks are drawn.
        on_frame: Called with the frame index when another frame is shown.
        on_drawn: Called with the edited mask (H, W) uint8, the tool's word and the aim that the
            mask was put under the brush with, once a stroke has ended.
        on_mode: Called when the drawing tool or the brush size changed.
        on_told: Called with a sentence when layers were put back.
        on_waiting: Called when :attr:`is_waiting`, :attr:`has_failed` or :attr:`picture_index`
            changed.
        on_failed: Called with the error where a frame cannot be decoded.
        deliver: Wraps a callback so that it is called in the GUI thread.

    Attributes:
        on_rest: Called once a stroke is over and stored.
        on_gesture: Called with each :class:`Gesture` of a pointer tool, also while it goes on.
        on_turned: Called with whether frames are shown as they are, when :attr:`flat` changed.
        flat: Whether they are: not in 3-D, nor along other axes; and the way back.
        place_of: Says where the picture of a video lies, by its file or folder.
        place: Where that of the video lies that is shown.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        style: OverlayStyle,
        on_frame: Callable[[int], None],
        on_drawn: Callable[[npt.NDArray[np.uint8], str, Hashable], None],
        on_mode: Callable[[], None],
        on_told: Callable[[str], None],
        *,
        on_waiting: Callable[[], None],
        on_failed: Callable[[VideoError], None],
        deliver: Deliver,
    ) -> None:
        self._viewer = viewer
        self.style = style
        self._on_frame = on_frame
        self._on_drawn = on_drawn
        self._on_mode = on_mode
        self._on_told = on_told
        self._on_waiting = on_waiting
        self._video: Image | None = None
        self._heat: Image | None = None
        self._overlay: OverlayLayer | None = None
        self._edit: EditLayer | None = None
        self._source: LazyVideo | None = None
        self._name = ""
        self._size = (1, 1)
        self._busy = False
        self._editable = True
        self._mode_to_come = self._mode_before = ""
        self.place = PLAIN
        self.place_of: Callable[[Path | None], PicturePlace] = lambda path: PLAIN
        self.on_turned: Callable[[bool], None] = lambda flat: None
        self.on_rest: Callable[[], None] = lambda: None
        self.on_gesture: Callable[[Gesture], None] = lambda gesture: None
        self._keys: dict[Any, Callable[[], None]] = {}
        self._fitted = FittedView(viewer)
        self._order = LayerOrder(viewer.layers)
        self._repair_timer = soon(self._repair)
        self._zoom = ZoomWatch(viewer, self._take_zoom)
        self._travel = FrameTravel(
            viewer,
            deliver,
            on_leave=self.flush,
            on_frame=lambda frame_index: self._on_frame(frame_index),
            on_waiting=self._wait,
            on_failed=on_failed,
        )
        self.flat = FlatView(viewer, self._on_turned, self._on_turn_refused)
        viewer.layers.events.removed.connect(self._on_layers_changed)
        viewer.layers.events.reordered.connect(self._on_layers_changed)

    # Showing

    @property
    def is_shown(self) -> bool:
        """Whether a video is shown."""
        return self._source is not None

    @property
    def frame_index(self) -> int:
        """The frame that is shown, or is about to be (see :attr:`is_waiting`)."""
        return self._travel.frame_index

    @property
    def picture_index(self) -> int:
        """The frame whose picture is seen."""
        return self._travel.picture_index

    @property
    def is_waiting(self) -> bool:
        """Whether the frame is still being decoded and another picture is seen in its place."""
        return self._travel.is_waiting

    @property
    def has_failed(self) -> bool:
        """Whether the frame cannot be decoded; another picture is seen in its place."""
        return self._travel.has_failed

    @property
    def mode(self) -> str:
        """The tool; see :attr:`EditLayer.mode`."""
        return "pan_zoom" if self._edit is None else self._mode_to_come or self._edit.mode

    @property
    def awaits_shape(self) -> bool:
        """Whether the next drag makes a shape of a feature's, so that no tool is in hand."""
        return UNTIL_TOOL in getattr(self._viewer.layers.selection.active, "metadata", ())

    @property
    def is_drawing(self) -> bool:
        """Whether a stroke goes on or is not stored yet."""
        return self._edit is not None and self._edit.has_stroke

    @property
    def brush_size(self) -> int:
        """Diameter of the brush in pixels of the video."""
        return 10 if self._edit is None else self._edit.brush_size

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the video in pixels."""
        return self._size

    @property
    def layers(self) -> tuple[Any, ...]:
        """Our layers, from below."""
        overlay = None if self._overlay is None else self._overlay.layer
        edit = None if self._edit is None else self._edit.layer
        return tuple(x for x in (self._video, overlay, self._heat, edit) if x is not None)

    def show_video(self, source: LazyVideo, name: str, path: Path | None = None) -> None:
        """Show a video, of a file or folder, in place of what was shown."""
        self.clear()
        self.place = self._zoom.place = self.place_of(path)
        self._source = source
        self._size = source.shape[1:3]
        self._name = name
        self._travel.use(source, self._redraw)
        self.flat.use(source)
        self._video = self._make_video(source)
        self._overlay = OverlayLayer(self.style, self._size, self._zoom.zoom, self.place)
        self._edit = EditLayer(
            self._size,
            max(0.05, self.style.opacity),
            on_drawn=lambda mask, word, aim: self._on_drawn(mask, word, aim),
            on_mode=lambda: self._on_mode(),
            on_gesture=lambda gesture: self.on_gesture(gesture),
            on_late=lambda: self._on_frame(self.frame_index),
            on_rest=lambda: self.on_rest(),
            place=self.place,
        )
        self._editable, self._mode_to_come = True, ""
        self._order.begin()
        self._build()
        name_axes(self._viewer.dims)
        self._travel.begin()
        self._fitted.use(self._video, self._size, self.place)
        self.fit()

    def fit(self) -> None:
        """Show the whole picture, as large as it goes, also when the canvas changes its size."""
        self._fitted.fit()
        self._zoom.tell()

    def clear(self) -> None:
        """Take our layers away."""
        self.flush()
        self._travel.put_down()
        self._repair_timer.stop()
        self._zoom.rest()
        present = [layer for layer in self.layers if layer in self._viewer.layers]
        if present:
            self._busy = True
            with self._viewer.layers.batched_update():  # napari cleans up once, not per layer
                for layer in present:
                    self._viewer.layers.remove(layer)
            self._busy = False
        if self._edit is not None:
            self._edit.close()
            QTimer.singleShot(0, self.on_rest)  # once the next video is shown, not between the two
        if self._overlay is not None:
            self._overlay.close()
        self._video = self._heat = self._overlay = self._edit = self._source = None
        self._fitted.use(None, (1, 1))
        self._order.end()
        self.flat.use(None)

    def close(self) -> None:
        """Take our layers away and stop listening."""
        self.clear()
        self._fitted.close()
        self.flat.close()
        self._travel.close()
        self._viewer.layers.events.removed.disconnect(self._on_layers_changed)
        self._viewer.layers.events.reordered.disconnect(self._on_layers_changed)
        self._zoom.close()

    def go_to(self, frame_index: int) -> None:
        """Show a frame, or what comes nearest to it until it is decoded."""
        self._travel.go_to(frame_index)

    def play_to(self, frame_index: int) -> None:
        """Show the frame nearest to the due one; see :meth:`FrameTravel.play_to`."""
        self._travel.play_to(frame_index)

    def settle(self) -> None:
        """Tell napari's dimensions which frame is shown, without waiting for a rest."""
        self._travel.settle()

    def _redraw(self) -> None:
        if self._video is not None:
            self._video.refresh(extent=False, thumbnail=False, highlight=False)

    def draw(self, masks: Sequence[DrawnMask]) -> None:
        """Draw the masks of the current frame, lowest first."""
        if self._overlay is not None:
            self._overlay.draw(masks)

    def draw_planned(self, key: Hashable) -> bool:
        """Draw the masks of the current frame that were planned; see :class:`OverlayLayer`."""
        return self._overlay is not None and self._overlay.draw_planned(key)

    def plan(self, frames: Sequence[tuple[Hashable, Read]]) -> None:
        """Have the masks of frames to come painted; see :class:`OverlayLayer`."""
        if self._overlay is not None:
            self._overlay.plan(frames)

    def add_extra(self, layer: Any, *, active: bool) -> None:
        """Put a layer of a feature above ours, active or not; the feature takes it away again."""
        self._busy = True
        self._bind(layer)
        layer.affine = self.place.affine(layer.ndim)
        with choice_kept(self._viewer.layers):
            self._viewer.layers.append(layer)
        if active:
            self._viewer.layers.selection.active = layer
        self._busy = False
        self._on_mode()

    def drop_extra(self, layer: Any) -> None:
        """Take a layer of a feature away; ours is active again, unless another one is."""
        was_active = self._viewer.layers.selection.active is layer
        self._remove(layer)
        if was_active:
            self._activate()
        self._on_mode()

    def _activate(self) -> None:
        self._viewer.layers.selection.active = None if self._edit is None else self._edit.layer

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
            self._heat = None if values is None else heat_layer(values, self._size, self.place)
        if values is not None:
            with choice_kept(self._viewer.layers):
                self._build()

    def _remove(self, layer: Any) -> None:
        if layer is not None and layer in self._viewer.layers:
            self._busy = True
            self._viewer.layers.remove(layer)
            self._busy = False

    # Editing

    def edit(
        self,
        mask: npt.NDArray[np.uint8] | None,
        color_rgb: tuple[int, int, int],
        aim: Hashable = None,
        **look: bool,
    ) -> None:
        """Put a mask under the brush; see :meth:`EditLayer.show`."""
        if self._edit is not None:
            self._edit.show(mask, color_rgb, aim, **look)

    def edited_mask(self) -> npt.NDArray[np.uint8]:
        """The mask under the brush as it is now, (H, W) uint8."""
        return np.zeros(self._size, np.uint8) if self._edit is None else self._edit.mask()

    def set_mode(self, mode: str) -> None:
        """Choose the tool; see :attr:`mode`. While waiting, it is taken up afterwards."""
        if self._edit is None:
            return
        if mode != "pan_zoom" or self.awaits_shape:
            self._activate()
        if self.is_waiting:
            self._mode_to_come = mode
            self._on_mode()
            return
        self._edit.set_mode(mode)

    def set_brush_size(self, size: int) -> None:
        """Set the diameter of the brush in pixels of the video."""
        if self._edit is not None:
            self._edit.layer.brush_size = size

    def set_style(self, style: OverlayStyle) -> None:
        """Draw masks in another style from the next :meth:`draw` on."""
        self.style = style
        if self._overlay is not None:
            self._overlay.style = style
        if self._edit is not None:
            self._edit.set_opacity(max(0.05, style.opacity))

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid drawing."""
        self._editable = editable
        self._allow()

    def _allow(self) -> None:
        """Let drawing be possible where it is allowed, flat, and on the right picture."""
        edit = self._edit
        if edit is None:
            return
        ever = self._editable and self.flat.is_flat
        if ever and self.is_waiting and edit.layer.editable:
            mode = edit.mode
            edit.set_editable(False)
            self._mode_to_come = mode
        elif ever and not self.is_waiting and not edit.layer.editable:
            mode, self._mode_to_come = self._mode_to_come, ""
            edit.set_editable(True)
            edit.set_mode(mode or "pan_zoom")
        elif not ever:
            self._mode_to_come = ""
            edit.set_editable(False)

    def flush(self) -> None:
        """Hand over what was drawn; a stroke that goes on ends here."""
        if self._edit is not None:
            self._edit.end_stroke()

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
            self._edit.hold_keys(keys)

    # Waiting for a frame

    def _wait(self) -> None:
        """Nobody paints on the picture of another frame; the tool comes back with the right one."""
        self._allow()
        self._on_waiting()

    # Building

    def _build(self) -> None:
        self._busy = True
        layers = self._viewer.layers
        for layer in (x for x in self.layers if x not in layers):
            layers.append(layer)
        for place, layer in enumerate(self._order.wanted(self.layers)):
            if layers[place] is not layer:
                layers.move(layers.index(layer), place)
        for layer in self.layers:
            self._bind(layer)
        self._activate()
        self._busy = False

    def _make_video(self, source: LazyVideo) -> Image:
        layer = Image(
            source,
            rgb=True,
            name=self._name,
            projection_mode="none",  # one frame, not a mean over frames
            metadata={"ifc": VIDEO},
        )
        keep_place(layer)
        hold_place(layer, self.place)
        return layer

    def _bind(self, layer: Any) -> None:
        for key, callback in self._keys.items():
            layer.bind_key(key, lambda _, call=callback: call(), overwrite=True)

    # What napari says

    def _take_zoom(self, zoom: float) -> None:
        if self._overlay is not None:
            self._overlay.take_zoom(zoom)

    def _on_turned(self, flat: bool) -> None:
        if flat:  # the tool comes back with the layers
            self._mode_to_come = self._mode_before
            self._repair_timer.start()
        else:
            self.flush()
            self._mode_before = self.mode
            self._allow()
        self.on_turned(flat)

    def _on_turn_refused(self) -> None:
        self._on_told(tr("A video is shown frame by frame, not in 3-D nor along other axes."))

    def _on_layers_changed(self, event: Any = None) -> None:
        if not self._busy and self._source is not None:
            self._repair_timer.start()

    def _repair(self) -> None:
        if self._source is None or self._overlay is None or self._edit is None:
            return
        missing = [x for x in self.layers if x not in self._viewer.layers]
        if self._video in missing:
            self._video = self._make_video(self._source)
            self._fitted.use(self._video, self._size, self.place)
        if self._overlay.layer in missing:
            self._overlay.renew()
        if self._edit.layer in missing:
            self._edit.renew()
        self._build()
        self._allow()
        if self._travel.is_held:
            name_axes(self._viewer.dims)
            self._travel.begin()
        if missing:
            self._on_told(
                tr("The studio's layers were put back; to close the video, close it here.")
            )
        self._on_frame(self.frame_index)
