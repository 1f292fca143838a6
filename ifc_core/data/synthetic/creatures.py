"""People and animals."""

from __future__ import annotations

import numpy as np

from ifc_core.data.synthetic import outlines as o
from ifc_core.data.synthetic.bodies import Body, BodyBuilder, Material, MaterialSource
from ifc_core.data.synthetic.textures import Rng

_PI = np.pi


def _skin(rng: Rng) -> Material:
    light = np.array([235.0, 190.0, 165.0])
    dark = np.array([85.0, 55.0, 42.0])
    mix = rng.uniform(0, 1)
    tone = (light * mix + dark * (1 - mix) + rng.normal(0, 8, 3)).astype(np.float32)
    return Material.plain(rng, np.clip(tone, 0, 255).astype(np.float32), 10)


def _hair(rng: Rng) -> Material:
    tone = rng.choice([15.0, 40.0, 70.0, 150.0]) * np.array([1.0, 0.8, 0.6])
    return Material.plain(rng, np.clip(tone + rng.normal(0, 8, 3), 0, 255).astype(np.float32), 12)


def add_person(
    builder: BodyBuilder,
    source: MaterialSource,
    *,
    parent: int = -1,
    attach: tuple[float, float] = (0.0, 0.0),
    pose: str = "",
    size: float = 1.0,
    z: float = 0.0,
) -> int:
    """Add a dressed person, ``size`` units tall, its hips at ``attach``.

    Args:
        builder: The body to extend.
        source: Surfaces for the clothes.
        parent: Part to sit on, or -1.
        attach: Hips in the parent's units.
        pose: ``walk``, ``free`` or ``sit``; drawn at random if empty.
        size: Height in units.
        z: Paint order of the torso.

    Returns:
        Index of the torso.
    """
    rng = builder.rng
    pose = pose or str(rng.choice(["walk", "walk", "free", "sit"]))
    shirt, trousers = source.material(rng), source.material(rng)
    skin, hair = _skin(rng), _hair(rng)
    shoe = Material.plain(rng, rng.uniform(10, 220, 3).astype(np.float32))
    wide = rng.uniform(0.13, 0.23) * size
    tall = rng.uniform(0.28, 0.34) * size
    shape = np.array(
        [
            [-wide / 2, -tall],
            [-wide / 5, -tall * 1.06],
            [wide / 5, -tall * 1.06],
            [wide / 2, -tall],
            [wide * 0.42, -tall * 0.4],
            [wide * 0.45, 0.03 * size],
            [-wide * 0.45, 0.03 * size],
            [-wide * 0.42, -tall * 0.4],
        ]
    )
    torso = builder.add(
        shape,
        shirt,
        parent=parent,
        attach=attach,
        rest=rng.normal(0, 0.12 if pose != "free" else 0.4),
        swing=rng.uniform(0, 0.06),
        z=z,
        roundness=0.6,
    )
    _add_head(builder, torso, skin, hair, tall, size, z)
    _add_legs(builder, torso, trousers, skin, shoe, pose, wide, size, z)
    _add_arms(builder, torso, shirt, skin, pose, wide, tall, size, z)
    _add_extras(builder, torso, source, wide, tall, size, z)
    return torso


def _add_head(
    builder: BodyBuilder,
    torso: int,
    skin: Material,
    hair: Material,
    tall: float,
    size: float,
    z: float,
) -> None:
    rng = builder.rng
    radius = rng.uniform(0.055, 0.075) * size
    shape = o.ellipse(0, -radius * 1.35, radius * rng.uniform(0.8, 1.0), radius * 1.25)
    neck = o.limb(0.05 * size, 0.06 * size, 0.07 * size)
    builder.add(neck, skin, parent=torso, attach=(0, -tall - 0.02 * size), z=z - 0.1)
    head = builder.add(
        shape,
        skin,
        parent=torso,
        attach=(0, -tall - 0.01 * size),
        rest=rng.normal(0, 0.15),
        swing=0.05,
        z=z + 0.3,
    )
    lean = rng.uniform(-0.4, 0.4) * radius
    if rng.random() < 0.85:
        drop = rng.uniform(-2.0, -1.2) if rng.random() < 0.7 else -0.6
        cap = o.ellipse(lean, -radius * 2.0, radius * 1.08, radius * 0.85)
        builder.add(cap, hair, parent=head, z=z + 0.35)
        if drop > -1.3:
            back = o.ellipse(-lean, radius * drop, radius * 0.9, radius * 1.4)
            builder.add(back, hair, parent=head, z=z + 0.25)
    if rng.random() < 0.15:
        brim = o.ellipse(lean, -radius * 2.1, radius * 1.7, radius * 0.35)
        builder.add(brim, hair.tinted(rng.uniform(0.5, 2.5)), parent=head, z=z + 0.4)


def _add_legs(
    builder: BodyBuilder,
    torso: int,
    trousers: Material,
    skin: Material,
    shoe: Material,
    pose: str,
    wide: float,
    size: float,
    z: float,
) -> None:
    rng = builder.rng
    shorts = rng.random() < 0.3
    thick = rng.uniform(0.075, 0.11) * size
    stride = rng.uniform(0.15, 0.7)
    facing = rng.choice([-1.0, 1.0])
    bend = {"walk": 0.25, "free": 0.7, "sit": 1.3}[pose]
    for side in (-1.0, 1.0):
        near = side > 0
        rest = {"walk": 0.0, "free": rng.normal(0, 0.7), "sit": -facing * rng.uniform(0.9, 1.5)}[
            pose
        ]
        phase = 0.0 if near else _PI
        thigh = builder.add(
            o.limb(0.24 * size, thick, thick * 0.75),
            trousers if near else trousers.tinted(0.8),
            parent=torso,
            attach=(side * wide * 0.22, 0.0),
            rest=rest,
            swing=stride if pose == "walk" else 0.12,
            phase=phase,
            z=z - 0.05 + side * 0.02,
            roundness=0.8,
        )
        shin = builder.add(
            o.limb(0.23 * size, thick * 0.7, thick * 0.5),
            skin if shorts else trousers.tinted(1.0 if near else 0.8),
            parent=thigh,
            attach=(0, 0.24 * size),
            rest=facing * bend * rng.uniform(0.5, 1.1),
            swing=bend * 0.7,
            phase=phase + 0.5 * _PI * facing,
            z=z - 0.06 + side * 0.02,
            roundness=0.8,
        )
        foot = o.ellipse(-facing * -0.035 * size, 0.015 * size, 0.06 * size, 0.025 * size, 14)
        builder.add(foot, shoe, parent=shin, attach=(0, 0.23 * size), z=z - 0.055 + side * 0.02)


def _add_arms(
    builder: BodyBuilder,
    torso: int,
    shirt: Material,
    skin: Material,
    pose: str,
    wide: float,
    tall: float,
    size: float,
    z: float,
) -> None:
    rng = builder.rng
    thick = rng.uniform(0.05, 0.07) * size
    sleeves = rng.random() < 0.6
    spread = {"walk": 0.15, "free": 1.4, "sit": 0.6}[pose]
    for side in (-1.0, 1.0):
        phase = _PI if side > 0 else 0.0
        upper = builder.add(
            o.limb(0.16 * size, thick, thick * 0.85),
            shirt.tinted(0.9 if side > 0 else 0.75),
            parent=torso,
            attach=(side * wide * 0.45, -tall * 0.93),
            rest=-side * abs(rng.normal(0, spread)) + rng.normal(0, 0.1),
            swing=rng.uniform(0.1, 0.6),
            phase=phase,
            z=z + (0.1 if side > 0 else -0.15),
            roundness=0.8,
        )
        lower = builder.add(
            o.limb(0.15 * size, thick * 0.8, thick * 0.6),
            shirt if sleeves else skin,
            parent=upper,
            attach=(0, 0.16 * size),
            rest=rng.normal(0, 0.3 + spread * 0.6),
            swing=0.2,
            phase=phase,
            z=z + (0.12 if side > 0 else -0.14),
            roundness=0.8,
        )
        hand = o.ellipse(0, 0.02 * size, 0.024 * size, 0.03 * size, 10)
        builder.add(hand, skin, parent=lower, attach=(0, 0.15 * size), z=z + 0.11 * side)


def _add_extras(
    builder: BodyBuilder,
    torso: int,
    source: MaterialSource,
    wide: float,
    tall: float,
    size: float,
    z: float,
) -> None:
    rng = builder.rng
    if rng.random() < 0.25:
        skirt = np.array([[-0.42, -0.1], [0.42, -0.1], [0.8, 1.0], [-0.8, 1.0]])
        skirt = skirt * [wide, rng.uniform(0.15, 0.4) * size]
        builder.add(skirt, source.material(rng), parent=torso, z=z + 0.02, swing=0.05)
    if rng.random() < 0.2:
        bag = o.superellipse(wide * 0.45, tall * 0.4, 4)
        side = rng.choice([-1.0, 1.0]) * wide * 0.5
        builder.add(bag, source.material(rng), parent=torso, attach=(side, -tall * 0.55), z=z - 0.2)


def person(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A person, about one unit tall."""
    builder = BodyBuilder(rng, resolution)
    add_person(builder, source)
    builder.body.grounded = True
    return builder.body


def quadruped(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A four-legged animal, about one unit long; sometimes with a rider that belongs to it."""
    builder = BodyBuilder(rng, resolution * 0.8)
    fur = source.material(rng)
    deep = rng.uniform(0.13, 0.24)
    trunk = o.blob(rng, 0.42, deep, 0.12)
    torso = builder.add(trunk, fur, swing=0.04, z=0.0, roundness=0.7)
    leg = rng.uniform(0.2, 0.42)
    thick = rng.uniform(0.07, 0.14)
    stride = rng.uniform(0.1, 0.8)
    for x, side, phase in ((-0.3, 0, 0.0), (0.3, 0, _PI), (-0.33, 1, _PI), (0.27, 1, 0.0)):
        surface = fur.tinted(rng.uniform(0.85, 1.0) if side else 0.7)
        upper = builder.add(
            o.limb(leg * 0.5, thick * 1.2, thick * 0.7),
            surface,
            parent=torso,
            attach=(x, deep * 0.5),
            rest=rng.normal(0, 0.1),
            swing=stride,
            phase=phase,
            z=0.1 if side else -0.2,
        )
        builder.add(
            o.limb(leg * 0.55, thick * 0.65, thick * 0.5),
            surface,
            parent=upper,
            attach=(0, leg * 0.5),
            rest=0.15 * (1 if x < 0 else -1),
            swing=stride * 0.8,
            phase=phase + 0.9,
            z=0.09 if side else -0.21,
        )
    _add_animal_head(builder, torso, fur, deep)
    tail = o.limb(rng.uniform(0.1, 0.4), rng.uniform(0.03, 0.1), 0.03)
    builder.add(
        tail,
        fur,
        parent=torso,
        attach=(-0.4, -deep * 0.4),
        rest=rng.uniform(0.2, 2.4),
        swing=0.4,
        z=-0.1,
    )
    if rng.random() < 0.3:
        saddle = (rng.uniform(-0.1, 0.1), -deep * 0.85)
        add_person(builder, source, parent=torso, attach=saddle, pose="sit", size=0.8, z=0.5)
    builder.body.grounded = True
    return builder.body


def _add_animal_head(builder: BodyBuilder, torso: int, fur: Material, deep: float) -> None:
    rng = builder.rng
    reach = rng.uniform(0.08, 0.45) if rng.random() < 0.7 else rng.uniform(0.45, 0.9)
    lift = rng.uniform(0.1, 1.2)
    thick = rng.uniform(0.1, 0.2)
    neck = builder.add(
        o.limb(reach, thick * 1.3, thick),
        fur,
        parent=torso,
        attach=(0.36, -deep * 0.35),
        rest=_PI + lift,
        swing=0.12,
        z=0.05,
    )
    radius = rng.uniform(0.08, 0.15)
    down = rng.uniform(-1.5, -0.7)
    skull = np.concatenate([o.ellipse(0, 0, radius, radius, 16)])
    muzzle = o.limb(radius * rng.uniform(0.8, 2.2), radius * 1.4, radius * 0.7)
    surface = fur if rng.random() < 0.6 else fur.tinted(rng.uniform(0.5, 1.4))
    head = builder.add(
        muzzle, surface, parent=neck, attach=(0, reach), rest=down - _PI - lift, swing=0.15, z=0.2
    )
    builder.add(skull, fur, parent=head, z=0.21)
    for side in (-1.0, 1.0):
        ear = o.leaf(radius * rng.uniform(0.8, 1.8), radius * 0.7)
        builder.add(
            ear,
            fur.tinted(0.7),
            parent=head,
            attach=(0.5 * radius, -0.4 * radius),
            rest=_PI + 0.9 + side * 0.3,
            z=0.2 + 0.05 * side,
        )


def bird(rng: Rng, source: MaterialSource, resolution: float) -> Body:
    """A bird, fish or insect: a long body with wings or fins that beat."""
    builder = BodyBuilder(rng, resolution * 0.7)
    skin = source.material(rng)
    deep = rng.uniform(0.08, 0.22)
    trunk = builder.add(o.blob(rng, 0.4, deep, 0.1), skin, swing=0.1, z=0.0)
    wing = o.leaf(rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.4))
    surface = source.material(rng) if rng.random() < 0.5 else skin.tinted(0.8)
    for side, tone in ((1.0, 1.0), (-1.0, 0.7)):
        builder.add(
            wing,
            surface.tinted(tone),
            parent=trunk,
            attach=(0.05, -deep * 0.3),
            rest=(_PI if rng.random() < 0.7 else 0.4) + side * 0.3,
            swing=rng.uniform(0.2, 1.0),
            phase=side * 0.3,
            z=0.2 * side,
        )
    tail = o.leaf(rng.uniform(0.2, 0.4), rng.uniform(0.1, 0.3))
    builder.add(tail, surface, parent=trunk, attach=(-0.35, 0), rest=_PI / 2, swing=0.3, z=-0.1)
    head = o.ellipse(0, 0, deep * 0.8, deep * 0.7)
    skull = builder.add(head, skin.tinted(0.8), parent=trunk, attach=(0.42, -deep * 0.3), z=0.05)
    beak = Material.plain(rng, np.array([200, 150, 40], dtype=np.float32))
    builder.add(
        o.leaf(0.16, 0.07), beak, parent=skull, attach=(deep * 0.6, 0), rest=-_PI / 2, z=0.06
    )
    if rng.random() < 0.5:
        for x in (-0.03, 0.06):
            builder.add(
                o.limb(0.2, 0.025, 0.02),
                beak,
                parent=trunk,
                attach=(x, deep * 0.8),
                swing=0.3,
                z=-0.2,
            )
    return builder.body
