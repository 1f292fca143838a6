"""Writes what YOLO segmentation models are trained on: pictures, a text of polygons for each.

Layout: ``images/<video>/00000.jpg``, ``labels/<video>/00000.txt`` and ``data.yaml``, or, where some
videos are for validation, ``train/images`` and so on with one ``data.yaml`` over both. A line of a
text is an object: the number of its class, then x and y of each corner as shares of the picture. A
mask of several pieces is one line, whose polygon goes from piece to piece by ways of no width. A
picture on which nothing is has an empty text.

Source: docs.ultralytics.com/datasets/segment, and how its loader finds the text of a picture: the
last folder called ``images`` in its path becomes ``labels``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ifc_core.errors import FormatError
from ifc_core.io.atomic import atomic_folder
from ifc_core.io.davis import frame_stems
from ifc_core.io.frame_source import FrameSource
from ifc_core.io.mask_outlines import mask_outline
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.io.ytvis_types import YtvisVideo
from ifc_core.structures import Category, RLEMask

IMAGES = "images"
_LABELS = "labels"
_DATASET = "data.yaml"


def write_yolo_frames(
    source: FrameSource, folder: Path | str, *, with_dataset: bool = True
) -> None:
    """Write a folder of texts, whole or not at all, frame by frame.

    Args:
        source: Videos, categories, tracks and masks.
        folder: The target, which must not exist or be empty.
        with_dataset: Write ``data.yaml``, which names the same pictures for training and
            validation; not for a part of a split, over which :func:`write_yolo_dataset` writes it.

    Raises:
        FormatError: A video has a name that cannot be a folder, or is called ``images``.
        OutputError: The target cannot be written.
    """
    numbers = {category.id: n for n, category in enumerate(source.header.categories)}
    with atomic_folder(folder) as root:
        for video in source.header.videos:
            labels = root / _LABELS / video.name
            if video.name == IMAGES or not is_safe_name(video.name) or labels.exists():
                raise FormatError(f"The video name {video.name!r} cannot be used as a folder.")
            labels.mkdir(parents=True)
            _write_video(labels, source, video, numbers)
        if with_dataset:
            write_yolo_dataset(root, source.header.categories, IMAGES, IMAGES)


def is_yolo(folder: Path) -> bool:
    """Whether a folder is such a dataset, as this and other programs write them."""
    return (folder / _DATASET).is_file() and any(
        (folder / part / _LABELS).is_dir() for part in ("", "train", "valid")
    )


def write_yolo_dataset(
    folder: Path, categories: Sequence[Category], train: str, valid: str
) -> None:
    """Write ``data.yaml``: where pictures are, and what the numbers of classes mean.

    Args:
        folder: Is there already.
        categories: In the order of their numbers.
        train: Folder of pictures to train on, from there.
        valid: Of those to validate on.
    """
    names = (f"  {n}: {_quoted(category.name)}" for n, category in enumerate(categories))
    lines = (f"train: {_quoted(train)}", f"val: {_quoted(valid)}", "names:", *names)
    (folder / _DATASET).write_text("\n".join(lines) + "\n", "utf-8")


def _quoted(text: str) -> str:
    """For YAML, which reads strings of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _write_video(
    folder: Path, source: FrameSource, video: YtvisVideo, numbers: Mapping[int, int]
) -> None:
    size = (video.width, video.height)
    tracks = source.tracks(video.id)
    for place, stem in enumerate(frame_stems(video)):
        masks = source.masks(video.id, place)
        lines = [
            line
            for track in tracks
            if track.id in masks
            and (line := _line(numbers[track.category_id], masks[track.id], size))
        ]
        (folder / f"{stem}.txt").write_text("".join(lines), "utf-8")


def _line(number: int, mask: RLEMask, size: tuple[int, int]) -> str:
    """Of an object; empty for an empty mask."""
    outline = mask_outline(mask)
    if outline is None:
        return ""
    shares = (np.clip(outline / size, 0, 1)).ravel().tolist()
    return " ".join([str(number), *(f"{share:.6g}" for share in shares)]) + "\n"
