"""Which tracks are selected once an edit, an undo or a redo has taken or brought some."""

from __future__ import annotations

from collections.abc import Sequence

from ifc_core.annotation import EditResult
from napari_ifc.controllers.tracks import TrackIndex

_DELETION, _MERGE = "DeleteTracks", "MergeTracks"


def selection_after(
    result: EditResult, selected: Sequence[int], listed: Sequence[int], left: TrackIndex
) -> tuple[int, ...]:
    """The selection that goes on where the work was.

    After a deletion that is the track that is listed behind the deleted ones, else the one before
    them; after its undo, or that of a merge, the tracks that came back.

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
            return stay
        back = tuple(i for i in sorted(result.tracks_added) if i in left)
        merged = stay if result.kind == _MERGE else ()  # what they were merged into
        return (*merged, *back) if back else stay
    if stay or not selected or result.kind != _DELETION:
        return stay
    return _neighbour(frozenset(selected), listed, left)


def _neighbour(gone: frozenset[int], listed: Sequence[int], left: TrackIndex) -> tuple[int, ...]:
    places = [place for place, track_id in enumerate(listed) if track_id in gone]
    if not places:
        return ()
    near = (*listed[places[-1] + 1 :], *reversed(listed[: places[-1]]))
    return next(((track_id,) for track_id in near if track_id in left), ())
