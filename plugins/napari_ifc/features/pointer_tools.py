"""Boxes, clicks and scribbles on the canvas: what is drawn meanwhile, and what is asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ifc_core.errors import IFCError
from napari_ifc.controllers.drawn_questions import DrawnQuestions
from napari_ifc.controllers.prompts import PromptController
from napari_ifc.gestures import Gesture
from napari_ifc.language import tr
from napari_ifc.picture_place import PicturePlace
from napari_ifc.views.canvas_marks import NEGATIVE, POSITIVE, CanvasMarks, canvas_of

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

_CLICK_PX = 4.0  # a shorter drag, in pixels of the canvas, is a click


class PointerTools:
    """Turns gestures on the canvas into questions.

    Args:
        studio: The studio whose canvas it is.
        prompts: Gives what has candidates, ``None`` while nothing is open.
        drawn: Gives what answers boxes and scribbles, likewise.
        source: Gives where the engine finds frames and the model.
        on_asked: Called once a question was asked.
    """

    def __init__(
        self,
        studio: Studio,
        prompts: Callable[[], PromptController | None],
        drawn: Callable[[], DrawnQuestions | None],
        source: Callable[[], dict[str, Any]],
        on_asked: Callable[[], None],
    ) -> None:
        self._studio = studio
        self._prompts = prompts
        self._drawn = drawn
        self._source = source
        self._on_asked = on_asked
        self._marks: CanvasMarks | None = None
        studio.layers.on_gesture = self._on_gesture

    def close(self) -> None:
        """Take the sheet that is drawn on off the canvas."""
        if self._marks is not None:
            self._marks.setParent(None)
            self._marks.deleteLater()
            self._marks = None

    def _on_gesture(self, gesture: Gesture) -> None:
        marks = self._sheet()
        if gesture.tool in ("box", "candidates"):
            marks.show_box(_corners_px(gesture, self._studio.layers.place))
        else:
            color = POSITIVE if _is_positive(gesture) else NEGATIVE
            radius = self._studio.layers.brush_size / 4
            marks.show_stroke(gesture.positions_px, color, 2 * radius * _zoom(gesture))
        if gesture.finished:
            marks.clear()
            try:
                self._ask(gesture)
            except IFCError as error:
                self._studio.fail(error)

    def _ask(self, gesture: Gesture) -> None:
        workspace, prompts, drawn = self._studio.workspace, self._prompts(), self._drawn()
        if workspace is None or prompts is None or drawn is None:
            return
        reason = workspace.editor.why_not_change()
        if reason:
            self._studio.inform(reason)
            return
        first, last = gesture.points_xy[0], gesture.points_xy[-1]
        box = (*map(min, first, last), *map(max, first, last))
        clicked = math.dist(gesture.positions_px[0], gesture.positions_px[-1]) < _CLICK_PX
        if gesture.tool == "candidates":
            prompts.ask_candidates(self._source(), place=first if clicked else box)
        elif gesture.tool == "box":
            if clicked:
                self._studio.inform(tr("Drag a box around the object."))
                return
            prompts.dismiss()
            drawn.ask_box(self._source(), box)
        else:
            radius = max(1.0, self._studio.layers.brush_size / 4)
            positive = _is_positive(gesture)
            prompts.dismiss()
            drawn.ask_scribble(self._source(), gesture.points_xy, radius, positive=positive)
        self._on_asked()

    def _sheet(self) -> CanvasMarks:
        if self._marks is None:
            self._marks = CanvasMarks(canvas_of(self._studio.panel.window()))
        return self._marks


def _is_positive(gesture: Gesture) -> bool:
    return (gesture.tool == "scribble") != ("Shift" in gesture.modifiers)


def _corners_px(gesture: Gesture, place: PicturePlace) -> list[tuple[float, float]]:
    """Where a box from the first place to the last is on the canvas: turned as the picture is."""
    (left, top), (right, bottom) = gesture.points_xy[0], gesture.points_xy[-1]
    start, end = gesture.positions_px[0], gesture.positions_px[-1]
    world = place.world([(top, left), (top, right), (bottom, right), (bottom, left)])
    away, moved = (world - world[0])[:, ::-1], np.subtract(end, start)
    far, seen = math.hypot(*away[2]), math.hypot(*moved)
    # A person may have turned an axis of the canvas over; what is about 0 says nothing of it.
    signs = np.where(away[2] * moved < -0.01 * far * seen, -1.0, 1.0)
    corners = start + away * signs * (seen / far if far else 0.0)
    return [(float(x), float(y)) for x, y in corners]


def _zoom(gesture: Gesture) -> float:
    """Pixels of the canvas for one of the video, as far as the gesture tells."""
    far = max(gesture.points_xy, key=lambda p: math.dist(p, gesture.points_xy[0]))
    place = gesture.points_xy.index(far)
    moved = math.dist(far, gesture.points_xy[0])
    if moved < 1.0:
        return 1.0
    return math.dist(gesture.positions_px[place], gesture.positions_px[0]) / moved
