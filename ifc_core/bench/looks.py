"""Generated cultures of cells for the bench of fine-tuning: many fields of view of one look.

A culture is one large generated picture in motion that is cut into fields: cells of one kind under
one microscope, other ones in every field. Two of the three looks are painted here and are in no
world that a bundled model learnt: ``rings`` are cells out of focus, and of ``kinds`` nobody labels
the bright ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.cells import cell_lineage
from ifc_core.data.synthetic.scene import render_clip
from ifc_core.data.synthetic.spec import ClipSpec
from ifc_core.data.synthetic.textures import Image, Rng, fractal_noise
from ifc_core.errors import ConfigError

FIELD_PX = 320
"""Height and width of a field."""

NUM_FRAMES = 8
NUM_FIELDS = 6
"""Of a culture."""

_ROWS = 2
_COLUMNS = 3
_GAP_PX = 40
"""Between two fields, so that few cells are in both."""

_FRAME_GAP = 1.5
_LEAST_PX = 40
"""Of a mask: less of a cell at the edge of a field is not labelled."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Look:
    """How a culture is made.

    Attributes:
        seed: Of the generated culture.
        cells: At most.
        paint: Shows (T, H, W) signed distances from the cells' outlines, and where every second
            cell is; ``None`` takes the picture of the generated world itself.
        is_one_kind: Whether those second cells are of a kind that nobody labels.
    """

    seed: int
    cells: int
    paint: Callable[[Floats, npt.NDArray[np.bool_], Rng], npt.NDArray[np.uint8]] | None
    is_one_kind: bool = False


def culture(look: str) -> tuple[ClipSample, ...]:
    """Fields of one culture.

    Args:
        look: ``learnt``, ``rings`` or ``kinds``.

    Returns:
        :data:`NUM_FIELDS` clips, each of :data:`NUM_FRAMES` frames, all of them exhaustive.

    Raises:
        ConfigError: There is no such look.
    """
    if look not in LOOKS:
        known = ", ".join(LOOKS)
        raise ConfigError(f"The look must be one of {known}.", name="look", value=look)
    made = LOOKS[look]
    step = FIELD_PX + _GAP_PX
    spec = ClipSpec(
        height=step * _ROWS - _GAP_PX,
        width=step * _COLUMNS - _GAP_PX,
        num_frames=NUM_FRAMES,
        difficulty="hard",
        max_objects=made.cells,
        photographs=False,
        real_fraction=0.0,
        frame_gap=_FRAME_GAP,
        world="cells",
    )
    if made.paint is None:
        sample = render_clip(made.seed, spec)
        frames, masks = sample.frames, sample.masks
    else:
        masks = cell_lineage(made.seed, spec).masks
        distance = np.stack([_signed_distance(masks[:, t]) for t in range(NUM_FRAMES)])
        apart = np.asarray(masks[1::2].any(axis=0))
        frames = made.paint(distance, apart, np.random.default_rng(made.seed))
        masks = masks[::2] if made.is_one_kind else masks
    corners = [(step * (n % _ROWS), step * (n // _ROWS)) for n in range(NUM_FIELDS)]
    return tuple(_field(frames, masks, y, x) for y, x in corners)


def _field(
    frames: npt.NDArray[np.uint8], masks: npt.NDArray[np.bool_], y: int, x: int
) -> ClipSample:
    window = np.s_[..., y : y + FIELD_PX, x : x + FIELD_PX]
    own = masks[window].copy()
    own[own.sum(axis=(2, 3)) < _LEAST_PX] = False
    own = own[own.any(axis=(1, 2, 3))]
    shown = np.ascontiguousarray(frames[:, y : y + FIELD_PX, x : x + FIELD_PX])
    return ClipSample.fully_labelled(shown, own, np.zeros(len(own), dtype=np.int64))


def _signed_distance(masks: npt.NDArray[np.bool_]) -> Floats:
    """(H, W) pixels to the nearest outline of the (N, H, W) masks, negative inside."""
    inside = np.zeros(masks.shape[1:], dtype=np.float32)
    for mask in masks:  # each by itself: cells that touch have an outline between them
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows):
            part = np.s_[
                max(0, rows[0] - 1) : rows[-1] + 2, max(0, columns[0] - 1) : columns[-1] + 2
            ]
            deep = cv2.distanceTransform(mask[part].astype(np.uint8), cv2.DIST_L2, 5)
            inside[part] = np.maximum(inside[part], deep)
    ground = np.asarray(~masks.any(0), dtype=np.uint8)
    outside = cv2.distanceTransform(ground, cv2.DIST_L2, 5)
    return np.asarray(outside - inside, dtype=np.float32)


def _rings(distance: Floats, _: npt.NDArray[np.bool_], rng: Rng) -> npt.NDArray[np.uint8]:
    """Out of focus: rings on both sides of each outline, the same grey inside as outside."""
    away = np.abs(distance)
    waves = np.cos(away * np.float32(0.95) + np.sign(distance) * np.float32(0.6))
    shown = 128 + 52 * waves * np.exp(-away / np.float32(9))
    noise = rng.normal(0, 5, shown.shape)
    return _grey(shown + _uneven_light(rng, shown.shape[1:]) + noise)


def _kinds(distance: Floats, apart: npt.NDArray[np.bool_], rng: Rng) -> npt.NDArray[np.uint8]:
    """Dim cells with a dark seam, and among them bright ones of the other kind."""
    near = np.clip(np.float32(0.5) - distance / np.float32(3), 0, 1)
    seam = np.exp(-np.square((distance + 3) / np.float32(2)))
    kind = np.stack([cv2.GaussianBlur(a.astype(np.float32), (0, 0), 1.0) for a in apart])
    shown = 60 + near * (45 + 75 * kind) - 35 * seam * (1 - kind)
    noise = rng.normal(0, 6, shown.shape)
    return _grey(shown + _uneven_light(rng, shown.shape[1:]) + noise)


def _standard(picture: Image | Floats) -> Floats:
    values = np.asarray(picture, dtype=np.float32)
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float32)


def _uneven_light(rng: Rng, size: tuple[int, ...]) -> Floats:
    return 10 * _standard(fractal_noise(rng, size[0], size[1], 2, 2))


def _grey(shown: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """(T, H, W) grey levels as (T, H, W, 3) pictures."""
    levels = np.clip(shown, 0, 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)


LOOKS = {
    "learnt": _Look(49, 90, None),
    "rings": _Look(45, 90, _rings),
    "kinds": _Look(61, 120, _kinds, is_one_kind=True),
}
"""The looks by name: one of the world that the model of cells learnt, two that are not."""
