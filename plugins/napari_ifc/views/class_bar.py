"""The classes as a line of buttons, each with its colour and its key."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from napari_ifc.language import tr
from napari_ifc.rows import ClassRow
from napari_ifc.views.class_menu import ClassMenu
from napari_ifc.views.icons import icon
from napari_ifc.views.swatch import swatch
from napari_ifc.views.theme import Palette

_LONGEST = 12


class ClassBar(QFrame):
    """Assigns a class to the selected tracks, or to those that are begun next.

    Attributes:
        class_requested: Emitted with the id of a class.
        edit_requested: Emitted when the classes are to be edited.
    """

    class_requested = Signal(int)
    edit_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ClassRow, ...] = ()
        self._buttons: list[QToolButton] = []
        self._marked: int | None = None
        self.menu = ClassMenu(self)
        self.menu.chosen.connect(self.class_requested)
        self.menu.aboutToShow.connect(lambda: self.menu.show_classes(self._rows, self._marked))
        self.more = QToolButton()
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(self.menu)
        self.more.setToolTip(tr("All classes"))
        self.more.setAccessibleName(tr("All classes"))
        self._edit = QToolButton()
        self._edit.setIconSize(QSize(16, 16))
        self._edit.setToolTip(tr("Edit classes…"))
        self._edit.setAccessibleName(tr("Edit classes"))
        self._edit.clicked.connect(self.edit_requested)
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(10, 0, 10, 2)
        self._line.setSpacing(3)
        self._none = QLabel(tr("No class yet"))
        self._none.setProperty("role", "muted")
        self._line.addWidget(self._none)
        self._line.addWidget(self.more)
        self._line.addStretch(1)
        self._line.addWidget(self._edit)
        self.hide()

    def apply_palette(self, palette: Palette) -> None:
        """Tint the icon."""
        self._edit.setIcon(icon("label", palette.text))

    def show_classes(
        self, rows: Sequence[ClassRow], marked: int | None, *, is_open: bool = True
    ) -> None:
        """Show the classes.

        Args:
            rows: All of them; those without room stand in the menu.
            marked: The class of the current track, or of tracks that are begun; always in sight.
            is_open: Whether there is a project, which may have none yet: the line keeps its place
                then, since what is below would move when the first one comes.
        """
        self._marked = marked
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._rebuild()
        for button, row in zip(self._buttons, self._rows, strict=False):
            button.setChecked(row.class_id == marked)
        self._fit()
        self._none.setVisible(not rows)
        self.setVisible(is_open)

    def _rebuild(self) -> None:
        for button in self._buttons:
            self._line.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = [self._button(row) for row in self._rows]
        before: QWidget = self._edit  # stands behind them in the end
        for place, button in enumerate(self._buttons):
            self._line.insertWidget(place, button)
            QWidget.setTabOrder(before, button)
            before = button
        if self._buttons:
            QWidget.setTabOrder(before, self.more)
            QWidget.setTabOrder(self.more, self._edit)

    def _button(self, row: ClassRow) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        name = row.name if len(row.name) <= _LONGEST else row.name[: _LONGEST - 1] + "…"
        button.setText(f"{row.hotkey} {name}" if row.hotkey else name)
        button.setIcon(swatch(row.color_rgb))
        button.setIconSize(QSize(12, 12))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        tip = tr("Class {name}, {num_tracks} tracks").format(
            name=row.name, num_tracks=row.num_tracks
        )
        button.setToolTip(
            tr("{tip} (key {hotkey})").format(tip=tip, hotkey=row.hotkey) if row.hotkey else tip
        )
        button.setAccessibleName(tr("Class {name}").format(name=row.name))
        button.clicked.connect(lambda: self.class_requested.emit(row.class_id))
        return button

    def _fit(self) -> None:
        """Show as many buttons as there is room for, the marked class among them."""
        margins, gap = self._line.contentsMargins(), self._line.spacing()
        room = self.width() - margins.left() - margins.right() - self._edit.sizeHint().width() - 8
        widths = [button.sizeHint().width() + gap for button in self._buttons]
        if sum(widths) > room:
            self.more.setText(_more_text(len(self._rows)))  # as wide as it can become
            room -= self.more.sizeHint().width() + gap
        marked = [row.class_id == self._marked for row in self._rows]
        room -= sum(width for width, is_marked in zip(widths, marked, strict=True) if is_marked)
        hidden = 0
        for button, width, is_marked in zip(self._buttons, widths, marked, strict=True):
            room -= 0 if is_marked else width
            hidden += not (is_marked or room >= 0)
            button.setVisible(is_marked or room >= 0)
        self.more.setText(_more_text(hidden))
        self.more.setVisible(hidden > 0)

    def resizeEvent(self, event: object) -> None:  # noqa: N802, D102
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(200, self._edit.sizeHint().height() + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(80, self._edit.sizeHint().height() + 4)


def _more_text(count: int) -> str:
    return f"+{count} ▾"
