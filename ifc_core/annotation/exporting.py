"""Project to files: what is exported, what is left out, and the report of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ifc_core.annotation.reading import ProjectReader
from ifc_core.jobs import JobContext


class ExportFormat(StrEnum):
    """The formats a project can be written to."""

    YTVIS = "ytvis"
    YTVIS_RESULTS = "ytvis-results"
    COCO = "coco"
    DAVIS = "davis"
    MOTS = "mots"


class ExportScope(StrEnum):
    """Which frames go into an export."""

    REVIEWED = "reviewed"  # frames reviewed for every exported track (the default)
    APPROVED = "approved"  # approved (exhaustive) frames and approved tracks only
    EVERYTHING = "everything"  # proposals too


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export.

    Attributes:
        scope: Which frames.
        video_ids: Only these videos, or ``None`` for all.
        category_ids: Only these classes, or ``None`` for all.
        frame_step: Every n-th frame.
        write_frames: Also write the frames as ``JPEGImages/<video>/00000.jpg``.
        include_studio_key: Add the ``ifc_studio`` key (states, sources, z-order).
    """

    scope: ExportScope = ExportScope.REVIEWED
    video_ids: tuple[int, ...] | None = None
    category_ids: tuple[int, ...] | None = None
    frame_step: int = 1
    write_frames: bool = False
    include_studio_key: bool = True


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote and what it left out.

    Attributes:
        path: The file or folder written.
        videos: Videos written.
        tracks: Tracks written.
        frames: Frames written.
        masks: Masks written.
        frames_left_out: Frames with annotations that are not in the export.
        tracks_left_out: Tracks that are not in the export.
        hidden_pixels: Pixels lost where the format allows no overlap.
        notes: Sentences for the person.
    """

    path: Path
    videos: int = 0
    tracks: int = 0
    frames: int = 0
    masks: int = 0
    frames_left_out: int = 0
    tracks_left_out: int = 0
    hidden_pixels: int = 0
    notes: tuple[str, ...] = ()


def export_project(
    reader: ProjectReader,
    path: Path | str,
    format: ExportFormat = ExportFormat.YTVIS,  # noqa: A002 - the word of the command line
    options: ExportOptions = ExportOptions(),
    context: JobContext | None = None,
) -> ExportReport:
    """Export a project; give a :class:`ProjectReader` of its own when called in a worker.

    Args:
        reader: Where to read.
        path: Target file (ytvis, ytvis-results, coco) or folder (davis, mots).
        format: The format.
        options: What to export.
        context: Progress and cancellation; a cancelled export leaves no file.

    Raises:
        OutputError: The target cannot be written.
    """
    raise NotImplementedError
