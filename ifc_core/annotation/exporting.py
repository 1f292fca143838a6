"""Project to files: what is exported, what is left out, and the report of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ifc_core.annotation.export_notes import (
    cut_note,
    hidden_note,
    left_out_notes,
    renamed_note,
    waiting_tracks,
    yolo_notes,
)
from ifc_core.annotation.export_options import (
    FILE_SUFFIXES,
    FOLDER_FORMATS,
    SPLIT_FORMATS,
    TABLE_FORMATS,
    ExportFormat,
    ExportOptions,
    ExportPart,
    ExportReport,
)
from ifc_core.annotation.export_writing import ExportWriter, frame_folder
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import (
    Criteria,
    ExportScope,
    VideoSelection,
    WaitingTrack,
    select_video,
)
from ifc_core.annotation.splitting import Split, part_videos
from ifc_core.annotation.targets import check_target
from ifc_core.errors import ConfigError, InputError
from ifc_core.io.atomic import check_new_folder
from ifc_core.io.problems import as_name
from ifc_core.jobs import JobContext

__all__ = [
    "FOLDER_FORMATS",
    "SPLIT_FORMATS",
    "TABLE_FORMATS",
    "ExportFormat",
    "ExportOptions",
    "ExportPart",
    "ExportReport",
    "ExportScope",
    "Split",
    "WaitingTrack",
    "export_project",
]

# They hold masks and claim nothing of objects without one, so each mask is chosen by itself.
_BY_MASK = (*TABLE_FORMATS, ExportFormat.OVERLAY)

# What an import takes for no truth of whole frames, whatever is in it.
_NEVER_COMPLETE = (ExportFormat.YTVIS_RESULTS, ExportFormat.DAVIS, ExportFormat.CTC)

# A crowd is no result, no cell, no shape of an object, and nothing to be measured as one.
_OBJECTS_ONLY = (
    ExportFormat.YTVIS_RESULTS,
    ExportFormat.CTC,
    ExportFormat.CVAT,
    ExportFormat.LABELME,
    ExportFormat.YOLO,
    *TABLE_FORMATS,
)

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
        path: Target file (ytvis, ytvis-results, coco, cvat, csv, csv-tracks) or folder (davis,
            mots, ctc, labelme, yolo); for overlay a film where one video is exported, else a folder
            of films; a folder where the export is split.
        format: The format.
        options: What to export.
        context: Progress and cancellation; a cancelled export leaves no file.

    Returns:
        What was written and what was left out.

    Raises:
        InputError: It is to be split, and one part would be empty or the target is no folder.
        ConfigError: It is to be split, and the format cannot be.
        OutputError: The target cannot be written, or a video of the project is there.
        VideoError: Frames are wanted and a video is not to be found.
    """
    target, context = Path(path), context or JobContext()
    if options.split is not None and format not in SPLIT_FORMATS:
        raise ConfigError(
            f"{format} is not parted into training and validation; {', '.join(SPLIT_FORMATS)} are.",
            name="format",
            value=str(format),
        )
    selections, report = _select(reader, target, format, options)
    exported = [s for s in selections if s.frames]
    writer = ExportWriter(reader, format, options, context)
    told: tuple[ExportPart, ...] = ()
    if options.split is None:
        _check_targets(reader, exported, target, format, options.write_frames)
        writer.check_videos(exported)
        written = writer.write(exported, target)
        split_notes: tuple[str, ...] = ()
    else:
        if target.suffix.lower() in FILE_SUFFIXES.values():
            raise InputError(
                f"Training and validation go to a folder, and {target.name} is the name of a file."
            )
        videos = [s.video for s in exported]
        others = [video for video in reader.videos() if video not in videos]
        parts = part_videos(videos, options.split, others)
        check_target(reader, target)
        check_new_folder(target)
        writer.check_videos(exported)
        written, told = writer.write_parts(exported, parts, target)
        split_notes = parts.notes()
    lost = (*cut_note(written.cut_mothers), *hidden_note(written.hidden_pixels))
    if format is ExportFormat.YOLO:
        is_split = options.split is not None
        lost = (*lost, *yolo_notes(has_pictures=options.write_frames, is_split=is_split))
    return replace(
        report,
        videos=len(exported),
        tracks=written.tracks,
        frames=written.frames,
        masks=written.masks,
        hidden_pixels=written.hidden_pixels,
        notes=(*report.notes, *split_notes, *writer.name_notes(), *written.notes, *lost),
        parts=told,
    )


def _tells_incomplete(form: ExportFormat, options: ExportOptions) -> bool:
    """Whether whoever imports the export knows that a frame lacks some of its objects."""
    has_flags = form is ExportFormat.YTVIS and options.include_studio_key
    return has_flags or form in _NEVER_COMPLETE


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
        objects_only=form in _OBJECTS_ONLY,
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
            is_learnt_from=form is ExportFormat.YOLO,
            approved_tracks_only=options.approved_tracks_only,
        ),
        masks_left_out=sum(s.masks_left_out for s in selections),
        frames_waiting=sum(s.frames_waiting for s in selections),
        waiting_for=waiting_tracks(selections),
        approved_tracks_only=options.approved_tracks_only,
    )
    return selections, report


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
            check_target(reader, frame_folder(selection, target, form) / selection.folder)
