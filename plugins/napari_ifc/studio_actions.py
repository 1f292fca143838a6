"""Everything a person can do in the studio, put into one table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from ifc_core.annotation.exporting import ExportOptions, ExportReport, ExportScope
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.views.command_palette import CommandPalette
from napari_ifc.views.dialogs import ClassDialog, ExportDialog

if TYPE_CHECKING:
    from napari_ifc.controllers.editing import EditController
    from napari_ifc.studio import Studio, Workspace

FILES = (
    "All that can be opened (*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.json *.sqlite);;All files (*)"
)


def build_actions(studio: Studio) -> None:
    """Fill the studio's table of actions."""
    builder = _Builder(studio)
    builder.files()
    builder.proposing()
    builder.editing()
    builder.tracks()
    builder.review()
    builder.seeking()


class _Builder:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def _add(
        self,
        action_id: str,
        text: str,
        callback: Callable[[], object],
        *,
        key: str = "",
        group: str,
        why_not: Callable[[], str] | None = None,
        tip: str = "",
    ) -> None:
        def call() -> None:
            callback()

        reason = why_not or (lambda: "")
        self._studio.actions.add(Action(action_id, text, call, key, group, reason, tip))

    def _editor_reason(self, ask: Callable[[EditController], str]) -> Callable[[], str]:
        def reason() -> str:
            workspace = self._studio.workspace
            return "Open a video first." if workspace is None else ask(workspace.editor)

        return reason

    def _edit(self, change: Callable[[EditController], object]) -> Callable[[], object]:
        return lambda: change(self._workspace().editor)

    def _workspace(self) -> Workspace:
        assert self._studio.workspace is not None  # noqa: S101 - why_not was asked before
        return self._studio.workspace

    # File

    def files(self) -> None:
        studio = self._studio
        opened = studio.why_not_open
        self._add(
            "file.open",
            "Open video or YouTube-VIS file…",
            self._ask_file,
            group="File",
            tip="Open a video file or a YouTube-VIS JSON file.",
        )
        self._add(
            "file.open_folder",
            "Open frames or project folder…",
            self._ask_folder,
            group="File",
            tip="Open a folder of frames or a project (NAME.ifcproj).",
        )
        self._add(
            "file.import",
            "Import annotations…",
            self._ask_import,
            group="File",
            why_not=self._editor_reason(lambda e: e.why_not_change()),
            tip="Bring annotations of this project's videos in, as one edit.",
        )
        self._add(
            "file.export",
            "Export YouTube-VIS…",
            self._ask_export,
            key="Ctrl+Shift+E",
            group="File",
            why_not=opened,
            tip="Write the tracks as a YouTube-VIS JSON file.",
        )
        self._add(
            "file.export_overlay",
            "Export video with masks…",
            self._ask_overlay,
            group="File",
            why_not=opened,
            tip="Write an MP4 with the masks drawn on the frames.",
        )
        self._add("file.close", "Close project", studio.close_project, group="File", why_not=opened)

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self._studio.panel, "Open", "", FILES)
        if chosen:
            self._studio.open_path(chosen)

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self._studio.panel, "Open folder")
        if chosen:
            self._studio.open_path(chosen)

    def _ask_import(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self._studio.panel, "Import annotations", "", "Annotations (*.json);;All files (*)"
        )
        if chosen:
            self._studio.import_annotations(chosen)

    def _ask_export(self) -> None:
        studio = self._studio
        folder = self._workspace().session.project.folder / "exports"
        suggested = folder / f"{self._workspace().session.project.name or 'annotations'}.json"
        dialog = ExportDialog(suggested, studio.panel)
        dialog.export_requested.connect(
            lambda path, scope, step: self._export(dialog, path, scope, step)
        )
        dialog.open()

    def _export(self, dialog: ExportDialog, path: str, scope: str, step: int) -> None:
        options = ExportOptions(scope=ExportScope(scope), frame_step=step)
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            report = self._studio.export_ytvis(path, options=options)
        except (IFCError, OSError) as error:
            dialog.show_report(str(error))
            return
        dialog.show_report(report_text(report))

    def _ask_overlay(self) -> None:
        name = self._workspace().session.entry.name
        chosen, _ = QFileDialog.getSaveFileName(
            self._studio.panel, "Export video with masks", f"{name}-masks.mp4", "MP4 (*.mp4)"
        )
        if chosen:
            self._studio.export_overlay(chosen)
            self._studio.inform(f"Wrote {Path(chosen).name}.")

    # Propose

    def proposing(self) -> None:
        studio = self._studio
        self._add(
            "propose.start",
            "Propose tracks",
            studio.propose,
            key="Shift+P",
            group="Propose",
            why_not=studio.why_not_propose,
            tip="Let the model find and follow the objects. Corrected frames are never touched.",
        )
        self._add(
            "propose.cancel",
            "Cancel the run",
            lambda: self._workspace().proposer.cancel(),
            group="Propose",
            why_not=self._why_not_cancel,
            tip="Stop the run; nothing of it is kept.",
        )
        self._add(
            "run.keep",
            "Keep the cut-off run",
            studio.proposing.keep_cut_off_run,
            group="Propose",
            why_not=self._why_not_cut_off,
            tip="Accept what a run had found when the program ended unexpectedly.",
        )
        self._add(
            "run.discard",
            "Discard the cut-off run",
            studio.proposing.discard_cut_off_run,
            group="Propose",
            why_not=self._why_not_cut_off,
        )

    def _why_not_cancel(self) -> str:
        workspace = self._studio.workspace
        running = workspace is not None and workspace.proposer.is_running
        return "" if running else "No run is going on."

    def _why_not_cut_off(self) -> str:
        return "" if self._studio.proposing.cut_off_run() is not None else "No run was cut off."

    # Edit

    def editing(self) -> None:
        studio = self._studio
        self._add(
            "edit.undo",
            "Undo",
            self._edit(lambda e: e.undo()),
            key="Ctrl+Z",
            group="Edit",
            why_not=self._editor_reason(lambda e: e.why_not_undo()),
            tip="Take back the last change of any kind.",
        )
        self._add(
            "edit.redo",
            "Redo",
            self._edit(lambda e: e.redo()),
            key="Ctrl+Shift+Z",
            group="Edit",
            why_not=self._editor_reason(lambda e: e.why_not_redo()),
        )
        self._add(
            "edit.palette",
            "Find an action…",
            self._show_palette,
            key="Ctrl+K",
            group="Edit",
            tip="Type what you want to do.",
        )
        self._add(
            "view.ids",
            "Show or hide track numbers",
            studio.toggle_ids,
            key="I",
            group="View",
            why_not=studio.why_not_open,
        )

        self._add(
            "view.napari",
            "Show or hide napari's layer panels",
            lambda: studio.show_napari_panels(not studio.window.napari_panels_shown),
            group="View",
            tip="The layer list and the layer controls of napari.",
        )

    def _show_palette(self) -> None:
        palette = CommandPalette(self._studio.actions, self._studio.panel)
        palette.action_requested.connect(self._studio.run_action)
        palette.open()

    # Tracks

    def tracks(self) -> None:
        selected = self._editor_reason(lambda e: e.why_not_selected())
        self._add(
            "track.new",
            "New track",
            self._new_track,
            key="N",
            group="Track",
            why_not=self._editor_reason(lambda e: e.why_not_change()),
            tip="Take the brush and paint an object that has no track yet.",
        )
        self._add(
            "track.relabel",
            "Change class…",
            self._ask_class,
            key="R",
            group="Track",
            why_not=selected,
            tip="Give the selected tracks another class.",
        )
        self._add(
            "track.merge",
            "Merge tracks",
            self._edit(lambda e: e.merge()),
            key="G",
            group="Track",
            why_not=self._editor_reason(lambda e: e.why_not_merge()),
            tip="Make one track of the selected ones.",
        )
        self._add(
            "track.split",
            "Split track here",
            self._edit(lambda e: e.split()),
            key="S",
            group="Track",
            why_not=self._editor_reason(lambda e: e.why_not_split()),
            tip="From this frame on the object becomes a track of its own.",
        )
        self._add(
            "track.swap",
            "Swap identities from here",
            self._edit(lambda e: e.swap()),
            key="W",
            group="Track",
            why_not=self._editor_reason(lambda e: e.why_not_swap()),
            tip="Exchange two tracks from this frame on.",
        )
        self._add(
            "track.absent",
            "Mark absent on this frame",
            self._edit(lambda e: e.mark_absent()),
            key="O",
            group="Track",
            why_not=selected,
            tip="Say that the object is not to be seen on this frame.",
        )
        self._add(
            "track.approve",
            "Approve track",
            self._edit(lambda e: e.approve_tracks()),
            key="Shift+A",
            group="Track",
            why_not=selected,
            tip="Say that every mask of the selected tracks is right.",
        )
        self._add(
            "track.delete",
            "Delete tracks",
            self._edit(lambda e: e.delete()),
            key="Delete",
            group="Track",
            why_not=selected,
            tip="Delete the selected tracks with all their masks; undo brings them back.",
        )

    def _new_track(self) -> None:
        self._studio.select(())
        self._studio.layers.set_mode("paint")
        self._studio.inform("Paint the new object: its track begins with your first stroke.")

    def _ask_class(self) -> None:
        workspace = self._workspace()
        classes = [c.name for c in workspace.session.project.categories()]
        current = workspace.editor.current
        assert current is not None  # noqa: S101 - why_not was asked before
        dialog = ClassDialog(classes, workspace.index.class_name(current), self._studio.panel)
        dialog.chosen.connect(self._studio.relabel)
        dialog.open()

    # Review

    def review(self) -> None:
        self._add(
            "frame.approve",
            "Approve frame",
            self._edit(lambda e: e.approve_frame()),
            key="A",
            group="Review",
            why_not=self._editor_reason(lambda e: e.why_not_change()),
            tip="Say that this frame is complete and right; again takes it back.",
        )

    # Seeking

    def seeking(self) -> None:
        studio = self._studio
        moves: tuple[tuple[str, str, str, Callable[[], object]], ...] = (
            ("frame.next", "Next frame", ".", lambda: self._step(1)),
            ("frame.previous", "Previous frame", ",", lambda: self._step(-1)),
            ("frame.first", "First frame", "Home", lambda: studio.layers.go_to(0)),
            ("frame.last", "Last frame", "End", self._last),
            ("event.next", "Next event", "J", lambda: self._event(forward=True)),
            ("event.previous", "Previous event", "K", lambda: self._event(forward=False)),
            ("track.next", "Select next track", "PgDown", lambda: self._neighbour(1)),
            ("track.previous", "Select previous track", "PgUp", lambda: self._neighbour(-1)),
        )
        for action_id, text, key, callback in moves:
            self._add(action_id, text, callback, key=key, group="Go", why_not=studio.why_not_open)

    def _step(self, by: int) -> None:
        last = self._workspace().session.num_frames - 1
        self._studio.layers.go_to(min(max(0, self._studio.layers.frame_index + by), last))

    def _last(self) -> None:
        self._studio.layers.go_to(self._workspace().session.num_frames - 1)

    def _event(self, *, forward: bool) -> None:
        workspace = self._workspace()
        marks = workspace.index.events(workspace.editor.selected)
        here = self._studio.layers.frame_index
        place = bisect_right(marks, here) if forward else bisect_left(marks, here) - 1
        if 0 <= place < len(marks):
            self._studio.layers.go_to(marks[place])
        else:
            self._studio.inform("There is no further event in that direction.")

    def _neighbour(self, by: int) -> None:
        workspace = self._workspace()
        ids = [row.track_id for row in workspace.index.rows()]
        if not ids:
            return
        current = workspace.editor.current
        place = ids.index(current) + by if current in ids else 0
        chosen = ids[place % len(ids)]
        self._studio.select((chosen,))
        self._studio.jump_to_track(chosen)


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
