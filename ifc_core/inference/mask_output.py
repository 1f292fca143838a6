"""Mask logits at 1/8 to masks in the size of the displayed frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures.mask import RLEMask


def encode_logits(
    logits: npt.NDArray[np.float32],
    size: tuple[int, int],
    region_xywh: tuple[int, int, int, int] | None = None,
) -> RLEMask | None:
    """Upsample logits bilinearly (pixel centres, as ``align_corners=False``), cut at 0, encode.

    The whole grid is stretched over the frame, also where the network's input was not a
    multiple of 8. The image is built transposed, so that its memory is in the column-major
    order of the encoding.

    Args:
        logits: (h, w) float32.
        size: (height, width) of the mask.
        region_xywh: Part of the frame that the logits cover; all of it by default.

    Returns:
        The mask, or ``None`` if it has no pixel.
    """
    if not (logits > 0).any():
        return None
    height, width = size if region_xywh is None else (region_xywh[3], region_xywh[2])
    # cv2 takes (columns, rows): of the transposed image these are (height, width).
    transposed = np.ascontiguousarray(logits.T, dtype=np.float32)
    large = cv2.resize(transposed, (height, width), interpolation=cv2.INTER_LINEAR)
    mask = large > 0  # (W, H)
    if not mask.any():
        return None
    if region_xywh is not None:
        mask = _paste(mask, size, region_xywh)
    return RLEMask.from_array(mask.T)


def _paste(
    mask: npt.NDArray[np.bool_], size: tuple[int, int], region_xywh: tuple[int, int, int, int]
) -> npt.NDArray[np.bool_]:
    x, y, width, height = region_xywh
    whole = np.zeros((size[1], size[0]), dtype=np.bool_)
    whole[x : x + width, y : y + height] = mask
    return whole
