"""Importing annotations into the project that is open."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from ifc_core.annotation import EditResult, Project
from ifc_core.annotation.covered_tracks import Overlaps
from ifc_core.annotation.importing import ImportReport, iter_import
from ifc_core.errors import IFCError
from ifc_core.jobs import JobContext, Progress
from napari_ifc.actions import Action
from napari_ifc.controllers.session import import_sentences
from napari_ifc.controllers.tasks import Task
from napari_ifc.controllers.videos import not_imported_text
from napari_ifc.feature import Feature
from napari_ifc.features.opening import Opening, wait_for
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.language import tr
from napari_ifc.views.overlap_question import ask_overlaps
from napari_ifc.workspace import Workspace

GROUP = tr("File")
Steps = Callable[[Project, JobContext], Generator[Progress, None, ImportReport]]
"""Imports something into a project."""
_Imported = tuple[ImportReport, list[EditResult]]


class Imports(Feature):
    """Brings annotations in, as one edit each; one at a time."""

    def offered(self) -> Iterable[Action]:
        """What the File menu offers of it."""
        yield Action(
            "file.import",
            tr("Import annotations…"),
            self._ask_file,
            group=GROUP,
            why_not=self._why_not,
            tip=tr("Bring annotations of this project's videos in, as one edit."),
        )
        yield Action(
            "file.import_folder",
            tr("Import a folder (DAVIS, MOTS, Cell Tracking Challenge, LabelMe)…"),
            self._ask_folder,
            group=GROUP,
            why_not=self._why_not,
            tip=tr("Bring in a folder of label pictures, of MOTS text or of LabelMe, as one edit."),
        )

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self.studio.panel,
            tr("Import annotations"),
            "",
            tr("Annotations (*.json *.xml *.zip *.tif *.tiff);;All files (*)"),
        )
        if chosen:
            self.begin_import(Path(chosen))

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.studio.panel, tr("Import a folder"))
        if chosen:
            self.begin_import(Path(chosen))

    def _why_not(self) -> str:
        reason = self.editor_reason(lambda e: e.why_not_write())()
        return reason or self.studio.feature(Opening).why_wait() or self._why_wait()

    def _why_wait(self) -> str:
        """Why nothing can be imported at the moment: another import writes to the project."""
        return "".join(wait_for(work) for work in self.studio.tasks.writing[:1])

    def begin_imports(self, paths: Sequence[Path], before: tuple[ImportReport, ...] = ()) -> None:
        """Import several, each as a step of its own, the next once the one before is settled.

        What all of them brought is told at the end; where one fails, the rest is named.

        Args:
            paths: At least one.
            before: Of those that were imported already.
        """
        first, *further = paths
        project = self.studio.project

        def follow(report: ImportReport) -> None:
            if self.studio.project is not project:
                return
            reports = (*before, report)
            if further:
                self.begin_imports(further, reports)
            elif before and report.masks:  # else it is told what became of the last one
                self.studio.inform(" ".join(import_sentences(_together(reports))))

        self.begin_import(first, then=follow, besides=not_imported_text(further))

    def begin_import(
        self,
        path: Path,
        overlaps: Overlaps = Overlaps.BOTH,
        then: Callable[[ImportReport], None] = lambda report: None,
        besides: str = "",
    ) -> None:
        """Import annotations in steps, as one edit; returns at once.

        Refused while something is opened, which would end it, and while another import goes on.
        Where tracks show what was there it is asked afterwards what becomes of them.

        Args:
            path: File or folder.
            overlaps: What was answered.
            then: Told of it once it is there and what was asked is answered.
            besides: To be told with an error, and where it is cancelled or refused.
        """
        project = self.workspace.session.project

        def answered(report: ImportReport, choice: Overlaps) -> None:
            if self.studio.project is not project:
                return
            if choice is not Overlaps.BOTH and self._take_back(project):
                self.begin_import(path, choice, then, besides)
            else:
                then(report)

        def settle(report: ImportReport) -> None:
            if not report.covered or report.agreement is None:
                then(report)
            elif overlaps is Overlaps.BOTH:
                self._ask_overlaps(report.covered, report.agreement, partial(answered, report))
            else:
                self._tell_way_back(report)
                then(report)

        self.begin_steps(path.name, self._steps_of(path, overlaps), settle, besides)

    def _tell_way_back(self, report: ImportReport) -> None:
        """Say how to keep both where an answer left nothing to import."""
        redo = self.studio.actions["edit.redo"]
        if not report.masks and redo.enabled:  # there is no step that undo would take back
            words = tr("Nothing was imported, what was there stays; {redo} keeps both after all.")
            self.studio.inform(words.format(redo=redo.keyed()))

    def _ask_overlaps(
        self, covered: int, agreement: float, answered: Callable[[Overlaps], None]
    ) -> None:
        found = tr("{count} imported tracks show what was there (mean IoU {iou}).")
        if covered == 1:
            found = tr("1 imported track shows what was there (mean IoU {iou}).")
        ask_overlaps(
            self.studio.panel, found.format(count=covered, iou=f"{agreement:.2f}"), answered
        )

    def _take_back(self, project: Project) -> bool:
        """Undo the import that was made last; it is told where something was done since."""
        last = project.history()[:1]
        is_last = bool(last) and last[0].kind == "ImportTracks" and not last[0].undone
        if is_last and self.studio.run_action("edit.undo"):
            return True
        self.studio.inform(tr("Something was done since the import, so both are kept."))
        return False

    def _steps_of(self, path: Path, overlaps: Overlaps = Overlaps.BOTH) -> Steps:
        """Imports a file; what names no video that is known may mean the one that is shown."""

        def steps(project: Project, context: JobContext) -> Generator[Progress, None, ImportReport]:
            shown = self.workspace.session.entry.id
            return (
                yield from iter_import(
                    project, path, likely=(shown,), overlaps=overlaps, context=context
                )
            )

        return steps

    def begin_steps(
        self,
        name: str,
        steps: Steps,
        after: Callable[[ImportReport], None] = lambda report: None,
        besides: str = "",
    ) -> None:
        """The same with whatever brings tracks in.

        Args:
            name: What is imported.
            steps: Imports it into a project, as one edit.
            after: Told of it once it is shown.
            besides: As in :meth:`begin_import`.
        """
        if why := self._why_not():
            self.studio.inform(f"{why} {besides}".rstrip())
            return
        self.studio.layers.flush()
        project = self.workspace.session.project
        cancelled = tr("The import was cancelled; nothing was brought in.")
        task: Task[_Imported] = Task(
            tr("Importing {name}").format(name=name),
            lambda imported: self._take_in(*imported, after),
            lambda error: self.studio.fail(error, besides),
            lambda: self.studio.inform(f"{cancelled} {besides}".rstrip()),
        )
        self.studio.tasks.start_steps(task, lambda context: _import_steps(project, steps, context))

    def import_now(self, path: Path) -> bool:
        """Import annotations and wait for it; see ``Studio.import_annotations``."""
        workspace = self.studio.open_workspace()
        if why := self._why_wait():
            self.studio.fail(why)
            return False
        self.studio.layers.flush()
        project = workspace.session.project
        steps = _import_steps(project, self._steps_of(path), JobContext())
        try:
            while True:
                next(steps)
        except StopIteration as end:
            self._take_in(*end.value)
            return True
        except IFCError as error:
            self.studio.fail(error)
            return False

    def _take_in(
        self,
        report: ImportReport,
        changes: list[EditResult],
        after: Callable[[ImportReport], None] = lambda report: None,
    ) -> None:
        """Show what an import brought in; every list hears of it as of any other edit."""
        workspace = self.studio.open_workspace()
        self.studio.presenter.use(workspace)
        for result in changes:
            workspace.editor.follow(result)
        self.studio.feature(TimelineLink).load()
        self.studio.inform(" ".join(import_sentences(report)))
        after(report)

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """End an import where the project that it writes to is being closed."""
        if not keep_project:
            self.studio.tasks.stop_steps()


def _together(reports: Sequence[ImportReport]) -> ImportReport:
    """What several imports brought, as far as it is told."""
    return ImportReport(
        videos=sum(report.videos for report in reports),
        tracks=sum(report.tracks for report in reports),
        masks=sum(report.masks for report in reports),
        categories=sum(report.categories for report in reports),
        notes=tuple(note for report in reports for note in report.notes),
    )


def _import_steps(
    project: Project, steps: Steps, context: JobContext
) -> Generator[Progress, None, _Imported]:
    """An import in steps; its value is the report and what the edit changed."""
    results: list[EditResult] = []
    end = project.subscribe(results.append)
    try:
        report = yield from steps(project, context)
    finally:
        end()
    # Others may have been undone or done again meanwhile; its own comes last.
    return report, [result for result in results if result.kind == "ImportTracks"][-1:]
