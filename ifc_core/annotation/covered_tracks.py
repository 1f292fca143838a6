"""Which tracks of a file show objects that the project's tracks show as well, and what then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from pycocotools import mask as coco_mask

from ifc_core.annotation.known_tracks import KnownTracks
from ifc_core.annotation.matching import native
from ifc_core.annotation.reading import ProjectReader
from ifc_core.structures import FrameState, MaskRecord, RLEMask

_MIN_IOU = 0.5
_SAMPLED = 3  # frames of two tracks that are looked at before all of them are
_FRAMES_KEPT = 256


class Overlaps(StrEnum):
    """What becomes of tracks that cover some of the project."""

    BOTH = "both"  # nothing is left out, and the person is told
    OURS = "ours"  # where both show the object, the mask that was there stays alone
    THEIRS = "theirs"  # there the new one takes its place
    PROPOSALS = "proposals"  # the new ones are proposed, to be compared


@dataclass(frozen=True, slots=True)
class Covered:
    """A track of the project that shows what one of a file shows.

    Attributes:
        track_id: The track.
        iou: Mean over the frames on which both show it.
        states: State of the project's mask on each of these frames.
    """

    track_id: int
    iou: float
    states: Mapping[int, FrameState]


class CoveredTracks:
    """Finds the track of a project that one of a file covers.

    Frames and areas say which few masks to compare; those of frames that many tracks share are
    kept.

    Args:
        reader: The project.
        known: Its tracks by what they show.
    """

    def __init__(self, reader: ProjectReader, known: KnownTracks) -> None:
        self._reader = reader
        self._known = known
        self._masks_at = lru_cache(_FRAMES_KEPT)(self._read_frame)

    def covered_by(self, video_id: int, masks: Mapping[int, RLEMask]) -> Covered | None:
        """The track that agrees best with some masks, at a mean IoU of 0.5 or more.

        Args:
            video_id: A video of the project.
            masks: By frame, none of them empty.
        """
        totals: dict[int, list[float]] = defaultdict(list)
        for frame, ids in self._sample(video_id, masks).items():
            there = [record for record in self._masks_at(video_id, frame) if record.track_id in ids]
            for record, iou in zip(there, _ious(masks[frame], there), strict=True):
                totals[record.track_id].append(iou)
        likely = [(float(np.mean(ious)), key) for key, ious in totals.items()]
        best = max(likely, default=(0.0, 0), key=lambda found: found[0])
        return None if best[0] < _MIN_IOU else self._compared(best[1], masks)

    def _read_frame(self, video_id: int, frame_index: int) -> list[MaskRecord]:
        return self._reader.masks_at(video_id, frame_index)

    def _sample(self, video_id: int, masks: Mapping[int, RLEMask]) -> dict[int, Collection[int]]:
        """Frame -> tracks to compare there; the same frames for many tracks, as far as they go."""
        frames, tracks = self._known.as_large_as(video_id, masks, _MIN_IOU)
        roundness = np.where(frames == 0, 1 << 40, frames & -frames)  # that of 8 is 8, of 9 is 1
        order = np.lexsort((-roundness, tracks))
        frames, tracks = frames[order], tracks[order]
        begins = np.searchsorted(tracks, tracks, side="left")
        chosen = np.arange(len(tracks)) - begins < _SAMPLED
        sample: dict[int, set[int]] = defaultdict(set)
        for frame, track in zip(frames[chosen].tolist(), tracks[chosen].tolist(), strict=True):
            sample[frame].add(track)
        return dict(sample)

    def _compared(self, track_id: int, masks: Mapping[int, RLEMask]) -> Covered | None:
        """All frames on which a track and the masks show something."""
        states: dict[int, FrameState] = {}
        total = 0.0
        for record in self._reader.track_masks(track_id):
            mine = masks.get(record.frame_index)
            is_seen = record.rle is not None and record.state is not FrameState.REJECTED
            if mine is not None and is_seen:
                total += _ious(mine, [record])[0]
                states[record.frame_index] = record.state
        iou = total / max(len(states), 1)
        return Covered(track_id, iou, states) if iou >= _MIN_IOU else None


def _ious(mask: RLEMask, records: list[MaskRecord]) -> list[float]:
    theirs = [native(record.rle) for record in records if record.rle is not None]
    if not theirs:
        return []
    values = coco_mask.iou(theirs, [native(mask)], [0])
    return [float(value) for value in values[:, 0]]
