"""What is open: a project, one of its videos, and that video's frames."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import Project, VideoEntry, edits
from ifc_core.annotation.annotation_files import ANNOTATION_SUFFIXES
from ifc_core.annotation.annotation_folders import annotation_format
from ifc_core.annotation.importing import ImportReport, import_annotations
from ifc_core.annotation.locating import Nearby, same_video
from ifc_core.config import data_dir, from_home
from ifc_core.errors import InputError, ProjectError, VideoError, VideosMissingError
from ifc_core.io.video import VideoReader, open_video
from ifc_core.jobs import JobContext
from ifc_core.structures import Video
from napari_ifc.controllers.bulk import masks_text, tracks_text
from napari_ifc.controllers.last_places import LastPlaces
from napari_ifc.journal_text import report_note_text
from napari_ifc.language import tr

PROJECT_SUFFIX = ".ifcproj"
PROJECT_FILE = "project.sqlite"


@dataclass(slots=True)
class Session:
    """An open project with one video of it. Owns both; close it.

    Attributes:
        project: The project, writable unless ``project.read_only``.
        entry: The video that is shown.
        reader: Its frames; whoever reads in another thread must say so to nobody else.
        notices: Sentences for the person, such as why the project is read-only.
        source: What was asked for when it was opened; ``None`` for another video of a project
            that was open already.
        places: The edit that says where its videos are, as a person told before it was opened;
            made by :meth:`keep_places`. ``None`` for nothing to tell.
    """

    project: Project
    entry: VideoEntry
    reader: VideoReader
    notices: tuple[str, ...] = ()
    source: Path | None = None
    places: edits.SetVideo | edits.Batch | None = None

    def keep_places(self) -> None:
        """Make the edit that says where its videos are, if there is one.

        Raises:
            ProjectError: The project cannot be written; nothing was changed.
        """
        if self.places is not None:
            self.project.apply(self.places)
            self.entry, self.places = self.project.video(self.entry.id), None

    def close(self) -> None:
        """Close the video and the project."""
        self.reader.close()
        self.project.close()

    @property
    def num_frames(self) -> int:
        """Frames that can be shown."""
        return min(self.entry.num_frames, self.reader.video.num_frames)

    @property
    def fps(self) -> float:
        """Frames per second; 0 where nobody said it, as of pictures in a folder or a layer."""
        if self.reader.has_rate:
            return self.entry.fps
        given = self.project.video(self.entry.id).given_fps
        is_known = self.entry.fps != self.reader.video.fps  # a file of annotations said it
        return given or (self.entry.fps if is_known else 0.0)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """(num_frames,) seconds of each frame after the first one, by its file; else empty.

        Of a telephone's films, whose rate varies, they do not follow from :attr:`fps`.
        """
        return self.reader.pts_seconds[: self.num_frames if self.reader.has_rate else 0]


def is_project(path: Path) -> bool:
    """Whether ``path`` is a project folder or the file inside one."""
    if path.name == PROJECT_FILE:
        return True
    return path.is_dir() and (path.suffix == PROJECT_SUFFIX or (path / PROJECT_FILE).exists())


def open_session(
    path: Path, projects_folder: Path | None = None, context: JobContext | None = None
) -> Session:
    """Open a project, a video, a folder of frames, or a file or folder of annotations.

    A video gets a project of its own, or the one that was made for it before.

    Args:
        path: What to open.
        projects_folder: Where new projects are made; ``None`` for beside the video, or the
            user's data folder where that cannot be written.
        context: Progress and cancellation, for long files and big imports. The session may
            be handed to another thread afterwards.

    Raises:
        IFCError: It cannot be opened; nothing stays open and nothing was made.
    """
    path = from_home(path).absolute()
    if not path.exists():
        raise InputError(tr("There is no file or folder {path}.").format(path=path))
    if is_project(path):
        path = path.parent if path.name == PROJECT_FILE else path
        session = _open_project(path, context)
    elif path.suffix.lower() in ANNOTATION_SUFFIXES or annotation_format(path) is not None:
        session = _open_annotations(path, projects_folder, context)
    else:
        session = _open_for_video(path, projects_folder, context)
    session.source = path
    return session


def preview(path: Path, context: JobContext, show: Callable[[VideoReader], None]) -> None:
    """Show the first frames of a video file whose index takes long, and make it meanwhile.

    Opening the file afterwards is quick: what was found is remembered. Does nothing for what
    is no video file, or is quick anyway.

    Args:
        path: What is about to be opened.
        context: Progress and cancellation.
        show: Called with a reader of which ``num_indexed`` frames can be read; it is the
            callee's to close, once this function has ended.

    Raises:
        VideoError: The file cannot be read.
        JobCancelled: The person cancelled it.
    """
    if (
        not path.is_file()
        or path.name == PROJECT_FILE
        or path.suffix.lower() in ANNOTATION_SUFFIXES
    ):
        return
    reader = open_video(path, provisional=True)
    if not reader.is_provisional:
        reader.close()
        return
    show(reader)
    reader.finish_index(context)


def show_video(
    project: Project,
    video_id: int,
    notices: tuple[str, ...] = (),
    context: JobContext | None = None,
    place: Path | None = None,
) -> Session:
    """Open the frames of one video of an open project.

    Args:
        project: The project.
        video_id: The video.
        notices: Sentences for the person.
        context: Progress and cancellation.
        place: Where it was found; ``None`` to look for it here.

    Raises:
        VideoError: The file is not to be found or not to be read.
    """
    entry = project.video(video_id)
    place = place or project.locate_video(video_id)
    if place is None:
        raise VideoError(absent_text(entry.name), path=entry.path)
    reader = open_video(place, context)
    try:
        known, entry = entry, project.complete_video(video_id, reader.video, is_edit=False)
    except BaseException:
        reader.close()
        raise
    told = tuple(n for n in (*notices, _went_on(known, entry), reader.warning) if n)
    return Session(project, entry, reader, told)


def _went_on(known: VideoEntry, entry: VideoEntry) -> str:
    """That a video has more frames than when it was seen, since it was still being recorded."""
    if known.fingerprint in ("", entry.fingerprint):
        return ""
    return tr(
        "{name} went on being recorded: it has {count} frames, not {known}; look at the last ones "
        "before {known} again."
    ).format(name=entry.name, count=entry.num_frames, known=known.num_frames)


def absent_text(name: str) -> str:
    """What is said where a video is asked for whose file is not found."""
    return tr(
        "The video {name} is not where it was; put it beside the project, or say where it is "
        "(menu Videos, Locate this video)."
    ).format(name=name)


def _open_project(folder: Path, context: JobContext | None) -> Session:
    project = Project.open(folder)
    try:
        videos = project.videos()
        if not videos:
            raise ProjectError(
                tr("The project {name} holds no video yet; open a video instead.").format(
                    name=folder.name
                ),
                path=folder,
            )
        video_id = _first_found(project, context)
        if video_id is None:
            raise _missing(project, videos)
        return show_video(project, video_id, (project.notice,), context)
    except BaseException:
        project.close()
        raise


def _missing(project: Project, videos: Sequence[VideoEntry]) -> VideosMissingError:
    """That none of the videos is found, and why it cannot be said where they are."""
    text = tr("The frames of {name} are not where they were; put {video} beside it.")
    told = text.format(name=project.folder.name, video=videos[0].path.name)
    if project.read_only:
        told = f"{told} {project.notice}"
    return VideosMissingError(
        told,
        path=videos[0].path,
        folder=project.folder,
        names=tuple(entry.name for entry in videos),
        can_be_told=not project.read_only,
    )


def _first_found(project: Project, context: JobContext | None) -> int | None:
    """The video that was shown last, or else the first one, whose file is there."""
    nearby = Nearby(context)
    last = LastPlaces().of(project.folder).video
    videos = sorted(project.videos(), key=lambda entry: entry.fingerprint != last)
    ids = (entry.id for entry in videos)
    return next((i for i in ids if project.find_video_file(i, nearby=nearby)), None)


def _lonely_text(path: Path, videos: Sequence[VideoEntry]) -> str:
    """That annotations cannot be shown without the frames they are of."""
    if len(videos) == 1:
        text = tr(
            "{name} holds annotations of {video}, whose frames are not beside it; open that video "
            "and import them there."
        )
    else:
        text = tr(
            "{name} holds annotations of {count} videos, such as {video}, whose frames are not "
            "beside it; open one and import them there."
        )
    return text.format(name=path.name, video=videos[0].name, count=len(videos))


def _open_for_video(
    path: Path, projects_folder: Path | None, context: JobContext | None
) -> Session:
    reader = open_video(path, context)
    project: Project | None = None
    try:
        project, known = _project_for(reader.video, path, projects_folder)
        entry = project.complete_video(known.id, reader.video, is_edit=False)
        went_on = _went_on(known, entry)
        told = tuple(n for n in (project.notice, went_on, reader.warning) if n)
        return Session(project, entry, reader, told)
    except BaseException:
        reader.close()
        if project is not None:
            project.close()
        raise


def _open_annotations(
    path: Path, projects_folder: Path | None, context: JobContext | None
) -> Session:
    folder = _free_folder(_home_for(path, projects_folder), path.stem)
    project = Project.create(folder, name=path.stem)
    try:
        report = import_annotations(project, path, context=context)
        if not project.videos():
            raise InputError(
                tr("{name} names no video, so there is nothing to show.").format(name=path.name)
            )
        video_id = _first_found(project, context)
        if video_id is None:
            raise VideoError(_lonely_text(path, project.videos()), path=path)
        return show_video(project, video_id, import_sentences(report), context)
    except BaseException:
        project.close()
        remove_project(folder)
        raise


def import_sentences(report: ImportReport) -> tuple[str, ...]:
    """What to tell about an import, most important first."""
    told = [report_note_text(note) for note in report.notes]
    if not any((report.videos, report.tracks, report.masks, report.categories)):
        return (*told, tr("Nothing was imported."))
    told.append(
        tr("Imported {tracks} with {masks}.").format(
            tracks=tracks_text(report.tracks), masks=masks_text(report.masks)
        )
    )
    return tuple(told)


def _project_for(
    video: Video, path: Path, projects_folder: Path | None
) -> tuple[Project, VideoEntry]:
    stem = path.name if path.is_dir() else path.stem
    home = _home_for(path, projects_folder)
    for folder in (home / f"{stem}{PROJECT_SUFFIX}", _numbered(home, stem, video)):
        if not (folder / PROJECT_FILE).exists():
            return _new_project(folder, stem, video)
        project = Project.open(folder)
        entry = same_video(project.videos(), video)
        if entry is not None:
            if entry.fingerprint:
                project.locate_video(entry.id, (path.parent,))  # it may have been moved
            return project, entry
        project.close()
    return _new_project(_free_folder(home, stem), stem, video)


def _new_project(folder: Path, name: str, video: Video) -> tuple[Project, VideoEntry]:
    project = Project.create(folder, name=name)
    try:
        video_id = project.add_video(video, name=name)
        return project, project.video(video_id)
    except BaseException:
        project.close()
        remove_project(folder)
        raise


def _home_for(path: Path, projects_folder: Path | None) -> Path:
    if projects_folder is not None:
        return projects_folder
    if os.access(path.parent, os.W_OK) and "ifc_resources" not in path.parts:
        return path.parent
    return data_dir() / "projects"


def _numbered(home: Path, stem: str, video: Video) -> Path:
    tag = "".join(c for c in video.fingerprint if c.isalnum())[-8:]
    return home / f"{stem}-{tag}{PROJECT_SUFFIX}"


def _free_folder(home: Path, stem: str) -> Path:
    folder = home / f"{stem}{PROJECT_SUFFIX}"
    number = 2
    while folder.exists():
        folder = home / f"{stem}-{number}{PROJECT_SUFFIX}"
        number += 1
    return folder


def remove_project(folder: Path) -> None:
    """Remove a project that was made a moment ago and came to nothing."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            (Path(place) / name).unlink()
        Path(place).rmdir()
