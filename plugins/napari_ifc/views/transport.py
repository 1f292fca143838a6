"""The timeline with its controls: play and step, the marked range, and the project's progress."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.actions import ActionTable
from napari_ifc.language import tr
from napari_ifc.rows import FrameRange, ProgressView
from napari_ifc.views.action_buttons import show_actions
from napari_ifc.views.focus import KeyHome
from napari_ifc.views.icons import icon
from napari_ifc.views.overflow_row import ElidedLabel, OverflowRow
from napari_ifc.views.theme import Palette, style_sheet
from napari_ifc.views.timeline import Timeline

_STEPS = (
    ("frame.first", "first"),
    ("frame.previous", "step_back"),
    ("play.toggle", "play"),
    ("frame.next", "step"),
    ("frame.last", "last"),
)
_JUMPS = (
    ("event.previous", "previous"),
    ("event.next", "next"),
    ("attention.next", "attention"),
)
_RANGE = (
    ("range.approve", tr("Approve")),
    ("range.absent", tr("Absent")),
    ("range.extend", tr("Extend")),
    ("range.propagate", tr("Propagate")),
    ("range.repropose", tr("Re-propose")),
    ("range.delete", tr("Delete")),
)
_RANGE_TEXT_PX = 190
_NARROWEST_PX = 340
_BAR_PX = 34
_ALL = 1000  # of the room that is left, against a stretch of 1
_ZOOMS = (("timeline.out", "zoom_out"), ("timeline.in", "zoom_in"), ("timeline.fit", "fit"))


class TimelinePanel(KeyHome):
    """The strip under the canvas.

    Attributes:
        timeline: The lanes.
        action_requested: Emitted with an action id.
    """

    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.timeline = Timeline()
        self._buttons: dict[str, QToolButton] = {}
        self._icons: dict[str, str] = {}
        self._actions: ActionTable | None = None
        self._palette: Palette | None = None
        self._playing = self._is_marked = False
        self._place = QPushButton()
        self._place.setFlat(True)
        self._place.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._place.setProperty("role", "link")
        self._place.setStyleSheet("text-align: left")  # else it wanders with each digit
        self._place.clicked.connect(lambda: self.action_requested.emit("frame.go_to"))
        self._place_room: tuple[int, float] | None = None
        self._place.setAccessibleName(tr("Frame and time"))
        self._waiting = ElidedLabel(1)
        self._waiting.setProperty("role", "warning")
        self._waiting.setAccessibleName(tr("Which picture is shown"))
        self._waiting.hide()
        self._range_text = ElidedLabel(_RANGE_TEXT_PX)
        self._range_text.setProperty("role", "heading")
        self._range_bar = self._build_range_bar()
        self._progress = QProgressBar()
        self._progress.setProperty("role", "approved")
        self._progress.setTextVisible(False)
        self._progress.setMaximumWidth(110)
        self._progress.setAccessibleName(tr("Approved frames of the project"))
        self._progress_text = ElidedLabel(1)
        self._progress_text.setAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
        self._progress_text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._progress_text.setProperty("role", "muted")
        for widget in (self._progress, self._progress_text):
            widget.setMinimumWidth(1)  # a narrow window needs the room for the buttons
        self._build()
        self.timeline.marking_ended.connect(self._show_bar)
        self.show_range(None)
        self.show_progress(ProgressView())

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return self.timeline.sizeHint() + QSize(0, _BAR_PX)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Always the same: a dock of napari's never asks for less than it once had to."""
        return QSize(_NARROWEST_PX, self.timeline.minimumHeight() + 2 * _BAR_PX)

    def _build(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 2, 8, 2)
        bar.setSpacing(2)
        for action_id, icon_name in _STEPS:
            bar.addWidget(self._icon_button(action_id, icon_name))
        row = OverflowRow(2)
        for group in (_JUMPS, _ZOOMS):
            for number, (action_id, icon_name) in enumerate(group):
                row.add(self._icon_button(action_id, icon_name), gap=0 if number else 8)
        bar.addWidget(row)
        bar.addSpacing(8)
        bar.addWidget(self._place)
        bar.addSpacing(8)
        bar.addWidget(self._waiting)
        bar.addStretch(1)
        bar.addWidget(self._progress_text, _ALL)
        bar.addSpacing(6)
        bar.addWidget(self._progress, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self.timeline, 1)
        column.addWidget(self._range_bar)  # above the lanes it would move them when it comes
        self.setFocusProxy(self.timeline)

    def _icon_button(self, action_id: str, icon_name: str) -> QToolButton:
        button = QToolButton()
        button.setIconSize(QSize(16, 16))
        button.clicked.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
        self._buttons[action_id] = button
        self._icons[action_id] = icon_name
        return button

    def _build_range_bar(self) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 2, 8, 2)
        row.setSpacing(4)
        row.addWidget(self._range_text)
        row.addSpacing(4)
        buttons = OverflowRow(4)
        buttons.more.setProperty("role", "small")
        for action_id, text in _RANGE:
            button = QToolButton()
            button.setText(text)
            button.setProperty("role", "small")
            button.clicked.connect(lambda _=False, a=action_id: self.action_requested.emit(a))
            self._buttons[action_id] = button
            buttons.add(button)
        row.addWidget(buttons)
        row.addWidget(self._icon_button("range.clear", "close"))
        row.addStretch(1)
        return bar

    def bind_actions(self, actions: ActionTable) -> None:
        """Take names and keys of the buttons from the table."""
        self._actions = actions
        self.refresh_actions()

    def refresh_actions(self) -> None:
        """Enable what is possible; the rest says why it is not."""
        show_actions(self._buttons, self._actions, named=True)
        if self._actions is not None:
            self._place.setToolTip(self._actions["frame.go_to"].keyed())

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        self._palette, self._place_room = palette, None
        self.setStyleSheet(style_sheet(palette))
        self.timeline.apply_palette(palette)
        for action_id, icon_name in self._icons.items():
            self._buttons[action_id].setIcon(icon(icon_name, palette.text))
        self.show_playing(self._playing)

    def show_place(
        self, frame_index: int, num_frames: int, fps: float, seconds: float | None = None
    ) -> None:
        """Show the frame and its time; ``seconds`` where that does not follow from the rate."""
        if not num_frames:
            self._place.setText("")
            return
        if self._place_room != (num_frames, fps):
            # Room for the last frame from the start: a label that may change its size has the
            # whole window laid out anew with each frame.
            self._place_room = (num_frames, fps)
            last = _place_text(num_frames - 1, num_frames, fps)
            self._place.setText("".join("8" if c.isdigit() else c for c in last))
            self._place.setFixedSize(self._place.sizeHint())
        self._place.setText(_place_text(frame_index, num_frames, fps, seconds))

    def show_waiting(self, asked: int, shown: int, *, failed: bool = False) -> None:
        """Say which frame's picture is seen while another one is still being decoded.

        Args:
            asked: The frame that is chosen.
            shown: The frame whose picture is seen; the same once it is the right one.
            failed: Whether the chosen frame cannot be decoded.
        """
        text = tr("Decoding frame {asked}; the picture is frame {shown}")
        if failed:
            text = tr("Frame {asked} cannot be decoded; the picture is frame {shown}")
        self._waiting.setVisible(asked != shown)
        self._waiting.setText(text.format(asked=asked, shown=shown))

    def show_playing(self, playing: bool) -> None:
        """Show whether the video plays."""
        self._playing = playing
        if self._palette is not None:
            name = "pause" if playing else "play"
            self._buttons["play.toggle"].setIcon(icon(name, self._palette.text))

    def to_propose(self) -> FrameRange | None:
        """The marked range, where no frame of it has a mask yet."""
        marked, counts = self.timeline.marked, self.timeline.data.counts
        if marked is None or counts[marked.first : marked.last + 1].any():
            return None
        return marked

    def show_range(self, marked: FrameRange | None) -> None:
        """Show the marked range and what can be done with it."""
        is_empty = marked is not None and self.to_propose() == marked
        self._buttons["range.repropose"].setText(tr("Propose") if is_empty else tr("Re-propose"))
        self._is_marked = marked is not None
        self._show_bar()
        if marked is not None:
            self._range_text.setText(range_text(marked))
        self.refresh_actions()

    def _show_bar(self) -> None:
        """Not while the range is dragged: the bar covers the last lanes, which then scroll up."""
        if self._is_marked and self.timeline.is_marking:
            return
        self._range_bar.setVisible(self._is_marked)
        layout, marked = self.layout(), self.timeline.marked
        if layout is not None and marked is not None:
            layout.activate()  # else the timeline has its old height still
            self.timeline.show_lanes(marked.track_ids)

    def show_progress(self, view: ProgressView) -> None:
        """Show how far the review of the whole project is."""
        shown = view.num_frames > 0
        self._progress.setVisible(shown)
        self._progress_text.setVisible(shown)
        self._progress.setRange(0, max(1, view.num_frames))
        self._progress.setValue(view.approved_frames)
        self._progress_text.setText(view.short)
        self._progress_text.setToolTip(view.text)
        self._progress.setToolTip(view.text)


def _place_text(frame_index: int, num_frames: int, fps: float, seconds: float | None = None) -> str:
    words = f"{frame_index} / {num_frames - 1}"
    if fps <= 0:
        return words
    return f"{words}   {clock_text(frame_index / fps if seconds is None else seconds)}"


def clock_text(seconds: float) -> str:
    """Seconds as h:mm:ss.hh, without hours where there are none."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:05.2f}" if hours else f"{minutes}:{rest:05.2f}"


def propose_text(marked: FrameRange) -> str:
    """What proposing on a marked range is called."""
    if marked.num_frames == 1:
        return tr("Propose frame {first}").format(first=marked.first)
    text = tr("Propose frames {first} to {last}")
    return text.format(first=marked.first, last=marked.last)


def range_text(marked: FrameRange) -> str:
    """A marked range in words."""
    frames = tr("Frames {first} to {last}").format(first=marked.first, last=marked.last)
    if marked.num_frames == 1:
        frames = tr("Frame {first}").format(first=marked.first)
    if not marked.track_ids:
        return frames
    if len(marked.track_ids) == 1:
        return tr("{frames}, track {track_ids}").format(
            frames=frames, track_ids=marked.track_ids[0]
        )
    return tr("{frames}, {count} tracks").format(frames=frames, count=len(marked.track_ids))
