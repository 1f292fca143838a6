"""Opening, importing and exporting."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from ifc_core.annotation.exporting import ExportOptions, ExportReport, ExportScope
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.views.dialogs import ExportDialog

FILES = (
    "All that can be opened (*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.json *.sqlite);;All files (*)"
)
GROUP = "File"


class Files(Feature):
    """The File menu."""

    def actions(self) -> Iterable[Action]:
        """Open, import, export, close."""
        opened = self.studio.why_not_open
        yield Action(
            "file.open",
            "Open video or YouTube-VIS file…",
            self._ask_file,
            group=GROUP,
            tip="Open a video file or a YouTube-VIS JSON file.",
        )
        yield Action(
            "file.open_folder",
            "Open frames or project folder…",
            self._ask_folder,
            group=GROUP,
            tip="Open a folder of frames or a project (NAME.ifcproj).",
        )
        yield Action(
            "file.import",
            "Import annotations…",
            self._ask_import,
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_change()),
            tip="Bring annotations of this project's videos in, as one edit.",
        )
        yield Action(
            "file.export",
            "Export YouTube-VIS…",
            self._ask_export,
            shortcut="Ctrl+Shift+E",
            group=GROUP,
            why_not=opened,
            tip="Write the tracks as a YouTube-VIS JSON file.",
        )
        yield Action(
            "file.export_overlay",
            "Export video with masks…",
            self._ask_overlay,
            group=GROUP,
            why_not=opened,
            tip="Write an MP4 with the masks drawn on the frames.",
        )
        close = self.studio.close_project
        yield Action("file.close", "Close project", close, group=GROUP, why_not=opened)

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self.studio.panel, "Open", "", FILES)
        if chosen:
            self.studio.open_path(chosen)

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.studio.panel, "Open folder")
        if chosen:
            self.studio.open_path(chosen)

    def _ask_import(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self.studio.panel, "Import annotations", "", "Annotations (*.json);;All files (*)"
        )
        if chosen:
            self.studio.import_annotations(chosen)

    def _ask_export(self) -> None:
        project = self.workspace.session.project
        suggested = project.folder / "exports" / f"{project.name or 'annotations'}.json"
        dialog = ExportDialog(suggested, self.studio.panel)
        dialog.export_requested.connect(
            lambda path, scope, step: self._export(dialog, path, scope, step)
        )
        dialog.open()

    def _export(self, dialog: ExportDialog, path: str, scope: str, step: int) -> None:
        options = ExportOptions(scope=ExportScope(scope), frame_step=step)
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            report = self.studio.export_ytvis(path, options=options)
        except (IFCError, OSError) as error:
            dialog.show_report(str(error))
            return
        dialog.show_report(report_text(report))

    def _ask_overlay(self) -> None:
        name = self.workspace.session.entry.name
        chosen, _ = QFileDialog.getSaveFileName(
            self.studio.panel, "Export video with masks", f"{name}-masks.mp4", "MP4 (*.mp4)"
        )
        if chosen:
            self.studio.export_overlay(chosen)
            self.studio.inform(f"Wrote {Path(chosen).name}.")


def report_text(report: ExportReport) -> str:
    """An export in words: what was written and what was left out."""
    lines = [
        f"Wrote {report.path.name}: {report.tracks} tracks, {report.masks} masks on "
        f"{report.frames} frames of {report.videos} "
        f"{'video' if report.videos == 1 else 'videos'}."
    ]
    if report.frames_left_out or report.tracks_left_out:
        lines.append(
            f"Left out: {report.frames_left_out} frames and {report.tracks_left_out} tracks."
        )
    lines.extend(report.notes)
    return "\n".join(lines)
