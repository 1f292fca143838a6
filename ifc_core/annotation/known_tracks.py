"""Which tracks of a file a project has already, mask by mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.frame_columns import FrameColumns
from ifc_core.annotation.reading import ProjectReader
from ifc_core.structures import FrameState, RLEMask

_AREA_BITS = 31


class KnownTracks:
    """The tracks of a project by what they show; read once a video, when it is first asked for.

    Frames and areas tell nearly all tracks apart, so few masks are read.

    Args:
        reader: The project.
    """

    def __init__(self, reader: ProjectReader) -> None:
        self._reader = reader
        self._videos: dict[int, _Shown] = {}

    def has(self, video_id: int, masks: Mapping[int, RLEMask]) -> bool:
        """Whether a track that is not rejected shows these masks, and perhaps more.

        Args:
            video_id: A video of the project.
            masks: By frame, none of them empty.
        """
        if not masks:
            return False
        areas = np.array([mask.area for mask in masks.values()], np.int64)
        keys = _keys(np.array(list(masks), np.int64), areas)
        alike = self._of_video(video_id).tracks_with(keys)
        return any(self._shows(track_id, masks) for track_id in alike)

    def as_large_as(
        self, video_id: int, masks: Mapping[int, RLEMask], min_ratio: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Masks that are there on the same frames and not of quite another area.

        Args:
            video_id: A video of the project.
            masks: By frame, none of them empty.
            min_ratio: Of the smaller area to the larger one.

        Returns:
            (n,) frames, and the tracks that show something there, which are not rejected.
        """
        shown = self._of_video(video_id)
        frames = np.array(list(masks), np.int64)
        areas = np.array([mask.area for mask in masks.values()], np.int64)
        least = _keys(frames, np.ceil(areas * min_ratio).astype(np.int64))
        most = _keys(frames, np.minimum(areas / min_ratio, (1 << _AREA_BITS) - 1).astype(np.int64))
        first = np.searchsorted(shown.keys, least, "left")
        counts = np.searchsorted(shown.keys, most, "right") - first
        rows = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return np.repeat(frames, counts), shown.tracks[rows].astype(np.int64)

    def _of_video(self, video_id: int) -> _Shown:
        if video_id not in self._videos:
            tracks = self._reader.tracks(video_id, include_rejected=False)
            lanes = [_keys_of(self._reader.track_columns(track.id)) for track in tracks]
            ids = np.array([track.id for track in tracks], np.int32)
            shown_by = np.repeat(ids, [len(lane) for lane in lanes])
            every = np.concatenate([np.zeros(0, np.int64), *lanes])
            del lanes
            order = np.argsort(every, kind="stable")
            self._videos[video_id] = _Shown(every[order], shown_by[order])
        return self._videos[video_id]

    def _shows(self, track_id: int, masks: Mapping[int, RLEMask]) -> bool:
        """Frame by frame; a track that was deleted between the steps of an import has none."""
        records = ((rle, self._reader.mask(track_id, frame)) for frame, rle in masks.items())
        return all(
            record is not None and record.state is not FrameState.REJECTED and record.rle == rle
            for rle, record in records
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What the tracks of a video show.

    Attributes:
        keys: (n,) int64, ascending, see :func:`_keys`.
        tracks: (n,) int32, the track of each.
    """

    keys: npt.NDArray[np.int64]
    tracks: npt.NDArray[np.int32]

    def tracks_with(self, keys: npt.NDArray[np.int64]) -> list[int]:
        """Tracks that have every one of some keys."""
        first, last = (np.searchsorted(self.keys, keys, side) for side in ("left", "right"))
        if (first == last).any():
            return []
        having = [self.tracks[a:b] for a, b in zip(first, last, strict=True)]
        found, counts = np.unique(np.concatenate(having), return_counts=True)
        return [int(track) for track in found[counts == len(keys)]]


def _keys_of(lane: FrameColumns) -> npt.NDArray[np.int64]:
    shown = lane.take(lane.has_mask)
    return _keys(shown.frame_index.astype(np.int64), shown.area_px.astype(np.int64))


def _keys(frames: npt.NDArray[np.int64], areas: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Frame and area of masks as one number each."""
    return frames << _AREA_BITS | areas
