"""The page of the attention explorer: what memory tokens look at, and when they talk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.attention_state import AttentionChoice, AttentionView
from napari_ifc.language import tr
from napari_ifc.views.attention_bars import ScaleBar, TokenBars
from napari_ifc.views.heat_colors import heat_rgb
from napari_ifc.views.theme import Palette

_SOURCES = (
    ("token", tr("Memory token")),
    ("query", tr("Query of the selected track")),
    ("pixel", tr("Clicked place")),
)
_SOURCE_HELP = {
    "token": tr(
        "Memory tokens gather what each frame holds and carry it to the other frames of the "
        "clip. Bright places are what the chosen token reads on this frame."
    ),
    "query": tr(
        "The object query that became the selected track. Bright places are where it looked "
        "to find the object on this frame."
    ),
    "pixel": tr(
        "Every place of the frame reads the others and the memory tokens. Bright places are "
        "what the clicked one reads."
    ),
}
_RANKING_HELP = tr("Tokens by how much of their attention lies inside the selected mask.")
_SHARES_HELP = tr("How much of the clicked place's attention goes to each memory token.")
_SCALES = (
    ("frame", tr("Per frame")),
    ("clip", tr("Per clip")),
    ("absolute", tr("Absolute (0 to 1)")),
)
_MATRIX_HELP = tr("Which frame (column) told which frame (row). Click a cell to go to its frame.")


class TimeMatrix(QWidget):
    """Gather-Communicate rows of one token as a T x T picture.

    Attributes:
        frame_requested: Emitted with the frame of the column that was clicked.
    """

    frame_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: npt.NDArray[np.float32] | None = None
        self._frames: tuple[int, ...] = ()
        self._position = 0
        self._text = QColor("#cccccc")
        self.setAccessibleName(tr("Attention between the frames of the clip"))
        self.setToolTip(_MATRIX_HELP)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(220, 190)

    def set_text_color(self, color: str) -> None:
        """Colour of the frame numbers."""
        self._text = QColor(color)
        self.update()

    def set_rows(
        self, rows: npt.NDArray[np.float32] | None, frames: tuple[int, ...], position: int
    ) -> None:
        """Show (T, T) rows of the frames given, one of which is the current one."""
        self._rows, self._frames, self._position = rows, frames, position
        self.setVisible(rows is not None)
        self.update()

    def _field(self) -> QRectF:
        side = max(40.0, min(self.width() - 44.0, self.height() - 22.0))
        return QRectF(40.0, 2.0, side, side)

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """(row, column) under a point, or ``None``."""
        field = self._field()
        if self._rows is None or not field.contains(x, y):
            return None
        count = self._rows.shape[0]
        row = int((y - field.top()) / field.height() * count)
        column = int((x - field.left()) / field.width() * count)
        return min(row, count - 1), min(column, count - 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go to the frame of the clicked column."""
        cell = self.cell_at(event.position().x(), event.position().y())
        if cell is not None:
            self.frame_requested.emit(self._frames[cell[1]])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Say the number under the pointer."""
        cell = self.cell_at(event.position().x(), event.position().y())
        if cell is None or self._rows is None:
            self.setToolTip(_MATRIX_HELP)
            return
        to, source = self._frames[cell[0]], self._frames[cell[1]]
        share = float(self._rows[cell])
        self.setToolTip(
            tr("Frame {to} takes {share:.0%} from frame {source}").format(
                to=to, share=share, source=source
            )
        )

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the cells, the current frame's row and column, and the frame numbers."""
        if self._rows is None:
            return
        painter = QPainter(self)
        field, count = self._field(), self._rows.shape[0]
        side = field.width() / count
        top = float(self._rows.max()) or 1.0
        for row in range(count):
            for column in range(count):
                red, green, blue = heat_rgb(float(self._rows[row, column]) / top)
                cell = QRectF(field.left() + column * side, field.top() + row * side, side, side)
                painter.fillRect(cell.adjusted(0.5, 0.5, -0.5, -0.5), QColor(red, green, blue))
        painter.setPen(self._text)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        strip = QRectF(field.left(), field.top() + self._position * side, field.width(), side)
        painter.drawRect(strip.adjusted(0.5, 0.5, -0.5, -0.5))
        every = max(1, -(-count * 26 // int(field.width())))
        for place in range(0, count, every):
            middle = place * side + side / 2
            left = QRectF(0, field.top() + middle - 8, 36, 16)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(left, right, str(self._frames[place]))
            below = QRectF(field.left() + middle - 20, field.bottom() + 2, 40, 16)
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, str(self._frames[place]))
        painter.end()


class AttentionPage(QWidget):
    """Choices and explanations beside the heat map.

    Attributes:
        choice_changed: Emitted with an ``AttentionChoice``.
        frame_requested: Emitted with a frame of the clip that was clicked.
        export_requested: Emitted when the rows are to be saved.
    """

    choice_changed = Signal(object)
    frame_requested = Signal(int)
    export_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPage")
        self._filling = False
        self._layer, self._head = QComboBox(), QComboBox()
        self._token, self._scale = QComboBox(), QComboBox()
        self._source = QComboBox()
        for box in (self._layer, self._head, self._token, self._scale, self._source):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(10)
        self._help = _words("")
        self.scale_bar = ScaleBar()
        self._ranking_title = _words(_RANKING_HELP)
        self.ranking = TokenBars()
        self._shares_title = _words(_SHARES_HELP)
        self.shares = TokenBars()
        self.sentence = QLabel()
        self.matrix = TimeMatrix()
        self._export = QToolButton()
        self._build()
        self.show_view(AttentionView(tr("Open a video to see what the model looks at.")))

    def _build(self) -> None:
        for key, text in _SOURCES:
            self._source.addItem(text, key)
        for key, text in _SCALES:
            self._scale.addItem(text, key)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(8)
        column.addWidget(self._help)
        form = QFormLayout()
        for text, box, tip in (
            (tr("Show"), self._source, tr("Whose attention lies over the frame")),
            (tr("Layer"), self._layer, tr("Encode-Receive layer of the encoder")),
            (tr("Head"), self._head, tr("One attention head, or the mean of all")),
            (
                tr("Memory token"),
                self._token,
                tr("Best: the token that looks most into the selected mask"),
            ),
            (tr("Colour scale"), self._scale, tr("What the brightest colour stands for")),
        ):
            box.setToolTip(tip)
            box.setAccessibleName(text)
            box.currentIndexChanged.connect(self._on_choice)
            form.addRow(text, box)
        column.addLayout(form)
        self.sentence.setWordWrap(True)
        column.addWidget(self.sentence)
        column.addWidget(self.scale_bar)
        for title, bars in ((self._ranking_title, self.ranking), (self._shares_title, self.shares)):
            column.addWidget(title)
            column.addWidget(bars)
            bars.token_requested.connect(self._choose_token)
        self._matrix_title = _words(_MATRIX_HELP)
        column.addWidget(self._matrix_title)
        column.addWidget(self.matrix)
        row = QHBoxLayout()
        self._export.setText(tr("Export…"))
        self._export.setToolTip(tr("Picture (PNG), film of the clip (MP4), or the real rows (NPZ)"))
        self._export.clicked.connect(self.export_requested)
        row.addWidget(self._export)
        row.addStretch()
        column.addLayout(row)
        column.addStretch(1)
        self.matrix.frame_requested.connect(self.frame_requested)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        self.matrix.set_text_color(palette.text)
        self.scale_bar.set_text_color(palette.muted)
        for bars in (self.ranking, self.shares):
            bars.set_colors(palette.text, palette.accent, palette.raised)

    def show_view(self, view: AttentionView) -> None:
        """Show what the controller says."""
        self._filling = True
        ready = view.num_layers > 0
        _fill(self._layer, [(str(i + 1), i) for i in range(view.num_layers)])
        _fill(self._head, [(tr("Mean"), None), *((str(i + 1), i) for i in range(view.num_heads))])
        best = (
            tr("Best for the selected track ({value})").format(value=view.token + 1)
            if view.ranking
            else tr("Best")
        )
        names = [(best, None)]
        for token in range(view.num_tokens):
            names.append((f"{token + 1}", token))
        _fill(self._token, names)
        for box in (self._layer, self._head, self._token, self._scale, self._source):
            box.setEnabled(ready)
        source = str(self._source.currentData())
        self._token.setEnabled(ready and source == "token")
        self._help.setText(_SOURCE_HELP[source])
        self.scale_bar.set_maximum(None if view.heat is None else view.heat.maximum)
        self.ranking.set_shares(view.ranking, view.token)
        self._ranking_title.setVisible(bool(view.ranking))
        self.shares.set_shares(view.place_shares, view.token)
        self._shares_title.setVisible(bool(view.place_shares))
        self._export.setEnabled(view.heat is not None)
        self.sentence.setText(view.sentence)
        self.sentence.setProperty("failed", view.failed)
        self.matrix.set_rows(view.over_time, view.clip_frames, view.position)
        self._matrix_title.setVisible(view.over_time is not None)
        self._filling = False

    def choice(self) -> AttentionChoice:
        """What is chosen."""
        return AttentionChoice(
            layer=self._layer.currentData() or 0,
            head=self._head.currentData(),
            token=self._token.currentData(),
            scale=self._scale.currentData(),
            source=self._source.currentData(),
        )

    def _choose_token(self, token: int) -> None:
        self._source.setCurrentIndex(self._source.findData("token"))
        self._token.setCurrentIndex(self._token.findData(token))

    def _on_choice(self) -> None:
        if not self._filling:
            self.choice_changed.emit(self.choice())


def _words(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    return label


def _fill(box: QComboBox, items: list[tuple[str, object]]) -> None:
    """Give a box its items, keeping what is chosen where it still exists."""
    before = box.currentData()
    texts = [box.itemText(i) for i in range(box.count())]
    if texts == [text for text, _ in items]:
        return
    box.clear()
    for text, value in items:
        box.addItem(text, value)
    place = next((i for i, (_, value) in enumerate(items) if value == before), 0)
    box.setCurrentIndex(place)
