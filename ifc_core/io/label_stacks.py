"""Labels of other programs: TIFF stacks, and folders with a picture of labels for each frame.

So cellpose, micro-sam, TrackMate, ImageJ and napari write what they found. Nothing but the values
says what belongs together: a value is a track where it stays with its object from frame to frame.
Where each frame is numbered anew, as by a program that knows single pictures alone, the masks
that overlap from one frame to the next are made one track.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError, VideoError
from ifc_core.io.frame_list import list_frames, stacks_of
from ifc_core.io.label_images import read_labels
from ifc_core.io.pending_tracks import PendingTracks
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.video_suffixes import STACK_SUFFIXES
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisHeader, YtvisVideo
from ifc_core.structures import Category, RLEMask
from ifc_core.structures.rle_runs import boxed_mask

if TYPE_CHECKING:
    from ifc_core.io.stack_pages import StackFile

Labels = npt.NDArray[np.int64]
"""(H, W), 0 where nothing is."""

_ENDING = re.compile(r"[-_ .](?:cp_masks|masks?|labels?|seg|segmentation)$", re.IGNORECASE)
_NAMED = re.compile(r"^(?:LblImg_.|(?:committed_objects|masks?|labels?)$)", re.IGNORECASE)
_SINGLE = re.compile(r"_cp_masks$", re.IGNORECASE)  # of a program that knows single pictures
_SUFFIXES = (*STACK_SUFFIXES, ".png")
_EVEN_SHARE = 0.75  # of neighbouring pixels that are alike; of what a camera took fewer are
_ABOVE_ALL = 1 << 62  # labels
_MOST_TABLE = 1 << 20  # a label up to which a table of all labels is small
_LOOKS = 16  # pairs of frames by which it is found out how labels are numbered
_SAME_SHARE = 0.8  # of objects that keep their label from frame to frame, where labels are tracks
_LEAST_IOU = 0.1  # of the masks of one object on two frames


def is_label_name(name: str) -> bool:
    """Whether a file's name says that it holds labels, as those of cellpose's masks do."""
    path = Path(name)
    stem, suffix = path.stem, path.suffix.lower()
    return suffix in _SUFFIXES and bool(_ENDING.search(stem) or _NAMED.match(stem))


def may_be_label_stack(path: Path) -> bool:
    """Whether a file is a TIFF of labels by its name; it is not opened."""
    return path.suffix.lower() in STACK_SUFFIXES and is_label_name(path.name)


def is_label_stack(path: Path) -> bool:
    """Whether a file is a TIFF of labels, by its name together with its values.

    All pages are looked through for it: a millisecond each.
    """
    if not may_be_label_stack(path):
        return False
    try:
        stack = _Stack(path)
    except FormatError:
        return False
    try:
        return all(_is_even(stack.read(n)) for n in {0, len(stack.names) // 2})
    except FormatError:
        return False
    finally:
        stack.close()


def holds_labels(folder: Path) -> bool:
    """Whether the pictures of a folder are labels and no frames, by their names and values."""
    try:
        files = list_frames(folder)
    except VideoError:
        return False
    if not files or not all(is_label_name(path.name) for path in files):
        return False
    if stacks_of(files):
        return is_label_stack(files[0])
    try:
        return all(_is_even(read_labels(path)) for path in {files[0], files[len(files) // 2]})
    except FormatError:
        return False


def has_label_pictures(place: Path) -> bool:
    """Whether there is anything that :func:`stream_label_stacks` would try to read."""
    return place.is_file() or bool(_label_files(place))


def stream_label_stacks(place: Path | str, class_name: str) -> tuple[YtvisHeader, PendingTracks]:
    """Read labels as proposals, a frame in memory at a time.

    Args:
        place: A TIFF stack; a folder of such, a video each; or a folder of pictures, a frame each.
            Of a folder in which some names end in ``_masks`` or the like those alone are read.
        class_name: What all objects are.

    Returns:
        Videos and the class, and the tracks.

    Raises:
        FormatError: They are no labels; from the tracks also where one frame of them is not.
    """
    root = Path(place)
    builder, notes = TrackBuilder(), list[str]()
    sources = _sources(root)
    videos = tuple(
        YtvisVideo(
            number,
            *source.size,
            len(source.names),
            tuple(f"{source.name}/{n}" for n in source.names),
        )
        for number, source in enumerate(sources, start=1)
    )
    lengths = {video.id: video.length for video in videos}
    reading = _read(sources, videos, builder, notes)
    tracks = PendingTracks(builder, reading, lengths, frozenset(lengths), notes)
    return YtvisHeader(videos, (Category(1, class_name),)), tracks


class _Source(Protocol):
    """The labels of one video."""

    name: str
    names: list[str]  # of its frames
    size: tuple[int, int]
    is_single: bool  # numbered frame by frame, by its name

    def read(self, place: int) -> Labels: ...

    def close(self) -> None: ...


class _Stack:
    """Labels in one TIFF file, which is open while its frames are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        file = self._opened()
        self._file: StackFile | None = file
        layout = file.layout
        self.name = _safe(picture_stem(path.stem))
        self.names = [f"{number:06d}.tif" for number in range(file.num_frames)]
        self.size = file.orientation.displayed(layout.size)
        self.is_single = False
        self.close()
        if layout.channels > 1 or layout.samples > 1:
            raise FormatError(
                f"{path.name} holds colours or several channels; labels are one number a pixel.",
                path=path,
            )

    def read(self, place: int) -> Labels:
        if self._file is None:
            self._file = self._opened()
        try:
            values = self._file.values(place)[0]
        except VideoError as error:
            raise FormatError(str(error), path=self._path) from error
        return _whole(self._file.orientation.apply(values), self._path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def _opened(self) -> StackFile:
        from ifc_core.io.stack_pages import StackFile  # loads a decoder

        try:
            return StackFile(self._path)
        except VideoError as error:
            raise FormatError(str(error), path=self._path) from error


class _Folder:
    """Labels in a folder, a picture a frame."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        self._files = files
        self.name = _safe(picture_stem(folder.resolve().name))
        self.names = [f"{picture_stem(path.stem)}{path.suffix}" for path in files]
        first = read_labels(files[0]).shape
        self.size = (int(first[0]), int(first[1]))
        self.is_single = any(_SINGLE.search(path.stem) for path in files)

    def read(self, place: int) -> Labels:
        path = self._files[place]
        labels = read_labels(path)
        if labels.shape != self.size:
            raise FormatError(f"{path} differs in size from the first frame.", path=path)
        return _whole(labels, path)

    def close(self) -> None:
        """Nothing is open."""


def picture_stem(stem: str) -> str:
    """The name of the picture to which labels of this name belong, both without suffix."""
    return _ENDING.sub("", stem) or stem


def _safe(name: str) -> str:
    return name if is_safe_name(name) else "video"


def _label_files(folder: Path) -> list[Path]:
    """The pictures of a folder; where the names of some say that they are labels, those alone."""
    try:
        files = [path for path in list_frames(folder) if path.suffix.lower() in _SUFFIXES]
    except VideoError:
        return []
    return [path for path in files if is_label_name(path.name)] or files


def _sources(root: Path) -> list[_Source]:
    if root.is_file():
        return [_Stack(root)]
    files = _label_files(root)
    if not files:
        raise FormatError(f"{root} holds no pictures of labels.", path=root)
    return [_Stack(path) for path in files] if stacks_of(files) else [_Folder(root, files)]


def _whole(values: npt.NDArray[Any], path: Path) -> Labels:
    """The same as whole numbers from 0.

    Raises:
        FormatError: Some are none.
    """
    is_small = np.isfinite(values).all() and np.abs(values).max(initial=0) < _ABOVE_ALL
    labels = values.astype(np.int64) if is_small else None
    if labels is None or (labels != values).any() or labels.min(initial=0) < 0:
        raise FormatError(f"{path.name} holds values that are no whole numbers from 0.", path=path)
    return labels


def _is_even(labels: npt.NDArray[Any]) -> bool:
    """Whether neighbouring pixels are alike, also beside each other in what is not 0."""
    left, right = labels[:, :-1], labels[:, 1:]
    is_same = left == right
    inside = is_same[(left > 0) & (right > 0)]
    return all(not part.size or float(part.mean()) >= _EVEN_SHARE for part in (is_same, inside))


# ---- tracks -----------------------------------------------------------------------------


def _read(
    sources: Sequence[_Source],
    videos: Sequence[YtvisVideo],
    builder: TrackBuilder,
    notes: list[str],
) -> Iterator[int]:
    """Gather the masks of all videos, a frame with each item."""
    for source, video in zip(sources, videos, strict=True):
        try:
            linker = _Linker() if source.is_single or _is_numbered_anew(source) else None
            for place in range(video.length):
                labels = source.read(place)
                masks = dict(_masks(labels))
                tracks = {n: n for n in masks} if linker is None else linker.tracks(labels)
                for number, mask in masks.items():
                    name = f"{number}" if linker is None else ""
                    builder.add(video.id, tracks[number], 1, place, mask, name=name)
                yield place
        finally:
            source.close()
        if linker is not None and video.length > 1:
            notes.append(numbered_anew_note(video.name))


def numbered_anew_note(name: str) -> str:
    """That labels of a video are no tracks, and what was made of them, as a sentence."""
    return (
        f"The labels of {name} are numbered anew on each frame, so masks that overlap from frame "
        "to frame were made one track each."
    )


def _masks(labels: Labels) -> Iterator[tuple[int, RLEMask]]:
    from scipy import ndimage  # takes a while to load

    size = (int(labels.shape[0]), int(labels.shape[1]))
    values, places = _numbered(labels)
    boxes = ndimage.find_objects(places)
    for number, (value, box) in enumerate(zip(values, boxes, strict=True), start=1):
        yield value, boxed_mask(places[box] == number, size, box[0].start, box[1].start)


def _numbered(labels: Labels) -> tuple[list[int], npt.NDArray[np.int32]]:
    """The labels that there are, and for each pixel the place of its own, from 1; 0 for none."""
    if labels.max(initial=0) <= _MOST_TABLE:
        values = np.flatnonzero(np.bincount(labels.ravel()))
        values = values[values > 0]
        table = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
        table[values] = np.arange(1, len(values) + 1)
        return values.tolist(), table[labels]
    values, inverse = np.unique(labels, return_inverse=True)  # which are far apart
    has_ground = int(values[0] == 0)
    places = inverse.reshape(labels.shape).astype(np.int32) + (1 - has_ground)
    return values[has_ground:].tolist(), places


def _ious(before: Labels, after: Labels) -> dict[tuple[int, int], float]:
    """Pairs of labels of two frames that overlap, with their IoU; the best first."""
    (olds, old), (news, new) = _numbered(before), _numbered(after)
    both = (old > 0) & (new > 0)
    codes, counts = np.unique(
        old[both].astype(np.int64) * (len(news) + 1) + new[both], return_counts=True
    )
    areas = np.bincount(old.ravel()), np.bincount(new.ravel())
    found = {}
    for code, shared in zip(codes.tolist(), counts.tolist(), strict=True):
        a, b = divmod(code, len(news) + 1)
        found[olds[a - 1], news[b - 1]] = shared / float(areas[0][a] + areas[1][b] - shared)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _is_numbered_anew(source: _Source) -> bool:
    """Whether labels do not stay with their objects, on some pairs of frames spread evenly."""
    last = len(source.names) - 1
    same = total = 0
    for place in sorted({int(n) for n in np.linspace(0, last - 1, _LOOKS)} if last > 0 else ()):
        best: dict[int, int] = {}
        for a, b in _ious(source.read(place), source.read(place + 1)):
            best.setdefault(a, b)
        same += sum(a == b for a, b in best.items())
        total += len(best)
    return same < _SAME_SHARE * total


class _Linker:
    """Gives the masks of each frame the tracks of those that they overlap on the one before."""

    def __init__(self) -> None:
        self._before: Labels | None = None
        self._tracks: dict[int, int] = {}  # of the labels before
        self._count = 0

    def tracks(self, labels: Labels) -> dict[int, int]:
        """Label -> track, of the next frame."""
        found: dict[int, int] = {}
        taken: set[int] = set()
        if self._before is not None:
            for (a, b), iou in _ious(self._before, labels).items():
                if iou >= _LEAST_IOU and a not in taken and b not in found:
                    found[b] = self._tracks[a]
                    taken.add(a)
        for label in _numbered(labels)[0]:
            if label not in found:
                self._count += 1
                found[label] = self._count
        self._before, self._tracks = labels, found
        return found
