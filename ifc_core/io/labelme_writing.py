"""Writes a folder of LabelMe and X-AnyLabeling: a JSON of polygons for each frame.

Layout: ``<video>/00000.json``, beside ``<video>/00000.jpg`` where frames are written too. Polygons
of one track have its number as ``group_id``, on their frame and on the others, as X-AnyLabeling
numbers tracks; those that lie on top come last. A frame on which nothing is has a file without
shapes.

Source: LabelMe, ``labelme/label_file.py``, and X-AnyLabeling, which reads the same keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ifc_core.errors import FormatError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.davis import frame_stems
from ifc_core.io.frame_source import FrameSource, TrackHead, paint_order
from ifc_core.io.mask_outlines import mask_outlines
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisVideo
from ifc_core.structures import RLEMask

_VERSION = "5.5.0"  # of LabelMe, whose keys these are


def write_labelme_frames(source: FrameSource, folder: Path | str) -> None:
    """Write a folder of LabelMe, whole or not at all, frame by frame.

    Args:
        source: Videos, categories, tracks and masks.
        folder: The target, which must not exist or be empty.

    Raises:
        FormatError: A video has a name that cannot be a folder.
        OutputError: The target cannot be written.
    """
    with atomic_folder(folder) as root:
        for video in source.header.videos:
            if not is_safe_name(video.name) or (root / video.name).exists():
                raise FormatError(f"The video name {video.name!r} cannot be used as a folder.")
            (root / video.name).mkdir(parents=True)
            _write_video(root / video.name, source, video)


def _write_video(folder: Path, source: FrameSource, video: YtvisVideo) -> None:
    labels = {category.id: category.name for category in source.header.categories}
    tracks = source.tracks(video.id)
    ordered = [tracks[place] for place in paint_order(tracks)]
    pictures = [PurePosixPath(name).name for name in video.file_names]
    for place, (stem, picture) in enumerate(zip(frame_stems(video), pictures, strict=True)):
        masks = source.masks(video.id, place)
        shapes = [
            shape
            for track in ordered
            if track.id in masks
            for shape in _shapes(track, masks[track.id], labels[track.category_id])
        ]
        told = _picture(video, picture, shapes)
        text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / f"{stem}.json").write_text(text, "utf-8")


def _picture(video: YtvisVideo, picture: str, shapes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a file says."""
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": picture,
        "imageData": None,
        "imageHeight": video.height,
        "imageWidth": video.width,
    }


def _shapes(track: TrackHead, mask: RLEMask, label: str) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "points": outline.tolist(),
            "group_id": track.id,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
        }
        for outline in mask_outlines(mask)
    ]
