"""The timeline under the canvas: ruler, counts, and one lane a track."""

from __future__ import annotations

from qtpy.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from napari_ifc.language import tr
from napari_ifc.rows import FrameRange, Lane, TimelineData
from napari_ifc.views.lane_picture import LANE_PX
from napari_ifc.views.theme import Palette
from napari_ifc.views.timeline_painter import (
    HEAD_PX,
    KIND_WORDS,
    LABEL_PX,
    RULER_PX,
    LanePictures,
    TimelineColors,
    TimelinePainter,
    faded,
    small_font,
)
from napari_ifc.views.timeline_scale import Scale

_DRAG_PX = 4
_FEWEST_FRAMES = 8.0
_ADD_KEYS = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
_MOST_PICTURES = 200  # lanes kept drawn, about 120 kB each


class Timeline(QAbstractScrollArea):
    """Draws lanes, seeks and marks ranges.

    What stands still is drawn once into a picture; scrubbing only moves the cursor over it.
    Click or drag on the ruler to seek, drag over lanes to mark a range of their tracks (with
    Shift on the ruler: of the frames as such), wheel to scroll the lanes, Ctrl+wheel to zoom,
    Shift+wheel to pan. With the keyboard: arrows step and change lanes, Shift+arrows mark,
    plus and minus zoom, 0 shows everything, Return opens the menu, Escape unmarks.

    Attributes:
        seek_requested: Emitted with a frame index.
        track_requested: Emitted with a track id and whether to add it to the selection.
        range_changed: Emitted with the marked :class:`FrameRange`, or ``None``.
        marking_ended: Emitted once the button is released that a range was dragged with.
        menu_requested: Emitted with a place on the screen where a menu is asked for.
    """

    seek_requested = Signal(int)
    track_requested = Signal(int, bool)
    range_changed = Signal(object)
    marking_ended = Signal()
    menu_requested = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data = TimelineData()
        self._places: dict[int, int] = {}
        self._frame_index = 0
        self._selected: frozenset[int] = frozenset()
        self._range: FrameRange | None = None
        self._first = 0.0
        self._shown = 1.0
        self._pressed: tuple[float, float] | None = None
        self._dragging = ""
        self._laying_out = False
        self._colors = TimelineColors.plain()
        self._picture: QPixmap | None = None
        self._lanes: LanePictures = {}
        self._drawn_at: Scale | None = None
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Timeline"))
        self.setAccessibleDescription(
            tr("One lane a track; arrows step, Shift+arrows mark a range.")
        )
        self.setMinimumHeight(HEAD_PX + 3 * LANE_PX + 6)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.horizontalScrollBar().valueChanged.connect(self._on_pan)
        self.horizontalScrollBar().setAccessibleName(tr("Frames in sight"))
        self.verticalScrollBar().valueChanged.connect(lambda _: self._redraw())

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(600, HEAD_PX + 7 * LANE_PX + 6)

    def apply_palette(self, p: Palette) -> None:
        """Take the theme's colours."""
        self._colors = TimelineColors.of(p)
        self._lanes.clear()
        self._redraw()

    # What is shown

    @property
    def data(self) -> TimelineData:
        """What is drawn."""
        return self._data

    @property
    def marked(self) -> FrameRange | None:
        """The marked range."""
        return self._range

    def set_data(self, data: TimelineData) -> None:
        """Show these lanes; zoom and place are kept while the video stays the same."""
        if data.num_frames != self._data.num_frames:
            self._first, self._shown = 0.0, float(max(1, data.num_frames))
            self.mark(None)
        self._data = data
        self._places = {lane.track_id: place for place, lane in enumerate(data.lanes)}
        self._update_scroll_bars()
        self._redraw()

    def set_frame(self, frame_index: int) -> None:
        """Move the cursor, and the view along with it where needed."""
        before = self._cursor_area()
        self._frame_index = frame_index
        if not self._first <= frame_index < self._first + self._shown:
            self._scroll_to(frame_index - self._shown / 2)
        self.viewport().update(before)
        self.viewport().update(self._cursor_area())

    def set_selected(self, track_ids: tuple[int, ...]) -> None:
        """Mark the lanes of the selected tracks; bring all into view, at least the first."""
        self._selected = frozenset(track_ids)
        self.show_lanes(track_ids)
        self._redraw()

    def show_lanes(self, track_ids: tuple[int, ...]) -> None:
        """Bring lanes into view: all where there is room, at least the first."""
        places = [self._places[i] for i in track_ids if i in self._places]
        if places:
            self._show_lane(max(places))
            self._show_lane(min(places))
            self._show_lane(places[0])

    @property
    def is_marking(self) -> bool:
        """Whether a range is being dragged."""
        return self._pressed is not None and self._dragging == "mark"

    def mark(self, marked: FrameRange | None) -> None:
        """Mark a range of frames, or nothing."""
        if marked != self._range:
            self._range = marked
            self.viewport().update()
            self.range_changed.emit(marked)

    def zoom(self, factor: float, around_frame: float | None = None) -> None:
        """Show fewer (factor over 1) or more frames around a frame, by default the cursor."""
        around = self._frame_index + 0.5 if around_frame is None else around_frame
        total = float(max(1, self._data.num_frames))
        share = (around - self._first) / self._shown
        self._shown = min(total, max(min(total, _FEWEST_FRAMES), self._shown / factor))
        self._scroll_to(around - share * self._shown)

    def show_frames(self, first: float, last: float) -> None:
        """Zoom so that these frames fill the width."""
        total = float(max(1, self._data.num_frames))
        self._shown = min(total, max(min(total, _FEWEST_FRAMES), last - first + 1))
        self._scroll_to((first + last + 1 - self._shown) / 2)

    def show_all(self) -> None:
        """Show the whole video."""
        self.show_frames(0, self._data.num_frames - 1)

    def _scroll_to(self, first: float) -> None:
        self._first = min(max(0.0, first), max(0.0, self._data.num_frames - self._shown))
        self._update_scroll_bars()
        self._redraw()

    def _on_pan(self, value: int) -> None:
        if not self._laying_out:
            self._first = min(float(value), max(0.0, self._data.num_frames - self._shown))
            self._redraw()

    def _show_lane(self, place: int) -> None:
        bar = self.verticalScrollBar()
        top, height = place * LANE_PX, self._lanes_height()
        if top < bar.value():
            bar.setValue(top)
        elif top + LANE_PX > bar.value() + height:
            bar.setValue(top + LANE_PX - height)

    def _lanes_height(self) -> int:
        return max(1, self.viewport().height() - HEAD_PX)

    def _update_scroll_bars(self) -> None:
        over = len(self._data.lanes) * LANE_PX - self._lanes_height()
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, over))
        bar.setPageStep(self._lanes_height())
        bar.setSingleStep(LANE_PX)
        pan = self.horizontalScrollBar()
        self._laying_out = True  # what the bar says now is our own doing
        pan.setRange(0, max(0, round(self._data.num_frames - self._shown)))
        pan.setPageStep(max(1, round(self._shown)))
        pan.setSingleStep(max(1, round(self._shown / 10)))
        pan.setValue(round(self._first))
        self._laying_out = False

    # Places

    def scale(self) -> Scale:
        """How frames lie on the pixels now; the same whether the lanes have to scroll or not."""
        bar = self.verticalScrollBar().sizeHint().width()
        width = max(1, self.width() - bar - LABEL_PX - 8)
        return Scale(self._first, self._shown, LABEL_PX, width)

    def x_of(self, frame: float) -> float:
        """Pixel at which a frame begins."""
        return self.scale().x_of(frame)

    def frame_at(self, x: float) -> int:
        """The frame under a pixel, inside the video."""
        frame = int(self.scale().frame_of(x))
        return min(max(0, frame), max(0, self._data.num_frames - 1))

    def lane_at(self, y: float) -> Lane | None:
        """The lane under a pixel."""
        place = (int(y) - HEAD_PX + self.verticalScrollBar().value()) // LANE_PX
        inside = y >= HEAD_PX and 0 <= place < len(self._data.lanes)
        return self._data.lanes[place] if inside else None

    def _cursor_area(self) -> QRect:
        left, right = self.x_of(self._frame_index), self.x_of(self._frame_index + 1)
        return QRectF(left - 8, 0, right - left + 16, self.viewport().height()).toAlignedRect()

    # Drawing

    def _redraw(self) -> None:
        self._picture = None
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        if self._picture is None:
            self._picture = self._draw_picture()
        painter = QPainter(self.viewport())
        painter.drawPixmap(0, 0, self._picture)
        if self._data.num_frames:
            self._draw_range(painter)
            self._draw_cursor(painter)
        painter.end()

    def _draw_picture(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap((self.viewport().size() * ratio).expandedTo(QSize(1, 1)))
        picture.setDevicePixelRatio(ratio)
        picture.fill(self._colors.background)
        painter = QPainter(picture)
        painter.setFont(small_font(painter.font()))
        if self._data.num_frames == 0:
            painter.setPen(self._colors.muted)
            text = tr("Open a video to see its timeline")
            painter.drawText(self.viewport().rect(), int(Qt.AlignmentFlag.AlignCenter), text)
        else:
            drawing = self._painter_on(painter)
            offset = self.verticalScrollBar().value()
            drawing.lanes(self._lanes_height(), offset, self._selected)
            drawing.counts()
            drawing.ruler()
        painter.end()
        return picture

    def _painter_on(self, painter: QPainter) -> TimelinePainter:
        scale = self.scale()
        if scale != self._drawn_at or len(self._lanes) > _MOST_PICTURES:
            self._lanes.clear()
            self._drawn_at = scale
        return TimelinePainter(painter, scale, self._colors, self._data, self._lanes)

    def _draw_range(self, painter: QPainter) -> None:
        marked = self._range
        if marked is None:
            return
        scale = self.scale()
        left = max(scale.x_of(marked.first), float(LABEL_PX))
        right = min(scale.x_of(marked.last + 1), float(LABEL_PX + scale.width))
        if right <= left:
            return
        color = self._colors.cursor
        painter.setPen(QPen(color, 1, Qt.PenStyle.DashLine))
        for top, height in self._range_rows(marked):
            painter.setBrush(faded(color, 55))
            painter.drawRect(QRectF(left, top, right - left, height))
        painter.fillRect(QRectF(left, RULER_PX - 2, right - left, 2), color)

    def _range_rows(self, marked: FrameRange) -> list[tuple[int, int]]:
        """(top, height) of what a range covers, clipped to the lanes in sight."""
        bottom = self.viewport().height()
        if not marked.track_ids:
            return [(RULER_PX, bottom - RULER_PX - 1)]
        offset = self.verticalScrollBar().value()
        tops = [
            HEAD_PX + self._places[i] * LANE_PX - offset
            for i in marked.track_ids
            if i in self._places
        ]
        return [
            (max(top, HEAD_PX), min(LANE_PX, top + LANE_PX - HEAD_PX))
            for top in tops
            if top + LANE_PX > HEAD_PX and top < bottom
        ]

    def _draw_cursor(self, painter: QPainter) -> None:
        left, right = self.x_of(self._frame_index), self.x_of(self._frame_index + 1)
        if right < LABEL_PX or left > LABEL_PX + self.scale().width:
            return
        height = self.viewport().height()
        color = self._colors.cursor
        if right - left > 3:
            painter.fillRect(QRectF(left, RULER_PX, right - left, height), faded(color, 50))
        middle = (left + right) / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color, 1.5))
        painter.drawLine(QPointF(middle, RULER_PX), QPointF(middle, height))
        painter.setBrush(color)
        painter.setPen(Qt.PenStyle.NoPen)
        top = RULER_PX - 8  # below the ruler's numbers
        head = [QPointF(middle - 5, top), QPointF(middle + 5, top), QPointF(middle, RULER_PX)]
        painter.drawPolygon(QPolygonF(head))

    # Mouse

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._update_scroll_bars()
        self._redraw()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if event.button() != Qt.MouseButton.LeftButton or self._data.num_frames == 0:
            return
        x, y = event.position().x(), event.position().y()
        self._pressed = (x, y)
        self._dragging = ""
        if y < HEAD_PX and x >= LABEL_PX:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._dragging = "mark" if shift else "seek"
            if not shift:
                self.seek_requested.emit(self.frame_at(x))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if self._pressed is None:
            return
        x, y = event.position().x(), event.position().y()
        if not self._dragging and abs(x - self._pressed[0]) > _DRAG_PX:
            self._dragging = "mark" if self._pressed[0] >= LABEL_PX else "none"
        if self._dragging == "seek":
            self.seek_requested.emit(self.frame_at(x))
        elif self._dragging == "mark":
            self._mark_between(self._pressed, (x, y))

    def _mark_between(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        frames = sorted((self.frame_at(start[0]), self.frame_at(end[0])))
        self.mark(FrameRange(frames[0], frames[1], self._lanes_between(start[1], end[1])))

    def _lanes_between(self, y_one: float, y_two: float) -> tuple[int, ...]:
        if y_one < HEAD_PX or not self._data.lanes:
            return ()
        offset = self.verticalScrollBar().value() - HEAD_PX
        low, high = sorted(int(y + offset) // LANE_PX for y in (y_one, max(y_two, HEAD_PX)))
        lanes = self._data.lanes[max(0, low) : high + 1] or self._data.lanes[-1:]
        return tuple(lane.track_id for lane in lanes if lane.track_id > 0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        pressed, self._pressed = self._pressed, None
        if pressed is not None and self._dragging == "mark":
            self.marking_ended.emit()
        if pressed is None or self._dragging:
            return
        x, y = pressed
        self.mark(None)
        lane = self.lane_at(y)
        if lane is not None:
            adding = bool(event.modifiers() & _ADD_KEYS)
            self.track_requested.emit(lane.track_id, adding)
        if x >= LABEL_PX:
            self.seek_requested.emit(self.frame_at(x))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        lane = self.lane_at(event.position().y())
        if lane is not None and len(lane.spans):
            self.show_frames(float(lane.spans.start[0]), float(lane.spans.stop[-1] - 1))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802, D102
        if self._data.num_frames:
            self.menu_requested.emit(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802, D102
        turn = event.angleDelta().y() or event.angleDelta().x()
        sideways = abs(event.angleDelta().x()) > abs(event.angleDelta().y())
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.25 if turn > 0 else 0.8, self.scale().frame_of(event.position().x()))
        elif sideways or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._scroll_to(self._first - turn / 120 * self._shown / 10)
        else:
            super().wheelEvent(event)

    # Keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        lanes = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        key = Qt.Key(event.key())
        if not self._data.num_frames:
            super().keyPressEvent(event)
        elif key in steps:
            self.step(steps[key], marking=shift)
        elif key in lanes and self._data.lanes:
            self._change_lane(lanes[key], adding=shift)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom(0.8 if key == Qt.Key.Key_Minus else 1.25)
        elif key == Qt.Key.Key_0:
            self.show_all()
        elif key == Qt.Key.Key_Escape and self._range is not None:
            self.mark(None)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Menu):
            place = QPoint(int(self.x_of(self._frame_index)), HEAD_PX)
            self.menu_requested.emit(self.viewport().mapToGlobal(place))
        else:
            super().keyPressEvent(event)

    def step(self, by: int, *, marking: bool = False) -> None:
        """Go some frames on; with ``marking`` the range grows or shrinks with the cursor."""
        last = self._data.num_frames - 1
        frame = min(max(0, self._frame_index + by), last)
        if marking:
            marked, here = self._range, self._frame_index
            start = here
            if marked is not None and here in (marked.first, marked.last):
                start = marked.last if here == marked.first else marked.first
            ids = tuple(i for i in sorted(self._selected) if i > 0)
            self.mark(FrameRange(min(start, frame), max(start, frame), ids))
        self.seek_requested.emit(frame)

    def _change_lane(self, by: int, *, adding: bool) -> None:
        places = sorted(self._places[i] for i in self._selected if i in self._places)
        here = (places[-1] if by > 0 else places[0]) if places else (-1 if by > 0 else 0)
        place = min(max(0, here + by), len(self._data.lanes) - 1)
        self.track_requested.emit(self._data.lanes[place].track_id, adding)

    # Words

    def viewportEvent(self, event: object) -> bool:  # noqa: N802, D102
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._tip_at(event.pos()), self)
            return True
        return bool(super().viewportEvent(event))

    def _tip_at(self, place: QPoint) -> str:
        if self._data.num_frames == 0:
            return ""
        lane = self.lane_at(place.y())
        if place.x() < LABEL_PX:
            return (
                ""
                if lane is None
                else tr("Track {label}: {detail}").format(label=lane.label, detail=lane.detail)
            )
        frame = self.frame_at(place.x())
        words = tr("Frame {frame}").format(frame=frame)
        if self._data.fps > 0:
            words += f", {self._data.seconds_at(frame):.2f} s"
        if lane is None:
            return f"{words}\n{self._counts_at(frame)}"
        span = lane.spans.at(frame)
        state = tr("not annotated") if span is None else KIND_WORDS[span.kind]
        words = tr("{words}\nTrack {label}: {state}").format(
            words=words, label=lane.label, state=state
        )
        known = (lane.doubt_frames == frame).nonzero()[0]
        return words + (
            tr(", uncertainty {doubt:.2f}").format(doubt=lane.doubt[known[0]]) if len(known) else ""
        )

    def _counts_at(self, frame: int) -> str:
        if frame >= len(self._data.counts):
            return ""
        words = tr("{counts} masks").format(counts=self._data.counts[frame])
        doubtful = int(self._data.doubtful[frame]) if len(self._data.doubtful) else 0
        return words + (
            tr(", {doubtful} of them doubtful").format(doubtful=doubtful) if doubtful else ""
        )
