"""Folders of the Cell Tracking Challenge: a TIFF of labels a frame, and a text of tracks.

Layout: ``<video>_RES/mask000.tif`` whose values are the labels, and ``res_track.txt`` with lines
``label begin end parent``. Truth is laid out as ``<video>_GT/TRA/man_track000.tif`` with
``man_track.txt``; where ``<video>_ST/SEG`` holds outlines with the labels of that truth, which
often shows no more than a spot of each cell, those are read. Pictures lie in ``<video>``.

A label has a mask on every frame from its begin to its end: a track with a gap is written as
several labels, each the parent of the next, and is one track again when it is read. Other parents
are divisions, of which nothing is kept: mother and daughters are tracks of their own, and every
track that is written says 0. Classes are kept beside the masks, in ``classes.json``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.flatten import flatten_frame
from ifc_core.io.frame_list import MAX_FRAMES, natural_key
from ifc_core.io.frame_source import FileFrames, FrameSource, paint_order
from ifc_core.io.json_file import read_json_file
from ifc_core.io.label_images import iter_label_masks, read_labels, write_label_tiff
from ifc_core.io.mots import frame_numbers
from ifc_core.io.problems import is_text
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader, YtvisTrack, YtvisVideo
from ifc_core.structures import Category

TEXTS = ("res_track.txt", "man_track.txt")
DEFAULT_CLASS = "cell"

_RESULT, _TRUTH, _OUTLINES = "_RES", "_GT", "_ST"
_CLASSES = "classes.json"
_MOST_LABELS = 65_535
_FOUND = "mask"
_MASK = re.compile(rf"^({_FOUND}|man_track|man_seg)(\d{{3,9}})\.tiff?$", re.IGNORECASE | re.ASCII)


def write_ctc(file: YtvisFile, folder: Path | str) -> int:
    """Write a folder from a file in memory; see :func:`write_ctc_frames`."""
    return write_ctc_frames(FileFrames(file), folder)


def write_ctc_frames(source: FrameSource, folder: Path | str) -> int:
    """Write a folder of results, whole or not at all, one frame in memory at a time.

    Crowd regions are left out.

    Args:
        source: Videos, categories, tracks and masks.
        folder: The target, which must not exist or be empty.

    Returns:
        Pixels lost because they lie under other masks.

    Raises:
        FormatError: A video has more than 65,535 labels, or a name that cannot be that of a
            folder.
        OutputError: The target cannot be written.
    """
    header = source.header
    hidden = 0
    with atomic_folder(folder) as root:
        for video in header.videos:
            if not is_safe_name(video.name) or "/" in video.name:
                raise FormatError(f"The video name {video.name!r} cannot be used as a folder.")
            hidden += _write_video(root / f"{video.name}{_RESULT}", source, video)
    return hidden


@dataclass(slots=True)
class _Piece:
    """A stretch of a track without a gap."""

    label: int
    begin: int
    end: int
    parent: int
    last_place: int


@dataclass(slots=True)
class _Pieces:
    """Gives the tracks of a video their labels, a new one after each gap."""

    now: dict[int, _Piece] = field(default_factory=dict)  # by the place of the track
    all: list[_Piece] = field(default_factory=list)

    def label(self, track: int, place: int, number: int) -> int:
        """The label of a track on a frame: the ``place``-th one, which is called ``number``."""
        piece = self.now.get(track)
        if piece is None or piece.last_place < place - 1:
            parent = 0 if piece is None else piece.label
            piece = _Piece(len(self.all) + 1, number, number, parent, place)
            self.all.append(piece)
            self.now[track] = piece
        piece.end, piece.last_place = number, place
        return piece.label


def _write_video(folder: Path, source: FrameSource, video: YtvisVideo) -> int:
    folder.mkdir(parents=True)
    numbers = frame_numbers(video)
    digits = max(3, len(str(numbers[-1])))
    tracks = source.tracks(video.id)
    order = [place for place in paint_order(tracks) if not tracks[place].is_crowd]
    pieces, classes, hidden = _Pieces(), dict[int, int](), 0
    for place, number in enumerate(numbers):
        masks = source.masks(video.id, place)
        shown = ((t + 1, masks[tracks[t].id]) for t in order if tracks[t].id in masks)
        frame = flatten_frame(shown, (video.height, video.width))
        hidden += frame.hidden_pixels
        table = np.zeros(len(tracks) + 1, np.int64)
        for value in np.unique(frame.labels).tolist():  # what is wholly covered is not there
            if value:
                table[value] = pieces.label(value - 1, place, number)
                classes[int(table[value])] = tracks[value - 1].category_id
        if len(pieces.all) > _MOST_LABELS:
            raise FormatError(
                f"{video.name} needs more than {_MOST_LABELS:,} labels, which is all that 16 bits "
                "hold."
            )
        write_label_tiff(
            table[frame.labels].astype(np.uint16), folder / f"mask{number:0{digits}d}.tif"
        )
    lines = (f"{p.label} {p.begin} {p.end} {p.parent}\n" for p in pieces.all)
    (folder / TEXTS[0]).write_text("".join(lines), "ascii")
    names = {category.id: category.name for category in source.header.categories}
    told = {str(label): names[category] for label, category in sorted(classes.items())}
    (folder / _CLASSES).write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
    return hidden


def read_ctc(folder: Path | str) -> YtvisFile:
    """Read a folder into memory; see :func:`stream_ctc`."""
    header, tracks = stream_ctc(folder)
    return YtvisFile(header.videos, header.categories, tuple(tracks))


def stream_ctc(folder: Path | str) -> tuple[YtvisHeader, Iterator[YtvisTrack]]:
    """Read results or truth of the Cell Tracking Challenge.

    The masks wait on disk until their track's turn comes.

    Args:
        folder: A folder of masks, or one that holds such folders as the challenge names them.
            Where it holds both truth and results of a video, the truth is read.

    Returns:
        Videos and categories, and the tracks. A video ends with the last mask that there is.

    Raises:
        FormatError: There are no masks, or masks and text do not agree.
    """
    root = Path(folder)
    places = mask_folders(root)
    if not places:
        raise FormatError(f"{root} holds no masks of the Cell Tracking Challenge.", path=root)
    builder = TrackBuilder()
    categories: dict[str, int] = {}
    videos = []
    for number, (name, place) in enumerate(sorted(places.items(), key=_by_name), start=1):
        videos.append(_read_video(name, place, number, builder, categories))
    kept = categories or {DEFAULT_CLASS: 1}
    tracks = builder.tracks({video.id: video.length for video in videos})
    known = tuple(Category(number, name) for name, number in kept.items())
    return YtvisHeader(tuple(videos), known), tracks


def mask_folders(root: Path) -> dict[str, Path]:
    """The folders of masks of a folder by the names of their videos; of each video the best one.

    Args:
        root: It may be such a folder itself. What cannot be read holds none.
    """
    try:
        if _mask_files(root):
            return {_video_name(root): root}
        inside = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError:
        return {}
    found: dict[str, Path] = {}
    # Of a video's folders the last one counts.
    for ending, below in ((_RESULT, ""), (_TRUTH, "TRA"), (_OUTLINES, "SEG")):
        for path in inside:
            name = path.name.removesuffix(ending)
            if name and name != path.name and _mask_files(path / below):
                found[name] = path / below
    return found


def holds_results(folder: Path | str) -> bool:
    """Whether the masks of a folder are results, what a program found, and not truth."""
    files = (_mask_files(place) for place in mask_folders(Path(folder)).values())
    return any(file.name.lower().startswith(_FOUND) for masks in files for file in masks.values())


def _by_name(item: tuple[str, Path]) -> tuple[tuple[int, int, str], ...]:
    return natural_key(item[0])


def _video_name(folder: Path) -> str:
    """The video of a folder of masks, by its own name or that of the one around it."""
    for name in (folder.resolve().name, folder.resolve().parent.name):
        for ending in (_RESULT, _TRUTH, _OUTLINES):
            if len(name) > len(ending) and name.endswith(ending):
                return name.removesuffix(ending)
    return folder.resolve().name or "video"


def _mask_files(folder: Path) -> dict[int, Path]:
    """Frame number -> mask; none where the folder cannot be read."""
    found: dict[int, Path] = {}
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return {}
    for name in names:
        match = _MASK.match(name)
        if match is not None and int(match.group(2)) < MAX_FRAMES:
            found[int(match.group(2))] = folder / name
    return dict(sorted(found.items()))


def _read_video(
    name: str,
    folder: Path,
    video_id: int,
    builder: TrackBuilder,
    categories: dict[str, int],
) -> YtvisVideo:
    files = _mask_files(folder)
    lines = _read_text(folder)
    classes = _read_classes(folder / _CLASSES)
    first_of = _first_pieces(lines)
    size: tuple[int, ...] = ()
    places = {number: place for place, number in enumerate(files)}
    for number, file in files.items():
        labels: npt.NDArray[np.uint16] = read_labels(file)
        size = size or labels.shape
        if labels.shape != size:
            raise FormatError(f"{file} differs in size from the first frame.", path=file)
        for label, mask in iter_label_masks(labels):
            first = first_of.get(label, label)
            known = classes.get(first, DEFAULT_CLASS)
            category = categories.setdefault(known, len(categories) + 1)
            if not builder.add(video_id, first, category, places[number], mask):
                raise FormatError(
                    f"{file}: the label {label} goes on with one that is there as well.", path=file
                )
    frames = tuple(f"{name}/{number:06d}.tif" for number in files)
    return YtvisVideo(video_id, size[0], size[1], len(files), frames)


def _read_text(folder: Path) -> list[tuple[int, int, int, int]]:
    """Lines (label, begin, end, parent); none where there is no text.

    Outlines have that of the truth beside them.
    """
    truth = folder.parent.parent / f"{_video_name(folder)}{_TRUTH}" / "TRA"
    for path in (*(folder / text for text in TEXTS), truth / TEXTS[1]):
        if path.is_file():
            return [_parse(line, path, n) for n, line in _lines(path) if line.strip()]
    return []


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="ascii") as file:
            yield from enumerate(file, start=1)
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is not a text of tracks.", path=path) from error


def _parse(line: str, path: Path, number: int) -> tuple[int, int, int, int]:
    fields = line.split()
    if len(fields) != 4 or not all(f.isdecimal() and len(f) < 10 for f in fields):
        raise FormatError(
            f"{path}, line {number}: expected 'label begin end parent'.",
            path=path,
            where=f"line {number}",
        )
    label, begin, end, parent = (int(f) for f in fields)
    return label, begin, end, parent


def _first_pieces(lines: Sequence[tuple[int, int, int, int]]) -> dict[int, int]:
    """Label -> label of the first piece of its track, where it goes on with one after a gap."""
    ends = {label: end for label, _, end, _ in lines}
    children = Counter(parent for _, _, _, parent in lines)
    first_of: dict[int, int] = {}
    for label, begin, _, parent in sorted(lines, key=lambda line: line[1]):
        goes_on = children[parent] == 1 and ends.get(parent, begin) < begin - 1
        first_of[label] = first_of.get(parent, parent) if goes_on else label
    return first_of


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
