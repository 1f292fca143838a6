"""Pictures with transparency, their placement, and painting them into a frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Patch:
    """A picture with transparency, colours premultiplied.

    Attributes:
        rgba: (h, w, 4) uint8, RGB already multiplied by alpha.
    """

    rgba: Image

    @classmethod
    def from_colour(cls, rgb: Image, alpha: Image) -> Patch:
        """Join (h, w, 3) colours and (h, w) alpha, both uint8."""
        out = np.empty((*alpha.shape, 4), dtype=np.uint8)
        weight = alpha[..., None].astype(np.uint16)
        out[..., :3] = (rgb * weight + 127) // 255
        out[..., 3] = alpha
        return cls(out)


@dataclass(slots=True)
class Canvas:
    """A frame being painted, back to front.

    Attributes:
        rgb: (H, W, 3) uint8.
        owner: (H, W) uint8, number of the object seen at each pixel; 0 for what is no object.
    """

    rgb: Image
    owner: Image = field(init=False)

    def __post_init__(self) -> None:
        """Start without objects."""
        self.owner = np.zeros(self.rgb.shape[:2], dtype=np.uint8)

    def paint(self, patch: Patch, matrix: Matrix, owner: int, opacity: float = 1.0) -> None:
        """Draw a patch through an affine map and note whose pixels they are.

        Args:
            patch: What to draw.
            matrix: (2, 3), patch pixels (x, y) to frame pixels.
            owner: 1 to 255 for an object; 0 for something that hides objects and is none.
            opacity: 0 to 1.
        """
        box = self._box(patch, matrix)
        if box is None:
            return
        x0, y0, x1, y1 = box
        local = matrix.copy()
        local[0, 2] -= x0
        local[1, 2] -= y0
        drawn = cv2.warpAffine(patch.rgba, local, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        if opacity < 1.0:
            drawn = (drawn * opacity).astype(np.uint8)
        self._blend(np.asarray(drawn), x0, y0, owner, 127 if opacity >= 1.0 else 60)

    def _blend(self, drawn: Image, x0: int, y0: int, owner: int, threshold: int) -> None:
        height, width = drawn.shape[:2]
        alpha = drawn[..., 3]
        view = self.rgb[y0 : y0 + height, x0 : x0 + width]
        keep = (255 - alpha).astype(np.uint16)[..., None]
        view[...] = drawn[..., :3] + ((view * keep + 128) >> 8).astype(np.uint8)
        self.owner[y0 : y0 + height, x0 : x0 + width][alpha > threshold] = owner

    def darken(self, alpha: Image, x0: int, y0: int, strength: float) -> None:
        """Multiply a region by ``1 - strength * alpha / 255``: a shadow.

        Args:
            alpha: (h, w) uint8.
            x0: Left edge in the frame; may lie outside.
            y0: Top edge in the frame; may lie outside.
            strength: 0 to 1.
        """
        frame_h, frame_w = self.owner.shape
        left, top = max(0, x0), max(0, y0)
        right, bottom = min(frame_w, x0 + alpha.shape[1]), min(frame_h, y0 + alpha.shape[0])
        if left >= right or top >= bottom:
            return
        part = alpha[top - y0 : bottom - y0, left - x0 : right - x0]
        keep = (256 - strength * part).astype(np.uint16)[..., None]
        view = self.rgb[top:bottom, left:right]
        view[...] = ((view * keep) >> 8).astype(np.uint8)

    def _box(self, patch: Patch, matrix: Matrix) -> tuple[int, int, int, int] | None:
        height, width = patch.rgba.shape[:2]
        frame_h, frame_w = self.owner.shape
        xs = matrix[0, 2] + np.array([0.0, matrix[0, 0] * width])
        xs = np.concatenate([xs, xs + matrix[0, 1] * height])
        ys = matrix[1, 2] + np.array([0.0, matrix[1, 0] * width])
        ys = np.concatenate([ys, ys + matrix[1, 1] * height])
        x0, y0 = max(0, int(xs.min()) - 1), max(0, int(ys.min()) - 1)
        x1, y1 = min(frame_w, int(xs.max()) + 2), min(frame_h, int(ys.max()) + 2)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The affine map (2, 3) that applies ``inner``, then ``outer``."""
    out = outer[:, :2] @ inner
    out[:, 2] += outer[:, 2]
    return np.asarray(out)


def similarity(x: float, y: float, scale: float, angle: float, mirror: bool = False) -> Matrix:
    """Mirror left to right if asked, scale, turn (radians, clockwise on screen), then move."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    flip = -1.0 if mirror else 1.0
    return np.array([[c * flip, -s, x], [s * flip, c, y]], dtype=np.float64)


def anisotropic(scale_x: float, scale_y: float) -> Matrix:
    """Scale about the origin, differently along the axes."""
    return np.array([[scale_x, 0.0, 0.0], [0.0, scale_y, 0.0]], dtype=np.float64)
