"""Which tracks of a file show objects that the project's tracks show as well, and what then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
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
_FIRST_FRAMES, _WIDER = 12, 8  # frames on which tracks are looked for, and how many times more next
_MOST_COMPARED = 3  # tracks, whole, of those that a few frames speak for
_ENOUGH = 10  # frames on which both show something; or a part of those of the shorter track
_LEAST_PART = 1 / 3
_ROUNDEST = 1 << 40
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
        iou: Mean over the frames on which both show something.
        states: State of the project's mask on each of these frames on which the two agree.
        num_apart: Of the others, where the IoU of the two is less than 0.5.
    """

    track_id: int
    iou: float
    states: Mapping[int, FrameState]
    num_apart: int = 0


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

        Both must show something on ten frames, or on a third of those of the shorter one.

        Args:
            video_id: A video of the project.
            masks: By frame, none of them empty.
        """
        order = sorted(masks, key=lambda frame: (-_roundness(frame), frame))
        ious: dict[int, list[float]] = defaultdict(list)
        refused: set[int] = set()
        begin, number = 0, _FIRST_FRAMES
        while begin < len(order):
            part = {frame: masks[frame] for frame in order[begin : begin + number]}
            self._look(video_id, part, ious)
            likely = [(float(np.mean(v)), -key) for key, v in ious.items() if key not in refused]
            for mean, key in sorted(likely, reverse=True)[:_MOST_COMPARED]:
                found = self._compared(-key, masks) if mean >= _MIN_IOU else None
                if found is not None:
                    return found
                if mean >= _MIN_IOU:
                    refused.add(-key)
            begin, number = begin + number, number * _WIDER
        return None

    def _read_frame(self, video_id: int, frame_index: int) -> list[MaskRecord]:
        return self._reader.masks_at(video_id, frame_index)

    def _look(
        self, video_id: int, masks: Mapping[int, RLEMask], ious: dict[int, list[float]]
    ) -> None:
        """Compare tracks on a few frames each, the same ones for many tracks."""
        frames, tracks = self._known.as_large_as(video_id, masks, _MIN_IOU)
        if not len(tracks):
            return
        done = np.zeros(int(tracks.max()) + 1, np.int64)
        for key, values in ious.items():
            if key < len(done):
                done[key] = len(values)
        is_open = done[tracks] < _SAMPLED
        frames, tracks = frames[is_open], tracks[is_open]
        roundness = np.where(frames == 0, _ROUNDEST, frames & -frames)
        order = np.lexsort((-roundness, tracks))
        frames, tracks = frames[order], tracks[order]
        rank = np.arange(len(tracks)) - np.searchsorted(tracks, tracks, side="left")
        chosen = rank + done[tracks] < _SAMPLED
        sample: dict[int, set[int]] = defaultdict(set)
        for frame, track in zip(frames[chosen].tolist(), tracks[chosen].tolist(), strict=True):
            sample[frame].add(track)
        for frame, ids in sample.items():
            there = [record for record in self._masks_at(video_id, frame) if record.track_id in ids]
            for record, iou in zip(there, _ious(masks[frame], there), strict=True):
                ious[record.track_id].append(iou)

    def _compared(self, track_id: int, masks: Mapping[int, RLEMask]) -> Covered | None:
        """All frames on which a track and the masks show something."""
        states: dict[int, FrameState] = {}
        total, num_shared, length = 0.0, 0, 0
        for record in self._reader.track_masks(track_id):
            if record.rle is None or record.state is FrameState.REJECTED:
                continue
            length += 1
            mine = masks.get(record.frame_index)
            if mine is None:
                continue
            iou = _ious(mine, [record])[0]
            total += iou
            num_shared += 1
            if iou >= _MIN_IOU:
                states[record.frame_index] = record.state
        needed = min(_ENOUGH, min(length, len(masks)) * _LEAST_PART)
        if not num_shared or num_shared < needed or total / num_shared < _MIN_IOU:
            return None
        return Covered(track_id, total / num_shared, states, num_shared - len(states))


def _roundness(frame: int) -> int:
    """That of 8 is 8, of 9 is 1, and 0 is the roundest."""
    return frame & -frame if frame else _ROUNDEST


def _ious(mask: RLEMask, records: list[MaskRecord]) -> list[float]:
    theirs = [native(record.rle) for record in records if record.rle is not None]
    if not theirs:
        return []
    values = coco_mask.iou(theirs, [native(mask)], [0])
    return [float(value) for value in values[:, 0]]
