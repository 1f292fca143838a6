"""Annotations of CVAT, "for video 1.1" and "for images 1.1": an XML, or the ZIP it comes in.

Of a video each ``<track>`` has a shape a frame, by the frame's number in the video; where it is
``outside`` there is none. Of images each ``<image>`` has its shapes, and those of one
``group_id`` and class are one instance, on that image and on the others. Masks, polygons and
ellipses are read; a box is no mask, and becomes a region to ignore; points, lines, cuboids and
skeletons are left out, and frames of their task then count as complete nowhere.

Source: CVAT, "XML annotation format", version 1.1 (https://docs.cvat.ai/docs/other/xml_format).
"""

from __future__ import annotations

import math
import xml.parsers.expat as expat
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from ifc_core.errors import FormatError
from ifc_core.io.cvat_download import opened_xml
from ifc_core.io.cvat_meta import MOST_FRAMES, Meta, Task
from ifc_core.io.drawn_shapes import (
    box_corners,
    ellipse_mask,
    polygon_mask,
    rows_mask,
    unmasked_notes,
)
from ifc_core.io.pending_tracks import PendingTracks
from ifc_core.io.problems import Reporter, shown
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisHeader, YtvisVideo
from ifc_core.jobs import JobContext, Progress
from ifc_core.structures import RLEMask
from ifc_core.structures.mask import MAX_PIXELS, MAX_SIDE_PX

CVAT_SUFFIXES = (".xml", ".zip")
_BLOCK_BYTES = 1 << 18
_LONGEST_BYTES = 1 << 24  # of an element's start, which the parser holds, and its numbers anew
_DEEPEST = 100  # elements in one another; the parser keeps them all
_MOST_LETTERS = 1 << 16  # of a text in <meta>
_MOST_PLACE = 1e7  # of a shape, in pixels
_MASKS = ("mask", "polygon", "ellipse")
_LEFT_OUT = ("points", "polyline", "cuboid", "skeleton")
_SHAPES = (*_MASKS, "box", *_LEFT_OUT)
_ALONE = 1 << 40  # labels of what belongs to no track and no group


def is_cvat(path: Path, head: bytes) -> bool:
    """Whether a file is an XML of CVAT, or a ZIP that should hold one.

    Args:
        path: The file.
        head: Its first kilobytes.
    """
    if path.suffix.lower() == ".zip":
        return head.startswith(b"PK")
    is_xml = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return is_xml and b"<annotations" in head


def iter_cvat(
    path: Path | str, context: JobContext
) -> Generator[Progress, None, tuple[YtvisHeader, PendingTracks]]:
    """Read annotations of CVAT.

    Args:
        path: The XML, or a ZIP that holds it as ``annotations.xml``.
        context: Progress and cancellation.

    Yields:
        Progress, in kilobytes of the XML.

    Returns:
        Videos and categories, and the tracks. Each task of a video is a video; pictures are one
        video a folder and size, in the order of the file.

    Raises:
        FormatError: The file breaks the format; the message names the line.
    """
    place = Path(path)
    reading = _Reading(place)
    with opened_xml(place) as (file, length):
        done = 0
        while block := file.read(_BLOCK_BYTES):
            reading.feed(block)
            done += len(block)
            yield context.advance(done >> 10, length >> 10, "Reading shapes", "kilobytes")
        reading.feed(b"", is_final=True)
    return reading.found()


@dataclass(slots=True)
class _Pictures:
    """A video that is made of ``<image>`` elements."""

    id: int
    size: tuple[int, int]
    names: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _OpenTrack:
    label: int
    class_id: int
    task: Task
    name: str
    last: tuple[int, bool] | None = None  # frame, and whether it is outside there


class _Reading:
    """Takes an XML in block by block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._report = Reporter(path)
        self._meta = Meta(self._report)
        self._builder = TrackBuilder(tells_labels=False)
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._path_now: list[str] = []
        self._texts: list[str] = []
        self._num_letters = 0  # in them
        self._num_bytes = 0  # that were fed
        self._is_seen = False
        self._track: _OpenTrack | None = None
        self._image: tuple[_Pictures, int] | None = None  # and its place
        self._parts: dict[tuple[int, int, bool, str], list[RLEMask]] = {}  # of the image
        self._pictures: dict[tuple[str, str, tuple[int, int]], _Pictures] = {}
        self._flat_folders: dict[str, str] = {}  # of each task's images that name none
        self._films: dict[str, int] = {}  # task -> video
        self._last_frame: Counter[str] = Counter()  # of each task's tracks
        self._num_videos = 0
        self._num_alone = 0
        self._left_out: Counter[str] = Counter()
        self._incomplete: set[int] = set()  # videos of which something was left out
        self._num_gaps = 0

    def feed(self, block: bytes, *, is_final: bool = False) -> None:
        """Take in the next bytes.

        Raises:
            FormatError: They are no XML of CVAT.
        """
        try:
            self._parser.Parse(block, is_final)
        except expat.ExpatError as error:
            self._report(self._where, f"this is not valid XML ({expat.ErrorString(error.code)}).")
        except (LookupError, ValueError):
            if self._is_seen:
                raise
            self._report(self._where, "its encoding is not known; save it as UTF-8.")
        self._num_bytes += len(block)
        if self._num_bytes - self._parser.CurrentByteIndex > _LONGEST_BYTES:
            self._report(self._where, f"an element has more than {_LONGEST_BYTES >> 20} MB.")
        if is_final and not self._is_seen:
            self._report("", "this is no XML of CVAT: its first element is not <annotations>.")

    def found(self) -> tuple[YtvisHeader, PendingTracks]:
        """Videos, classes and tracks, once all was taken in."""
        videos = sorted((*self._film_videos(), *self._picture_videos()), key=lambda v: v.id)
        lengths = {video.id: video.length for video in videos}
        notes = self._notes()
        incomplete = frozenset(self._incomplete)
        tracks = PendingTracks(self._builder, iter(()), lengths, notes=notes, incomplete=incomplete)
        return YtvisHeader(tuple(videos), self._meta.categories), tracks

    # ---- elements -----------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"

    def _refuse(self, *_: object) -> None:
        self._report(self._where, "a document type has no place in annotations.")

    def _start(self, name: str, told: Mapping[str, str]) -> None:
        if not self._path_now:
            self._is_seen = name == "annotations"
            if not self._is_seen:
                self._report(self._where, f"expected <annotations>, found <{name[:40]}>.")
        self._path_now.append(name)
        self._forget_texts()
        depth = len(self._path_now)
        if depth > _DEEPEST:
            self._report(self._where, f"more than {_DEEPEST} elements lie in one another.")
        if depth == 2 and name == "track":
            self._open_track(told)
        elif depth == 2 and name == "image":
            self._open_image(told)
        elif depth == 3 and name in _SHAPES and self._path_now[1] in ("track", "image"):
            self._take(name, told)

    def _characters(self, text: str) -> None:
        if self._path_now[1:2] == ["meta"]:
            self._num_letters += len(text)
            if self._num_letters <= _MOST_LETTERS:
                self._texts.append(text)

    def _forget_texts(self) -> None:
        self._texts, self._num_letters = [], 0

    def _end(self, name: str) -> None:
        path = tuple(self._path_now)
        self._path_now.pop()
        if path[1:2] == ("meta",):
            if len(path) > 2:
                self._meta.end(path[2:], "".join(self._texts).strip(), self._where)
            else:
                self._meta.close()
        elif path[1:] == ("track",):
            self._track = None
        elif path[1:] == ("image",):
            self._close_image()
        self._forget_texts()

    # ---- tracks of a video --------------------------------------------------------------

    def _open_track(self, told: Mapping[str, str]) -> None:
        class_id = self._meta.category_id(told.get("label"), self._where)
        task = self._task(told)
        if task is None or task.size is None:
            self._report(
                self._where,
                "the file does not say how large the frames of a track are; export it from CVAT "
                "as CVAT for images.",
            )
            return
        number = self._whole(told, "id")
        self._track = _OpenTrack(number, class_id, task, told.get("id", ""))

    def _task(self, told: Mapping[str, str]) -> Task | None:
        tasks = self._meta.tasks
        if "task_id" in told:
            return tasks.get(told["task_id"])
        return next(iter(tasks.values()), None) if len(tasks) == 1 else None

    def _film_id(self, task: Task) -> int:
        if task.id not in self._films:
            self._num_videos += 1
            self._films[task.id] = self._num_videos
        return self._films[task.id]

    def _take_tracked(self, kind: str, told: Mapping[str, str], track: _OpenTrack) -> None:
        frames, number = track.task.frames, self._whole(told, "frame")
        if number >= MOST_FRAMES or (frames is not None and number not in frames):
            self._report(self._where, f"there is no frame {number} in its task.")
            return
        is_outside = told.get("outside") == "1"
        step = 1 if frames is None else frames.step
        if track.last is not None:
            before, was_outside = track.last
            self._num_gaps += not was_outside and number > before + step
        track.last = number, is_outside
        key = track.task.id
        self._last_frame[key] = max(self._last_frame[key], number)
        video_id = self._film_id(track.task)
        if is_outside or track.task.size is None:
            return
        mask = self._mask(kind, told, track.task.size)
        if mask is None:
            self._incomplete.add(video_id)
            return
        place = number if frames is None else frames.index(number)
        if not self._builder.add(
            video_id,
            track.label,
            track.class_id,
            place,
            mask,
            is_crowd=kind == "box",
            name=track.name,
        ):
            self._report(self._where, f"track {track.label} has two shapes on frame {number}.")

    def _film_videos(self) -> Iterator[YtvisVideo]:
        for key, video_id in self._films.items():
            task = self._meta.tasks[key]
            last = self._last_frame[key]
            frames = task.frames or range(last + 1)
            folder = _folder_name(PurePosixPath(task.source).stem or task.name or self._path.stem)
            names = tuple(f"{folder}/frame_{number:06d}.jpg" for number in frames)
            is_whole = frames == range(len(frames))
            height, width = task.size or (0, 0)
            yield YtvisVideo(
                video_id,
                height,
                width,
                len(frames),
                names,
                numbers=() if is_whole else frames,
                is_open=task.frames is None,
            )

    # ---- shapes of images ---------------------------------------------------------------

    def _open_image(self, told: Mapping[str, str]) -> None:
        name = told.get("name", "").replace("\\", "/")
        size = (self._whole(told, "height"), self._whole(told, "width"))
        if not is_safe_name(name):
            self._report(self._where, f"the name {shown(name)} is no path inside the data folder.")
        self._check_size(size)
        path = PurePosixPath(name)
        folder = str(path.parent) if path.parent.parts else self._flat_folder(told, name)
        pictures = self._pictures.get((told.get("task_id", ""), folder, size))
        if pictures is None:
            self._num_videos += 1
            pictures = _Pictures(self._num_videos, size)
            self._pictures[told.get("task_id", ""), folder, size] = pictures
        number = self._whole(told, "id")
        if pictures.numbers and number <= pictures.numbers[-1]:
            self._report(self._where, f"the image {number} comes after {pictures.numbers[-1]}.")
        if len(pictures.numbers) == MOST_FRAMES:
            self._report(self._where, f"a video has {MOST_FRAMES:,} images at most.")
        pictures.names.append(f"{folder}/{path.name}")
        pictures.numbers.append(number)
        self._image = pictures, len(pictures.numbers) - 1

    def _flat_folder(self, told: Mapping[str, str], name: str) -> str:
        """The folder of images that name none: where they lie beside the file, else the task's."""
        key = told.get("task_id", "")
        if key not in self._flat_folders:
            task = self._task(told)
            named = "" if task is None else PurePosixPath(task.source).stem or task.name
            is_beside = (self._path.parent / "images" / name).is_file()
            folder = "images" if is_beside else _folder_name(named or self._path.stem)
            self._flat_folders[key] = folder
        return self._flat_folders[key]

    def _take_on_image(self, kind: str, told: Mapping[str, str]) -> None:
        if self._image is None:
            return
        pictures, _ = self._image
        mask = self._mask(kind, told, pictures.size)
        if mask is None:
            self._incomplete.add(pictures.id)
            return
        class_id = self._meta.category_id(told.get("label"), self._where)
        group = self._whole(told, "group_id") if "group_id" in told else 0
        if not group:
            self._num_alone += 1
        label = group or _ALONE + self._num_alone
        key = (label, class_id, kind == "box", str(group) if group else "")
        self._parts.setdefault(key, []).append(mask)

    def _close_image(self) -> None:
        if self._image is not None:
            pictures, place = self._image
            for (label, class_id, is_box, name), masks in self._parts.items():
                mask = masks[0] if len(masks) == 1 else RLEMask.union(masks)
                at = (pictures.id, label, class_id, place, mask)
                self._builder.add(*at, is_crowd=is_box, name=name)
        self._image = None
        self._parts.clear()

    def _picture_videos(self) -> Iterator[YtvisVideo]:
        for pictures in self._pictures.values():
            numbers = pictures.numbers
            is_whole = numbers == list(range(len(numbers)))
            yield YtvisVideo(
                pictures.id,
                *pictures.size,
                len(numbers),
                tuple(pictures.names),
                numbers=() if is_whole else tuple(numbers),
            )

    # ---- shapes -------------------------------------------------------------------------

    def _take(self, kind: str, told: Mapping[str, str]) -> None:
        if self._track is not None:
            self._take_tracked(kind, told, self._track)
        elif self._image is not None:
            self._take_on_image(kind, told)

    def _mask(self, kind: str, told: Mapping[str, str], size: tuple[int, int]) -> RLEMask | None:
        """The mask of a shape; ``None`` where it has no inside."""
        if kind not in _MASKS:
            self._left_out[kind] += 1
        if kind in _LEFT_OUT:
            return None
        self._check_size(size)
        try:
            return _drawn(kind, told, size)
        except FormatError as error:
            self._report(self._where, str(error), error.expected, error.actual)
        except (ValueError, OverflowError):
            self._report(self._where, f"the numbers of this {kind} cannot be read.")
        return None

    def _whole(self, told: Mapping[str, str], name: str) -> int:
        text = told.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            self._report(self._where, f"{name} must be a whole number, not {shown(text)}.")
            return 0
        return int(text)

    def _check_size(self, size: tuple[int, int]) -> None:
        if not all(1 <= side <= MAX_SIDE_PX for side in size) or size[0] * size[1] > MAX_PIXELS:
            text = f"frames of {size[1]}x{size[0]} pixels cannot be."
            self._report(self._where, text)

    def _notes(self) -> list[str]:
        """Sentences on what is no mask, and on gaps."""
        boxes = self._left_out.pop("box", 0)
        notes = unmasked_notes(boxes, self._left_out)
        if self._num_gaps:
            notes.append(gaps_note(self._num_gaps))
        return notes


def gaps_note(count: int) -> str:
    """That tracks have gaps that may be none, as a sentence."""
    gaps, counted = ("1 gap", "counts") if count == 1 else (f"{count:,} gaps", "count")
    return (
        f"{gaps} between the shapes of tracks, where the file does not say outside, {counted} as "
        "absence: it seems to hold key frames alone."
    )


def _drawn(kind: str, told: Mapping[str, str], size: tuple[int, int]) -> RLEMask:
    """The mask of a shape that has an inside.

    Raises:
        FormatError: It is none.
        ValueError: Its numbers are none.
    """
    if kind == "mask":
        runs = [int(run) for run in told.get("rle", "").split(",")]
        left, top, across, down = (int(told.get(n, "")) for n in ("left", "top", "width", "height"))
        return rows_mask(runs, (left, top, across, down), size)
    if kind == "polygon":
        pairs = [pair.split(",") for pair in told.get("points", "").split(";")]
        return polygon_mask(np.array(pairs, dtype=np.float64).reshape(-1, 2), size)
    turn = _place(told, "rotation") if "rotation" in told else 0.0
    if kind == "box":
        left_x, top_y, right_x, bottom_y = (_place(told, n) for n in ("xtl", "ytl", "xbr", "ybr"))
        return polygon_mask(box_corners(left_x, top_y, right_x, bottom_y, turn), size)
    x, y, radius_x, radius_y = (_place(told, n) for n in ("cx", "cy", "rx", "ry"))
    return ellipse_mask((x, y), (radius_x, radius_y), turn, size)


def _place(told: Mapping[str, str], name: str) -> float:
    value = float(told.get(name, ""))
    if not math.isfinite(value) or abs(value) > _MOST_PLACE:
        raise ValueError(name)
    return value


def _folder_name(text: str) -> str:
    """A name as that of a folder."""
    name = text.replace("/", "_").replace("\\", "_").strip()
    return name if is_safe_name(name) else "video"
