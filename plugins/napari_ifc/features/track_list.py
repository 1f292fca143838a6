"""The table of tracks: rows, selection, and what to do where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_ifc.feature import Feature

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

_EMPTY_AT_FIRST = ("history", "review")


class TrackList(Feature):
    """The page of tracks."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        table = studio.panel.tracks
        table.action_requested.connect(studio.run_action)
        table.selection_changed.connect(studio.select)
        table.jump_requested.connect(studio.jump_to_track)

    def started(self) -> None:
        """Give the table its buttons and its menu."""
        self.studio.panel.tracks.bind_actions(self.studio.actions)

    def opened(self, workspace: Workspace) -> None:
        """Begin where the first step is offered, not on a page that has nothing to show yet."""
        panel = self.studio.panel
        workspace.editor.listed = panel.tracks.listed
        if not workspace.index.rows() and panel.current_page in _EMPTY_AT_FIRST:
            panel.show_page("tracks")

    def refresh(self) -> None:
        """Show the tracks, and those of a run in progress."""
        workspace, table = self.studio.workspace, self.studio.panel.tracks
        if workspace is None:
            table.set_rows([], ())
        else:
            rows = [*workspace.colored(workspace.index.rows()), *workspace.proposer.rows()]
            table.set_rows(rows, workspace.editor.selected)

    def actions_changed(self) -> None:
        """Enable what is possible."""
        self.studio.panel.tracks.refresh_actions()

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """Show which tracks are selected."""
        self.studio.panel.tracks.select(track_ids)
