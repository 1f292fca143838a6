"""Saying that something which was suspected did not happen."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.edits.base import Edit, name_of
from ifc_core.annotation.records import RunState, Scope
from ifc_core.annotation.refusals import RefusedDivision
from ifc_core.annotation.transaction import EditTransaction


@dataclass(frozen=True, slots=True)
class RefuseDivision(Edit):
    """Say that a track did not divide into others there; no mask and no track is changed.

    Attributes:
        parent_id: The track that did not divide.
        daughter_ids: What did not come of it; the parent may be among them.
        frame_index: First frame on which they seemed to.
    """

    parent_id: int
    daughter_ids: tuple[int, ...]
    frame_index: int

    def perform(self, tx: EditTransaction) -> str:
        """Keep it beside the tracks, so that nobody is asked again."""
        parent = tx.track(self.parent_id)
        daughters = tx.tracks_of(self.daughter_ids)
        if not any(track.id != parent.id for track in daughters):
            tx.fail("A division needs a track that begins later.")
        if any(track.video_id != parent.video_id for track in daughters):
            tx.fail("Only tracks of one video can be linked.")
        ids = tuple(sorted(track.id for track in daughters))
        before = [p for f, p in tx.pointers(parent.id).items() if f < self.frame_index][-1:]
        shown = [_shown_from(tx, track_id, self.frame_index) for track_id in ids]
        masks = frozenset(pointer.mask_id for pointer in (*before, *shown) if pointer is not None)
        refused = RefusedDivision(parent.id, ids, self.frame_index, masks)
        tx.set_run_state(tx.new_refusal(parent.video_id, refused), RunState.ACCEPTED.value)
        scope = Scope.this_frame(self.frame_index).describe()
        return f"No division of {name_of(parent)}, {scope}"


def _shown_from(tx: EditTransaction, track_id: int, frame_index: int) -> Pointer | None:
    """What a track shows on a frame or the next one that it has."""
    return next(iter(tx.pointers(track_id, Scope.from_here(frame_index)).values()), None)
