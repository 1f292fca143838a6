"""Refusing to write over videos, and over what a project stands on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ifc_core.annotation.connection import DATABASE_NAME
from ifc_core.annotation.locking import LOCK_NAME
from ifc_core.annotation.reading import ProjectReader
from ifc_core.errors import OutputError, VideoError
from ifc_core.io.fingerprint import file_fingerprint, folder_fingerprint
from ifc_core.io.frame_list import is_frame_name, list_frames


def check_target(reader: ProjectReader, target: Path) -> None:
    """Make sure that replacing a file or folder takes nothing away from the project.

    A video is known by its place and by its content, so that a video which was moved since it
    was added is spared too.

    Args:
        reader: The project.
        target: What is to be written; what is there now would be gone.

    Raises:
        OutputError: A video of the project, or the project itself, is there, or the target is
            or would become a frame of such a video.
    """
    for video in reader.videos():
        check_frames(video.path, target)
    around = _fingerprint(target.parent) if is_frame_name(target.name) else ""
    if around and any(video.fingerprint == around for video in reader.videos()):
        raise _among_frames(target, target.parent)
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


def check_frames(video: Path, target: Path) -> None:
    """Make sure that a file does not end up among the pictures of a video.

    Args:
        video: A folder of frames; in a file there are none.
        target: The file to be written, which need not be there yet.

    Raises:
        OutputError: It is one of the frames, also by a link, or would become one.
    """
    if not os.path.isdir(video):  # noqa: PTH112 - also of one that may not be looked at
        return
    folder, place = video.resolve(), target.resolve()
    for path in (target, place):
        if is_frame_name(path.name) and path.parent.resolve() == folder:
            raise _among_frames(target, video)
    if not place.exists():
        return
    with suppress(OSError), os.scandir(folder) as entries:
        links = [Path(e.path) for e in entries if e.is_symlink() and is_frame_name(e.name)]
        if any(link.resolve() == place for link in links):
            raise _among_frames(target, video)


def _among_frames(target: Path, folder: Path) -> OutputError:
    return OutputError(
        f"{target} would be one of the frames of the video {folder.resolve().name}; choose "
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
