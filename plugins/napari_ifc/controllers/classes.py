"""The classes of a project: which key means which, and editing the list of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ifc_core.annotation import EditResult, Project, edits
from ifc_core.annotation.edits import Edit
from ifc_core.errors import EditError
from ifc_core.structures import Category
from napari_ifc.controllers.editing import EditController
from napari_ifc.language import tr
from napari_ifc.rows import ClassRow

KEYS = tuple("123456789")


class ClassBook:
    """The classes, assigned by key or button.

    A class with a key of its own keeps it; the others get the digits that are left, in order.

    Args:
        project: Whose classes.
        editor: Assigns them.
    """

    def __init__(self, project: Project, editor: EditController) -> None:
        self._project = project
        self._editor = editor

    def rows(self, *, counted: bool = False) -> list[ClassRow]:
        """All classes by id, with their keys.

        Args:
            counted: Whether to count the tracks that are of them, which takes longer.
        """
        categories = self._project.categories()
        counts: Counter[int] = Counter()
        for video in self._project.videos() if counted else ():
            counts.update(track.category_id for track in self._project.tracks(video.id))
        taken = {c.hotkey for c in categories if c.hotkey in KEYS}
        free = [key for key in KEYS if key not in taken]
        rows = []
        for category in categories:
            key = category.hotkey if category.hotkey in KEYS else ""
            if not key and free:
                key = free.pop(0)
            rows.append(
                ClassRow(
                    category.id,
                    category.name,
                    category.color_rgb,
                    category.supercategory,
                    key,
                    counts[category.id],
                )
            )
        return rows

    def marked(self) -> int | None:
        """The class of the current track; without one, that of tracks that are begun."""
        if self._editor.current is not None:
            return self._project.track(self._editor.current).category_id
        ids = [category.id for category in self._project.categories()]
        chosen = self._editor.new_class_id
        return chosen if chosen in ids else next(iter(ids), None)

    def class_of_key(self, key: str) -> ClassRow | None:
        """The class that a digit means."""
        return next((row for row in self.rows() if row.hotkey == key), None)

    def why_not_key(self, key: str) -> str:
        """Why a digit means nothing now."""
        if self.class_of_key(key) is None:
            return tr("No class has the key {key}.").format(key=key)
        return self.why_not_assign()

    def why_not_assign(self) -> str:
        """Why no class can be given; choosing that of new tracks changes nothing yet."""
        return self._editor.why_not_write() if self._editor.selected else ""

    def assign(self, class_id: int) -> EditResult | None:
        """Give the selected tracks a class; without a selection, new tracks get it.

        Returns:
            What changed, or ``None`` where only the class of new tracks did.
        """
        self._editor.new_class_id = class_id
        others = [
            track_id
            for track_id in self._editor.selected
            if self._project.track(track_id).category_id != class_id
        ]
        if not others:
            return None
        return self._editor.apply(edits.RelabelTracks(tuple(others), class_id))

    def save(self, rows: Sequence[ClassRow]) -> EditResult | None:
        """Make the classes be as given, in one edit.

        Args:
            rows: All classes; those that are left out are removed, an id of 0 makes a new one.

        Returns:
            What changed, or ``None`` where nothing did.

        Raises:
            EditError: A class that tracks are of was left out, or a name comes twice.
        """
        present = {category.id: category for category in self._project.categories()}
        shown = {row.class_id: row for row in self.rows()}
        kept = {row.class_id for row in rows}
        steps: list[Edit] = [edits.RemoveCategory(i) for i in present if i not in kept]
        number = self._project.free_category_id() - 1
        for row in rows:
            if row.class_id == 0:
                number += 1
                steps.append(edits.SetCategory(_category(number, row)))
            elif row.class_id not in present:
                raise EditError(tr("That class is gone meanwhile."), path=self._project.folder)
            elif _category(row.class_id, row) != _category(row.class_id, shown[row.class_id]):
                steps.append(edits.SetCategory(_category(row.class_id, row)))
        if not steps:
            return None
        return self._editor.apply(edits.Batch(tuple(steps), label="Edit classes"))


def _category(class_id: int, row: ClassRow) -> Category:
    return Category(class_id, row.name, row.supercategory, row.color_rgb, row.hotkey)
