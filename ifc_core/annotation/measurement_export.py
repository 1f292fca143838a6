"""A project as a table of measurements, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.errors import VideoError
from ifc_core.io.measurements import (
    MeasuredMask,
    intensity_columns,
    measure_mask,
    write_measurements,
)
from ifc_core.jobs import JobContext
from ifc_core.structures import Category, MaskRecord, Track

if TYPE_CHECKING:
    from ifc_core.io.video import VideoReader

_MOST_NAMED = 5


def export_measurements(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    categories: Sequence[Category],
    target: Path,
    context: JobContext,
) -> tuple[int, tuple[str, ...]]:
    """Write one line for each mask, by video, frame and track.

    Times are those of the file; pictures have none unless a stack tells them. Intensities are the
    values that the pictures hold, and are not measured in films, which are compressed.

    Args:
        reader: The project.
        selections: What is exported of each video.
        categories: The classes.
        target: A CSV file.
        context: Progress and cancellation; a cancelled export leaves no file.

    Returns:
        Masks written, and sentences for the person.

    Raises:
        OutputError: The file cannot be written.
    """
    with ExitStack() as stack:
        videos = {s.video.id: _opened(reader, s, stack, context) for s in selections}
        table = _Table(reader, categories, videos, context)
        table.num_frames = sum(len(s.frames) for s in selections)
        names = intensity_columns(table.channels) if table.channels else ()
        lines = (line for selection in selections for line in table.lines(selection))
        number = write_measurements(lines, target, names)
    missing = [s.video.name for s in selections if videos[s.video.id] is None]
    return number, _missing_note(missing)


class _Table:
    """Makes the lines."""

    def __init__(
        self,
        reader: ProjectReader,
        categories: Sequence[Category],
        videos: dict[int, VideoReader | None],
        context: JobContext,
    ) -> None:
        self._reader = reader
        self._classes = {category.id: category.name for category in categories}
        self._videos = videos
        self._context = context
        self._done = 0
        self.num_frames = 0
        self.channels = max((_channels(video) for video in videos.values() if video), default=0)

    def lines(self, selection: VideoSelection) -> Iterator[MeasuredMask]:
        """Those of a video."""
        tracks = {track.id: track for track in selection.tracks}
        video = self._videos[selection.video.id]
        for frame_index in selection.frames:
            found = self._reader.masks_at(selection.video.id, frame_index)
            shown = sorted((r for r in found if r.track_id in tracks), key=lambda r: r.track_id)
            values = _values(video, frame_index) if shown and video is not None else None
            time = _time(video, frame_index)
            scale = None if video is None else video.um_per_px
            for record in shown:
                measured = None if record.rle is None else measure_mask(record.rle, values)
                if measured is not None:
                    track = tracks[record.track_id]
                    place = (selection.video.name, frame_index, time, scale)
                    facts = (*place, *self._facts(track, record))
                    yield MeasuredMask(facts, *measured)
            self._done += 1
            self._context.advance(self._done, self.num_frames, "Measuring masks", "frames")

    def _facts(self, track: Track, record: MaskRecord) -> tuple[object, ...]:
        class_name = self._classes.get(track.category_id, "")
        state, source = record.state.value, record.source.value
        score = round(track.score, 4)
        return (track.id, track.parent_id, class_name, track.name, score, state, source)


def _opened(
    reader: ProjectReader, selection: VideoSelection, stack: ExitStack, context: JobContext
) -> VideoReader | None:
    """The video, for times and intensities; ``None`` where it cannot be read."""
    from ifc_core.io.video import open_video  # loads the decoder

    path = reader.find_video_file(selection.video.id)
    try:
        return None if path is None else stack.enter_context(open_video(path, context))
    except VideoError:
        return None


def _channels(video: VideoReader) -> int:
    values = _values(video, video.first_readable)
    return 0 if values is None else len(values)


def _values(video: VideoReader, frame_index: int) -> npt.NDArray[Any] | None:
    """The values of a frame; ``None`` where it has none or cannot be read."""
    try:
        return video.stored_values(frame_index)
    except VideoError:
        return None


def _time(video: VideoReader | None, frame_index: int) -> float | None:
    """Seconds from the first frame; ``None`` where nobody knows."""
    if video is None or frame_index >= len(video.pts_seconds):
        return None
    if video.has_rate:
        return round(float(video.pts_seconds[frame_index]), 6)
    return None if video.frame_seconds is None else round(frame_index * video.frame_seconds, 6)


def _missing_note(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    shown = ", ".join(names[:_MOST_NAMED]) + (" and more" if len(names) > _MOST_NAMED else "")
    return (f"Without times and intensities, since the video cannot be read: {shown}.",)
