"""What the frames of an export are called."""

from __future__ import annotations

from enum import StrEnum

from ifc_core.annotation.locating import Nearby
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.selection import VideoSelection
from ifc_core.errors import VideoError
from ifc_core.io.frame_list import list_frames, numbers_at_end
from ifc_core.io.problems import listed
from ifc_core.io.video_suffixes import FILE_SUFFIXES


class FrameNaming(StrEnum):
    """How the names of pictures are made."""

    PICTURES = "pictures"  # those that a folder of frames has
    JPEG = "jpeg"  # the same as .jpg, since that is what is written
    CVAT = "cvat"  # those, and of a film the names that CVAT gives its frames
    NUMBERS = "numbers"  # their numbers with six digits, as MOTS and CTC have it


class FrameNames:
    """Names the exported frames of a project's videos.

    A folder's frames have the names of its pictures, by which other programs, training and an
    import find them again: pictures are often counted from 1, and with gaps. A frame of a file, or
    of a folder that is not to be found or whose names are not fit for it, has its index.

    Args:
        reader: The project.
        naming: How names are made.
    """

    def __init__(self, reader: ProjectReader, naming: FrameNaming) -> None:
        self._reader = reader
        self._naming = naming
        self._nearby = Nearby()
        self._not_found: list[str] = []

    def of(self, selection: VideoSelection) -> tuple[str, ...]:
        """Paths of the exported frames of a video below ``JPEGImages``, one a frame."""
        names = self._picture_names(selection)
        stems = [name.rpartition(".")[0] for name in names]
        numbers = numbers_at_end(stems)
        if self._naming is FrameNaming.NUMBERS:
            count = max(selection.frames, default=-1) + 1
            found = range(count) if numbers is None or not names else numbers
            files = [f"{found[frame]:06d}.jpg" for frame in selection.frames]
        elif self._naming is FrameNaming.CVAT and not names:
            files = [f"frame_{frame:06d}" for frame in selection.frames]
        elif not names or len({stem.casefold() for stem in stems}) < len(stems):
            files = [f"{frame:05d}.jpg" for frame in selection.frames]
        elif self._naming is FrameNaming.JPEG:
            files = [f"{stems[frame]}.jpg" for frame in selection.frames]
        else:
            files = [names[frame] for frame in selection.frames]
        return tuple(f"{selection.folder}/{file}" for file in files)

    def notes(self) -> tuple[str, ...]:
        """A sentence on the folders that were not found, if there are any."""
        names = self._not_found
        if not names:
            return ()
        shown = listed(names)
        what, their = f"The folder of {shown} was not found", "its"
        if len(names) > 1:
            what, their = f"The folders of {len(names)} videos were not found ({shown})", "their"
        return (
            f"{what}, so {their} frames are named by their number from 0; where {their} pictures "
            "are counted otherwise, these names mean other pictures.",
        )

    def _picture_names(self, selection: VideoSelection) -> list[str]:
        """Names of all pictures of a folder; none for a file, or where it is not to be found."""
        video = selection.video
        if not _may_be_folder(video):
            return []
        folder = self._reader.find_video_file(video.id, nearby=self._nearby)
        try:
            if folder is not None and not folder.is_dir():
                return []
            names = [file.name for file in list_frames(folder)] if folder is not None else []
        except (OSError, VideoError):
            names = []
        is_whole = bool(video.fingerprint) or len(names) == video.num_frames
        if len(names) <= max(selection.frames, default=-1) or not is_whole:
            self._not_found.append(video.name)
            return []
        return names if all(n.isprintable() and "\\" not in n for n in names) else []


def _may_be_folder(video: VideoEntry) -> bool:
    """Whether a video is a folder of frames, or may be one that is not at its place now."""
    try:
        if video.path.exists():
            return video.path.is_dir()
    except OSError:  # below a folder that may not be entered
        pass
    is_counted = video.fingerprint.startswith(f"{video.num_frames}-")
    return is_counted or video.path.suffix.lower() not in FILE_SUFFIXES
