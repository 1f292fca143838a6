"""Folders of the Cell Tracking Challenge: a TIFF of labels a frame, and a text of tracks.

Layout: ``<video>_RES/mask000.tif`` whose values are the labels, and ``res_track.txt`` with lines
``label begin end parent``. Truth is laid out as ``<video>_GT/TRA/man_track000.tif`` with
``man_track.txt``; where ``<video>_ST/SEG`` holds outlines with the labels of that truth, which
often shows no more than a spot of each cell, those are read. Pictures lie in ``<video>``.

A label has a mask on every frame from its begin to its end: a track with a gap is written as
several labels, each the parent of the next, and is one track again when it is read. Other parents
are divisions. A parent ends there, so one that goes on is written as several labels as well, and
those are read as tracks of their own. The first label of a track is its number. Classes are kept
beside the masks, in ``classes.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from ifc_core.errors import FormatError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.ctc_folders import (
    RESULT,
    TEXTS,
    MaskFolder,
    is_untracked,
    mask_folders,
    why_no_masks,
)
from ifc_core.io.ctc_text import Line, disagreement, first_pieces, read_text
from ifc_core.io.flatten import flatten_frame
from ifc_core.io.frame_source import FileFrames, FrameSource, paint_order
from ifc_core.io.json_file import read_json_file
from ifc_core.io.label_images import iter_label_masks, read_labels, write_label_tiff
from ifc_core.io.label_stacks import has_label_pictures, stream_label_stacks
from ifc_core.io.mots import frame_numbers
from ifc_core.io.pending_tracks import PendingTracks
from ifc_core.io.problems import is_text
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader, YtvisVideo
from ifc_core.structures import Category

DEFAULT_CLASS = "cell"

_CLASSES = "classes.json"
_MOST_LABELS = 65_535


def write_ctc(file: YtvisFile, folder: Path | str) -> int:
    """Write a folder from a file in memory; see :func:`write_ctc_frames`."""
    return write_ctc_frames(FileFrames(file), folder).hidden_pixels


@dataclass(frozen=True, slots=True)
class CtcLosses:
    """What the format could not hold.

    Attributes:
        hidden_pixels: Pixels that lie under other masks.
        cut_mothers: Tracks that go on beside a daughter, which were cut where she begins.
    """

    hidden_pixels: int = 0
    cut_mothers: int = 0


def write_ctc_frames(source: FrameSource, folder: Path | str) -> CtcLosses:
    """Write a folder of results, whole or not at all, one frame in memory at a time.

    Crowd regions are left out. The first label of a track is its number where that fits in 16
    bits; others are numbers beyond those of all tracks, as long as there are such.

    Args:
        source: Videos, categories, tracks and masks.
        folder: The target, which must not exist or be empty.

    Returns:
        What was lost.

    Raises:
        FormatError: A video has more than 65,535 labels, or a name that cannot be that of a
            folder.
        OutputError: The target cannot be written.
    """
    header = source.header
    losses = []
    with atomic_folder(folder) as root:
        for video in header.videos:
            if not is_safe_name(video.name) or "/" in video.name:
                raise FormatError(f"The video name {video.name!r} cannot be used as a folder.")
            losses.append(_write_video(root / f"{video.name}{RESULT}", source, video))
    return CtcLosses(sum(x.hidden_pixels for x in losses), sum(x.cut_mothers for x in losses))


@dataclass(slots=True)
class _Piece:
    """A stretch of a track without a gap."""

    label: int
    begin: int
    end: int
    parent: int
    last_place: int


class _Labels:
    """Gives labels of a video, each once.

    Args:
        tracks: Numbers of its tracks.
    """

    def __init__(self, tracks: Iterable[int]) -> None:
        numbers = {number for number in tracks if 0 < number <= _MOST_LABELS}
        last = max(numbers, default=0)
        others = (number for number in range(1, last) if number not in numbers)
        # Those of tracks come last: each may still be seen, and ask for its own.
        in_turn = chain(range(last + 1, _MOST_LABELS + 1), others, sorted(numbers))
        self._used: set[int] = set()
        self._free = (number for number in in_turn if number not in self._used)

    def own(self, track: int) -> int:
        """The number of a track itself, or a free one where that cannot be."""
        return (
            self._take(track)
            if 0 < track <= _MOST_LABELS and track not in self._used
            else self.free()
        )

    def free(self) -> int:
        """A number that is none of a track's, if there is any; beyond the most where none is."""
        return self._take(next(self._free, _MOST_LABELS + 1))

    def _take(self, number: int) -> int:
        self._used.add(number)
        return number


class _Pieces:
    """Gives the tracks of a video their labels, a new one after each gap.

    Args:
        tracks: Their numbers.

    Attributes:
        all: Every piece that was begun.
        cut: Places of the tracks that went on beside a daughter.
    """

    def __init__(self, tracks: Sequence[int]) -> None:
        self.all: list[_Piece] = []
        self.cut: set[int] = set()
        self._now: dict[int, _Piece] = {}  # by the place of the track
        self._tracks = tracks
        self._labels = _Labels(tracks)

    def divide(self, parents: Mapping[int, int], place: int, number: int) -> None:
        """Begin the daughters of a frame, and what follows of parents that are shown on it.

        Args:
            parents: Track that is shown -> its parent, or -1 where it has none, by their places.
            place: Which frame of the video it is.
            number: What the frame is called.
        """
        begun = {child: parent for child, parent in parents.items() if child not in self._now}
        links = [(c, self._now[parent]) for c, parent in begun.items() if parent in self._now]
        for child, before in links:
            self._begin(child, before.label, place, number)
        for parent in dict.fromkeys(begun[child] for child, _ in links):
            if parent in parents:
                self._begin(parent, self._now[parent].label, place, number)
                self.cut.add(parent)

    def _begin(self, track: int, parent: int, place: int, number: int) -> None:
        is_first = track not in self._now
        label = self._labels.own(self._tracks[track]) if is_first else self._labels.free()
        self._now[track] = _Piece(label, number, number, parent, place)
        self.all.append(self._now[track])

    def label(self, track: int, place: int, number: int) -> int:
        """The label of a track on a frame: the ``place``-th one, which is called ``number``."""
        piece = self._now.get(track)
        if piece is None or piece.last_place < place - 1:
            self._begin(track, 0 if piece is None else piece.label, place, number)
        piece = self._now[track]
        piece.end, piece.last_place = number, place
        return piece.label


def _write_video(folder: Path, source: FrameSource, video: YtvisVideo) -> CtcLosses:
    folder.mkdir(parents=True)
    numbers = frame_numbers(video)
    digits = max(3, len(str(numbers[-1])))
    tracks = source.tracks(video.id)
    order = [place for place in paint_order(tracks) if not tracks[place].is_crowd]
    places = {track.id: place for place, track in enumerate(tracks)}
    parents = [-1 if t.parent_id is None else places.get(t.parent_id, -1) for t in tracks]
    pieces, classes, hidden = _Pieces([track.id for track in tracks]), dict[int, int](), 0
    for place, number in enumerate(numbers):
        masks = source.masks(video.id, place)
        shown = [track for track in order if tracks[track].id in masks]
        if len(shown) > _MOST_LABELS:
            raise _too_many(video)
        by_value = sorted(shown)  # values of this frame alone, which are fewer than all tracks
        values = {track: value for value, track in enumerate(by_value, start=1)}
        frame = flatten_frame(
            ((values[track], masks[tracks[track].id]) for track in shown),
            (video.height, video.width),
        )
        hidden += frame.hidden_pixels
        table = np.zeros(len(shown) + 1, np.int64)
        uncovered = [value for value in np.unique(frame.labels).tolist() if value]
        seen = [by_value[value - 1] for value in uncovered]  # the rest is wholly covered
        pieces.divide({track: parents[track] for track in seen}, place, number)
        for value, track in zip(uncovered, seen, strict=True):
            table[value] = pieces.label(track, place, number)
            classes[int(table[value])] = tracks[track].category_id
        if len(pieces.all) > _MOST_LABELS:
            raise _too_many(video)
        write_label_tiff(
            table[frame.labels].astype(np.uint16), folder / f"mask{number:0{digits}d}.tif"
        )
    in_order = sorted(pieces.all, key=lambda piece: piece.label)
    lines = (f"{p.label} {p.begin} {p.end} {p.parent}\n" for p in in_order)
    (folder / TEXTS[0]).write_text("".join(lines), "ascii")
    names = {category.id: category.name for category in source.header.categories}
    told = {str(label): names[category] for label, category in sorted(classes.items())}
    (folder / _CLASSES).write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
    return CtcLosses(hidden, len(pieces.cut))


def _too_many(video: YtvisVideo) -> FormatError:
    return FormatError(
        f"{video.name} needs more than {_MOST_LABELS:,} labels, which is all that 16 bits hold."
    )


def read_ctc(folder: Path | str) -> YtvisFile:
    """Read a folder into memory; see :func:`stream_ctc`."""
    header, tracks = stream_ctc(folder)
    return YtvisFile(header.videos, header.categories, tuple(tracks))


def stream_ctc(folder: Path | str) -> tuple[YtvisHeader, PendingTracks]:
    """Read results or truth of the Cell Tracking Challenge.

    The masks are read with the tracks, and wait on disk until their track's turn comes. They are
    what counts: a label is there where its masks are, whatever begin and end the text says, and
    one that the text alone lists is none.

    Args:
        folder: A folder of masks, or one that holds such folders as the challenge names them.
            Where it holds both truth and results of a video, the truth is read. A TIFF stack or
            any other folder is read as labels of another program
            (:mod:`~ifc_core.io.label_stacks`).

    Returns:
        Videos and categories, and the tracks. A video ends with the last mask that there is.

    Raises:
        FormatError: There are no masks, or they, the text or the classes are broken; from the
            tracks also where a mask is broken, where a label goes on with one that is there as
            well, or where there are classes and nothing lists a label.
    """
    root = Path(folder)
    places = mask_folders(root)
    if not places and not is_untracked(root) and has_label_pictures(root):
        return stream_label_stacks(root, DEFAULT_CLASS)
    if not places:
        raise FormatError(why_no_masks(root), path=root)
    categories: dict[str, int] = {}
    builder = TrackBuilder(tells_labels=True)
    parts = [
        _look_at(name, masks, number, categories, builder)
        for number, (name, masks) in enumerate(places.items(), start=1)
    ]
    videos = tuple(part.video for part in parts)
    found = frozenset(part.video.id for part in parts if part.masks.is_found)
    lengths = {video.id: video.length for video in videos}
    notes: list[str] = []
    reading = _read_masks(parts, categories, builder, notes)
    tracks = PendingTracks(builder, reading, lengths, found, notes)
    known = tuple(Category(number, name) for name, number in categories.items())
    return YtvisHeader(videos, known), tracks


@dataclass(frozen=True, slots=True)
class _Part:
    """A video, and what is said of its labels."""

    video: YtvisVideo
    masks: MaskFolder
    first_of: Mapping[int, int]
    classes: Mapping[int, str]
    text: Sequence[Line] | None


def _look_at(
    name: str, masks: MaskFolder, video_id: int, categories: dict[str, int], builder: TrackBuilder
) -> _Part:
    """What can be told of a video before its masks are read.

    Adds its classes to those of the others, and tells the builder of divisions.
    """
    text = read_text(masks.path)
    lines = text or []
    first_of = first_pieces(lines)
    for label, _, _, parent in lines:
        if first_of[label] == label and parent in first_of:
            builder.link(video_id, label, first_of[parent])
    classes = _read_classes(masks.path / _CLASSES)
    names = [classes[label] for label in sorted(classes)]
    if not classes or not classes.keys() >= set(first_of.values()):
        names.append(DEFAULT_CLASS)
    for known in names:
        categories.setdefault(known, len(categories) + 1)
    height, width = read_labels(next(iter(masks.files.values()))).shape
    frames = tuple(f"{name}/{number:06d}.tif" for number in masks.files)
    video = YtvisVideo(video_id, height, width, len(frames), frames)
    return _Part(video, masks, first_of, classes, text)


def _read_masks(
    parts: Sequence[_Part],
    categories: Mapping[str, int],
    builder: TrackBuilder,
    notes: list[str],
) -> Iterator[Path]:
    """Gather the masks of all videos, a frame with each item, and note where texts differ."""
    for part in parts:
        seen: dict[int, tuple[int, int]] = {}
        for place, (number, file) in enumerate(part.masks.files.items()):
            labels = read_labels(file)
            if labels.shape != (part.video.height, part.video.width):
                raise FormatError(f"{file} differs in size from the first frame.", path=file)
            for label, mask in iter_label_masks(labels):
                seen[label] = (seen.get(label, (number, 0))[0], number)
                first = part.first_of.get(label, label)
                category = categories.get(part.classes.get(first, DEFAULT_CLASS))
                if category is None:
                    raise FormatError(
                        f"{file}: neither the text of tracks nor {_CLASSES} lists the label "
                        f"{label}.",
                        path=file,
                    )
                if not builder.add(part.video.id, first, category, place, mask):
                    raise FormatError(
                        f"{file}: the label {label} goes on with one that is there as well.",
                        path=file,
                    )
            yield file
        if part.text is not None:
            notes += disagreement(part.video.name, part.text, seen)


def _read_classes(path: Path) -> Mapping[int, str]:
    """Label -> name of its class, as we write them; empty where nothing says so."""
    if not path.is_file():
        return {}
    raw = read_json_file(path)
    is_map = isinstance(raw, dict) and all(
        key.isdecimal() and len(key) < 10 and is_text(name) and name.strip()
        for key, name in raw.items()
    )
    if not is_map:
        raise FormatError(f"{path} must map labels to the names of their classes.", path=path)
    return {int(key): name for key, name in raw.items()}
