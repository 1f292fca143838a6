"""Names of tracks: a player, a number plate, an animal that is known."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ifc_core.annotation import edits
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.features.track_edits import GROUP
from napari_ifc.language import tr
from napari_ifc.views.name_dialog import NameDialog

NAME_AND_REGION = tr("Name and region")


class TrackNames(Feature):
    """Asks for the name of the current track."""

    def actions(self) -> Iterable[Action]:
        """The one."""
        yield Action(
            "track.name",
            tr("Name…"),
            self._ask,
            shortcut="F2",
            group=GROUP,
            submenu=NAME_AND_REGION,
            why_not=self.editor_reason(lambda e: e.why_not_tracks()),
            tip=tr("Give the current track a name, which the list, the masks and exports show."),
            words=tr("rename track label call title"),
        )

    def _ask(self) -> None:
        current = self.workspace.editor.current
        assert current is not None  # noqa: S101 - why_not was asked before
        name = self.workspace.index.header(current).name
        dialog = NameDialog(current, name, self.studio.panel)
        dialog.chosen.connect(partial(self.rename, current))
        dialog.open()

    def rename(self, track_id: int, name: str) -> None:
        """Give a track a name; empty takes it away.

        Args:
            track_id: The track.
            name: What it is called from now on.
        """
        workspace = self.studio.workspace
        if workspace is None:
            return
        if track_id in workspace.index and workspace.index.header(track_id).name == name:
            return
        try:
            workspace.editor.apply(edits.SetTrack(track_id, name=name))
        except IFCError as error:
            self.studio.fail(error)
