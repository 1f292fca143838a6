"""What the edge network learns from: masks as a model drew them, beside the true ones.

A sample is one mask in one frame of a generated clip: a crop of the picture, the model's own
coarse logits there, and the exact mask of the object that it covers best. Masks that cover nothing
well teach to tell good masks from bad ones. Samples are kept in files, since drawing a clip and
proposing on it takes far longer than learning from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ifc_core.data.clip_source import sample_generator
from ifc_core.data.sample import ClipSample
from ifc_core.errors import CheckpointError
from ifc_core.inference.edge_motion import FrameMotion, flow_picture
from ifc_core.inference.edge_refiner import crop_around, crop_logits, crop_motion, crop_picture
from ifc_core.inference.frame_input import resize_frames
from ifc_core.io.atomic import atomic_output
from ifc_core.models.edge_network import MOTION_CHANNELS
from ifc_core.models.ifc import IFC
from ifc_core.models.input_size import input_size
from ifc_core.structures import RLEMask

SAMPLE_SIDE = 160
_LEAST_IOU = 0.15
_LEAST_SCORE = 0.2
_MOST_UNMATCHED = 10  # of a clip; a model draws more of them than of the others
_PRIOR_STEP = 1 / 16  # logits are kept as bytes, to within half of it and up to about 8
_ZERO = 128
_VELOCITY_STEPS = 28  # inverse hyperbolic sines of pixels are kept as bytes, up to some 48 pixels
_VELOCITIES, _GAPS = [0, 1, 4, 5], [2, 3, 6, 7]  # of the channels of motion
_CHANNELS = 5 + MOTION_CHANNELS

Samples = npt.NDArray[np.uint8]
"""(N, SAMPLE_SIDE, SAMPLE_SIDE, 13): red, green, blue; the truth, 255 inside; the prior; motion."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClipSamples:
    """What a model makes of a clip, mask by mask.

    Attributes:
        matched: Samples of masks that cover a true one with an IoU of at least 0.15.
        unmatched: Samples of others, chosen at random; at most 10.
    """

    matched: Samples
    unmatched: Samples


@torch.inference_mode()
def samples_of(model: IFC, clip: ClipSample, rng: np.random.Generator) -> ClipSamples:
    """What a model makes of a clip, object by object and frame by frame.

    Args:
        model: In eval mode, on its device.
        clip: With exact masks.
        rng: Chooses among the masks that cover nothing.

    Returns:
        A sample for each mask of a query that is sure of something.
    """
    matched: list[Samples] = []
    unmatched: list[Samples] = []
    motions = _motions(clip.frames)
    for frame, truth, logits, motion in zip(
        clip.frames, clip.masks.swapaxes(0, 1), _proposed(model, clip.frames), motions, strict=True
    ):
        coded = [RLEMask.from_array(mask) if mask.any() else None for mask in truth]
        for row in logits:
            sample, iou = _sample(frame, truth, coded, row, motion)
            if sample is not None:
                (matched if iou >= _LEAST_IOU else unmatched).append(sample)
    chosen = rng.permutation(len(unmatched))[:_MOST_UNMATCHED]
    return ClipSamples(_stacked(matched), _stacked([unmatched[i] for i in sorted(chosen)]))


def _sample(
    frame: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.bool_],
    coded: Sequence[RLEMask | None],
    logits: Floats,
    motion: FrameMotion | None,
) -> tuple[Samples | None, float]:
    """A sample of one mask, ``None`` for an empty one, and its best IoU."""
    size = (int(frame.shape[0]), int(frame.shape[1]))
    large = cv2.resize(logits, size[::-1], interpolation=cv2.INTER_LINEAR) > 0
    box = crop_around(logits, size)
    if box is None or not large.any():
        return None, 0.0
    drawn = RLEMask.from_array(large)
    ious = [0.0 if mask is None else drawn.iou(mask) for mask in coded]
    sample = np.zeros((SAMPLE_SIDE, SAMPLE_SIDE, _CHANNELS), np.uint8)
    sample[..., :3] = crop_picture(frame, box, SAMPLE_SIDE)
    prior = crop_logits(logits, size, box, SAMPLE_SIDE)
    sample[..., 4] = _as_bytes(prior, 1 / _PRIOR_STEP)
    if motion is not None:
        sample[..., 5:] = _kept_motion(crop_motion(motion, size, box, prior))
    else:
        sample[..., 5:][..., _VELOCITIES] = _ZERO
    best = max(ious, default=0.0)
    if best > 0:
        own = truth[int(np.argmax(ious))].astype(np.uint8) * 255
        sample[..., 3] = crop_picture(own, box, SAMPLE_SIDE)
    return sample, best


def _stacked(samples: list[Samples]) -> Samples:
    empty = np.empty((0, SAMPLE_SIDE, SAMPLE_SIDE, _CHANNELS), np.uint8)
    return np.stack(samples) if samples else empty


def _proposed(model: IFC, frames: npt.NDArray[np.uint8]) -> Iterator[Floats]:
    """(n, h, w) logits of the sure queries, frame by frame."""
    device = next(model.parameters()).device
    own, prefers = (int(frames.shape[1]), int(frames.shape[2])), model.preferences
    size = input_size(own, prefers.short_side, multiple=prefers.size_multiple)
    small = resize_frames(torch.from_numpy(np.ascontiguousarray(frames)), size).to(device)
    output = model(model.normalize(small[None]))
    probs = output.class_logits[0].softmax(-1)[:, :-1].amax(-1)
    sure = output.mask_logits[0][probs >= _LEAST_SCORE].float().cpu().numpy()  # (n, T, h, w)
    yield from np.ascontiguousarray(sure.swapaxes(0, 1))


def _motions(frames: npt.NDArray[np.uint8]) -> Iterator[FrameMotion | None]:
    grays = [None, *(flow_picture(frame) for frame in frames), None]
    for before, now, after in zip(grays, grays[1:-1], grays[2:], strict=False):
        yield None if now is None else FrameMotion.between(before, now, after)


def _kept_motion(motion: Floats) -> Samples:
    kept = np.empty(motion.shape, np.uint8)
    kept[..., _VELOCITIES] = _as_bytes(np.arcsinh(motion[..., _VELOCITIES]), _VELOCITY_STEPS)
    kept[..., _GAPS] = np.clip(np.rint(motion[..., _GAPS] * 2), 0, 255)
    return kept.repeat(2, axis=0).repeat(2, axis=1)


def _as_bytes(values: Floats, steps: float) -> npt.NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values * steps) + _ZERO, 0, 255), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """Samples on disk, in files that are written once.

    Attributes:
        folder: Made where missing.
    """

    folder: Path

    def write(self, number: int, samples: Samples) -> None:
        """Keep samples as file ``number``.

        Raises:
            OutputError: The file cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_output(self._file(number)) as temporary:
            np.save(temporary, samples, allow_pickle=False)

    def has(self, number: int) -> bool:
        """Whether file ``number`` was written."""
        return self._file(number).is_file()

    def open(self, count: int) -> list[Samples]:
        """The samples of files 0 to ``count - 1``, mapped into memory.

        Raises:
            CheckpointError: One is missing or damaged.
        """
        return [self._opened(self._file(number)) for number in range(count)]

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:04d}.npy"

    @staticmethod
    def _opened(file: Path) -> Samples:
        try:
            samples = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{file} is no usable file of samples; delete it.", path=file
            ) from error
        if samples.dtype != np.uint8 or samples.shape[1:] != (SAMPLE_SIDE, SAMPLE_SIDE, _CHANNELS):
            raise CheckpointError(f"{file} holds no samples of edges; delete it.", path=file)
        return np.asarray(samples) if not len(samples) else samples


@dataclass(frozen=True, slots=True)
class EdgeExample:
    """One sample as the network is shown it.

    Attributes:
        picture: (S, S, 3) float32, 0 to 255.
        truth: (S, S) float32, 0 to 1.
        prior: (S, S) float32, logits.
        motion: (S/2, S/2, 8) float32, as :meth:`FrameMotion.seen`.
        is_matched: Whether the prior covers the true mask well enough to learn its edges.
    """

    picture: Floats
    truth: Floats
    prior: Floats
    motion: Floats
    is_matched: bool


_COARSE_SHARE = 0.2
_STILL_SHARE = 0.2  # of the examples: a picture alone, where motion says nothing
_ONE_WAY_SHARE = 0.1  # each: the first or the last frame of a shot
_COARSEST, _FINEST = 7, 40
_TILTED_SHARE, _TILT = 0.5, 15.0  # degrees to either side


def example_of(
    sample: Samples, side: int, seed: int, index: int, *, is_matched: bool = True
) -> EdgeExample:
    """A sample as draw ``index`` of a run sees it: another view, other colours.

    Args:
        sample: (SAMPLE_SIDE, SAMPLE_SIDE, 13) uint8.
        side: S.
        seed: Of the run.
        index: Of the draw; equal ones give equal examples.
        is_matched: As in :class:`EdgeExample`; a matched one may get a prior of another model's.
    """
    rng = sample_generator(seed, index)
    picture, truth = sample[..., :3], sample[..., 3].astype(np.float32) / np.float32(255)
    prior = (sample[..., 4].astype(np.float32) - _ZERO) * np.float32(_PRIOR_STEP)
    if rng.random() < _COARSE_SHARE and is_matched:
        prior = _coarse(truth, rng)
    view = _view(rng, sample.shape[0], side)

    coloured = _recoloured(_seen(picture.astype(np.float32), view, side), rng)
    motion = _motion(sample[..., 5:], view, side, rng)
    return EdgeExample(
        coloured, _seen(truth, view, side), _seen(prior, view, side), motion, is_matched
    )


def _motion(kept: Samples, view: Floats, side: int, rng: np.random.Generator) -> Floats:
    """(S/2, S/2, 8): motion in a view, faster or slower, or as little of it as there may be."""
    known = rng.random()
    if known < _STILL_SHARE:
        return np.zeros((side // 2, side // 2, MOTION_CHANNELS), np.float32)
    halved = view / np.float32(2) - np.array([[0, 0, 0.25]] * 2, np.float32)  # centres of pairs
    motion = _seen(kept.astype(np.float32), halved.astype(np.float32), side // 2)
    velocities = np.sinh((motion[..., _VELOCITIES] - _ZERO) / _VELOCITY_STEPS)
    turned = velocities.reshape(*velocities.shape[:2], 2, 2) @ _turn(view).T
    motion[..., _VELOCITIES] = turned.reshape(velocities.shape) * np.exp(rng.normal(0, 0.4))
    motion[..., _GAPS] /= 2
    if known < _STILL_SHARE + _ONE_WAY_SHARE:
        motion[..., :4] = motion[..., 4:]
    elif known < _STILL_SHARE + 2 * _ONE_WAY_SHARE:
        motion[..., 4:] = motion[..., :4]
    return motion


def _turn(view: Floats) -> Floats:
    """(2, 2) orthogonal: how a view turns and mirrors, and so the ways that things move."""
    left, _, right = np.linalg.svd(view[:, :2])
    return np.asarray(left @ right, dtype=np.float32)


def _seen(image: Floats, view: Floats, side: int) -> Floats:
    seen = cv2.warpAffine(
        np.ascontiguousarray(image), view, (side, side), borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(seen, dtype=np.float32)


def _view(rng: np.random.Generator, stored: int, side: int) -> Floats:
    """Affine map from a stored sample to a window of it, half of them mirrored, half tilted."""
    width = stored * rng.uniform(0.72, 1.0)
    height = stored * float(np.clip(width / stored * np.exp(rng.normal(0, 0.1)), 0.7, 1.0))
    left, top = rng.uniform(0, stored - width), rng.uniform(0, stored - height)
    view = np.array(
        [[side / width, 0, -left * side / width], [0, side / height, -top * side / height]]
    )
    for axis, chance in ((0, 0.5), (1, 0.1)):
        if rng.random() < chance:
            view[axis] = -view[axis]
            view[axis, 2] += side - 1
    if rng.random() < _TILTED_SHARE:
        middle = (side - 1) / 2
        tilt = cv2.getRotationMatrix2D((middle, middle), rng.uniform(-_TILT, _TILT), 1.0)
        view = tilt @ np.vstack([view, [0, 0, 1]])
    return view.astype(np.float32)


def _coarse(truth: Floats, rng: np.random.Generator) -> Floats:
    """Logits as of a model with a grid of its own: blurred, bent, a little beside the truth."""
    cells = int(np.exp(rng.uniform(np.log(_COARSEST), np.log(_FINEST))))
    grid = cv2.resize(truth, (cells, cells), interpolation=cv2.INTER_AREA)
    grid = cv2.GaussianBlur(grid, (0, 0), rng.uniform(0.3, 1.2))
    few = max(3, cells // 3)
    bends = cv2.resize(rng.normal(0, 1, (few, few)), (cells, cells), interpolation=cv2.INTER_CUBIC)
    logits = (grid - 0.5) * rng.uniform(6, 16) + bends * rng.uniform(0, 2.5) + rng.normal(0, 0.7)
    shift = np.array([[1, 0, rng.normal(0, 0.4)], [0, 1, rng.normal(0, 0.4)]], np.float32)
    moved = cv2.warpAffine(
        logits.astype(np.float32), shift, (cells, cells), borderMode=cv2.BORDER_REPLICATE
    )
    large = cv2.resize(moved, truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32)


def _recoloured(picture: Floats, rng: np.random.Generator) -> Floats:
    """Other light, colours, sharpness and noise, for seven samples of ten; 0 to 255."""
    if rng.random() >= 0.7:
        return picture
    x = (picture / 255) ** np.exp(rng.normal(0, 0.25))
    x = x * np.exp(rng.normal(0, 0.15, 3)) + rng.normal(0, 0.05)
    if rng.random() < 0.15:
        x = np.repeat(x.mean(axis=-1, keepdims=True), 3, axis=-1)
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < 0.3:
        x = x + rng.normal(0, rng.uniform(0.01, 0.06), x.shape)
    return np.asarray(np.clip(x, 0, 1) * 255, dtype=np.float32)
