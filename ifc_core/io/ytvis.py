"""YouTube-VIS annotation and result files: strict reading, streaming, writing, validation.

The layout is that of the YouTube-VIS 2019 / 2021 and OVIS files (see ``docs/file-formats.md``);
the extension key ``ifc_studio`` is described in :mod:`ifc_core.io.studio_key`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pycocotools import mask as coco_mask

from ifc_core.errors import FormatError
from ifc_core.io.atomic import atomic_output
from ifc_core.io.json_stream import iter_entries
from ifc_core.io.problems import Problem, Reporter, TooManyProblems, is_int, shown
from ifc_core.io.studio_key import KEY, track_details_to_json, video_details_to_json
from ifc_core.io.ytvis_checks import (
    Known,
    ParentLink,
    check_parents,
    parse_category,
    parse_track,
    parse_video,
)
from ifc_core.io.ytvis_types import (
    TrackDetails,
    VideoDetails,
    YtvisFile,
    YtvisHeader,
    YtvisTrack,
    YtvisVideo,
)
from ifc_core.structures import Category, RLEMask

__all__ = [
    "Problem",
    "TrackDetails",
    "VideoDetails",
    "YtvisFile",
    "YtvisHeader",
    "YtvisTrack",
    "YtvisVideo",
    "iter_ytvis_results",
    "iter_ytvis_tracks",
    "read_ytvis",
    "read_ytvis_annotation",
    "read_ytvis_header",
    "read_ytvis_result",
    "validate_ytvis",
    "validate_ytvis_results",
    "write_ytvis",
    "write_ytvis_results",
    "write_ytvis_tracks",
]

NO_RESULTS = "a result file must be a list of results."

_Entry = TypeVar("_Entry", YtvisVideo, Category)
_MEASURED_AT_ONCE = 200  # pycocotools 2.0.11 with NumPy 2 fails on lists of 256 and more
_ARRAYS = frozenset({"videos", "categories", "annotations"})


def read_ytvis(path: Path | str) -> YtvisFile:
    """Read a whole annotation file.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        FormatError: The file breaks the format; the message names the place.
    """
    header = read_ytvis_header(path)
    tracks = tuple(iter_ytvis_tracks(path, header))
    return YtvisFile(header.videos, header.categories, tracks, header.info)


def read_ytvis_header(path: Path | str, *, needs_annotations: bool = True) -> YtvisHeader:
    """Read videos, categories and info of an annotation file, in bounded memory.

    Args:
        path: The file.
        needs_annotations: Refuse a file without the key ``annotations``. The published files of
            validation and test videos have none, and results refer to them all the same.

    Returns:
        Everything but the tracks.

    Raises:
        FormatError: The file breaks the format.
    """
    return _read_header(Path(path), Reporter(Path(path)), needs_annotations)


def iter_ytvis_tracks(path: Path | str, header: YtvisHeader) -> Iterator[YtvisTrack]:
    """Read the tracks of an annotation file one by one, in bounded memory.

    Args:
        path: The file.
        header: What :func:`read_ytvis_header` gave for it.

    Yields:
        The tracks in file order.

    Raises:
        FormatError: A record breaks the format.
    """
    yield from _iter_tracks(Path(path), _known(header), Reporter(Path(path)))


def iter_ytvis_results(path: Path | str, header: YtvisHeader) -> Iterator[YtvisTrack]:
    """Read a result file, ``[{video_id, category_id, score, segmentations}, ...]``.

    Args:
        path: The file.
        header: Videos and categories of the annotation file that the results refer to.

    Yields:
        The results in file order, numbered from 1.

    Raises:
        FormatError: The file is not a list of results, or a record breaks the format.
    """
    yield from _iter_results(Path(path), _known(header), Reporter(Path(path)))


def read_ytvis_result(raw: object, index: int, header: YtvisHeader, path: Path | str) -> YtvisTrack:
    """Check one entry of a result file.

    Args:
        raw: The entry.
        index: Its place in the file.
        header: Videos and categories that it may refer to.
        path: The file, for messages.

    Returns:
        The result.

    Raises:
        FormatError: It breaks the format.
    """
    report = Reporter(Path(path))
    track = parse_track(raw, f"result {index}", _known(header), report, number=index + 1)
    if track is None:
        raise FormatError(f"{Path(path).name}, result {index} cannot be used.", path=path)
    return track


def read_ytvis_annotation(
    raw: object, index: int, header: YtvisHeader, path: Path | str
) -> YtvisTrack:
    """Check one entry of the ``annotations`` of a file.

    Args:
        raw: The entry.
        index: Its place in the list.
        header: Videos and categories that it may refer to.
        path: The file, for messages.

    Returns:
        The annotation. Whether its id is unique is left to the caller.

    Raises:
        FormatError: It breaks the format.
    """
    where = f"annotations[{index}]"
    track = parse_track(raw, where, _known(header), Reporter(Path(path)))
    if track is None:
        raise FormatError(f"{Path(path).name}, {where} cannot be used.", path=path)
    return track


def write_ytvis(file: YtvisFile, path: Path | str) -> None:
    """Write an annotation file, whole or not at all.

    Args:
        file: Its content.
        path: The target.

    Raises:
        OutputError: The target cannot be written.
    """
    write_ytvis_tracks(file.header, file.tracks, path)


def write_ytvis_tracks(header: YtvisHeader, tracks: Iterable[YtvisTrack], path: Path | str) -> int:
    """Write an annotation file from a stream of tracks, in bounded memory.

    Args:
        header: Videos, categories and info.
        tracks: The tracks; consumed while writing. A score is kept as ``score``.
        path: The target.

    Returns:
        The number of tracks written.

    Raises:
        OutputError: The target cannot be written.
    """
    with atomic_output(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        out.write('{"info":' + _dumps(dict(header.info)) + ',"licenses":[],"videos":')
        _write_array(out, (_video_to_json(video) for video in header.videos))
        out.write(',"categories":')
        _write_array(out, (_category_to_json(category) for category in header.categories))
        out.write(',"annotations":')
        sizes = {video.id: video for video in header.videos}
        number = _write_array(out, (_track_to_json(t, sizes[t.video_id]) for t in tracks))
        out.write("}\n")
    return number


def write_ytvis_results(tracks: Iterable[YtvisTrack], path: Path | str) -> int:
    """Write a result file from a stream of tracks; one without a score gets 1.

    Args:
        tracks: The results.
        path: The target.

    Returns:
        The number of results written.

    Raises:
        OutputError: The target cannot be written.
    """
    with atomic_output(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        number = _write_array(out, (_result_to_json(track) for track in tracks))
        out.write("\n")
    return number


def validate_ytvis(path: Path | str) -> list[Problem]:
    """Check an annotation file thoroughly; no file can make this hang or crash.

    Schema, ids, lengths, RLE sizes and strings, areas, boxes, categories, parents, file names and
    the extension key are checked. At most 1,000 problems are listed.

    Args:
        path: The file.

    Returns:
        Every problem with its place, none for a sound file.
    """
    place = Path(path)

    def records(report: Reporter) -> Iterator[YtvisTrack]:
        told: dict[str, set[int]] = {"video_id": set(), "category_id": set()}
        header = _read_header(place, report, told=told)
        yield from _iter_tracks(place, _known(header, told), report)

    return _problems(place, records)


def validate_ytvis_results(path: Path | str, header: YtvisHeader) -> list[Problem]:
    """Check a result file like :func:`validate_ytvis`.

    Args:
        path: The file.
        header: Videos and categories that the results refer to.

    Returns:
        Every problem with its place, none for a sound file.
    """
    place = Path(path)
    return _problems(place, lambda report: _iter_results(place, _known(header), report))


def _problems(path: Path, records: Callable[[Reporter], Iterator[YtvisTrack]]) -> list[Problem]:
    problems: list[Problem] = []
    try:
        for _ in records(Reporter(path, problems)):
            pass
    except TooManyProblems:
        problems.append(Problem("", "There are more problems; these are the first."))
    except FormatError as error:
        problems.append(Problem(error.where, _without_place(error, path)))
    return problems


def _without_place(error: FormatError, path: Path) -> str:
    """The sentence of an error without file and place, which a problem has beside it."""
    sentence = str(error)
    for place in (f" at {error.where}: ", f", {error.where}: ", ": "):
        sentence = sentence.removeprefix(path.name + place)
    return sentence


def _known(header: YtvisHeader, told: Mapping[str, Collection[int]] | None = None) -> Known:
    videos = {video.id: video for video in header.videos}
    return Known(videos, {c.id: c for c in header.categories}, told or {})


def _read_header(
    path: Path,
    report: Reporter,
    needs_annotations: bool = True,
    told: Mapping[str, set[int]] | None = None,
) -> YtvisHeader:
    """Everything but the tracks; ``told`` is filled with the ids of what cannot be used."""
    told = told or {"video_id": set(), "category_id": set()}
    videos: dict[int, YtvisVideo] = {}
    categories: dict[int, Category] = {}
    info: Mapping[str, Any] = {}
    missing = {"videos", "categories", "annotations"}
    for key, index, raw in iter_entries(path, _ARRAYS):
        if key == "":
            report("", "an annotation file must be an object; a list is a result file.")
            return YtvisHeader()
        if index < 0:
            is_left_out = key == "annotations" and raw is None and not needs_annotations
            if key in _ARRAYS and raw != [] and not is_left_out:
                report(key, f"expected a list, found {shown(raw)}.")
            missing.discard(key)
            if key == "info" and isinstance(raw, dict):
                info = raw
        elif key == "videos":
            video = parse_video(raw, f"videos[{index}]", report)
            _add(video, videos, key, index, report)
            told["video_id"].update(_ids_of(raw) if video is None else ())
        elif key == "categories":
            category = parse_category(raw, f"categories[{index}]", report)
            _add(category, categories, key, index, report)
            told["category_id"].update(_ids_of(raw) if category is None else ())
        if key == "annotations" and not missing:
            break
    for key in sorted(missing if needs_annotations else missing - {"annotations"}):
        report("", f"the key '{key}' is missing.")
    _check_names(categories, report)
    return YtvisHeader(tuple(videos.values()), tuple(categories.values()), info)


def _ids_of(raw: object) -> tuple[int, ...]:
    """The id that an entry has, whatever else is wrong with it."""
    identity = raw.get("id") if isinstance(raw, dict) else None
    return (identity,) if is_int(identity) else ()


def _add(
    entry: _Entry | None, known: dict[int, _Entry], key: str, index: int, report: Reporter
) -> None:
    if entry is None:
        return
    if entry.id in known:
        report(f"{key}[{index}].id", f"the id {entry.id} occurs twice.")
    else:
        known[entry.id] = entry


def _check_names(categories: Mapping[int, Category], report: Reporter) -> None:
    seen: dict[str, int] = {}
    for category in categories.values():
        name = unicodedata.normalize("NFC", category.name.strip())  # as a project keeps it
        if name in seen and not report.is_strict:
            report("categories", f"{seen[name]} and {category.id} are both called {name!r}.")
        seen[name] = category.id


def _iter_tracks(path: Path, known: Known, report: Reporter) -> Iterator[YtvisTrack]:
    videos: dict[int, int] = {}  # of each annotation
    links: list[ParentLink] = []
    for key, index, raw in iter_entries(path, frozenset({"annotations"})):
        if key != "annotations" or index < 0:
            continue
        where = f"annotations[{index}]"
        track = parse_track(raw, where, known, report)
        if track is None:
            continue
        if track.id in videos:
            report(f"{where}.id", f"the id {track.id} occurs twice.")
        elif track.id == 0 and not report.is_strict:
            report(f"{where}.id", "ids begin at 1: the published evaluator takes 0 for 'no match'.")
        videos[track.id] = track.video_id
        if track.parent_id is not None and not report.is_strict:
            links.append(ParentLink(f"{where}.{KEY}.parent", track.id, track.parent_id))
        yield track
    check_parents(links, videos, report)


def _iter_results(path: Path, known: Known, report: Reporter) -> Iterator[YtvisTrack]:
    is_list = False
    for key, index, raw in iter_entries(path, frozenset()):
        if key:
            break
        is_list = True
        if index >= 0:
            track = parse_track(raw, f"result {index}", known, report, number=index + 1)
            if track is not None:
                yield track
    if not is_list:  # an object without any key has no entries at all
        report("", NO_RESULTS)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _write_array(out: TextIO, entries: Iterable[Mapping[str, Any]]) -> int:
    number = 0
    out.write("[")
    for entry in entries:
        out.write(",\n" if number else "\n")
        out.write(_dumps(entry))
        number += 1
    out.write("]")
    return number


def _video_to_json(video: YtvisVideo) -> dict[str, Any]:
    value: dict[str, Any] = {
        "id": video.id,
        "height": video.height,
        "width": video.width,
        "length": video.length,
        "file_names": list(video.file_names),
    }
    if video.details is not None:
        value[KEY] = video_details_to_json(video.details)
    return value


def _category_to_json(category: Category) -> dict[str, Any]:
    value: dict[str, Any] = {
        "id": category.id,
        "name": category.name,
        "supercategory": category.supercategory,
        "color": list(category.color_rgb),
    }
    if category.hotkey:
        value[KEY] = {"hotkey": category.hotkey}
    return value


def _track_to_json(track: YtvisTrack, video: YtvisVideo) -> dict[str, Any]:
    areas, boxes = _measures(track.segmentations)
    value: dict[str, Any] = {
        "id": track.id,
        "video_id": track.video_id,
        "category_id": track.category_id,
        "iscrowd": int(track.is_crowd),
        "height": video.height,
        "width": video.width,
        "length": video.length,
        "segmentations": [None if m is None else m.to_coco() for m in track.segmentations],
        "areas": areas,
        "bboxes": boxes,
    }
    if track.score is not None:
        value["score"] = track.score
    if track.details is not None:
        value[KEY] = track_details_to_json(track.details, track.parent_id)
    return value


def _result_to_json(track: YtvisTrack) -> dict[str, Any]:
    return {
        "video_id": track.video_id,
        "category_id": track.category_id,
        "score": 1.0 if track.score is None else track.score,
        "segmentations": [None if m is None else m.to_coco() for m in track.segmentations],
    }


def _measures(
    masks: tuple[RLEMask | None, ...],
) -> tuple[list[int | None], list[list[float] | None]]:
    """Areas and boxes, null where there is no mask."""
    native = [{"size": list(m.size), "counts": m.counts} for m in masks if m is not None]
    parts = [native[n : n + _MEASURED_AT_ONCE] for n in range(0, len(native), _MEASURED_AT_ONCE)]
    found_areas = (area for part in parts for area in coco_mask.area(part).tolist())
    found_boxes = (box for part in parts for box in coco_mask.toBbox(part).tolist())
    areas = [None if m is None else int(next(found_areas)) for m in masks]
    boxes = [None if m is None else next(found_boxes) for m in masks]
    # Of an empty mask with runs of nothing, as files may hold, the codec gives garbage.
    boxes = [[0.0] * 4 if area == 0 else box for area, box in zip(areas, boxes, strict=True)]
    return areas, boxes
