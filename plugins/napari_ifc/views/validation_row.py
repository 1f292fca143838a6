"""The row of an export form that keeps videos for validation apart from those to train on."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QSpinBox, QToolButton, QWidget

from napari_ifc.language import tr

_USUAL_SHARE = 20  # percent of the videos
_MOST_LETTERS = 24  # of a name in the button; longer and further ones are counted


class ValidationRow(QWidget):
    """Whether videos are kept apart, how many of them, and which in any case.

    Args:
        videos: Id and name of each video of the project; empty where none can be named.

    Attributes:
        changed: Emitted when another choice was made.
        split: Whether videos are kept apart.
        share: Percent of the videos that are drawn.
        named: The button that lists the videos.
    """

    changed = Signal()

    def __init__(self, videos: tuple[tuple[int, str], ...]) -> None:
        super().__init__()
        self.split = QCheckBox(tr("Keep apart"))
        self.share = QSpinBox()
        self.share.setRange(0 if videos else 1, 99)
        self.share.setValue(_USUAL_SHARE)
        self.share.setSuffix(tr(" % of the videos"))
        self.share.setAccessibleName(tr("Share of the videos for validation"))
        tip = tr(
            "Writes a folder with train and valid. Which video is where follows from its content: "
            "it stays there as others are added."
        )
        self.split.setToolTip(tip)
        self.share.setToolTip(tip)
        self.named = QToolButton()
        self.named.setProperty("role", "small")
        self.named.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.named.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.named.setAccessibleName(tr("Videos for validation in any case"))
        self.named.setToolTip(
            tr("Videos that are for validation in any case, besides the share that is drawn.")
        )
        self._menu = QMenu(self.named)
        for video_id, name in videos:
            action = self._menu.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setData(video_id)
        self.named.setMenu(self._menu)
        self.named.setVisible(bool(videos))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.split, self.share, self.named):
            row.addWidget(widget)
        row.addStretch(1)
        self.split.toggled.connect(self._allow)
        self.share.valueChanged.connect(lambda _: self.changed.emit())
        self._menu.triggered.connect(self._on_named)
        self._allow(False)
        self._show_named()

    @property
    def named_ids(self) -> tuple[int, ...]:
        """The videos that are for validation in any case."""
        return tuple(int(action.data()) for action in self._checked())

    def obstacle(self) -> str:
        """Why videos cannot be kept apart so, or an empty string."""
        if self.share.value() or self._checked():
            return ""
        return tr("Choose a share of the videos for validation, or name some.")

    def _checked(self) -> list[QAction]:
        return [action for action in self._menu.actions() if action.isChecked()]

    def _allow(self, is_split: bool) -> None:
        self.share.setEnabled(is_split)
        self.named.setEnabled(is_split)

    def _on_named(self) -> None:
        self._show_named()
        self.changed.emit()

    def _show_named(self) -> None:
        names = [action.text().replace("&&", "&") for action in self._checked()]
        text = tr("and none by name")
        if len(names) == 1 and len(names[0]) <= _MOST_LETTERS:
            text = tr("and {name}").format(name=names[0])
        elif names:
            text = tr("and {count} by name").format(count=len(names))
        self.named.setText(f"{text} ▾")
