"""A napari Labels layer as tracks, one per label: as a YouTube-VIS file, or as proposals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.errors import InputError
from ifc_core.io.ytvis import YtvisFile, YtvisTrack, YtvisVideo, write_ytvis
from ifc_core.io.ytvis_types import TrackDetails
from ifc_core.jobs import JobContext
from ifc_core.structures import Category, FrameState, MaskSource, RLEMask
from napari_ifc.language import tr

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
    tracks = tuple(
        YtvisTrack(number, 1, _CATEGORY.id, tuple(segmentations))
        for number, segmentations in enumerate(_masks(data, name, JobContext()).values(), start=1)
    )
    about = {"description": f"Labels of {name}"}
    return YtvisFile((_video(data, name),), (_CATEGORY,), tracks, about)


def labels_to_proposals(data: Any, name: str, class_name: str, context: JobContext) -> YtvisFile:
    """Turn labels into proposed tracks, each named after its label.

    A frame without the label is not annotated for its track: nobody said that it is absent.

    Args:
        data: (T, Y, X) or (Y, X) integers, numpy or lazy; 0 is background.
        name: Of the layer.
        class_name: The class of the tracks.
        context: Progress and cancellation.

    Returns:
        A file with one video, the class and a track for each label.

    Raises:
        JobCancelled: The person cancelled it.
        InputError: A frame of a computed layer cannot be had.
    """
    masks = _masks(data, name, context)
    tracks = tuple(
        YtvisTrack(number, 1, 1, tuple(segmentations), details=_proposed(label, segmentations))
        for number, (label, segmentations) in enumerate(masks.items(), start=1)
    )
    return YtvisFile((_video(data, name),), (Category(1, class_name),), tracks)


def _proposed(label: int, segmentations: Sequence[RLEMask | None]) -> TrackDetails:
    seen = [rle is not None for rle in segmentations]
    states = tuple(FrameState.PROPOSED if is_seen else None for is_seen in seen)
    sources = tuple(MaskSource.MODEL if is_seen else None for is_seen in seen)
    return TrackDetails(states, sources, name=str(label))


def _video(data: Any, name: str) -> YtvisVideo:
    num_frames = 1 if data.ndim == 2 else int(data.shape[0])
    height, width = (int(n) for n in data.shape[-2:])
    names = tuple(f"{name}/{i:05d}.jpg" for i in range(num_frames))
    return YtvisVideo(1, height, width, num_frames, names)


def _masks(data: Any, name: str, context: JobContext) -> dict[int, list[RLEMask | None]]:
    """Masks of each label, one a frame, in the order of the labels."""
    flat = data.ndim == 2
    num_frames = 1 if flat else int(data.shape[0])
    masks: dict[int, list[RLEMask | None]] = {}
    for frame_index in range(num_frames):
        context.raise_if_cancelled()
        frame = _frame(data, name, None if flat else frame_index)
        for label in np.unique(frame):
            if label:
                track = masks.setdefault(int(label), [None] * num_frames)
                track[frame_index] = RLEMask.from_array(frame == label)
        context.advance(frame_index + 1, num_frames, "Reading masks", "frames")
    return dict(sorted(masks.items()))


def _frame(data: Any, name: str, index: int | None) -> npt.NDArray[Any]:
    try:
        return np.asarray(data if index is None else data[index])
    except Exception as error:  # a computed layer may raise anything
        raise InputError(
            tr("Frame {frame} of the layer {name} cannot be read: {error}.").format(
                frame=index or 0, name=name, error=str(error) or type(error).__name__
            )
        ) from error


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
