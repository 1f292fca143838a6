"""Ground of a video that a person said is to be ignored: what a model finds there is left out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pycocotools import mask as coco_mask

from ifc_core.annotation.matching import native
from ifc_core.annotation.pointer_tables import AREA, FRAME, MASK, STATE, TRACK, Table
from ifc_core.annotation.staged_table import StagedTable
from ifc_core.annotation.transaction import ABSENT, REJECTED, EditTransaction
from ifc_core.structures import RLEMask, TrackKind, TrackState

_MOSTLY = 0.5  # of what an instance covers
_MAX_FRAMES = 50  # of an instance that are looked at, evenly spread


class IgnoredGround:
    """The crowds and regions to ignore of a video.

    On a frame on which a region has no mask and is not marked absent, its nearest one in time
    holds: a stand that was outlined once is a stand on every frame.

    Args:
        tx: The open edit.
        video_id: The video.

    Attributes:
        track_ids: The regions.
    """

    def __init__(self, tx: EditTransaction, video_id: int) -> None:
        self._tx = tx
        self._size = tx.video(video_id).size
        self.track_ids = frozenset(
            track.id
            for track in tx.tracks(video_id)
            if track.kind is not TrackKind.OBJECT and track.state is not TrackState.REJECTED
        )
        self._shown: list[Table] = []
        self._unions: dict[tuple[int, ...], RLEMask | None] = {}
        if self.track_ids:
            shown = tx.pointer_table(video_id, sorted(self.track_ids))
            is_mask = (shown[:, AREA] > 0) & (shown[:, STATE] != REJECTED)
            shown = shown[is_mask | (shown[:, STATE] == ABSENT)]
            shown = shown[np.argsort(shown[:, FRAME], kind="stable")]
            self._shown = [shown[shown[:, TRACK] == i] for i in sorted(self.track_ids)]

    def covered(self, staged: StagedTable, instance_ids: Iterable[int]) -> set[int]:
        """Those of some instances that lie mostly in the regions, over all frames together.

        Args:
            staged: What a run staged.
            instance_ids: The instances.
        """
        if not any(len(shown) for shown in self._shown):
            return set()
        return {i for i in instance_ids if self._share(staged.of(i)) > _MOSTLY}

    def _share(self, records: StagedTable) -> float:
        """Share of an instance's pixels that lies in the regions."""
        records = records.only(records.areas > 0)
        if len(records) > _MAX_FRAMES:
            chosen = np.zeros(len(records), dtype=np.bool_)
            chosen[np.linspace(0, len(records) - 1, _MAX_FRAMES).round().astype(int)] = True
            records = records.only(chosen)
        masks = self._tx.rles(records.masks.tolist(), self._size)
        inside = 0.0
        for frame, area, mask in zip(records.frames, records.areas, masks, strict=True):
            ground = self._on(int(frame))
            if ground is not None and mask is not None:
                # Against a crowd it is the share of the mask, not of both.
                inside += float(coco_mask.iou([native(mask)], [native(ground)], [1])[0, 0]) * area
        total = int(records.areas.sum())
        return inside / total if total else 0.0

    def _on(self, frame_index: int) -> RLEMask | None:
        """All regions of a frame together."""
        found = (_mask_near(shown, frame_index) for shown in self._shown)
        ids = tuple(mask_id for mask_id in found if mask_id)
        if ids not in self._unions:
            masks = [mask for mask in self._tx.rles(ids, self._size) if mask is not None]
            self._unions[ids] = RLEMask.union(masks) if masks else None
        return self._unions[ids]


def _mask_near(shown: Table, frame_index: int) -> int:
    """The record of one region that holds on a frame, or 0."""
    place = int(np.searchsorted(shown[:, FRAME], frame_index))
    if place < len(shown) and shown[place, FRAME] == frame_index:
        return int(shown[place, MASK]) if shown[place, AREA] > 0 else 0
    masks = shown[shown[:, AREA] > 0]
    if not len(masks):
        return 0
    return int(masks[np.argmin(np.abs(masks[:, FRAME] - frame_index)), MASK])
