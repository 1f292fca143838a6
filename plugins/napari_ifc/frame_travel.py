"""Going from frame to frame: at once where a picture is at hand, and never on a wrong one.

While frames follow each other quickly napari's dimensions are told only once it rests: telling
them costs more than showing a frame. A frame that takes long to decode is announced, the key
frame before it is shown in its place, and :attr:`FrameTravel.is_waiting` holds until it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ifc_core.errors import VideoError
from napari_ifc.frame_cache import Fetched
from napari_ifc.lazy_video import LazyVideo
from napari_ifc.soon import soon
from napari_ifc.time_axis import frame_of, show_frame

if TYPE_CHECKING:
    import napari

Deliver = Callable[[Callable[[Any], None]], Callable[[Any], None]]

_REST_MS = 120
_MAX_REST_MS = 4000
_MOST_BROKEN = 1000  # frames at the beginning that are passed over in search of a picture
_LONGEST_SEARCH_SECONDS = 4.0  # the window waits for it
_HOPS = 3  # through the event loop until a frame that was shown is painted


class FrameTravel:
    """Which frame is shown, and how another one comes onto the screen.

    Args:
        viewer: The viewer.
        deliver: Wraps a callback so that it is called in the GUI thread.
        on_leave: Called before another frame takes the place of the present one.
        on_frame: Called with the frame index when another frame is shown, and again once the
            exact picture of a frame came late.
        on_waiting: Called when :attr:`is_waiting`, :attr:`has_failed` or :attr:`picture_index`
            changed.
        on_failed: Called with the error where a frame cannot be decoded.

    Attributes:
        frame_index: The frame that is chosen.
        picture_index: The frame whose picture is seen.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        deliver: Deliver,
        *,
        on_leave: Callable[[], None],
        on_frame: Callable[[int], None],
        on_waiting: Callable[[], None],
        on_failed: Callable[[VideoError], None],
    ) -> None:
        self._viewer = viewer
        self._tell = deliver(self._on_fetched)
        self._on_leave = on_leave
        self._on_frame = on_frame
        self._on_waiting = on_waiting
        self._on_failed = on_failed
        self._source: LazyVideo | None = None
        self._redraw: Callable[[], None] = lambda: None
        self._syncing = False
        self._begun = False
        self._arrived = 0.0
        self._hops = 0
        self._failure: VideoError | None = None
        self.frame_index = 0
        self.picture_index = 0
        self._rest_timer = soon(self.settle, _REST_MS)
        self._painted_timer = soon(self._on_painted)
        viewer.dims.events.point.connect(self._on_dims)
        viewer.dims.events.current_step.connect(self._on_dims)
        viewer.layers.events.removing.connect(self._on_removing)

    def use(self, source: LazyVideo, redraw: Callable[[], None]) -> None:
        """Be on the first frame of a video that can be decoded; its layers may come now.

        Args:
            source: Its frames.
            redraw: Shows the picture of the frame that the source gives now.
        """
        self._source, self._redraw, self._failure = source, redraw, None
        source.choose = self._choose
        self._begun = False
        self.picture_index = self._first_readable(source)
        self.frame_index = max(0, self.picture_index)

    def begin(self) -> None:
        """Travel from now on; the layers are in the viewer."""
        self._begun = True
        self.settle()
        if self._failure is not None:
            self._on_waiting()
            self._on_failed(self._failure)

    def _first_readable(self, source: LazyVideo) -> int:
        """The picture to begin with; -1, a blank one, where none is found."""
        until = time.monotonic() + _LONGEST_SEARCH_SECONDS
        for frame_index in range(min(len(source), _MOST_BROKEN)):
            if time.monotonic() > until:
                break
            try:
                source.take(frame_index)
            except VideoError as error:
                self._failure = self._failure or error
            else:
                self._failure = None
                return frame_index
        source.blank()
        return -1

    def _on_removing(self, event: Any) -> None:
        """A person takes the video away: its frame is kept until it is put back."""
        layer = self._viewer.layers[event.index]
        if self._source is not None and getattr(layer, "data", None) is self._source:
            self._begun = False

    def put_down(self) -> None:
        """Forget the video."""
        self._rest_timer.stop()
        self._painted_timer.stop()
        if self._source is not None:
            self._source.cache.forget()
        self._source = None

    def close(self) -> None:
        """Stop listening."""
        self.put_down()
        self._viewer.dims.events.point.disconnect(self._on_dims)
        self._viewer.dims.events.current_step.disconnect(self._on_dims)
        self._viewer.layers.events.removing.disconnect(self._on_removing)

    @property
    def is_waiting(self) -> bool:
        """Whether the picture that is seen is not the chosen frame's."""
        return self.picture_index != self.frame_index

    @property
    def is_held(self) -> bool:
        """Whether it stays on the frame, wherever napari's dimensions go, until :meth:`begin`."""
        return not self._begun

    @property
    def has_failed(self) -> bool:
        """Whether the chosen frame cannot be decoded, so that waiting for it is in vain."""
        return self.is_waiting and self._failure is not None

    def go_to(self, frame_index: int) -> None:
        """Show a frame; out of range, the nearest there is. One that failed is tried anew."""
        if self._source is not None:
            frame_index = min(max(frame_index, 0), len(self._source) - 1)
            if frame_index != self.frame_index or self.has_failed:
                self._arrive(frame_index)

    def play_to(self, frame_index: int) -> None:
        """Show the newest frame up to the one that is due that is decoded already."""
        if self._source is None:
            return
        cache, behind = self._source.cache, range(frame_index, self.frame_index, -1)
        held = next((f for f in behind if cache.holds(f)), None)
        if held is not None:
            self.go_to(held)
        elif behind:
            cache.plan(self.frame_index + 1)

    def settle(self) -> None:
        """Tell napari's dimensions where we are."""
        self._rest_timer.stop()
        self._painted_timer.stop()
        if self._source is not None:
            self._syncing = True
            show_frame(self._viewer.dims, self.frame_index)
            self._syncing = False

    def _arrive(self, frame_index: int, *, by_napari: bool = False) -> None:
        source, was_waiting = self._source, self.is_waiting
        assert source is not None  # noqa: S101 - callers looked
        self._on_leave()
        self.frame_index, self._failure = frame_index, None
        if source.cache.is_quick(frame_index):
            source.cache.forget()
            self._take(source, frame_index)
        else:
            source.stand_in = (frame_index, self.picture_index)
            source.cache.ask(frame_index, self._tell)
        if not by_napari:  # which slices the picture itself
            self._show()
            self._rest_timer.stop()
            self._arrived, self._hops = time.monotonic(), 0
            self._painted_timer.start()
        failure = self._failure
        if was_waiting or self.is_waiting:
            self._on_waiting()
        self._on_frame(frame_index)
        if failure is not None:
            self._on_failed(failure)

    def _take(self, source: LazyVideo, shown: int) -> None:
        """Let a picture that is at hand be the one that is seen; a broken one changes nothing."""
        try:
            source.take(shown)
            self.picture_index, self._failure = shown, None
        except VideoError as error:
            self._failure = error
        source.stand_in = (self.frame_index, self.picture_index) if self.is_waiting else None

    def _on_painted(self) -> None:
        """Rest begins once a frame is painted, and lasts longer where that takes long."""
        self._hops += 1
        if self._hops < _HOPS:
            self._painted_timer.start()
            return
        busy_ms = 1000 * (time.monotonic() - self._arrived)
        self._rest_timer.start(round(min(max(2.5 * busy_ms, _REST_MS), _MAX_REST_MS)))

    def _show(self) -> None:
        if self._source is not None:
            # Where even the picture that was seen is gone by now, the screen keeps it.
            with suppress(VideoError), self._source.showing(self.picture_index):
                self._redraw()

    def _choose(self, index: int) -> int:
        """What napari slices when its own slider moved, before it tells us.

        A frame that takes long, or cannot be decoded, leaves the picture that is seen.
        """
        source = self._source
        if source is None or index == self.frame_index:
            return index
        if not self._begun:  # napari is on its way, over the middle of the video
            return self.picture_index
        if index != frame_of(self._viewer.dims):
            return index
        if source.cache.is_quick(index):
            with suppress(VideoError):
                source.cache.get(index)
                return index
        return self.picture_index

    def _on_fetched(self, fetched: Fetched) -> None:
        """A picture came that was asked for; it may be out of date by now."""
        source = self._source
        if source is None or not self.is_waiting or fetched.asked != self.frame_index:
            return
        if fetched.error is None:
            self._take(source, fetched.shown)
            self._show()
        else:
            self._failure = fetched.error
        self._on_waiting()
        if self._failure is not None:
            self._on_failed(self._failure)
        elif not self.is_waiting:
            self._on_frame(self.frame_index)

    def _on_dims(self, event: Any = None) -> None:
        if self._source is None or self._syncing or not self._begun:
            return
        frame_index = min(max(frame_of(self._viewer.dims), 0), len(self._source) - 1)
        if frame_index != self.frame_index:
            self._rest_timer.stop()
            self._painted_timer.stop()
            self._arrive(frame_index, by_napari=True)
