"""Bodies: parts with surfaces, joined by hinges that swing with a gait."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.synthetic.outlines import Points
from ifc_core.data.synthetic.sprites import Image, Matrix, Patch, compose, similarity
from ifc_core.data.synthetic.textures import (
    Rng,
    colourise,
    crop_tile,
    procedural_texture,
    ramp,
    shade,
    texture_bank,
)

_MARGIN_PX = 2
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Material:
    """A surface that several parts share.

    Attributes:
        tile: (h, w, 3) uint8.
    """

    tile: Image

    @classmethod
    def plain(cls, rng: Rng, colour: npt.NDArray[np.float32], contrast: float = 14.0) -> Material:
        """One colour with a little life in it."""
        grey = crop_tile(rng, texture_bank()[int(rng.integers(0, 96, 1)[0])], 48, 48, 0.7)
        low = np.clip(colour - contrast, 0, 255).astype(np.float32)
        high = np.clip(colour + contrast, 0, 255).astype(np.float32)
        return cls(colourise(grey, ramp(low, high)))

    def cut(self, rng: Rng, height: int, width: int) -> Image:
        """A piece of (height, width) of the surface."""
        return crop_tile(rng, self.tile, height, width, float(rng.uniform(0.8, 1.4)))

    def tinted(self, factor: float) -> Material:
        """The same surface, darker (``factor`` < 1) or lighter."""
        return Material(np.clip(self.tile * np.float32(factor), 0, 255).astype(np.uint8))


@dataclass(frozen=True, slots=True)
class MaterialSource:
    """Where surfaces come from.

    Attributes:
        photographs: Pictures (h, w, 3) uint8 to cut surfaces from; may be empty.
        photo_fraction: Share of the surfaces that are cut from them.
    """

    photographs: tuple[Image, ...]
    photo_fraction: float = 0.35

    def material(self, rng: Rng) -> Material:
        """A random surface."""
        if self.photographs and rng.random() < self.photo_fraction:
            picture = self.photographs[int(rng.integers(len(self.photographs)))]
            zoom = float(rng.uniform(0.5, 1.5))
            tile = crop_tile(rng, picture, 64, 64, zoom)
            if rng.random() < 0.5:
                gain = rng.uniform(0.5, 1.4, 3).astype(np.float32)
                tile = np.clip(tile * gain, 0, 255).astype(np.uint8)
            return Material(tile)
        return Material(procedural_texture(rng, 64, 64))


@dataclass(frozen=True, slots=True)
class Part:
    """A rigid piece of a body; its own origin is its hinge.

    Attributes:
        patch: Its picture.
        raster: (2, 3) picture pixels to the part's units.
        parent: Index of the part it hangs on, -1 for the root.
        attach: (x, y) of the hinge in the parent's units.
        rest: Angle at rest in radians.
        swing: Amplitude of its swing in radians; infinite turning is ``spin``.
        phase: Phase of the swing in radians.
        spin: Radians turned per radian of gait.
        z: Paint order inside the body, lower first.
    """

    patch: Patch
    raster: Matrix
    parent: int
    attach: tuple[float, float]
    rest: float
    swing: float
    phase: float
    spin: float
    z: float


@dataclass(slots=True)
class Body:
    """A jointed object.

    Attributes:
        parts: Its parts, parents before children.
        wobble: Amplitude of an elastic deformation, relative to its size (single-part bodies).
        opacity: 0 to 1.
        grounded: Whether it stands on the ground and throws a contact shadow.
    """

    parts: list[Part] = field(default_factory=list)
    wobble: float = 0.0
    opacity: float = 1.0
    grounded: bool = False

    def placements(self, gait: float) -> list[tuple[Patch, Matrix]]:
        """Pictures and their maps into the body's units at a phase of its gait, in paint order."""
        joints: list[Matrix] = []
        for part in self.parts:
            angle = part.rest + part.swing * np.sin(gait + part.phase) + part.spin * gait
            local = similarity(part.attach[0], part.attach[1], 1.0, angle)
            joints.append(local if part.parent < 0 else compose(joints[part.parent], local))
        order = sorted(range(len(self.parts)), key=lambda i: self.parts[i].z)
        return [(self.parts[i].patch, compose(joints[i], self.parts[i].raster)) for i in order]

    def bounds(self, gait: float = 0.0) -> tuple[float, float, float, float]:
        """Box (x0, y0, x1, y1) of the body in its units."""
        corners = []
        for patch, matrix in self.placements(gait):
            height, width = patch.rgba.shape[:2]
            square = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=float)
            corners.append(square @ matrix[:, :2].T + matrix[:, 2])
        points = np.concatenate(corners)
        low, high = points.min(0), points.max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


class BodyBuilder:
    """Builds a body part by part.

    Args:
        rng: Source of randomness.
        resolution: Pixels per unit at which parts are drawn.
    """

    def __init__(self, rng: Rng, resolution: float) -> None:
        self.rng = rng
        self.resolution = float(np.clip(resolution, 6.0, 400.0))
        self.body = Body()

    def add(
        self,
        outline: Points,
        material: Material,
        *,
        parent: int = -1,
        attach: tuple[float, float] = (0.0, 0.0),
        rest: float = 0.0,
        swing: float = 0.0,
        phase: float = 0.0,
        spin: float = 0.0,
        z: float = 0.0,
        roundness: float = 0.5,
        holes: tuple[Points, ...] = (),
        lines: tuple[Points, ...] = (),
    ) -> int:
        """Add a part.

        Args:
            outline: (P, 2) in the part's units, its hinge at the origin.
            material: Its surface.
            parent: Index of the part it hangs on.
            attach: Hinge in the parent's units.
            rest: Angle at rest in radians.
            swing: Amplitude in radians.
            phase: Phase in radians.
            spin: Turns with the gait.
            z: Paint order.
            roundness: Shading of the rims, 0 to 1.
            holes: Outlines cut out of it.
            lines: Open lines drawn on it in a darker tone.

        Returns:
            The index of the part.
        """
        low, size = self._frame(outline)
        alpha = self._fill(outline, low, size)
        for hole in holes:
            alpha = np.minimum(alpha, 255 - self._fill(hole, low, size))
        colour = shade(self.rng, material.cut(self.rng, size[1], size[0]), roundness)
        for line in lines:
            points = self._pixels(line, low)
            dark = tuple(int(v) for v in colour.reshape(-1, 3).mean(0) * 0.45)
            cv2.polylines(colour, [points], False, dark, 1, cv2.LINE_AA, _SHIFT)
        raster = np.array(
            [
                [1 / self.resolution, 0, low[0]],
                [0, 1 / self.resolution, low[1]],
            ]
        )
        patch = Patch.from_colour(colour, alpha)
        part = Part(patch, raster, parent, attach, rest, swing, phase, spin, z)
        self.body.parts.append(part)
        return len(self.body.parts) - 1

    def _frame(self, outline: Points) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
        margin = _MARGIN_PX / self.resolution
        low = outline.min(0) - margin
        size = np.ceil((outline.max(0) + margin - low) * self.resolution).astype(int) + 1
        return low, (int(min(size[0], 600)), int(min(size[1], 600)))

    def _pixels(self, outline: Points, low: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        scaled = (outline - low) * self.resolution * (1 << _SHIFT)
        return np.round(scaled).astype(np.int32)

    def _fill(self, outline: Points, low: npt.NDArray[np.float64], size: tuple[int, int]) -> Image:
        alpha = np.zeros((size[1], size[0]), dtype=np.uint8)
        cv2.fillPoly(alpha, [self._pixels(outline, low)], 255, cv2.LINE_AA, _SHIFT)
        return alpha
