"""Files of annotations: their formats, and the videos, classes and tracks in them."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ifc_core.annotation.annotation_folders import named_format, yolo_error
from ifc_core.annotation.exporting import TABLE_FORMATS, ExportFormat
from ifc_core.annotation.reading import ProjectReader
from ifc_core.errors import FormatError
from ifc_core.io.coco import stream_coco
from ifc_core.io.ctc import stream_ctc
from ifc_core.io.cvat import CVAT_SUFFIXES, is_cvat, iter_cvat
from ifc_core.io.davis import stream_davis
from ifc_core.io.label_stacks import is_label_stack
from ifc_core.io.labelme import is_labelme, iter_labelme
from ifc_core.io.mots import iter_mots
from ifc_core.io.pending_tracks import PendingTracks
from ifc_core.io.ytvis import iter_ytvis_results, iter_ytvis_tracks, read_ytvis_header
from ifc_core.io.ytvis_types import YtvisHeader, YtvisTrack, YtvisVideo
from ifc_core.jobs import JobContext, Progress

ANNOTATION_SUFFIXES = (".json", *CVAT_SUFFIXES)
"""What files of annotations end in; folders of them end in anything."""

_TELLING = re.compile(rb'"(images|image_id|segmentation|segmentations|shapes)"\s*:')
_BLOCK_BYTES = 1 << 20
_LONGEST_KEY = 64  # with blanks before its colon


def detect_format(path: Path) -> ExportFormat:
    """Find out the format of a file or folder.

    Raises:
        FormatError: It is none that can be imported.
    """
    if path.is_dir():
        return named_format(path)
    if is_label_stack(path):
        return ExportFormat.CTC
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16).lstrip(b"\xef\xbb\xbf \t\r\n")
            file.seek(0)
            is_coco = head.startswith(b"{") and _is_coco(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{path} cannot be read: {reason}.", path=path) from error
    if is_cvat(path, head):
        return ExportFormat.CVAT
    if head.startswith(b"["):
        return ExportFormat.YTVIS_RESULTS
    if is_coco and is_labelme(path):
        return ExportFormat.LABELME
    if head.startswith(b"{"):
        return ExportFormat.COCO if is_coco else ExportFormat.YTVIS
    raise FormatError(f"{path.name} is in no format that can be imported.", path=path)


def _is_coco(file: BinaryIO) -> bool:
    """Whether an annotation file is one of images: told by the first key that only one kind has.

    A long list of videos may come before it, so it is looked for in the whole file.
    """
    kept = b""
    while block := file.read(_BLOCK_BYTES):
        kept += block
        if found := _TELLING.search(kept):
            return found.group(1) != b"segmentations"
        kept = kept[-_LONGEST_KEY:]
    return False


Opened = tuple[YtvisHeader, Iterable[YtvisTrack]]


def open_annotations(
    project: ProjectReader, path: Path, form: ExportFormat, annotations: Path | str | None = None
) -> Opened:
    """Videos, classes and tracks of a file; see :func:`iter_open`, whose steps are taken here."""
    steps = iter_open(project, path, form, annotations, JobContext())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            opened: Opened = end.value
            return opened


def iter_open(
    project: ProjectReader,
    path: Path,
    form: ExportFormat,
    annotations: Path | str | None,
    context: JobContext,
    first_number: int | None = None,
) -> Generator[Progress, None, Opened]:
    """Videos, classes and tracks of a file; the tracks come one by one.

    Args:
        project: What results refer to by their ids, unless ``annotations`` is given.
        path: File or folder.
        form: Its format.
        annotations: The annotation file that a result file refers to.
        context: Progress and cancellation.
        first_number: The number of a video's first frame, where numbers alone tell frames.

    Yields:
        Progress, where a file must be looked through before its tracks can come.

    Returns:
        Videos and classes, and the tracks.

    Raises:
        FormatError: The file breaks its format.
    """
    if form is ExportFormat.MOTS:
        return (yield from iter_mots(path, context, first_number))
    if form is ExportFormat.CVAT:
        return (yield from iter_cvat(path, context))
    if _is_of_labelme(path, form):
        return (yield from iter_labelme(path, context))
    if form is ExportFormat.YTVIS:
        header = read_ytvis_header(path)
        return header, _with_sound_scores(iter_ytvis_tracks(path, header), path)
    if form is ExportFormat.YTVIS_RESULTS:
        header = (
            _own_header(project)
            if annotations is None
            else read_ytvis_header(annotations, needs_annotations=False)
        )
        return header, _with_sound_scores(iter_ytvis_results(path, header), path)
    readers = {
        ExportFormat.COCO: stream_coco,
        ExportFormat.DAVIS: stream_davis,
        ExportFormat.CTC: stream_ctc,
    }
    if form is ExportFormat.YOLO:
        raise yolo_error(path)
    if form not in readers:
        what = "table of measurements" if form in TABLE_FORMATS else "film"
        raise FormatError(f"A {what} holds no annotations that could be imported.", path=path)
    header, tracks = readers[form](path)
    if isinstance(tracks, PendingTracks):  # which are read in steps, and have no scores
        return header, tracks
    return header, _with_sound_scores(tracks, path)


def _is_of_labelme(path: Path, form: ExportFormat) -> bool:
    """Whether a file or folder is to be read as LabelMe's, which was called COCO before."""
    is_named_coco = form is ExportFormat.COCO and (path.is_dir() or is_labelme(path))
    return form is ExportFormat.LABELME or is_named_coco


def _with_sound_scores(tracks: Iterable[YtvisTrack], path: Path) -> Iterator[YtvisTrack]:
    """The tracks; a project shows and filters scores as probabilities, so they must be some."""
    for track in tracks:
        if track.score is not None and not 0 <= track.score <= 1:
            raise FormatError(
                f"{path.name}: track {track.id} has the score {track.score:g}; a score lies "
                "between 0 and 1.",
                path=path,
                expected="0 to 1",
                actual=track.score,
            )
        yield track


def _own_header(project: ProjectReader) -> YtvisHeader:
    """What result files refer to: the videos and classes of the project by their ids."""
    videos = tuple(
        YtvisVideo(v.id, v.height, v.width, v.num_frames, (f"{v.name}/frame",))
        for v in project.videos()
    )
    return YtvisHeader(videos, tuple(project.categories()))
