"""Classes: a button and a digit for each, and a window to edit them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.classes import KEYS, ClassBook
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.language import tr
from napari_ifc.rows import ClassRow
from napari_ifc.views.class_bar import ClassBar
from napari_ifc.views.class_dialog import ClassesDialog

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace


class Classes(Feature):
    """The line of classes under the tools."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.book: ClassBook | None = None
        self.bar = ClassBar()
        studio.panel.add_strip(self.bar, inset=False)
        self.bar.class_requested.connect(self._assign)
        self.bar.edit_requested.connect(lambda: studio.run_action("class.edit"))

    def actions(self) -> Iterable[Action]:
        """A digit for each of nine classes, and editing them."""
        for key in KEYS:
            yield Action(
                f"class.{key}",
                tr("Class with the key {key}").format(key=key),
                lambda key=key: self._assign_key(key),
                shortcut=key,
                group=tr("Class"),
                why_not=self._reason(lambda book, key=key: book.why_not_key(key)),
                text_now=lambda key=key: self._name_of_key(key),
                tip=tr(
                    "Give the selected tracks this class; without a selection, new tracks get it."
                ),
            )
        yield Action(
            "class.edit",
            tr("Edit classes…"),
            self._edit,
            group=tr("Class"),
            why_not=self.editor_reason(lambda e: e.why_not_write()),
            tip=tr("Names, colours and keys of the classes."),
        )

    def _reason(self, ask: Callable[[ClassBook], str]) -> Callable[[], str]:
        return lambda: NOTHING_OPEN if self.book is None else ask(self.book)

    def opened(self, workspace: Workspace) -> None:
        """Take the classes of the project."""
        self.book = ClassBook(workspace.session.project, workspace.editor)
        self.refresh()

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Nothing is open any more."""
        self.book = None
        self.bar.show_classes((), None, is_open=False)

    def refresh(self) -> None:
        """Show the classes."""
        if self.book is not None:
            self.bar.show_classes(self.book.rows(), self.book.marked())

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """Mark the class of the current track."""
        self.refresh()

    def _name_of_key(self, key: str) -> str:
        row = None if self.book is None else self.book.class_of_key(key)
        return "" if row is None else tr("Class {name}").format(name=row.name)

    def _assign_key(self, key: str) -> None:
        row = None if self.book is None else self.book.class_of_key(key)
        if row is not None:
            self._assign(row.class_id)

    def _assign(self, class_id: int) -> None:
        if self.book is None:
            return
        workspace, reason = self.workspace, self.book.why_not_assign()
        if reason:
            self.studio.inform(reason)
        else:
            self.book.assign(class_id)
            if not workspace.editor.selected:
                self.studio.inform(
                    tr("New tracks are now {default_class}.").format(
                        default_class=workspace.editor.default_class()
                    )
                )
        self.refresh()

    def _edit(self) -> None:
        assert self.book is not None  # noqa: S101 - why_not was asked before
        dialog = ClassesDialog(self.book.rows(counted=True), self.studio.panel)
        dialog.saved.connect(self._save)
        dialog.open()

    def _save(self, rows: list[ClassRow]) -> None:
        if self.book is None:
            return
        try:
            self.book.save(rows)
        except IFCError as error:
            self.studio.fail(error)
        self.refresh()
