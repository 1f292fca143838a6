"""Ties the attention page to a studio: frames, selection, engine, heat map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from qtpy.QtWidgets import QFileDialog

from ifc_core.errors import IFCError
from ifc_core.io.atomic import atomic_output
from ifc_core.io.overlay import OverlayWriter
from ifc_core.jobs import JobContext
from ifc_core.models.attention_rows import HeatMap
from napari_ifc.attention_state import AttentionView
from napari_ifc.controllers.attention import AttentionController
from napari_ifc.controllers.tasks import Task
from napari_ifc.feature import Feature
from napari_ifc.language import tr
from napari_ifc.views.attention_page import AttentionPage
from napari_ifc.views.heat_colors import heat_opacity, heat_table

if TYPE_CHECKING:
    from ifc_core.annotation import EditResult
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

PAGE = "attention"
_FILM_FPS = 4.0
_NOTHING_SHOWN = tr("Show the attention of a frame first.")


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
        studio.panel.add_page(PAGE, tr("Attention"), self.page)
        studio.panel.page_changed.connect(self._on_page)
        studio.panel.propose.changed.connect(self.controller.forget)
        self.page.choice_changed.connect(self.controller.choose)
        self.page.frame_requested.connect(studio.layers.go_to)
        self.page.export_requested.connect(self._ask_export)
        studio.viewer.mouse_drag_callbacks.append(self._on_press)

    def _on_page(self, name: str) -> None:
        self.controller.set_active(name == PAGE)

    def opened(self, workspace: Workspace) -> None:
        """Follow the new video from its start."""
        self.controller.go_to(self.studio.layers.frame_index)
        self.controller.forget()

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Stop asking about what is put down."""
        self.controller.stop()

    def close(self) -> None:
        """Listen to no more clicks."""
        callbacks = self.studio.viewer.mouse_drag_callbacks
        if self._on_press in callbacks:
            callbacks.remove(self._on_press)

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
            "settings": replace(settings, region_xywh=None).to_json(),
            "models": [str(workspace.session.project.folder / "models")],
        }

    def _mask_at(self, frame_index: int) -> npt.NDArray[np.bool_] | None:
        workspace = self.studio.workspace
        if workspace is None or workspace.editor.current is None:
            return None
        record = workspace.session.project.mask(workspace.editor.current, frame_index)
        shown = None if record is None else record.shown
        return None if shown is None else shown.to_array()

    def _show(self, view: AttentionView) -> None:
        self.page.show_view(view)
        self.studio.layers.show_heat(None if view.heat is None else view.heat.values)

    # A click on the canvas

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        """A click without a drag picks the place under it."""
        if self.studio.panel.current_page != PAGE or self.studio.workspace is None:
            return
        if self.studio.layers.mode != "pan_zoom":
            return
        yield
        moved = False
        while event.type == "mouse_move":
            moved = True
            yield
        if not moved:
            height, width = self.studio.layers.size
            y, x = self.studio.layers.place.row_column(event.position)
            if 0 <= y < height and 0 <= x < width:
                self.controller.pick(y / height, x / width)

    # Export

    def _ask_export(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self.page,
            tr("Export attention"),
            "attention.npz",
            tr("Rows and picture (*.npz);;Picture (*.png);;Film of the clip (*.mp4)"),
        )
        if not chosen:
            return
        path = Path(chosen)
        try:
            if path.suffix.lower() == ".mp4":
                self.begin_film(path)
            elif path.suffix.lower() == ".png":
                self._write_picture(path)
                self.studio.inform(tr("Wrote {name}.").format(name=path.name), "done")
            else:
                self.export(path)
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
            raise IFCError(_NOTHING_SHOWN)
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
        self._write_picture(picture)
        self.studio.inform(
            tr("Wrote {name} and {name2}.").format(name=target.name, name2=picture.name), "done"
        )
        return target, picture

    def _write_picture(self, path: Path) -> None:
        """The heat map over its frame, as it is on screen."""
        heat = self.controller.view.heat
        workspace = self.studio.workspace
        if heat is None or workspace is None:
            raise IFCError(_NOTHING_SHOWN)
        frame = workspace.cache.get(self.studio.layers.frame_index)
        coded, data = cv2.imencode(".png", cv2.cvtColor(blend(frame, heat), cv2.COLOR_RGB2BGR))
        if not coded:
            raise IFCError(tr("The picture of the attention could not be encoded."))
        with atomic_output(path) as temporary:
            temporary.write_bytes(data.tobytes())

    def begin_film(self, path: Path) -> None:
        """Write the clip with its heat maps as an MP4, in a worker.

        Raises:
            IFCError: No attention is shown.
        """
        maps, workspace = self.controller.clip_heat(), self.studio.workspace
        if not maps or workspace is None:
            raise IFCError(_NOTHING_SHOWN)
        read, size = workspace.cache.get, workspace.session.entry.size

        def work(context: JobContext) -> Path:
            with OverlayWriter(path, _FILM_FPS, size) as film:
                for place, (frame_index, heat) in enumerate(maps):
                    film.write(blend(read(frame_index), heat), [])
                    context.advance(place + 1, len(maps))
            return path

        task: Task[Path] = Task(
            tr("Writing {name}").format(name=path.name),
            lambda written: self.studio.inform(
                tr("Wrote {name}.").format(name=written.name), "done"
            ),
            self.studio.fail,
        )
        self.studio.tasks.start(task, work)


def blend(frame: npt.NDArray[np.uint8], heat: HeatMap) -> npt.NDArray[np.uint8]:
    """A frame (H, W, 3) with a heat map over it, as the canvas shows it."""
    height, width = frame.shape[:2]
    values = cv2.resize(heat.values, (width, height), interpolation=cv2.INTER_LINEAR)
    places = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    share = heat_opacity()[places][..., None]
    mixed = frame * (1 - share) + heat_table()[places] * share
    return np.asarray(np.round(mixed), dtype=np.uint8)
