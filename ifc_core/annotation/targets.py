"""Refusing to write over what a project stands on: its videos and its own file."""

from __future__ import annotations

from pathlib import Path

from ifc_core.annotation.connection import DATABASE_NAME
from ifc_core.annotation.locking import LOCK_NAME
from ifc_core.annotation.reading import ProjectReader
from ifc_core.errors import OutputError, VideoError
from ifc_core.io.fingerprint import file_fingerprint, folder_fingerprint
from ifc_core.io.frame_list import list_frames


def check_target(reader: ProjectReader, target: Path) -> None:
    """Make sure that replacing a file or folder takes nothing away from the project.

    A video is known by its place and by its content, so that a video which was moved since it
    was added is spared too.

    Args:
        reader: The project.
        target: What is to be written; what is there now would be gone.

    Raises:
        OutputError: A video of the project, or the project itself, is there.
    """
    if not target.exists():
        return
    place, content = target.resolve(), _fingerprint(target)
    database = (reader.folder / DATABASE_NAME).resolve()
    # The log beside the database holds the latest edits, the journal what an edit replaced.
    is_log = place.parent == database.parent and place.name.startswith(f"{database.name}-")
    is_lock = place == database.with_name(LOCK_NAME)
    if database.is_relative_to(place) or is_log or is_lock:
        raise OutputError(
            f"Writing {target} would destroy the project; choose another place.", path=target
        )
    for video in reader.videos():
        is_same = bool(content) and video.fingerprint == content
        if is_same or video.path.resolve().is_relative_to(place):
            raise OutputError(
                f"Writing {target} would destroy the video {video.name} of the project; choose "
                "another place.",
                path=target,
            )


def _fingerprint(path: Path) -> str:
    """What a video of this content would have; empty where it is none."""
    try:
        if path.is_file():
            return file_fingerprint(path)
        frames = list_frames(path)
        return folder_fingerprint(frames) if frames else ""
    except (OSError, VideoError):
        return ""
