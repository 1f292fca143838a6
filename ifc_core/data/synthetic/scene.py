"""A whole clip: what is in it, how it moves, and how it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.background import make_background, occluder
from ifc_core.data.synthetic.bodies import Body, MaterialSource, Part
from ifc_core.data.synthetic.cells import render_cells
from ifc_core.data.synthetic.effects import apply_look, random_look
from ifc_core.data.synthetic.motion import Camera, ObjectPath, camera_path, object_path
from ifc_core.data.synthetic.photos import (
    Cutout,
    Scene,
    load_scenes,
    load_sprites,
    surface_photographs,
)
from ifc_core.data.synthetic.real import photograph_clip
from ifc_core.data.synthetic.spec import STRENGTH, ClipSpec
from ifc_core.data.synthetic.sprites import (
    Canvas,
    Image,
    Matrix,
    Patch,
    anisotropic,
    compose,
    similarity,
)
from ifc_core.data.synthetic.textures import Rng
from ifc_core.data.synthetic.things import MAKERS

_MARGIN = 1.3
_MIN_VISIBLE_PX = 20
_COUNTS = {
    "easy": ((1, 0.5), (2, 0.3), (3, 0.2)),
    "medium": ((1, 0.28), (2, 0.22), (3, 0.16), (4, 0.12), (6, 0.14), (9, 0.08)),
    "hard": ((1, 0.15), (2, 0.15), (3, 0.15), (5, 0.2), (8, 0.15), (14, 0.12), (30, 0.08)),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """An object of the scene.

    Attributes:
        body: What it is.
        fit: (2, 3) body units to pixels around its centre, at scale 1.
        path: How it moves.
        mirror: Whether it is seen mirrored.
        parallax: Share of the camera's motion that it takes part in.
        shadow: Strength of its contact shadow, 0 for none.
        size_px: Extent (height, width) in pixels at scale 1.
    """

    body: Body
    fit: Matrix
    path: ObjectPath
    mirror: bool
    parallax: float
    shadow: float
    size_px: tuple[float, float]


@lru_cache(maxsize=8)
def _material(
    cutout_dir: str | None, photographs: bool
) -> tuple[MaterialSource, tuple[Scene, ...], tuple[Cutout, ...], tuple[Image, ...]]:
    pictures = surface_photographs() if photographs else ()
    scenes: tuple[Scene, ...] = ()
    cutouts: tuple[Cutout, ...] = ()
    if cutout_dir is not None:
        scenes, cutouts = load_scenes(cutout_dir)
        pictures = pictures + tuple(scene.rgb for scene in scenes)
    empty = tuple(scene.empty for scene in scenes if scene.empty is not None)
    return MaterialSource(pictures, 0.4 if pictures else 0.0), scenes, cutouts, empty


def render_clip(seed: int, spec: ClipSpec) -> ClipSample:
    """Make a clip with exact masks.

    The same seed and spec give the same pixels in every process of the same OpenCV and
    NumPy builds.

    Args:
        seed: Non-negative integer.
        spec: What the clip looks like.

    Returns:
        The clip; every track is known on every frame (an empty mask means hidden or away), and
        the frames are exhaustive except for photographs with partial labels.

    Raises:
        FormatError: ``spec.cutout_dir`` is not a readable COCO folder.
    """
    rng = np.random.default_rng(seed)
    if spec.world == "cells":
        return render_cells(rng, spec)
    source, scenes, cutouts, empty = _material(spec.cutout_dir, spec.photographs)
    if scenes and rng.random() < spec.real_fraction:
        return photograph_clip(rng, scenes, spec)
    return _Scene(rng, spec, source, cutouts, empty).render()


class _Scene:
    """One clip in the making."""

    def __init__(
        self,
        rng: Rng,
        spec: ClipSpec,
        source: MaterialSource,
        cutouts: tuple[Cutout, ...],
        empty: tuple[Image, ...],
    ) -> None:
        self.rng, self.spec, self.source, self.cutouts = rng, spec, source, cutouts
        self.sprites = load_sprites(spec.sprite_dir) if spec.sprite_dir is not None else ()
        gap = spec.frame_gap * float(np.exp(rng.uniform(-0.9, 0.9)))
        self.times = np.arange(spec.num_frames, dtype=np.float64) * gap
        self.camera = camera_path(rng, self.times, spec.height, spec.width)
        big = (int(spec.height * _MARGIN), int(spec.width * _MARGIN))
        self.backdrop, self.horizon = make_background(rng, source, empty, *big)
        if rng.random() < 0.3:
            blur = float(rng.uniform(0.5, 2.5)) * spec.height / 128
            self.backdrop = np.asarray(cv2.GaussianBlur(self.backdrop, (0, 0), blur))
        self.look = random_look(rng, spec.height, spec.width, STRENGTH[spec.difficulty])
        self.actors = self._cast()
        self.front = self._occluders()

    def _cast(self) -> list[Actor]:
        rng, spec = self.rng, self.spec
        counts, weights = zip(*_COUNTS[spec.difficulty], strict=True)
        most = int(rng.choice(counts, p=weights))
        count = min(spec.max_objects, int(rng.integers(max(1, most // 2 + 1), most + 1)))
        actors: list[Actor] = []
        while len(actors) < count:
            body = self._body(count)
            twins = 1
            if spec.difficulty != "easy" and rng.random() < 0.15:
                twins = int(rng.integers(2, 4))
            share = self._share(count)
            for _ in range(min(twins, count - len(actors))):
                actors.append(self._place(body, share))
        if rng.random() < 0.35:
            self._follow(actors[-1])
        actors.sort(key=lambda a: a.path.position[0, 1] + a.size_px[0] / 2 + rng.normal(0, 8))
        return actors

    def _share(self, count: int) -> float:
        """Extent of an object relative to the frame's height."""
        largest = 1.0 if count <= 2 else 0.8 if count <= 4 else 0.5 if count <= 9 else 0.3
        smallest = max(12.0 / self.spec.height, 0.22 if count <= 2 else 0.12)
        smallest = min(smallest, largest * 0.5) if count <= 9 else 12.0 / self.spec.height
        return float(np.exp(self.rng.uniform(np.log(smallest), np.log(largest))))

    def _body(self, count: int) -> Body:
        rng = self.rng
        if self.sprites and rng.random() < self.spec.sprite_fraction:
            sprite = self.sprites[int(rng.integers(len(self.sprites)))]
            return self._pasted(Cutout(resurfaced(rng, self.source, sprite), sprite.alpha, True))
        if self.cutouts and rng.random() < self.spec.cutout_fraction:
            return self._pasted(self._cutout())
        source = self.source
        if self.spec.difficulty == "hard" and rng.random() < 0.1:
            source = MaterialSource((self.backdrop,), 1.0)
        shares = np.array([share for _, share in MAKERS])
        maker = MAKERS[int(rng.choice(len(MAKERS), p=shares / shares.sum()))][0]
        resolution = self.spec.height * (0.9 if count <= 2 else 0.6 if count <= 6 else 0.35)
        return maker(rng, source, resolution)

    def _cutout(self) -> Cutout:
        """One of the objects of photographs, whole ones more often."""
        rng = self.rng
        cutout = self.cutouts[int(rng.integers(len(self.cutouts)))]
        if not cutout.whole and rng.random() < 0.5:
            cutout = self.cutouts[int(rng.integers(len(self.cutouts)))]
        return cutout

    def _pasted(self, cutout: Cutout) -> Body:
        rng = self.rng
        rgb = cutout.rgb
        if rng.random() < 0.6:
            gain = np.exp(rng.normal(0, 0.15, 3)) * np.exp(rng.normal(0, 0.15))
            lift = 0.35 * rng.random() * (self.backdrop.mean() - rgb.mean())
            rgb = np.clip(rgb * gain.astype(np.float32) + np.float32(lift), 0, 255).astype(np.uint8)
        patch = Patch.from_colour(rgb, cutout.alpha)
        side = float(max(cutout.alpha.shape))
        unit = np.array(
            [
                [1 / side, 0, -cutout.alpha.shape[1] / 2 / side],
                [0, 1 / side, -cutout.alpha.shape[0] / 2 / side],
            ]
        )
        part = Part(patch, unit, -1, (0, 0), 0, 0, 0, 0, 0)
        wobble = float(rng.uniform(0.01, 0.05)) if rng.random() < 0.6 else 0.0
        return Body([part], wobble=wobble, grounded=rng.random() < 0.6)

    def _place(self, body: Body, share: float) -> Actor:
        rng, spec = self.rng, self.spec
        x0, y0, x1, y1 = body.bounds()
        extent = max(y1 - y0, (x1 - x0) * 0.8, 1e-3)
        scale = share * spec.height / extent
        squeeze = float(np.exp(rng.normal(0, 0.12)))
        fit = compose(
            anisotropic(scale * squeeze, scale / squeeze),
            np.array([[1.0, 0.0, -(x0 + x1) / 2], [0.0, 1.0, -(y0 + y1) / 2]]),
        )
        size = ((y1 - y0) * scale / squeeze, (x1 - x0) * scale * squeeze)
        x = spec.width * float(np.clip(rng.normal(0.5, 0.27), -0.02, 1.02))
        y = spec.height * float(np.clip(rng.normal(0.52, 0.2), 0.02, 0.98))
        if body.grounded and rng.random() < 0.6:
            y = float(rng.uniform(max(self.horizon, 0.4), 1.05)) * spec.height - size[0] / 2
        path = object_path(rng, self.times, (x, y), max(size), body.grounded or rng.random() < 0.4)
        shadow = float(rng.uniform(0.2, 0.7)) if body.grounded and rng.random() < 0.7 else 0.0
        return Actor(
            body,
            _prescaled(body, fit),
            path,
            bool(rng.random() < 0.5),
            float(rng.uniform(0.9, 1.3)),
            shadow,
            size,
        )

    def _follow(self, actor: Actor) -> None:
        """Let the camera follow an object, as people film."""
        drift = actor.path.position - actor.path.position.mean(axis=0)
        limit = 0.13 * np.array([self.spec.width, self.spec.height])
        pan = np.clip(-drift * self.rng.uniform(0.6, 1.1), -limit, limit)
        camera = self.camera
        self.camera = Camera(pan, camera.zoom, camera.roll, camera.centre)

    def _occluders(self) -> list[tuple[Patch, Matrix, float]]:
        rng, spec = self.rng, self.spec
        chance = {"easy": 0.05, "medium": 0.25, "hard": 0.45}[spec.difficulty]
        out = []
        for _ in range(2):
            if rng.random() < chance:
                patch, matrix = occluder(rng, self.source, spec.height, spec.width)
                out.append((patch, matrix, float(rng.uniform(1.0, 1.8))))
        return out

    def render(self) -> ClipSample:
        spec = self.spec
        frames = np.empty((spec.num_frames, spec.height, spec.width, 3), dtype=np.uint8)
        owners = np.empty((spec.num_frames, spec.height, spec.width), dtype=np.uint8)
        for t in range(spec.num_frames):
            canvas = Canvas(self._backdrop_view(t))
            for number, actor in enumerate(self.actors, start=1):
                if actor.path.present[t]:
                    self._paint(canvas, actor, number, t)
            for patch, matrix, parallax in self.front:
                canvas.paint(patch, compose(self.camera.view(t, parallax), matrix), 0)
            frames[t] = apply_look(self.rng, canvas.rgb, self.look, self.camera.speed(t))
            owners[t] = canvas.owner
        masks = (
            owners[None] == np.arange(1, len(self.actors) + 1, dtype=np.uint8)[:, None, None, None]
        )
        masks[masks.sum(axis=(2, 3)) < _MIN_VISIBLE_PX] = False
        masks = masks[masks.any(axis=(1, 2, 3))]
        labels = np.zeros(len(masks), dtype=np.int64)
        return ClipSample.fully_labelled(frames, masks, labels)

    def _backdrop_view(self, t: int) -> Image:
        spec = self.spec
        margin = (_MARGIN - 1) / 2
        shift = np.array([[1.0, 0.0, -margin * spec.width], [0.0, 1.0, -margin * spec.height]])
        matrix = compose(self.camera.view(t), shift)
        view = cv2.warpAffine(
            self.backdrop, matrix, (spec.width, spec.height), borderMode=cv2.BORDER_REFLECT
        )
        return np.asarray(view, dtype=np.uint8)

    def _paint(self, canvas: Canvas, actor: Actor, number: int, t: int) -> None:
        path = actor.path
        x, y = path.position[t]
        pose = similarity(x, y, path.scale[t], path.angle[t], actor.mirror)
        outer = compose(self.camera.view(t, actor.parallax), compose(pose, actor.fit))
        if actor.shadow:
            self._contact_shadow(canvas, actor, outer)
        for patch, inner in actor.body.placements(path.gait[t]):
            drawn = patch
            if actor.body.wobble:
                drawn = deform(patch, actor.body.wobble, float(path.gait[t]))
            canvas.paint(drawn, compose(outer, inner), number, actor.body.opacity)

    def _contact_shadow(self, canvas: Canvas, actor: Actor, outer: Matrix) -> None:
        tall, wide = actor.size_px
        grown = float(
            np.hypot(outer[0, 0], outer[1, 0]) / np.hypot(actor.fit[0, 0], actor.fit[1, 0])
        )
        middle = outer[:, :2] @ _unfit_centre(actor.fit) + outer[:, 2]
        cx, cy = float(middle[0]), float(middle[1]) + tall * grown / 2
        w, h = int(wide * grown * 1.1) + 3, int(max(3.0, wide * grown * 0.22)) + 3
        y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        alpha = (np.clip(1.0 - x * x - y * y, 0, 1) * 255).astype(np.uint8)
        canvas.darken(alpha, int(cx - w / 2), int(cy - h / 2), actor.shadow)


def resurfaced(rng: Rng, source: MaterialSource, sprite: Cutout) -> Image:
    """A sprite's picture (h, w, 3) uint8 in other colours, often with a surface of its own."""
    hsv = cv2.cvtColor(sprite.rgb, cv2.COLOR_RGB2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + (rng.integers(180) if rng.random() < 0.7 else 0)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.1, 0.9), 0, 255)
    plain = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    rgb = np.asarray(plain, dtype=np.float32)
    if rng.random() < 0.7:
        tile = source.material(rng).tile.astype(np.float32)
        surface = np.asarray(cv2.resize(tile, rgb.shape[1::-1]), dtype=np.float32)
        grain = surface / np.float32(max(20.0, float(surface.mean())))
        rgb *= 1 + np.float32(rng.uniform(0.2, 0.9)) * (grain - 1)
    rgb *= np.float32(np.exp(rng.normal(-0.35, 0.3)))
    return np.clip(rgb, 0, 255).astype(np.uint8)


def _unfit_centre(fit: Matrix) -> npt.NDArray[np.float64]:
    """The point in body units that ``fit`` sends to the origin."""
    return np.asarray(np.linalg.solve(fit[:, :2], -fit[:, 2]))


def _prescaled(body: Body, fit: Matrix) -> Matrix:
    """Shrink pictures that would be drawn much smaller than they are, so that they do not alias."""
    for index, part in enumerate(body.parts):
        ratio = float(np.sqrt(abs(np.linalg.det(fit[:, :2] @ part.raster[:, :2]))))
        if ratio < 0.6 and min(part.patch.rgba.shape[:2]) > 6:
            factor = max(ratio, 3.0 / min(part.patch.rgba.shape[:2]))
            rgba = cv2.resize(
                part.patch.rgba, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA
            )
            raster = part.raster.copy()
            raster[:, 0] *= part.patch.rgba.shape[1] / rgba.shape[1]
            raster[:, 1] *= part.patch.rgba.shape[0] / rgba.shape[0]
            body.parts[index] = Part(
                Patch(np.asarray(rgba)),
                raster,
                part.parent,
                part.attach,
                part.rest,
                part.swing,
                part.phase,
                part.spin,
                part.z,
            )
    return fit


def deform(patch: Patch, amount: float, phase: float) -> Patch:
    """Bend a picture elastically.

    Args:
        patch: The picture.
        amount: Displacement relative to its size.
        phase: Phase of the wave in radians.

    Returns:
        A picture of the same size.
    """
    height, width = patch.rgba.shape[:2]
    y = np.linspace(0, 2 * np.pi, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 2 * np.pi, width, dtype=np.float32)[None, :]
    reach = amount * 0.5 * (height + width)
    dx = reach * np.sin(y + phase) * np.ones_like(x)
    dy = reach * np.sin(x + 1.3 * phase) * np.ones_like(y)
    rows = np.arange(height, dtype=np.float32)[:, None] + dy
    cols = np.arange(width, dtype=np.float32)[None, :] + dx
    bent = cv2.remap(patch.rgba, cols.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    return Patch(np.asarray(bent, dtype=np.uint8))
