"""Importing the checkpoints that the paper's authors publish, from the menu."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QInputDialog

from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import ConfigError, IFCError
from ifc_core.models.class_names import TABLES
from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_ifc.studio import Studio

KIND = "import_model"


class ModelImport(Feature):
    """The action "Import a published model" of a studio.

    Args:
        studio: The studio; its engine process converts the file.
        ask_table: Asks for the class names' table; gives an empty string for "cancel".
    """

    def __init__(
        self,
        studio: Studio,
        ask_table: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(studio)
        self._ask_table = ask_table or self._ask_for_table

    def actions(self) -> Iterable[Action]:
        """The one action."""
        yield Action(
            "model.import",
            tr("Import a published model…"),
            self._ask_for_file,
            group=tr("Propose"),
            tip=tr(
                "Read a .pth checkpoint that the authors of IFC publish, a plain ResNet, or a "
                ".safetensors file that this program made, such as a colleague's fine-tuned model."
            ),
        )

    def _ask_for_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self.studio.panel,
            tr("Import a published model"),
            "",
            tr("Checkpoints (*.pth *.pt *.safetensors)"),
        )
        if chosen:
            self.start(chosen)

    def start(self, file: str, categories: str = "") -> None:
        """Convert a file in the engine process; returns at once.

        Args:
            file: The checkpoint.
            categories: Name of the table of its classes, where it cannot be told.
        """
        self.studio.inform(tr("Importing the model."))
        params = {"file": file, "categories": categories}
        on_event = self.studio.deliver(lambda event: self._take(file, event))
        try:
            self.studio.engine.request(KIND, params, on_event)
        except IFCError as error:
            self.studio.fail(error)

    def _take(self, file: str, event: JobEvent | JobEnd) -> None:
        if not isinstance(event, JobEnd):
            return
        if event.status is JobStatus.SUCCEEDED:
            self.studio.refresh_models()
            classes = event.result["categories"]
            words = tr("Imported {result} with {count} classes; choose it under Propose.")
            if len(classes) == 1:
                words = tr("Imported {result} with 1 class; choose it under Propose.")
            self.studio.inform(words.format(result=event.result["name"], count=len(classes)))
        elif isinstance(event.error, ConfigError) and event.error.name == "categories":
            table = self._ask_table(str(event.error))
            if table:
                self.start(file, table)
        elif event.error is not None:
            self.studio.fail(event.error)

    def _ask_for_table(self, sentence: str) -> str:
        chosen, accepted = QInputDialog.getItem(
            self.studio.panel,
            tr("Which classes?"),
            tr("The file does not name its classes. What was the model trained on?"),
            sorted(TABLES),
            0,
            False,
        )
        return chosen if accepted else ""
