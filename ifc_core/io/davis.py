"""DAVIS folders: a picture with a palette for each frame, its indices are the objects.

Layout as in DAVIS 2017: ``Annotations/480p/<video>/00000.png`` (``Full-Resolution`` for other
heights), ``ImageSets/2017/all.txt``, and ``davis_semantics.json`` with the class of each object.
Index 255 is void: crowd regions are written so. A DAVIS 2016 folder, whose only index is 255 and
which has no such file, is read as one object a video. Masks may not overlap; the z-order decides
what is seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.flatten import flat_frames
from ifc_core.io.frame_list import natural_key
from ifc_core.io.frame_source import FileFrames, FrameSource, TrackHead
from ifc_core.io.json_file import read_json_file
from ifc_core.io.label_images import (
    iter_label_masks,
    label_size,
    read_labels,
    write_palette_png,
)
from ifc_core.io.pending_tracks import PendingClasses, PendingTracks
from ifc_core.io.problems import is_text
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader, YtvisVideo
from ifc_core.structures import Category, RLEMask

VOID = 255
RESOLUTIONS = ("480p", "Full-Resolution")
"""Folders of videos 480 pixels high, and of all others."""
_MAX_OBJECTS = 254
_SEMANTICS = "davis_semantics.json"
_DEFAULT_CLASS = "object"


def resolution_of(height: int) -> str:
    """The folder of videos of a height."""
    return RESOLUTIONS[height != 480]


def write_davis(file: YtvisFile, folder: Path | str) -> int:
    """Write a DAVIS folder from a file in memory; see :func:`write_davis_frames`."""
    return write_davis_frames(FileFrames(file), folder)


def write_davis_frames(source: FrameSource, folder: Path | str) -> int:
    """Write a DAVIS folder, whole or not at all, one frame in memory at a time.

    Args:
        source: Videos, categories, tracks and masks.
        folder: The target, which must not exist or be empty.

    Returns:
        Pixels lost because they lie under other masks.

    Raises:
        FormatError: A video has more than 254 objects or an unsafe name.
        OutputError: The target cannot be written.
    """
    header = source.header
    names = {category.id: category.name for category in header.categories}
    semantics: dict[str, dict[str, str]] = {}
    hidden = 0
    _check_videos(header.videos)
    with atomic_folder(folder) as root:
        for video in header.videos:
            tracks = source.tracks(video.id)
            labels = _labels(tracks, video)
            semantics[video.name] = {
                str(labels[track.id]): names[track.category_id]
                for track in tracks
                if not track.is_crowd
            }
            hidden += _write_video(root, source, video, labels)
        sets = root / "ImageSets" / "2017"
        sets.mkdir(parents=True)
        (sets / "all.txt").write_text("".join(f"{v.name}\n" for v in header.videos), "utf-8")
        (root / _SEMANTICS).write_text(json.dumps(semantics, indent=1, ensure_ascii=False), "utf-8")
    return hidden


def _check_videos(videos: Sequence[YtvisVideo]) -> None:
    seen: set[str] = set()
    for video in videos:
        if not is_safe_name(video.name) or video.name in seen:
            raise FormatError(f"The video name {video.name!r} cannot be used as a folder.")
        seen.add(video.name)


def frame_stems(video: YtvisVideo) -> list[str]:
    """Names of the frames without folder and suffix; numbers where they would not be unique."""
    stems = [Path(name).stem for name in video.file_names]
    if len(set(stems)) == video.length:
        return stems
    return [f"{index:05d}" for index in range(video.length)]


def _labels(tracks: Sequence[TrackHead], video: YtvisVideo) -> dict[int, int]:
    labels: dict[int, int] = {}
    number = 0
    for track in tracks:
        number += not track.is_crowd
        labels[track.id] = VOID if track.is_crowd else number
    if number > _MAX_OBJECTS:
        raise FormatError(f"{video.name} has {number} tracks; DAVIS holds 254 objects a video.")
    return labels


def _write_video(
    root: Path, source: FrameSource, video: YtvisVideo, labels: Mapping[int, int]
) -> int:
    resolution = resolution_of(video.height)
    folder = root / "Annotations" / resolution / video.name
    folder.mkdir(parents=True)
    hidden = 0
    for stem, frame in zip(frame_stems(video), flat_frames(source, video, labels), strict=True):
        write_palette_png(frame.labels, folder / f"{stem}.png")
        hidden += frame.hidden_pixels
    return hidden


def read_davis(folder: Path | str) -> YtvisFile:
    """Read a DAVIS folder into memory; see :func:`stream_davis`."""
    header, tracks = stream_davis(folder)
    found = tuple(tracks)
    return YtvisFile(header.videos, tuple(header.categories), found)


def stream_davis(folder: Path | str) -> tuple[YtvisHeader, PendingTracks]:
    """Read a DAVIS folder; its masks wait on disk until their track's turn comes.

    They are not read yet: the tracks have ``steps`` for that.

    Args:
        folder: The root, or a folder of video folders, or one video's folder of PNGs.

    Returns:
        One video for each folder of PNGs, classes by ``davis_semantics.json`` where it is
        there, else all "object"; and the tracks.

    Raises:
        FormatError: There are no annotations, or a video's first one or the classes are broken;
            from the tracks also where another mask is.
    """
    root = Path(folder)
    semantics = _read_semantics(root / _SEMANTICS)
    parts: list[_Part] = []
    for name, place in _video_folders(root).items():
        files = sorted(place.glob("*.png"), key=lambda p: natural_key(p.name))
        frames = tuple(f"{name}/{file.stem}.jpg" for file in files)
        video = YtvisVideo(len(parts) + 1, *label_size(files[0]), len(files), frames)
        parts.append(_Part(video, files, semantics.get(name)))
    if not parts:
        raise FormatError(f"{root} holds no DAVIS annotations (folders of PNGs).", path=root)
    numbers: dict[str, int] = {}
    builder = TrackBuilder()
    lengths = {part.video.id: part.video.length for part in parts}
    tracks = PendingTracks(builder, _read_masks(parts, numbers, builder), lengths)
    classes = PendingClasses(lambda: _classes(numbers))
    videos = tuple(part.video for part in parts)
    return YtvisHeader(videos, classes), tracks


@dataclass(frozen=True, slots=True)
class _Part:
    """A video, its pictures of labels, and its classes by number if there is a list of them."""

    video: YtvisVideo
    files: Sequence[Path]
    listed: Mapping[str, str] | None


def _classes(numbers: Mapping[str, int]) -> tuple[Category, ...]:
    found = tuple(Category(number, name) for name, number in numbers.items())
    return found or (Category(1, _DEFAULT_CLASS),)


def _video_folders(root: Path) -> dict[str, Path]:
    """Name -> folder of each video, in natural order.

    A video that is there in two resolutions, as in the dataset, is that of ``480p``.
    """
    annotations = root / "Annotations" if (root / "Annotations").is_dir() else root
    kinds = [annotations / kind for kind in RESOLUTIONS]
    found: dict[str, Path] = {}
    for base in [place for place in kinds if place.is_dir()] or [annotations]:
        for place in {file.parent for file in base.rglob("*.png")}:
            name = place.relative_to(base).as_posix() if place != base else base.name
            found.setdefault(name, place)
    return dict(sorted(found.items(), key=lambda video: natural_key(video[0])))


def _read_semantics(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    raw = read_json_file(path)
    is_sound = isinstance(raw, dict) and all(
        isinstance(classes, dict)
        and all(number.isdecimal() and len(number) < 6 for number in classes)
        and all(is_text(c) and c.strip() for c in classes.values())
        for classes in raw.values()
    )
    if not is_sound:
        raise FormatError(
            f"{path} must map videos to the class of each object, known by its number.", path=path
        )
    return {str(video): dict(classes) for video, classes in raw.items()}


def _read_masks(
    parts: Sequence[_Part], categories: dict[str, int], builder: TrackBuilder
) -> Iterator[Path]:
    """Gather the masks of all videos, a frame with each item, and add the classes they have."""
    for part in parts:
        yield from _read_video(part, categories, builder)


def _read_video(part: _Part, categories: dict[str, int], builder: TrackBuilder) -> Iterator[Path]:
    """Gather the masks of one video.

    Where nothing lists its objects, what is in white waits until another object is found, or the
    video ends: then it is the object of DAVIS 2016. It is one track, so memory holds it.
    """
    video, classes = part.video, part.listed or {}
    is_binary = part.listed is None
    white: list[tuple[int, int, RLEMask]] = []
    for index, file in enumerate(part.files):
        for label, mask in iter_label_masks(_read_frame(file, video)):
            name = classes.get(str(label), _DEFAULT_CLASS)
            category = categories.setdefault(name, len(categories) + 1)
            if is_binary and label == VOID:
                white.append((category, index, mask))
                continue
            for waited in white:
                builder.add(video.id, VOID, *waited, is_crowd=True)
            is_binary, white = False, []
            builder.add(video.id, label, category, index, mask, is_crowd=label == VOID)
        yield file
    for waited in white:
        builder.add(video.id, VOID, *waited)


def _read_frame(file: Path, video: YtvisVideo) -> npt.NDArray[np.uint16]:
    labels = read_labels(file)
    if labels.shape != (video.height, video.width):
        raise FormatError(f"{file} differs in size from the first frame.", path=file)
    if labels.max(initial=0) > VOID:
        raise FormatError(f"{file} holds an object above 255.", path=file)
    return labels
