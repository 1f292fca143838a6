"""Closed outlines as point lists, in the units of the part they belong to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Rng = np.random.Generator


def ellipse(cx: float, cy: float, a: float, b: float, count: int = 24) -> Points:
    """An axis-parallel ellipse with half axes ``a`` and ``b``, (count, 2) points (x, y)."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([cx + a * np.cos(t), cy + b * np.sin(t)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """An axis-parallel rectangle."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)


def limb(length: float, start: float, end: float) -> Points:
    """A rounded bar from the origin along +y, ``start`` and ``end`` wide at its ends."""
    t = np.linspace(0, np.pi, 7)
    top = np.stack([-np.cos(t) * start / 2, -np.sin(t) * start / 2], axis=1)
    bottom = np.stack([np.cos(t) * end / 2, length + np.sin(t) * end / 2], axis=1)
    return np.concatenate([top, bottom])


def blob(rng: Rng, a: float, b: float, roughness: float, count: int = 32) -> Points:
    """A smooth random outline around the origin.

    Args:
        rng: Source of randomness.
        a: Mean half width.
        b: Mean half height.
        roughness: Relative depth of its bays, 0 to about 0.6.
        count: Number of points.

    Returns:
        (count, 2) points.
    """
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = np.ones(count)
    for k in range(2, 7):
        radius += roughness / k * rng.normal() * np.cos(k * t + rng.uniform(0, 2 * np.pi))
    radius = np.clip(radius, 0.25, 2.0)
    return np.stack([a * radius * np.cos(t), b * radius * np.sin(t)], axis=1)


def superellipse(a: float, b: float, power: float, count: int = 40) -> Points:
    """Between diamond (power 1), ellipse (2) and box (large)."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    x = a * np.sign(c) * np.abs(c) ** (2 / power)
    y = b * np.sign(s) * np.abs(s) ** (2 / power)
    return np.stack([x, y], axis=1)


def polygon(rng: Rng, a: float, b: float) -> Points:
    """A random, often irregular polygon of 3 to 8 corners."""
    count = int(rng.integers(3, 9))
    t = np.sort(rng.uniform(0, 2 * np.pi, count)) if rng.random() < 0.5 else None
    if t is None:
        t = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, np.pi)
    radius = rng.uniform(0.6, 1.1, count)
    return np.stack([a * radius * np.cos(t), b * radius * np.sin(t)], axis=1)


def star(rng: Rng, a: float, b: float) -> Points:
    """A star of 3 to 8 points."""
    count = int(rng.integers(3, 9))
    t = np.linspace(0, 2 * np.pi, 2 * count, endpoint=False)
    radius = np.where(np.arange(2 * count) % 2, rng.uniform(0.3, 0.7), 1.0)
    return np.stack([a * radius * np.cos(t), b * radius * np.sin(t)], axis=1)


def leaf(length: float, width: float) -> Points:
    """A pointed leaf from the origin along +y."""
    t = np.linspace(0, 1, 9)
    side = np.sin(np.pi * t**0.8) * width / 2
    right = np.stack([side, t * length], axis=1)
    left = np.stack([-side, t * length], axis=1)[::-1]
    return np.concatenate([right, left[1:-1]])
