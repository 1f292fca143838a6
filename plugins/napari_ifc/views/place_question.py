"""The question where a video is: a file, or a folder of frames."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_ifc.language import tr


def ask_for_place(name: str, parent: QWidget, why: str = "") -> Path | None:
    """Ask where a video is; ``None`` where nothing was chosen.

    Args:
        name: Of the video.
        parent: Over which window.
        why: A sentence that says why it is asked.
    """
    title = tr("Locate {name}").format(name=name)
    is_folder = _ask_kind(title, parent, why)
    if is_folder is None:
        return None
    if is_folder:
        chosen = QFileDialog.getExistingDirectory(parent, title)
    else:
        chosen, _ = QFileDialog.getOpenFileName(parent, title)
    return Path(chosen) if chosen else None


def _ask_kind(title: str, parent: QWidget, why: str) -> bool | None:
    """Whether it is a folder; no dialog of the system lets one choose either."""
    box = QMessageBox(parent)
    box.setObjectName("ifcPanel")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    question = tr("Is the video a file, or a folder of frames?")
    box.setText(f"{why} {question}".strip())
    file = box.addButton(tr("A file…"), QMessageBox.ButtonRole.AcceptRole)
    folder = box.addButton(tr("A folder…"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(file)
    box.exec()
    clicked = box.clickedButton()
    return clicked is folder if clicked in (file, folder) else None
