"""The pointer on the canvas: what napari shows the callbacks of a drag."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from vispy.util import keys
from wrapt import ObjectProxy


class Event:
    """A mouse event of napari, as far as drag callbacks look at it; keys are those of vispy."""

    def __init__(self, kind, xy, modifiers=()):
        self.type = kind
        self.position = (0.0, xy[1] - 0.5, xy[0] - 0.5)
        self.pos = np.array([10.0 * xy[0], 10.0 * xy[1]])
        self.modifiers = tuple(getattr(keys, name.upper()) for name in modifiers)
        self.view_direction = self.up_direction = None
        self.dims_displayed = [1, 2]
        self.dims_point = [0, 0, 0]
        self.button = 1
        self.is_dragging = kind == "mouse_move"


def pointer(kind, xy, modifiers=()):
    """An event in the proxy in which napari shows each drag callback the latest one."""
    return ObjectProxy(Event(kind, xy, modifiers))


def drag(target: Any, *points: tuple[float, float], modifiers: tuple[str, ...] = ()) -> None:
    """Press, move and release on a layer or a viewer; (x, y) in pixels, 0.5 the first's middle."""
    mouse_press_callbacks(target, pointer("mouse_press", points[0], modifiers))
    for point in points[1:]:
        mouse_move_callbacks(target, pointer("mouse_move", point, modifiers))
    mouse_release_callbacks(target, pointer("mouse_release", points[-1], modifiers))
