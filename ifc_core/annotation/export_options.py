"""What can be exported: formats, choices, and the report of what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from ifc_core.annotation.film_export import FILM_LABELS
from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.selection import ExportScope, WaitingTrack
from ifc_core.annotation.splitting import Split
from ifc_core.config import COLORS_BY
from ifc_core.errors import ConfigError


class ExportFormat(StrEnum):
    """The formats a project can be written to."""

    YTVIS = "ytvis"
    YTVIS_RESULTS = "ytvis-results"
    COCO = "coco"
    DAVIS = "davis"
    MOTS = "mots"
    CTC = "ctc"
    CVAT = "cvat"
    LABELME = "labelme"
    YOLO = "yolo"
    CSV = "csv"
    CSV_TRACKS = "csv-tracks"
    OVERLAY = "overlay"


TABLE_FORMATS = (ExportFormat.CSV, ExportFormat.CSV_TRACKS)
"""Tables of measurements, which nothing imports."""

FOLDER_FORMATS = (
    ExportFormat.DAVIS,
    ExportFormat.MOTS,
    ExportFormat.CTC,
    ExportFormat.LABELME,
    ExportFormat.YOLO,
)
"""Those that are a folder with a file for each frame."""
SPLIT_FORMATS = (ExportFormat.YTVIS, ExportFormat.COCO, *FOLDER_FORMATS)
"""Those that hold what is trained on and can be parted into training and validation."""
UNNAMED_FORMATS = (*TABLE_FORMATS, ExportFormat.YTVIS_RESULTS, ExportFormat.OVERLAY)
"""Those that name no pictures of frames, so that none are written beside them."""

FILE_SUFFIXES: Mapping[ExportFormat, str] = MappingProxyType(
    {
        ExportFormat.YTVIS: ".json",
        ExportFormat.YTVIS_RESULTS: ".json",
        ExportFormat.COCO: ".json",
        ExportFormat.CVAT: ".xml",
        ExportFormat.CSV: ".csv",
        ExportFormat.CSV_TRACKS: ".csv",
        ExportFormat.OVERLAY: ".mp4",
    }
)
"""What the file of a format ends in; those that are not here are folders."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export.

    Attributes:
        scope: Which frames.
        video_ids: Only these videos, or ``None`` for all.
        category_ids: Only these classes, or ``None`` for all.
        frame_step: Every n-th frame.
        write_frames: Also write the frames as ``JPEGImages/<video>/00000.jpg`` beside the file
            (in the folder for davis, mots, ctc, labelme and yolo); see
            :class:`frame_names.FrameNames`.
        include_studio_key: Add the ``ifc_studio`` key (states, sources, z-order).
        frame_scope: Only these frames.
        approved_tracks_only: Only tracks that were approved as a whole.
        color_by: Whose colours the masks of a film have: ``track``, ``class`` or ``lineage``.
        labels: What stands beside the masks of a film, one of ``film_export.FILM_LABELS``.
        split: How videos are parted into training and validation; ``None`` writes all together.
    """

    scope: ExportScope = ExportScope.REVIEWED
    video_ids: tuple[int, ...] | None = None
    category_ids: tuple[int, ...] | None = None
    frame_step: int = 1
    write_frames: bool = False
    include_studio_key: bool = True
    frame_scope: Scope = WHOLE
    approved_tracks_only: bool = False
    color_by: str = "track"
    labels: str = "name"
    split: Split | None = None

    def __post_init__(self) -> None:
        """Check the step, the colours and the labels."""
        if self.labels not in FILM_LABELS:
            raise ConfigError(
                f"Beside masks stands one of {', '.join(FILM_LABELS)}.",
                name="labels",
                value=self.labels,
            )
        if self.color_by not in COLORS_BY:
            raise ConfigError(
                f"Masks have the colours of one of {', '.join(COLORS_BY)}.",
                name="color_by",
                value=self.color_by,
            )
        if self.frame_step < 1:
            raise ConfigError(
                "The frame step is 1 or more.", name="frame_step", value=self.frame_step
            )


@dataclass(frozen=True, slots=True)
class ExportPart:
    """One part of an export that was split.

    Attributes:
        name: Of its file or folder.
        videos: Names of its videos.
        tracks: Tracks written.
        frames: Frames written.
        masks: Masks written.
    """

    name: str
    videos: tuple[str, ...]
    tracks: int
    frames: int
    masks: int


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote and what it left out.

    Attributes:
        path: The file or folder written.
        videos: Videos written.
        tracks: Tracks written.
        frames: Frames written.
        masks: Masks written.
        frames_left_out: Annotated frames that are not in the export.
        tracks_left_out: Tracks that are not in the export.
        hidden_pixels: Pixels lost where the format allows no overlap.
        notes: Sentences for the person.
        masks_left_out: Masks of the tracks that are not reviewed, in tables and films; other
            formats leave out whole frames.
        frames_waiting: Of the frames left out those that are reviewed for some of the tracks.
        waiting_for: The tracks that are not reviewed there, the one with the most frames first.
        approved_tracks_only: Whether only tracks approved as a whole were asked for.
        parts: Of an export that was split what each part holds.
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
    masks_left_out: int = 0
    frames_waiting: int = 0
    waiting_for: tuple[WaitingTrack, ...] = ()
    approved_tracks_only: bool = False
    parts: tuple[ExportPart, ...] = ()
