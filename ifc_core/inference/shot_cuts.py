"""Where an edited video cuts to another shot: one rule, for corrections and for proposing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
Frame = npt.NDArray[np.uint8]

LEAST_COLOUR_CHANGE = 0.3
"""Share of the pixels whose colour must have changed at a cut; see :func:`colour_change`."""

FLASH_FRAMES = 2
"""What is over after so many frames is no shot."""

_SAMPLED_PX = 72  # of the short side: enough pixels to see that colours changed
_SAME_AGAIN = 0.5  # of the change of colours at a flash, what is left when it is over
_LEAST_HALF_CHANGE = 0.2  # of colours, in each half: a panel or one side of a split screen is none
_RELIT = 0.9  # correlation of what is the same picture in another light
_LEAST_GAP = 12.0
_LEAST_PRODUCT = 10.0
_GAP_CELL_PX = 4
_SAMPLED_FROM_PX = 64  # of the short side, from which on every fourth pixel is enough


def is_shot_cut(
    first: tuple[Frame, Frame],
    second: tuple[Frame, Frame],
    mean_gap: Callable[[], float],
    is_flash: Callable[[], bool],
) -> bool:
    """Whether a picture belongs to another shot than the one before it.

    Colours must change all over and motion must fail to explain one picture by the other; only
    then is nothing of the first in the second. A false cut would end every track, so three things
    are let pass on top: what is over at once, such as a flash; the same picture in another light,
    as in a fade; and a change of one half of the picture only.

    Args:
        first: (H, W, 3) uint8 RGB at working size, and (h, w) uint8 grey at the size of the flow.
        second: The same of the one after it.
        mean_gap: Mean of :func:`gap_after_motion`; asked for only where colours changed enough.
        is_flash: :func:`goes_away_again`; asked for last, as it needs further frames.
    """
    changed = colour_change(colours(first[0]), colours(second[0]))
    if changed <= LEAST_COLOUR_CHANGE:
        return False
    if _is_relit(first[1], second[1]) or not _each_half_changed(first[0], second[0]):
        return False
    gap = mean_gap()
    return gap > _LEAST_GAP and changed * gap > _LEAST_PRODUCT and not is_flash()


def goes_away_again(
    before: Sequence[FloatImage], now: FloatImage, coming: Sequence[FloatImage]
) -> bool:
    """Whether what a picture shows is over at once, or was there just now.

    Args:
        before: :func:`sampled_colours` of up to :data:`FLASH_FRAMES` + 1 pictures before it.
        now: Its own.
        coming: Of up to :data:`FLASH_FRAMES` pictures after it.
    """
    last = before[-1]
    most = _SAME_AGAIN * colour_change(last, now)
    back = [colour_change(last, later) for later in coming]
    there = [colour_change(earlier, now) for earlier in before[:-1]]
    return min([*back, *there], default=1.0) < most


def sampled_colours(image: Frame) -> FloatImage:
    """:func:`colours` of a few pixels of a picture of any size."""
    step = max(1, min(image.shape[:2]) // _SAMPLED_PX)
    return colours(image[::step, ::step], step=1)


def colours(rgb: Frame, step: int | None = None) -> FloatImage:
    """(6, 6, 6) shares of the pixels that have each of 216 colours.

    Args:
        rgb: (H, W, 3) uint8.
        step: Every how many-th row and column is looked at; by default 4, all of a small picture.
    """
    if step is None:
        step = 4 if min(rgb.shape[:2]) >= _SAMPLED_FROM_PX else 1
    part = np.ascontiguousarray(rgb[::step, ::step])
    counts = cv2.calcHist([part], [0, 1, 2], None, [6, 6, 6], [0, 256, 0, 256, 0, 256])
    return np.asarray(counts / max(1.0, float(counts.sum())), np.float32)


def colour_change(first: FloatImage, second: FloatImage) -> float:
    """Share of the pixels whose colour is not there in the other picture, of :func:`colours`."""
    return 0.5 * float(np.abs(first - second).sum())


def gap_after_motion(first: Frame, second: Frame, flow: FloatImage) -> FloatImage:
    """Grey levels between a picture and its neighbour moved onto it, on a coarse grid.

    Args:
        first: (h, w) uint8.
        second: (h, w) uint8.
        flow: (h, w, 2) from the pixels of ``second`` to those of ``first``, as (x, y).

    Returns:
        (h / 4, w / 4) float32.
    """
    height, width = second.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    at = (grid + flow).astype(np.float32)
    moved = cv2.remap(
        first,
        np.ascontiguousarray(at[..., 0]),
        np.ascontiguousarray(at[..., 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    cells = (max(1, width // _GAP_CELL_PX), max(1, height // _GAP_CELL_PX))
    gap = cv2.absdiff(moved, second).astype(np.float32)
    return np.asarray(cv2.resize(gap, cells, interpolation=cv2.INTER_AREA), np.float32)


def _each_half_changed(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> bool:
    """Whether the colours of the upper, lower, left and right half are others."""
    middle = (first.shape[0] // 2, first.shape[1] // 2)
    halves = (np.s_[: middle[0]], np.s_[middle[0] :], np.s_[:, : middle[1]], np.s_[:, middle[1] :])
    changes = (colour_change(colours(first[half]), colours(second[half])) for half in halves)
    return all(change > _LEAST_HALF_CHANGE for change in changes)


def _is_relit(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> bool:
    """Whether two grey pictures differ by little but brightness and contrast."""
    small = [
        np.asarray(cv2.resize(gray, (64, 36), interpolation=cv2.INTER_AREA), np.float64).ravel()
        for gray in (first, second)
    ]
    first_contrast, second_contrast = (values - values.mean() for values in small)
    length = float(np.linalg.norm(first_contrast) * np.linalg.norm(second_contrast))
    return float(first_contrast @ second_contrast) > _RELIT * length > 0.0  # 0: of one colour
