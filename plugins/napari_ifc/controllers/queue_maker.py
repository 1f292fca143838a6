"""Making the review queue of a project's videos, in a worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ifc_core.annotation import ProjectReader
from ifc_core.errors import IFCError
from ifc_core.inference.review_queue import Entries, VideoQueue, sorted_by_need
from ifc_core.io.video import VideoReader, open_video
from ifc_core.jobs import JobCancelled, JobContext


class QueueMaker:
    """The queues of a project's videos; used in the worker's thread only.

    Args:
        folder: The project.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._queues: dict[int, VideoQueue] = {}
        self._tables: dict[int, Entries] = {}

    def build(self, video_ids: Sequence[int], keep: int, context: JobContext) -> Entries:
        """Read videos; only the queue of ``keep`` stays ready for updates."""
        self._tables = {i: t for i, t in self._tables.items() if i in video_ids}
        with ProjectReader.open(self._folder) as reader:
            for entry in reader.videos():
                if entry.id in video_ids:
                    self._read(reader, VideoQueue(entry), keep, context)
        return self._all()

    def _read(
        self, reader: ProjectReader, queue: VideoQueue, keep: int, context: JobContext
    ) -> None:
        queue.build(reader, context)
        video_id = queue.entry.id
        self._tables[video_id] = queue.entries()
        if video_id == keep:
            self._queues = {video_id: queue}

    def update(
        self, video_ids: Iterable[int], track_ids: Iterable[int], keep: int, context: JobContext
    ) -> Entries:
        """Read some tracks of videos again, or all of those that are not ready for updates."""
        with ProjectReader.open(self._folder) as reader:
            for video_id in video_ids:
                queue = self._queues.get(video_id)
                if queue is None:
                    self._read(reader, VideoQueue(reader.video(video_id)), keep, context)
                else:
                    self._update(reader, queue, track_ids, context)
        return self._all()

    def _update(
        self,
        reader: ProjectReader,
        queue: VideoQueue,
        track_ids: Iterable[int],
        context: JobContext,
    ) -> None:
        try:
            queue.update(reader, track_ids, context)
        except JobCancelled:
            del self._queues[queue.entry.id]  # half read; it is read anew when it is wanted
            raise
        self._tables[queue.entry.id] = queue.entries()

    def find_suspicions(self, video_id: int, video: Path | None, context: JobContext) -> Entries:
        """Look for swaps and divisions in a video that was read."""
        queue = self._queues.get(video_id)
        if queue is not None:
            source = _opened(video)
            read_frame = None if source is None else source.read
            try:
                with ProjectReader.open(self._folder) as reader:
                    queue.find_suspicions(reader, context, read_frame)
            finally:
                if source is not None:
                    source.close()
            self._tables[video_id] = queue.entries()
        return self._all()

    def _all(self) -> Entries:
        return sorted_by_need(self._tables.values())


def _opened(video: Path | None) -> VideoReader | None:
    """The video's reader; without one, geometry alone decides about swaps."""
    if video is None:
        return None
    try:
        return open_video(video)
    except IFCError:
        return None
