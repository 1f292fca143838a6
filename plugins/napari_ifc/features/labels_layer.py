"""A Labels layer that is open in napari becomes tracks of the video, one per label."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from ifc_core.annotation import Project
from ifc_core.annotation.importing import ImportReport, iter_proposals
from ifc_core.errors import InputError
from ifc_core.io.ytvis_types import YtvisFile
from ifc_core.jobs import JobContext, Progress
from napari_ifc.actions import Action
from napari_ifc.controllers.tasks import Task
from napari_ifc.feature import Feature
from napari_ifc.features.imports import Imports
from napari_ifc.labels_export import labels_to_proposals
from napari_ifc.language import tr
from napari_ifc.picture_place import PicturePlace

Steps = Generator[Progress, None, ImportReport]


class LabelsLayer(Feature):
    """Imports the active Labels layer as proposals."""

    def actions(self) -> Iterable[Action]:
        """The one action."""
        yield Action(
            "file.import_labels",
            tr("Import the active Labels layer as tracks"),
            self.begin,
            group=tr("File"),
            why_not=self._why_not,
            tip=tr("Each label of a napari Labels layer becomes a proposed track, as one edit."),
        )

    def _layer(self) -> Any:
        """The active Labels layer that is not one of the studio's own, or ``None``."""
        viewer, ours = self.studio.viewer, self.studio.layers.layers
        layers = [viewer.layers.selection.active, *reversed(viewer.layers)]
        usable = (layer for layer in layers if layer is not None and layer not in ours)
        return next((layer for layer in usable if type(layer).__name__ == "Labels"), None)

    def _why_not(self) -> str:
        reason = self.editor_reason(lambda e: e.why_not_write())()
        if not reason and self._layer() is None:
            return tr("Open a Labels layer in napari first.")
        return reason

    def begin(self) -> None:
        """Read the labels in a worker and import them; returns at once.

        Raises:
            InputError: The layer does not fit the video.
        """
        layer, session = self._layer(), self.workspace.session
        project, video_id, name = session.project, session.entry.id, str(layer.name)
        data = layer.data[0] if layer.multiscale else layer.data
        self._check(name, data)
        class_name = self.workspace.editor.default_class()
        elsewhere = self._where(layer)

        def take(file: YtvisFile) -> None:
            if self.studio.project is not project:
                self.studio.inform(tr("The import was cancelled; nothing was brought in."))
            elif not file.tracks:
                self.studio.inform(tr("The layer {name} holds no labels.").format(name=name))
            else:
                self.studio.feature(Imports).begin_steps(name, partial(bring_in, file))

        def bring_in(file: YtvisFile, to: Project, context: JobContext) -> Steps:
            report = yield from iter_proposals(to, name, file, video_id, context)
            return replace(report, notes=(*report.notes, *elsewhere))

        def read(context: JobContext) -> YtvisFile:
            return labels_to_proposals(data, name, class_name, context)

        task: Task[YtvisFile] = Task(
            tr("Reading {name}").format(name=name),
            take,
            self.studio.fail,
            lambda: self.studio.inform(tr("The import was cancelled; nothing was brought in.")),
        )
        self.studio.tasks.start(task, read)

    def _where(self, layer: Any) -> tuple[str, ...]:
        """A sentence where the labels lie elsewhere than the video; numbers of pixels count."""
        layers = self.studio.layers
        if PicturePlace.of_layer(layer).is_like(layers.place, layers.size):
            return ()
        text = tr(
            "The layer {name} lies elsewhere on the canvas than the video; its pixels were taken "
            "for those of the video, one for one."
        )
        return (text.format(name=layer.name),)

    def _check(self, name: str, data: Any) -> None:
        """Refuse labels of other frames than those of the video that is shown."""
        entry = self.workspace.session.entry
        shape = tuple(int(n) for n in data.shape)
        expected = (entry.num_frames, *entry.size)
        if shape == expected or (entry.num_frames == 1 and shape == entry.size):
            return
        raise InputError(
            tr(
                "The layer {name} is {actual}, and the video {video} is {expected} (frames, "
                "height, width); only labels of all its frames can become tracks."
            ).format(
                name=name,
                actual=" × ".join(map(str, shape)),
                video=entry.name,
                expected=" × ".join(map(str, expected)),
            )
        )
