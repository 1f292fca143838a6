"""What is exported of a project, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.io.frame_source import TrackHead
from ifc_core.io.ytvis_types import YtvisHeader
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask, Track, TrackKind


class ProjectFrames:
    """A :class:`ifc_core.io.frame_source.FrameSource`: each frame is one indexed look-up.

    Args:
        reader: The project.
        header: Videos and categories of the export.
        selections: What is exported of each video.
        context: Told of the frames read; may cancel.

    Attributes:
        num_masks: Masks handed out so far.
    """

    def __init__(
        self,
        reader: ProjectReader,
        header: YtvisHeader,
        selections: Sequence[VideoSelection],
        context: JobContext,
    ) -> None:
        self.header = header
        self._reader = reader
        self._selections = {selection.video.id: selection for selection in selections}
        self._wanted = {s.video.id: {track.id for track in s.tracks} for s in selections}
        self._context = context
        self._num_frames = sum(len(selection.frames) for selection in selections)
        self._done = 0
        self.num_masks = 0

    def tracks(self, video_id: int) -> list[TrackHead]:
        """The exported tracks of a video, lowest first."""
        return [_head(track) for track in self._selections[video_id].tracks]

    def masks(self, video_id: int, place: int) -> dict[int, RLEMask]:
        """Track id -> mask on the ``place``-th exported frame."""
        wanted = self._wanted[video_id]
        found = self._reader.masks_at(video_id, self._selections[video_id].frames[place])
        masks = {r.track_id: r.rle for r in found if r.rle is not None and r.track_id in wanted}
        self.num_masks += len(masks)
        self._done += 1
        self._context.advance(self._done, self._num_frames, "Writing frames", "frames")
        return masks


def _head(track: Track) -> TrackHead:
    is_crowd = track.kind is not TrackKind.OBJECT
    return TrackHead(track.id, track.category_id, is_crowd, track.z_order, track.parent_id)
