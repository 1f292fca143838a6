"""Which tracks of a file a project has already, mask by mask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from ifc_core.annotation.frame_columns import FrameColumns
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.schema import STATE_CODE
from ifc_core.errors import EditError
from ifc_core.structures import FrameState, RLEMask

_REJECTED = STATE_CODE[FrameState.REJECTED]


class KnownTracks:
    """The tracks of a project by what they show; read once a video, when it is first asked for.

    Frames and areas tell nearly all tracks apart, so few masks are read.

    Args:
        reader: The project.
    """

    def __init__(self, reader: ProjectReader) -> None:
        self._reader = reader
        self._videos: dict[int, dict[int, list[int]]] = {}

    def has(self, video_id: int, masks: Mapping[int, RLEMask]) -> bool:
        """Whether a track that is not rejected has just these masks.

        Args:
            video_id: A video of the project.
            masks: By frame, none of them empty.
        """
        if not masks:
            return False
        frames = sorted(masks)
        areas = [masks[frame].area for frame in frames]
        alike = self._of_video(video_id).get(_key(frames, areas), ())
        return any(self._shows(track_id, masks) for track_id in alike)

    def _of_video(self, video_id: int) -> Mapping[int, list[int]]:
        if video_id not in self._videos:
            found: dict[int, list[int]] = defaultdict(list)
            for track in self._reader.tracks(video_id, include_rejected=False):
                lane = _shown(self._reader.track_columns(track.id))
                found[_key(lane.frame_index.tolist(), lane.area_px.tolist())].append(track.id)
            self._videos[video_id] = dict(found)
        return self._videos[video_id]

    def _shows(self, track_id: int, masks: Mapping[int, RLEMask]) -> bool:
        try:
            return all(
                masks.get(record.frame_index) == record.rle
                for record in self._reader.track_masks(track_id)
                if record.rle is not None and record.state is not FrameState.REJECTED
            )
        except EditError:  # deleted since, between the steps of an import
            return False


def _shown(lane: FrameColumns) -> FrameColumns:
    return lane.take((lane.area_px > 0) & (lane.state != _REJECTED))


def _key(frames: list[int], areas: list[int]) -> int:
    """One number instead of lists that would fill the memory."""
    return hash(np.array([frames, areas], dtype=np.int64).tobytes())
