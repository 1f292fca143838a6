"""Opening a project none of whose videos is found, once a person has said where one is."""

from __future__ import annotations

from pathlib import Path

from ifc_core.annotation import Project, ProjectReader
from ifc_core.annotation.locating import same_video
from ifc_core.errors import ProjectError, VideosMissingError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobContext
from napari_ifc.controllers.session import Session
from napari_ifc.controllers.videos import locating, lying_beside, pointed_at
from napari_ifc.language import tr


def why_asked(missing: VideosMissingError) -> str:
    """The sentence with which one asks where a video is."""
    project, count = missing.folder.name, len(missing.names)
    if count == 1:
        return tr("The frames of {name} are not where they were.").format(name=project)
    text = tr(
        "None of the {count} videos of {project} is where it was; {name} or another of them will "
        "do."
    )
    return text.format(count=count, project=project, name=missing.names[0])


def open_at(folder: Path, place: Path, context: JobContext) -> Session:
    """Open a project at a video that a person pointed at.

    Nothing is stored yet: ``Session.keep_places`` does that once the session is shown.

    Args:
        folder: The project.
        place: The file or folder of frames of its first video, or of another one of it; or a
            folder of videos in which one of them is.
        context: Progress and cancellation.

    Raises:
        ProjectError: It is another video, or the project cannot be written any more; nothing
            stays open.
        VideoError: The file cannot be read.
        JobCancelled: The person cancelled it.
    """
    with ProjectReader.open(folder) as known:
        entries = known.videos()
    reader = open_video(pointed_at(folder, entries, place, context), context)
    project: Project | None = None
    try:
        project = Project.open(folder)
        if project.read_only:
            raise ProjectError(project.notice, path=folder)
        entries = project.videos()
        entry = same_video(entries, reader.video) or entries[0]
        locating(project, entry.id, reader.video)  # before others are looked for
        others = lying_beside(folder, entry.id, reader.video, context)
        places, told = locating(project, entry.id, reader.video, others)
        notices = tuple(text for text in (project.notice, told, reader.warning) if text)
        return Session(project, entry, reader, notices, folder, places)
    except BaseException:
        reader.close()
        if project is not None:
            project.close()
        raise
