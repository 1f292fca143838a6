"""What a lens, a sensor and a codec do to a picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.synthetic.textures import Image, Rng


@dataclass(frozen=True, slots=True)
class Look:
    """The degradation of one clip; the same for all its frames but for the noise.

    Attributes:
        table: (256, 1, 3) tone curve for each colour.
        blur_px: Standard deviation of the focus blur.
        motion_blur: Share of the frame interval during which the shutter is open.
        noise: Standard deviation of the sensor noise in grey levels.
        jpeg_quality: 1 to 100, or 0 for none.
        vignette: (H, W, 1) float32 gain, or ``None``.
        grey: Whether the clip has no colour.
    """

    table: Image
    blur_px: float
    motion_blur: float
    noise: float
    jpeg_quality: int
    vignette: npt.NDArray[np.float32] | None
    grey: bool


def random_look(rng: Rng, height: int, width: int, strength: float) -> Look:
    """Draw a look.

    Args:
        rng: Source of randomness.
        height: Frame height in pixels.
        width: Frame width in pixels.
        strength: 0 (clean) to 1 (often degraded).

    Returns:
        The look.
    """
    x = np.linspace(0, 1, 256)
    gamma = np.exp(rng.normal(0, 0.25))
    contrast = rng.uniform(0.6, 1.1)
    base = (x**gamma - 0.5) * contrast + 0.5 + rng.normal(0, 0.06)
    gains = np.exp(rng.normal(0, 0.08, 3))
    table = np.clip(base[:, None] * gains * 255, 0, 255).astype(np.uint8).reshape(256, 1, 3)
    vignette = None
    if rng.random() < 0.25 * strength:
        vignette = _vignette(rng, height, width)
    return Look(
        table=table,
        blur_px=float(rng.uniform(0.4, 1.3)) if rng.random() < 0.5 * strength else 0.0,
        motion_blur=float(rng.uniform(0.2, 0.7)) if rng.random() < 0.5 * strength else 0.0,
        noise=float(rng.gamma(2.0, 2.5)) if rng.random() < 0.6 * strength else 0.0,
        jpeg_quality=int(rng.integers(25, 90)) if rng.random() < 0.5 * strength else 0,
        vignette=vignette,
        grey=bool(rng.random() < 0.06),
    )


def _vignette(rng: Rng, height: int, width: int) -> npt.NDArray[np.float32]:
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    gain = 1.0 - rng.uniform(0.15, 0.45) * (x * x + y * y) / 2
    return np.asarray(gain, dtype=np.float32)[..., None]


def apply_look(rng: Rng, frame: Image, look: Look, speed: npt.NDArray[np.float64]) -> Image:
    """Degrade one frame.

    Args:
        rng: Source of the noise.
        frame: (H, W, 3) uint8 RGB.
        look: The look of the clip.
        speed: Motion of the background in pixels a frame (x, y).

    Returns:
        (H, W, 3) uint8 RGB.
    """
    out = cv2.LUT(frame, look.table)
    length = look.motion_blur * float(np.hypot(*speed))
    if length > 1.5:
        out = _smear(np.asarray(out, dtype=np.uint8), speed, min(length, 15.0))
    if look.blur_px:
        out = cv2.GaussianBlur(out, (0, 0), look.blur_px)
    if look.vignette is not None:
        out = (out * look.vignette).astype(np.uint8)
    if look.noise:
        out = _add_noise(rng, np.asarray(out, dtype=np.uint8), look.noise)
    if look.grey:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if look.jpeg_quality:
        out = _recompress(np.asarray(out, dtype=np.uint8), look.jpeg_quality)
    return np.asarray(out, dtype=np.uint8)


def _smear(frame: Image, speed: npt.NDArray[np.float64], length: float) -> Image:
    side = int(length) | 1
    kernel = np.zeros((side, side), dtype=np.float32)
    middle = side // 2
    direction = speed / max(float(np.hypot(*speed)), 1e-6) * middle
    end = (round(middle + direction[0]), round(middle + direction[1]))
    start = (round(middle - direction[0]), round(middle - direction[1]))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(frame, -1, kernel / kernel.sum()), dtype=np.uint8)


def _add_noise(rng: Rng, frame: Image, sigma: float) -> Image:
    height, width = frame.shape[:2]
    raw = rng.integers(0, 256, (height, width, 3), dtype=np.uint8).astype(np.int16) - 128
    grain = (raw * np.float32(sigma / 74.0)).astype(np.int16)
    return np.asarray(np.clip(frame + grain, 0, 255), dtype=np.uint8)


def _recompress(frame: Image, quality: int) -> Image:
    _, code = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)
