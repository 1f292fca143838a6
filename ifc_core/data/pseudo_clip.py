"""Clips out of single pictures: an affine motion of the camera."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.sample import ClipSample

_GREY = (124, 116, 104)


def move_picture(sample: ClipSample, num_frames: int, rng: np.random.Generator) -> ClipSample:
    """Make a clip in which a picture with its masks turns, shifts and grows smoothly.

    Args:
        sample: A clip of one frame.
        num_frames: T.
        rng: Source of chance.

    Returns:
        A clip of T frames; what comes in from outside the picture is grey and without objects.

    Source: the paper pre-trains on COCO with T = 1; clips by affine motion are an addition.
    """
    height, width = sample.frames.shape[1:3]
    start, end = _random_pose(rng), _random_pose(rng)
    times = np.linspace(0.0, 1.0, num_frames) if num_frames > 1 else np.zeros(1)
    matrices = [_matrix((1 - t) * start + t * end, height, width) for t in times]
    picture = sample.frames[0]
    frames = np.stack(
        [cv2.warpAffine(picture, m, (width, height), borderValue=_GREY) for m in matrices]
    )
    return ClipSample(
        frames=frames.astype(np.uint8, copy=False),
        masks=_moved(sample.masks[:, 0], matrices),
        labels=sample.labels,
        valid=np.repeat(sample.valid, num_frames, axis=1),
        exhaustive=np.repeat(sample.exhaustive, num_frames),
        damaged=sample.damaged,
        unclear=None if sample.unclear is None else _moved(sample.unclear, matrices)[0],
    )


def _moved(
    masks: npt.NDArray[np.bool_], matrices: list[npt.NDArray[np.float64]]
) -> npt.NDArray[np.bool_]:
    """Masks (N, H, W) under T motions, as (N, T, H, W)."""
    height, width = masks.shape[1:]
    moved = np.zeros((len(masks), len(matrices), height, width), dtype=np.bool_)
    for row, mask in enumerate(masks.astype(np.uint8)):
        for t, matrix in enumerate(matrices):
            warped = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
            moved[row, t] = warped > 0
    return moved


def _random_pose(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Angle in degrees, log scale, shift in x and y as shares of the size."""
    return rng.uniform((-12.0, -0.15, -0.12, -0.12), (12.0, 0.25, 0.12, 0.12))


def _matrix(pose: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    angle, log_scale, shift_x, shift_y = pose
    matrix = np.asarray(
        cv2.getRotationMatrix2D((width / 2, height / 2), float(angle), float(np.exp(log_scale))),
        dtype=np.float64,
    )
    matrix[:, 2] += (shift_x * width, shift_y * height)
    return matrix
