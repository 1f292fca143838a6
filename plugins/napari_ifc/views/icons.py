"""Line icons drawn from short SVG paths, tinted for the theme."""

from __future__ import annotations

from qtpy.QtCore import QByteArray, QRectF, Qt
from qtpy.QtGui import QIcon, QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer

_PATHS = {
    "select": "M5 3l14 8-6 2-3 6z",
    "brush": "M20 4c-4 1-9 6-11 9l3 3c3-2 7-7 8-12zM8 14c-2 0-3 1-3 3 0 1-1 2-2 2 2 2 7 2 8-2z",
    "eraser": "M14 4l6 6-9 10H7l-4-4zM9 9l6 6M11 20h9",
    "polygon": "M5 8l8-4 7 7-4 9-10-3zM5 8a1 1 0 1 0 .1 0M13 4a1 1 0 1 0 .1 0",
    "fill": "M5 12l7-7 7 7-7 7zM9 2l3 3M20 15c2 3 2 5 0 5s-2-2 0-5M5 12h14",
    "undo": "M9 5L4 10l5 5M4 10h10a6 6 0 0 1 0 11h-3",
    "redo": "M15 5l5 5-5 5M20 10H10a6 6 0 0 0 0 11h3",
    "add": "M12 5v14M5 12h14",
    "delete": "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
    "merge": "M6 4v4c0 4 6 4 6 8v4M18 4v4c0 4-6 4-6 8",
    "split": "M12 20v-5c0-4-6-4-6-8V4M12 15c0-4 6-4 6-8V4M4 6l2-2 2 2M16 6l2-2 2 2",
    "divide": "M2 12h7M9 12c6 0 5-6 10-6h2M9 12c6 0 5 6 10 6h2",
    "swap": "M4 8h13l-3-3M20 16H7l3 3",
    "absent": "M3 12c4-6 14-6 18 0-4 6-14 6-18 0zM4 4l16 16",
    "approve": "M4 12l5 6L20 6",
    "label": "M4 4h8l9 9-8 8-9-9zM8 8a1 1 0 1 0 .1 0",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "more": "M5 12h.1M12 12h.1M19 12h.1",
    "close": "M6 6l12 12M18 6L6 18",
    "open": "M3 6h6l2 2h10v11H3z",
    "export": "M12 15V4M8 8l4-4 4 4M4 15v5h16v-5",
    "import": "M12 4v11M8 11l4 4 4-4M4 15v5h16v-5",
    "play": "M7 5l12 7-12 7z",
    "previous": "M17 5l-8 7 8 7M6 5v14",
    "next": "M7 5l8 7-8 7M18 5v14",
    "propose": "M12 3l2 6 6 2-6 2-2 6-2-6-6-2 6-2zM19 17l1 2 2 1-2 1-1 2-1-2-2-1 2-1z",
    "pause": "M8 5v14M16 5v14",
    "first": "M18 5l-9 7 9 7zM5 5v14",
    "last": "M6 5l9 7-9 7zM19 5v14",
    "step": "M9 6l7 6-7 6M19 6v12",
    "step_back": "M15 6l-7 6 7 6M5 6v12",
    "attention": "M12 3l10 18H2zM12 10v5M12 18h.1",
    "zoom_in": "M10 4a6 6 0 1 0 .1 0M15 15l6 6M7 10h6M10 7v6",
    "zoom_out": "M10 4a6 6 0 1 0 .1 0M15 15l6 6M7 10h6",
    "fit": "M3 5v14M21 5v14M6 12h12M9 9l-3 3 3 3M15 9l3 3-3 3",
    "reject": "M12 3a9 9 0 1 0 .1 0M6 6l12 12",
    "filter": "M3 5h18l-7 8v6l-4 2v-8z",
    "jump": "M4 18c2-10 8-14 12-6M16 12l4-1M16 12l-1-4",
    "lost": "M10 4a6 6 0 1 0 .1 0M15 15l6 6M8 8l4 4M12 8l-4 4",
    "gap": "M3 12h5M8 7v10M16 7v10M16 12h5",
    "size": "M8 8h8v8H8zM3 8V3h5M16 3h5v5M21 16v5h-5M8 21H3v-5",
    "link": "M9 15l6-6M11 7l3-3a4 4 0 0 1 6 6l-3 3M13 17l-3 3a4 4 0 0 1-6-6l3-3",
    "frames": "M3 6h18v12H3zM8 6v12M16 6v12",
    "search": "M10 4a6 6 0 1 0 .1 0M15 15l6 6",
    "stop": "M6 6h12v12H6z",
    "smart_eraser": "M14 4l6 6-9 10H7l-4-4zM9 9l6 6M19 15l1 2 2 1-2 1-1 2-1-2-2-1 2-1z",
    "scribble": "M3 15c2-8 5-8 6-3s3 5 5 0 3-6 4-2M19 15v6M16 18h6",
    "unscribble": "M3 15c2-8 5-8 6-3s3 5 5 0 3-6 4-2M16 18h6",
    "box": "M5 5h3M11 5h2M16 5h3v3M19 11v2M19 16v3h-3M13 19h-2M8 19H5v-3M5 13v-2M5 8V5",
    "candidates": "M9 4a5 5 0 1 0 .1 0M14 9a5 5 0 1 1-5 5.500M13 13l8 3-3.500 1.500-1.500 3.500z",
    "tidy": "M5 19L15 9M14 4l1 2 2 1-2 1-1 2-1-2-2-1 2-1zM20 11l.6 1.400 1.400.6-1.400.6-.6 1.400"
    "-.6-1.400-1.400-.6 1.400-.6z",
    "track": "M4 6h9M4 12h16M4 18h6M17 6h3M14 18h6",
    "overlap": "M4 4h11v11H4zM9 15v5h11V9h-5",
    "look": "M3 12c4-6 14-6 18 0-4 6-14 6-18 0zM12 9.500a2.500 2.500 0 1 0 .1 0",
    "propagate": "M4 12h16M8 8l-4 4 4 4M16 8l4 4-4 4M12 6v12",
}


def icon_names() -> tuple[str, ...]:
    """Names of all icons."""
    return tuple(_PATHS)


def icon(name: str, color: str, size: int = 20, *, checked: str = "") -> QIcon:
    """An icon in one colour, and the same faint for disabled buttons.

    Args:
        name: One of :func:`icon_names`.
        color: ``#rrggbb``.
        size: Side in pixels; drawn at twice that for sharp screens.
        checked: Another colour for buttons that are switched on, whose ground is the accent.
    """
    result = QIcon(_drawn(name, color, size, 1.0))
    result.addPixmap(_drawn(name, color, size, 0.3), QIcon.Mode.Disabled)
    if checked:
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Active):
            result.addPixmap(_drawn(name, checked, size, 1.0), mode, QIcon.State.On)
    return result


def _drawn(name: str, color: str, size: int, opacity: float) -> QPixmap:
    width = 2.8 if name == "more" else 1.8
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        f'stroke="{color}" stroke-width="{width}" stroke-linecap="round" '
        f'stroke-linejoin="round"><path d="{_PATHS[name]}"/></svg>'
    )
    pixmap = QPixmap(size * 2, size * 2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setOpacity(opacity)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size * 2, size * 2))
    painter.end()
    pixmap.setDevicePixelRatio(2.0)
    return pixmap
