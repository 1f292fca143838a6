"""Whether places move as the object does or as what is around it.

What turns into sight, or changes its colour, looks like nothing that was corrected, but it moves
with the rest of the object while the scene moves as the camera makes it.
"""

from __future__ import annotations

from collections.abc import Container

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.flow_chain import part_around, sample
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.patch import Patch

FloatImage = npt.NDArray[np.float32]

_CELLS_EACH = 2  # flow is smooth: every second cell of a patch says as much
_FINEST_PX = 0.15
_KINDS = 8  # of speeds, each twice as fast as the one before
_PRIOR_SHARE = 0.03
_STEEPNESS = 2.0
_LOGIT_LIMIT = 8.0
_HALO_CELLS = 3
_SHARE = 0.6
_FAR_FRAMES = 3.0


def own_motion_share(steps: int) -> float:
    """Weight of what motion says so many frames from the nearest correction: little next to one."""
    return _SHARE * (1.0 - float(np.exp(-steps / _FAR_FRAMES)))


def own_motion_logit(
    store: FlowStore, frame_index: int, patch: Patch, logit: FloatImage, span: Container[int]
) -> FloatImage:
    """Evidence for the object from speeds against the scene.

    How fast each place moves in a picture in which the scene stands still is compared with how
    fast the rest of the object and the rest of its surroundings do, as far as they are known
    already. Where all move alike this says nothing.

    Args:
        store: Flow of the video.
        frame_index: The frame.
        patch: The part of it that is decided.
        logit: (h, w) float32, what is known without this.
        span: Frames that may be read.

    Returns:
        (h, w) float32, logarithm of the ratio of two likelihoods; 0 without flow.
    """
    rows, columns = (max(2, cells // _CELLS_EACH) for cells in patch.grid)
    coarse = Patch(patch.box, (rows, columns), patch.size)
    known = cv2.resize(logit, (columns, rows), interpolation=cv2.INTER_AREA)
    known = np.clip(known, -_LOGIT_LIMIT, _LOGIT_LIMIT)
    inside = 1 / (1 + np.exp(np.float32(-_STEEPNESS) * known))
    cells = coarse.positions(store.flow_size)
    part, at = part_around(cells, store.flow_size)
    said = []
    for neighbour in (frame_index - 1, frame_index + 1):
        scene = store.scene_motion(frame_index, neighbour) if neighbour in span else None
        if scene is not None:
            away = sample(store.between(frame_index, neighbour, part), at)
            away += cells - cv2.perspectiveTransform(cells, scene)
            said.append(_likelihood(np.hypot(away[..., 0], away[..., 1]), inside))
    if not said:
        return np.zeros(patch.grid, np.float32)
    # Flow takes a little of the scene along at edges, and what it takes would be called object.
    mean = np.asarray(np.mean(said, axis=0), np.float32)
    kept = cv2.erode(mean, np.ones((_HALO_CELLS, _HALO_CELLS), np.uint8))
    return np.asarray(cv2.resize(kept, patch.grid[::-1]), np.float32)


def _likelihood(speed_px: FloatImage, inside: FloatImage) -> FloatImage:
    """Log ratio of how usual each speed is for the object and for the rest.

    Args:
        speed_px: (h, w) against the scene, in pixels of the flow.
        inside: (h, w) chance that a cell is the object.
    """
    octave = np.log2(np.maximum(speed_px, np.float32(1e-3)) / np.float32(_FINEST_PX)) + 1
    kind = np.clip(octave, 0, _KINDS - 1).astype(np.int64).reshape(-1)
    of_object = np.bincount(kind, inside.reshape(-1), _KINDS)
    of_rest = np.bincount(kind, minlength=_KINDS) - of_object
    shares = [n / max(float(n.sum()), 1e-6) + _PRIOR_SHARE for n in (of_object, of_rest)]
    table = np.log(shares[0] / shares[1]).astype(np.float32)
    found: FloatImage = table[kind].reshape(speed_px.shape)
    return found
