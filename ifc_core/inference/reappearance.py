"""Finding an object again after it was out of sight: where does the frame look like it?"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SEARCH_SHORT_SIDE = 240
"""Frames are searched at this short side at most, in pixels."""

_LEAST_LOGIT = 1.0
_LEAST_MEAN_LOGIT = 2.0
_AREA_RANGE = (0.3, 3.0)
_LEAST_LEAD = 1.5


def find_again(looks: FloatImage, area_share: float) -> Mask | None:
    """The one part of a frame that looks like an object of about the known size.

    Args:
        looks: (h, w) float32 foreground logit of a whole frame.
        area_share: Share of the frame that the object covered when last seen.

    Returns:
        (h, w) bool, or ``None`` where no part, or more than one, may be it.
    """
    smooth = cv2.GaussianBlur(looks, (0, 0), 1.0)
    likely = (smooth > _LEAST_LOGIT).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(likely, connectivity=8)
    expected = area_share * looks.size
    found: list[tuple[float, int]] = []
    for part in range(1, count):
        area = int(stats[part, cv2.CC_STAT_AREA])
        if not _AREA_RANGE[0] * expected <= area <= _AREA_RANGE[1] * expected:
            continue
        mean = float(looks[labels == part].mean())
        size_fit = min(area / expected, expected / area) if expected else 0.0
        if mean >= _LEAST_MEAN_LOGIT:
            found.append((mean * size_fit, part))
    found.sort(reverse=True)
    if not found or (len(found) > 1 and found[0][0] < _LEAST_LEAD * found[1][0]):
        return None
    return np.asarray(labels == found[0][1], np.bool_)
