"""Which staged masks go on in tracks that a person named, classed, linked or put together.

Such a track holds no mask of a person's own, but who is who in it is a person's word. So it goes
on frame by frame with what covers the same as before, whichever instances a new run makes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from ifc_core.annotation.lineage import linked
from ifc_core.annotation.matching import is_anchor, native
from ifc_core.annotation.pointer_tables import AREA, FRAME, MASK, STATE, TRACK, Table
from ifc_core.annotation.records import Scope
from ifc_core.annotation.staged_table import StagedTable
from ifc_core.annotation.transaction import ABSENT, PROPOSED, EditTransaction
from ifc_core.structures import Track, TrackState

_LEAST_IN_A_ROW = 3  # common frames; shorter is a passing by, where there are more


def touched_tracks(tx: EditTransaction, video_id: int) -> list[Track]:
    """Tracks that a person touched or that are linked, but on no mask a person's word stands."""
    tracks = [t for t in tx.tracks(video_id) if t.state is not TrackState.REJECTED]
    shown = tx.pointer_table(video_id, [track.id for track in tracks])
    anchored = set(shown[is_anchor(shown), TRACK].tolist())
    absent = set(shown[shown[:, STATE] == ABSENT, TRACK].tolist())
    kept = absent | linked(tx.parents(video_id))
    touched = [t for t in tracks if t.state is not TrackState.PROPOSED or t.id in kept]
    return [track for track in touched if track.id not in anchored]


def staged_owners(
    tx: EditTransaction,
    video_id: int,
    staged: StagedTable,
    instance_ids: Sequence[int],
    track_ids: Collection[int],
    scope: Scope,
    min_iou: float,
    fixed: Collection[int] = (),
) -> npt.NDArray[np.int64]:
    """The track that each staged record goes on in.

    On frames that a track shows something on, the instance that covers it best; elsewhere
    the rest of an instance goes to the track that has what is nearest of it in time.

    Args:
        tx: The open edit; what the tracks proposed is still there.
        video_id: The video.
        staged: What the run staged, n records.
        instance_ids: The instances to give, the surest first.
        track_ids: The tracks, of :func:`touched_tracks`.
        scope: Frames that are accepted.
        min_iou: Smallest IoU on a frame.
        fixed: Instances of which the rest goes elsewhere.

    Returns:
        (n,) int64 track ids, 0 where a record goes into none of them.
    """
    owners = np.zeros(len(staged), dtype=np.int64)
    shown = tx.pointer_table(video_id, track_ids, scope)
    shown = shown[(shown[:, STATE] == PROPOSED) & (shown[:, AREA] > 0)]
    if not len(shown) or not len(staged):
        return owners
    usable = np.isin(staged.instances, np.fromiter(instance_ids, np.int64)) & (staged.areas > 0)
    size = tx.video(video_id).size
    for rows, old in _common_frames(staged, usable, shown):
        _take_best(tx, size, staged, rows, old, owners, min_iou)
    _drop_passing(staged, shown, owners)
    taken = set(zip(owners.tolist(), staged.frames.tolist(), strict=True))
    for instance_id in instance_ids:
        if instance_id not in fixed:
            place = staged.place_of(instance_id)
            _take_rest(staged, np.arange(place.start, place.stop), owners, taken)
    return owners


def _common_frames(
    staged: StagedTable, usable: npt.NDArray[np.bool_], shown: Table
) -> Iterator[tuple[npt.NDArray[np.intp], Table]]:
    """Rows of staged records and of what tracks show, of each frame that has both."""
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(staged.frames[rows], kind="stable")]
    old = shown[np.argsort(shown[:, FRAME], kind="stable")]
    frames, old_frames = staged.frames[rows], old[:, FRAME].copy()
    for frame in np.intersect1d(frames, old_frames):
        first, last = np.searchsorted(frames, [frame, frame + 1])
        begin, end = np.searchsorted(old_frames, [frame, frame + 1])
        yield rows[first:last], old[begin:end]


def _take_best(
    tx: EditTransaction,
    size: tuple[int, int],
    staged: StagedTable,
    rows: npt.NDArray[np.intp],
    old: Table,
    owners: npt.NDArray[np.int64],
    min_iou: float,
) -> None:
    """Give the records of one frame to tracks, the best fitting pair first."""
    new_masks = [native(m) for m in tx.rles(staged.masks[rows].tolist(), size) if m is not None]
    old_masks = [native(m) for m in tx.rles(old[:, MASK].tolist(), size) if m is not None]
    if len(new_masks) != len(rows) or len(old_masks) != len(old):
        return  # a record without its mask; the check of the project tells of it
    ious = np.asarray(coco_mask.iou(new_masks, old_masks, [0] * len(old_masks)))
    given: set[int] = set()
    pairs = np.argwhere(ious >= min_iou)
    order = np.argsort(-ious[pairs[:, 0], pairs[:, 1]], kind="stable")
    for new, place in pairs[order].tolist():
        track_id = int(old[place, TRACK])
        if not owners[rows[new]] and track_id not in given:
            owners[rows[new]] = track_id
            given.add(track_id)


def _drop_passing(staged: StagedTable, shown: Table, owners: npt.NDArray[np.int64]) -> None:
    """Take back what a track got of an instance that only passed by it."""
    has = owners > 0
    pairs = np.unique(np.stack([owners[has], staged.instances[has]], axis=1), axis=0)
    shown = shown[np.argsort(shown[:, TRACK], kind="stable")]
    for track_id, instance_id in pairs.tolist():
        place = staged.place_of(instance_id)
        first, last = np.searchsorted(shown[:, TRACK], [track_id, track_id + 1])
        is_common = np.isin(staged.frames[place], shown[first:last, FRAME])
        common = place.start + np.flatnonzero(is_common)
        got = owners[common] == track_id
        edges = np.flatnonzero(np.diff(np.concatenate(([0], got.view(np.int8), [0]))))
        for begin, end in edges.reshape(-1, 2).tolist():
            if end - begin < min(_LEAST_IN_A_ROW, len(common)):
                owners[common[begin:end]] = 0


def _take_rest(
    staged: StagedTable,
    mine: npt.NDArray[np.intp],
    owners: npt.NDArray[np.int64],
    taken: set[tuple[int, int]],
) -> None:
    """Give an instance's other records to the track that got the nearest of it in time."""
    got = mine[owners[mine] > 0]
    if not len(got):
        return
    rest = mine[owners[mine] == 0]
    frames = staged.frames
    after = np.searchsorted(frames[got], frames[rest]).clip(max=len(got) - 1)
    before = (after - 1).clip(min=0)
    is_before = abs(frames[rest] - frames[got[before]]) <= abs(frames[got[after]] - frames[rest])
    nearest = owners[np.where(is_before, got[before], got[after])]
    for row, track_id in zip(rest.tolist(), nearest.tolist(), strict=True):
        key = (track_id, int(frames[row]))
        if key not in taken:
            owners[row] = track_id
            taken.add(key)
