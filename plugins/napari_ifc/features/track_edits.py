"""What can be done to the selected tracks."""

from __future__ import annotations

from collections.abc import Iterable

from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.views.dialogs import ClassDialog

GROUP = "Track"


class TrackEdits(Feature):
    """Making, relabelling, merging, splitting, swapping, approving and deleting tracks."""

    def actions(self) -> Iterable[Action]:
        """Each is one edit."""
        selected = self.editor_reason(lambda e: e.why_not_selected())
        yield Action(
            "track.new",
            "New track",
            self._new_track,
            shortcut="N",
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_change()),
            tip="Take the brush and paint an object that has no track yet.",
        )
        yield Action(
            "track.relabel",
            "Change class…",
            self._ask_class,
            shortcut="R",
            group=GROUP,
            why_not=selected,
            tip="Give the selected tracks another class.",
        )
        yield from self._identity_actions()
        yield Action(
            "track.absent",
            "Mark absent on this frame",
            self.edit(lambda e: e.mark_absent()),
            shortcut="O",
            group=GROUP,
            why_not=selected,
            tip="Say that the object is not to be seen on this frame.",
        )
        yield Action(
            "track.approve",
            "Approve track",
            self.edit(lambda e: e.approve_tracks()),
            shortcut="Shift+A",
            group=GROUP,
            why_not=selected,
            tip="Say that every mask of the selected tracks is right.",
        )
        yield Action(
            "track.delete",
            "Delete tracks",
            self.edit(lambda e: e.delete()),
            shortcut="Delete",
            group=GROUP,
            why_not=selected,
            tip="Delete the selected tracks with all their masks; undo brings them back.",
        )

    def _identity_actions(self) -> Iterable[Action]:
        yield Action(
            "track.merge",
            "Merge tracks",
            self.edit(lambda e: e.merge()),
            shortcut="G",
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_merge()),
            tip="Make one track of the selected ones.",
        )
        yield Action(
            "track.split",
            "Split track here",
            self.edit(lambda e: e.split()),
            shortcut="S",
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_split()),
            tip="From this frame on the object becomes a track of its own.",
        )
        yield Action(
            "track.swap",
            "Swap identities from here",
            self.edit(lambda e: e.swap()),
            shortcut="W",
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_swap()),
            tip="Exchange two tracks from this frame on.",
        )

    def _new_track(self) -> None:
        self.studio.select(())
        self.studio.layers.set_mode("paint")
        self.studio.inform("Paint the new object: its track begins with your first stroke.")

    def _ask_class(self) -> None:
        workspace = self.workspace
        classes = [c.name for c in workspace.session.project.categories()]
        current = workspace.editor.current
        assert current is not None  # noqa: S101 - why_not was asked before
        dialog = ClassDialog(classes, workspace.index.class_name(current), self.studio.panel)
        dialog.chosen.connect(self.studio.relabel)
        dialog.open()
