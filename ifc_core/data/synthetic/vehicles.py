"""Cars, buses and two-wheelers with their riders."""

from __future__ import annotations

import numpy as np

from ifc_core.data.synthetic import outlines as o
from ifc_core.data.synthetic.bodies import Body, BodyBuilder, Material, MaterialSource
from ifc_core.data.synthetic.creatures import add_person
from ifc_core.data.synthetic.textures import Rng, random_colour

_PI = np.pi


def _glass(rng: Rng) -> Material:
    tone = rng.uniform(15, 120) + np.array([0.0, 5.0, 12.0])
    return Material.plain(rng, tone.astype(np.float32), 25)


def _rubber(rng: Rng) -> Material:
    return Material.plain(rng, np.full(3, rng.uniform(10, 50), dtype=np.float32), 8)


def _paint(rng: Rng, source: MaterialSource) -> Material:
    if rng.random() < 0.75:
        return Material.plain(rng, random_colour(rng), rng.uniform(4, 22))
    return source.material(rng)


def car(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A car, van or bus seen from the side, at an angle, or from the front or back."""
    builder = BodyBuilder(rng, resolution * 0.9)
    paint = _paint(rng, source)
    if rng.random() < 0.3:
        _car_front(builder, paint, 0.0, rng.uniform(0.32, 0.45), 1.0)
    else:
        _car_side(builder, paint)
    builder.body.grounded = True
    return builder.body


def _car_side(builder: BodyBuilder, paint: Material) -> None:
    rng = builder.rng
    turned = rng.uniform(0.55, 0.85) if rng.random() < 0.6 else 1.0
    tall = rng.uniform(0.12, 0.2)
    cabin = rng.uniform(0.1, 0.18) if rng.random() < 0.75 else rng.uniform(0.2, 0.4)
    half = 0.5 * turned
    van = cabin > 0.2
    front, rear = (0.95, 0.98) if van else (rng.uniform(0.35, 0.6), rng.uniform(0.55, 0.98))
    body = o.superellipse(half, tall / 2, 5)
    door = np.array([[0.0, -tall / 2], [0.02, tall / 2]]) * [turned, 1]
    trunk = builder.add(
        body, paint, lines=(door, door - [0.2 * turned, 0]), roundness=0.5, swing=0.008
    )
    roof = np.array([[-rear, 0.02], [-rear * 0.85, -cabin], [front * 0.6, -cabin], [front, 0.02]])
    roof[:, 0] *= half
    top = builder.add(roof, paint, parent=trunk, attach=(0, -tall * 0.45), z=0.1)
    glass = roof * [0.86, 0.8] + [0, -cabin * 0.06]
    bars = tuple(np.array([[x, 0], [x, -cabin]]) * [half, 1] for x in (-0.25, 0.15))
    builder.add(glass, _glass(rng), parent=top, z=0.2, lines=bars, roundness=0.2)
    radius = rng.uniform(0.06, 0.095)
    rubber, hub = _rubber(rng), Material.plain(rng, random_colour(rng), 25)
    for x in (-0.62, 0.64):
        wheel = builder.add(
            o.ellipse(0, 0, radius * min(1.0, turned + 0.1), radius),
            rubber,
            parent=trunk,
            attach=(x * half, tall * 0.5),
            spin=0.0 if turned < 1 else 1.0,
            z=0.3,
        )
        rim = o.ellipse(0, 0, radius * 0.55 * turned, radius * 0.6)
        spokes = (np.array([[-radius, 0], [radius, 0]]) * 0.5,)
        builder.add(rim, hub, parent=wheel, z=0.31, lines=spokes)
    lamp = Material.plain(rng, np.array([230, 220, 180], dtype=np.float32), 20)
    builder.add(o.ellipse(half * 0.95, -tall * 0.1, 0.02, 0.02, 10), lamp, parent=trunk, z=0.25)
    if turned < 1:
        _car_front(builder, paint.tinted(rng.uniform(0.7, 1.15)), half, 0.5 * (1 - turned), 0.6)


def _car_front(
    builder: BodyBuilder, paint: Material, x: float, half: float, squeeze: float
) -> None:
    rng = builder.rng
    tall = rng.uniform(0.22, 0.3) * (1.0 if squeeze == 1 else 0.75)
    cabin = rng.uniform(0.15, 0.25) * squeeze
    base = builder.add(o.superellipse(half, tall / 2, 4), paint, attach=(x, 0), z=0.05)
    slope = rng.uniform(0.6, 0.85)
    roof = np.array([[-half * 0.95, 0.03], [-half * slope, -cabin], [half * slope, -cabin]])
    roof = np.concatenate([roof, [[half * 0.95, 0.03]]])
    top = builder.add(roof, paint, parent=base, attach=(0, -tall * 0.45), z=0.04)
    builder.add(roof * [0.88, 0.8], _glass(rng), parent=top, z=0.12, roundness=0.2)
    bright = np.array([235, 225, 190]) if rng.random() < 0.5 else np.array([190, 20, 20])
    lamp = Material.plain(rng, bright.astype(np.float32), 15)
    rubber = _rubber(rng)
    for side in (-1.0, 1.0):
        light = o.superellipse(half * 0.16, tall * 0.1, 3)
        builder.add(light, lamp, parent=base, attach=(side * half * 0.75, -tall * 0.08), z=0.2)
        wheel = o.superellipse(half * 0.12, tall * 0.3, 4)
        builder.add(wheel, rubber, parent=base, attach=(side * half * 0.8, tall * 0.5), z=-0.1)
    grille = o.superellipse(half * 0.5, tall * 0.12, 5)
    builder.add(grille, rubber, parent=base, attach=(0, tall * 0.15), z=0.15)


def two_wheeler(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A bicycle or motorbike; usually with a rider, who belongs to it."""
    builder = BodyBuilder(rng, resolution * 0.8)
    motor = rng.random() < 0.5
    radius = rng.uniform(0.15, 0.2)
    thick = radius * (0.4 if motor else 0.14)
    paint, rubber = _paint(rng, source), _rubber(rng)
    frame = o.blob(rng, 0.26, 0.1, 0.2) if motor else o.limb(0.5, 0.03, 0.03) - [0, 0.25]
    turn = 0.0 if motor else _PI / 2
    trunk = builder.add(frame, paint, rest=turn, swing=0.02, z=0.1)

    def place(x: float, y: float) -> tuple[float, float]:
        return (x, y) if motor else (y, -x)

    for x in (-0.33, 0.33):
        rim = o.ellipse(0, 0, radius, radius)
        hole = o.ellipse(0, 0, radius - thick, radius - thick)
        spokes = tuple(
            np.array([[np.cos(a), np.sin(a)], [-np.cos(a), -np.sin(a)]]) * radius
            for a in (0.0, 1.0, 2.0)
        )
        holes = () if motor and rng.random() < 0.5 else (hole,)
        wheel = builder.add(
            rim, rubber, parent=trunk, attach=place(x, 0.14), spin=1.0, holes=holes, lines=spokes
        )
        builder.add(o.ellipse(0, 0, thick, thick, 10), paint, parent=wheel, z=0.01)
        bar = o.limb(0.26, 0.035, 0.035)
        lean = (0.5 if x < 0 else -0.3) - turn
        builder.add(bar, paint, parent=trunk, attach=place(x * 0.7, -0.08), rest=lean, z=0.05)
    if rng.random() < 0.8:
        seat = place(-0.08, -0.14)
        rider = add_person(builder, source, parent=trunk, attach=seat, pose="sit", size=0.8, z=0.3)
        part = builder.body.parts[rider]
        builder.body.parts[rider] = type(part)(
            part.patch,
            part.raster,
            part.parent,
            part.attach,
            part.rest - turn + 0.3,
            0.0,
            0.0,
            0.0,
            part.z,
        )
    builder.body.grounded = True
    return builder.body
