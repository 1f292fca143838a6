"""Drawing and the journal: tools, strokes, undo and redo, the history page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.mask_shapes import SHAPES, smart_erase
from napari_ifc.controllers.overlaps import PaintOver
from napari_ifc.correction_state import OVERLAPS
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.features.preferences import PreferencesFeature
from napari_ifc.journal_text import step_text
from napari_ifc.language import tr
from napari_ifc.overlay import DrawnMask

if TYPE_CHECKING:
    from napari_ifc.controllers.editing import Aim
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

TOOL_KEYS = (
    (
        "pan_zoom",
        tr("Select and move"),
        "V",
        tr("Click a mask to select its track, drag the picture, zoom with the wheel."),
    ),
    ("paint", tr("Brush"), "B", tr("Paint the selected track's mask on this frame.")),
    ("erase", tr("Eraser"), "E", tr("Take pixels off the mask.")),
    (
        "smart_erase",
        tr("Smart eraser"),
        "Shift+E",
        tr("Erase as far as an edge of the picture goes."),
    ),
    (
        "polygon",
        tr("Polygon"),
        "P",
        tr(
            "Click the corners; double-click or Enter finishes, right-click or Backspace takes "
            "the last corner, Esc all."
        ),
    ),
    ("fill", tr("Fill"), "F", tr("Fill a hole of the mask.")),
    (
        "scribble",
        tr("Scribble on the object"),
        "D",
        tr("Strokes on the object; Shift for beside it."),
    ),
    (
        "unscribble",
        tr("Scribble beside the object"),
        "Shift+D",
        tr("Strokes on what is not the object."),
    ),
    ("box", tr("Box"), "X", tr("Draw a box around the object; its mask is found.")),
)
_SHAPE_KEYS = {
    "largest": ("L", tr("Drop all pieces of the mask but the largest.")),
    "fill": ("H", tr("Fill what is enclosed by the mask.")),
    "smooth": ("M", tr("Take bumps and notches off the outline.")),
    "grow": ("Shift+Up", tr("Move the outline out by a pixel.")),
    "shrink": ("Shift+Down", tr("Move the outline in by a pixel.")),
}
_AMOUNTS_PX = {"grow": 1, "shrink": 1}
BRUSH_STEPS = (
    ("smaller", tr("Smaller brush"), "[", -1),
    ("larger", tr("Larger brush"), "]", 1),
)


HISTORY = "history"
_REDO_TOO = "edit.redo_too"


class Editing(Feature):
    """The tools, the strokes, and one history over everything."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.ghost = False
        tools, history = studio.panel.tools, studio.panel.history
        tools.tool_requested.connect(self._choose_tool)
        tools.brush_size_requested.connect(studio.layers.set_brush_size)
        tools.action_requested.connect(self._on_action)
        tools.look.changed.connect(self._set_look)
        tools.look.aboutToShow.connect(self._show_look)
        tools.look.aboutToHide.connect(self._keep_look)
        history.action_requested.connect(lambda name: studio.run_action(f"edit.{name}"))
        history.step_requested.connect(self._go_to_step)
        studio.panel.page_changed.connect(self._show_history)
        studio.presenter.drawings.append(self._ghosts)

    def started(self) -> None:
        """Fill the menus beside the tools; their tips tell the keys, also changed ones."""
        self.studio.shortcuts_changed.connect(self.tool_changed)
        self.studio.panel.tools.bind_actions(
            self.studio.actions,
            {
                "tidy": (
                    *(f"mask.{name}" for name in SHAPES),
                    *("", "mask.separate", "mask.separate_onward"),
                ),
                "track": (
                    *("track.absent", "track.absent_onward", "track.clear", "track.clear_onward"),
                    "",
                    *("track.begin_here", "track.end_here", "track.extend"),
                    "",
                    *("track.copy_before", "track.copy_after", "track.interpolate"),
                    "",
                    *("track.swap", "track.swap_frame", "track.swap_all"),
                    "",
                    *("track.to_top", "track.up", "track.down", "track.to_bottom"),
                    "track.recolor",
                ),
                "overlap": tuple(f"overlap.{rule.value}" for rule in PaintOver),
                "look": (
                    *("view.by_class", "view.by_lineage", ""),
                    *("view.only_selected", "view.hide", "view.all_tracks"),
                ),
            },
        )

    def actions(self) -> Iterable[Action]:
        """Tools, tidying, undo and redo."""
        writable = self.editor_reason(lambda e: e.why_not_write())
        for mode, text, key, tip in TOOL_KEYS:
            yield Action(
                f"tool.{mode}",
                text,
                lambda mode=mode: self.studio.layers.set_mode(mode),
                shortcut=key,
                group=tr("Draw"),
                why_not=self.studio.why_not_open if mode == "pan_zoom" else writable,
                tip=tip,
            )
        for name, text, key, step in BRUSH_STEPS:
            yield Action(
                f"brush.{name}",
                text,
                lambda step=step: self._step_brush(step),
                shortcut=key,
                group=tr("Draw"),
                why_not=writable,
                tip=tr("Of brush, erasers and scribbles, by a tenth."),
                repeats=True,
                section="tool",
                submenu=tr("Brush size"),
            )
        for name, (word, _) in SHAPES.items():
            yield Action(
                f"mask.{name}",
                {"largest": tr("Keep largest piece")}.get(name, tr(word)),
                lambda name=name: self._reshape(name),
                shortcut=_SHAPE_KEYS[name][0],
                group=tr("Draw"),
                why_not=self.editor_reason(lambda e: e.why_not_reshape()),
                tip=_SHAPE_KEYS[name][1],
                repeats=name in _AMOUNTS_PX,
            )
        for value, text, tip in OVERLAPS:
            yield Action(
                f"overlap.{value}",
                text,
                lambda value=value: self._set_overlap(PaintOver(value)),
                group=tr("Draw"),
                why_not=self.studio.why_not_open,
                tip=tip + ".",
                checked=lambda value=value: self._overlap() == value,
                submenu=tr("Painting over another track"),
            )
        yield Action(
            "view.ghost",
            tr("Ghost of the previous frame"),
            lambda: self._set_ghost(not self.ghost),
            shortcut="Shift+G",
            group=tr("View"),
            why_not=self.studio.why_not_open,
            tip=tr("Show the outline that the selected tracks had on the frame before."),
            checked=lambda: self.ghost,
        )
        yield from self._journal_actions()

    def _journal_actions(self) -> Iterable[Action]:
        yield Action(
            "edit.undo",
            tr("Undo"),
            self.edit(lambda e: e.undo()),
            shortcut="Ctrl+Z",
            group=tr("Edit"),
            why_not=self.editor_reason(lambda e: e.why_not_undo()),
            tip=tr("Take back the last change of any kind."),
            repeats=True,
        )
        yield Action(
            "edit.redo",
            tr("Redo"),
            self.edit(lambda e: e.redo()),
            shortcut="Ctrl+Shift+Z",
            group=tr("Edit"),
            why_not=self.editor_reason(lambda e: e.why_not_redo()),
            repeats=True,
        )
        if _REDO_TOO in self.studio.keys:  # elsewhere the second key is napari's
            yield Action(
                _REDO_TOO,
                tr("Redo (second key)"),
                self.edit(lambda e: e.redo()),
                group=tr("Edit"),
                why_not=self.editor_reason(lambda e: e.why_not_redo()),
                text_now=lambda: "",
                repeats=True,
            )

    def opened(self, workspace: Workspace) -> None:
        """Give the eraser that follows edges the frames it needs."""

        def refine(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return smart_erase(workspace.cache.get(workspace.editor.frame_index), before, after)

        workspace.editor.refiners["Smart erase"] = refine

    def _on_action(self, name: str) -> None:
        self.studio.run_action(name if "." in name else f"edit.{name}")

    def _choose_tool(self, mode: str) -> None:
        self.studio.run_action(f"tool.{mode}")
        self.tool_changed()  # a tool that was refused is not to look chosen

    # Tidying and rules

    def _reshape(self, name: str) -> None:
        if self.workspace.editor.reshape(name, _AMOUNTS_PX.get(name, 2)) is None:
            self.studio.inform(tr("The mask stays as it is."))

    def _overlap(self) -> str:
        workspace = self.studio.workspace
        return "keep" if workspace is None else workspace.editor.paint_over.value

    def _set_overlap(self, rule: PaintOver) -> None:
        self.workspace.editor.paint_over = rule
        self.studio.presenter.lists_soon()  # what is said of hidden tracks depends on it
        text = next(text for value, text, _ in OVERLAPS if value == rule.value)
        self.studio.inform(f"{text}.")

    def _step_brush(self, step: int) -> None:
        size = self.studio.layers.brush_size
        self.studio.layers.set_brush_size(max(1, size + step * max(1, round(size / 10))))

    # How masks are shown

    def _show_look(self) -> None:
        style = self.studio.layers.style
        look = self.studio.panel.tools.look
        look.show_look(style.opacity, style.contour_width_px, style.show_ids, self.ghost)

    def _set_look(self, opacity: float, contour_px: int, ids: bool, ghost: bool) -> None:
        self.ghost = ghost
        layers = self.studio.layers
        style = replace(layers.style, opacity=opacity, contour_width_px=contour_px, show_ids=ids)
        layers.set_style(style)
        self.studio.presenter.canvas()

    def _keep_look(self) -> None:
        """Write what was set into the preferences, once and not with each step of a slider."""
        style = self.studio.layers.style
        self.studio.feature(PreferencesFeature).controller.change(
            overlay_opacity=style.opacity,
            contour_width_px=style.contour_width_px,
            show_ids=style.show_ids,
        )

    def _set_ghost(self, shown: bool) -> None:
        self.ghost = shown
        self.studio.presenter.canvas()

    def _ghosts(self, frame_index: int) -> Sequence[DrawnMask]:
        workspace = self.studio.workspace
        if workspace is None or not self.ghost or frame_index == 0:
            return ()
        drawn = []
        for track_id in workspace.editor.selected:
            record = workspace.session.project.mask(track_id, frame_index - 1)
            if record is not None and record.shown is not None:
                color = workspace.color_of(track_id)
                drawn.append(DrawnMask(track_id, record.shown, color, filled=False, ghost=True))
        return drawn

    # Strokes and the journal

    def drawn(self, mask: npt.NDArray[np.uint8], tool: str, aim: Aim | None) -> None:
        """Store a stroke that has ended."""
        workspace = self.studio.workspace
        if workspace is None:
            return
        try:
            stored = workspace.editor.commit_mask(mask, tool, aim)
        except IFCError as error:
            self.studio.fail(error)
            stored = None
        if stored is None:  # under the brush is only what the project holds
            self.studio.presenter.canvas()

    def refresh(self) -> None:
        """Show the journal and what of it can be undone."""
        self._show_history(self.studio.panel.current_page)
        self.tool_changed()

    def _show_history(self, page: str) -> None:
        """Behind another page the journal, which may be long, is not read after each stroke."""
        workspace = self.studio.workspace
        if page == HISTORY or workspace is None:
            rows = [] if workspace is None else workspace.editor.history()
            self.studio.panel.history.set_rows(rows)

    def tool_changed(self) -> None:
        """Show the drawing tool, the brush size and what can be undone."""
        studio, tools = self.studio, self.studio.panel.tools
        workspace = studio.workspace
        reason = NOTHING_OPEN
        undo = redo = ""
        no_undo = no_redo = NOTHING_OPEN
        if workspace is not None:
            editor, project = workspace.editor, workspace.session.project
            # A tool can be chosen while its frame is still being decoded, not on a broken one.
            reason = editor.why_not_write()
            if studio.layers.has_failed:
                reason = editor.why_not_change()
            no_undo, no_redo = editor.why_not_undo(), editor.why_not_redo()
            undo = "" if no_undo else step_text(project.undo_label or "")
            redo = "" if no_redo else step_text(project.redo_label or "")
        instead = studio.actions.meant("edit.undo")
        studio.panel.history.show_reasons(no_undo, no_redo, instead)
        mode = "" if studio.layers.awaits_shape else studio.layers.mode
        tools.show_tool(mode, drawing_possible=not reason, why_not=reason)
        tools.show_brush_size(studio.layers.brush_size)
        tools.show_undo(undo, redo, instead)

    def _go_to_step(self, number: int) -> None:
        workspace = self.studio.workspace
        if workspace is None:
            return
        try:
            self.studio.layers.flush()
            workspace.editor.go_to_step(number)
        except IFCError as error:
            self.studio.fail(error)
