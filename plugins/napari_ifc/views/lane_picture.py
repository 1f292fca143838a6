"""A lane and the counts as arrays of pixels: as fast for ten thousand spans as for one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtGui import QColor, QImage

from napari_ifc.rows import SPAN_KINDS, Lane, SpanKind, TimelineData
from napari_ifc.views.timeline_scale import (
    Scale,
    highest_counts,
    highest_in_pixels,
    kinds_in_pixels,
    spaced,
)

LANE_PX = 20
COUNTS_PX = 20
_BAR = slice(4, 13)
MIDDLE_PX = 8
_ABOVE, _BELOW = slice(2, 4), slice(15, 17)
_DOUBT_PX, _DOUBT_BOTTOM = 5, 19
_DOUBT_FLOOR = 0.15  # less is not worth a person's eye
_KEY_DISTANCE_PX = 9.0
_KEY_RADIUS = 4

Pixels = npt.NDArray[np.uint32]
"""(height, width) opaque colours, 0xffRRGGBB."""

_FILL = {
    SpanKind.PROVISIONAL: 0.25,
    SpanKind.REJECTED: 0.25,
    SpanKind.PROPOSED: 0.5,
    SpanKind.DERIVED: 0.4,
    SpanKind.CORRECTED: 1.0,
    SpanKind.APPROVED: 1.0,
}
"""Share of the track's colour in a bar; human work is solid."""


def mixed(first: QColor, second: QColor, share: float) -> QColor:
    """A colour between two, ``share`` of the way to the second."""
    parts = zip(first.getRgb()[:3], second.getRgb()[:3], strict=True)
    return QColor(*(round(a + (b - a) * share) for a, b in parts))


def lane_pixels(
    lane: Lane,
    scale: Scale,
    edges: npt.NDArray[np.float64],
    back: QColor,
    outside: QColor,
    marks: tuple[QColor, QColor, QColor],
) -> Pixels:
    """Draw one lane.

    Proposed bars are pale, propagated ones dotted, provisional ones hatched; corrected work is
    solid with a line above, approved work with a line below; absent is a dotted line, a gap a
    hairline. So nothing is told by colour alone.

    Args:
        lane: The lane.
        scale: Which frames the pixels show.
        edges: Its edges, made once for all lanes.
        back: Colour behind the bars.
        outside: Colour between lanes.
        marks: Colours of corrected work and keyframes, of approved work, of doubt.

    Returns:
        (LANE_PX, width) pixels.
    """
    color = QColor(*lane.color_rgb)
    text, good, warning = marks
    tiles = _tiles(color, back, outside, text, good)
    codes = kinds_in_pixels(lane.spans, edges)
    there = np.flatnonzero(codes >= 0)
    if len(there):
        inside = codes[there[0] : there[-1] + 1]
        inside[inside < 0] = _GAP
    phases = np.arange(scale.width) % _TILE_PX
    picture: Pixels = np.ascontiguousarray(tiles[codes, phases].T)
    _draw_doubt(picture, lane, edges, back, warning)
    _draw_keys(picture, lane, scale, text, outside)
    return picture


_TILE_PX = 20
_GAP = len(SPAN_KINDS)  # not annotated, though the track is there before and after
_NOTHING = -1  # the last tile


def _tiles(
    color: QColor, back: QColor, outside: QColor, text: QColor, good: QColor
) -> npt.NDArray[np.uint32]:
    """(kinds + gap + nothing, _TILE_PX, LANE_PX): what each kind looks like, to be repeated."""
    tiles = np.full((len(SPAN_KINDS) + 2, _TILE_PX, LANE_PX), back.rgb(), dtype=np.uint32)
    tiles[_GAP, :, MIDDLE_PX] = mixed(back, text, 0.35).rgb()
    for kind, share in _FILL.items():
        tiles[SPAN_KINDS.index(kind), :, _BAR] = mixed(back, color, share).rgb()
    across, down = np.ogrid[:_TILE_PX, : _BAR.stop - _BAR.start]
    patterns = {
        SpanKind.PROVISIONAL: (across + down) % 5 == 0,
        SpanKind.REJECTED: (across - down) % 5 == 0,
        SpanKind.DERIVED: (across % 4 == 1) & (down % 4 == 2),
    }
    for kind, pattern in patterns.items():
        tiles[SPAN_KINDS.index(kind), :, _BAR][pattern] = color.rgb()
    dashes = np.arange(_TILE_PX) % 4 < 2
    tiles[SPAN_KINDS.index(SpanKind.ABSENT), dashes, MIDDLE_PX] = color.rgb()
    tiles[SPAN_KINDS.index(SpanKind.ABSENT), dashes, MIDDLE_PX + 1] = color.rgb()
    tiles[SPAN_KINDS.index(SpanKind.CORRECTED), :, _ABOVE] = text.rgb()
    tiles[SPAN_KINDS.index(SpanKind.APPROVED), :, _BELOW] = good.rgb()
    tiles[:, :, [0, -1]] = outside.rgb()
    return tiles


def _draw_doubt(
    picture: Pixels, lane: Lane, edges: npt.NDArray[np.float64], back: QColor, warning: QColor
) -> None:
    """Columns as high as the uncertainty."""
    if not len(lane.doubt_frames):
        return
    doubt = highest_in_pixels(lane.doubt_frames, lane.doubt, edges)
    levels = np.ceil(np.clip(doubt, 0, 1) * _DOUBT_PX).astype(np.int64)
    levels[doubt < _DOUBT_FLOOR] = 0
    shares = [0.45 + 0.55 * level / _DOUBT_PX for level in range(_DOUBT_PX + 1)]
    table = np.array([mixed(back, warning, s).rgb() for s in shares], dtype=np.uint32)
    heights = np.arange(_DOUBT_PX, 0, -1)[:, None]
    band = picture[_DOUBT_BOTTOM - _DOUBT_PX : _DOUBT_BOTTOM]
    np.copyto(band, table[levels][None, :], where=levels[None, :] >= heights)


def _draw_keys(picture: Pixels, lane: Lane, scale: Scale, color: QColor, rim: QColor) -> None:
    """A diamond on each frame that a person drew or corrected, thinned where they are dense."""
    low = np.searchsorted(lane.keyframes, scale.first - 1)
    high = np.searchsorted(lane.keyframes, scale.first + scale.shown)
    shown = lane.keyframes[low:high].astype(np.float64) + 0.5
    if not len(shown):
        return
    pixels = (shown - scale.first) / scale.shown * scale.width
    centres = spaced(pixels, _KEY_DISTANCE_PX).astype(np.int64)
    side = np.arange(-_KEY_RADIUS, _KEY_RADIUS + 1)
    distance = np.abs(side)[:, None] + np.abs(side)[None, :]
    for radius, ink in ((_KEY_RADIUS, rim), (_KEY_RADIUS - 1, color)):
        down, across = np.nonzero(distance <= radius)
        rows = np.broadcast_to(MIDDLE_PX + side[down], (len(centres), len(down)))
        columns = centres[:, None] + side[across]
        inside = (columns >= 0) & (columns < scale.width)
        picture[rows[inside], columns[inside]] = ink.rgb()


def count_pixels(
    data: TimelineData, scale: Scale, back: QColor, bars: QColor, doubtful: QColor
) -> Pixels:
    """Draw how many masks each frame has, the doubtful ones among them from below.

    Args:
        data: The counts.
        scale: Which frames the pixels show.
        back: Colour behind.
        bars: Colour of all masks.
        doubtful: Colour of those of which the model is unsure.

    Returns:
        (COUNTS_PX, width) pixels.
    """
    picture = np.full((COUNTS_PX, scale.width), back.rgb(), dtype=np.uint32)
    highest = int(data.counts.max(initial=0))
    if highest == 0:
        return picture
    edges, room = scale.edges(), COUNTS_PX - 4
    rows = np.arange(COUNTS_PX - 2, -2, -1)[:, None]  # height above the ground of each row
    for counts, color in ((data.counts, bars), (data.doubtful, doubtful)):
        if len(counts):
            heights = highest_counts(counts, edges)
            tall = np.where(heights > 0, np.maximum(1, heights * room // highest), 0)
            picture[(rows > 0) & (rows <= tall[None, :])] = color.rgb()
    return picture


def as_image(pixels: Pixels) -> QImage:
    """The pixels as a picture of its own memory."""
    height, width = pixels.shape
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGB32).copy()
