"""An object on an even ground, told apart by a threshold, as cells are under a microscope."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

_LEAST_SEPARABILITY = 0.8  # by Otsu's threshold: 0.64 for a normal distribution cut in half
_MOST_UNEVEN = 15.0  # the ground's standard deviation in any of OpenCV's 8-bit L, a, b
_LEAST_CONTRAST = 6.0  # between the levels, in standard deviations of the ground
_MOST_AT_RIM = 0.5  # of the box's rim that is not ground
_MOST_AROUND = 0.3  # of what lies around the box
_SHARES = (0.05, 0.95)  # of the box that is object
_LEAST_SOLIDITY = 0.75  # of the object: its share of its convex hull
_CORE = 0.5  # of the greatest distance from the object's edge


def two_level_mask(
    picture: npt.NDArray[np.uint8], box_xyxy: tuple[int, int, int, int]
) -> Mask | None:
    """What stands out in a box from an even ground, where that is clear.

    Each pixel's distance from the colour of the ground, which is seen around the box, is cut by
    Otsu's threshold. It decides only where two levels are told apart clearly, the ground is
    even, little but ground lies at the rim of the box and around it, and the object is compact.
    A neighbour that touches the object is left out.

    Args:
        picture: (h, w, 3) uint8 RGB, the box and what lies around it.
        box_xyxy: Corners in pixels of the picture.

    Returns:
        (h, w) bool, the part in the box that holds most of its middle; ``None`` where colours
        are not of two levels.
    """
    x0, y0, x1, y1 = box_xyxy
    around = np.ones(picture.shape[:2], np.bool_)
    around[y0:y1, x0:x1] = False
    if around.sum() < (x1 - x0) + (y1 - y0) or min(x1 - x0, y1 - y0) < 3:
        return None
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    ground = np.median(lab[around], axis=0)
    distance = np.sqrt(np.square(lab - ground).sum(-1))
    inside = distance[y0:y1, x0:x1]
    threshold, separability = _otsu(distance)
    if separability < _LEAST_SEPARABILITY:
        return None
    found = distance > threshold
    part = found[y0:y1, x0:x1]
    plain = around & ~found
    noise = float(np.std(distance[plain])) + 1.0
    levels = float(inside[part].mean()) - float(np.median(distance[around]))
    rim = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
    clear = levels > _LEAST_CONTRAST * noise and float(lab[plain].std(0).max()) <= _MOST_UNEVEN
    clear &= float(rim.mean()) <= _MOST_AT_RIM and float(found[around].mean()) <= _MOST_AROUND
    if not clear or not _SHARES[0] <= float(part.mean()) <= _SHARES[1]:
        return None
    mask = np.zeros_like(found)
    mask[y0:y1, x0:x1] = _middle_part(_without_neighbours(part))
    return mask if _solidity(mask) >= _LEAST_SOLIDITY else None


def _otsu(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The threshold, and the share of the variance that lies between the classes."""
    most = float(values.max())
    if most <= 0:
        return 0.0, 0.0
    scaled = np.round(values * (255 / most)).astype(np.uint8)
    cut, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    above = scaled > cut
    share = float(above.mean())
    total = float(scaled.var())
    if not 0 < share < 1 or total == 0:
        return 0.0, 0.0
    between = share * (1 - share) * float(scaled[above].mean() - scaled[~above].mean()) ** 2
    return (cut + 0.5) * most / 255, between / total


def _without_neighbours(part: Mask) -> Mask:
    """Without what touches the object and is cut by the box's rim, as a neighbour is."""
    depth = cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5)
    _, cores = cv2.connectedComponents((depth > _CORE * depth.max()).astype(np.uint8))
    rim = np.concatenate([cores[0], cores[-1], cores[:, 0], cores[:, -1]])
    cut = np.isin(cores, np.unique(rim[rim > 0]))
    whole = (cores > 0) & ~cut
    if not cut.any() or not whole.any():
        return part
    to_cut, to_whole = (
        cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, 5) for core in (cut, whole)
    )
    return np.asarray(part & (to_whole <= to_cut), np.bool_)


def _solidity(mask: Mask) -> float:
    rims, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not rims:
        return 0.0
    rim = max(rims, key=cv2.contourArea)
    return cv2.contourArea(rim) / max(1.0, cv2.contourArea(cv2.convexHull(rim)))


def _middle_part(part: Mask) -> Mask:
    """The connected part that weighs most where the middle of the box counts most; no holes."""
    smooth = cv2.medianBlur(part.astype(np.uint8), 3)
    count, labels = cv2.connectedComponents(smooth, connectivity=4)
    height, width = part.shape
    rows, columns = np.mgrid[:height, :width]
    off = np.hypot((rows + 0.5) / height - 0.5, (columns + 0.5) / width - 0.5)
    weights = np.bincount(labels.ravel(), np.exp(-8 * off**2).ravel(), count)
    weights[0] = -1
    best = (labels == int(np.argmax(weights))).astype(np.uint8)
    rims, _ = cv2.findContours(best, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(best, rims, -1, 1, cv2.FILLED) > 0, np.bool_)
