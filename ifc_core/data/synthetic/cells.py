"""Microscopy: cells that crawl, touch and divide, as different microscopes show them.

A cell is where its own *normalised distance* (0 at its centre, 1 on its outline) is below 1 and
the least of all cells: cells that meet share a border instead of covering one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.effects import apply_look, random_look
from ifc_core.data.synthetic.spec import STRENGTH, ClipSpec
from ifc_core.data.synthetic.stains import NO_CELL, Fields, draw_stain
from ifc_core.data.synthetic.textures import Rng

Floats = npt.NDArray[np.float64]

_REACH = 1.7
"""Normalised distance up to which a cell is seen, its halo included."""

_MIN_VISIBLE_PX = 20
_LEAST_RADIUS_PX = 6.0
_COUNTS = {"easy": (1, 8), "medium": (3, 16), "hard": (8, 30)}
_FILLED = {"easy": (0.03, 0.3), "medium": (0.05, 0.55), "hard": (0.1, 0.95)}
_HARMONICS = np.arange(2, 7)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell over a clip.

    Attributes:
        centre: (T, 2) pixels (x, y).
        radius: (T,) pixels; of a disc of the same area.
        angle: (T,) of the long axis in radians.
        aspect: Long over short axis.
        power: Of the norm that makes its outline: 2 an ellipse, more a rod.
        waves: (5, 2) amplitude and phase of the outline's harmonics 2 to 6.
        drift: (5,) radians by which the phases turn a unit of time.
        waist: (T,) half distance of the two halves of a cell that divides, in radii.
        alive: (T,) bool.
        mother: Place among the cells of the clip of the one that it came from, or -1.
    """

    centre: Floats
    radius: Floats
    angle: Floats
    aspect: float
    power: float
    waves: Floats
    drift: Floats
    waist: Floats
    alive: npt.NDArray[np.bool_]
    mother: int = -1


@dataclass(frozen=True, slots=True)
class CellLineage:
    """Who came from whom in a clip of cells.

    Attributes:
        masks: (N, T, H, W) bool, those of the clip.
        mothers: (N,) int64 row of each one's mother; -1 where it has none that is ever seen.
    """

    masks: npt.NDArray[np.bool_]
    mothers: npt.NDArray[np.int64]


def render_cells(rng: Rng, spec: ClipSpec) -> ClipSample:
    """Make a clip of cells with exact masks.

    A cell that divides ends, and its two daughters begin as objects of their own.

    Args:
        rng: Source of randomness.
        spec: Size, length, difficulty and the most objects of the clip.

    Returns:
        The clip; every frame is exhaustive.
    """
    times, cells = _cast(rng, spec)
    stain = draw_stain(rng, spec.height, spec.width, len(cells), spec.difficulty)
    look = random_look(rng, spec.height, spec.width, STRENGTH[spec.difficulty])
    frames = np.empty((spec.num_frames, spec.height, spec.width, 3), dtype=np.uint8)
    owners = np.empty((spec.num_frames, spec.height, spec.width), dtype=np.uint8)
    for t, time in enumerate(times):
        fields = _fields(cells, t, float(time), spec)
        frames[t] = apply_look(rng, stain.paint(fields, rng), look, np.zeros(2))
        owners[t] = fields.owner
    masks = _visible(owners, len(cells))
    masks = masks[masks.any(axis=(1, 2, 3))]
    return ClipSample.fully_labelled(frames, masks, np.zeros(len(masks), dtype=np.int64))


def cell_lineage(seed: int, spec: ClipSpec) -> CellLineage:
    """The masks of the clip of cells that ``render_clip`` makes, without its pictures.

    Args:
        seed: Non-negative integer.
        spec: What the clip looks like; its world is ``cells``.

    Returns:
        Masks and mothers.
    """
    times, cells = _cast(np.random.default_rng(seed), spec)
    owners = np.stack([_fields(cells, t, float(time), spec).owner for t, time in enumerate(times)])
    masks = _visible(owners, len(cells))
    seen = masks.any(axis=(1, 2, 3))
    rows = np.where(seen, np.cumsum(seen) - 1, -1)
    mothers = [-1 if cell.mother < 0 else int(rows[cell.mother]) for cell in cells]
    return CellLineage(masks[seen], np.array(mothers, dtype=np.int64)[seen])


def _visible(owners: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.bool_]:
    """(count, T, H, W) masks of cells from whose each pixel is; hardly seen ones are empty."""
    numbers = np.arange(count, dtype=np.uint8)[:, None, None, None]
    masks: npt.NDArray[np.bool_] = owners[None] == numbers
    masks[masks.sum(axis=(2, 3)) < _MIN_VISIBLE_PX] = False
    return masks


def _cast(rng: Rng, spec: ClipSpec) -> tuple[Floats, list[_Cell]]:
    """The times (T,) of the frames of a clip, and its cells."""
    gap = spec.frame_gap * float(np.exp(rng.uniform(-0.9, 0.9)))
    times = np.arange(spec.num_frames, dtype=np.float64) * gap
    return times, _population(rng, spec, times)


def _population(rng: Rng, spec: ClipSpec, times: Floats) -> list[_Cell]:
    """The cells of a clip: one kind, sometimes with odd ones among them."""
    low, high = _COUNTS[spec.difficulty]
    if spec.difficulty == "hard":  # the only crowds
        high = max(high, spec.max_objects)
    count = min(int(rng.integers(low, high + 1)), spec.max_objects)
    filled = float(np.exp(rng.uniform(*np.log(_FILLED[spec.difficulty]))))
    area = spec.height * spec.width
    radius = float(np.sqrt(filled * area / (count * np.pi)))
    radius = float(np.clip(radius, _LEAST_RADIUS_PX, min(spec.height, spec.width) / 3))
    radii = radius * np.exp(rng.normal(0, rng.uniform(0.03, 0.3), count))
    aspect, rough, power = _kind(rng)
    crowding = rng.uniform(0.72, 1.15) * (1 + 0.25 * (aspect - 1))
    start = _spread(rng, spec, radii, crowding)
    paths = _paths(rng, spec, start, radii, times, crowding)
    dividing = rng.random(count) < (rng.uniform(0, 0.4) if rng.random() < 0.4 else 0.0)
    shared = rng.uniform(0, np.pi) if rng.random() < 0.2 else None
    cells: list[_Cell] = []
    for i in range(count):
        own = max(1.0, aspect * float(np.exp(rng.normal(0, 0.15))))
        waves = np.stack([rng.normal(0, rough, 5) / _HARMONICS, rng.uniform(0, 6.3, 5)], axis=1)
        angle = rng.uniform(0, np.pi) if shared is None else shared + rng.normal(0, 0.2)
        turns = angle + (times - times.mean()) * rng.normal(0, 0.02)
        cell = _Cell(
            centre=paths[i],
            radius=radii[i] * (1 + 0.03 * np.sin(times * 0.3 + rng.uniform(0, 6.3))),
            angle=turns,
            aspect=own,
            power=power,
            waves=waves,
            drift=rng.normal(0, 0.12, 5),
            waist=np.zeros(len(times)),
            alive=np.ones(len(times), dtype=np.bool_),
        )
        # the daughters need a number of their own each
        room = len(cells) + count - i + 2 <= spec.max_objects
        cells += _divided(rng, cell, times, len(cells)) if dividing[i] and room else [cell]
    return cells


def _kind(rng: Rng) -> tuple[float, float, float]:
    """What the cells of a clip have in common: aspect, roughness of the outline, its norm."""
    draw = rng.random()
    if draw < 0.4:  # nuclei, yeast, droplets, blood
        return float(rng.uniform(1.0, 1.4)), float(rng.uniform(0.0, 0.12)), 2.0
    if draw < 0.65:  # epithelium and other broad cells
        return float(rng.uniform(1.0, 1.6)), float(rng.uniform(0.1, 0.35)), 2.0
    if draw < 0.82:  # bacteria
        return float(rng.uniform(1.8, 5.0)), float(rng.uniform(0.0, 0.06)), 3.5
    return float(rng.uniform(1.2, 3.0)), float(rng.uniform(0.3, 0.7)), 2.0  # crawling ones


def _spread(rng: Rng, spec: ClipSpec, radii: Floats, crowding: float) -> Floats:
    """(N, 2) places (x, y), over the frame or in colonies, pushed apart where they overlap."""
    size = np.array([spec.width, spec.height], dtype=np.float64)
    places = rng.uniform(-0.04, 1.04, (len(radii), 2)) * size
    if rng.random() < 0.3:
        middles = rng.uniform(0.15, 0.85, (int(rng.integers(1, 4)), 2)) * size
        chosen = middles[rng.integers(0, len(middles), len(radii))]
        places = chosen + rng.normal(0, 1, places.shape) * radii.mean() * np.sqrt(len(radii)) * 0.6
    places = _pushed_apart(places, radii, crowding, 40)
    return np.clip(places, -0.06 * size, 1.06 * size)


def _pushed_apart(places: Floats, radii: Floats, crowding: float, steps: int) -> Floats:
    wanted = crowding * (radii[:, None] + radii[None])
    np.fill_diagonal(wanted, 0.0)
    places = places.copy()
    for _ in range(steps):
        apart = places[:, None] - places[None]
        distance = np.maximum(np.hypot(apart[..., 0], apart[..., 1]), 1e-3)
        excess = np.maximum(0.0, wanted - distance) / distance
        if not excess.any():
            break
        places += 0.25 * (apart * excess[..., None]).sum(axis=1)
    return places


def _paths(
    rng: Rng, spec: ClipSpec, start: Floats, radii: Floats, times: Floats, crowding: float
) -> Floats:
    """(N, T, 2) centres: each crawls its way, the stage drifts and shakes."""
    count = len(start)
    speed = float(np.exp(rng.uniform(np.log(0.003), np.log(0.15)))) * radii
    heading = rng.uniform(0, 2 * np.pi, count)
    if rng.random() < 0.15:
        heading = np.full(count, heading[0]) + rng.normal(0, 0.3, count)
    velocity = speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    velocity[rng.random(count) < 0.2] = 0.0
    stage = rng.normal(0, 1, 2) * spec.height * (0.004 if rng.random() < 0.3 else 0.0)
    shake = 0.004 * spec.height if rng.random() < 0.2 else 0.0
    centred = times - times.mean()
    paths = np.empty((count, len(times), 2))
    for t, time in enumerate(centred):
        now = start + velocity * time + rng.normal(0, 0.01, (count, 2)) * radii[:, None]
        now = _pushed_apart(now, radii, crowding * 0.95, 6)
        paths[:, t] = now + stage * time + rng.normal(0, 1, 2) * shake
    return paths


def _divided(rng: Rng, cell: _Cell, times: Floats, place: int) -> list[_Cell]:
    """A cell that divides in the clip: itself until then, and its daughters from then on.

    ``place`` is its own among the cells of the clip.
    """
    moment = float(rng.uniform(times[0] - 2, times[-1] + 2))
    before = times < moment
    waist = np.clip(1 - (moment - times) / 5, 0, 1) * 0.75
    apart = (0.8 + np.clip((times - moment) * 0.08, 0, 0.35)) * cell.radius
    axis = np.stack([np.cos(cell.angle), np.sin(cell.angle)], axis=1)
    parts = [
        _Cell(
            cell.centre,
            cell.radius,
            cell.angle,
            cell.aspect,
            cell.power,
            cell.waves,
            cell.drift,
            np.where(before, waist, 0.0),
            before,
        )
    ]
    for side in (-1.0, 1.0):
        waves = cell.waves.copy()
        waves[:, 1] = rng.uniform(0, 6.3, len(waves))
        parts.append(
            _Cell(
                cell.centre + side * axis * apart[:, None],
                cell.radius * 0.74,
                cell.angle + rng.normal(0, 0.3),
                max(1.0, 0.8 * cell.aspect),
                cell.power,
                waves,
                cell.drift,
                np.zeros(len(times)),
                ~before,
                place if before.any() else -1,
            )
        )
    return [part for part in parts if part.alive.any()]


def _fields(cells: list[_Cell], t: int, time: float, spec: ClipSpec) -> Fields:
    """Whose each pixel is, how far inside it lies, and where in the cell."""
    fields = Fields.empty(spec.height, spec.width)
    for number, cell in enumerate(cells):
        if not cell.alive[t]:
            continue
        x, y = cell.centre[t]
        long = np.sqrt(cell.aspect) * (1 + cell.waist[t])
        reach = _REACH * cell.radius[t] * long * (1 + np.abs(cell.waves[:, 0]).sum())
        x0, x1 = max(0, int(x - reach)), min(spec.width, int(x + reach) + 2)
        y0, y1 = max(0, int(y - reach)), min(spec.height, int(y + reach) + 2)
        if x0 >= x1 or y0 >= y1:
            continue
        dx = np.arange(x0, x1, dtype=np.float32)[None] - np.float32(x)
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(y)
        c, s = np.cos(cell.angle[t]), np.sin(cell.angle[t])
        scale = np.float32(1 / cell.radius[t])
        along = (dx * np.float32(c) + dy * np.float32(s)) * scale
        across = (dy * np.float32(c) - dx * np.float32(s)) * scale
        distance = _distance(cell, along, across, float(cell.waist[t]), time)
        fields.claim(number, (slice(y0, y1), slice(x0, x1)), distance, along, across, c, s)
    fields.owner[fields.distance >= 1] = NO_CELL
    return fields


def _distance(
    cell: _Cell,
    along: npt.NDArray[np.float32],
    across: npt.NDArray[np.float32],
    waist: float,
    time: float,
) -> npt.NDArray[np.float32]:
    """Normalised distance from a cell at places given in its own axes and radii."""
    stretch = np.float32(np.sqrt(cell.aspect))
    if waist > 0:
        shrunk = np.float32(1 - 0.25 * waist)
        halves = [
            np.hypot((along + sign * waist) / stretch, across * stretch) / shrunk
            for sign in (-1.0, 1.0)
        ]
        merged = -np.logaddexp(-6 * halves[0], -6 * halves[1]) / 6
        return np.asarray(merged + 0.05, dtype=np.float32)
    u, v = along / stretch, across * stretch
    if cell.power == 2:
        distance = np.hypot(u, v)
    else:
        distance = (np.abs(u) ** cell.power + np.abs(v) ** cell.power) ** (1 / cell.power)
    if np.abs(cell.waves[:, 0]).max() > 0.01:
        angle = cv2.phase(u, v)
        outline = np.ones_like(distance)
        for k, (amplitude, phase), drift in zip(_HARMONICS, cell.waves, cell.drift, strict=True):
            outline += np.float32(amplitude) * np.cos(k * angle + np.float32(phase + drift * time))
        distance = distance / np.clip(outline, 0.35, 1.9)
    return np.asarray(distance, dtype=np.float32)
