"""Opens the window in the pseudo-language and prints what is seen in it untranslated, as JSON.

A program of its own, since the language holds from the start on. Run by ``test_language.py``.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ifc_app.launcher import prepare_environment

prepare_environment()

from fake_engine import FakeEngine  # noqa: E402
from qtpy.QtCore import QAbstractListModel, Qt  # noqa: E402
from qtpy.QtWidgets import (  # noqa: E402 - the environment comes first
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QSpinBox,
    QTabWidget,
    QWidget,
)

from ifc_app.recent import RecentList  # noqa: E402
from ifc_app.window import DesktopWindow  # noqa: E402

OPEN, CLOSE = "⟦", "⟧"
_DATA = """IFC Studio bedroom bedroom.mp4 object English fp32 bf16 fp16 int8 YouTube-VIS COCO DAVIS
MOTS px GiB MiB AP AP50 AP75 CPU CUDA cuda cpu napari numpy torch qtpy av PySide6-Essentials ID
Python Qt"""
DATA = frozenset(re.split(r"\s", _DATA))
KEY = re.compile(
    "(Ctrl|Shift|Alt|Meta|Enter|Esc|Escape|Space|Home|End|Del|Delete|Backspace|PgUp|PgDown|"
    "Left|Right|Up|Down)"
)


def texts_of(widget: QWidget) -> Iterator[str]:
    """Everything a widget lets a person read or hear."""
    yield widget.toolTip()
    yield widget.accessibleName()
    yield widget.accessibleDescription()
    if widget.isWindow():
        yield widget.windowTitle()
    if isinstance(widget, QLabel | QAbstractButton):
        yield widget.text()
    if isinstance(widget, QLineEdit) and "qt_" not in widget.objectName():
        yield widget.placeholderText()
    if isinstance(widget, QAbstractSpinBox):
        yield widget.specialValueText()
    if isinstance(widget, QSpinBox):
        yield from (widget.prefix(), widget.suffix())
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(i) for i in range(widget.count()))
    if isinstance(widget, QTabWidget):
        yield from (widget.tabText(i) for i in range(widget.count()))
    if isinstance(widget, QGroupBox):
        yield widget.title()
    if isinstance(widget, QMenu):
        for action in widget.actions():
            yield from (action.text(), action.toolTip())
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        yield from cells_of(widget)


def cells_of(view: QAbstractItemView) -> Iterator[str]:
    """Head and cells of a table or list."""
    model = view.model()
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount()
    for column in range(columns):
        yield str(model.headerData(column, Qt.Orientation.Horizontal) or "")
        for row in range(min(model.rowCount(), 20)):
            for role in roles:
                yield str(model.data(model.index(row, column), role) or "")


def untranslated(text: str) -> str:
    """What of a text is in no brackets and is neither a number, a key nor a person's data."""
    if text.startswith(("/", platform.system() + "-")):
        return ""  # a folder, or the name of the operating system
    rest, depth = "", 0
    for letter in text.replace("&", ""):
        depth += (letter == OPEN) - (letter == CLOSE)
        if not depth and letter not in (OPEN, CLOSE):
            rest += letter
    words = re.findall(r"[^\W\d_]{2,}[\w./-]*", rest)
    return " ".join(w for w in words if w not in DATA and not KEY.fullmatch(w.split("+")[0]))


def look(found: set[str], roots: list[QWidget]) -> int:
    """Collect what is untranslated below some widgets.

    Returns:
        How many texts were looked at.
    """
    seen = 0
    for root in roots:
        for widget in (root, *root.findChildren(QWidget)):
            if widget.objectName().startswith(("qt_", "Scroll")):
                continue  # inside a widget of Qt's own, which Qt translates
            for text in texts_of(widget):
                seen += bool(text)
                left = untranslated(text)
                if left:
                    found.add(f"{type(widget).__name__}: {text!r}")
    return seen


def main(scratch: Path) -> None:
    """Walk through the window."""
    engine = FakeEngine((360, 640), 80)
    window = DesktopWindow(recent=RecentList(scratch / "recent"), engine_factory=lambda: engine)
    window.show()
    studio, found, seen = window.studio, set(), 0
    roots = [window.start_page, studio.panel, studio.timeline_panel]
    seen += look(found, roots)
    assert window.open_sample()
    for _ in range(5):
        QApplication.processEvents()
    for page in ("tracks", "propose", "history", "review", "attention", "finetune"):
        studio.panel.show_page(page)
        QApplication.processEvents()
        seen += look(found, roots)
    studio.select((studio.workspace.index.track_ids()[0],))
    for menu in window._menus:
        seen += look(found, [menu])
    for action in studio.actions:
        for text in (action.text, action.group, action.tip, action.why_not()):
            seen += bool(text)
            if untranslated(text):
                found.add(f"action {action.id}: {text!r}")
    for action_id in ("edit.settings", "help.system", "class.edit", "edit.palette"):
        before = set(QApplication.topLevelWidgets())
        if action_id in studio.actions:
            studio.run_action(action_id)
            QApplication.processEvents()
            fresh = [w for w in QApplication.topLevelWidgets() if w not in before]
            dialogs = [*fresh, *window.main.findChildren(QDialog)]
            dialogs = [d for d in dialogs if type(d).__module__.startswith("napari_ifc")]
            seen += look(found, dialogs)
            for dialog in dialogs:
                dialog.close()
    studio.close()
    window.viewer.close()
    report = {"seen": seen, "untranslated": sorted(found)}
    sys.stdout.write(json.dumps(report, ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
