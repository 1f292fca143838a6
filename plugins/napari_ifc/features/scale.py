"""How large a pixel of a video is, and how fast its pictures follow each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ifc_core.annotation import edits
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.language import tr
from napari_ifc.line_layer import LineLayer
from napari_ifc.views.focus import leave
from napari_ifc.views.rate_dialog import RateDialog
from napari_ifc.views.scale_dialog import ScaleDialog, length_text

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

_HINT = tr("Drag a line over something whose length you know; Esc leaves it.")


class VideoScale(Feature):
    """Asks for the scale of the shown video, by a number or a line, and for its rate."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.line = LineLayer(
            studio.viewer,
            studio.layers,
            on_drawn=lambda length_px: self._ask_scale(length_px),
            on_ended=self._on_line_ended,
        )

    def actions(self) -> Iterable[Action]:
        """Scale and rate."""
        group, words = tr("Videos"), tr("speed position metre micrometre calibrate unit time")
        yield Action(
            "videos.scale",
            tr("Scale of this video…"),
            self._ask_scale,
            group=group,
            why_not=self.editor_reason(lambda e: e.why_not_write()),
            tip=tr("How large a pixel is: tables of measurements have speeds in metres then."),
            words=words,
        )
        yield Action(
            "videos.fps",
            tr("Frames per second…"),
            self._ask_fps,
            group=group,
            why_not=self._why_not_fps,
            tip=tr("How fast the pictures of a folder or stack follow each other."),
            words=words,
        )

        yield Action(
            "videos.leave_line",
            tr("Do not measure a line"),
            self.line.clear,
            group=group,
            why_not=self._why_not_leave,
            text_now=lambda: tr("Do not measure a line") if self.line.is_drawing else "",
        )

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """A line that was not drawn yet goes with its video."""
        self.line.clear()

    def _why_not_leave(self) -> str:
        return "" if self.line.is_drawing else tr("No line is being measured.")

    def _why_not_fps(self) -> str:
        reason = self.editor_reason(lambda e: e.why_not_write())()
        if reason or not self.workspace.session.reader.has_rate:
            return reason
        return tr("This video tells the times of its frames itself.")

    def _ask_scale(self, line_px: float = 0.0) -> None:
        session = self.workspace.session
        known = 0.0 if line_px else session.project.video(session.entry.id).um_per_px
        dialog = ScaleDialog(known or 0.0, line_px, self.studio.panel)
        dialog.chosen.connect(self.set_scale)
        dialog.line_requested.connect(self._draw_line)
        dialog.open()

    def _draw_line(self) -> None:
        leave(self.studio.panel)  # the canvas is to hear Escape
        self.line.draw()
        banner = self.studio.panel.banner
        banner.show_message(_HINT, "info", tr("Cancel"), "videos.leave_line", stands=True)

    def _on_line_ended(self) -> None:
        self.studio.panel.banner.withdraw(_HINT)

    def set_scale(self, um_per_px: float) -> None:
        """Give the shown video a scale; one edit.

        Args:
            um_per_px: Micrometres from one pixel to the next; 0 takes the scale away.
        """
        workspace = self.studio.workspace
        if workspace is None:
            return
        project, entry = workspace.session.project, workspace.session.entry
        if (project.video(entry.id).um_per_px or 0.0) == um_per_px:
            return
        try:
            workspace.editor.apply(edits.SetVideo(entry.id, um_per_px=um_per_px))
        except IFCError as error:
            self.studio.fail(error)
            return
        told = tr("{name} has no scale any more.")
        if um_per_px:
            told = tr("1 pixel of {name} is {length}; tables have speeds in µm/s and m/s now.")
        self.studio.inform(told.format(name=entry.name, length=length_text(um_per_px)))

    def _ask_fps(self) -> None:
        dialog = RateDialog(self.workspace.session.fps or 0.0, self.studio.panel)
        dialog.chosen.connect(self.set_fps)
        dialog.open()

    def set_fps(self, fps: float) -> None:
        """Say how fast the pictures of the shown video follow each other; one edit.

        Args:
            fps: Frames per second; 0 where nobody knows.
        """
        workspace = self.studio.workspace
        if workspace is None:
            return
        project, entry = workspace.session.project, workspace.session.entry
        if (project.video(entry.id).given_fps or 0.0) == fps:
            return
        try:
            workspace.editor.apply(edits.SetVideo(entry.id, given_fps=fps))
        except IFCError as error:
            self.studio.fail(error)
            return
        told = tr("{name} has no times any more.")
        if fps:
            told = tr("{name} has {fps:.6g} frames per second: frames have times now.")
        self.studio.inform(told.format(name=entry.name, fps=fps))
