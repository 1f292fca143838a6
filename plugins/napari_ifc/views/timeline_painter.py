"""Draws what stands still on the timeline; the cursor and the marked range lie above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRect, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF

from napari_ifc.language import tr
from napari_ifc.rows import Lane, SpanKind, TimelineData
from napari_ifc.views.lane_picture import (
    COUNTS_PX,
    LANE_PX,
    MIDDLE_PX,
    as_image,
    count_pixels,
    lane_pixels,
    mixed,
)
from napari_ifc.views.theme import Palette, theme_mix
from napari_ifc.views.timeline_scale import Scale, nice_step

LABEL_PX = 92
RULER_PX = 22
HEAD_PX = RULER_PX + COUNTS_PX

KIND_WORDS = {
    SpanKind.PROVISIONAL: tr("provisional"),
    SpanKind.PROPOSED: tr("proposed"),
    SpanKind.DERIVED: tr("propagated"),
    SpanKind.CORRECTED: tr("corrected"),
    SpanKind.APPROVED: tr("approved"),
    SpanKind.REJECTED: tr("rejected"),
    SpanKind.ABSENT: tr("absent"),
}

LanePictures = dict[tuple[Lane, bool], QImage]
"""Drawn lanes by lane and whether it is selected, good for one scale and one theme."""


@dataclass(frozen=True, slots=True)
class TimelineColors:
    """The theme's colours as the painter needs them."""

    background: QColor
    lane: QColor
    selected: QColor
    chosen_lane: QColor
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
            chosen_lane=QColor(theme_mix(p.surface, p.accent, 0.1)),
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
        return cls(*(QColor("#808080") for _ in range(10)))


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
        pictures: Lanes that were drawn before at this scale; new ones are added.
    """

    def __init__(
        self,
        painter: QPainter,
        scale: Scale,
        colors: TimelineColors,
        data: TimelineData,
        pictures: LanePictures,
    ) -> None:
        self._painter = painter
        self._scale = scale
        self._colors = colors
        self._data = data
        self._pictures = pictures
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
        self._divisions(offset, height)
        painter.restore()
        if not lanes or self._data.loading:
            painter.setPen(self._colors.muted)
            text = tr("Reading the tracks…") if lanes else tr("Tracks appear here, one lane each")
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)

    def _lane(self, lane: Lane, y: int, *, chosen: bool) -> None:
        self._label(lane, y, QColor(*lane.color_rgb), chosen=chosen)
        key = (lane, chosen)
        if key not in self._pictures:
            c = self._colors
            back, marks = c.chosen_lane if chosen else c.lane, (c.text, c.good, c.warning)
            pixels = lane_pixels(lane, self._scale, self._edges, back, c.background, marks)
            self._pictures[key] = as_image(pixels)
        self._painter.drawImage(self._scale.left, y, self._pictures[key])

    def _divisions(self, offset: int, height: int) -> None:
        """Draw a line from the end of each mother to where her daughters begin."""
        lanes = self._data.lanes
        daughters = [(n, lane) for n, lane in enumerate(lanes) if lane.parent_id is not None]
        if not daughters:
            return
        places = {lane.track_id: place for place, lane in enumerate(lanes)}
        first, last = offset // LANE_PX, (offset + height) // LANE_PX
        painter, scale = self._painter, self._scale
        painter.save()
        painter.setClipRect(QRect(scale.left, HEAD_PX, scale.width, height))
        painter.setPen(QPen(self._colors.text, 1.5))
        painter.setBrush(self._colors.text)
        for place, lane in daughters:
            above = places.get(lane.parent_id or 0)
            is_off = above is None or max(place, above) < first or min(place, above) > last
            seen = lane.spans.seen()
            if above is None or is_off or seen is None:
                continue
            begin, of_mother = seen[0], lanes[above].spans.seen()
            end = begin if of_mother is None else min(begin, of_mother[1])
            left, right = scale.x_of(end), scale.x_of(begin)
            top, bottom = (HEAD_PX + n * LANE_PX + MIDDLE_PX - offset for n in (above, place))
            painter.drawPolyline(
                QPolygonF([QPointF(left, top), QPointF(right, top), QPointF(right, bottom)])
            )
            painter.drawEllipse(QPointF(right, bottom), 2, 2)
        painter.restore()

    def _label(self, lane: Lane, y: int, color: QColor, *, chosen: bool) -> None:
        painter = self._painter
        if chosen:  # a strong ground of the lane itself would look like masks
            painter.fillRect(QRect(0, y, LABEL_PX - 4, LANE_PX - 1), self._colors.selected)
        painter.fillRect(QRectF(10, y + 6, 8, 8), color)
        painter.setPen(self._colors.text if chosen else self._colors.muted)
        called = lane.name or lane.detail.split(",")[0]
        words = f"{lane.label}  {called}".strip()
        room = QRect(24, y, LABEL_PX - 28, LANE_PX)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(align), shown)

    def counts(self) -> None:
        """Draw how many masks each frame has, the doubtful ones below in another colour."""
        painter, data = self._painter, self._data
        band = QRect(0, RULER_PX, self._right + 8, COUNTS_PX)
        painter.fillRect(band, self._colors.background)
        painter.setPen(self._colors.muted)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(10, RULER_PX, LABEL_PX - 12, COUNTS_PX), int(align), tr("Masks"))
        c = self._colors
        bars = mixed(c.background, c.text, 0.35)
        pixels = count_pixels(data, self._scale, c.background, bars, c.warning)
        painter.drawImage(self._scale.left, RULER_PX, as_image(pixels))

    def ruler(self) -> None:
        """Draw frame numbers, and a line under approved frames."""
        painter, scale = self._painter, self._scale
        painter.fillRect(QRect(0, 0, self._right + 8, RULER_PX), self._colors.background)
        painter.setPen(self._colors.muted)
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(QRect(10, 2, LABEL_PX - 12, RULER_PX), int(align), tr("Frame"))
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
