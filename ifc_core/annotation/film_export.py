"""Films of the project's videos with the masks drawn over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ifc_core.annotation.frame_images import find_frames
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import Scope
from ifc_core.annotation.selection import VideoSelection
from ifc_core.annotation.track_colors import colors_of
from ifc_core.errors import OutputError
from ifc_core.jobs import JobContext
from ifc_core.structures import Track

FILM_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")
FILM_LABELS = ("name", "number", "class")
"""What can stand beside a mask: its track's name (the number where it has none), and so on."""


@dataclass(frozen=True, slots=True)
class FilmStyle:
    """How masks are drawn.

    Attributes:
        color_by: Whose colours they have; see :func:`track_colors.colors_of`.
        labels: What stands beside them, one of :data:`FILM_LABELS`.
    """

    color_by: str = "track"
    labels: str = "name"

    def label(self, track: Track, classes: Mapping[int, str]) -> str:
        """What is written beside the masks of a track."""
        if self.labels == "class":
            return classes.get(track.category_id, "") or str(track.id)
        return (track.name if self.labels == "name" else "") or str(track.id)


_PLAIN = FilmStyle()


def write_films(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    target: Path,
    frames: Scope,
    frame_step: int,
    context: JobContext,
    style: FilmStyle = _PLAIN,
) -> int:
    """Write a film of one video, or a folder of films.

    A film shows every frame of its video (in ``frames``, every ``frame_step``-th) and draws the
    masks of those that are exported.

    Args:
        reader: The project.
        selections: What is exported of each video.
        target: A film (mp4, mov, mkv or m4v) where one video is exported, else a folder, which
            must not exist or be empty.
        frames: The frames to show.
        frame_step: Every n-th of them.
        context: Progress and cancellation.
        style: How masks are drawn.

    Returns:
        Masks drawn.

    Raises:
        OutputError: The target cannot be written, or is one film for several videos.
        VideoError: A video is not to be found or not to be read.
    """
    from ifc_core.io.atomic import atomic_folder

    if not selections:
        raise OutputError(
            "No frame is to be exported; choose a wider scope, such as everything.", path=target
        )
    if target.suffix.lower() in FILM_SUFFIXES:
        if len(selections) != 1:
            raise OutputError(
                f"{target.name} can show one video and {len(selections)} are to be exported; "
                "choose one of them, or name a folder.",
                path=target,
            )
        return _write_film(reader, selections[0], target, frames, frame_step, context, style)
    with ExitStack() as stack:
        folder = stack.enter_context(atomic_folder(target))
        return sum(
            _write_film(
                reader,
                selection,
                folder / f"{selection.folder}.mp4",
                frames,
                frame_step,
                context,
                style,
            )
            for selection in selections
        )


def _write_film(
    reader: ProjectReader,
    selection: VideoSelection,
    path: Path,
    frames: Scope,
    frame_step: int,
    context: JobContext,
    style: FilmStyle,
) -> int:
    from ifc_core.io.overlay import OverlayMask, OverlayWriter  # loads the encoder
    from ifc_core.io.readable_frames import ReadableFrames
    from ifc_core.io.video import open_video

    tracks = {track.id: track for track in selection.tracks}
    colors = colors_of(reader, selection.video.id, style.color_by)
    classes = {category.id: category.name for category in reader.categories()}
    exported = set(selection.frames)
    drawn = 0
    with open_video(find_frames(reader, selection), context) as video:
        first, last = frames.bounds(video.video.num_frames)
        start = video.pts_seconds[first] if first <= last else 0.0
        given = None if video.has_rate else selection.video.given_fps
        slower = video.video.fps / given if given else 1.0  # pictures have times by convention
        rate = video.video.fps / slower / frame_step
        with OverlayWriter(path, rate, video.video.size) as film:
            for frame_index, picture in ReadableFrames(video, first, last + 1, frame_step):
                found = []
                if frame_index in exported:
                    found = reader.masks_at(selection.video.id, frame_index)
                masks = [
                    OverlayMask(t.id, record.rle, colors[t.id], style.label(t, classes))
                    for record in found
                    if record.rle is not None
                    and selection.shows(record)
                    and (t := tracks.get(record.track_id)) is not None
                ]
                seconds = float(video.pts_seconds[frame_index] - start) * slower
                film.write(picture, masks, seconds)
                drawn += len(masks)
                context.advance(
                    frame_index + 1 - first, last + 1 - first, "Writing the film", "frames"
                )
    return drawn
