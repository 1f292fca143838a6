"""Where exports go: looked at before they begin, and no two of them to one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ifc_core.annotation import ProjectReader
from ifc_core.annotation.exporting import FOLDER_FORMATS, ExportFormat
from ifc_core.annotation.targets import check_target
from ifc_core.errors import OutputError
from ifc_core.io.atomic import check_new_folder, check_output, ready_folder
from napari_ifc.controllers.tasks import Task
from napari_ifc.error_text import told
from napari_ifc.language import tr

R = TypeVar("R")


class ExportTargets:
    """Knows what is being written, and says why nothing can be written somewhere.

    Attributes:
        last: What was written last, or ``None``.
    """

    def __init__(self) -> None:
        self._writing: set[Path] = set()
        self.last: Path | None = None

    def why_not(
        self, reader: ProjectReader, path: Path, form: ExportFormat, *, in_parts: bool = False
    ) -> str:
        """Why nothing can be written there, or an empty string; the folder around it is made.

        Args:
            reader: The project, which no export may destroy.
            path: The file or folder.
            form: What is to be written.
            in_parts: Whether it is a folder of parts, whatever the format.
        """
        reason = self.why_wait(path)
        if reason:
            return reason
        try:
            check_target(reader, path)
            ready_folder(path.parent)
            if in_parts or form in FOLDER_FORMATS:
                check_new_folder(path)
            else:
                check_output(path)
        except OutputError as error:
            return told(error)[0]
        return ""

    def why_wait(self, path: Path) -> str:
        """Why something else has to end first, or an empty string."""
        wanted = path.resolve()
        for place in self._writing:
            if wanted.is_relative_to(place) or place.is_relative_to(wanted):
                text = tr("{name} is being written at the moment; wait, or name another place.")
                return text.format(name=place.name)
        return ""

    def during(self, path: Path, task: Task[R]) -> Task[R]:
        """A task that writes there: nothing else does until it has ended, however it ends."""
        place = path.resolve()
        self._writing.add(place)

        def then(call: Callable[..., None]) -> Callable[..., None]:
            def end(*values: object) -> None:
                self._writing.discard(place)
                call(*values)

            return end

        def done(result: R) -> None:
            self.last = path
            task.on_done(result)

        return replace(
            task,
            on_done=then(done),
            on_failed=then(task.on_failed),
            on_cancelled=then(task.on_cancelled),
        )

    def why_not_show(self) -> str:
        """Why there is nothing to show, or an empty string."""
        if self.last is None:
            return tr("Nothing was exported yet.")
        text = tr("{name} is not there any more.")
        return "" if self.last.exists() else text.format(name=self.last.name)
