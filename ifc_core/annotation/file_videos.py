"""Which video of the project, or which file on disk, a video of an annotation file means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ifc_core.annotation.edits.catalog import AddVideo
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.rows import normalised
from ifc_core.errors import FormatError, VideoError
from ifc_core.io.frame_list import list_frames
from ifc_core.io.ytvis_types import YtvisVideo
from ifc_core.structures import Video

_DEFAULT_FPS = 30.0
_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".MP4", ".MOV", ".AVI")
_NUMBER = re.compile(r"(\d+)$")


@dataclass(frozen=True, slots=True)
class FileVideo:
    """Where the annotations of one video of a file go.

    Attributes:
        place: Id in the project, or the video to add.
        frames: One a frame of the file: the frame of the video.
        is_missing: The frames were not found on disk.
    """

    place: int | AddVideo
    frames: tuple[int, ...]
    is_missing: bool


def resolve_videos(
    reader: ProjectReader,
    videos: Sequence[YtvisVideo],
    root: Path,
    video_map: Mapping[str, int],
) -> dict[int, FileVideo]:
    """Find a place for every video of a file.

    A video is the project's one of the same fingerprint, else of the same name and size;
    else it is added, with its frames if they are found below ``root``.

    Args:
        reader: The project.
        videos: Videos of the file.
        root: Folder below which frames and video files are looked for.
        video_map: Names that the person already decided.

    Returns:
        File id -> place.

    Raises:
        FormatError: A video does not fit the one it was mapped to.
    """
    known = reader.videos()
    places: dict[int, FileVideo] = {}
    for video in videos:
        entry = _in_project(video, known, reader, video_map)
        places[video.id] = (
            _add(video, root)
            if entry is None
            else FileVideo(entry.id, _frames(video, entry.num_frames, entry.path), False)
        )
    return places


def _in_project(
    video: YtvisVideo,
    known: Sequence[VideoEntry],
    reader: ProjectReader,
    video_map: Mapping[str, int],
) -> VideoEntry | None:
    if video.name in video_map:
        entry = reader.video(video_map[video.name])
        if not _fits(video, entry):
            raise FormatError(
                f"Video {video.name} of the file is {video.width}x{video.height} with "
                f"{video.length} frames, {entry.name} is {entry.width}x{entry.height} with "
                f"{entry.num_frames}.",
                expected=entry.size,
                actual=(video.height, video.width),
            )
        return entry
    if video.details is not None and video.details.fingerprint:
        for entry in known:
            same = entry.fingerprint == video.details.fingerprint
            if same and _fits(video, entry):
                return entry
    name = normalised(video.name)
    named = (entry for entry in known if name in (entry.name, entry.path.stem))
    return next((e for e in named if _fits(video, e)), None)


def _fits(video: YtvisVideo, known: VideoEntry | Video) -> bool:
    same_size = (video.height, video.width) == known.size
    return same_size and _frames(video, known.num_frames, known.path)[-1] < known.num_frames


def _frames(video: YtvisVideo, num_frames: int, path: Path) -> tuple[int, ...]:
    """Frame of the video for each frame of the file.

    The extension key says so. Without it, where the file holds fewer frames than the video, the
    names of the pictures do if the video is a folder, else numbers such as in ``00005.jpg``.
    """
    if num_frames == video.length:
        return tuple(range(video.length))
    if video.details is not None and video.details.frame_indices:
        return video.details.frame_indices
    by_name = _frames_by_name(video, path)
    if by_name is not None:
        return by_name
    numbers = [_NUMBER.search(Path(name).stem) for name in video.file_names]
    indices = [int(match.group(1)) for match in numbers if match is not None]
    ascending = all(a < b for a, b in pairwise(indices))
    if len(indices) == video.length and ascending and indices and indices[-1] < num_frames:
        return tuple(indices)
    return tuple(range(video.length))


def _frames_by_name(video: YtvisVideo, folder: Path) -> tuple[int, ...] | None:
    """The frames whose pictures have the names in the file; ``None`` where not all are there."""
    try:
        files = list_frames(folder) if folder.is_dir() else []
    except (OSError, VideoError):
        return None
    places = {normalised(file.stem): index for index, file in enumerate(files)}
    found = [places.get(normalised(Path(name).stem)) for name in video.file_names]
    frames = tuple(frame for frame in found if frame is not None)
    is_ascending = all(a < b for a, b in pairwise(frames))
    return frames if frames and len(frames) == video.length and is_ascending else None


def _add(video: YtvisVideo, root: Path) -> FileVideo:
    """A video to add: with its frames, or as a name to find them by."""
    for path in _candidates(video, root):
        found = _open(path)
        if found is not None and _fits(video, found):
            new = AddVideo(found, video.name.rpartition("/")[2])
            return FileVideo(new, _frames(video, found.num_frames, found.path), False)
    details = video.details
    listed = details.frame_indices if details is not None else ()
    frames = listed or tuple(range(video.length))
    source = details.source if details is not None and details.source else video.name
    fps = details.fps if details is not None and details.fps > 0 else _DEFAULT_FPS
    fingerprint = details.fingerprint if details is not None else ""
    placeholder = Video(root / source, frames[-1] + 1, video.height, video.width, fps, fingerprint)
    return FileVideo(AddVideo(placeholder, video.name.rpartition("/")[2]), frames, True)


def _candidates(video: YtvisVideo, root: Path) -> list[Path]:
    """Places below the root where the video may be; none that leaves it."""
    places = [root / "JPEGImages" / video.name, root / video.name]
    places += [root / f"{video.name}{suffix}" for suffix in _SUFFIXES]
    if video.details is not None and video.details.source:
        places.insert(0, root / video.details.source)
    inside = root.resolve()
    return [p for p in places if p.exists() and p.resolve().is_relative_to(inside)]


def _open(path: Path) -> Video | None:
    from ifc_core.io.video import open_video  # loads the decoder

    try:
        with open_video(path) as reader:
            return reader.video
    except VideoError:
        return None
