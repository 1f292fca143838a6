"""The frames of an export as JPEG files, in the layout that training code expects."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.errors import OutputError, VideoError
from ifc_core.jobs import JobContext


def write_frame_images(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    names: Mapping[int, Sequence[str]],
    folder: Path,
    context: JobContext,
) -> tuple[str, ...]:
    """Write the selected frames as JPEG files in ``folder/<video>``.

    They are written beside their place first, so an export that fails or is cancelled
    leaves what was there. A frame that cannot be decoded gets its neighbour's picture.

    Args:
        reader: The project.
        selections: What is exported of each video.
        names: Video id -> path of each frame in the export, of which the file's name is taken.
        folder: ``JPEGImages``; folders of the same videos in it are replaced.
        context: Progress and cancellation.

    Returns:
        Sentences about frames that cannot be decoded.

    Raises:
        OutputError: The files cannot be written.
        VideoError: A video is not to be found or not to be read.
    """
    partial = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    notes = []
    try:
        partial.mkdir(parents=True)
        for selection in selections:
            files = [name.rpartition("/")[2] for name in names[selection.video.id]]
            notes += _write_video(reader, selection, files, partial / selection.folder, context)
        folder.mkdir(parents=True, exist_ok=True)
        for selection in selections:
            _replace(partial / selection.folder, folder / selection.folder)
    except OSError as error:
        raise OutputError(
            f"The frames cannot be written to {folder}: {error.strerror or error}.", path=folder
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return tuple(notes)


def check_videos(reader: ProjectReader, selections: Sequence[VideoSelection]) -> None:
    """Make sure that the frames can be read, before anything is written.

    Raises:
        VideoError: A video is not to be found.
    """
    for selection in selections:
        find_frames(reader, selection)


def find_frames(reader: ProjectReader, selection: VideoSelection) -> Path:
    """Where the frames of a video are.

    Raises:
        VideoError: They are not to be found.
    """
    path = reader.find_video_file(selection.video.id)
    if path is None:
        raise VideoError(
            f"{selection.video.name} is not where it was ({selection.video.path}); "
            "say where it is now.",
            path=selection.video.path,
        )
    return path


def _write_video(
    reader: ProjectReader,
    selection: VideoSelection,
    names: Sequence[str],
    folder: Path,
    context: JobContext,
) -> list[str]:
    from ifc_core.io.frame_export import write_jpeg_frames  # loads the decoder
    from ifc_core.io.problems import listed
    from ifc_core.io.readable_frames import StandInReader
    from ifc_core.io.video import open_video

    path = find_frames(reader, selection)
    with StandInReader(open_video(path, context)) as video:
        write_jpeg_frames(video, selection.frames, folder, context, names)
        if not video.stands:
            return []
        broken = listed(sorted(video.stands))
        return [
            f"{selection.video.name} has frames that cannot be decoded ({broken}); the picture of "
            "a neighbour stands in for each."
        ]


def _replace(new: Path, target: Path) -> None:
    """Put a folder in the place of another."""
    if target.exists():
        old = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.rename(target)
