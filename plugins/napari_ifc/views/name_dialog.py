"""The small window that asks what a track is called."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QDialog, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_ifc.language import tr

_LONGEST = 120


class NameDialog(QDialog):
    """Asks for a name; an empty one takes the name away.

    Args:
        track_id: The track.
        name: What it is called now.
        parent: Over which window it is shown.

    Attributes:
        chosen: Emitted with the name.
    """

    chosen = Signal(str)

    def __init__(self, track_id: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setWindowTitle(tr("Name of track {track_id}").format(track_id=track_id))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.field = QLineEdit(name)
        self.field.setMaxLength(_LONGEST)
        self.field.setAccessibleName(tr("Name"))
        self.field.selectAll()
        hint = QLabel(tr("Shown in lists, on the picture and in exports; empty for no name."))
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        self.button = QPushButton(tr("Name it"))
        self.button.setProperty("role", "primary")
        self.button.setDefault(True)
        self.button.clicked.connect(self._on_name)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        for widget in (hint, self.field, self.button):
            column.addWidget(widget)

    def _on_name(self) -> None:
        self.chosen.emit(" ".join(self.field.text().split()))
        self.accept()
