"""What the frames of an export are called."""

from __future__ import annotations

from enum import StrEnum

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.errors import VideoError
from ifc_core.io.frame_list import list_frames, numbers_at_end


class FrameNaming(StrEnum):
    """How the names of pictures are made."""

    PICTURES = "pictures"  # those that a folder of frames has
    JPEG = "jpeg"  # the same as .jpg, since that is what is written
    NUMBERS = "numbers"  # their numbers with six digits, as MOTS has it


def frame_names(
    reader: ProjectReader, selection: VideoSelection, naming: FrameNaming
) -> tuple[str, ...]:
    """Paths of the exported frames of a video below ``JPEGImages``.

    A folder's frames have the names of its pictures, by which other programs, training and an
    import find them again: pictures are often counted from 1, and with gaps. A frame of a file, or
    of a folder that is not to be found or whose names are not fit for it, has its index.

    Args:
        reader: The project.
        selection: What is exported of the video.
        naming: How names are made.

    Returns:
        One a frame.
    """
    names = _picture_names(reader, selection)
    stems = [name.rpartition(".")[0] for name in names]
    numbers = numbers_at_end(stems)
    if naming is FrameNaming.NUMBERS:
        count = max(selection.frames, default=-1) + 1
        found = range(count) if numbers is None or not names else numbers
        files = [f"{found[frame]:06d}.jpg" for frame in selection.frames]
    elif not names or len({stem.casefold() for stem in stems}) < len(stems):
        files = [f"{frame:05d}.jpg" for frame in selection.frames]
    elif naming is FrameNaming.JPEG:
        files = [f"{stems[frame]}.jpg" for frame in selection.frames]
    else:
        files = [names[frame] for frame in selection.frames]
    return tuple(f"{selection.folder}/{file}" for file in files)


def _picture_names(reader: ProjectReader, selection: VideoSelection) -> list[str]:
    """Names of all pictures of a folder; none for a file, or where the folder is not known."""
    video = selection.video
    if video.path.is_file():
        return []
    folder = reader.find_video_file(video.id)
    try:
        names = [file.name for file in list_frames(folder)] if folder and folder.is_dir() else []
    except VideoError:
        return []
    is_whole = bool(video.fingerprint) or len(names) == video.num_frames
    is_fit = all(name.isprintable() and "\\" not in name for name in names)
    return names if is_whole and is_fit and len(names) > max(selection.frames, default=-1) else []
