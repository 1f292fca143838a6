"""Importing the checkpoints that the paper's authors publish, from the menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QInputDialog

from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import ConfigError, IFCError
from ifc_core.models.class_names import TABLES
from napari_ifc.actions import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_ifc.studio import Studio

KIND = "import_model"


class ModelImport:
    """The action "Import a published model" of a studio.

    Args:
        studio: The studio.
        engine: Converts the file in the engine process.
        deliver: Carries the engine's answers into the GUI thread.
        ask_table: Asks for the class names' table; gives an empty string for "cancel".
    """

    def __init__(
        self,
        studio: Studio,
        engine: Any,
        deliver: Any,
        ask_table: Callable[[str], str] | None = None,
    ) -> None:
        self._studio = studio
        self._engine = engine
        self._deliver = deliver
        self._ask_table = ask_table or self._ask_for_table
        studio.actions.add(
            Action(
                "model.import",
                "Import a published model…",
                self._ask_for_file,
                group="Propose",
                tip="Read a .pth checkpoint that the authors of IFC publish, or a plain ResNet.",
            )
        )

    def _ask_for_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self._studio.panel, "Import a published model", "", "Checkpoints (*.pth *.pt)"
        )
        if chosen:
            self.start(chosen)

    def start(self, file: str, categories: str = "") -> None:
        """Convert a file in the engine process; returns at once.

        Args:
            file: The checkpoint.
            categories: Name of the table of its classes, where it cannot be told.
        """
        self._studio.inform("Importing the model.")
        params = {"file": file, "categories": categories}
        on_event = self._deliver(lambda event: self._take(file, event))
        try:
            self._engine.request(KIND, params, on_event)
        except IFCError as error:
            self._studio.fail(error)

    def _take(self, file: str, event: JobEvent | JobEnd) -> None:
        if not isinstance(event, JobEnd):
            return
        if event.status is JobStatus.SUCCEEDED:
            self._studio.refresh_models()
            classes = event.result["categories"]
            self._studio.inform(
                f"Imported {event.result['name']} with {len(classes)} classes; choose it under "
                "Propose."
            )
        elif isinstance(event.error, ConfigError) and event.error.name == "categories":
            table = self._ask_table(str(event.error))
            if table:
                self.start(file, table)
        elif event.error is not None:
            self._studio.fail(event.error)

    def _ask_for_table(self, sentence: str) -> str:
        chosen, accepted = QInputDialog.getItem(
            self._studio.panel,
            "Which classes?",
            "The file does not name its classes. What was the model trained on?",
            sorted(TABLES),
            0,
            False,
        )
        return chosen if accepted else ""
