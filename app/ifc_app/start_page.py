"""The first thing a person sees: what to open."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

import ifc_resources
from ifc_app.recent import RecentItem, RecentList
from napari_ifc.error_text import breakable
from napari_ifc.language import tr
from napari_ifc.rows import RunView
from napari_ifc.views.theme import Palette, palette_for, theme_mix

_PICTURE_PX = QSize(220, 124)
_CARD_PX = 252  # all cards are as wide, whatever stands on them
_TEXT_PX = 230
_GAP_PX = 12

_STEPS = (
    (tr("Find"), tr("The model outlines the objects and follows them through the clip.")),
    (tr("Fix"), tr("Paint on a frame where a mask is wrong; merge, split or relabel tracks.")),
    (tr("Approve"), tr("Say which frames are right. Your work is saved with every stroke.")),
    (tr("Improve"), tr("Fine-tune on what you corrected; the next clip needs fewer fixes.")),
)


def start_style(p: Palette) -> str:
    """Style sheet of the page in the colours of a theme."""
    card = theme_mix(p.background, p.surface, 0.55)
    button = theme_mix(p.surface, p.raised, 0.4)
    hover = theme_mix(button, p.text, 0.1)
    return f"""
#StartPage {{ background: {p.background}; }}
#StartPage QLabel {{ color: {p.text}; background: transparent; padding: 0; }}
#StartPage QLabel#title {{ font-size: 30px; font-weight: 600; }}
#StartPage QLabel#subtitle {{ font-size: 14px; color: {p.muted}; }}
#StartPage QLabel#section {{ font-size: 12px; font-weight: 600; color: {p.muted}; }}
#StartPage QLabel#hint {{ font-size: 12px; color: {p.muted}; }}
#StartPage QLabel#problem {{
    font-size: 13px; color: {p.text}; background: {theme_mix(p.background, p.error, 0.22)};
    border-left: 4px solid {p.error}; border-radius: 4px; padding: 10px 14px;
}}
#StartPage QPushButton {{
    background: {button}; color: {p.text}; border: 1px solid {p.border}; border-radius: 8px;
    padding: 12px 18px; font-size: 14px; text-align: left;
}}
#StartPage QPushButton:hover {{ background: {hover}; border-color: {p.accent}; }}
#StartPage QPushButton#primary {{ background: {p.accent}; border-color: {p.accent};
    color: {p.on_accent}; font-weight: 600; }}
#StartPage QPushButton#primary:hover {{ background: {theme_mix(p.accent, "#000000", 0.15)}; }}
#StartPage QToolButton {{
    background: {card}; color: {p.text}; border: 1px solid {p.border}; border-radius: 8px;
    padding: 8px; font-size: 12px;
}}
#StartPage QToolButton:hover {{ border-color: {p.accent}; }}
#StartPage QPushButton:focus, #StartPage QPushButton#primary:focus,
#StartPage QToolButton:focus {{ border: 2px solid {p.text}; }}
#StartPage QPushButton:focus {{ padding: 11px 17px; }}
#StartPage QToolButton:focus {{ padding: 7px; }}
#StartPage QFrame#step {{ background: {card}; border: 1px solid {p.border}; border-radius: 8px; }}
#StartPage QLabel#stepName {{ font-size: 14px; font-weight: 600; color: {p.link}; padding: 0; }}
#StartPage QLabel#stepText {{ font-size: 12px; color: {p.muted}; padding: 0; }}
#StartPage QLabel#drop {{ border: 2px dashed {p.border}; border-radius: 12px; font-size: 14px;
    color: {p.muted}; }}
#StartPage QScrollArea, #StartPage QWidget#cards {{ background: transparent; border: none; }}
#StartPage QProgressBar {{ background: {p.raised}; border: 0; border-radius: 3px;
    max-height: 6px; }}
#StartPage QProgressBar::chunk {{ background: {p.accent}; border-radius: 3px; }}
"""


_DROP = tr(
    "Drop a video, a TIFF stack, a folder of frames, a project or a YouTube-VIS file anywhere."
)


class StartPage(QFrame):
    """Covers the window until something is open.

    Args:
        recent: What was opened before.
        parent: The widget that the page covers; it follows its size.
    """

    sample_requested = Signal()
    open_video_requested = Signal()
    open_folder_requested = Signal()
    open_project_requested = Signal()
    recent_requested = Signal(str)
    cancel_requested = Signal()

    def __init__(self, recent: RecentList, parent: QWidget) -> None:
        super().__init__(parent)
        self._recent = recent
        self._num_columns = 0
        self.setObjectName("StartPage")
        self.apply_palette(palette_for("dark"))
        self.setAutoFillBackground(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(32, 40, 32, 24)
        column = QVBoxLayout()
        column.setSpacing(12)
        outer.addStretch(1)
        outer.addLayout(column, 20)
        outer.addStretch(1)
        column.addLayout(self._heading())
        column.addSpacing(16)
        column.addLayout(self._buttons())
        self._sentence = ""
        self._problem = QLabel(objectName="problem")
        self._problem.setWordWrap(True)
        self._problem.hide()
        column.addWidget(self._problem)
        column.addWidget(self._build_task())
        column.addSpacing(16)
        column.addLayout(self._steps())
        column.addSpacing(16)
        self._section = QLabel(tr("RECENT"), objectName="section")
        column.addWidget(self._section)
        self._area = self._recent_area()
        column.addWidget(self._area, 1)
        self._drop = QLabel(_DROP, objectName="drop")
        self._drop.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._drop, 1)
        self._hint = QLabel(
            tr(
                "Or drop a video, a TIFF stack, a folder of frames, a project or a YouTube-VIS "
                "file anywhere."
            ),
            objectName="hint",
        )
        column.addWidget(self._hint)
        parent.installEventFilter(self)
        self.refresh()

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        self.setStyleSheet(start_style(palette))

    def _heading(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(20)
        mark = QLabel()
        picture = QPixmap(str(ifc_resources.path("icons/ifc-studio.png")))
        mark.setPixmap(picture.scaledToHeight(72, Qt.TransformationMode.SmoothTransformation))
        row.addWidget(mark)
        words = QVBoxLayout()
        words.addWidget(QLabel("IFC Studio", objectName="title"))
        line = tr("Propose tracked masks, fix them with few strokes, export, teach the model.")
        words.addWidget(QLabel(line, objectName="subtitle"))
        row.addLayout(words)
        row.addStretch()
        return row

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        for text, tip, signal in (
            (
                tr("Try the sample"),
                tr("A short clip that ships with the program"),
                self.sample_requested,
            ),
            (tr("Open video…"), tr("MP4, MOV, MKV, AVI or WebM"), self.open_video_requested),
            (tr("Open frames…"), tr("A folder of images, one a frame"), self.open_folder_requested),
            (tr("Open project…"), tr("A folder NAME.ifcproj"), self.open_project_requested),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setAccessibleDescription(tip)
            button.clicked.connect(signal)
            if signal is self.sample_requested:
                button.setObjectName("primary")
            row.addWidget(button)
        row.addStretch()
        return row

    def _steps(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        for number, (name, sentence) in enumerate(_STEPS, start=1):
            box = QFrame(objectName="step")
            lines = QVBoxLayout(box)
            lines.setContentsMargins(16, 12, 16, 14)
            lines.setSpacing(4)
            lines.addWidget(QLabel(f"{number}  {name}", objectName="stepName"))
            text = QLabel(sentence, objectName="stepText")
            text.setWordWrap(True)
            text.setAlignment(Qt.AlignmentFlag.AlignTop)
            lines.addWidget(text, 1)
            row.addWidget(box, 1)
        return row

    def _build_task(self) -> QFrame:
        self._task = QFrame(objectName="step")
        row = QHBoxLayout(self._task)
        row.setContentsMargins(16, 10, 12, 10)
        row.setSpacing(14)
        self._task_text = QLabel(objectName="stepText")
        self._task_bar = QProgressBar()
        self._task_bar.setTextVisible(False)
        self._task_bar.setAccessibleName(tr("Progress"))
        self._task_cancel = QPushButton(tr("Cancel"))
        self._task_cancel.clicked.connect(self.cancel_requested)
        row.addWidget(self._task_text)
        row.addWidget(self._task_bar, 1)
        row.addWidget(self._task_cancel)
        self._task.hide()
        return self._task

    def show_task(self, view: RunView) -> None:
        """Show what is being opened and how far it is, or hide it."""
        self._task.setVisible(view.active)
        self._task_text.setText(f"{view.text}  {view.detail}".strip())
        if view.fraction is None:
            self._task_bar.setRange(0, 0)
        else:
            self._task_bar.setRange(0, 1000)
            self._task_bar.setValue(round(1000 * view.fraction))
        self._task_cancel.setEnabled(not view.stopping)

    def _recent_area(self) -> QScrollArea:
        area = QScrollArea()
        area.setWidgetResizable(True)
        self._cards = QWidget(objectName="cards")
        self._grid = QGridLayout(self._cards)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP_PX)
        self._shown_cards: list[QToolButton] = []
        area.setWidget(self._cards)
        area.installEventFilter(self)
        return area

    @property
    def problem(self) -> str:
        """The sentence that is shown, or an empty string."""
        return self._sentence

    def show_problem(self, sentence: str) -> None:
        """Say why something could not be opened; an empty string takes it away."""
        self._sentence = sentence
        self._problem.setText(breakable(sentence))
        self._problem.setVisible(bool(sentence))

    def refresh(self) -> None:
        """Show the list as it is on disk now."""
        self.show_problem("")
        for card in self._shown_cards:
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        items = self._recent.items()
        for widget in (self._section, self._area, self._hint):
            widget.setVisible(bool(items))
        self._drop.setVisible(not items)  # the first time the room is for this
        self._shown_cards = [self._card(item) for item in items]
        self._num_columns = 0
        self._arrange()

    def _arrange(self) -> None:
        """Put as many cards into a row as fit; the scroll bar has its room in any case."""
        room = self._area.width() - self._area.verticalScrollBar().sizeHint().width()
        columns = max(1, (room + _GAP_PX) // (_CARD_PX + _GAP_PX))
        if columns == self._num_columns:
            return
        for place in (self._num_columns, columns):
            self._grid.setColumnStretch(place, int(place == columns))
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        self._num_columns = columns
        for place, card in enumerate(self._shown_cards):
            self._grid.addWidget(card, *divmod(place, columns))
        self._grid.setRowStretch(len(self._shown_cards) // columns + 1, 1)

    def _card(self, item: RecentItem) -> QToolButton:
        card = QToolButton(self._cards)
        card.setFixedWidth(_CARD_PX)
        card.ensurePolished()  # so that its font is the page's
        card.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        picture = self._recent.thumbnail(item)
        if picture is not None:
            card.setIcon(QIcon(_in_frame(QPixmap(str(picture)))))
        card.setIconSize(_PICTURE_PX)
        metrics, words = card.fontMetrics(), (item.name, progress_text(item))
        middle = Qt.TextElideMode.ElideMiddle
        card.setText("\n".join(metrics.elidedText(word, middle, _TEXT_PX) for word in words))
        card.setToolTip("\n".join((item.path, words[1])))
        card.clicked.connect(
            lambda _checked=False, path=item.path: self.recent_requested.emit(path)
        )
        return card

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the size of the covered widget, and fill the rows of cards."""
        if watched is self._area and event.type() == QEvent.Type.Resize:
            self._arrange()
        if watched is self.parent() and event.type() == QEvent.Type.Resize:
            self._cover()
        return False

    def _cover(self) -> None:
        """Take all of the window but its menu bar."""
        window = self.parentWidget()
        bar = window.menuBar() if isinstance(window, QMainWindow) else None
        top = bar.height() if bar is not None and bar.isVisible() else 0
        self.setGeometry(window.rect().adjusted(0, top, 0, 0))

    def showEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Cover the whole parent."""
        self._cover()
        self.raise_()
        super().showEvent(event)
        self.setFocus()  # so that keys mean something before anything is clicked


def _in_frame(picture: QPixmap) -> QPixmap:
    """A picture of any shape in the middle of a card, so that all cards are alike."""
    whole = QPixmap(_PICTURE_PX)
    whole.fill(QColor("#16171b"))
    fit = Qt.AspectRatioMode.KeepAspectRatio
    small = picture.scaled(_PICTURE_PX, fit, Qt.TransformationMode.SmoothTransformation)
    painter = QPainter(whole)
    painter.drawPixmap(
        (whole.width() - small.width()) // 2, (whole.height() - small.height()) // 2, small
    )
    painter.end()
    return whole


def progress_text(item: RecentItem) -> str:
    """How far the work on an item is, in a few words."""
    words = tr("1 frame") if item.num_frames == 1 else tr("{num_frames} frames")
    frames = words.format(num_frames=item.num_frames)
    if not item.num_tracks and not item.approved_frames:
        return frames
    tracks = (
        tr("1 track")
        if item.num_tracks == 1
        else tr("{num_tracks} tracks").format(num_tracks=item.num_tracks)
    )
    share = item.approved_frames / max(1, item.num_frames)
    return tr("{frames} · {tracks} · {share:.0%} complete").format(
        frames=frames, tracks=tracks, share=share
    )
