"""Project to files: what is exported, what is left out, and the report of it."""

from __future__ import annotations

import secrets
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from ifc_core.annotation.export_notes import (
    cut_note,
    hidden_note,
    left_out_notes,
    renamed_note,
    waiting_tracks,
)
from ifc_core.annotation.film_export import FILM_LABELS, FilmStyle, write_films
from ifc_core.annotation.frame_images import check_videos, write_frame_images
from ifc_core.annotation.frame_names import FrameNames, FrameNaming
from ifc_core.annotation.measurement_export import (
    export_measurements,
    export_track_measurements,
)
from ifc_core.annotation.project_frames import ProjectFrames
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.selection import (
    Criteria,
    ExportScope,
    VideoSelection,
    WaitingTrack,
    select_video,
)
from ifc_core.annotation.targets import check_target
from ifc_core.annotation.ytvis_export import header_of, iter_tracks, on_all_frames
from ifc_core.config import COLORS_BY
from ifc_core.errors import ConfigError, OutputError
from ifc_core.io.atomic import check_new_folder
from ifc_core.io.coco import write_coco_tracks
from ifc_core.io.ctc import write_ctc_frames
from ifc_core.io.davis import resolution_of, write_davis_frames
from ifc_core.io.mots import write_mots_frames
from ifc_core.io.problems import as_name
from ifc_core.io.ytvis import write_ytvis_results, write_ytvis_tracks
from ifc_core.io.ytvis_types import YtvisHeader, YtvisTrack
from ifc_core.jobs import JobContext
from ifc_core.structures import Category

__all__ = [
    "ExportFormat",
    "ExportOptions",
    "ExportReport",
    "ExportScope",
    "WaitingTrack",
    "export_project",
]


class ExportFormat(StrEnum):
    """The formats a project can be written to."""

    YTVIS = "ytvis"
    YTVIS_RESULTS = "ytvis-results"
    COCO = "coco"
    DAVIS = "davis"
    MOTS = "mots"
    CTC = "ctc"
    CSV = "csv"
    CSV_TRACKS = "csv-tracks"
    OVERLAY = "overlay"


TABLE_FORMATS = (ExportFormat.CSV, ExportFormat.CSV_TRACKS)
"""Tables of measurements, which nothing imports."""

_WITHOUT_FRAME_NAMES = (*TABLE_FORMATS, ExportFormat.OVERLAY, ExportFormat.YTVIS_RESULTS)

# They hold masks and claim nothing of objects without one, so each mask is chosen by itself.
_BY_MASK = (*TABLE_FORMATS, ExportFormat.OVERLAY)

# What an import takes for no truth of whole frames, whatever is in it.
_NEVER_COMPLETE = (ExportFormat.YTVIS_RESULTS, ExportFormat.DAVIS, ExportFormat.CTC)

FOLDER_FORMATS = (ExportFormat.DAVIS, ExportFormat.MOTS, ExportFormat.CTC)
"""Those that are a folder of pictures."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export.

    Attributes:
        scope: Which frames.
        video_ids: Only these videos, or ``None`` for all.
        category_ids: Only these classes, or ``None`` for all.
        frame_step: Every n-th frame.
        write_frames: Also write the frames as ``JPEGImages/<video>/00000.jpg`` beside the file
            (in the folder for davis, mots and ctc); see :class:`frame_names.FrameNames`.
        include_studio_key: Add the ``ifc_studio`` key (states, sources, z-order).
        frame_scope: Only these frames.
        approved_tracks_only: Only tracks that were approved as a whole.
        color_by: Whose colours the masks of a film have: ``track``, ``class`` or ``lineage``.
        labels: What stands beside the masks of a film, one of ``film_export.FILM_LABELS``.
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


_DEFAULTS = ExportOptions()


def export_project(
    reader: ProjectReader,
    path: Path | str,
    format: ExportFormat = ExportFormat.YTVIS,  # noqa: A002 - the word of the command line
    options: ExportOptions = _DEFAULTS,
    context: JobContext | None = None,
) -> ExportReport:
    """Export a project; give a :class:`ProjectReader` of its own when called in a worker.

    Args:
        reader: Where to read.
        path: Target file (ytvis, ytvis-results, coco, csv, csv-tracks) or folder (davis, mots,
            ctc); for overlay a film where one video is exported, else a folder of films.
        format: The format.
        options: What to export.
        context: Progress and cancellation; a cancelled export leaves no file.

    Returns:
        What was written and what was left out.

    Raises:
        OutputError: The target cannot be written, or a video of the project is there.
        VideoError: Frames are wanted and a video is not to be found.
    """
    target, context = Path(path), context or JobContext()
    selections, report = _select(reader, target, format, options)
    exported = [s for s in selections if s.frames]
    _check_targets(reader, exported, target, format, options.write_frames)
    categories = _categories(reader, options)
    names = FrameNames(reader, _naming(format, options.write_frames))
    header = header_of(reader, exported, categories, options.include_studio_key, names)
    content = _Content(reader, header, exported, options.include_studio_key, context)
    if options.write_frames or format is ExportFormat.OVERLAY:
        check_videos(reader, exported)
    is_named = format not in _WITHOUT_FRAME_NAMES
    name_notes = names.notes() if is_named else ()
    picture_notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    in_folder = format in FOLDER_FORMATS
    num_tracks = sum(len(s.tracks) for s in exported)
    if options.write_frames and not in_folder:
        picture_notes = _write_frames(reader, exported, header, target, format, context)
    if format is ExportFormat.OVERLAY:
        scope, step = options.frame_scope, options.frame_step
        style = FilmStyle(options.color_by, options.labels)
        num_masks = write_films(reader, exported, target, scope, step, context, style)
        hidden = 0
    elif format is ExportFormat.CSV:
        num_masks, notes = export_measurements(reader, exported, categories, target, context)
        picture_notes, hidden = (*picture_notes, *notes), 0
    elif format is ExportFormat.CSV_TRACKS:
        num_tracks, num_masks, notes = export_track_measurements(
            reader, exported, categories, target, context
        )
        picture_notes, hidden = (*picture_notes, *notes), 0
    elif options.write_frames and in_folder:
        with _frames_aside(reader, exported, header, target, format, context) as picture_notes:
            num_masks, hidden, lost = _write(target, format, content)
    else:
        num_masks, hidden, lost = _write(target, format, content)
    return replace(
        report,
        videos=len(exported),
        tracks=num_tracks,
        frames=sum(len(s.frames) for s in exported),
        masks=num_masks,
        hidden_pixels=hidden,
        notes=(*report.notes, *name_notes, *picture_notes, *lost, *hidden_note(hidden)),
    )


def _tells_incomplete(form: ExportFormat, options: ExportOptions) -> bool:
    """Whether whoever imports the export knows that a frame lacks some of its objects."""
    has_flags = form is ExportFormat.YTVIS and options.include_studio_key
    return has_flags or form in _NEVER_COMPLETE


def _naming(form: ExportFormat, with_frames: bool) -> FrameNaming:
    """What a format calls its frames."""
    if form in (ExportFormat.MOTS, ExportFormat.CTC):
        return FrameNaming.NUMBERS
    return FrameNaming.JPEG if with_frames else FrameNaming.PICTURES


def _categories(reader: ProjectReader, options: ExportOptions) -> list[Category]:
    wanted = options.category_ids
    kept = [
        replace(c, name=as_name(c.name), supercategory=as_name(c.supercategory))
        for c in reader.categories()
        if wanted is None or c.id in wanted
    ]
    if options.include_studio_key:
        return kept
    return [replace(category, hotkey="") for category in kept]  # the only one with a key


def _select(
    reader: ProjectReader, target: Path, form: ExportFormat, options: ExportOptions
) -> tuple[list[VideoSelection], ExportReport]:
    wanted = [v for v in reader.videos() if options.video_ids is None or v.id in options.video_ids]
    criteria = Criteria(
        scope=options.scope,
        category_ids=options.category_ids,
        frame_step=options.frame_step,
        frame_scope=options.frame_scope,
        approved_tracks_only=options.approved_tracks_only,
        # A crowd is no result, no cell, and nothing to be measured as one.
        objects_only=form in (ExportFormat.YTVIS_RESULTS, ExportFormat.CTC, *TABLE_FORMATS),
        by_mask=form in _BY_MASK,
    )
    taken: set[str] = set()
    selections = [select_video(reader, video, criteria, taken) for video in wanted]
    names = [t.name for s in selections for t in s.tracks]
    names += [name for c in reader.categories() for name in (c.name, c.supercategory)]
    renamed = sum(name != as_name(name) for name in names)
    selections = [
        replace(s, tracks=tuple(replace(t, name=as_name(t.name)) for t in s.tracks))
        for s in selections
    ]
    report = ExportReport(
        target,
        frames_left_out=sum(s.frames_left_out for s in selections),
        tracks_left_out=sum(s.tracks_left_out for s in selections),
        notes=renamed_note(renamed)
        + left_out_notes(
            selections,
            options.scope,
            objects_only=criteria.objects_only,
            tells_incomplete=_tells_incomplete(form, options),
            approved_tracks_only=options.approved_tracks_only,
        ),
        masks_left_out=sum(s.masks_left_out for s in selections),
        frames_waiting=sum(s.frames_waiting for s in selections),
        waiting_for=waiting_tracks(selections),
        approved_tracks_only=options.approved_tracks_only,
    )
    return selections, report


class _Content:
    """What is exported: tracks as they are asked for, counted and cancellable, or frames."""

    def __init__(
        self,
        reader: ProjectReader,
        header: YtvisHeader,
        selections: Sequence[VideoSelection],
        with_details: bool,
        context: JobContext,
    ) -> None:
        self.header = header
        self.frames = ProjectFrames(reader, header, selections, context)
        self._reader = reader
        self._selections = selections
        self._with_details = with_details
        self._context = context
        self.num_masks = 0

    def tracks(self, *, all_frames: bool = False) -> Iterator[YtvisTrack]:
        total = sum(len(s.tracks) for s in self._selections)
        number = 0
        for selection in self._selections:
            for track in iter_tracks(self._reader, selection, self._with_details):
                number += 1
                self.num_masks += sum(mask is not None for mask in track.segmentations)
                self._context.advance(number, total, "Writing tracks", "tracks")
                yield on_all_frames(track, selection) if all_frames else track


def _write(target: Path, form: ExportFormat, content: _Content) -> tuple[int, int, tuple[str, ...]]:
    """Write one format; returns masks, pixels that had to be hidden, and what else was lost."""
    if form is ExportFormat.DAVIS:
        hidden = write_davis_frames(content.frames, target)
        return content.frames.num_masks, hidden, ()
    if form is ExportFormat.MOTS:
        hidden = write_mots_frames(content.frames, target)
        return content.frames.num_masks, hidden, ()
    if form is ExportFormat.CTC:
        losses = write_ctc_frames(content.frames, target)
        return content.frames.num_masks, losses.hidden_pixels, cut_note(losses.cut_mothers)
    if form is ExportFormat.YTVIS:
        write_ytvis_tracks(content.header, content.tracks(), target)
    elif form is ExportFormat.YTVIS_RESULTS:
        write_ytvis_results(content.tracks(all_frames=True), target)
    else:
        write_coco_tracks(content.header, content.tracks(), target)
    return content.num_masks, 0, ()


def _write_frames(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    header: YtvisHeader,
    target: Path,
    form: ExportFormat,
    context: JobContext,
) -> tuple[str, ...]:
    """Write the frames where programs that read the format look for them; gives sentences."""
    by_folder: dict[Path, list[VideoSelection]] = defaultdict(list)
    for selection in selections:
        by_folder[_frame_folder(selection, target, form)].append(selection)
    names = {video.id: video.file_names for video in header.videos}
    notes: tuple[str, ...] = ()
    for folder, group in by_folder.items():
        notes += write_frame_images(reader, group, names, folder, context)
    return notes


@contextmanager
def _frames_aside(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    header: YtvisHeader,
    target: Path,
    form: ExportFormat,
    context: JobContext,
) -> Iterator[tuple[str, ...]]:
    """Write the frames beside a folder that the block makes, and move them into it at the end.

    So a failure or a cancelled export leaves no folder of masks alone.
    """
    check_new_folder(target)
    aside = target.with_name(f".{target.name[:20]}-{secrets.token_hex(4)}")
    try:
        yield _write_frames(reader, selections, header, aside, form, context)
        try:
            for made in aside.iterdir() if aside.exists() else ():
                made.rename(target / made.name)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"Cannot write {target}: {reason}.", path=target) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _frame_folder(selection: VideoSelection, target: Path, form: ExportFormat) -> Path:
    """The folder that gets a folder of a video's frames."""
    if form is ExportFormat.DAVIS:
        return target / "JPEGImages" / resolution_of(selection.video.height)
    if form is ExportFormat.MOTS:
        return target / "images"
    if form is ExportFormat.CTC:
        return target
    return target.parent / "JPEGImages"


def _check_targets(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    target: Path,
    form: ExportFormat,
    with_frames: bool,
) -> None:
    """Refuse to write over the videos that are exported, before anything is written."""
    check_target(reader, target)
    if with_frames:
        for selection in selections:
            check_target(reader, _frame_folder(selection, target, form) / selection.folder)
