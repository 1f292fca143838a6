"""A napari Labels layer as a YouTube-VIS file: one track per label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ifc_core.io.ytvis import YtvisFile, YtvisTrack, YtvisVideo, write_ytvis
from ifc_core.structures import Category, RLEMask

_CATEGORY = Category(1, "object")


def labels_to_ytvis(data: Any, name: str) -> YtvisFile:
    """Turn labels into tracks.

    Args:
        data: (T, Y, X) or (Y, X) integers, numpy or lazy; 0 is background. Frames are read one
            at a time.
        name: Name of the video in the file.

    Returns:
        A file with one video, the class "object" and a track for each label.
    """
    flat = data.ndim == 2
    num_frames = 1 if flat else int(data.shape[0])
    height, width = (int(n) for n in data.shape[-2:])
    masks: dict[int, list[RLEMask | None]] = {}
    for frame_index in range(num_frames):
        frame = np.asarray(data if flat else data[frame_index])
        for label in np.unique(frame):
            if label:
                track = masks.setdefault(int(label), [None] * num_frames)
                track[frame_index] = RLEMask.from_array(frame == label)
    names = tuple(f"{name}/{i:05d}.jpg" for i in range(num_frames))
    video = YtvisVideo(1, height, width, num_frames, names)
    tracks = tuple(
        YtvisTrack(number, 1, _CATEGORY.id, tuple(segmentations))
        for number, (_, segmentations) in enumerate(sorted(masks.items()), start=1)
    )
    return YtvisFile((video,), (_CATEGORY,), tracks, {"description": f"Labels of {name}"})


def write_labels_ytvis(path: Path, data: Any, name: str) -> None:
    """Write a Labels layer as a YouTube-VIS file, whole or not at all.

    Args:
        path: The target.
        data: (T, Y, X) or (Y, X) integers.
        name: Name of the video in the file.

    Raises:
        OutputError: The target cannot be written.
    """
    write_ytvis(labels_to_ytvis(data, name), path)
