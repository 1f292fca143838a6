"""Procedural surfaces: noise, stripes, checks, spots, foliage, and colour ramps over them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Rng = np.random.Generator

_SIDE = 160
_BANK_SEED = 20_210
_BANK_SIZE = 96


def fractal_noise(rng: Rng, height: int, width: int, octaves: int = 4, base: int = 2) -> Image:
    """Noise that sums octaves of smoothed random grids.

    Args:
        rng: Source of randomness.
        height: Height in pixels.
        width: Width in pixels.
        octaves: Number of scales.
        base: Cells along the shorter side of the coarsest grid.

    Returns:
        (height, width) uint8, stretched to 0..255.
    """
    total = np.zeros((height, width), dtype=np.float32)
    cells = float(base)
    gain = 1.0
    for _ in range(octaves):
        rows = int(min(height, max(2, cells)))
        cols = int(min(width, max(2, cells * width / height)))
        grid = rng.random((rows, cols), dtype=np.float32)
        total += gain * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cells *= 2.0
        gain *= 0.55
    return _stretch(total)


def _stretch(values: npt.NDArray[np.float32]) -> Image:
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / max(high - low, 1e-6))
    return scaled.astype(np.uint8)


def _grid(angle: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) / _SIDE
    c, s = np.cos(angle), np.sin(angle)
    return (x * c + y * s).astype(np.float32), (y * c - x * s).astype(np.float32)


def _stripes(rng: Rng) -> Image:
    u, v = _grid(rng.uniform(0, np.pi))
    wave = 0.05 * np.sin(v * rng.uniform(3, 20)) * rng.random()
    phase = (u + wave) * rng.uniform(4, 24) * 2 * np.pi
    sharp = rng.uniform(1, 8)
    return _stretch(np.tanh(sharp * np.sin(phase)).astype(np.float32))


def _checks(rng: Rng) -> Image:
    u, v = _grid(rng.uniform(0, np.pi))
    n, m = rng.uniform(3, 14, 2)
    a, b = np.sin(u * n * 2 * np.pi), np.sin(v * m * 2 * np.pi)
    values = a * b if rng.random() < 0.5 else np.maximum(np.sign(a), np.sign(b)) + 0.3 * a
    return _stretch(values.astype(np.float32))


def _spots(rng: Rng) -> Image:
    image = fractal_noise(rng, _SIDE, _SIDE, 3) // 4
    for _ in range(int(rng.integers(15, 120))):
        centre = tuple(int(v) for v in rng.integers(0, _SIDE, 2))
        cv2.circle(
            image, centre, int(rng.integers(1, 9)), int(rng.integers(120, 256)), -1, cv2.LINE_AA
        )
    return image


def _bricks(rng: Rng) -> Image:
    image = np.full((_SIDE, _SIDE), int(rng.integers(0, 90)), dtype=np.uint8)
    rows = int(rng.integers(5, 16))
    tall = _SIDE / rows
    wide = tall * rng.uniform(1, 3)
    for row in range(rows):
        shift = (row % 2) * wide / 2
        for col in range(-1, int(_SIDE / wide) + 1):
            x0, y0 = int(col * wide + shift) + 1, int(row * tall) + 1
            shade = int(rng.integers(110, 256))
            cv2.rectangle(image, (x0, y0), (int(x0 + wide) - 2, int(y0 + tall) - 2), shade, -1)
    return image


def _cells(rng: Rng) -> Image:
    seeds = rng.random((int(rng.integers(8, 60)), 2)).astype(np.float32) * _SIDE
    labels = np.full((_SIDE, _SIDE), 255, dtype=np.uint8)
    for x, y in seeds:
        labels[int(y) % _SIDE, int(x) % _SIDE] = 0
    distance = cv2.distanceTransform(labels, cv2.DIST_L2, 3)
    return _stretch(np.asarray(distance, dtype=np.float32))


def _foliage(rng: Rng) -> Image:
    image = (fractal_noise(rng, _SIDE, _SIDE, 3) // 4).astype(np.uint8)
    for _ in range(int(rng.integers(250, 700))):
        centre = tuple(int(v) for v in rng.integers(0, _SIDE, 2))
        axes = (int(rng.integers(2, 9)), int(rng.integers(1, 4)))
        angle = float(rng.uniform(0, 180))
        cv2.ellipse(image, centre, axes, angle, 0, 360, int(rng.integers(30, 256)), -1)
    return image


def _fur(rng: Rng) -> Image:
    noise = rng.random((_SIDE, _SIDE), dtype=np.float32)
    length = int(rng.integers(5, 21))
    kernel = np.zeros((length, length), dtype=np.float32)
    slope = rng.uniform(-1, 1)
    cv2.line(
        kernel,
        (0, int(length / 2 * (1 - slope))),
        (length - 1, int(length / 2 * (1 + slope))),
        1.0,
    )
    return _stretch(np.asarray(cv2.filter2D(noise, -1, kernel / kernel.sum()), np.float32))


def _veins(rng: Rng) -> Image:
    noise = fractal_noise(rng, _SIDE, _SIDE, 5, 2).astype(np.float32)
    return _stretch(np.abs(np.sin(noise * rng.uniform(0.02, 0.15))).astype(np.float32))


def _clouds(rng: Rng) -> Image:
    return fractal_noise(rng, _SIDE, _SIDE, int(rng.integers(2, 7)), int(rng.integers(2, 5)))


_MAKERS: tuple[Callable[[Rng], Image], ...] = (
    _clouds,
    _stripes,
    _checks,
    _spots,
    _bricks,
    _cells,
    _foliage,
    _fur,
    _veins,
    _clouds,
)


@lru_cache(maxsize=1)
def texture_bank() -> tuple[Image, ...]:
    """Grey-scale tiles of 160 x 160 pixels; always the same ones, made once a process."""
    rng = np.random.default_rng(_BANK_SEED)
    return tuple(_MAKERS[i % len(_MAKERS)](rng) for i in range(_BANK_SIZE))


@lru_cache(maxsize=1)
def foliage_tiles() -> tuple[Image, ...]:
    """The leafy tiles of the bank, for bushes and trees."""
    return tuple(tile for i, tile in enumerate(texture_bank()) if i % len(_MAKERS) == 6)


@lru_cache(maxsize=1)
def organic_tiles() -> tuple[Image, ...]:
    """Those tiles of the bank that look grown: clouds, spots, cells, foliage, fur and veins."""
    grown = [_MAKERS.index(make) for make in (_clouds, _spots, _cells, _foliage, _fur, _veins)]
    return tuple(tile for i, tile in enumerate(texture_bank()) if i % len(_MAKERS) in grown)


def random_colour(rng: Rng) -> npt.NDArray[np.float32]:
    """A colour as (3,) float32 RGB, 0..255: greys, muted tones and, less often, vivid ones."""
    draw = rng.random()
    value = rng.uniform(15, 250)
    spread = 6.0 if draw < 0.3 else 35.0 if draw < 0.75 else 110.0
    return np.clip(value + rng.normal(0, spread, 3), 2, 253).astype(np.float32)


def ramp(*colours: npt.NDArray[np.float32]) -> Image:
    """A look-up table (256, 1, 3) through the given colours."""
    stops = np.linspace(0, 255, len(colours))
    table = np.stack(
        [np.interp(np.arange(256), stops, [c[k] for c in colours]) for k in range(3)], axis=1
    )
    return np.asarray(np.clip(table, 0, 255), dtype=np.uint8).reshape(256, 1, 3)


def colourise(grey: Image, table: Image) -> Image:
    """Map a (h, w) grey image through a (256, 1, 3) table to (h, w, 3)."""
    return np.asarray(cv2.applyColorMap(np.ascontiguousarray(grey), table), dtype=np.uint8)


def crop_tile(rng: Rng, tile: Image, height: int, width: int, zoom: float) -> Image:
    """A random piece of a tile, mirrored where it ends, at ``zoom`` output pixels per tile pixel.

    Returns:
        (height, width) or (height, width, 3) uint8, as the tile.
    """
    rows, cols = tile.shape[:2]
    x0, y0 = rng.uniform(0, cols), rng.uniform(0, rows)
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle) / zoom, np.sin(angle) / zoom
    matrix = np.array([[c, -s, x0], [s, c, y0]], dtype=np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(tile, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(out, dtype=np.uint8)


def procedural_texture(rng: Rng, height: int, width: int) -> Image:
    """A coloured surface (height, width, 3) uint8 of a random kind."""
    draw = rng.random()
    first = random_colour(rng)
    if draw < 0.25:
        second = np.clip(first + rng.normal(0, 12, 3), 0, 255).astype(np.float32)
        tile = texture_bank()[0]
    else:
        tile = texture_bank()[int(rng.integers(_BANK_SIZE))]
        near = rng.random() < 0.5
        second = np.clip(first + rng.normal(0, 40, 3), 0, 255) if near else random_colour(rng)
        second = np.asarray(second, dtype=np.float32)
    table = ramp(first, second) if rng.random() < 0.7 else ramp(first, second, random_colour(rng))
    zoom = float(np.exp(rng.uniform(np.log(0.4), np.log(2.0))))
    return colourise(crop_tile(rng, tile, height, width, zoom), table)


def shade(rng: Rng, image: Image, roundness: float) -> Image:
    """Light a surface: darker towards its sides (a round body) and along a random direction.

    Args:
        rng: Source of randomness.
        image: (h, w, 3) uint8.
        roundness: 0 (flat) to 1 (strongly darkened rims).

    Returns:
        The lit image.
    """
    height, width = image.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    a, b = rng.uniform(-0.35, 0.35), rng.uniform(-0.1, 0.4)
    short = x if width <= height else y
    light = 1.0 - 0.5 * roundness * short * short - a * x - b * y
    return np.asarray(np.clip(image * light[..., None], 0, 255), dtype=np.uint8)
