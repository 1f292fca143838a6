"""The videos of a project: what the list says of each, and their first frames as pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.annotation import (
    Project,
    ProjectReader,
    ReaderView,
    VideoEntry,
    edits,
    view_project,
)
from ifc_core.annotation.locating import Nearby, begins, check_same, namesakes, same_videos
from ifc_core.config import cache_dir
from ifc_core.errors import IFCError, OtherVideoError, ProjectError, VideoError
from ifc_core.io.atomic import atomic_output
from ifc_core.io.deep_pictures import PIXELS_VERSION
from ifc_core.io.frame_list import video_files
from ifc_core.io.readable_frames import nearest_readable
from ifc_core.io.video import open_video
from ifc_core.jobs import JobContext
from ifc_core.structures import Video
from napari_ifc.controllers.session import is_project
from napari_ifc.language import tr
from napari_ifc.rows import VideoRow

PICTURE_WIDTH_PX = 128
_FOLDER = "video-pictures"
_NONE: Mapping[int, Video] = MappingProxyType({})


def video_rows(reader: ProjectReader) -> list[VideoRow]:
    """What the list says, in the order in which the videos were added. Opens no video."""
    progress = reader.progress_by_video()
    return [
        VideoRow(
            entry.id,
            entry.name,
            entry.num_frames,
            progress[entry.id].num_tracks,
            progress[entry.id].exhaustive,
            progress[entry.id].approved_tracks,
        )
        for entry in reader.videos()
    ]


@dataclass(frozen=True, slots=True)
class LookedThrough:
    """What came of looking through files.

    Attributes:
        videos: Those that can be read.
        unreadable: The others, and why.
    """

    videos: tuple[Video, ...]
    unreadable: Mapping[Path, VideoError]


def look_through(paths: Sequence[Path], context: JobContext) -> list[Video]:
    """What is to be known of videos before they are added; reads their files.

    Args:
        paths: Video files or folders of frames.
        context: Progress and cancellation.

    Raises:
        VideoError: One cannot be read; nothing was added.
        JobCancelled: The person cancelled it.
    """
    found = []
    for path in paths:
        with open_video(path, context) as reader:
            found.append(reader.video)
    return found


def look_through_each(paths: Sequence[Path], context: JobContext) -> LookedThrough:
    """Like :func:`look_through`, going on after what cannot be read.

    Args:
        paths: Video files or folders of frames.
        context: Progress and cancellation.

    Raises:
        JobCancelled: The person cancelled it.
    """
    videos: list[Video] = []
    unreadable: dict[Path, VideoError] = {}
    for path in paths:
        context.raise_if_cancelled()
        try:
            videos += look_through([path], context)
        except VideoError as error:
            unreadable[path] = error
    return LookedThrough(tuple(videos), unreadable)


def taken_apart(paths: Sequence[Path]) -> list[Path]:
    """What a person chose, a folder of video files as the videos in it."""
    parts: list[Path] = []
    for path in paths:
        inside = [] if is_project(path) else video_files(path)
        parts += inside or [path]
    return parts


def not_opened_text(paths: Sequence[Path]) -> str:
    """A sentence that names what was not opened; empty where that is nothing."""
    if not paths:
        return ""
    return tr("Not opened: {names}.").format(names=_listed([path.name for path in paths]))


def not_imported_text(paths: Sequence[Path]) -> str:
    """A sentence that names what was not imported; empty where that is nothing."""
    if not paths:
        return ""
    return tr("Not imported: {names}.").format(names=_listed([path.name for path in paths]))


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(names[:3])
    if len(names) > 3:
        listed = tr("{names} and {count} more").format(names=listed, count=len(names) - 3)
    return listed


def adding(
    project: Project, videos: Sequence[Video]
) -> tuple[edits.Batch | edits.AddVideo | edits.SetVideo | None, str]:
    """The edit that adds videos, and a sentence about it.

    Args:
        project: Where they are added.
        videos: What was looked through; those that are in the project are left out, but one that
            was not where it was, or of which only a part was known, is found.

    Returns:
        The edit, ``None`` where none of them is new.
    """
    entries = project.videos()
    fresh: dict[str, Video] = {}
    there: list[str] = []
    found: dict[int, edits.SetVideo] = {}
    names: dict[int, str] = {}
    for video, entry in zip(videos, same_videos(entries, videos), strict=True):
        if entry is None:
            fresh.setdefault(video.fingerprint, video)
            continue
        is_whole = bool(entry.fingerprint) and entry.num_frames >= video.num_frames
        if is_whole and project.find_video_file(entry.id) is not None:
            there.append(entry.name)
        else:
            found.setdefault(entry.id, edits.SetVideo(entry.id, found=video))
            names[entry.id] = entry.name
    added = [edits.AddVideo(video) for video in fresh.values()]
    steps: tuple[edits.AddVideo | edits.SetVideo, ...] = (*added, *found.values())
    told = []
    if fresh:
        told.append(tr("Added {videos}.").format(videos=_counted(len(fresh))))
        missing = [entry for entry in entries if entry.id not in found]
        told += [_unclear_text(missing, video) for video in fresh.values()]
    if found:
        text = tr("{names} was missing and is found.")
        if len(found) > 1:
            text = tr("{names} were missing and are found.")
        told.append(text.format(names=", ".join(names.values())))
    if there:
        text = tr("{names} is in this project already.")
        if len(set(there)) > 1:
            text = tr("{names} are in this project already.")
        told.append(text.format(names=", ".join(dict.fromkeys(there))))
    sentence = " ".join(filter(None, told))
    if not steps:
        return None, sentence
    together = edits.Batch(steps, label=f"Add {len(steps)} videos")
    return steps[0] if len(steps) == 1 else together, sentence


def _unclear_text(entries: Sequence[VideoEntry], video: Video) -> str:
    """That one is added as a new one since more than one missing video could be it."""
    could_be = [entry.name for entry in namesakes(entries, video) if not entry.fingerprint]
    if not could_be:
        return ""
    text = tr(
        "{place} could be the missing {names} or another video, so it was added as a new one; if "
        "it is one of them, undo this and use Locate this video."
    )
    place = "/".join(video.path.parts[-2:])
    return text.format(place=place, names=", ".join(could_be))


def locating(
    project: Project,
    video_id: int,
    found: Video,
    others: Mapping[int, Video] = _NONE,
    *,
    is_coded_anew: bool = False,
) -> tuple[edits.SetVideo | edits.Batch | None, str]:
    """The edit that says where a video is, and a sentence about it.

    Args:
        project: The project.
        video_id: The video.
        found: The file or folder that a person pointed at, as it was looked through.
        others: Further videos that lie beside it, see :func:`lying_beside`.
        is_coded_anew: The person says that it shows the same, though its content is another.

    Returns:
        The edit, ``None`` where it is known already.

    Raises:
        ProjectError: It is another video.
    """
    entry = project.video(video_id)
    known = {e.id: e for e in project.videos()}
    check_same(found, entry, known.values(), is_coded_anew=is_coded_anew)
    if is_coded_anew and entry.fingerprint and found.fingerprint != entry.fingerprint:
        text = tr(
            "{name} is found, with another content: look whether the masks lie on their "
            "frames, and undo if not."
        )
        return edits.SetVideo(video_id, found=found, is_coded_anew=True), text.format(
            name=entry.name
        )
    places = {i: video for i, video in {video_id: found, **others}.items() if i in known}
    news = {i: video for i, video in places.items() if known[i].video != video}
    if not news:
        text = tr("The project knows already that {name} is there.")
        return None, text.format(name=entry.name)
    steps = tuple(edits.SetVideo(i, found=video) for i, video in news.items())
    if len(steps) == 1:
        (step,) = steps
        name = known[step.video_id].name
        text = tr("{name} is found.").format(name=name)
        if begins(found, entry, known.values()):
            text += " " + tr(
                "It has {count} frames, and the annotations, which end after {known}, are on its "
                "first ones: look whether they fit, and undo if not."
            ).format(count=found.num_frames, known=entry.num_frames)
        return step, text
    names = _listed([known[i].name for i in news])
    together = edits.Batch(steps, label=f"Locate {len(steps)} videos")
    return together, tr("{names} are found.").format(names=names)


def look_at(
    folder: Path,
    entry: VideoEntry,
    path: Path,
    context: JobContext,
    *,
    is_coded_anew: bool = False,
) -> tuple[Video, dict[int, Video]]:
    """Look through the file that a person pointed at, and for further videos beside it.

    Args:
        folder: The project's folder.
        entry: The video that it shall be.
        path: The file or folder of frames, or a folder of videos.
        context: Progress and cancellation.
        is_coded_anew: The person says that it shows the same, though its content is another.

    Returns:
        What it is, and what :func:`lying_beside` finds.

    Raises:
        VideoError: It cannot be read.
        ProjectError: It is another video; ``OtherVideoError`` where the project has that one,
            ``OtherContentError`` where it may be this one, coded anew.
        JobCancelled: The person cancelled it.
    """
    (found,) = look_through([pointed_at(folder, [entry], path, context)], context)
    with view_project(folder, ReaderView.PRESENT) as reader:
        others = [other for other in reader.videos() if other.id != entry.id]
    for other in others:
        if found.fingerprint and other.fingerprint == found.fingerprint:
            text = tr("{file} is not the video {name} but {other}, which this project has already.")
            text = text.format(file=found.path.name, name=entry.name, other=other.name)
            raise OtherVideoError(text, path=found.path, video_id=other.id)
    check_same(found, entry, others, is_coded_anew=is_coded_anew)
    return found, lying_beside(folder, entry.id, found, context)


def pointed_at(
    folder: Path, entries: Sequence[VideoEntry], path: Path, context: JobContext
) -> Path:
    """The file that a person means by a place: of a folder of videos the one that is wanted.

    Args:
        folder: The project's folder.
        entries: Videos of it; the first that is found is taken.
        path: What the person pointed at.
        context: Progress and cancellation: files may have to be opened.

    Raises:
        ProjectError: It is a folder of videos, and none of them is one of these.
        JobCancelled: The person cancelled it.
    """
    files = video_files(path)
    if not files:
        return path
    nearby = Nearby(context)
    with view_project(folder, ReaderView.PRESENT) as reader:
        for entry in entries:
            found = reader.find_video_file(entry.id, [path], nearby)
            if found is not None:
                return found
    told = tr("The video {name} is not in {folder}.").format(name=entries[0].name, folder=path.name)
    raise ProjectError(told, path=path)


def lying_beside(
    folder: Path, video_id: int, found: Video, context: JobContext
) -> dict[int, Video]:
    """Further videos of a project that are missing and lie where one was located.

    Args:
        folder: The project's folder.
        video_id: The one that was located.
        found: Its file or folder of frames.
        context: Progress and cancellation: files may have to be opened.

    Returns:
        Video id -> its file, as it was looked through; what cannot be read stays missing.

    Raises:
        IFCError: The project is gone.
        JobCancelled: The person cancelled it.
    """
    nearby, places = Nearby(context), {video_id: found}
    with view_project(folder, ReaderView.PRESENT) as reader:
        for entry in reader.videos():
            context.raise_if_cancelled()
            if entry.id in places or reader.find_video_file(entry.id, nearby=nearby) is not None:
                continue
            place = reader.find_video_file(entry.id, [found.path.parent], nearby)
            if place is None:
                continue
            with suppress(VideoError):
                (video,) = look_through([place], context)
                if video.fingerprint not in {known.fingerprint for known in places.values()}:
                    places[entry.id] = video
    del places[video_id]
    return places


def absent_videos(folder: Path, context: JobContext) -> tuple[frozenset[int], frozenset[int]]:
    """Which videos of a project are not found where they were nor near it; opens no video.

    Args:
        folder: The project's folder.
        context: Cancellation.

    Returns:
        Ids of those that are not found, and of those of which only opening a file would tell.

    Raises:
        IFCError: The project is gone.
        JobCancelled: It was not wanted any more.
    """
    nearby = Nearby(opens=False)
    absent: set[int] = set()
    unclear: set[int] = set()
    with view_project(folder, ReaderView.PRESENT) as reader:
        for entry in reader.videos():
            context.raise_if_cancelled()
            nearby.passed_over = False
            if reader.find_video_file(entry.id, nearby=nearby) is None:
                (unclear if nearby.passed_over else absent).add(entry.id)
    return frozenset(absent), frozenset(unclear)


def _counted(number: int) -> str:
    return tr("1 video") if number == 1 else tr("{number} videos").format(number=number)


def neighbour(rows: Sequence[VideoRow], video_id: int, by: int) -> int | None:
    """The video so many places after another; ``None`` beyond the ends."""
    ids = [row.video_id for row in rows]
    place = ids.index(video_id) + by if video_id in ids else -1
    return ids[place] if 0 <= place < len(ids) else None


def find_in(folder: Path, video_id: int, nearby: Nearby) -> Path | None:
    """Where a video of a project is, asked in a worker: a file may have to be opened for it.

    Args:
        folder: The project's folder.
        video_id: The video.
        nearby: What was looked at for other videos.

    Raises:
        IFCError: The project or the video is gone.
        JobCancelled: It was not wanted any more.
    """
    with view_project(folder, ReaderView.PRESENT) as reader:
        return reader.find_video_file(video_id, nearby=nearby)


def first_picture(entry: VideoEntry, place: Path | None) -> npt.NDArray[np.uint8] | None:
    """The first frame of a video, small; kept in the cache folder, so that it is read once.

    Args:
        entry: The video.
        place: Its file, ``None`` where it is not to be found.

    Returns:
        (h, :data:`PICTURE_WIDTH_PX`, 3) uint8 RGB; ``None`` where it cannot be read.
    """
    known_by = f"{PIXELS_VERSION} {entry.fingerprint}"
    name = hashlib.sha256(known_by.encode()).hexdigest()[:20]
    file = cache_dir() / _FOLDER / f"{name}.png"
    kept = cv2.imread(str(file)) if file.exists() else None
    if kept is not None and entry.fingerprint:
        return np.ascontiguousarray(kept[..., ::-1])
    if place is None:
        return None
    try:
        with open_video(place, provisional=True) as reader:
            frame = nearest_readable(reader)[1]
    except IFCError:
        return None  # opening the video will say why
    height = max(1, round(frame.shape[0] * PICTURE_WIDTH_PX / frame.shape[1]))
    small = cv2.resize(frame, (PICTURE_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    picture = np.asarray(small, np.uint8)
    if entry.fingerprint:
        _keep(picture, file)
    return picture


def _keep(picture: npt.NDArray[np.uint8], file: Path) -> None:
    coded, data = cv2.imencode(".png", picture[..., ::-1])
    if not coded:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(file) as temporary:
            temporary.write_bytes(data.tobytes())
    except (OSError, IFCError):
        return  # a full disk costs only time
