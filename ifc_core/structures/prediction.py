"""What the network says about one clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class ClipPrediction:
    """Raw output of the network for one clip of T frames.

    Attributes:
        frame_indices: (T,) int64, frames of the video (0 to T-1 for a clip on its own).
        class_logits: (Q, K + 1) float32, the last column is the no-object class.
        mask_logits: (Q, T, h, w) float32 at 1/8 of the input, rounded up.
        mask_weights: (Q, C) float32, the dynamic 1x1 weight of each query (paper eq. 5).
    """

    frame_indices: npt.NDArray[np.int64]
    class_logits: npt.NDArray[np.float32]
    mask_logits: npt.NDArray[np.float32]
    mask_weights: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check that the shapes agree."""
        num_queries, num_frames = self.mask_logits.shape[:2]
        _expect(self.class_logits, 2, num_queries, "class_logits")
        _expect(self.mask_weights, 2, num_queries, "mask_weights")
        if self.mask_logits.ndim != 4 or self.frame_indices.shape != (num_frames,):
            raise ValueError("mask_logits must be (Q, T, h, w) with one frame index a frame")

    @property
    def num_queries(self) -> int:
        """Q."""
        return int(self.class_logits.shape[0])

    @property
    def num_classes(self) -> int:
        """K, without the no-object class."""
        return int(self.class_logits.shape[1]) - 1


def _expect(array: npt.NDArray[Any], ndim: int, length: int, name: str) -> None:
    if array.ndim != ndim or array.shape[0] != length:
        raise ValueError(f"{name} has shape {array.shape}, expected ({length}, ...)")
