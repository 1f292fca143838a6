"""Ties the attention page to a studio: frames, selection, engine, heat map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from qtpy.QtWidgets import QFileDialog

from ifc_core.errors import IFCError
from ifc_core.io.atomic import atomic_output
from napari_ifc.attention_state import AttentionView
from napari_ifc.controllers.attention import AttentionController
from napari_ifc.feature import Feature
from napari_ifc.views.attention_page import AttentionPage
from napari_ifc.views.heat_colors import heat_table

if TYPE_CHECKING:
    from ifc_core.annotation import EditResult
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

PAGE = "attention"


class AttentionExplorer(Feature):
    """The attention page; works while the page is in front.

    Args:
        studio: The studio; its panel gets the page.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.page = AttentionPage()
        self.controller = AttentionController(
            studio.engine, studio.deliver, self._params, self._mask_at, self._show
        )
        studio.panel.add_page(PAGE, "Attention", self.page)
        studio.panel.page_changed.connect(self._on_page)
        studio.panel.propose.changed.connect(self.controller.forget)
        self.page.choice_changed.connect(self.controller.choose)
        self.page.frame_requested.connect(studio.layers.go_to)
        self.page.export_requested.connect(self._ask_export)

    def _on_page(self, name: str) -> None:
        self.controller.set_active(name == PAGE)

    def opened(self, workspace: Workspace) -> None:
        """Follow the new video from its start."""
        self.controller.go_to(self.studio.layers.frame_index)
        self.controller.forget()

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Stop asking about what is put down."""
        self.controller.stop()

    def frame_changed(self, frame_index: int) -> None:
        """Follow to another frame."""
        self.controller.go_to(frame_index)

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """Rank the tokens by another mask."""
        self.controller.refresh()

    def project_changed(self, result: EditResult) -> None:
        """Rank the tokens by the mask as it is now."""
        self.controller.refresh()

    def _params(self) -> dict[str, Any] | None:
        workspace = self.studio.workspace
        if workspace is None:
            return None
        try:
            settings = self.studio.panel.propose.settings()
        except IFCError:
            return None
        return {
            "video": str(workspace.session.reader.video.path),
            "settings": settings.to_json(),
            "models": [str(workspace.session.project.folder / "models")],
        }

    def _mask_at(self, frame_index: int) -> npt.NDArray[np.bool_] | None:
        workspace = self.studio.workspace
        if workspace is None or workspace.editor.current is None:
            return None
        record = workspace.session.project.mask(workspace.editor.current, frame_index)
        if record is None or record.rle is None:
            return None
        return record.rle.to_array()

    def _show(self, view: AttentionView) -> None:
        self.page.show_view(view)
        self.studio.layers.show_heat(None if view.heat is None else view.heat.values)

    # Export

    def _ask_export(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self.page, "Export attention", "attention.npz", "Attention rows (*.npz)"
        )
        if not chosen:
            return
        try:
            self.export(Path(chosen))
        except IFCError as error:
            self.studio.fail(error)

    def export(self, path: Path) -> tuple[Path, Path]:
        """Write the rows that are shown and their picture.

        Args:
            path: The NPZ; the PNG stands beside it under the same name.

        Returns:
            The two files. Every row in the NPZ sums to 1, memory columns included.

        Raises:
            OutputError: A file cannot be written.
            IFCError: No attention is shown.
        """
        found, view = self.controller.found, self.controller.view
        if found is None or view.heat is None:
            raise IFCError("Show the attention of a frame first.")
        rows = found.attention
        arrays: dict[str, Any] = {
            "encode_receive": np.stack(rows.encode_receive),
            "decoder": np.stack(rows.decoder),
            "frame_indices": found.prediction.frame_indices,
            "grid_size": np.asarray(rows.grid_size),
        }
        if rows.gather_communicate:
            arrays["gather_communicate"] = np.stack(rows.gather_communicate)
        target, picture = path.with_suffix(".npz"), path.with_suffix(".png")
        with atomic_output(target) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        colors = heat_table()[np.round(view.heat.values * 255).astype(np.uint8)]
        coded, data = cv2.imencode(".png", cv2.cvtColor(colors, cv2.COLOR_RGB2BGR))
        if not coded:
            raise IFCError("The picture of the attention could not be encoded.")
        with atomic_output(picture) as temporary:
            temporary.write_bytes(data.tobytes())
        self.studio.inform(f"Wrote {target.name} and {picture.name}.")
        return target, picture
