"""Everything that is neither alive nor a vehicle, and simple shapes of every kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ifc_core.data.synthetic import outlines as o
from ifc_core.data.synthetic.bodies import Body, BodyBuilder, MaterialSource
from ifc_core.data.synthetic.creatures import add_person, bird, person, quadruped
from ifc_core.data.synthetic.textures import Rng
from ifc_core.data.synthetic.vehicles import car, two_wheeler

_PI = np.pi
Maker = Callable[[Rng, MaterialSource, float], Body]


def _outline(rng: Rng, a: float, b: float) -> o.Points:
    draw = int(rng.integers(5))
    if draw == 0:
        return o.polygon(rng, a, b)
    if draw == 1:
        return o.star(rng, a, b)
    if draw == 2:
        return o.superellipse(a, b, float(rng.uniform(0.9, 6)))
    return o.blob(rng, a, b, float(rng.uniform(0.1, 0.6)))


def simple_shape(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """One outline with one surface; it may wobble, be see-through or have holes."""
    builder = BodyBuilder(rng, resolution)
    flat = rng.uniform(0.3, 1.0)
    holes: tuple[o.Points, ...] = ()
    if rng.random() < 0.2:
        size = rng.uniform(0.4, 0.8)
        holes = (o.ellipse(0, 0, 0.5 * size, 0.5 * flat * size),)
    shape = o.ellipse(0, 0, 0.5, 0.5 * flat) if holes else _outline(rng, 0.5, 0.5 * flat)
    builder.add(shape, source.material(rng), holes=holes, roundness=rng.uniform(0, 1))
    if rng.random() < 0.3:
        inner = _outline(rng, 0.22, 0.22 * flat)
        shift = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1) * flat)
        if not holes:
            builder.add(inner, source.material(rng), parent=0, attach=shift, z=1)
    body = builder.body
    if len(body.parts) == 1 and rng.random() < 0.5:
        body.wobble = float(rng.uniform(0.02, 0.1))
    if rng.random() < 0.08:
        body.opacity = float(rng.uniform(0.6, 0.9))
    body.grounded = rng.random() < 0.3
    return body


def compound(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """Two to seven shapes with different surfaces, hinged to one another."""
    builder = BodyBuilder(rng, resolution)
    shared = source.material(rng)
    for index in range(int(rng.integers(2, 8))):
        big = 0.35 if index == 0 else rng.uniform(0.08, 0.26)
        shape = _outline(rng, big, big * rng.uniform(0.4, 1.0))
        parent = -1 if index == 0 else int(rng.integers(0, index))
        angle = rng.uniform(0, 2 * _PI)
        reach = 0.0 if index == 0 else 0.3 if parent == 0 else 0.15
        material = shared if rng.random() < 0.4 else source.material(rng)
        builder.add(
            shape,
            material,
            parent=parent,
            attach=(reach * np.cos(angle), reach * np.sin(angle)),
            rest=rng.uniform(0, 2 * _PI) if index else 0.0,
            swing=rng.uniform(0, 0.6) if rng.random() < 0.5 else 0.0,
            phase=rng.uniform(0, 6),
            z=float(rng.uniform(-1, 1)),
        )
    builder.body.grounded = rng.random() < 0.4
    return builder.body


def worm(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A chain of segments that bends in waves: worm, snake, rope, tentacle."""
    builder = BodyBuilder(rng, resolution)
    skin = source.material(rng)
    count = int(rng.integers(4, 10))
    step, thick = 1.0 / count, rng.uniform(0.04, 0.16)
    parent = -1
    for index in range(count):
        taper = 1.0 - 0.6 * index / count
        parent = builder.add(
            o.limb(step, thick * taper, thick * taper * 0.93),
            skin,
            parent=parent,
            attach=(0, step if index else 0),
            rest=rng.normal(0, 0.35),
            swing=rng.uniform(0.1, 0.5),
            phase=-index * 0.9,
            z=-index * 0.01,
            roundness=0.8,
        )
    return builder.body


def cell(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A cell: a soft body with a rim, a nucleus and grains; sometimes a pair that divides."""
    builder = BodyBuilder(rng, resolution)
    plasma = source.material(rng)
    pair = rng.random() < 0.25
    for x in (-0.22, 0.22) if pair else (0.0,):
        shape = o.blob(rng, 0.3 if pair else 0.5, rng.uniform(0.25, 0.45), 0.15)
        main = builder.add(
            shape, plasma, attach=(x, 0), roundness=rng.uniform(-0.6, 1), lines=(shape,), swing=0.1
        )
        core = o.blob(rng, 0.12, 0.1, 0.15)
        builder.add(core, source.material(rng), parent=main, attach=(0.05, 0.02), z=0.5)
    if rng.random() < 0.4:
        builder.body.opacity = float(rng.uniform(0.6, 0.95))
    return builder.body


def plant(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A potted plant or flower: a vessel, stems and leaves."""
    builder = BodyBuilder(rng, resolution)
    green = source.material(rng)
    pot = np.array([[-0.16, 0.0], [0.16, 0.0], [0.12, 0.3], [-0.12, 0.3]])
    base = builder.add(pot, source.material(rng), z=1)
    bloom = source.material(rng)
    for _ in range(int(rng.integers(3, 10))):
        length = rng.uniform(0.25, 0.6)
        lean = rng.normal(0, 0.6)
        stem = builder.add(
            o.limb(length, 0.025, 0.02), green, parent=base, rest=_PI + lean, swing=0.05
        )
        leaf = o.leaf(rng.uniform(0.15, 0.35), rng.uniform(0.06, 0.18))
        builder.add(
            leaf,
            green,
            parent=stem,
            attach=(0, length * 0.7),
            rest=rng.normal(0, 0.8),
            swing=0.1,
            z=0.2,
        )
        if rng.random() < 0.3:
            builder.add(o.star(rng, 0.09, 0.09), bloom, parent=stem, attach=(0, length), z=0.4)
    builder.body.grounded = True
    return builder.body


def furniture(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """Chair, table, lamp, cup, bottle or box: rigid parts, often thin."""
    builder = BodyBuilder(rng, resolution)
    wood = source.material(rng)
    kind = int(rng.integers(4))
    if kind == 0:
        seat = builder.add(o.box(-0.3, 0, 0.3, 0.07), wood)
        for x in (-0.27, -0.1, 0.1, 0.27):
            builder.add(
                o.limb(rng.uniform(0.35, 0.45), 0.05, 0.04), wood, parent=seat, attach=(x, 0.05)
            )
        if rng.random() < 0.7:
            back = o.box(-0.29, -0.5, 0.29, 0.02)
            hole = o.box(-0.2, -0.4, 0.2, -0.1)
            holes = (hole,) if rng.random() < 0.6 else ()
            builder.add(back, wood.tinted(0.9), parent=seat, holes=holes, z=-0.1)
    elif kind == 1:
        cup = builder.add(np.array([[-0.3, -0.3], [0.3, -0.3], [0.22, 0.3], [-0.22, 0.3]]), wood)
        ring = o.ellipse(0.32, 0, 0.16, 0.18)
        builder.add(ring, wood, parent=cup, holes=(o.ellipse(0.32, 0, 0.1, 0.12),), z=-0.1)
        builder.add(o.ellipse(0, -0.3, 0.3, 0.06), source.material(rng), parent=cup, z=0.2)
    elif kind == 2:
        base = builder.add(o.superellipse(0.16, 0.35, 5), wood)
        builder.add(o.limb(0.22, 0.07, 0.12), wood, parent=base, attach=(0, -0.5), z=-0.1)
        builder.add(o.box(-0.16, -0.1, 0.16, 0.15), source.material(rng), parent=base, z=0.1)
        builder.add(o.box(-0.05, -0.58, 0.05, -0.5), source.material(rng), parent=base, z=0.1)
    else:
        wide, tall, deep = rng.uniform(0.2, 0.45), rng.uniform(0.15, 0.4), rng.uniform(0.08, 0.25)
        front = builder.add(o.box(-wide, -tall, wide, tall), wood)
        lid = np.array(
            [
                [-wide, -tall],
                [-wide + deep, -tall - deep],
                [wide + deep, -tall - deep],
                [wide, -tall],
            ]
        )
        side = np.array(
            [[wide, -tall], [wide + deep, -tall - deep], [wide + deep, tall - deep], [wide, tall]]
        )
        builder.add(lid, wood.tinted(1.25), parent=front)
        builder.add(side, wood.tinted(0.65), parent=front)
        builder.add(_outline(rng, wide * 0.6, tall * 0.6), source.material(rng), parent=front, z=1)
    builder.body.grounded = True
    return builder.body


def canopy(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """Something broad held by lines: parachute, kite or umbrella, with a person below."""
    builder = BodyBuilder(rng, resolution)
    t = np.linspace(_PI, 2 * _PI, 15)
    arc = np.stack([0.5 * np.cos(t), 0.3 * np.sin(t)], axis=1)
    dip = np.stack([0.5 * np.cos(t[::-1]), rng.uniform(0.05, 0.2) * np.sin(t[::-1])], axis=1)
    ribs = tuple(np.array([[x, 0.0], [x * 0.8, -0.3]]) for x in (-0.3, -0.1, 0.1, 0.3))
    sail = builder.add(np.concatenate([arc, dip]), source.material(rng), lines=ribs, swing=0.15)
    cord = source.material(rng)
    drop = rng.uniform(0.35, 0.6)
    for x in (-0.45, -0.2, 0.2, 0.45):
        lean = float(np.arctan2(x, drop))
        length = float(np.hypot(x, drop))
        builder.add(o.limb(length, 0.014, 0.014), cord, parent=sail, attach=(x, -0.05), rest=lean)
    add_person(
        builder,
        source,
        parent=sail,
        attach=(0, drop + 0.08),
        pose="sit",
        size=rng.uniform(0.25, 0.5),
        z=1,
    )
    return builder.body


MAKERS: tuple[tuple[Maker, float], ...] = (
    (person, 0.26),
    (quadruped, 0.16),
    (car, 0.14),
    (two_wheeler, 0.06),
    (bird, 0.06),
    (compound, 0.08),
    (simple_shape, 0.10),
    (furniture, 0.05),
    (worm, 0.03),
    (cell, 0.03),
    (plant, 0.02),
    (canopy, 0.03),
)
"""Makers of procedural bodies and how often each is drawn."""
