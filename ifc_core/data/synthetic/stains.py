"""How a microscope shows cells: fluorescence, phase contrast, bright field, relief, stains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.synthetic.textures import Image, Rng, fractal_noise, organic_tiles

Floats = npt.NDArray[np.float32]

NO_CELL = 255
"""Owner of the ground."""

_FAR = 9.0


@dataclass(slots=True)
class Fields:
    """Where the cells of one frame are.

    Attributes:
        owner: (H, W) uint8, number of the nearest cell, ``NO_CELL`` where there is none.
        distance: (H, W) its normalised distance, 1 on the outline.
        along: (H, W) place in the cell along its long axis, in radii.
        across: (H, W) the same across.
        slope: (H, W) the component to the upper left of the way from the centre, in radii.
    """

    owner: npt.NDArray[np.uint8]
    distance: Floats
    along: Floats
    across: Floats
    slope: Floats

    @classmethod
    def empty(cls, height: int, width: int) -> Fields:
        """No cells."""
        zeros = [np.zeros((height, width), dtype=np.float32) for _ in range(3)]
        owner = np.full((height, width), NO_CELL, dtype=np.uint8)
        return cls(owner, np.full((height, width), _FAR, dtype=np.float32), *zeros)

    def claim(
        self,
        number: int,
        window: tuple[slice, slice],
        distance: Floats,
        along: Floats,
        across: Floats,
        cosine: float,
        sine: float,
    ) -> None:
        """Give a cell the pixels of a window to which it is the nearest.

        Args:
            number: Of the cell.
            window: Rows and columns.
            distance: (h, w) its normalised distance there.
            along: (h, w) places along its long axis.
            across: (h, w) places across it.
            cosine: Of the long axis' angle.
            sine: Of the same.
        """
        nearer = distance < self.distance[window]
        slope = -(along * np.float32(cosine + sine) + across * np.float32(cosine - sine))
        for whole, part in (
            (self.distance, distance),
            (self.along, along),
            (self.across, across),
            (self.slope, slope),
        ):
            np.copyto(whole[window], part, where=nearer)
        np.copyto(self.owner[window], np.uint8(number), where=nearer)


@dataclass(frozen=True, slots=True)
class Stain:
    """How the cells of a clip are shown; colours are (3,) RGB, 0..255.

    Attributes:
        ground: (H, W, 3) the picture without cells.
        body: Colour of the inside.
        core: Colour of the nucleus.
        rim: Colour of the outline.
        halo: Colour of what shines around a cell.
        body_share: How much of the ground the inside covers, 0 to 1.
        core_size: Radius of the nucleus in cell radii, 0 for none.
        rim_share: How much of the outline's colour is seen, 0 to 1.
        rim_width: Of the outline, in radii.
        rim_at: Normalised distance at which the outline is.
        halo_share: Strength of the halo next to the cell, 0 to 1.
        halo_width: Where it has fallen to a third, in radii.
        relief: Grey levels by which the sides to and from the light differ.
        softness: Width of the body's edge, in radii.
        grain: Relative contrast of the texture inside.
        texture: (h, w) uint8, its pattern.
        zoom: Pixels of the pattern a radius.
        tones: (256, 1) relative brightness of each cell.
        offsets: (256, 2) place of each cell in the pattern.
        flicker: Standard deviation of the lamp's brightness, relative.
        shot_noise: Noise of a bright pixel in grey levels; it goes with the root of brightness.
    """

    ground: Floats
    body: Floats
    core: Floats
    rim: Floats
    halo: Floats
    body_share: float
    core_size: float
    rim_share: float
    rim_width: float
    rim_at: float
    halo_share: float
    halo_width: float
    relief: float
    softness: float
    grain: float
    texture: Image
    zoom: float
    tones: Floats
    offsets: Floats
    flicker: float
    shot_noise: float

    def paint(self, fields: Fields, rng: Rng) -> Image:
        """One frame.

        Args:
            fields: Where the cells are.
            rng: Source of flicker and noise.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        distance = np.minimum(fields.distance, np.float32(_FAR))
        tone = self.tones[fields.owner][..., None]
        outside = np.exp(-np.maximum(0, distance - 1) / np.float32(self.halo_width))
        picture = _blend(self.ground, self.halo, outside * np.float32(self.halo_share))
        inside = _soft_below(distance, 1.0, self.softness)
        pattern = (self._pattern(fields) * np.float32(self.grain))[..., None]
        body = self.body * tone * (1 + pattern)
        picture = _blend(picture, body, inside * np.float32(self.body_share))
        if self.core_size:
            near = np.hypot(fields.along - 0.12, fields.across * 1.15 + 0.07)
            within = _soft_below(near, self.core_size, self.softness) * inside
            picture = _blend(picture, self.core * tone * (1 + 0.7 * pattern), within)
        if self.rim_share:
            away = (distance - np.float32(self.rim_at)) / np.float32(self.rim_width)
            picture = _blend(picture, self.rim, np.exp(-away * away) * np.float32(self.rim_share))
        if self.relief:
            lit = fields.slope * np.exp(-np.square((distance - 0.85) / np.float32(0.3)))
            picture += np.float32(self.relief) * lit[..., None]
        picture *= np.float32(np.exp(rng.normal(0, self.flicker)))
        if self.shot_noise:
            grains = rng.standard_normal(picture.shape[:2], dtype=np.float32)[..., None]
            bright = np.sqrt(np.clip(picture, 0, 255) / np.float32(255))
            picture += grains * bright * np.float32(self.shot_noise)
        return np.clip(picture, 0, 255).astype(np.uint8)

    def _pattern(self, fields: Fields) -> Floats:
        """-1 to 1, moving and turning with each cell."""
        shift = self.offsets[fields.owner]
        x = fields.along * np.float32(self.zoom) + shift[..., 0]
        y = fields.across * np.float32(self.zoom) + shift[..., 1]
        grey = cv2.remap(self.texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(grey, dtype=np.float32) / np.float32(127.5) - 1


def _blend(under: Floats, colour: Floats, share: Floats) -> Floats:
    return np.asarray(under + (colour - under) * share[..., None], dtype=np.float32)


def _soft_below(values: Floats, limit: float, softness: float) -> Floats:
    """1 where values are under a limit, 0 over it, with a soft step between."""
    steps = (np.float32(limit) - values) / np.float32(softness) + np.float32(0.5)
    return np.asarray(np.clip(steps, 0, 1), dtype=np.float32)


def draw_stain(rng: Rng, height: int, width: int, count: int, difficulty: str) -> Stain:
    """Draw how a clip's cells are shown.

    Args:
        rng: Source of randomness.
        height: Frame height in pixels.
        width: Frame width in pixels.
        count: Number of cells.
        difficulty: Of the clip; hard ones differ little from the ground.

    Returns:
        The stain.
    """
    contrast = {"easy": 1.0, "medium": 0.75, "hard": 0.5}[difficulty]
    contrast *= float(rng.uniform(0.6, 1.2))
    plain = _plain(rng, height, width)
    makers = (_fluorescence, _membrane, _phase, _bright_field, _relief, _dye, _solid)
    shares = np.array([0.24, 0.12, 0.2, 0.14, 0.1, 0.1, 0.1])
    maker: Callable[[Rng, Stain, float], Stain] = makers[int(rng.choice(len(makers), p=shares))]
    stain = maker(rng, plain, contrast)
    ground = _uneven(rng, stain.ground, contrast)
    return replace(stain, ground=_with_specks(rng, ground, stain.body))


def _plain(rng: Rng, height: int, width: int) -> Stain:
    black = np.zeros(3, dtype=np.float32)
    spread = float(rng.uniform(0.0, 0.25))
    return Stain(
        ground=np.zeros((height, width, 3), dtype=np.float32),
        body=black,
        core=black,
        rim=black,
        halo=black,
        body_share=1.0,
        core_size=0.0,
        rim_share=0.0,
        rim_width=float(rng.uniform(0.06, 0.16)),
        rim_at=float(rng.uniform(0.88, 1.0)),
        halo_share=0.0,
        halo_width=float(rng.uniform(0.12, 0.35)),
        relief=0.0,
        softness=float(rng.uniform(0.08, 0.35)),
        grain=float(rng.uniform(0.0, 0.4)),
        texture=organic_tiles()[int(rng.integers(len(organic_tiles())))],
        zoom=float(rng.uniform(15, 60)),
        tones=np.exp(rng.normal(0, spread, (256, 1))).astype(np.float32)[:, 0],
        offsets=rng.uniform(0, 160, (256, 2)).astype(np.float32),
        flicker=float(rng.uniform(0, 0.03)),
        shot_noise=float(rng.gamma(1.5, 4)) if rng.random() < 0.6 else 0.0,
    )


def _colour(rng: Rng, light: float, tinted: float) -> Floats:
    """A colour of a brightness: grey, or for a share of the draws any hue."""
    if rng.random() >= tinted:
        return np.full(3, light, dtype=np.float32)
    hue = rng.dirichlet(np.full(3, 0.5)).astype(np.float32)
    return np.asarray(np.clip(hue / hue.max() * light, 0, 255), dtype=np.float32)


def _fluorescence(rng: Rng, plain: Stain, contrast: float) -> Stain:
    """Bright on dark: nuclei or whole cells."""
    dark = float(rng.uniform(2, 45))
    light = dark + float(rng.uniform(120, 210)) * contrast
    colour = _colour(rng, light, 0.35)
    core_size = float(rng.uniform(0.3, 0.55)) if rng.random() < 0.25 else 0.0
    core = colour * np.float32(rng.choice([0.35, 1.4])) if core_size else colour
    return replace(
        plain,
        ground=plain.ground + dark * colour / np.float32(light),
        body=colour,
        core=core,
        core_size=core_size,
        halo=colour,
        halo_share=float(rng.uniform(0, 0.25)),
    )


def _membrane(rng: Rng, plain: Stain, contrast: float) -> Stain:
    """Bright outlines on dark, as of a dye in the membrane."""
    dark = float(rng.uniform(2, 40))
    light = dark + float(rng.uniform(110, 210)) * contrast
    colour = _colour(rng, light, 0.35)
    return replace(
        plain,
        ground=plain.ground + dark * colour / np.float32(light),
        body=colour * np.float32(rng.uniform(0.12, 0.5)),
        rim=colour,
        rim_share=float(rng.uniform(0.6, 1.0)),
        core=_colour(rng, light * 0.8, 0.7),
        core_size=float(rng.uniform(0.3, 0.5)) if rng.random() < 0.4 else 0.0,
    )


def _phase(rng: Rng, plain: Stain, contrast: float) -> Stain:
    """Phase contrast: grey bodies in bright halos on grey ground."""
    ground = float(rng.uniform(80, 170))
    body = ground - float(rng.uniform(-15, 80)) * contrast
    return replace(
        plain,
        ground=plain.ground + np.float32(ground),
        body=np.full(3, body, dtype=np.float32),
        core=np.full(3, body - rng.uniform(-30, 40) * contrast, dtype=np.float32),
        core_size=float(rng.uniform(0.25, 0.5)) if rng.random() < 0.6 else 0.0,
        halo=np.full(3, min(255.0, ground + rng.uniform(60, 130) * contrast), dtype=np.float32),
        halo_share=float(rng.uniform(0.5, 1.0)),
        grain=float(rng.uniform(0.1, 0.45)),
    )


def _bright_field(rng: Rng, plain: Stain, contrast: float) -> Stain:
    """Cells as clear as their ground, seen by a dark or bright outline."""
    ground = float(rng.uniform(110, 215))
    tint = _colour(rng, 255, 0.3) / np.float32(255) * np.float32(0.3) + np.float32(0.7)
    dark = rng.random() < 0.75
    rim = ground + (-1 if dark else 1) * float(rng.uniform(50, 110)) * contrast
    core_size = float(rng.uniform(0.2, 0.45)) if rng.random() < 0.4 else 0.0
    return replace(
        plain,
        ground=plain.ground + np.float32(ground) * tint,
        body=np.float32(ground + rng.uniform(-30, 30) * contrast) * tint,
        rim=np.float32(np.clip(rim, 0, 255)) * tint,
        rim_share=float(rng.uniform(0.6, 1.0)),
        core=np.float32(ground - rng.uniform(0, 60) * contrast) * tint,
        core_size=core_size,
        halo=np.float32(min(255.0, ground + 40)) * tint,
        halo_share=float(rng.uniform(0, 0.5)),
        grain=float(rng.uniform(0.02, 0.2)),
    )


def _relief(rng: Rng, plain: Stain, contrast: float) -> Stain:
    """Interference contrast: cells as if lit from one side."""
    ground = float(rng.uniform(90, 165))
    return replace(
        plain,
        ground=plain.ground + np.float32(ground),
        body=np.full(3, ground + rng.uniform(-12, 12), dtype=np.float32),
        relief=float(rng.choice([-1, 1])) * float(rng.uniform(40, 100)) * contrast,
        grain=float(rng.uniform(0.05, 0.25)),
        core=np.full(3, ground + rng.uniform(-25, 25), dtype=np.float32),
        core_size=float(rng.uniform(0.25, 0.45)) if rng.random() < 0.5 else 0.0,
    )


def _dye(rng: Rng, plain: Stain, contrast: float) -> Stain:
    """Stained cells on a light ground: tinted bodies, often with dark nuclei."""
    ground = rng.uniform(200, 250) * np.array([1.0, 0.97, 0.98], dtype=np.float32)
    strong = np.asarray(rng.uniform(0.2, 0.75, 3), dtype=np.float32)
    body = ground * (1 - np.float32(contrast * 0.8) * (1 - strong))
    return replace(
        plain,
        ground=(plain.ground + ground).astype(np.float32),
        body=np.clip(body, 0, 255).astype(np.float32),
        core=np.clip(body * np.float32(rng.uniform(0.3, 0.7)), 0, 255).astype(np.float32),
        core_size=float(rng.uniform(0.3, 0.6)) if rng.random() < 0.7 else 0.0,
        rim=np.clip(body * np.float32(0.7), 0, 255).astype(np.float32),
        rim_share=float(rng.uniform(0, 0.6)) if rng.random() < 0.5 else 0.0,
    )


def _solid(rng: Rng, plain: Stain, contrast: float) -> Stain:
    """Even shapes on an even ground of any two colours: beads, droplets, thresholded films."""
    ground = rng.uniform(10, 245, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(10, 245))
    away = rng.normal(0, 1, 3) if rng.random() < 0.5 else np.full(3, rng.choice([-1.0, 1.0]))
    if (ground + away).mean() > 230 or (ground + away).mean() < 25:
        away = -away
    body = ground + away / max(1e-3, float(np.abs(away).max())) * rng.uniform(70, 150) * contrast
    return replace(
        plain,
        ground=(plain.ground + ground).astype(np.float32),
        body=np.clip(body, 0, 255).astype(np.float32),
        softness=float(rng.uniform(0.05, 0.15)),
        grain=float(rng.uniform(0, 0.1)),
        rim=np.clip(body * rng.uniform(0.5, 1.3), 0, 255).astype(np.float32),
        rim_share=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.4 else 0.0,
    )


def _uneven(rng: Rng, ground: Floats, contrast: float) -> Floats:
    """Uneven light, and a little structure of the ground."""
    height, width = ground.shape[:2]
    if rng.random() < 0.6:
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        a, b, c = rng.normal(0, 0.12, 3)
        ground = ground * (1 + np.float32(a) * x + np.float32(b) * y - abs(c) * (x * x + y * y))[
            ..., None
        ].astype(np.float32)
    if rng.random() < 0.7:
        octaves, base = int(rng.integers(2, 7)), int(rng.integers(2, 8))
        noise = fractal_noise(rng, height, width, octaves, base).astype(np.float32) / 127.5 - 1
        ground = ground + noise[..., None] * np.float32(rng.uniform(2, 14) * contrast)
    return np.asarray(ground, dtype=np.float32)


def _with_specks(rng: Rng, ground: Floats, body: Floats) -> Floats:
    """Dust and fragments on the ground, which are no cells."""
    if rng.random() >= 0.4:
        return ground
    height, width = ground.shape[:2]
    share = np.zeros((height, width), dtype=np.uint8)
    for _ in range(int(rng.integers(2, 30))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        size = int(rng.integers(1, max(2, height // 90) + 1))
        cv2.circle(share, centre, size, int(rng.integers(60, 255)), -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(share, (0, 0), 0.8).astype(np.float32) / np.float32(255)
    return _blend(ground, body, soft * np.float32(rng.uniform(0.3, 1.0)))
