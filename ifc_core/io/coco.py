"""COCO instances, one image a frame, with the keys of CocoVID to keep the tracks.

``images`` carry ``video_id`` and ``frame_id``, ``annotations`` carry ``instance_id`` and, of a
track that has a name, ``instance_name``, and ``videos`` names the videos; readers of plain COCO
ignore these. Masks are RLE and may overlap.
A file without those keys is read as one video of one frame for each image; where masks have a
``track_id``, among their attributes as CVAT and Datumaro write it or beside them, the images of one
folder and size are the frames of one video.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from ifc_core.errors import FormatError
from ifc_core.io.atomic import atomic_output
from ifc_core.io.frame_list import MAX_FRAMES, frame_order
from ifc_core.io.json_stream import iter_entries
from ifc_core.io.problems import (
    MAX_NAME_LETTERS,
    Reporter,
    is_finite,
    is_int,
    is_text,
    shown,
    why_not_named,
)
from ifc_core.io.segmentations import parse_segmentations
from ifc_core.io.track_builder import TrackBuilder
from ifc_core.io.ytvis_checks import is_safe_name, parse_category
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader, YtvisTrack, YtvisVideo
from ifc_core.structures import Category
from ifc_core.structures.mask import MAX_PIXELS, MAX_SIDE_PX

_ALONE = 1 << 40  # labels of masks of no track, where others have one
_ARRAYS = frozenset({"images", "annotations", "categories"})
_Images = dict[int, tuple[YtvisVideo, int, int]]  # image id -> (as a video, video id, frame)


def write_coco(file: YtvisFile, path: Path | str) -> int:
    """Write COCO instances from a file in memory; see :func:`write_coco_tracks`."""
    return write_coco_tracks(file.header, file.tracks, path)


def write_coco_tracks(
    header: YtvisHeader,
    tracks: Iterable[YtvisTrack],
    path: Path | str,
    images_before: int = 0,
    annotations_before: int = 0,
) -> int:
    """Write COCO instances, whole or not at all, from a stream of tracks.

    Args:
        header: Videos, categories and info.
        tracks: The tracks; consumed while writing.
        path: The target.
        images_before: Images of another file, whose ids this one does not have.
        annotations_before: Its annotations.

    Returns:
        The number of masks written.

    Raises:
        OutputError: The target cannot be written.
    """
    first_image: dict[int, int] = {}
    number = images_before + 1
    for video in header.videos:
        first_image[video.id] = number
        number += video.length
    with atomic_output(path) as temporary, temporary.open("w", encoding="utf-8") as out:
        out.write('{"info":' + _dumps(dict(header.info)) + ',"licenses":[],"videos":[')
        out.write(",".join(_dumps({"id": v.id, "name": v.name}) for v in header.videos))
        out.write('],"categories":[')
        classes = (
            {"id": c.id, "name": c.name, "supercategory": c.supercategory}
            for c in header.categories
        )
        out.write(",".join(_dumps(c) for c in classes))
        out.write('],"images":[')
        for place, image in enumerate(_images_to_json(header, first_image)):
            out.write((",\n" if place else "\n") + _dumps(image))
        out.write('],"annotations":[')
        masks = 0
        for track in tracks:
            for annotation in _track_to_json(track, first_image[track.video_id]):
                masks += 1
                out.write(
                    (",\n" if masks > 1 else "\n")
                    + _dumps({"id": annotations_before + masks, **annotation})
                )
        out.write("]}\n")
    return masks


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _images_to_json(
    header: YtvisHeader, first_image: Mapping[int, int]
) -> Iterator[dict[str, Any]]:
    for video in header.videos:
        for frame, name in enumerate(video.file_names):
            yield {
                "id": first_image[video.id] + frame,
                "file_name": name,
                "height": video.height,
                "width": video.width,
                "video_id": video.id,
                "frame_id": frame,
            }


def _track_to_json(track: YtvisTrack, first_image: int) -> Iterator[dict[str, Any]]:
    for frame, mask in enumerate(track.segmentations):
        if mask is None:
            continue
        value: dict[str, Any] = {
            "image_id": first_image + frame,
            "category_id": track.category_id,
            "instance_id": track.id,
            "iscrowd": int(track.is_crowd),
            "area": mask.area,
            "bbox": list(mask.bbox_xywh),
            "segmentation": mask.to_coco(),
        }
        if track.label:
            value["instance_name"] = track.label
        if track.score is not None:
            value["score"] = track.score
        yield value


def read_coco(path: Path | str) -> YtvisFile:
    """Read COCO instances into memory; see :func:`stream_coco`."""
    header, tracks = stream_coco(path)
    return YtvisFile(header.videos, header.categories, tuple(tracks))


def stream_coco(path: Path | str) -> tuple[YtvisHeader, Iterator[YtvisTrack]]:
    """Read COCO instances; polygons, compressed and uncompressed RLE.

    The masks wait on disk until their track's turn comes.

    Args:
        path: The file.

    Returns:
        Videos and categories, and the tracks.

    Raises:
        FormatError: The file breaks the format; the message names the place.
    """
    place = Path(path)
    report = Reporter(place)
    images: _Images = {}
    categories: dict[int, Category] = {}  # by their ids in the file
    seen: set[str] = set()
    has_tracks = False
    for key, index, raw in iter_entries(place, _ARRAYS):
        seen.add(key)
        where = f"{key}[{index}]"
        if index < 0:
            continue
        if key == "images":
            _add_image(raw, where, images, report)
        elif key == "categories":
            _add_category(raw, where, categories, report)
        else:
            has_tracks = has_tracks or _track_of(raw) is not None
    if has_tracks:
        _join_pictures(images)
    if 0 in categories:
        categories[0] = replace(categories[0], id=max(categories) + 1)
    for needed in ("images", "annotations", "categories"):
        if needed not in seen:
            report("", f"the key '{needed}' is missing.")
    videos = _gather_videos(images, report)
    builder = TrackBuilder()
    for key, index, raw in iter_entries(place, frozenset({"annotations"})):
        if key == "annotations" and index >= 0:
            where = f"annotations[{index}]"
            _add_mask(raw, where, images, categories, builder, report, has_tracks)
    tracks = builder.tracks({video.id: video.length for video in videos}, keep_labels=True)
    return YtvisHeader(tuple(videos), tuple(categories.values())), tracks


def _add_category(
    raw: object, where: str, categories: dict[int, Category], report: Reporter
) -> None:
    """Note a class; 0, with which many programs begin, is no id of ours and gets another later."""
    is_zero = isinstance(raw, dict) and is_int(raw.get("id")) and raw["id"] == 0
    if isinstance(raw, dict) and is_zero:
        raw = {**raw, "id": 1}
    category = parse_category(raw, where, report)
    if category is not None:
        categories[0 if is_zero else category.id] = category


def _add_image(raw: object, where: str, images: _Images, report: Reporter) -> None:
    if not isinstance(raw, dict):
        report(where, f"an image must be an object, not {shown(raw)}.")
        return
    identity, name = raw.get("id"), raw.get("file_name")
    if not is_int(identity) or identity < 0 or identity in images:
        report(f"{where}.id", f"expected an integer of its own, found {shown(identity)}.")
        return
    height, width = raw.get("height"), raw.get("width")
    for key, side in (("height", height), ("width", width)):
        if not is_int(side) or not 1 <= side <= MAX_SIDE_PX:
            report(f"{where}.{key}", f"expected 1 to {MAX_SIDE_PX}, found {shown(side)}.")
    if not isinstance(name, str) or not is_safe_name(name):
        report(f"{where}.file_name", f"the name {shown(name)} is no path inside the data folder.")
    if not (is_int(height) and is_int(width) and isinstance(name, str)):
        return
    if height * width > MAX_PIXELS:
        report(where, f"an image of {width}x{height} pixels is too large.")
    is_single = "video_id" not in raw  # whatever its number, it is a video of its own
    video_id = raw.get("video_id", identity)
    frame = 0 if is_single else raw.get("frame_id", raw.get("frame_index", 0))
    if not is_int(video_id) or not is_int(frame) or frame < 0:
        report(where, "video_id and frame_id must be integers.")
        return
    names = (name.replace("\\", "/"),)  # of Windows
    images[identity] = (YtvisVideo(identity, height, width, 1, names), video_id, frame)


def _gather_videos(images: _Images, report: Reporter) -> list[YtvisVideo]:
    """Videos of the images; their frames are renumbered without gaps, in place.

    What gaps say of the video's frames is kept in ``numbers``.
    """
    groups: dict[int, list[tuple[int, int]]] = {}
    for image_id, (_, video_id, frame) in images.items():
        groups.setdefault(video_id, []).append((frame, image_id))
    videos: list[YtvisVideo] = []
    for video_id, members in groups.items():
        members.sort()
        first = images[members[0][1]][0]
        for index, (frame, image_id) in enumerate(members):
            image = images[image_id][0]
            if index and members[index - 1][0] == frame:
                report("images", f"video {video_id} has two images of frame {frame}.")
            if (image.height, image.width) != (first.height, first.width):
                report("images", f"the frames of video {video_id} differ in size.")
            images[image_id] = (image, video_id, index)
        names = tuple(images[image_id][0].file_names[0] for _, image_id in members)
        numbers = _numbers([frame for frame, _ in members])
        shape = (first.height, first.width, len(members))
        videos.append(YtvisVideo(video_id, *shape, names, numbers=numbers))
    return videos


def _numbers(frame_ids: Sequence[int]) -> tuple[int, ...]:
    """Frames of a video where their ids say more than their order; times and the like do not."""
    in_order = frame_ids == list(range(len(frame_ids)))
    return () if in_order or frame_ids[-1] >= MAX_FRAMES else tuple(frame_ids)


def _track_of(raw: object) -> object:
    """The track of a mask, which CVAT names among its attributes; ``None`` where it has none.

    An attribute of that name is anybody's own, and no track unless it is a number.
    """
    if not isinstance(raw, dict):
        return None
    attributes = raw.get("attributes")
    told = attributes.get("track_id") if isinstance(attributes, dict) else None
    return raw.get("track_id", told if is_int(told) else None)


def _label_of(raw: Mapping[str, Any], has_tracks: bool) -> object:
    """What tells the instance of a mask from others: its number, its track, or that of the mask.

    Where some masks have tracks, numbers of others are of another kind and may be the same.
    """
    for told in (raw.get("instance_id"), _track_of(raw)):
        if told is not None:
            return told
    own = raw.get("id")
    return _ALONE + own if has_tracks and is_int(own) else own


def _join_pictures(images: _Images) -> None:
    """Make pictures of one folder and size the frames of a video, where tracks go through them.

    Files with videos are left alone.
    """
    if any(image_id != video_id for image_id, (_, video_id, _) in images.items()):
        return
    groups: dict[tuple[PurePosixPath, int, int], list[tuple[str, int]]] = {}
    for image_id, (image, _, _) in images.items():
        (name,) = image.file_names
        key = (PurePosixPath(name).parent, image.height, image.width)
        groups.setdefault(key, []).append((name, image_id))
    for members in groups.values():
        members.sort(key=lambda member: frame_order(member[0]))
        for frame, (_, image_id) in enumerate(members):
            images[image_id] = (images[image_id][0], members[0][1], frame)


def _add_mask(
    raw: object,
    where: str,
    images: _Images,
    categories: Mapping[int, Category],
    builder: TrackBuilder,
    report: Reporter,
    has_tracks: bool,
) -> None:
    if not isinstance(raw, dict):
        report(where, f"an annotation must be an object, not {shown(raw)}.")
        return
    image_id, category_id = raw.get("image_id"), raw.get("category_id")
    if not is_int(image_id) or image_id not in images:
        report(f"{where}.image_id", f"there is no image with id {shown(image_id)}.")
        return
    if not is_int(category_id) or category_id not in categories:
        report(f"{where}.category_id", f"there is no category with id {shown(category_id)}.")
        return
    image, video_id, frame = images[image_id]
    masks = parse_segmentations([raw.get("segmentation")], image, f"{where}.segmentation", report)
    if not masks or masks[0] is None:
        # Left out, the object would count as absent on a frame that is taken to be complete.
        report(f"{where}.segmentation", "the mask is missing; boxes alone cannot be read.")
        return
    label = _label_of(raw, has_tracks)
    if not is_int(label):
        report(f"{where}.id", f"expected an integer, found {shown(label)}.")
        return
    score = raw.get("score")
    if score is not None and not is_finite(score):
        report(f"{where}.score", f"expected a finite number, found {shown(score)}.")
    name = raw.get("instance_name", "")
    if not is_text(name):
        report(f"{where}.instance_name", f"expected text, found {shown(name)}.")
        name = ""
    elif reason := why_not_named(name, MAX_NAME_LETTERS):
        report(f"{where}.instance_name", f"the name {shown(name)} {reason}.")
    crowd = raw.get("iscrowd", 0)
    if crowd not in (0, 1):
        report(f"{where}.iscrowd", f"expected 0 or 1, found {shown(crowd)}.")
    if not builder.add(
        video_id,
        label,
        categories[category_id].id,
        frame,
        masks[0],
        is_crowd=crowd == 1,
        score=score,
        name=name,
    ):
        raise FormatError(
            f"{report.path.name}, {where}: instance {label} has two masks on one frame.",
            path=report.path,
            where=where,
        )
