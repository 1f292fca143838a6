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
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path, PurePosixPath

from ifc_core.errors import FormatError, VideoError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.flatten import flat_frames
from ifc_core.io.frame_list import MAX_FRAMES, list_frames, natural_key, numbers_at_end
from ifc_core.io.frame_source import FileFrames, FrameSource, TrackHead
from ifc_core.io.json_file import read_json_file
from ifc_core.io.label_images import iter_label_masks, label_size, read_labels, write_deep_png
from ifc_core.io.pending_tracks import PendingClasses, PendingTracks
from ifc_core.io.problems import is_text
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader, YtvisVideo
from ifc_core.jobs import JobContext, Progress
from ifc_core.structures import Category, RLEMask

IGNORE_CLASS = 10
_STEP = 1000
_MAX_CLASS = 64
_CATEGORIES = "categories.json"
_FRAMES = "frames.json"
_KNOWN = {1: "car", 2: "pedestrian"}
_MOST_CLASSES = 10**6  # ids have nine digits, of which three are the instance
_MOST_UNLISTED = 1_000_000  # frames that one line may claim; each of them needs memory
_FEW_UNLISTED, _UNLISTED_A_MASK = 20_000, 1000  # and each is stored as one without a mask
_LINES_A_STEP = 5000  # lines of some hundred letters, in a few milliseconds
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
    found = tuple(tracks)
    return YtvisFile(header.videos, tuple(header.categories), found)


def stream_mots(folder: Path | str) -> tuple[YtvisHeader, PendingTracks]:
    """Read a MOTS folder; see :func:`iter_mots`, whose steps are taken here."""
    steps = iter_mots(folder, JobContext())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: tuple[YtvisHeader, PendingTracks] = end.value
            return found


def iter_mots(
    folder: Path | str, context: JobContext, first_number: int | None = None
) -> Generator[Progress, None, tuple[YtvisHeader, PendingTracks]]:
    """Read a MOTS folder, from its PNGs where they are there and else from its text.

    A text is looked through first, since its last frame says how long its video is. The masks are
    not read yet: the tracks have ``steps`` for that. They wait on disk until their track's turn
    comes.

    Args:
        folder: The root (with ``instances`` or ``instances_txt``), or a folder of text files
            or of folders of PNGs.
        context: Progress and cancellation.
        first_number: The number of a video's first frame, 0 or 1, where a text alone tells frames;
            by default it is found out.

    Yields:
        Progress, after every few thousand lines of text that were looked through.

    Returns:
        Videos and categories, and the tracks. A video that is read from text has the frames of
        ``frames.json``, and without it ends with its last frame with a mask.

    Raises:
        FormatError: There are no annotations, or a video's first one or what is beside them is
            broken; from the tracks also where another mask is.
    """
    root = Path(folder)
    names = _read_names(root / _CATEGORIES)
    parts: Sequence[_Pictures | _Text] = _picture_parts(root)
    if not parts:
        parts = yield from _text_parts(root, context, first_number, is_ours=bool(names))
    if not parts:
        raise FormatError(f"{root} holds no MOTS annotations (text or PNGs).", path=root)
    builder = TrackBuilder()
    classes: set[int] = set(names)
    lengths = {part.video.id: part.video.length for part in parts}
    tracks = PendingTracks(builder, _read_masks(parts, builder, classes), lengths)
    found = PendingClasses(lambda: _categories(classes, names))
    videos = tuple(part.video for part in parts)
    return YtvisHeader(videos, found), tracks


def _categories(classes: Collection[int], names: Mapping[int, str]) -> tuple[Category, ...]:
    return tuple(
        Category(number, names.get(number) or _KNOWN.get(number, f"class {number}"))
        for number in sorted(classes or {1})
    )


@dataclass(frozen=True, slots=True)
class _Pictures:
    """A video, and its pictures of labels."""

    video: YtvisVideo
    files: Sequence[Path]


@dataclass(frozen=True, slots=True)
class _Text:
    """A video, and its text: the lines with a mask, and where the frames lie that they name."""

    video: YtvisVideo
    path: Path
    num_masks: int
    numbers: Sequence[int]


def _picture_parts(root: Path) -> list[_Pictures]:
    base = root / "instances" if (root / "instances").is_dir() else root
    parts: list[_Pictures] = []
    for folder in sorted({file.parent for file in base.glob("*/*.png")}, key=_by_name):
        files = sorted(folder.glob("*.png"), key=_by_name)
        frames = tuple(f"{folder.name}/{file.stem}.jpg" for file in files)
        video = YtvisVideo(len(parts) + 1, *label_size(files[0]), len(files), frames)
        parts.append(_Pictures(video, files))
    return parts


def _text_parts(
    root: Path, context: JobContext, first_number: int | None, *, is_ours: bool
) -> Generator[Progress, None, list[_Text]]:
    base = root / "instances_txt" if (root / "instances_txt").is_dir() else root
    found: list[_Overview] = []
    for path in sorted(base.glob("*.txt"), key=_by_name):
        found.append((yield from _look_through(path, sum(t.num_lines for t in found), context)))
    lowest = min((text.lowest for text in found), default=0)
    usual = first_number
    if usual is None:
        usual = 1 if lowest == 1 and not is_ours else 0
    covered = _read_frames(root / _FRAMES) if found else {}
    parts: list[_Text] = []
    for text in found:
        name = text.path.stem  # once, and not for each of a million frames
        numbers = shown = covered.get(name, ())
        told = None if numbers else _first_picture(root / "images" / name)
        if not numbers:
            first = usual if told is None else told
            numbers = range(first, first + _MOST_UNLISTED)
            if text.highest >= numbers.stop:
                raise FormatError(
                    f"{text.path}, line {text.line_of_highest}: frame {text.highest} is too far; "
                    f"without {_FRAMES} a video has {_MOST_UNLISTED:,} frames at most."
                )
            most = _FEW_UNLISTED + _UNLISTED_A_MASK * text.num_masks
            if text.highest >= first + most:
                masks = "1 mask" if text.num_masks == 1 else f"{text.num_masks} masks"
                raise FormatError(
                    f"{text.path}, line {text.line_of_highest}: frame {text.highest} is too far "
                    f"for a text of {masks}; {_FRAMES} can say which frames its video has."
                )
            numbers = range(first, max(text.highest, first) + 1)
            shown = range(len(numbers))
        frames = tuple(f"{name}/{frame:06d}.jpg" for frame in shown)
        is_open = isinstance(numbers, range)
        is_guessed = is_open and told is None and first_number is None and not is_ours
        shape = (*text.size, len(numbers))
        as_read = numbers if is_guessed and lowest > 0 else ()
        video = YtvisVideo(len(parts) + 1, *shape, frames, numbers=as_read, is_open=is_open)
        parts.append(_Text(video, text.path, text.num_masks, numbers))
    return parts


def _read_masks(
    parts: Sequence[_Pictures | _Text], builder: TrackBuilder, classes: set[int]
) -> Iterator[Path]:
    """Gather the masks of all videos, a frame with each item, and add the classes they have."""
    for part in parts:
        if isinstance(part, _Pictures):
            yield from _read_pictures(part, builder, classes)
        else:
            yield from _read_text(part, builder, classes)


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


def _read_pictures(part: _Pictures, builder: TrackBuilder, classes: set[int]) -> Iterator[Path]:
    video = part.video
    for index, file in enumerate(part.files):
        labels = read_labels(file)
        if labels.shape != (video.height, video.width):
            raise FormatError(f"{file} differs in size from the first frame.", path=file)
        for label, mask in iter_label_masks(labels):
            if label < _STEP:
                raise FormatError(
                    f"{file} holds the id {label}; ids of MOTS begin at 1000.", path=file
                )
            _add(builder, classes, video.id, label, index, mask)
        yield file


@dataclass(frozen=True, slots=True)
class _Overview:
    """What a text says before its masks are looked at."""

    path: Path
    size: tuple[int, int]
    num_masks: int
    lowest: int
    highest: int
    line_of_highest: int
    num_lines: int


def _look_through(
    path: Path, before: int, context: JobContext
) -> Generator[Progress, None, _Overview]:
    """The frames that the lines of a text name, so far as they are numbers, and how many lines."""
    size: tuple[int, int] | None = None
    num_masks, lowest, highest, line_of_highest, number = 0, MAX_FRAMES, -1, 0, 0
    for number, line in enumerate(_lines(path), start=1):
        if not (before + number) % _LINES_A_STEP:
            yield context.advance(before + number, None, "Reading masks", "lines")
        first = line.split(maxsplit=1)[:1]
        if not first:
            continue
        if size is None:
            size = _parse_line(line, path, number)[2].size
        num_masks += 1
        if first[0].isdecimal() and len(first[0]) < 10:
            frame = int(first[0])
            lowest = min(lowest, frame)
            if frame > highest:
                highest, line_of_highest = frame, number
    if size is None:
        raise FormatError(f"{path} holds no masks.", path=path)
    return _Overview(path, size, num_masks, lowest, highest, line_of_highest, number)


def _first_picture(folder: Path) -> int | None:
    """Number of a video's first picture; ``None`` where there are no numbered pictures."""
    try:
        number = _NUMBER.search(list_frames(folder)[0].stem) if folder.is_dir() else None
    except (VideoError, IndexError):
        return None
    return None if number is None else int(number.group())


def _read_text(part: _Text, builder: TrackBuilder, classes: set[int]) -> Iterator[Path]:
    """Gather the masks of a text; as many items as frames, each after its share of the lines."""
    path, video, numbers = part.path, part.video, part.numbers
    is_row = isinstance(numbers, range)  # whose places are known without a table
    places = numbers if is_row else {frame: place for place, frame in enumerate(numbers)}
    num_masks = num_items = 0
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        frame, label, mask = _parse_line(line, path, number)
        if frame < numbers[0]:
            raise FormatError(f"{path}, line {number}: the video begins at frame {numbers[0]}.")
        if frame not in places:
            raise FormatError(f"{path}, line {number}: {_FRAMES} does not list frame {frame}.")
        if mask.size != (video.height, video.width):
            raise FormatError(f"{path}, line {number}: the size differs from the first line's.")
        place = frame - numbers[0] if is_row else places[frame]
        if not _add(builder, classes, video.id, label, place, mask):
            raise FormatError(f"{path}, line {number}: id {label} occurs twice on frame {frame}.")
        num_masks += 1
        due = num_masks * video.length // part.num_masks
        yield from repeat(path, due - num_items)
        num_items = due


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
