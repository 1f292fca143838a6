"""The frames of an export as JPEG files, in the layout that training code expects."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.annotation.ytvis_export import frame_name
from ifc_core.errors import OutputError, VideoError
from ifc_core.jobs import JobContext

_QUALITY = 95


def write_frame_images(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    folder: Path,
    context: JobContext,
) -> None:
    """Write the selected frames as ``folder/<video>/00000.jpg``.

    They are written beside their place first, so an export that fails or is cancelled
    leaves what was there.

    Args:
        reader: The project.
        selections: What is exported of each video.
        folder: ``JPEGImages``; folders of the same videos in it are replaced.
        context: Progress and cancellation.

    Raises:
        OutputError: The files cannot be written.
        VideoError: A video is not to be found or not to be read.
    """
    partial = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    total = sum(len(s.frames) for s in selections)
    done = 0
    try:
        partial.mkdir(parents=True)
        for selection in selections:
            done = _write_video(reader, selection, partial, (done, total), context)
        folder.mkdir(exist_ok=True)
        for selection in selections:
            _replace(partial / selection.folder, folder / selection.folder)
    except OSError as error:
        raise OutputError(
            f"The frames cannot be written to {folder}: {error.strerror or error}.", path=folder
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_video(
    reader: ProjectReader,
    selection: VideoSelection,
    partial: Path,
    progress: tuple[int, int],
    context: JobContext,
) -> int:
    import cv2

    from ifc_core.io.video import open_video

    done, total = progress
    path = reader.find_video_file(selection.video.id)
    if path is None:
        raise VideoError(
            f"{selection.video.name} is not where it was ({selection.video.path}); "
            "say where it is now.",
            path=selection.video.path,
        )
    (partial / selection.folder).mkdir()
    with open_video(path) as video:
        for frame_index in selection.frames:
            picture = cv2.cvtColor(video.read(frame_index), cv2.COLOR_RGB2BGR)
            good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            if not good:
                raise OSError(f"frame {frame_index} could not be encoded")
            (partial / frame_name(selection, frame_index)).write_bytes(data.tobytes())
            done += 1
            context.advance(done, total, "Writing frames")
    return done


def _replace(new: Path, target: Path) -> None:
    """Put a folder in the place of another."""
    if target.exists():
        old = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        target.rename(old)
        new.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.rename(target)
