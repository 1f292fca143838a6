"""How the camera and the objects move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.data.synthetic.sprites import Matrix, compose, similarity
from ifc_core.data.synthetic.textures import Rng

Path = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera's view of the world, frame by frame.

    Attributes:
        pan: (T, 2) shift of far things on screen in pixels (x, y).
        zoom: (T,) magnification.
        roll: (T,) radians.
        centre: (x, y) of the frame in pixels.
    """

    pan: Path
    zoom: Path
    roll: Path
    centre: tuple[float, float]

    def view(self, frame: int, parallax: float = 1.0) -> Matrix:
        """World to screen pixels for things that move ``parallax`` times as much as far ones."""
        cx, cy = self.centre
        shift = self.pan[frame] * parallax
        inner = np.array([[1.0, 0.0, -cx], [0.0, 1.0, -cy]])
        zoom = 1.0 + (self.zoom[frame] - 1.0) * min(parallax, 1.5)
        outer = similarity(cx + shift[0], cy + shift[1], zoom, self.roll[frame])
        return compose(outer, inner)

    def speed(self, frame: int) -> npt.NDArray[np.float64]:
        """Motion of far things between this frame and its neighbour, in pixels (x, y)."""
        if len(self.pan) < 2:
            return np.zeros(2)
        other = frame - 1 if frame else 1
        return np.asarray(np.abs(self.pan[frame] - self.pan[other]))


def camera_path(rng: Rng, times: Path, height: int, width: int) -> Camera:
    """A still, drifting, panning or shaking camera.

    Args:
        rng: Source of randomness.
        times: (T,) times of the frames, in frames of a usual video.
        height: Frame height in pixels.
        width: Frame width in pixels.

    Returns:
        The camera; its pan stays within 12% of the frame.
    """
    count = len(times)
    kind = rng.random()
    velocity = (
        rng.normal(0, 1, 2) * height * (0.0 if kind < 0.25 else 0.006 if kind < 0.7 else 0.02)
    )
    centred = times - times.mean()
    pan = centred[:, None] * velocity * [1.0, 0.4]
    if rng.random() < 0.4:
        pan = pan + rng.normal(0, 0.006 * height, (count, 2))
    limit = 0.12 * np.array([width, height])
    pan = np.clip(pan, -limit, limit)
    zoom = np.exp(np.clip(centred * rng.normal(0, 0.004), -0.1, 0.1))
    roll = np.clip(rng.normal(0, 0.03) + centred * rng.normal(0, 0.002), -0.12, 0.12)
    return Camera(pan, zoom, roll, (width / 2, height / 2))


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """Where an object is, frame by frame.

    Attributes:
        position: (T, 2) centre in world pixels.
        scale: (T,) size relative to its base size.
        angle: (T,) radians.
        gait: (T,) phase of its gait in radians.
        present: (T,) bool, false where it is away.
    """

    position: Path
    scale: Path
    angle: Path
    gait: Path
    present: npt.NDArray[np.bool_]


def object_path(
    rng: Rng, times: Path, start: tuple[float, float], size_px: float, upright: bool
) -> ObjectPath:
    """A path through ``start`` at the middle of the clip.

    Args:
        rng: Source of randomness.
        times: (T,) times of the frames.
        start: Position (x, y) in world pixels.
        size_px: Size of the object in pixels; fast objects cross their size in a few frames.
        upright: Whether it keeps its head up.

    Returns:
        The path; one object in four stands still, one in twenty is away for a part of the clip.
    """
    count = len(times)
    centred = times - times.mean()
    still = rng.random() < 0.25
    speed = 0.0 if still else float(np.exp(rng.uniform(np.log(0.003), np.log(0.12)))) * size_px
    heading = rng.uniform(0, 2 * np.pi)
    velocity = speed * np.array([np.cos(heading), np.sin(heading) * (0.3 if upright else 1.0)])
    curve = rng.normal(0, 0.02) * speed
    bend = np.array([-velocity[1], velocity[0]]) / max(speed, 1e-6) * curve
    bounce = 0.0 if still else rng.uniform(0, 0.03) * size_px
    gait = times * (0.0 if still else rng.uniform(0.05, 0.6)) + rng.uniform(0, 2 * np.pi)
    position = np.array(start) + centred[:, None] * velocity + (centred**2)[:, None] * bend
    position[:, 1] += bounce * np.sin(2 * gait)
    scale = np.exp(np.clip(centred * rng.normal(0, 0.0 if still else 0.012), -0.4, 0.4))
    tilt = rng.normal(0, 0.08) if upright else rng.uniform(0, 2 * np.pi)
    angle = tilt + centred * (0.0 if still else rng.normal(0, 0.005 if upright else 0.04))
    present = np.ones(count, dtype=np.bool_)
    if count > 1 and rng.random() < 0.05:
        first = int(rng.integers(0, count))
        present[first : first + int(rng.integers(1, count))] = False
    return ObjectPath(position, scale, angle, gait, present)
