"""A project as a table of measurements, of each mask or of each track."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ifc_core.annotation.locating import Nearby
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.selection import VideoSelection
from ifc_core.errors import VideoError
from ifc_core.io.measurements import (
    MaskFacts,
    MeasuredMask,
    Motion,
    intensity_columns,
    measure_masks,
    write_measurements,
)
from ifc_core.io.problems import listed
from ifc_core.io.track_measurements import summed_up, write_track_measurements
from ifc_core.jobs import JobContext
from ifc_core.structures import Category, MaskRecord, Track

if TYPE_CHECKING:
    from ifc_core.io.video import VideoReader

_Place = tuple[float, float, float | None]  # x and y of a centroid, and its time
_FramePlace = tuple[str, int, float | None, float | None]  # video, frame, time and scale


def export_measurements(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    categories: Sequence[Category],
    target: Path,
    context: JobContext,
) -> tuple[int, tuple[str, ...]]:
    """Write one line for each mask, by video, frame and track.

    Times are those of the file; pictures have none unless a stack or a person tells them. A scale
    that a person gave counts more than that of a stack. Speeds are those from the previous mask of
    the track that is in the table, over whatever lies between. Intensities are the
    values that the pictures hold, and are not measured in films, which are compressed. One video
    is open at a time; those of pictures twice, since their channels name the columns.

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
    table = _Table(reader, selections, categories, context)
    with closing(table.lines(selections)) as lines:
        number = write_measurements(lines, target, intensity_columns(table.channels))
    return number, table.notes()


def export_track_measurements(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    categories: Sequence[Category],
    target: Path,
    context: JobContext,
) -> tuple[int, int, tuple[str, ...]]:
    """Write one line for each track, by video and track, summed up from its masks.

    They are the masks of :func:`export_measurements`, measured the same way. Of the masks of one
    video sums alone are kept, so that memory grows with its tracks and not with its length.

    Args:
        reader: The project.
        selections: What is exported of each video.
        categories: The classes.
        target: A CSV file.
        context: Progress and cancellation; a cancelled export leaves no file.

    Returns:
        Tracks written, masks that they were summed up from, and sentences for the person.

    Raises:
        OutputError: The file cannot be written.
    """
    table = _Table(reader, selections, categories, context)
    with closing(table.track_rows(selections)) as rows:
        number = write_track_measurements(rows, target, intensity_columns(table.channels))
    return number, table.num_masks, table.notes()


class _Table:
    """Makes the lines, with one video open at a time.

    Attributes:
        channels: The most that a video has.
        num_masks: Masks measured so far.
        missing: Names of the videos that could not be opened so far.
        num_unread: Frames with masks whose pictures could not be read so far.
    """

    def __init__(
        self,
        reader: ProjectReader,
        selections: Sequence[VideoSelection],
        categories: Sequence[Category],
        context: JobContext,
    ) -> None:
        self._reader = reader
        self._classes = {category.id: category.name for category in categories}
        self._context = context
        self._num_frames = sum(len(s.frames) for s in selections)
        self._done = 0
        near = Nearby(context)
        ids = [selection.video.id for selection in selections]
        self._places = {i: reader.find_video_file(i, nearby=near) for i in ids}
        places = self._places.values()
        self.channels = max((_channels(place, context) for place in places), default=0)
        self.num_masks = 0
        self.missing: list[str] = []
        self.num_unread = 0

    def notes(self) -> tuple[str, ...]:
        """What could not be measured."""
        return (*_missing_note(self.missing), *_unread_note(self.num_unread))

    def track_rows(
        self, selections: Iterable[VideoSelection]
    ) -> Generator[list[object], None, None]:
        """Those of the tracks of all videos."""
        for selection in selections:
            states = {track.id: track.state.value for track in selection.tracks}
            with closing(self._lines_of(selection)) as lines:
                yield from summed_up(lines, states, len(intensity_columns(self.channels)))

    def lines(self, selections: Iterable[VideoSelection]) -> Generator[MeasuredMask, None, None]:
        """Those of all videos."""
        for selection in selections:
            yield from self._lines_of(selection)

    def _lines_of(self, selection: VideoSelection) -> Generator[MeasuredMask, None, None]:
        tracks, entry = {track.id: track for track in selection.tracks}, selection.video
        with ExitStack() as stack:
            video = _opened(self._places[entry.id], stack, self._context)
            if video is None:
                self.missing.append(entry.name)
            scale = entry.um_per_px or (None if video is None else video.um_per_px)
            before: dict[int, _Place] = {}
            for frame_index in selection.frames:
                found = self._reader.masks_at(entry.id, frame_index)
                shown = [r for r in found if r.track_id in tracks and selection.shows(r)]
                shown.sort(key=lambda record: record.track_id)
                values = self._values(video, frame_index) if shown else None
                time = _time(entry, video, frame_index)
                at = (entry.name, frame_index, time, scale)
                masks = {r.track_id: r.rle for r in shown if r.rle is not None}
                shapes = dict(zip(masks, measure_masks([*masks.values()], values), strict=True))
                for record in shown:
                    measured = shapes.get(record.track_id)
                    if measured is not None:
                        shape, means = measured
                        here = (shape.x_px, shape.y_px, time)
                        motion = _motion(before.get(record.track_id), here, scale)
                        before[record.track_id] = here
                        self.num_masks += 1
                        yield MeasuredMask(self._facts(record, tracks, at), shape, means, motion)
                self._done += 1
                self._context.advance(self._done, self._num_frames, "Measuring masks", "frames")

    def _facts(
        self, record: MaskRecord, tracks: Mapping[int, Track], place: _FramePlace
    ) -> MaskFacts:
        track = tracks[record.track_id]
        parent = track.parent_id if track.parent_id in tracks else None
        class_name = self._classes.get(track.category_id, "")
        state, source = record.state.value, record.source.value
        name, score = track.name, round(track.score, 4)
        return MaskFacts(*place, track.id, parent, class_name, name, score, state, source)

    def _values(self, video: VideoReader | None, frame_index: int) -> npt.NDArray[Any] | None:
        """The values of a frame; ``None`` where it has none or cannot be read."""
        if video is None or video.has_rate:
            return None
        with suppress(VideoError):
            return video.stored_values(frame_index)
        self.num_unread += 1
        return None


def _opened(place: Path | None, stack: ExitStack, context: JobContext) -> VideoReader | None:
    """The video, for times and intensities; ``None`` where it cannot be read."""
    from ifc_core.io.video import open_video  # loads the decoder

    try:
        return None if place is None else stack.enter_context(open_video(place, context))
    except VideoError:
        return None


def _channels(place: Path | None, context: JobContext) -> int:
    """Those of the first picture that can be read; none of a film, which is not opened for it."""
    from ifc_core.io.video import are_pictures

    context.raise_if_cancelled()
    if place is None or not are_pictures(place):
        return 0
    with ExitStack() as stack:
        video = _opened(place, stack, context)
        if video is not None:
            for frame_index in range(video.video.num_frames):
                context.raise_if_cancelled()
                with suppress(VideoError):
                    values = video.stored_values(frame_index)
                    return 0 if values is None else len(values)
    return 0


def _motion(before: _Place | None, here: _Place, um_per_px: float | None) -> Motion | None:
    """The way from a track's previous mask to this one."""
    if before is None:
        return None
    (x, y, time), (last_x, last_y, last_time) = here, before
    seconds = None if time is None or last_time is None else time - last_time
    return Motion(x - last_x, y - last_y, seconds, um_per_px)


def _time(entry: VideoEntry, video: VideoReader | None, frame_index: int) -> float | None:
    """Seconds from the first frame; ``None`` where nobody knows."""
    has_times = video is not None and video.has_rate
    if entry.given_fps and not has_times:  # what a person said of pictures
        return round(frame_index / entry.given_fps, 6)
    if video is None or frame_index >= len(video.pts_seconds):
        return None
    if video.has_rate:
        return round(float(video.pts_seconds[frame_index]), 6)
    return None if video.frame_seconds is None else round(frame_index * video.frame_seconds, 6)


def _missing_note(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    told = "Without times and intensities, since the video cannot be read"
    return (f"{told}: {listed(names)}.",)


def _unread_note(num_frames: int) -> tuple[str, ...]:
    if not num_frames:
        return ()
    if num_frames == 1:
        return ("The picture of 1 frame cannot be read, so its masks have no intensities.",)
    which = f"The pictures of {num_frames} frames"
    return (f"{which} cannot be read, so their masks have no intensities.",)
