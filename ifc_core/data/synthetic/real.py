"""Labelled photographs as clips: a camera that moves over a still picture."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.effects import apply_look, random_look
from ifc_core.data.synthetic.photos import Scene
from ifc_core.data.synthetic.spec import ClipSpec
from ifc_core.data.synthetic.sprites import Matrix
from ifc_core.data.synthetic.textures import Rng

_MIN_SIDE_SHARE = 0.14
_MAX_TRACKS = 10
_ATTEMPTS = 4


def photograph_clip(rng: Rng, scenes: tuple[Scene, ...], spec: ClipSpec) -> ClipSample:
    """A window that pans, zooms and turns over a photograph.

    Args:
        rng: Source of randomness.
        scenes: Photographs with masks.
        spec: Size, length and whether the labels count as complete.

    Returns:
        The clip with the largest labelled objects that the window shows.
    """
    for _ in range(_ATTEMPTS):
        scene = scenes[int(rng.integers(len(scenes)))]
        sample = _window(rng, scene, spec)
        if len(sample.labels):
            break
    return sample


def _window(rng: Rng, scene: Scene, spec: ClipSpec) -> ClipSample:
    matrices = _path(rng, scene, spec)
    size = (spec.width, spec.height)
    look = random_look(rng, spec.height, spec.width, 0.5)
    frames = np.empty((spec.num_frames, spec.height, spec.width, 3), dtype=np.uint8)
    masks = np.zeros((len(scene.masks), spec.num_frames, spec.height, spec.width), dtype=np.bool_)
    steps = np.zeros(2)
    for t, matrix in enumerate(matrices):
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        view = cv2.warpAffine(scene.rgb, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
        frames[t] = apply_look(rng, np.asarray(view), look, steps)
        for row, mask in enumerate(scene.masks):
            seen = cv2.warpAffine(mask.view(np.uint8), matrix, size, flags=flags)
            masks[row, t] = seen > 0
    masks[_extent(masks) < _MIN_SIDE_SHARE * spec.height] = False
    area = masks.sum(axis=(1, 2, 3))
    kept = [int(i) for i in np.argsort(-area)[:_MAX_TRACKS] if area[i] > 0]
    masks = masks[kept]
    count = len(masks)
    exhaustive = np.full(spec.num_frames, spec.real_exhaustive, dtype=np.bool_)
    valid = np.ones((count, spec.num_frames), dtype=np.bool_)
    return ClipSample(frames, masks, np.zeros(count, dtype=np.int64), valid, exhaustive)


def _extent(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    rows, cols = masks.any(axis=3).sum(axis=2), masks.any(axis=2).sum(axis=2)
    return np.asarray(np.maximum(rows, cols))


def _path(rng: Rng, scene: Scene, spec: ClipSpec) -> list[Matrix]:
    """Maps (2, 3) from frame pixels to photograph pixels, one a frame."""
    rows, cols = scene.rgb.shape[:2]
    fit = min(rows / spec.height, cols / spec.width)
    scale = fit * float(rng.uniform(0.45, 1.1))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    room = np.maximum(0.0, np.array([cols, rows]) - scale * np.array([spec.width, spec.height]))
    centre = np.array([cols, rows]) / 2 + (rng.random(2) - 0.5) * room
    velocity = rng.normal(0, 0.02, 2) * scale * spec.height
    times = (np.arange(spec.num_frames) - (spec.num_frames - 1) / 2) * spec.frame_gap
    grow, turn = rng.normal(0, 0.012), rng.normal(0, 0.01)
    tilt = rng.normal(0, 0.06)
    stretch = np.exp(rng.normal(0, 0.1))
    out = []
    for time in times:
        zoom = scale * np.exp(np.clip(grow * time, -0.3, 0.3))
        angle = tilt + np.clip(turn * time, -0.3, 0.3)
        c, s = zoom * np.cos(angle), zoom * np.sin(angle)
        linear = np.array([[c * mirror * stretch, -s], [s * mirror * stretch, c]])
        middle = np.array([spec.width, spec.height]) / 2
        offset = centre + velocity * time - linear @ middle
        out.append(np.concatenate([linear, offset[:, None]], axis=1))
    return out
