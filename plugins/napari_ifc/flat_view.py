"""Whether the viewer shows frames as they are: two dimensions, and time none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import napari

    from napari_ifc.lazy_video import LazyVideo


class FlatView:
    """Lets napari have one frame only while the viewer is not flat; it would decode them all.

    Args:
        viewer: The viewer.
        on_turned: Called with whether it is flat when that changed.
        on_refused: Called when it was turned and went back at once.

    Attributes:
        keeps: Whether the viewer goes back at once.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        on_turned: Callable[[bool], None],
        on_refused: Callable[[], None],
    ) -> None:
        self._dims = viewer.dims
        self._on_turned = on_turned
        self._on_refused = on_refused
        self.keeps = False
        self._source: LazyVideo | None = None
        self._was_flat = True
        self._turning = False
        self._dims.events.ndisplay.connect(self._look)  # napari has sliced its layers by then
        self._dims.events.order.connect(self._look)

    @property
    def is_flat(self) -> bool:
        """Whether frames are shown as they are."""
        dims = self._dims
        return dims.ndisplay == 2 and set(dims.displayed) == {dims.ndim - 2, dims.ndim - 1}

    def use(self, source: LazyVideo | None) -> None:
        """Look after a video, before it is put into the viewer.

        Where none is, nothing rests: that counts as flat, and a change is told.

        Args:
            source: The video; ``None`` for none.
        """
        self._source = source
        if source is not None and self.keeps:
            self.flatten()
        if source is not None:
            source.is_thin = lambda: not self.is_flat
        told, self._was_flat = self._was_flat, source is None or self.is_flat
        if self._was_flat != told:
            self._on_turned(self._was_flat)

    def flatten(self) -> None:
        """Go back to two dimensions and the usual order of the axes."""
        if self.is_flat:
            return
        self._turning = True
        self._dims.ndisplay = 2
        self._dims.order = tuple(range(self._dims.ndim))
        self._turning = False
        self._look()

    def close(self) -> None:
        """Stop listening."""
        self._source = None
        self._dims.events.ndisplay.disconnect(self._look)
        self._dims.events.order.disconnect(self._look)

    def _look(self, event: Any = None) -> None:
        if self._source is None or self._turning or self.is_flat == self._was_flat:
            return
        if self._was_flat and self.keeps:
            self.flatten()
            self._on_refused()
            return
        self._was_flat = self.is_flat
        self._on_turned(self._was_flat)
