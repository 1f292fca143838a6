"""What is shown, and finding what can be done."""

from __future__ import annotations

from collections.abc import Iterable

from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.views.command_palette import CommandPalette


class View(Feature):
    """The command palette, track numbers, napari's own panels."""

    def actions(self) -> Iterable[Action]:
        """They change nothing in the project."""
        studio = self.studio
        yield Action(
            "edit.palette",
            "Find an action…",
            self._show_palette,
            shortcut="Ctrl+K",
            group="Edit",
            tip="Type what you want to do.",
        )
        yield Action(
            "view.ids",
            "Show or hide track numbers",
            studio.toggle_ids,
            shortcut="I",
            group="View",
            why_not=studio.why_not_open,
        )
        yield Action(
            "view.napari",
            "Show or hide napari's layer panels",
            lambda: studio.show_napari_panels(not studio.window.napari_panels_shown),
            group="View",
            tip="The layer list and the layer controls of napari.",
        )

    def _show_palette(self) -> None:
        palette = CommandPalette(self.studio.actions, self.studio.panel)
        palette.action_requested.connect(self.studio.run_action)
        palette.open()
