"""The plain tools: a mask copied, or moved and morphed between two corrections."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.interpolation import Blend

Mask = npt.NDArray[np.bool_]


def copied_mask(masks: Mapping[int, Mask], frame_index: int) -> Mask:
    """The mask of the nearest corrected frame, the earlier one of two equals."""
    return masks[min(masks, key=lambda f: (abs(f - frame_index), f))]


def interpolated_mask(masks: Mapping[int, Mask], frame_index: int) -> Mask:
    """The shape between the corrected frames on both sides; beyond the outer ones, a copy."""
    before = max((f for f in masks if f < frame_index), default=None)
    after = min((f for f in masks if f > frame_index), default=None)
    if before is None or after is None:
        return copied_mask(masks, frame_index)
    return interpolate_masks(masks[before], masks[after], (frame_index - before) / (after - before))


def interpolate_masks(before: Mask, after: Mask, fraction: float) -> Mask:
    """A mask between two, by their signed distances moved onto a common centre.

    Args:
        before: (H, W) mask at fraction 0.
        after: (H, W) mask at fraction 1.
        fraction: 0 to 1.

    Returns:
        (H, W) bool; where either mask is empty, the nearer one.
    """
    if not before.any() or not after.any():
        return (before if fraction < 0.5 else after).copy()
    return Blend(before, after, only_part=False).at(fraction)
