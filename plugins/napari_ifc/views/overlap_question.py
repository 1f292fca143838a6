"""The question what becomes of imported tracks that show what was there."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QMessageBox, QWidget

from ifc_core.annotation.covered_tracks import Overlaps
from napari_ifc.language import tr


def ask_overlaps(parent: QWidget, found: str, on_choice: Callable[[Overlaps], None]) -> QMessageBox:
    """Ask it over a window; returns at once.

    Args:
        parent: The window.
        found: How many there are, as a sentence.
        on_choice: Told what is wanted.

    Returns:
        The question.
    """
    box = QMessageBox(parent)
    box.setObjectName("ifcPanel")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(tr("Two sets of masks"))
    box.setText(found)
    box.setInformativeText(
        tr(
            "Keep both, or say which masks count where both show an object: those that were there, "
            "the imported ones, or those that were there with the imported ones as proposals."
        )
    )
    both = box.addButton(tr("Keep both"), QMessageBox.ButtonRole.RejectRole)
    words = {
        Overlaps.OURS: tr("Those that were there"),
        Overlaps.THEIRS: tr("The imported ones"),
        Overlaps.PROPOSALS: tr("As proposals"),
    }
    buttons = {
        choice: box.addButton(text, QMessageBox.ButtonRole.AcceptRole)
        for choice, text in words.items()
    }
    box.setDefaultButton(both)
    box.setEscapeButton(both)

    def finish() -> None:
        clicked = box.clickedButton()
        box.deleteLater()
        chosen = (choice for choice, button in buttons.items() if clicked is button)
        on_choice(next(chosen, Overlaps.BOTH))

    box.finished.connect(finish)
    box.open()
    return box
