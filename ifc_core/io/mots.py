"""MOTS folders, as text and as 16-bit PNGs.

Layout: ``instances_txt/<video>.txt`` with lines ``frame id class height width rle`` and
``instances/<video>/000000.png`` whose values are the ids; an id is 1000 times the class plus the
instance, and 10000 (class 10) marks a region to ignore. ``categories.json`` names the classes; a
folder without it has class 1 "car" and class 2 "pedestrian". Masks may not overlap; the z-order
decides what is seen.

Frames are written under the numbers that their pictures have, so that a part of a video stays where
it was. Text names no frame without a mask: ``frames.json`` lists the frames that are covered.

The format leaves open where frames begin: KITTI MOTS, and what is written here, numbers them from
0, MOTSChallenge from 1. The pictures of a video say so where there are any; else a folder that is
not ours and whose lowest frame is 1 is taken to be of MOTSChallenge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

from ifc_core.errors import FormatError, VideoError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.flatten import flat_frames
from ifc_core.io.frame_list import MAX_FRAMES, list_frames, natural_key, numbers_at_end
from ifc_core.io.frame_source import FileFrames, FrameSource, TrackHead
from ifc_core.io.json_file import read_json_file
from ifc_core.io.label_images import iter_label_masks, read_labels, write_deep_png
from ifc_core.io.problems import is_text
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask

IGNORE_CLASS = 10
_STEP = 1000
_MAX_CLASS = 64
_CATEGORIES = "categories.json"
_FRAMES = "frames.json"
_KNOWN = {1: "car", 2: "pedestrian"}
_MOST_CLASSES = 10**6  # ids have nine digits, of which three are the instance
_MOST_UNLISTED = 1_000_000  # frames that one line may claim; each of them needs memory
_NUMBER = re.compile(r"\d{1,9}$", re.ASCII)


def write_mots(file: YtvisFile, folder: Path | str) -> int:
    """Write a MOTS folder from a file in memory; see :func:`write_mots_frames`."""
    return write_mots_frames(FileFrames(file), folder)


def write_mots_frames(source: FrameSource, folder: Path | str) -> int:
    """Write a MOTS folder with text and PNGs, whole or not at all, frame by frame.

    Args:
        source: Videos, categories, tracks and masks.
        folder: The target, which must not exist or be empty.

    Returns:
        Pixels lost because they lie under other masks.

    Raises:
        FormatError: More classes or instances than the ids of MOTS have room for, or a video
            name that cannot be a file name.
        OutputError: The target cannot be written.
    """
    header = source.header
    classes = _class_numbers(header.categories)
    hidden = 0
    with atomic_folder(folder) as root:
        (root / "instances_txt").mkdir()
        for video in header.videos:
            if not is_safe_name(video.name) or "/" in video.name:
                raise FormatError(f"The video name {video.name!r} cannot be used as a file name.")
            labels = _labels(source.tracks(video.id), classes, video)
            hidden += _write_video(root, source, video, labels)
        names = {str(classes[c.id]): c.name for c in header.categories}
        text = json.dumps(names, indent=1, ensure_ascii=False)
        (root / _CATEGORIES).write_text(text, "utf-8")
        frames = {video.name: list(frame_numbers(video)) for video in header.videos}
        (root / _FRAMES).write_text(json.dumps(frames, ensure_ascii=False), "utf-8")
    return hidden


def frame_numbers(video: YtvisVideo) -> tuple[int, ...]:
    """The numbers under which a video's frames are written: those of its pictures' names.

    Where the names hold no ascending numbers the frames are counted from 0.
    """
    numbers = numbers_at_end([PurePosixPath(name).stem for name in video.file_names])
    return tuple(range(video.length)) if numbers is None else numbers


def _class_numbers(categories: Sequence[Category]) -> dict[int, int]:
    """Category id -> class, the same where the ids of MOTS have room for it."""
    ids = [category.id for category in categories]
    if all(1 <= i <= _MAX_CLASS and i != IGNORE_CLASS for i in ids):
        return {i: i for i in ids}
    free = [number for number in range(1, _MAX_CLASS + 1) if number != IGNORE_CLASS]
    if len(ids) > len(free):
        raise FormatError(f"MOTS holds {len(free)} classes; there are {len(ids)}.")
    return dict(zip(ids, free, strict=False))


def _labels(
    tracks: Sequence[TrackHead], classes: Mapping[int, int], video: YtvisVideo
) -> dict[int, int]:
    counts: dict[int, int] = {}
    labels: dict[int, int] = {}
    for track in tracks:
        if track.is_crowd:
            labels[track.id] = IGNORE_CLASS * _STEP
            continue
        number = classes[track.category_id]
        instance = counts.get(number, 0)
        if instance >= _STEP:
            raise FormatError(f"{video.name} has more than 1000 tracks of one class.")
        counts[number] = instance + 1
        labels[track.id] = number * _STEP + instance
    return labels


def _write_video(
    root: Path, source: FrameSource, video: YtvisVideo, labels: Mapping[int, int]
) -> int:
    folder = root / "instances" / video.name
    folder.mkdir(parents=True)
    hidden = 0
    with (root / "instances_txt" / f"{video.name}.txt").open("w", encoding="ascii") as out:
        frames = flat_frames(source, video, labels)
        for number, frame in zip(frame_numbers(video), frames, strict=True):
            hidden += frame.hidden_pixels
            write_deep_png(frame.labels, folder / f"{number:06d}.png")
            for label, mask in iter_label_masks(frame.labels):
                rle = mask.counts.decode("ascii")
                kind = label // _STEP
                out.write(f"{number} {label} {kind} {video.height} {video.width} {rle}\n")
    return hidden


def read_mots(folder: Path | str) -> YtvisFile:
    """Read a MOTS folder into memory; see :func:`stream_mots`."""
    header, tracks = stream_mots(folder)
    return YtvisFile(header.videos, header.categories, tuple(tracks))


def stream_mots(folder: Path | str) -> tuple[YtvisHeader, Iterator[YtvisTrack]]:
    """Read a MOTS folder, from its PNGs where they are there and else from its text.

    The masks wait on disk until their track's turn comes.

    Args:
        folder: The root (with ``instances`` or ``instances_txt``), or a folder of text files
            or of folders of PNGs.

    Returns:
        Videos and categories, and the tracks. A video that is read from text has the frames of
        ``frames.json``, and without it ends with its last frame with a mask.

    Raises:
        FormatError: There are no annotations, or they are broken.
    """
    root = Path(folder)
    names = _read_names(root / _CATEGORIES)
    builder = TrackBuilder()
    classes: set[int] = set(names)
    videos: list[YtvisVideo] = []
    pictures = root / "instances" if (root / "instances").is_dir() else root
    texts = root / "instances_txt" if (root / "instances_txt").is_dir() else root
    folders = sorted({file.parent for file in pictures.glob("*/*.png")}, key=_by_name)
    for place in folders:
        videos.append(_read_pictures(place, len(videos) + 1, builder, classes))
    files = [] if folders else sorted(texts.glob("*.txt"), key=_by_name)
    lowest = min((f for file in files for f in _frame_numbers(file)), default=0)
    usual = 1 if lowest == 1 and not names else 0
    covered = _read_frames(root / _FRAMES) if files else {}
    for place in files:
        numbers = covered.get(place.stem)
        if numbers is None:
            first = _first_picture(root / "images" / place.stem, usual)
            numbers = range(first, first + _MOST_UNLISTED)
        videos.append(_read_text(place, len(videos) + 1, builder, classes, numbers))
    if not videos:
        raise FormatError(f"{root} holds no MOTS annotations (text or PNGs).", path=root)
    categories = tuple(
        Category(number, names.get(number) or _KNOWN.get(number, f"class {number}"))
        for number in sorted(classes or {1})
    )
    tracks = builder.tracks({video.id: video.length for video in videos})
    return YtvisHeader(tuple(videos), categories), tracks


def _by_name(path: Path) -> tuple[tuple[int, int, str], ...]:
    return natural_key(path.name)


def _read_names(path: Path) -> dict[int, str]:
    if not path.is_file():
        return {}
    try:
        raw = json.loads(path.read_text("utf-8"))
        names = {int(number): name for number, name in raw.items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} must map class numbers to names.", path=path) from error
    are_names = all(is_text(n) and n.strip() for n in names.values())
    if not are_names or not all(1 <= number < _MOST_CLASSES for number in names):
        raise FormatError(f"{path} must map class numbers to names.", path=path)
    return names


def _read_frames(path: Path) -> dict[str, Sequence[int]]:
    """The frames that each video covers, as we write them; empty where nothing says so."""
    if not path.is_file():
        return {}
    raw = read_json_file(path)
    if not isinstance(raw, dict) or not all(map(_are_frames, raw.values())):
        raise FormatError(f"{path} must map videos to their ascending frame numbers.", path=path)
    return raw


def _are_frames(value: object) -> bool:
    """Whether a value is a list of frame numbers, ascending and not empty."""
    if not isinstance(value, list) or not value or not all(type(n) is int for n in value):
        return False
    is_ascending = all(a < b for a, b in pairwise(value))
    return is_ascending and value[0] >= 0 and value[-1] < MAX_FRAMES


def _add(
    builder: TrackBuilder,
    classes: set[int],
    video_id: int,
    label: int,
    frame: int,
    mask: RLEMask,
) -> bool:
    is_ignored = label // _STEP == IGNORE_CLASS
    category = min(classes or {1}) if is_ignored else label // _STEP
    classes.add(category)
    return builder.add(video_id, label, category, frame, mask, is_crowd=is_ignored)


def _read_pictures(
    folder: Path, video_id: int, builder: TrackBuilder, classes: set[int]
) -> YtvisVideo:
    files = sorted(folder.glob("*.png"), key=_by_name)
    size: tuple[int, ...] = ()
    for index, file in enumerate(files):
        labels = read_labels(file)
        size = size or labels.shape
        if labels.shape != size:
            raise FormatError(f"{file} differs in size from the first frame.", path=file)
        for label, mask in iter_label_masks(labels):
            if label < _STEP:
                raise FormatError(
                    f"{file} holds the id {label}; ids of MOTS begin at 1000.", path=file
                )
            _add(builder, classes, video_id, label, index, mask)
    frames = tuple(f"{folder.name}/{file.stem}.jpg" for file in files)
    return YtvisVideo(video_id, size[0], size[1], len(files), frames)


def _frame_numbers(path: Path) -> Iterator[int]:
    """The frames that the lines of a text file name, so far as they are numbers."""
    for line in _lines(path):
        number = line.split(maxsplit=1)[:1]
        if number and number[0].isdecimal() and len(number[0]) < 10:
            yield int(number[0])


def _first_picture(folder: Path, usual: int) -> int:
    """Number of a video's first picture; the usual one where there are no numbered pictures."""
    try:
        number = _NUMBER.search(list_frames(folder)[0].stem) if folder.is_dir() else None
    except (VideoError, IndexError):
        return usual
    return usual if number is None else int(number.group())


def _read_text(
    path: Path,
    video_id: int,
    builder: TrackBuilder,
    classes: set[int],
    numbers: Sequence[int],
) -> YtvisVideo:
    """Read one text file whose frames have these numbers; a range ends with the last mask."""
    size: tuple[int, int] | None = None
    is_open = isinstance(numbers, range)
    places = numbers if is_open else {frame: place for place, frame in enumerate(numbers)}
    length = 1 if is_open else len(numbers)
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        frame, label, mask = _parse_line(line, path, number)
        if frame < numbers[0]:
            raise FormatError(f"{path}, line {number}: the video begins at frame {numbers[0]}.")
        if frame not in places and is_open:
            raise FormatError(
                f"{path}, line {number}: frame {frame} is too far; without {_FRAMES} a video has "
                f"{_MOST_UNLISTED:,} frames at most."
            )
        if frame not in places:
            raise FormatError(f"{path}, line {number}: {_FRAMES} does not list frame {frame}.")
        place = frame - numbers[0] if is_open else places[frame]
        size = size or mask.size
        if mask.size != size:
            raise FormatError(f"{path}, line {number}: the size differs from the first line's.")
        if not _add(builder, classes, video_id, label, place, mask):
            raise FormatError(f"{path}, line {number}: id {label} occurs twice on frame {frame}.")
        length = max(length, place + 1)
    if size is None:
        raise FormatError(f"{path} holds no masks.", path=path)
    shown = range(length) if is_open else numbers
    name = path.stem  # once, and not for each of a million frames
    names = tuple(f"{name}/{frame:06d}.jpg" for frame in shown)
    return YtvisVideo(video_id, size[0], size[1], length, names)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="ascii") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is not a MOTS text file.", path=path) from error


def _parse_line(line: str, path: Path, number: int) -> tuple[int, int, RLEMask]:
    fields = line.split()
    where = f"{path}, line {number}"
    if len(fields) != 6 or not all(f.isdecimal() and len(f) < 10 for f in fields[:5]):
        raise FormatError(
            f"{where}: expected 'frame id class height width rle'.",
            path=path,
            where=f"line {number}",
        )
    frame, label, kind, height, width = (int(field) for field in fields[:5])
    if label // _STEP != kind or kind < 1 or frame >= MAX_FRAMES:
        raise FormatError(f"{where}: the id {label} does not belong to class {kind}.", path=path)
    try:
        return frame, label, RLEMask.from_coco({"size": [height, width], "counts": fields[5]})
    except FormatError as error:
        raise FormatError(f"{where}: {error}", path=path, where=f"line {number}") from error
