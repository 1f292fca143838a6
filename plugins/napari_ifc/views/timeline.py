"""The timeline under the canvas: ruler, counts, and one lane a track."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from napari_ifc.rows import Lane, Span, SpanKind, TimelineData
from napari_ifc.views.theme import Palette, theme_mix

LABEL_PX = 64
RULER_PX = 22
COUNTS_PX = 16
LANE_PX = 18
_MIN_TICK_PX = 64
_KIND_WORDS = {
    SpanKind.PROVISIONAL: "provisional",
    SpanKind.PROPOSED: "proposed",
    SpanKind.DERIVED: "propagated",
    SpanKind.CORRECTED: "corrected",
    SpanKind.APPROVED: "approved",
    SpanKind.REJECTED: "rejected",
    SpanKind.ABSENT: "absent",
}


@dataclass(frozen=True, slots=True)
class _Colors:
    background: QColor
    lane: QColor
    selected: QColor
    line: QColor
    text: QColor
    muted: QColor
    cursor: QColor
    good: QColor


def nice_step(frames_per_pixel: float) -> int:
    """Distance of labelled ticks in frames: 1, 2 or 5 times a power of ten."""
    wanted = max(1.0, frames_per_pixel * _MIN_TICK_PX)
    power = 10 ** int(np.floor(np.log10(wanted)))
    for factor in (1, 2, 5, 10):
        if factor * power >= wanted:
            return int(factor * power)
    return int(10 * power)


class Timeline(QAbstractScrollArea):
    """Draws lanes and seeks; only lanes that are in sight are drawn.

    Click or drag to seek, wheel to scroll the lanes, Ctrl+wheel to zoom, Shift+wheel to pan.

    Attributes:
        seek_requested: Emitted with a frame index.
        track_requested: Emitted with a track id and whether to add it to the selection.
    """

    seek_requested = Signal(int)
    track_requested = Signal(int, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data = TimelineData()
        self._frame_index = 0
        self._selected: frozenset[int] = frozenset()
        self._first = 0.0
        self._shown = 1.0
        self._seeking = False
        plain = QColor("#808080")
        self._colors = _Colors(*(plain for _ in range(8)))
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Timeline")
        self.setMinimumHeight(RULER_PX + COUNTS_PX + 3 * LANE_PX + 6)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(600, RULER_PX + COUNTS_PX + 5 * LANE_PX + 6)

    def apply_palette(self, p: Palette) -> None:
        """Take the theme's colours."""
        self._colors = _Colors(
            background=QColor(p.background),
            lane=QColor(p.surface),
            selected=QColor(theme_mix(p.surface, p.accent, 0.35)),
            line=QColor(p.raised),
            text=QColor(p.text),
            muted=QColor(p.muted),
            cursor=QColor(p.accent),
            good=QColor(p.good),
        )
        self.viewport().update()

    # What is shown

    def set_data(self, data: TimelineData) -> None:
        """Show these lanes; zoom and place are kept while the video stays the same."""
        if data.num_frames != self._data.num_frames:
            self._first, self._shown = 0.0, float(max(1, data.num_frames))
        self._data = data
        self._update_scroll_bar()
        self.viewport().update()

    def set_frame(self, frame_index: int) -> None:
        """Move the cursor, and the view along with it where needed."""
        self._frame_index = frame_index
        if not self._first <= frame_index < self._first + self._shown:
            self._scroll_to(frame_index - self._shown / 2)
        self.viewport().update()

    def set_selected(self, track_ids: tuple[int, ...]) -> None:
        """Mark the lanes of the selected tracks and bring the first into view."""
        self._selected = frozenset(track_ids)
        if track_ids:
            places = [n for n, lane in enumerate(self._data.lanes) if lane.track_id in track_ids]
            if places:
                self._show_lane(places[0])
        self.viewport().update()

    def zoom(self, factor: float, around_frame: float | None = None) -> None:
        """Show fewer (factor over 1) or more frames around a frame, by default the cursor."""
        around = self._frame_index + 0.5 if around_frame is None else around_frame
        total = float(max(1, self._data.num_frames))
        share = (around - self._first) / self._shown
        self._shown = min(total, max(min(total, 8.0), self._shown / factor))
        self._scroll_to(around - share * self._shown)
        self.viewport().update()

    def _scroll_to(self, first: float) -> None:
        self._first = min(max(0.0, first), max(0.0, self._data.num_frames - self._shown))

    def _show_lane(self, place: int) -> None:
        bar = self.verticalScrollBar()
        top, height = place * LANE_PX, self._lanes_height()
        if top < bar.value():
            bar.setValue(top)
        elif top + LANE_PX > bar.value() + height:
            bar.setValue(top + LANE_PX - height)

    def _lanes_height(self) -> int:
        return max(1, self.viewport().height() - RULER_PX - COUNTS_PX)

    def _update_scroll_bar(self) -> None:
        over = len(self._data.lanes) * LANE_PX - self._lanes_height()
        self.verticalScrollBar().setRange(0, max(0, over))
        self.verticalScrollBar().setPageStep(self._lanes_height())
        self.verticalScrollBar().setSingleStep(LANE_PX)

    # Places

    def _width(self) -> int:
        return max(1, self.viewport().width() - LABEL_PX - 8)

    def x_of(self, frame: float) -> float:
        """Pixel at which a frame begins."""
        return LABEL_PX + (frame - self._first) / self._shown * self._width()

    def frame_at(self, x: float) -> int:
        """The frame under a pixel, inside the video."""
        frame = int(self._first + (x - LABEL_PX) / self._width() * self._shown)
        return min(max(0, frame), max(0, self._data.num_frames - 1))

    def lane_at(self, y: float) -> Lane | None:
        """The lane under a pixel."""
        place = (int(y) - RULER_PX - COUNTS_PX + self.verticalScrollBar().value()) // LANE_PX
        inside = y >= RULER_PX + COUNTS_PX and 0 <= place < len(self._data.lanes)
        return self._data.lanes[place] if inside else None

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        painter = QPainter(self.viewport())
        rect = self.viewport().rect()
        painter.fillRect(rect, self._colors.background)
        font = painter.font()
        font.setPointSizeF(8)
        painter.setFont(font)
        if self._data.num_frames == 0:
            painter.setPen(self._colors.muted)
            text = "Open a video to see its timeline"
            painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), text)
            painter.end()
            return
        self._draw_lanes(painter)
        self._draw_counts(painter)
        self._draw_ruler(painter)
        self._draw_cursor(painter)
        painter.end()

    def _draw_lanes(self, painter: QPainter) -> None:
        offset = self.verticalScrollBar().value()
        top = RULER_PX + COUNTS_PX
        painter.save()
        painter.setClipRect(0, top, self.viewport().width(), self._lanes_height())
        first = offset // LANE_PX
        last = min(len(self._data.lanes), (offset + self._lanes_height()) // LANE_PX + 1)
        for place in range(first, last):
            self._draw_lane(painter, self._data.lanes[place], top + place * LANE_PX - offset)
        painter.restore()
        if not self._data.lanes:
            painter.setPen(self._colors.muted)
            area = QRect(0, top, self.viewport().width(), self._lanes_height())
            text = "Tracks appear here, one lane each"
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)

    def _draw_lane(self, painter: QPainter, lane: Lane, y: int) -> None:
        chosen = lane.track_id in self._selected
        back = self._colors.selected if chosen else self._colors.lane
        strip = QRectF(LABEL_PX, y + 1, self._width(), LANE_PX - 2)
        painter.fillRect(strip, back)
        painter.setPen(self._colors.text if chosen else self._colors.muted)
        color = QColor(*lane.color_rgb)
        painter.fillRect(QRectF(10, y + 5, 8, 8), color)
        place = QRect(24, y, LABEL_PX - 28, LANE_PX)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(place, int(align), lane.label)
        for span in lane.spans:
            if span.stop > self._first and span.start < self._first + self._shown:
                self._draw_span(painter, span, color, y)

    def _draw_span(self, painter: QPainter, span: Span, color: QColor, y: int) -> None:
        left = max(self.x_of(span.start), float(LABEL_PX))
        right = min(self.x_of(span.stop), float(LABEL_PX + self._width()))
        box = QRectF(left, y + 4, max(1.5, right - left), LANE_PX - 8)
        if span.kind is SpanKind.ABSENT:
            painter.setPen(QPen(color, 1, Qt.PenStyle.DotLine))
            middle = y + LANE_PX / 2
            painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))
            return
        if span.kind in (SpanKind.PROVISIONAL, SpanKind.REJECTED):
            painter.fillRect(box, _faded(color, 60))
            painter.fillRect(box, _hatch(color))
            return
        strong = span.kind in (SpanKind.CORRECTED, SpanKind.APPROVED)
        painter.fillRect(box, color if strong else _faded(color, 130))
        if span.kind is SpanKind.APPROVED:
            # Approved work carries a line below it, corrected work one above: not colour alone.
            painter.fillRect(QRectF(box.left(), y + LANE_PX - 4, box.width(), 2), self._colors.good)
        elif span.kind is SpanKind.CORRECTED:
            painter.fillRect(QRectF(box.left(), y + 2, box.width(), 2), self._colors.text)

    def _draw_counts(self, painter: QPainter) -> None:
        width = self._width()
        painter.fillRect(
            QRectF(0, RULER_PX, LABEL_PX + width + 8, COUNTS_PX), self._colors.background
        )
        counts = np.asarray(self._data.counts, dtype=np.int64)
        highest = int(counts.max(initial=0))
        painter.setPen(self._colors.muted)
        painter.drawText(QRect(10, RULER_PX, LABEL_PX - 12, COUNTS_PX), 0, "masks")
        if highest == 0:
            return
        edges = self._first + np.arange(width + 1) / width * self._shown
        places = np.clip(edges.astype(int), 0, len(counts) - 1)
        heights = np.maximum.reduceat(counts, places)[:-1]
        bars = np.where(heights > 0, np.maximum(1, heights * (COUNTS_PX - 4) // highest), 0)
        changes = np.flatnonzero(np.diff(bars, prepend=-1, append=-1))
        color = _faded(self._colors.text, 90)
        for left, right in itertools.pairwise(changes.tolist()):
            bar = int(bars[left])
            top = RULER_PX + COUNTS_PX - 2 - bar
            painter.fillRect(LABEL_PX + left, top, right - left, bar, color)

    def _draw_ruler(self, painter: QPainter) -> None:
        width = self._width()
        painter.fillRect(QRectF(0, 0, LABEL_PX + width + 8, RULER_PX), self._colors.background)
        for start, stop in self._data.approved:
            left, right = self.x_of(start), self.x_of(stop)
            painter.fillRect(
                QRectF(left, RULER_PX - 4, max(1.5, right - left), 3), self._colors.good
            )
        step = nice_step(self._shown / width)
        frame = int(np.ceil(self._first / step)) * step
        end = min(self._first + self._shown, self._data.num_frames)
        while frame < end:
            x = self.x_of(frame)
            painter.setPen(self._colors.line)
            painter.drawLine(QPointF(x, RULER_PX - 7), QPointF(x, RULER_PX - 1))
            painter.setPen(self._colors.muted)
            painter.drawText(QPointF(x + 3, RULER_PX - 8), str(frame))
            frame += step

    def _draw_cursor(self, painter: QPainter) -> None:
        left, right = self.x_of(self._frame_index), self.x_of(self._frame_index + 1)
        if right < LABEL_PX or left > LABEL_PX + self._width():
            return
        height = self.viewport().height()
        if right - left > 3:
            painter.fillRect(
                QRectF(left, RULER_PX, right - left, height), _faded(self._colors.cursor, 50)
            )
        middle = (left + right) / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._colors.cursor, 1.5))
        painter.drawLine(QPointF(middle, 4), QPointF(middle, height))
        painter.setBrush(self._colors.cursor)
        painter.setPen(Qt.PenStyle.NoPen)
        head = [QPointF(middle - 5, 2), QPointF(middle + 5, 2), QPointF(middle, 10)]
        painter.drawPolygon(QPolygonF(head))

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._update_scroll_bar()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if event.button() != Qt.MouseButton.LeftButton or self._data.num_frames == 0:
            return
        lane = self.lane_at(event.position().y())
        if lane is not None:
            adding = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self.track_requested.emit(lane.track_id, adding)
        if event.position().x() >= LABEL_PX:
            self._seeking = True
            self.seek_requested.emit(self.frame_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if self._seeking:
            self.seek_requested.emit(self.frame_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        self._seeking = False

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802, D102
        turn = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            around = self._first + (event.position().x() - LABEL_PX) / self._width() * self._shown
            self.zoom(1.25 if turn > 0 else 0.8, around)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._scroll_to(self._first - turn / 120 * self._shown / 10)
            self.viewport().update()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if key in steps and self._data.num_frames:
            frame = self._frame_index + steps[key]
            self.seek_requested.emit(min(max(0, frame), self._data.num_frames - 1))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self.zoom(1.25 if key == Qt.Key.Key_Plus else 0.8)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: object) -> bool:  # noqa: N802, D102
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._tip_at(event.pos()), self)
            return True
        return bool(super().viewportEvent(event))

    def _tip_at(self, place: QPoint) -> str:
        if self._data.num_frames == 0 or place.x() < LABEL_PX:
            return ""
        frame = self.frame_at(place.x())
        words = f"Frame {frame}"
        if self._data.fps > 0:
            words += f", {frame / self._data.fps:.2f} s"
        lane = self.lane_at(place.y())
        if lane is None:
            return words
        for span in lane.spans:
            if span.start <= frame < span.stop:
                return f"{words}\nTrack {lane.label}: {_KIND_WORDS[span.kind]}"
        return f"{words}\nTrack {lane.label}: not annotated"


def _faded(color: QColor, alpha: int) -> QColor:
    faded = QColor(color)
    faded.setAlpha(alpha)
    return faded


def _hatch(color: QColor) -> object:
    from qtpy.QtGui import QBrush

    return QBrush(color, Qt.BrushStyle.BDiagPattern)
