"""Draws what stands still on the timeline; the cursor and the marked range lie above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRect, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QFont, QPainter, QPen, QPolygonF

from napari_ifc.rows import SPAN_KINDS, Lane, SpanKind, TimelineData
from napari_ifc.views.theme import Palette, theme_mix
from napari_ifc.views.timeline_scale import (
    Scale,
    highest_counts,
    highest_in_pixels,
    nice_step,
    spaced,
    span_runs,
    value_runs,
)

LABEL_PX = 92
RULER_PX = 22
COUNTS_PX = 20
HEAD_PX = RULER_PX + COUNTS_PX
LANE_PX = 20
_BAR_TOP, _BAR_PX = 4, 9
_DOUBT_TOP, _DOUBT_PX = 14, 5
_DOUBT_FLOOR = 0.15  # less is not worth a person's eye
_KEY_DISTANCE_PX = 9.0


@dataclass(frozen=True, slots=True)
class TimelineColors:
    """The theme's colours as the painter needs them."""

    background: QColor
    lane: QColor
    selected: QColor
    line: QColor
    text: QColor
    muted: QColor
    cursor: QColor
    good: QColor
    warning: QColor

    @classmethod
    def of(cls, p: Palette) -> TimelineColors:
        """The colours of a theme."""
        return cls(
            background=QColor(p.background),
            lane=QColor(p.surface),
            selected=QColor(theme_mix(p.surface, p.accent, 0.35)),
            line=QColor(p.raised),
            text=QColor(p.text),
            muted=QColor(p.muted),
            cursor=QColor(p.accent),
            good=QColor(p.good),
            warning=QColor(p.warning),
        )

    @classmethod
    def plain(cls) -> TimelineColors:
        """Grey, until a theme is given."""
        return cls(*(QColor("#808080") for _ in range(9)))


def small_font(font: QFont) -> QFont:
    """The font of the timeline."""
    small = QFont(font)
    small.setPointSizeF(8)
    return small


class TimelinePainter:
    """Draws one picture of the timeline.

    Args:
        painter: Where to.
        scale: Which frames are shown.
        colors: In which colours.
        data: What is shown.
    """

    def __init__(
        self, painter: QPainter, scale: Scale, colors: TimelineColors, data: TimelineData
    ) -> None:
        self._painter = painter
        self._scale = scale
        self._colors = colors
        self._data = data
        self._edges = scale.edges()
        self._right = scale.left + scale.width

    def lanes(self, height: int, offset: int, selected: frozenset[int]) -> None:
        """Draw the lanes in sight.

        Args:
            height: Pixels for lanes.
            offset: Pixels scrolled down.
            selected: Tracks to mark.
        """
        painter, lanes = self._painter, self._data.lanes
        area = QRect(0, HEAD_PX, self._right + 8, height)
        painter.save()
        painter.setClipRect(area)
        last = min(len(lanes), (offset + height) // LANE_PX + 1)
        for place in range(offset // LANE_PX, last):
            lane = lanes[place]
            y = HEAD_PX + place * LANE_PX - offset
            self._lane(lane, y, chosen=lane.track_id in selected)
        painter.restore()
        if not lanes or self._data.loading:
            painter.setPen(self._colors.muted)
            text = "Reading the tracks…" if lanes else "Tracks appear here, one lane each"
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)

    def _lane(self, lane: Lane, y: int, *, chosen: bool) -> None:
        painter, scale = self._painter, self._scale
        back = self._colors.selected if chosen else self._colors.lane
        painter.fillRect(QRectF(scale.left, y + 1, scale.width, LANE_PX - 2), back)
        color = QColor(*lane.color_rgb)
        self._label(lane, y, color, chosen=chosen)
        self._gaps(lane, y)
        for left, right, code in span_runs(lane.spans, self._edges):
            self._bar(SPAN_KINDS[code], scale.left + left, scale.left + right, color, y)
        self._doubt(lane, y)
        self._keyframes(lane, y)

    def _label(self, lane: Lane, y: int, color: QColor, *, chosen: bool) -> None:
        painter = self._painter
        painter.fillRect(QRectF(10, y + 6, 8, 8), color)
        painter.setPen(self._colors.text if chosen else self._colors.muted)
        words = f"{lane.label}  {lane.detail.split(',')[0]}".strip()
        room = QRect(24, y, LABEL_PX - 28, LANE_PX)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(align), shown)

    def _gaps(self, lane: Lane, y: int) -> None:
        """A hairline from end to end: where no bar lies on it the track is not annotated."""
        if not len(lane.spans):
            return
        left = max(self._scale.x_of(int(lane.spans.start[0])), float(self._scale.left))
        right = min(self._scale.x_of(int(lane.spans.stop[-1])), float(self._right))
        if right > left:
            self._painter.fillRect(
                QRectF(left, y + _BAR_TOP + _BAR_PX // 2, right - left, 1),
                faded(self._colors.muted, 120),
            )

    def _bar(self, kind: SpanKind, left: int, right: int, color: QColor, y: int) -> None:
        painter = self._painter
        box = QRectF(left, y + _BAR_TOP, right - left, _BAR_PX)
        if kind is SpanKind.ABSENT:
            middle = y + _BAR_TOP + _BAR_PX / 2
            painter.fillRect(QRectF(left, middle - 1, right - left, 2), self._colors.lane)
            painter.setPen(QPen(color, 1.5, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(left, middle), QPointF(right, middle))
        elif kind in (SpanKind.PROVISIONAL, SpanKind.REJECTED):
            painter.fillRect(box, faded(color, 60))
            painter.fillRect(box, QBrush(color, Qt.BrushStyle.BDiagPattern))
        elif kind is SpanKind.DERIVED:
            painter.fillRect(box, faded(color, 110))
            painter.fillRect(box, QBrush(color, Qt.BrushStyle.Dense6Pattern))
        elif kind is SpanKind.PROPOSED:
            painter.fillRect(box, faded(color, 120))
        else:
            painter.fillRect(box, color)
        # A line above is corrected work, a line below approved work: never colour alone.
        if kind is SpanKind.CORRECTED:
            painter.fillRect(QRectF(left, y + 2, right - left, 2), self._colors.text)
        elif kind is SpanKind.APPROVED:
            painter.fillRect(QRectF(left, y + 15, right - left, 2), self._colors.good)

    def _doubt(self, lane: Lane, y: int) -> None:
        if not len(lane.doubt_frames):
            return
        doubt = highest_in_pixels(lane.doubt_frames, lane.doubt, self._edges)
        levels = np.ceil(np.clip(doubt, 0, 1) * _DOUBT_PX).astype(np.int64)
        levels[doubt < _DOUBT_FLOOR] = -1
        bottom = y + _DOUBT_TOP + _DOUBT_PX
        for left, right, level in value_runs(levels):
            color = faded(self._colors.warning, 110 + 145 * level // _DOUBT_PX)
            x = self._scale.left + left
            self._painter.fillRect(x, bottom - level, right - left, level, color)

    def _keyframes(self, lane: Lane, y: int) -> None:
        frames, scale = lane.keyframes, self._scale
        low = np.searchsorted(frames, scale.first - 1)
        high = np.searchsorted(frames, scale.first + scale.shown)
        if low >= high:
            return
        shown = frames[low:high].astype(np.float64) + 0.5
        pixels = scale.left + (shown - scale.first) / scale.shown * scale.width
        middle = y + _BAR_TOP + _BAR_PX / 2
        painter = self._painter
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._colors.background, 1))
        painter.setBrush(self._colors.text)
        for x in spaced(pixels, _KEY_DISTANCE_PX).tolist():
            if scale.left <= x <= self._right:
                corners = ((x, middle - 4), (x + 4, middle), (x, middle + 4), (x - 4, middle))
                painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
        painter.restore()

    def counts(self) -> None:
        """Draw how many masks each frame has, the doubtful ones below in another colour."""
        painter, data = self._painter, self._data
        band = QRect(0, RULER_PX, self._right + 8, COUNTS_PX)
        painter.fillRect(band, self._colors.background)
        painter.setPen(self._colors.muted)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(10, RULER_PX, LABEL_PX - 12, COUNTS_PX), int(align), "Masks")
        highest = int(data.counts.max(initial=0))
        if highest == 0:
            return
        room = COUNTS_PX - 4
        for counts, color in (
            (data.counts, faded(self._colors.text, 80)),
            (data.doubtful, self._colors.warning),
        ):
            if not len(counts):
                continue
            heights = highest_counts(counts, self._edges)
            bars = np.where(heights > 0, np.maximum(1, heights * room // highest), -1)
            for left, right, bar in value_runs(bars):
                x, top = self._scale.left + left, RULER_PX + COUNTS_PX - 2 - bar
                painter.fillRect(x, top, right - left, bar, color)

    def ruler(self) -> None:
        """Draw frame numbers, and a line under approved frames."""
        painter, scale = self._painter, self._scale
        painter.fillRect(QRect(0, 0, self._right + 8, RULER_PX), self._colors.background)
        painter.setPen(self._colors.muted)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(QRect(10, 2, LABEL_PX - 12, RULER_PX), int(align), "Frame")
        for start, stop in self._data.approved:
            left = max(scale.x_of(start), float(scale.left))
            right = min(scale.x_of(stop), float(self._right))
            if right > left:
                box = QRectF(left, RULER_PX - 4, max(1.5, right - left), 3)
                painter.fillRect(box, self._colors.good)
        step = nice_step(scale.shown / scale.width)
        frame = int(np.ceil(scale.first / step)) * step
        end = min(scale.first + scale.shown, self._data.num_frames)
        while frame < end:
            x = scale.x_of(frame)
            painter.setPen(self._colors.line)
            painter.drawLine(QPointF(x, RULER_PX - 8), QPointF(x, RULER_PX - 2))
            painter.setPen(self._colors.muted)
            painter.drawText(QPointF(x + 3, RULER_PX - 9), f"{frame:,}".replace(",", "\u2009"))
            frame += step


def faded(color: QColor, alpha: int) -> QColor:
    """The colour with another opacity, 0 to 255."""
    result = QColor(color)
    result.setAlpha(min(255, alpha))
    return result
