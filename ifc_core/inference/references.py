"""Corrected frames as a track is spread from them: masks at working size, and few of many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.flow_chain import signed_distance
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.patch import cells_needed
from ifc_core.inference.track_looks import Reference

Mask = npt.NDArray[np.bool_]

T = TypeVar("T")

MARGIN_SHARE = 0.2
"""What a patch adds around an object, of the object's long side."""

_LEARNT_FROM = 16  # corrected frames, and as many with pixels to avoid


def reference_of(store: FlowStore, frame: int, mask: Mask, certainty: float = 1.0) -> Reference:
    """A frame whose mask is known.

    Args:
        store: Says at which size it is worked.
        frame: 0-based.
        mask: (H, W) bool at any size.
        certainty: Less than 1 where the object was found again.
    """
    work = resized(mask, store.size)
    distance = signed_distance(work)
    share = store.flow_size[0] / store.size[0]
    small = cv2.resize(distance, store.flow_size[::-1], interpolation=cv2.INTER_AREA)
    return Reference(
        frame,
        work,
        distance,
        np.asarray(small, np.float32) * np.float32(share),
        cells_needed(work, MARGIN_SHARE),
        certainty,
    )


def resized(mask: Mask, size: tuple[int, int]) -> Mask:
    """A mask at another (height, width): what is covered by more than half."""
    if mask.shape == size:
        return np.ascontiguousarray(mask)
    whole = np.ascontiguousarray(mask).astype(np.float32)
    return np.asarray(cv2.resize(whole, size[::-1], interpolation=cv2.INTER_AREA) > 0.5, np.bool_)


def few_of(frames: Mapping[int, T]) -> dict[int, T]:
    """All of a few frames, or some evenly spaced ones of many."""
    keys = list(frames)
    return {keys[place]: frames[keys[place]] for place in spaced(len(keys), _LEARNT_FROM)}


def spaced(count: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many indices, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
