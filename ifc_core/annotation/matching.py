"""Which staged instances are objects that a person already worked on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from ifc_core.annotation.pointer_tables import AREA, FRAME, MASK, STATE, TRACK, Table
from ifc_core.annotation.records import StagedInstance
from ifc_core.annotation.staged_table import StagedTable
from ifc_core.annotation.transaction import PROPOSED, EditTransaction
from ifc_core.structures import RLEMask, Track, TrackState

_MAX_FRAMES = 12  # frames of a track on which instances are compared with it


def find_matches(
    tx: EditTransaction,
    video_id: int,
    size: tuple[int, int],
    staged: StagedTable,
    instances: Sequence[StagedInstance],
    min_iou: float,
) -> dict[int, Track]:
    """Pair instances with the tracks of a video that carry human work or were rejected.

    Args:
        tx: The open edit.
        video_id: The video.
        size: (height, width) of its frames.
        staged: What the run staged.
        instances: The instances to pair; one that names its track keeps it.
        min_iou: Smallest mean IoU, over the track's reviewed frames, of a pair.

    Returns:
        instance id -> track, each track at most once.
    """
    matches = {i.instance_id: tx.track(i.track_id) for i in instances if i.track_id is not None}
    taken = {track.id for track in matches.values()}
    free = {i.instance_id for i in instances if i.instance_id not in matches}
    frames = _StagedFrames(tx, size, staged, free)
    pairs: list[tuple[float, int, Track]] = []
    others = [track for track in tx.tracks(video_id) if track.id not in taken]
    for track, reviewed in _reviewed_frames(tx, video_id, others):
        scores = frames.mean_ious(reviewed)
        pairs += [(iou, i, track) for i, iou in scores.items() if iou >= min_iou]
    for _, instance_id, track in sorted(pairs, key=lambda pair: pair[0], reverse=True):
        if instance_id not in matches and track.id not in taken:
            matches[instance_id] = track
            taken.add(track.id)
    return matches


class _StagedFrames:
    """Staged masks by frame, read when a frame is first asked for."""

    def __init__(
        self, tx: EditTransaction, size: tuple[int, int], staged: StagedTable, instances: set[int]
    ) -> None:
        self._tx = tx
        self._size = size
        self._staged = staged
        self._instances = instances
        self._by_frame: dict[int, list[tuple[int, int]]] | None = None
        self._read: dict[int, list[dict[str, Any]]] = {}

    def _present(self, frame_index: int) -> list[tuple[int, int]]:
        """(instance, record) of a frame; sorted out when the first track asks."""
        if self._by_frame is None:
            self._by_frame = self._staged.by_frame(self._instances)
        return self._by_frame.get(frame_index, [])

    def mean_ious(self, reviewed: Mapping[int, int]) -> dict[int, float]:
        """Instance id -> mean IoU with a track's masks; 0 counts where it has none."""
        totals: dict[int, float] = defaultdict(float)
        for frame_index, mask_id in reviewed.items():
            present = self._present(frame_index)
            mine = self._tx.rle(mask_id, self._size) if present else None
            if present and mine is not None:
                ious = coco_mask.iou(self._masks(frame_index), [native(mine)], [0])
                for (instance_id, _), iou in zip(present, ious[:, 0], strict=True):
                    totals[instance_id] += float(iou)
        return {instance_id: total / len(reviewed) for instance_id, total in totals.items()}

    def _masks(self, frame_index: int) -> list[dict[str, Any]]:
        if frame_index not in self._read:
            ids = [mask_id for _, mask_id in self._present(frame_index)]
            masks = self._tx.rles(ids, self._size)
            self._read[frame_index] = [native(mask) for mask in masks if mask is not None]
        return self._read[frame_index]


def native(mask: RLEMask) -> dict[str, Any]:
    """A mask as pycocotools takes it."""
    return {"size": list(mask.size), "counts": mask.counts}


def is_anchor(shown: Table) -> npt.NDArray[np.bool_]:
    """(n,) bool, where a pointer table shows a mask that a person's word stands on."""
    stands: npt.NDArray[np.bool_] = (shown[:, STATE] != PROPOSED) & (shown[:, AREA] > 0)
    return stands


def _reviewed_frames(
    tx: EditTransaction, video_id: int, tracks: Sequence[Track]
) -> Iterator[tuple[Track, dict[int, int]]]:
    """Of each track some frames, evenly spread, where a person's word stands: frame -> record."""
    rejected = [track.id for track in tracks if track.state is TrackState.REJECTED]
    shown = tx.pointer_table(video_id, [track.id for track in tracks])
    is_rejected = np.isin(shown[:, TRACK], rejected) & (shown[:, AREA] > 0)
    shown = shown[is_anchor(shown) | is_rejected]
    for track in tracks:
        mine = shown[shown[:, TRACK] == track.id]
        if len(mine) > _MAX_FRAMES:
            mine = mine[np.linspace(0, len(mine) - 1, _MAX_FRAMES).round().astype(int)]
        if len(mine):
            yield track, {int(frame): int(mask) for frame, mask in mine[:, [FRAME, MASK]]}
