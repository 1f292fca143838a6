"""Writing what an export chose: one file or folder, or one for each part of a split."""

from __future__ import annotations

import secrets
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ifc_core.annotation.export_options import (
    FOLDER_FORMATS,
    TABLE_FORMATS,
    UNNAMED_FORMATS,
    ExportFormat,
    ExportOptions,
    ExportPart,
)
from ifc_core.annotation.film_export import FilmStyle, write_films
from ifc_core.annotation.frame_images import check_videos, frame_images
from ifc_core.annotation.frame_names import FrameNames, FrameNaming
from ifc_core.annotation.measurement_export import (
    export_measurements,
    export_track_measurements,
)
from ifc_core.annotation.project_frames import ProjectFrames
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.selection import VideoSelection
from ifc_core.annotation.splitting import TRAIN, VALID, Parts
from ifc_core.annotation.ytvis_export import header_of, iter_tracks, on_all_frames
from ifc_core.errors import OutputError
from ifc_core.io.atomic import atomic_folder, check_new_folder, check_parent, told_of
from ifc_core.io.coco import write_coco_tracks
from ifc_core.io.ctc import write_ctc_frames
from ifc_core.io.cvat_writing import write_cvat_frames
from ifc_core.io.davis import resolution_of, write_davis_frames
from ifc_core.io.labelme_writing import write_labelme_frames
from ifc_core.io.mots import write_mots_frames
from ifc_core.io.problems import as_name
from ifc_core.io.yolo_writing import IMAGES, write_yolo_dataset, write_yolo_frames
from ifc_core.io.ytvis import write_ytvis_results, write_ytvis_tracks
from ifc_core.io.ytvis_types import YtvisHeader, YtvisTrack
from ifc_core.jobs import JobContext
from ifc_core.structures import Category


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of some videos.

    Attributes:
        masks: Masks.
        tracks: Tracks.
        frames: Frames.
        hidden_pixels: Pixels lost where the format allows no overlap.
        cut_mothers: Mothers with buds that the format cut into several labels.
        notes: Sentences on what could not be read.
    """

    masks: int = 0
    tracks: int = 0
    frames: int = 0
    hidden_pixels: int = 0
    cut_mothers: int = 0
    notes: tuple[str, ...] = ()

    def __add__(self, other: Written) -> Written:
        """Both together."""
        return Written(
            self.masks + other.masks,
            self.tracks + other.tracks,
            self.frames + other.frames,
            self.hidden_pixels + other.hidden_pixels,
            self.cut_mothers + other.cut_mothers,
            self.notes + other.notes,
        )


class ExportWriter:
    """Writes the chosen frames of a project in one format.

    Args:
        reader: The project.
        form: The format.
        options: What was asked for.
        context: Progress and cancellation.
    """

    def __init__(
        self,
        reader: ProjectReader,
        form: ExportFormat,
        options: ExportOptions,
        context: JobContext,
    ) -> None:
        self._reader = reader
        self._form = form
        self._options = options
        self._context = context
        self._categories = _categories(reader, options)
        self._names = FrameNames(reader, _naming(form, options.write_frames))

    def name_notes(self) -> tuple[str, ...]:
        """What is to be said of the names of frames, once all is written."""
        return () if self._form in UNNAMED_FORMATS else self._names.notes()

    def check_videos(self, selections: Sequence[VideoSelection]) -> None:
        """Make sure that the videos are there where their frames are needed.

        Raises:
            VideoError: A video is not to be found.
        """
        if self._options.write_frames or self._form is ExportFormat.OVERLAY:
            check_videos(self._reader, selections)

    def write(
        self, selections: Sequence[VideoSelection], target: Path, before: Written | None = None
    ) -> Written:
        """Write one file or folder.

        Args:
            selections: What of which videos.
            target: The file or folder.
            before: What another file holds, whose numbers this one must not have again.

        Raises:
            OutputError: The target cannot be written.
        """
        with_details = self._options.include_studio_key
        header = header_of(self._reader, selections, self._categories, with_details, self._names)
        content = _Content(self._reader, header, selections, with_details, self._context)
        tracks = sum(len(s.tracks) for s in selections)
        written = Written(tracks=tracks, frames=sum(len(s.frames) for s in selections))
        if self._form is ExportFormat.OVERLAY:
            return replace(written, masks=self._write_films(selections, target))
        if self._form in TABLE_FORMATS:
            return self._write_table(selections, target, written)
        if not self._options.write_frames:
            return written + _write(target, self._form, content, before)
        check_parent(target)
        source = (self._reader, selections, header)
        if self._form in FOLDER_FORMATS:
            with _frames_aside(*source, target, self._form, self._context) as notes:
                written += _write(target, self._form, content, before)
            return replace(written, notes=notes)
        with _frames(*source, target, self._form, self._context) as notes:
            written += _write(target, self._form, content, before)
        return replace(written, notes=notes)

    def write_parts(
        self, selections: Sequence[VideoSelection], parts: Parts, folder: Path
    ) -> tuple[Written, tuple[ExportPart, ...]]:
        """Write the parts of a split into a folder, which appears when both are whole.

        Classes have the same ids in both, and no number of a video, a picture or an annotation is
        in both.

        Args:
            selections: What of which videos.
            parts: Which of them are in which part.
            folder: It must not exist, or be empty.

        Returns:
            What was written of both together, and of each.

        Raises:
            OutputError: The folder holds something, or cannot be written.
        """
        suffix = "" if self._form in FOLDER_FORMATS else ".json"
        total, told = Written(), []
        with atomic_folder(folder) as temporary:
            for name, ids in ((TRAIN, parts.train), (VALID, parts.valid)):
                chosen = [s for s in selections if s.video.id in ids]
                written = self.write(chosen, temporary / f"{name}{suffix}", total)
                total += written
                videos = tuple(s.video.name for s in chosen)
                counts = (written.tracks, written.frames, written.masks)
                told.append(ExportPart(f"{name}{suffix}", videos, *counts))
            if self._form is ExportFormat.YOLO:
                folders = (f"{TRAIN}/{IMAGES}", f"{VALID}/{IMAGES}")
                write_yolo_dataset(temporary, self._categories, *folders)
        return total, tuple(told)

    def _write_films(self, selections: Sequence[VideoSelection], target: Path) -> int:
        options = self._options
        scope, step = options.frame_scope, options.frame_step
        style = FilmStyle(options.color_by, options.labels)
        return write_films(self._reader, selections, target, scope, step, self._context, style)

    def _write_table(
        self, selections: Sequence[VideoSelection], target: Path, written: Written
    ) -> Written:
        source = (self._reader, selections, self._categories, target, self._context)
        if self._form is ExportFormat.CSV:
            masks, notes = export_measurements(*source)
            return replace(written, masks=masks, notes=notes)
        tracks, masks, notes = export_track_measurements(*source)
        return replace(written, tracks=tracks, masks=masks, notes=notes)


def _naming(form: ExportFormat, with_frames: bool) -> FrameNaming:
    """What a format calls its frames."""
    if form in (ExportFormat.MOTS, ExportFormat.CTC):
        return FrameNaming.NUMBERS
    if with_frames:
        return FrameNaming.JPEG
    return FrameNaming.CVAT if form is ExportFormat.CVAT else FrameNaming.PICTURES


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

    @property
    def frame_indices(self) -> dict[int, tuple[int, ...]]:
        """Video id -> the frames of the video that are exported."""
        return {s.video.id: tuple(s.frames) for s in self._selections}

    def tracks(self, *, all_frames: bool = False) -> Iterator[YtvisTrack]:
        total = sum(len(s.tracks) for s in self._selections)
        number = 0
        for selection in self._selections:
            for track in iter_tracks(self._reader, selection, self._with_details):
                number += 1
                self.num_masks += sum(mask is not None for mask in track.segmentations)
                self._context.advance(number, total, "Writing tracks", "tracks")
                yield on_all_frames(track, selection) if all_frames else track


def _write(target: Path, form: ExportFormat, content: _Content, before: Written | None) -> Written:
    """Write annotations in one format; ``before`` is there for the parts of a split alone."""
    if form is ExportFormat.DAVIS:
        hidden = write_davis_frames(content.frames, target)
        return Written(content.frames.num_masks, hidden_pixels=hidden)
    if form is ExportFormat.MOTS:
        hidden = write_mots_frames(content.frames, target)
        return Written(content.frames.num_masks, hidden_pixels=hidden)
    if form is ExportFormat.CTC:
        losses = write_ctc_frames(content.frames, target)
        lost = (losses.hidden_pixels, losses.cut_mothers)
        return Written(content.frames.num_masks, 0, 0, *lost)
    if form is ExportFormat.LABELME:
        write_labelme_frames(content.frames, target)
        return Written(content.frames.num_masks)
    if form is ExportFormat.YOLO:
        write_yolo_frames(content.frames, target, with_dataset=before is None)
        return Written(content.frames.num_masks)
    if form is ExportFormat.CVAT:
        write_cvat_frames(content.frames, content.frame_indices, target)
        return Written(content.frames.num_masks, notes=_task_note(content.header))
    if form is ExportFormat.YTVIS:
        write_ytvis_tracks(content.header, content.tracks(), target)
    elif form is ExportFormat.YTVIS_RESULTS:
        write_ytvis_results(content.tracks(all_frames=True), target)
    else:
        taken = (0, 0) if before is None else (before.frames, before.masks)
        write_coco_tracks(content.header, content.tracks(), target, *taken)
    return Written(content.num_masks)


def _task_note(header: YtvisHeader) -> tuple[str, ...]:
    """That CVAT takes in one task at a time, where there are several."""
    if len(header.videos) < 2:
        return ()
    return (
        f"CVAT takes in the annotations of one task at a time, and here are {len(header.videos)} "
        "videos: export each by itself to upload it.",
    )


@contextmanager
def _frames(
    reader: ProjectReader,
    selections: Sequence[VideoSelection],
    header: YtvisHeader,
    target: Path,
    form: ExportFormat,
    context: JobContext,
) -> Iterator[tuple[str, ...]]:
    """Write the frames, which are where programs look for them after the block; gives sentences."""
    by_folder: dict[Path, list[VideoSelection]] = defaultdict(list)
    for selection in selections:
        by_folder[frame_folder(selection, target, form)].append(selection)
    names = {video.id: video.file_names for video in header.videos}
    with ExitStack() as stack:
        notes: tuple[str, ...] = ()
        for folder, group in by_folder.items():
            notes += stack.enter_context(frame_images(reader, group, names, folder, context))
        yield notes


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
        try:
            with _frames(reader, selections, header, aside, form, context) as notes:
                pass
        except OutputError as error:
            raise told_of(target, aside, error) from error.__cause__
        yield notes
        try:
            _move_into(target, aside)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"Cannot write {target}: {reason}.", path=target) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _move_into(target: Path, made: Path) -> None:
    """Move what is in a folder into another one, which may have folders of the same names."""
    for entry in list(made.iterdir()) if made.exists() else ():
        if (target / entry.name).is_dir():
            _move_into(target / entry.name, entry)
        else:
            entry.rename(target / entry.name)


def frame_folder(selection: VideoSelection, target: Path, form: ExportFormat) -> Path:
    """The folder that gets a folder of a video's frames."""
    if form is ExportFormat.DAVIS:
        return target / "JPEGImages" / resolution_of(selection.video.height)
    if form in (ExportFormat.MOTS, ExportFormat.YOLO):
        return target / IMAGES
    if form in (ExportFormat.CTC, ExportFormat.LABELME):
        return target
    return target.parent / "JPEGImages"
