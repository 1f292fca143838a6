"""Judging the proposals of the open project by its approved frames."""

from __future__ import annotations

from collections.abc import Iterable

from ifc_core.annotation import ReaderView, view_project
from ifc_core.evaluation.project_quality import ProjectQuality, project_quality
from ifc_core.jobs import JobContext
from napari_ifc.actions import Action
from napari_ifc.controllers.quality import quality_facts, quality_notes, quality_rows
from napari_ifc.controllers.tasks import Task
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.language import tr
from napari_ifc.views.quality_dialog import QualityDialog


class Quality(Feature):
    """The figures, in a dialog."""

    def actions(self) -> Iterable[Action]:
        """The one action."""
        yield Action(
            "model.evaluate",
            tr("Quality of the proposals…"),
            self.begin,
            group=tr("Propose"),
            why_not=self._why_not,
            tip=tr(
                "AP, J, F and identity switches of what was proposed, by the frames you approved."
            ),
        )

    def _why_not(self) -> str:
        workspace = self.studio.workspace
        if workspace is None:
            return NOTHING_OPEN
        if not workspace.index.approved_frames:
            return tr("Approve some frames first: they are what the proposals are judged by.")
        return ""

    def begin(self) -> None:
        """Work the figures out in a worker; returns at once."""
        self.studio.layers.flush()
        folder = self.workspace.session.project.folder

        def work(context: JobContext) -> ProjectQuality:
            with view_project(folder, ReaderView.COPY) as reader:
                return project_quality(reader, context=context)

        task: Task[ProjectQuality] = Task(tr("Judging the proposals"), self._show, self.studio.fail)
        self.studio.tasks.start(task, work)

    def _show(self, quality: ProjectQuality) -> None:
        dialog = QualityDialog(self.studio.panel)
        dialog.show_quality(quality_facts(quality), quality_rows(quality), quality_notes(quality))
        dialog.open()
