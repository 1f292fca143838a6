"""The frames of an export as JPEG files, in the layout that training code expects."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.errors import OutputError, VideoError
from ifc_core.io.atomic import told_of
from ifc_core.io.problems import printable
from ifc_core.jobs import JobContext

_JPEG_SUFFIX = ".jpg"


@contextmanager
def frame_images(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    names: Mapping[int, Sequence[str]],
    folder: Path,
    context: JobContext,
) -> Iterator[tuple[str, ...]]:
    """Write the selected frames as JPEG files, which are in ``folder/<video>`` after the block.

    They are written beside their place first, and take it when the block has written what refers
    to them, so an export that fails or is cancelled leaves what was there. A frame that cannot be
    decoded gets its neighbour's picture.

    Args:
        reader: The project.
        selections: What is exported of each video.
        names: Video id -> path of each frame in the export, of which the file's name is taken.
        folder: ``JPEGImages``; folders of frames of the same videos in it are replaced.
        context: Progress and cancellation.

    Yields:
        Sentences about frames that cannot be decoded.

    Raises:
        OutputError: The files cannot be written, or what is there holds more than frames.
        VideoError: A video is not to be found or not to be read.
    """
    for selection in selections:
        _check_old(folder / selection.folder)
    partial = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    notes = []
    try:
        with _told(folder, partial):
            partial.mkdir(parents=True)
            for selection in selections:
                files = [name.rpartition("/")[2] for name in names[selection.video.id]]
                place = partial / selection.folder
                notes += _write_video(reader, selection, files, place, context)
        yield tuple(notes)
        with _told(folder, partial):
            folder.mkdir(parents=True, exist_ok=True)
            _replace_all([(partial / s.folder, folder / s.folder) for s in selections], partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _told(folder: Path, partial: Path) -> Iterator[None]:
    """What cannot be written, in words of the folder that the person knows of."""
    try:
        yield
    except OutputError as error:
        raise told_of(folder, partial, error) from error.__cause__
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"Cannot write frames to {folder}: {reason[:1].lower()}{reason[1:]}.", path=folder
        ) from error


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


def _check_old(target: Path) -> None:
    """See that what gives way to the frames of a video is an earlier export of them.

    Raises:
        OutputError: Something else is in it, and would be gone.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(
            f"{target} is a file, and frames go into a folder of this name; move it away or choose "
            "another place.",
            path=target,
        )
    with _told(target, target):
        others = sorted(path.name for path in target.iterdir() if not _is_ours(path))
    if others:
        raise OutputError(
            f"{target} would be replaced and holds {printable(others[0])}, which is no frame of an "
            "export; move it away or choose another place.",
            path=target,
        )


def _is_ours(path: Path) -> bool:
    """Whether it is a frame of an export, or what a system leaves in any folder."""
    left = path.name.startswith(".") or path.name == "Thumbs.db"
    return (left or path.suffix == _JPEG_SUFFIX) and not path.is_dir()


def _replace_all(pairs: Sequence[tuple[Path, Path]], aside: Path) -> None:
    """Put folders in the places of others: all of them, or none.

    Args:
        pairs: New folder and its place.
        aside: A folder of ours on the same disk, to which the old ones go.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        for number, (new, target) in enumerate(pairs):
            old = aside / f".old-{number}"
            if target.exists():
                moved.append((old, target))
                target.rename(old)
            moved.append((target, new))
            new.rename(target)
    except BaseException:  # a second Ctrl-C comes anywhere
        for place, before in reversed(moved):
            if place.exists() and not before.exists():
                place.rename(before)
        raise
