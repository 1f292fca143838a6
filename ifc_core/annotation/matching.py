"""Which staged instances are objects that a person already worked on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.records import StagedInstance
from ifc_core.annotation.transaction import PROPOSED, EditTransaction
from ifc_core.structures import Track, TrackState

_MAX_FRAMES = 12  # frames of a track on which instances are compared with it


def find_matches(
    tx: EditTransaction,
    video_id: int,
    size: tuple[int, int],
    staged: Mapping[int, Mapping[int, Pointer]],
    instances: Sequence[StagedInstance],
    min_iou: float,
) -> dict[int, Track]:
    """Pair instances with the tracks of a video that carry human work or were rejected.

    Args:
        tx: The open edit.
        video_id: The video.
        size: (height, width) of its frames.
        staged: instance id -> frame -> staged record.
        instances: The instances to pair; one that names its track keeps it.
        min_iou: Smallest mean IoU, over the track's reviewed frames, of a pair.

    Returns:
        instance id -> track, each track at most once.
    """
    matches = {i.instance_id: tx.track(i.track_id) for i in instances if i.track_id is not None}
    taken = {track.id for track in matches.values()}
    free = [i.instance_id for i in instances if i.instance_id not in matches]
    pairs: list[tuple[float, int, Track]] = []
    for track in tx.tracks(video_id):
        frames = _reviewed_frames(tx, track)
        if track.id in taken or not frames:
            continue
        for instance_id in free:
            iou = _mean_iou(tx, size, frames, staged.get(instance_id, {}))
            if iou >= min_iou:
                pairs.append((iou, instance_id, track))
    for _, instance_id, track in sorted(pairs, key=lambda pair: pair[0], reverse=True):
        if instance_id not in matches and track.id not in taken:
            matches[instance_id] = track
            taken.add(track.id)
    return matches


def _reviewed_frames(tx: EditTransaction, track: Track) -> dict[int, Pointer]:
    """Some frames, evenly spread, where a person's word on the track's mask stands."""
    rejected = track.state is TrackState.REJECTED
    present = {
        f: p
        for f, p in tx.pointers(track.id).items()
        if p.area and (rejected or p.state != PROPOSED)
    }
    frames = list(present)
    if len(frames) <= _MAX_FRAMES:
        return present
    picked = np.linspace(0, len(frames) - 1, _MAX_FRAMES).round().astype(int)
    return {frames[i]: present[frames[i]] for i in picked}


def _mean_iou(
    tx: EditTransaction,
    size: tuple[int, int],
    reviewed: Mapping[int, Pointer],
    staged: Mapping[int, Pointer],
) -> float:
    total = 0.0
    for frame_index, pointer in reviewed.items():
        other = staged.get(frame_index)
        if other is None or min(pointer.area, other.area) <= 0:
            continue
        mine, theirs = tx.rle(pointer.mask_id, size), tx.rle(other.mask_id, size)
        if mine is not None and theirs is not None:
            total += mine.iou(theirs)
    return total / len(reviewed)
