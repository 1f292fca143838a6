"""Drawing and the journal: tools, strokes, undo and redo, the history page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.feature import NOTHING_OPEN, Feature

if TYPE_CHECKING:
    from napari_ifc.studio import Studio


class Editing(Feature):
    """The tool row, the strokes, and one history over everything."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        tools, history = studio.panel.tools, studio.panel.history
        tools.tool_requested.connect(studio.layers.set_mode)
        tools.brush_size_requested.connect(studio.layers.set_brush_size)
        tools.action_requested.connect(lambda name: studio.run_action(f"edit.{name}"))
        history.action_requested.connect(lambda name: studio.run_action(f"edit.{name}"))
        history.step_requested.connect(self._go_to_step)

    def actions(self) -> Iterable[Action]:
        """Undo and redo."""
        yield Action(
            "edit.undo",
            "Undo",
            self.edit(lambda e: e.undo()),
            shortcut="Ctrl+Z",
            group="Edit",
            why_not=self.editor_reason(lambda e: e.why_not_undo()),
            tip="Take back the last change of any kind.",
        )
        yield Action(
            "edit.redo",
            "Redo",
            self.edit(lambda e: e.redo()),
            shortcut="Ctrl+Shift+Z",
            group="Edit",
            why_not=self.editor_reason(lambda e: e.why_not_redo()),
        )

    def drawn(self, mask: npt.NDArray[np.uint8], tool: str) -> None:
        """Store a stroke."""
        workspace = self.studio.workspace
        if workspace is None:
            return
        try:
            workspace.editor.commit_mask(mask, tool)
        except IFCError as error:
            self.studio.fail(error)
            self.studio.presenter.canvas()

    def refresh(self) -> None:
        """Show the history and the tools."""
        workspace = self.studio.workspace
        rows = [] if workspace is None else workspace.editor.history()
        self.studio.panel.history.set_rows(rows)
        self.tool_changed()

    def tool_changed(self) -> None:
        """Show the drawing tool, the brush size and what can be undone."""
        studio, tools = self.studio, self.studio.panel.tools
        workspace = studio.workspace
        reason = NOTHING_OPEN
        undo = redo = ""
        if workspace is not None:
            reason = workspace.editor.why_not_change()
            if not workspace.editor.why_not_undo():
                undo = workspace.session.project.undo_label or ""
            redo = workspace.session.project.redo_label or ""
        tools.show_tool(studio.layers.mode, drawing_possible=not reason, why_not=reason)
        tools.show_brush_size(studio.layers.brush_size)
        tools.show_undo(undo, redo)

    def _go_to_step(self, number: int) -> None:
        workspace = self.studio.workspace
        if workspace is None:
            return
        try:
            workspace.editor.go_to_step(number)
        except IFCError as error:
            self.studio.fail(error)
