"""Brings what is open onto the screen: canvas, panel and timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ifc_core.annotation.track_colors import colors_of
from ifc_core.config import data_dir
from ifc_core.structures.palette import track_color
from napari_ifc.coming_frames import ComingFrames
from napari_ifc.controllers.canvas import FrameRecords, masks_to_draw
from napari_ifc.controllers.propose_choices import (
    BUNDLED,
    ModelChoice,
    bundled_texts,
    imported_text,
)
from napari_ifc.controllers.track_look import is_region
from napari_ifc.language import tr
from napari_ifc.rows import Summary
from napari_ifc.soon import soon
from napari_ifc.views.propose_choices import FOR_MICROSCOPY
from napari_ifc.views.theme import palette_for
from napari_ifc.views.transport import propose_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ifc_core.annotation import EditResult, StagedMask
    from napari_ifc.controllers.editing import EditController
    from napari_ifc.layers import LayerStack
    from napari_ifc.overlay import DrawnMask
    from napari_ifc.views.panel import StudioPanel
    from napari_ifc.views.transport import TimelinePanel
    from napari_ifc.workspace import Workspace

_LISTS_INTERVAL_MS = 80


class Presenter:
    """Shows; it never changes anything.

    Args:
        panel: The side panel.
        timeline: The strip under the canvas.
        layers: The canvas.
        on_lists: Called when what depends on tracks, runs and the journal is to be shown anew.
        on_actions: Called when actions may have become possible or impossible.

    Attributes:
        estimate: What a run will take, in words, or empty.
        actions: Shows which actions are possible.
        layer_to_annotate: Gives the name of napari's image layer that could be annotated, or
            an empty text.
        drawings: Each gives what a part of the studio draws on a frame over the tracks; a
            provisional mask stands in place of what its track has there.
        hints: Each gives a sentence that the head is to say now in place of what comes next, or
            an empty text.
    """

    def __init__(
        self,
        panel: StudioPanel,
        timeline: TimelinePanel,
        layers: LayerStack,
        on_lists: Callable[[], None],
        on_actions: Callable[[], None],
    ) -> None:
        self._panel = panel
        self._timeline = timeline
        self._layers = layers
        self._on_lists = on_lists
        self.actions = on_actions
        self._workspace: Workspace | None = None
        self._coming = ComingFrames(layers)
        self._model_choice = ModelChoice()
        self._records: FrameRecords | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self.estimate = ""
        self.layer_to_annotate: Callable[[], str] = lambda: ""
        self.drawings: list[Callable[[int], Sequence[DrawnMask]]] = []
        self.hints: list[Callable[[], str]] = []
        self._timer = soon(self.lists, _LISTS_INTERVAL_MS, panel)

    def use(self, workspace: Workspace | None) -> None:
        """Show this from now on; ``None`` for nothing."""
        self._workspace = workspace
        self._coming.use(workspace)
        self._timer.stop()
        self._unsubscribe()
        self._unsubscribe, self._records = (lambda: None), None
        if workspace is not None:
            project = workspace.session.project
            self._records = FrameRecords(project, workspace.session.entry.id)
            self._unsubscribe = project.subscribe(self._take)
            self._settle_colors(workspace)
            self.models(workspace)

    def _take(self, result: EditResult) -> None:
        """Take in what an edit changed, before it is drawn."""
        if self._records is not None:
            self._records.take(result)
        tracks = (result.tracks_added, result.tracks_removed, result.tracks_changed)
        if self._workspace is not None and (result.categories_changed or any(tracks)):
            self._settle_colors(self._workspace)

    def _settle_colors(self, workspace: Workspace) -> None:
        """Have tracks seen in the colours of their classes or lineages, or in their own."""
        color_by = self._layers.style.color_by
        if color_by == workspace.look.color_by == "track":
            return
        session = workspace.session
        is_own = color_by == "track"
        colors = {} if is_own else colors_of(session.project, session.entry.id, color_by)
        workspace.look = replace(workspace.look, color_by=color_by, colors=colors)

    def apply_theme(self, theme_id: str) -> None:
        """Take the colours of a napari theme."""
        palette = palette_for(theme_id)
        self._panel.apply_palette(palette)
        self._timeline.apply_palette(palette)

    def everything(self, why_not_propose: str) -> None:
        """Show all of it anew."""
        self._coming.make_void()
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
        if self._layers.style.color_by != workspace.look.color_by:
            self._settle_colors(workspace)
            self.lists_soon()
        frame_index, editor = self._layers.frame_index, workspace.editor
        if self._layers.is_waiting:  # another frame's picture is seen
            self._layers.draw(())
            self._layers.edit(None, track_color(0))
            return
        more = [mask for give in self.drawings for mask in give(frame_index)]
        provisional = workspace.proposer.provisional_at(frame_index)
        is_plain = not (more or provisional)
        if not (is_plain and self._coming.draw(frame_index)):
            self._layers.draw(self._masks(workspace, frame_index, provisional, more))
        self._coming.plan(frame_index, is_plain=is_plain)
        faint = False
        if editor.current is None:
            color = track_color(len(workspace.index))
        else:
            color = workspace.color_of(editor.current)
            header = workspace.index.header(editor.current)
            faint = is_region(header)  # its stripes are in the picture of all masks
        mask = None if editor.current is None else self._mask_to_edit(editor)
        self._layers.edit(mask, color, editor.aim, faint=faint)

    def _mask_to_edit(self, editor: EditController) -> npt.NDArray[np.uint8]:
        known = [] if self._records is None else self._records.known(editor.frame_index)
        return editor.mask_to_edit(next((r for r in known if r.track_id == editor.current), None))

    def _masks(
        self,
        workspace: Workspace,
        frame_index: int,
        provisional: list[StagedMask],
        more: Sequence[DrawnMask],
    ) -> list[DrawnMask]:
        records = () if self._records is None else self._records.at(frame_index)
        selected = workspace.editor.selected
        look = workspace.look
        tracks = masks_to_draw(records, workspace.index, selected, provisional, look)
        replaced = {mask.track_id for mask in more if mask.provisional}
        seen = [m for m in more if not m.provisional or look.shows(m.track_id, selected)]
        return [*(mask for mask in tracks if mask.track_id not in replaced), *seen]

    def lists(self) -> None:
        """Show the head, and have the features show table, history, timeline and the like."""
        self.head()
        self._on_lists()
        self.actions()

    def head(self) -> None:
        """Show the head: what is open, how far it is, and what comes next or is to be known."""
        summary = Summary() if self._workspace is None else self._workspace.summary()
        told = " ".join(filter(None, (give() for give in self.hints)))
        if told and self._workspace is not None:
            summary = replace(summary, hint=told)
        self._panel.header.show_summary(summary)

    def propose(self, why_not: str) -> None:
        """Show whether Propose is possible, and the next action where no track is."""
        workspace, panel = self._workspace, self._panel
        frames = 0 if workspace is None else workspace.session.num_frames
        frames = -(-frames // panel.propose.frame_step)  # those that are looked at
        text = tr("Propose 1 frame") if frames == 1 else tr("Propose {frames} frames")
        text = text.format(frames=frames) if frames else tr("Propose")
        waiting = "" if why_not or workspace is None else tr("Estimating how long it takes…")
        estimate = self.estimate or waiting  # its line is there from the start: nothing jumps
        marked = None if workspace is None else self._timeline.to_propose()
        if marked is not None:
            text = propose_text(marked)
            estimate = tr("Only the marked frames are looked at; unmark them to look at all.")
        panel.propose.show_state(reason=why_not, button_text=text, estimate=estimate)
        if workspace is None and (layer := self.layer_to_annotate()):
            panel.tracks.show_empty(
                tr("No video open"),
                tr("Take the image layer “{layer}” as a video: time, height, width.").format(
                    layer=layer
                ),
                tr("Annotate this layer"),
                "file.open_layer",
            )
        elif workspace is None:
            panel.tracks.show_empty(
                tr("No video open"),
                tr(
                    "Open a video, a TIFF stack, a folder of frames, a project or a YouTube-VIS "
                    "file."
                ),
                tr("Open…"),
                "file.open",
            )
        elif workspace.proposer.is_running:
            panel.tracks.show_empty(
                tr("Looking for objects"),
                tr("Tracks appear here as the model finds them."),
                "",
                "",
            )
        else:
            panel.tracks.show_empty(
                tr("No tracks yet"),
                tr("Let the model propose them, or choose the brush and paint the first one.\n")
                + (f"{FOR_MICROSCOPY}\n" if panel.propose.model == BUNDLED else "")
                + estimate,
                text,
                "propose.start",
            )

    def models(self, workspace: Workspace) -> None:
        """Offer the bundled models, imported ones and the project's versions to Propose."""
        project, form = workspace.session.project, self._panel.propose
        models = bundled_texts()
        imported = sorted((data_dir() / "models").glob("*.safetensors"))
        models += [(str(file), imported_text(file)) for file in imported]
        models += [(version.path, version.name) for version in project.models()]
        chosen = self._model_choice.of(project, [name for name, _ in models], form.model)
        form.set_models(models, chosen)
