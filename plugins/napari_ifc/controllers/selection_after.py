"""Which tracks are selected once an edit, an undo or a redo has taken or brought some."""

from __future__ import annotations

from collections.abc import Sequence

from ifc_core.annotation import EditResult
from napari_ifc.controllers.tracks import TrackIndex

_DELETION, _MERGE = "DeleteTracks", "MergeTracks"
_MOST = 10  # a step that concerns more tracks was not about any of them


def selection_after(
    result: EditResult, selected: Sequence[int], listed: Sequence[int], left: TrackIndex
) -> tuple[int, ...]:
    """The selection that goes on where the work was.

    After a deletion that is the track that is listed behind the deleted ones, else the one before
    them; after its undo, or that of a merge, the tracks that came back. Where another undo or redo
    took all that was selected, such as the track that a split had made, it is the tracks whose
    masks that step moved.

    Args:
        result: What changed.
        selected: The tracks selected until now, the current one first.
        listed: The tracks in the order in which they were listed until now.
        left: The tracks of the shown video that exist now.

    Returns:
        Ids of tracks that exist, the current one first.
    """
    stay = tuple(i for i in selected if i in left)
    if result.direction == "undo":
        if result.kind not in (_DELETION, _MERGE):
            return stay or _concerned(result, selected, left)
        back = tuple(i for i in sorted(result.tracks_added) if i in left)
        merged = stay if result.kind == _MERGE else ()  # what they were merged into
        return (*merged, *back) if back else stay
    if stay or not selected:
        return stay
    if result.kind == _DELETION:
        return _neighbour(frozenset(selected), listed, left)
    return _concerned(result, selected, left) if result.direction == "redo" else ()


def _concerned(result: EditResult, selected: Sequence[int], left: TrackIndex) -> tuple[int, ...]:
    """The tracks whose masks a step moved, where something was selected that is gone."""
    moved = {*result.changed_frames, *result.tracks_added}
    there = tuple(sorted(i for i in moved if i in left))
    return there if selected and len(there) <= _MOST else ()


def _neighbour(gone: frozenset[int], listed: Sequence[int], left: TrackIndex) -> tuple[int, ...]:
    places = [place for place, track_id in enumerate(listed) if track_id in gone]
    if not places:
        return ()
    near = (*listed[places[-1] + 1 :], *reversed(listed[: places[-1]]))
    return next(((track_id,) for track_id in near if track_id in left), ())
