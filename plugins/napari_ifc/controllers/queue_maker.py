"""Making the review queue of a project's videos, in a worker."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ifc_core.annotation import ProjectReader, ReaderView, VideoEntry, view_project
from ifc_core.errors import IFCError
from ifc_core.inference.review_queue import Entries, VideoQueue, sorted_by_need
from ifc_core.inference.review_suspicions import Suspicion
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
        self._suspicions: dict[int, Sequence[Suspicion]] = {}  # few, however long the videos are

    def build(self, video_ids: Sequence[int], keep: int, context: JobContext) -> Entries:
        """Read videos; only the queue of ``keep`` stays ready for updates."""
        self._tables = {i: t for i, t in self._tables.items() if i in video_ids}
        self._suspicions = {i: s for i, s in self._suspicions.items() if i in video_ids}
        with view_project(self._folder, ReaderView.COPY) as reader:
            for entry in reader.videos():
                if entry.id in video_ids:
                    self._read(reader, entry, keep, context)
        return self._all()

    def _read(
        self, reader: ProjectReader, entry: VideoEntry, keep: int, context: JobContext
    ) -> VideoQueue:
        """Read a video; what was found suspicious in it before stays, as far as it stands."""
        queue = VideoQueue(entry, self._suspicions.get(entry.id, ()))
        queue.build(reader, context)
        self._tables[entry.id] = queue.entries()
        if entry.id == keep:
            self._queues = {entry.id: queue}
        return queue

    def update(
        self, video_ids: Collection[int], track_ids: Iterable[int], keep: int, context: JobContext
    ) -> Entries:
        """Read some tracks of videos again, or all of those that are not ready for updates."""
        is_long = any(video_id not in self._queues for video_id in video_ids)
        view = ReaderView.COPY if is_long else ReaderView.SNAPSHOT
        with view_project(self._folder, view) as reader:
            for video_id in video_ids:
                queue = self._queues.get(video_id)
                if queue is None:
                    self._read(reader, reader.video(video_id), keep, context)
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
        """Look for swaps and divisions in a video that was read.

        One that is not ready for updates is read again and let go of afterwards.

        Args:
            video_id: The video.
            video: Its file; ``None`` for the place that the project knows.
            context: Can cancel.
        """
        if video_id in self._tables:
            with view_project(self._folder, ReaderView.COPY) as reader:
                queue = self._queues.get(video_id)
                if queue is None:
                    queue = self._read(reader, reader.video(video_id), 0, context)
                source = _opened(video or queue.entry.path, context)
                try:
                    read_frame = None if source is None else source.read
                    queue.find_suspicions(reader, context, read_frame)
                finally:
                    if source is not None:
                        source.close()
            self._suspicions[video_id] = queue.suspicions
            self._tables[video_id] = queue.entries()
        return self._all()

    def _all(self) -> Entries:
        return sorted_by_need(self._tables.values())


def _opened(video: Path, context: JobContext) -> VideoReader | None:
    """The video's reader; without one, geometry alone decides about swaps."""
    try:
        return open_video(video, context)
    except IFCError:
        return None
