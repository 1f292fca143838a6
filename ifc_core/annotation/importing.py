"""Files to a project: each import is one edit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ifc_core.annotation.annotation_files import detect_format, iter_open
from ifc_core.annotation.annotation_folders import frames_root
from ifc_core.annotation.covered_frames import covered_text
from ifc_core.annotation.covered_tracks import Covered, CoveredTracks, Overlaps
from ifc_core.annotation.edits.catalog import AddVideo
from ifc_core.annotation.edits.imported import ImportedTrack, ImportTracks
from ifc_core.annotation.exporting import FOLDER_FORMATS, ExportFormat
from ifc_core.annotation.file_videos import FileVideo, Likely, resolve_videos
from ifc_core.annotation.import_notes import (
    Belief,
    VideoMasks,
    by_id_note,
    covered_note,
    is_believed_complete,
    linked_note,
    masks_by_video,
    missing_videos,
    twice_note,
    unnamed_note,
    video_notes,
)
from ifc_core.annotation.imported_tracks import SpooledTracks
from ifc_core.annotation.known_tracks import KnownTracks
from ifc_core.annotation.pointer_tables import Table
from ifc_core.annotation.rows import PALETTE, normalised
from ifc_core.annotation.schema import SOURCE_CODE, STATE_CODE
from ifc_core.annotation.store import Project
from ifc_core.errors import FormatError
from ifc_core.io.pending_tracks import PendingTracks
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader, YtvisTrack, YtvisVideo
from ifc_core.jobs import JobContext, Progress
from ifc_core.structures import Category, FrameState, MaskSource, RLEMask, TrackKind, TrackState
from ifc_core.structures.palette import unlike_color

_CHUNK_MASKS = 2000
_OF_PEOPLE = (FrameState.CORRECTED, FrameState.APPROVED)

_Said = tuple[int, RLEMask | None, FrameState, MaskSource]
"""Frame, mask, state and source: what a file says of a track on a frame."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought in.

    Attributes:
        videos: Videos added.
        tracks: Tracks added.
        masks: Masks added.
        categories: Categories added.
        missing_videos: Names of videos in the file whose frames were not found.
        covered: Tracks of the file that show what one of the project shows, at a mean IoU of 0.5
            or more; those of equal masks are not counted where both are kept.
        agreement: Mean IoU of these, or ``None`` where there is none.
        by_video: How many masks each video of the file has got.
        notes: Sentences for the person.
        believed_complete: Whether frames count as complete though the file says nothing of it.
    """

    videos: int = 0
    tracks: int = 0
    masks: int = 0
    categories: int = 0
    missing_videos: tuple[str, ...] = ()
    covered: int = 0
    agreement: float | None = None
    by_video: tuple[VideoMasks, ...] = ()
    notes: tuple[str, ...] = ()
    believed_complete: bool = False


def import_annotations(
    project: Project,
    path: Path | str,
    format: ExportFormat | None = None,  # noqa: A002 - the word of the command line
    *,
    video_root: Path | str | None = None,
    video_map: Mapping[str, int] | None = None,
    assume_exhaustive: bool | None = None,
    annotations: Path | str | None = None,
    likely: Collection[int] | None = None,
    first_number: int | None = None,
    overlaps: Overlaps = Overlaps.BOTH,
    context: JobContext | None = None,
) -> ImportReport:
    """Import annotations as one edit that can be undone.

    Args:
        project: Where they go.
        path: File or folder.
        format: The format, or ``None`` to find out.
        video_root: Folder that holds the videos' frames (``JPEGImages``); by default the
            folder of the file, and of a folder that with the frames in the published layout.
        video_map: Video name in the file -> video of the project; without it videos are
            matched by fingerprint, or by name and size, or added.
        assume_exhaustive: Take an annotation file without the ``ifc_studio`` key at its
            word: every object of its classes is annotated. By default so for all formats
            but DAVIS, which annotates some objects of a video.
        annotations: The annotation file that a result file refers to; by default its ids
            are those of the project.
        likely: Videos of the project that may be meant by one of the file that is found nowhere,
            where no other one has its size and length; by default all, and a note says so.
        first_number: The number of a video's first frame, 0 or 1, where numbers alone say which
            frames are meant; by default it is found out, and a note says how.
        overlaps: What becomes of tracks that show objects which tracks of the project show
            already, with a mean IoU of 0.5 or more.
        context: Progress and cancellation; a cancelled import leaves nothing.

    Returns:
        What was brought in.

    Raises:
        FormatError: The file breaks its format; nothing was imported.
    """
    steps = iter_import(
        project,
        path,
        format,
        video_root=video_root,
        video_map=video_map,
        assume_exhaustive=assume_exhaustive,
        annotations=annotations,
        likely=likely,
        first_number=first_number,
        overlaps=overlaps,
        context=context,
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            report: ImportReport = end.value
            return report


def iter_import(
    project: Project,
    path: Path | str,
    format: ExportFormat | None = None,  # noqa: A002 - the word of the command line
    *,
    video_root: Path | str | None = None,
    video_map: Mapping[str, int] | None = None,
    assume_exhaustive: bool | None = None,
    annotations: Path | str | None = None,
    likely: Collection[int] | None = None,
    first_number: int | None = None,
    overlaps: Overlaps = Overlaps.BOTH,
    context: JobContext | None = None,
) -> Generator[Progress, None, ImportReport]:
    """The same as :func:`import_annotations`, in steps between which a window can breathe.

    Yields:
        Progress, after each track, or before that each frame of what comes frame by frame, and
        some thousand lines of a text that must be looked through first.

    Returns:
        What was brought in, as the value of the generator.
    """
    source, context = Path(path), context or JobContext()
    form = format or detect_format(source)
    header, tracks = yield from iter_open(project, source, form, annotations, context, first_number)
    found = incomplete = frozenset[int]()
    if isinstance(tracks, PendingTracks):
        found, incomplete = tracks.found, tracks.incomplete
    if form is ExportFormat.YTVIS_RESULTS:
        found = frozenset(video.id for video in header.videos)
    assume = form is not ExportFormat.DAVIS if assume_exhaustive is None else assume_exhaustive
    names = [video.name for video in header.videos]
    root = Path(video_root) if video_root is not None else frames_root(source, names, form)
    if form is ExportFormat.CVAT and first_number is None:
        first_number = 0  # as CVAT counts
    ids = {entry.id for entry in project.videos()} if likely is None else likely
    is_folder = form in FOLDER_FORMATS
    guess = Likely(ids, may_be_longer=is_folder)
    places = resolve_videos(project, header.videos, root, video_map or {}, guess, first_number)
    is_by_id = form is ExportFormat.YTVIS_RESULTS and annotations is None
    tracks = _by_own_ids(tracks) if is_by_id else tracks
    believed = Belief(found, assume, is_folder, is_by_id, overlaps, incomplete)
    return (yield from _bring_in(project, source.name, header, tracks, places, believed, context))


def iter_proposals(
    project: Project, name: str, file: YtvisFile, video_id: int, context: JobContext
) -> Generator[Progress, None, ImportReport]:
    """Bring tracks that did not come from a file into a video, as one edit, in steps.

    Args:
        project: Where they go.
        name: Where they come from, for the history.
        file: One video with its tracks, whose details say that they are proposed.
        video_id: The video of the project, of the same size and with as many frames.
        context: Progress and cancellation; a cancelled import leaves nothing.

    Yields:
        Progress, after every few hundred masks.

    Returns:
        What was brought in, as the value of the generator.
    """
    (video,) = file.videos
    places = {video.id: FileVideo(video_id, tuple(range(video.length)), False)}
    header = YtvisHeader(file.videos, file.categories)
    believed = Belief(frozenset({video.id}), overlaps=None)
    return (yield from _bring_in(project, name, header, file.tracks, places, believed, context))


def _bring_in(
    project: Project,
    name: str,
    header: YtvisHeader,
    tracks: Iterable[YtvisTrack],
    places: Mapping[int, FileVideo],
    believed: Belief,
    context: JobContext,
) -> Generator[Progress, None, ImportReport]:
    loader = _Loader(project, places, believed)
    try:
        if isinstance(tracks, PendingTracks):
            for done, total in tracks.steps():
                yield context.advance(done, total, "Reading masks", "frames")
        for track in tracks:
            loader.add(track)
            yield context.advance(len(loader.tracks), None, "Reading tracks", "tracks")
        loader.flush()
        edit = ImportTracks(
            name,
            {key: place.place for key, place in places.items()},
            _classes(header, project.categories()),
            loader.in_order(),
            _exhaustive(header.videos, places, believed, loader.unflagged),
            loader.tracks.num_pointers,
            {p.place: p.num_frames for p in places.values() if isinstance(p.place, int)},
            {key: tuple(sorted(frames)) for key, frames in loader.replaced.items()},
            len(loader.ious) if believed.overlaps is Overlaps.OURS else 0,
            covered_text(places, loader.masks_of if believed.is_by_id else places),
        )
        result = project.apply(edit)
    except BaseException:
        loader.drop()
        raise
    finally:
        loader.tracks.close()
    missing = missing_videos(header.videos, places, loader.masks_of)
    told = masks_by_video(project, header.videos, places, loader.masks_of)
    return ImportReport(
        videos=len({id(p.place) for p in places.values() if isinstance(p.place, AddVideo)}),
        tracks=len(result.tracks_added),
        masks=loader.num_masks,
        categories=len(result.categories_changed),
        missing_videos=tuple(missing),
        covered=len(loader.ious),
        agreement=float(np.mean(loader.ious)) if loader.ious else None,
        by_video=told,
        believed_complete=is_believed_complete(header.videos, believed),
        notes=video_notes(header.videos, places, missing, believed)
        + unnamed_note(header, project.categories(), believed)
        + (by_id_note(told) if believed.is_by_id else ())
        + (tuple(tracks.notes) if isinstance(tracks, PendingTracks) else ())
        + twice_note(loader.num_known)
        + covered_note(loader.ious, believed.overlaps, loader.num_apart)
        + (linked_note(project, result.tracks_added) if loader.has_parents else ())
        + ((result.note,) if result.note else ()),
    )


def _by_own_ids(tracks: Iterable[YtvisTrack]) -> Iterator[YtvisTrack]:
    """The same; where they do not fit, it is said whose ids theirs were taken for."""
    try:
        yield from tracks
    except FormatError as error:
        raise FormatError(
            f"{error} Its ids were taken for those of this project; results for the videos of "
            "another file need that file (project import --annotations FILE).",
            path=error.path,
            where=error.where,
            expected=error.expected,
            actual=error.actual,
        ) from error


def _exhaustive(
    videos: Sequence[YtvisVideo],
    places: Mapping[int, FileVideo],
    believed: Belief,
    unflagged: Mapping[int, Collection[int]],
) -> dict[int, tuple[int, ...]]:
    """Frames that the file says, or is taken to say, are approved, but for some of each video."""
    flagged = {}
    for video in videos:
        frames = places[video.id].frames
        if video.id in believed.found or video.id in believed.incomplete:
            continue
        if video.details is None:
            flagged[video.id] = frames if believed.is_complete else ()
        else:
            flags = video.details.exhaustive
            flagged[video.id] = tuple(f for f, flag in zip(frames, flags, strict=False) if flag)
        if left_out := unflagged.get(video.id):
            flagged[video.id] = tuple(f for f in flagged[video.id] if f not in left_out)
    return flagged


def _classes(header: YtvisHeader, there: Sequence[Category]) -> dict[int, Category]:
    """The file's classes by id; where it says nothing of colours each new one gets its own."""
    classes = {c.id: c for c in header.categories}
    if any(video.details is not None for video in header.videos):
        return classes  # a file of ours: they are as they were
    unsaid, known = Category(1, "any").color_rgb, {normalised(c.name) for c in there}
    used = [c.color_rgb for c in there]
    for key, category in classes.items():
        if category.color_rgb == unsaid and normalised(category.name.strip()) not in known:
            free = next((color for color in PALETTE if color not in used), None)
            used.append(free or unlike_color(used))
            classes[key] = replace(category, color_rgb=used[-1])
    return classes


class _Loader:
    """Appends records in small transactions and remembers what tracks will show."""

    def __init__(
        self,
        project: Project,
        places: Mapping[int, FileVideo],
        believed: Belief,
    ) -> None:
        self._project = project
        self._places = places
        self._found = believed.found
        self._overlaps = believed.overlaps
        self._waiting: list[tuple[RLEMask | None, MaskSource]] = []
        self._areas: list[int] = []
        self._ids: list[range] = []
        self._num_queued = 0
        self.tracks = SpooledTracks()
        self.num_masks = 0
        self.masks_of: Counter[int] = Counter()  # by video of the file
        self.num_known = 0  # tracks that the project has already
        self.has_parents = False
        self.ious: list[float] = []  # of tracks that cover one of the project with it
        self.num_apart = 0  # frames on which such a pair shows different things
        self.replaced: dict[int, set[int]] = {}
        self.unflagged: dict[int, set[int]] = {}  # by video of the file
        self._proposed: set[int] = set()  # tracks of the file that became proposals
        self._known = KnownTracks(project)
        self._covered = CoveredTracks(project, self._known)

    def add(self, track: YtvisTrack) -> None:
        """Queue the records of a track; its pointers hold queue numbers until the end."""
        if len(self._waiting) >= _CHUNK_MASKS:
            self.flush()
        self.has_parents = self.has_parents or track.parent_id is not None
        frames = self._places[track.video_id].frames
        pointers: list[tuple[int, ...]] = []
        absent: dict[MaskSource, int] = {}
        is_result = track.video_id in self._found
        said = list(_frames_of(track, frames, is_result))
        covered = self._look_at(track, said)
        if covered is not None:
            said = self._settle(track, said, covered)
            if not said:
                return
        for frame_index, rle, state, source in said:
            area = 0 if rle is None else rle.area
            if rle is not None and area:
                number = self._queue(rle, source, area)
                self.num_masks += 1
                self.masks_of[track.video_id] += 1
            else:
                number = absent[source] if source in absent else self._queue(None, source, 0)
                absent[source] = number
                state = state if state is FrameState.REJECTED else FrameState.ABSENT
            pointers.append((frame_index, number, STATE_CODE[state], 1, SOURCE_CODE[source], area))
        self._remember(track, np.array(pointers, dtype=np.int64).reshape(-1, 6))

    def _look_at(self, track: YtvisTrack, said: Sequence[_Said]) -> Covered | None:
        """The track of the project that this one covers, if something is to be done about it."""
        place = self._places[track.video_id].place
        if not isinstance(place, int):
            return None
        shown = {
            frame: rle
            for frame, rle, state, _ in said
            if rle is not None and rle.area and state is not FrameState.REJECTED
        }
        is_known = self._overlaps in (None, Overlaps.BOTH) and self._known.has(place, shown)
        self.num_known += is_known
        is_told = self._overlaps is Overlaps.BOTH and is_known
        if self._overlaps is None or is_told or track.is_crowd or not shown:
            return None
        return self._covered.covered_by(place, shown)

    def _settle(self, track: YtvisTrack, said: list[_Said], covered: Covered) -> list[_Said]:
        """What is left of a track that covers one of the project; nothing where all was there."""
        self.ious.append(covered.iou)
        self.num_apart += covered.num_apart
        unflagged = self.unflagged.setdefault(track.video_id, set())
        match self._overlaps:
            case Overlaps.OURS:
                unflagged.update(covered.states)
                said = [entry for entry in said if entry[0] not in covered.states]
                return said if any(rle is not None for _, rle, _, _ in said) else []
            case Overlaps.THEIRS:
                human = {f for f, state in covered.states.items() if state in _OF_PEOPLE}
                mine = {f for f, _, state, _ in said if state is not FrameState.PROPOSED}
                gone = {f for f in covered.states if f in mine or f not in human}
                self.replaced.setdefault(covered.track_id, set()).update(gone)
            case Overlaps.PROPOSALS:
                said = [
                    (f, rle, FrameState.PROPOSED, source)
                    for f, rle, state, source in said
                    if rle is not None and state is not FrameState.REJECTED
                ]
                unflagged.update(frame for frame, _, _, _ in said)
                self._proposed.add(track.id)
        return said

    def _queue(self, rle: RLEMask | None, source: MaskSource, area: int) -> int:
        self._waiting.append((rle, source))
        self._areas.append(area)
        self._num_queued += 1
        return self._num_queued - 1

    def _remember(self, track: YtvisTrack, pointers: Table) -> None:
        details = track.details
        crowd = TrackKind.CROWD if track.is_crowd else TrackKind.OBJECT
        state = TrackState.PROPOSED if track.video_id in self._found else TrackState.APPROVED
        if details is not None:
            state = details.state
        if track.id in self._proposed:
            state = TrackState.PROPOSED
        self.tracks.add(
            ImportedTrack(
                track.video_id,
                track.category_id,
                1.0 if track.score is None else float(track.score),
                state,
                None if details is None else details.color_rgb,
                track.label if details is None else details.name,
                crowd if details is None else details.kind,
                pointers,
                track.id,
                track.parent_id,
            ),
            0 if details is None else details.z_order,
        )

    def flush(self) -> None:
        """Append what is queued."""
        if self._waiting:
            self._ids.append(self._project.append_records(self._waiting, self._areas))
            self._waiting, self._areas = [], []

    def in_order(self) -> SpooledTracks:
        """The tracks from bottom to top, showing the records by their ids."""
        self.tracks.finish(self._ids)
        return self.tracks

    def drop(self) -> None:
        """Remove the records again: the import was cancelled or failed."""
        self._project.drop_records(self._ids)


def _frames_of(track: YtvisTrack, frames: Sequence[int], is_result: bool) -> Iterable[_Said]:
    """Everything that a record says."""
    details = track.details
    for place, (frame_index, rle) in enumerate(zip(frames, track.segmentations, strict=True)):
        if details is not None:
            state, source = details.states[place], details.sources[place]
            if state is not None:
                yield frame_index, rle, state, source or MaskSource.HUMAN
        elif not is_result:
            yield frame_index, rle, FrameState.APPROVED, MaskSource.HUMAN
        elif rle is not None and rle.area:
            yield frame_index, rle, FrameState.PROPOSED, MaskSource.MODEL
