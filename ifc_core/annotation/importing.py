"""Files to a project: each import is one edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ifc_core.annotation.exporting import ExportFormat
from ifc_core.annotation.store import Project
from ifc_core.jobs import JobContext


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought in.

    Attributes:
        videos: Videos added.
        tracks: Tracks added.
        masks: Masks added.
        categories: Categories added.
        missing_videos: Names of videos in the file whose frames were not found.
        notes: Sentences for the person.
    """

    videos: int = 0
    tracks: int = 0
    masks: int = 0
    categories: int = 0
    missing_videos: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def import_annotations(
    project: Project,
    path: Path | str,
    format: ExportFormat | None = None,  # noqa: A002 - the word of the command line
    *,
    video_root: Path | str | None = None,
    video_map: Mapping[str, int] | None = None,
    context: JobContext | None = None,
) -> ImportReport:
    """Import annotations as one edit that can be undone.

    Args:
        project: Where they go.
        path: File or folder.
        format: The format, or ``None`` to find out.
        video_root: Folder that holds the videos' frames (``JPEGImages``); by default the
            folder of the file.
        video_map: Video name in the file -> video of the project; without it videos are
            matched by name, size and number of frames, or added.
        context: Progress and cancellation; a cancelled import leaves nothing.

    Raises:
        FormatError: The file breaks its format; nothing was imported.
    """
    raise NotImplementedError
