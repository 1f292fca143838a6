"""Opening and exporting, and the File menu."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog

from ifc_core.annotation import ReaderView, view_project
from ifc_core.annotation.exporting import (
    ExportFormat,
    ExportOptions,
    ExportReport,
    ExportScope,
    Split,
    export_project,
)
from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.errors import OutputError
from ifc_core.jobs import JobContext
from napari_ifc.actions import Action
from napari_ifc.controllers.export_targets import ExportTargets
from napari_ifc.controllers.export_words import empty_text, folder_text, report_text
from napari_ifc.controllers.tasks import Task
from napari_ifc.feature import Feature
from napari_ifc.features.imports import GROUP, Imports
from napari_ifc.features.opening import Opening
from napari_ifc.language import tr
from napari_ifc.views.dialogs import ExportDialog
from napari_ifc.views.export_choices import ExportChoice, ExportOffer

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

VIDEO_FILES = tr(
    "Videos (*.mp4 *.m4v *.mov *.mkv *.avi *.webm *.mpg *.mpeg *.tif *.tiff);;All files (*)"
)
FILES = tr(
    "All that can be opened (*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.tif *.tiff *.json *.xml "
    "*.zip *.sqlite);;All files (*)"
)


class Files(Feature):
    """The File menu."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._targets = ExportTargets()

    def actions(self) -> Iterable[Action]:
        """Open, import, export, close."""
        opened = self.studio.why_not_open
        yield Action(
            "file.open",
            tr("Open video or YouTube-VIS file…"),
            self._ask_file,
            group=GROUP,
            tip=tr("Open a video file or a YouTube-VIS JSON file."),
        )
        yield Action(
            "file.open_folder",
            tr("Open frames or project folder…"),
            self._ask_folder,
            group=GROUP,
            tip=tr("Open a folder of frames or of videos, or a project (NAME.ifcproj)."),
        )
        yield Action(
            "file.save",
            tr("Save"),
            self._say_saved,
            group=GROUP,
            why_not=opened,
            tip=tr("There is nothing to save: every change is on disk when you see it."),
        )
        yield from self.studio.feature(Imports).offered()
        yield Action(
            "file.export",
            tr("Export annotations…"),
            self._ask_export,
            shortcut="Ctrl+Shift+E",
            group=GROUP,
            why_not=opened,
            tip=tr(
                "Write the tracks as YouTube-VIS, COCO, DAVIS, MOTS, Cell Tracking Challenge, "
                "CVAT, LabelMe or YOLO, or a table of measurements."
            ),
            words=tr(
                "csv table measurements json youtube-vis coco davis mots cell tracking ctc cvat "
                "labelme x-anylabeling yolo ultralytics"
            ),
        )
        yield Action(
            "file.export_measurements",
            tr("Export measurements…"),
            lambda: self._ask_export(ExportFormat.CSV),
            group=GROUP,
            why_not=opened,
            tip=tr(
                "Write a table (CSV) of area, place, shape, intensity and speed, a line a mask or "
                "a line a track."
            ),
            words=tr(
                "csv table spreadsheet excel statistics area size shape intensity speed position "
                "distance metre"
            ),
        )
        yield Action(
            "file.export_overlay",
            tr("Export video with masks…"),
            lambda: self._ask_export(ExportFormat.OVERLAY),
            group=GROUP,
            why_not=opened,
            tip=tr("Write an MP4 with the masks drawn on the frames."),
        )
        yield Action(
            _SHOW,
            tr("Show the last export in its folder"),
            self._show_export,
            group=GROUP,
            why_not=self._targets.why_not_show,
            tip=tr("Open the folder that holds what was exported last."),
        )
        close = self._close
        yield Action("file.close", tr("Close project"), close, group=GROUP, why_not=opened)

    def _say_saved(self) -> None:
        folder = self.workspace.session.project.folder
        self.studio.inform(tr("All changes are saved, in {name}.").format(name=folder.name))

    def _close(self) -> None:
        if self.studio.feature(Opening).may_put_down():
            self.studio.close_project()

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self.studio.panel, tr("Open"), "", FILES)
        if chosen:
            self.studio.begin_open(chosen)

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.studio.panel, tr("Open folder"))
        if chosen:
            self.studio.begin_open(chosen)

    # Exporting

    def _ask_export(self, form: ExportFormat = ExportFormat.YTVIS) -> None:
        project = self.workspace.session.project
        suggested = project.folder / "exports" / f"{project.name or 'annotations'}.json"
        offer = ExportOffer(
            self.workspace.session.num_frames,
            self.studio.timeline.marked,
            tuple((category.id, category.name) for category in project.categories()),
            len(project.videos()),
            tuple((entry.id, entry.name) for entry in project.videos()),
        )
        dialog = ExportDialog(
            suggested, self.studio.panel, is_reviewed=self._may_be_reviewed(), offer=offer
        )
        dialog.choose_format(form)
        dialog.export_requested.connect(
            lambda path, scope, step, form: self._export(dialog, Path(path), scope, step, form)
        )
        dialog.open()

    def _may_be_reviewed(self) -> bool:
        """Whether anything is reviewed; of other videos than the one that is shown it may be."""
        index, project = self.workspace.index, self.workspace.session.project
        return len(project.videos()) > 1 or index.has_human_work or index.approved_frames > 0

    def _export(self, dialog: ExportDialog, path: Path, scope: str, step: int, form: str) -> None:
        options = self._options(scope, step, dialog.choices.chosen())
        project, kind = self.workspace.session.project, ExportFormat(form)
        in_parts = options.split is not None
        if why := self._targets.why_not(project, path, kind, in_parts=in_parts):
            dialog.show_report(why)  # the form stays, so that another place can be named
            return
        dialog.accept()
        self.begin_export(path, options, kind)

    def _options(self, scope: str, step: int, choice: ExportChoice) -> ExportOptions:
        """What is asked for; a film has the colours that the window shows."""
        shown, frames = self.workspace.session.entry.id, choice.frames
        return ExportOptions(
            scope=ExportScope(scope),
            video_ids=(shown,) if choice.shown_only else None,
            category_ids=choice.class_ids,
            frame_step=step,
            write_frames=choice.pictures,
            frame_scope=WHOLE if frames is None else Scope(frames.first, frames.last),
            approved_tracks_only=choice.approved_only,
            color_by=self.studio.layers.style.color_by,
            labels=choice.labels,
            split=None
            if choice.valid_share is None
            else Split(choice.valid_share, valid_ids=choice.valid_ids),
        )

    def begin_export(
        self, path: Path, options: ExportOptions, form: ExportFormat = ExportFormat.YTVIS
    ) -> None:
        """Export in a worker, from a snapshot of the project; returns at once.

        Refused while another export goes to the same place.
        """
        task: Task[ExportReport] = Task(
            tr("Exporting {name}").format(name=path.name),
            lambda report: self._tell_exported(report, options.scope),
            self.studio.fail,
            lambda: self.studio.inform(tr("The export was cancelled; no file was written.")),
        )
        self._begin_writing(path, form, options, task)

    def _begin_writing(
        self, path: Path, form: ExportFormat, options: ExportOptions, task: Task[ExportReport]
    ) -> None:
        if why := self._targets.why_wait(path):
            self.studio.fail(why)
            return
        self.studio.layers.flush()
        folder = self.workspace.session.project.folder

        def work(context: JobContext) -> ExportReport:
            _make_parent(path)
            with view_project(folder, ReaderView.COPY) as reader:
                return export_project(reader, path, form, options, context)

        self.studio.tasks.start(self._targets.during(path, task), work)

    def _tell_exported(self, report: ExportReport, scope: ExportScope) -> None:
        if report.masks:
            self._tell_written(report_text(report), report.path)
        else:
            self._tell_written(empty_text(report, scope), report.path, "warning")

    def _tell_written(self, text: str, path: Path, kind: str = "done") -> None:
        banner = self.studio.panel.banner
        banner.show_message(text, kind, tr("Show in folder"), _SHOW, tip=str(path))

    def _show_export(self) -> None:
        assert self._targets.last is not None  # noqa: S101 - why_not was asked before
        folder = self._targets.last.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.studio.inform(
                tr("No program here shows folders; it is {path}.").format(path=folder)
            )

    def export_now(self, path: Path, options: ExportOptions) -> ExportReport:
        """Export and wait for it; see ``Studio.export_ytvis``."""
        project = self.studio.open_workspace().session.project
        self.studio.layers.flush()
        return export_project(project, path, options=options)

    # The film

    def begin_film(self, path: Path) -> None:
        """Write the film of the open video in a worker; returns at once."""
        task: Task[ExportReport] = Task(
            tr("Writing {name}").format(name=path.name),
            lambda report: self._tell_written(
                tr("Wrote {name} in {folder}.").format(
                    name=report.path.name, folder=folder_text(report.path)
                ),
                report.path,
            ),
            self.studio.fail,
            lambda: self.studio.inform(tr("The film was cancelled; no file was written.")),
        )
        self._begin_writing(path, ExportFormat.OVERLAY, self._film_options(), task)

    def film_now(self, path: Path, context: JobContext | None = None) -> None:
        """Write the film and wait for it; see ``Studio.export_overlay``."""
        project = self.studio.open_workspace().session.project
        self.studio.layers.flush()
        export_project(project, path, ExportFormat.OVERLAY, self._film_options(), context)

    def _film_options(self) -> ExportOptions:
        """Everything, in the colours that the window shows."""
        video_id = self.workspace.session.entry.id
        return ExportOptions(
            scope=ExportScope.EVERYTHING,
            video_ids=(video_id,),
            color_by=self.studio.layers.style.color_by,
        )


_SHOW = "file.show_export"


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            tr("{path} cannot be written: {strerror}.").format(path=path, strerror=error.strerror),
            path=path,
        ) from error
