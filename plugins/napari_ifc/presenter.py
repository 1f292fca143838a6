"""Brings what is open onto the screen: canvas, panel and timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from ifc_core.config import data_dir
from ifc_core.structures.palette import track_color
from napari_ifc.controllers.canvas import masks_to_draw
from napari_ifc.rows import Summary, TimelineData
from napari_ifc.views.theme import palette_for

if TYPE_CHECKING:
    from napari_ifc.layers import LayerStack
    from napari_ifc.views.panel import StudioPanel
    from napari_ifc.views.timeline import Timeline
    from napari_ifc.workspace import Workspace

_LISTS_INTERVAL_MS = 80


class Presenter:
    """Shows; it never changes anything.

    Args:
        panel: The side panel.
        timeline: The strip under the canvas.
        layers: The canvas.

    Attributes:
        estimate: What a run will take, in words, or empty.
    """

    def __init__(self, panel: StudioPanel, timeline: Timeline, layers: LayerStack) -> None:
        self._panel = panel
        self._timeline = timeline
        self._layers = layers
        self._workspace: Workspace | None = None
        self.estimate = ""
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LISTS_INTERVAL_MS)
        self._timer.timeout.connect(self.lists)

    def use(self, workspace: Workspace | None) -> None:
        """Show this from now on; ``None`` for nothing."""
        self._workspace = workspace
        self._timer.stop()
        if workspace is None:
            self._timeline.set_data(TimelineData())
        else:
            self._fill_videos(workspace)
            self.models(workspace)

    def apply_theme(self, theme_id: str) -> None:
        """Take the colours of a napari theme."""
        palette = palette_for(theme_id)
        self._panel.apply_palette(palette)
        self._timeline.apply_palette(palette)

    def everything(self, why_not_propose: str) -> None:
        """Show all of it anew."""
        self.canvas()
        self.lists()
        self.propose(why_not_propose)

    def lists_soon(self) -> None:
        """Show table and timeline anew in a moment; many calls become one."""
        if not self._timer.isActive():
            self._timer.start()

    def canvas(self) -> None:
        """Draw the masks of the current frame and put the current track's under the brush."""
        workspace = self._workspace
        if workspace is None:
            return
        frame_index, editor = self._layers.frame_index, workspace.editor
        self._layers.draw(
            masks_to_draw(
                workspace.session.project,
                workspace.session.entry.id,
                workspace.index,
                frame_index,
                editor.selected,
                workspace.proposer.provisional_at(frame_index),
            )
        )
        if editor.current is None:
            color = track_color(len(workspace.index))
        else:
            color = workspace.index.header(editor.current).color_rgb
        self._layers.edit(editor.mask_to_edit(), color)

    def lists(self) -> None:
        """Show head, table, history, timeline and tools."""
        workspace, panel = self._workspace, self._panel
        panel.header.show_summary(Summary() if workspace is None else workspace.summary())
        if workspace is None:
            panel.tracks.set_rows([], ())
            panel.history.set_rows([])
        else:
            rows = [*workspace.index.rows(), *workspace.proposer.rows()]
            panel.tracks.set_rows(rows, workspace.editor.selected)
            panel.history.set_rows(workspace.editor.history())
            session = workspace.session
            lanes = workspace.proposer.lanes()
            data = workspace.index.timeline(session.num_frames, session.entry.fps, lanes)
            self._timeline.set_data(data)
        self.tools()
        self.actions()

    def selection(self) -> None:
        """Show which tracks are selected."""
        selected = () if self._workspace is None else self._workspace.editor.selected
        self._panel.tracks.select(selected)
        self._timeline.set_selected(selected)
        self.canvas()
        self.actions()

    def tools(self) -> None:
        """Show the drawing tool, the brush size and what can be undone."""
        workspace, tools = self._workspace, self._panel.tools
        reason = "Open a video first."
        undo = redo = ""
        if workspace is not None:
            reason = workspace.editor.why_not_change()
            if not workspace.editor.why_not_undo():
                undo = workspace.session.project.undo_label or ""
            redo = workspace.session.project.redo_label or ""
        tools.show_tool(self._layers.mode, drawing_possible=not reason, why_not=reason)
        tools.show_brush_size(self._layers.brush_size)
        tools.show_undo(undo, redo)

    def actions(self) -> None:
        """Show which actions are possible."""
        self._panel.tracks.refresh_actions()

    def propose(self, why_not: str) -> None:
        """Show whether Propose is possible, and the next action where no track is."""
        workspace, panel = self._workspace, self._panel
        frames = 0 if workspace is None else workspace.session.num_frames
        text = f"Propose {frames} frames" if frames else "Propose"
        panel.propose.show_state(reason=why_not, button_text=text, estimate=self.estimate)
        if workspace is None:
            panel.tracks.show_empty(
                "No video open",
                "Open a video, a folder of frames, a project or a YouTube-VIS file.",
                "Open…",
                "file.open",
            )
        else:
            panel.tracks.show_empty(
                "No tracks yet",
                "Let the model propose them, or choose the brush and paint the first one.\n"
                + self.estimate,
                text,
                "propose.start",
            )

    def _fill_videos(self, workspace: Workspace) -> None:
        box = self._panel.videos
        videos = workspace.session.project.videos()
        box.blockSignals(True)
        box.clear()
        for entry in videos:
            box.addItem(f"{entry.name} · {entry.num_frames} frames", entry.id)
        box.setCurrentIndex(box.findData(workspace.session.entry.id))
        box.blockSignals(False)
        box.setVisible(len(videos) > 1)

    def models(self, workspace: Workspace) -> None:
        """Offer the bundled model, imported ones and the project's versions to Propose."""
        project = workspace.session.project
        models = [("default", "Bundled model")]
        imported = sorted((data_dir() / "models").glob("*.safetensors"))
        models += [(str(file), f"{file.stem} (imported)") for file in imported]
        models += [(version.path, version.name) for version in project.models()]
        active = project.active_model()
        self._panel.propose.set_models(models, "default" if active is None else active.path)
