"""What is said of videos of an annotation file that are taken for others, or cannot be."""

from __future__ import annotations

from ifc_core.annotation.records import VideoEntry
from ifc_core.errors import FormatError
from ifc_core.io.ytvis_types import YtvisVideo


def guess_note(name: str, video: YtvisVideo, entry: VideoEntry, by_names: bool) -> str:
    """That masks were put on a video of another name, as a sentence.

    Args:
        name: What people call the video of the file.
        video: The video of the file.
        entry: The video of the project.
        by_names: The names of pictures said so, and no shape.
    """
    if by_names:
        return (
            f"The masks of {name} were put on {entry.name}, whose pictures have the names that "
            "the file gives; undo if they belong elsewhere."
        )
    frames = "1 frame" if video.length == 1 else f"{video.length} frames"
    if entry.num_frames > video.length:
        frames = f"at least {frames}"
    return (
        f"The masks of {name} were put on {entry.name}, the only video of {video.width} x "
        f"{video.height} pixels and {frames}; undo if they belong elsewhere."
    )


def misfit(video: YtvisVideo, entry: VideoEntry) -> FormatError:
    """Why a video of a file cannot be one of the project."""
    indices = () if video.details is None else video.details.frame_indices
    if (video.height, video.width) == entry.size and max(indices, default=-1) >= entry.num_frames:
        return FormatError(
            f"The file lists frame {max(indices)} of {video.name}, and {entry.name} ends with "
            f"frame {entry.num_frames - 1}.",
            expected=entry.num_frames - 1,
            actual=max(indices),
        )
    return FormatError(
        f"Video {video.name} of the file is {video.width}x{video.height} with {video.length} "
        f"frames, {entry.name} is {entry.width}x{entry.height} with {entry.num_frames}.",
        expected=entry.size,
        actual=(video.height, video.width),
    )
