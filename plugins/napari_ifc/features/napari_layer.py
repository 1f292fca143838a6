"""Working on image layers that are open in napari: TIFF stacks, 16-bit, grey, computed arrays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

from ifc_core.annotation import edits
from ifc_core.config import data_dir
from ifc_core.errors import IFCError
from ifc_core.jobs import JobContext
from napari_ifc.actions import Action
from napari_ifc.controllers.layer_frames import (
    LayerReader,
    LayerSource,
    contrast_of,
    measures_of,
    write_frames,
)
from napari_ifc.controllers.session import Session, open_session
from napari_ifc.controllers.tasks import Task
from napari_ifc.feature import Feature
from napari_ifc.features.opening import Opening
from napari_ifc.language import tr
from napari_ifc.picture_place import PLAIN, PicturePlace
from napari_ifc.views.scale_dialog import length_text

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

_DIMENSIONS = 3  # time, height, width; colour is not one of a layer's


class NapariLayer(Feature):
    """Opens the active image layer as a video, and offers it while nothing is open."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        studio.presenter.layer_to_annotate = self._name
        self._timer = self.soon(self._offer)
        layers = studio.viewer.layers
        self._events = (
            layers.events.inserted,
            layers.events.removed,
            layers.selection.events.active,
        )
        for event in self._events:
            event.connect(self._on_layers)
        self._hidden: list[Any] = []
        self._shown_as: dict[Path, ref[Any]] = {}  # of a file or folder, the layer that it is
        studio.layers.place_of = self._place_of
        studio.project_closed.connect(self._show_again)

    def close(self) -> None:
        """Look at the layers no more."""
        self._timer.stop()
        if not self.studio.window.is_closing:
            self._show_again()
        for event in self._events:
            event.disconnect(self._on_layers)

    def _on_layers(self, event: Any = None) -> None:
        if self.studio.workspace is None:
            self._timer.start()

    def _offer(self) -> None:
        if self.studio.workspace is None and not self.studio.is_closed:
            self.studio.presenter.propose(self.studio.why_not_propose())

    def _name(self) -> str:
        layer = self._layer()
        return "" if layer is None or layer.ndim < _DIMENSIONS else str(layer.name)

    def actions(self) -> Iterable[Action]:
        """The one action."""
        yield Action(
            "file.open_layer",
            tr("Annotate the active napari layer"),
            self.begin,
            group=tr("File"),
            why_not=self._why_not,
            tip=tr(
                "Take an image layer (time, height, width) as a video; grey and 16-bit ones as "
                "their contrast limits show them."
            ),
        )

    def _layer(self) -> Any:
        """The active image layer that is not one of the studio's own, or ``None``."""
        viewer, ours = self.studio.viewer, self.studio.layers.layers
        layers = [viewer.layers.selection.active, *reversed(viewer.layers)]
        usable = (x for x in layers if x is not None and x not in ours)
        return next((x for x in usable if type(x).__name__ == "Image"), None)

    def _why_not(self) -> str:
        return "" if self._layer() is not None else tr("Open an image layer in napari first.")

    def begin(self) -> None:
        """Show the layer's frames, copy them in a worker and open the copy; returns at once."""
        layer = self._layer()
        file = layer.metadata.get("ifc_video", "")
        if file:
            self._shown_as[Path(file).absolute()] = ref(layer)
            self._hide(layer)
            self.studio.begin_open(file)
            return
        data = layer.data[0] if layer.multiscale else layer.data
        rgb = bool(layer.rgb)
        limits = (0.0, 255.0) if rgb else contrast_of(layer.contrast_limits)
        if not self.studio.feature(Opening).may_put_down():
            return
        try:
            source = LayerSource(str(layer.name), data, rgb, limits)
        except IFCError as error:
            self.studio.fail(error)
            return
        self._start(source, layer)

    def _place_of(self, path: Path | None) -> PicturePlace:
        """Where a video lies: over the layer that it was made from, while that is open."""
        made_from = None if path is None else self._shown_as.get(path)
        layer = None if made_from is None else made_from()
        is_open = layer is not None and layer in self.studio.viewer.layers
        return PicturePlace.of_layer(layer) if is_open else PLAIN

    def _hide(self, layer: Any) -> None:
        """Hide a layer while its copy is shown, until the project is closed."""
        if layer.visible:
            self._hidden.append(ref(layer))
            layer.visible = False

    def _show_again(self) -> None:
        hidden, self._hidden = [layer() for layer in self._hidden], []
        for layer in hidden:
            if layer is not None and layer in self.studio.viewer.layers:
                layer.visible = True

    def _start(self, source: LayerSource, layer: Any) -> None:
        home = self.studio.settings.projects_folder or data_dir() / "projects"

        def work(context: JobContext) -> Session:
            return open_session(write_frames(source, Path(home), context), home, context)

        opening = self.studio.feature(Opening)

        def show(session: Session) -> None:
            self._hide(layer)
            self._shown_as[session.reader.video.path] = ref(layer)
            if opening.take(session):
                self._take_measures(layer)
            else:
                self._start(source, layer)  # it was open, and could only be read

        def failed(error: IFCError) -> None:
            opening.end_preview()
            self.studio.fail(error)

        def cancelled() -> None:
            opening.end_preview()
            self.studio.inform(tr("Opening was cancelled."))

        task: Task[Session] = Task(
            tr("Opening {name}").format(name=source.name),
            show,
            failed,
            cancelled,
            drop=Session.close,
        )
        preview = Path(source.name)  # relative, as no file of a session is
        self._shown_as[preview] = ref(layer)
        opening.show_preview(LayerReader(source, preview))
        self.studio.tasks.start(task, work)

    def _take_measures(self, layer: Any) -> None:
        """Take over a layer's scale and rate into a project that is new, as one edit."""
        workspace = self.workspace
        project, entry = workspace.session.project, workspace.session.entry
        um_per_px, fps = measures_of(layer.scale, layer.units)
        if not (um_per_px or fps) or len(project.history()) > 1:
            return
        if workspace.editor.why_not_write():
            return
        try:
            workspace.editor.apply(
                edits.SetVideo(entry.id, um_per_px=um_per_px or None, given_fps=fps or None)
            )
        except IFCError as error:
            self.studio.fail(error)
            return
        told = tr("As in the layer, 1 pixel is {length}, and there are {fps:.6g} frames a second.")
        if not fps:
            told = tr("As in the layer, 1 pixel is {length}.")
        elif not um_per_px:
            told = tr("As in the layer, there are {fps:.6g} frames a second.")
        self.studio.inform(told.format(length=length_text(um_per_px), fps=fps))
