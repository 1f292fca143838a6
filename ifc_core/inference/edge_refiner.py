"""Masks decided again at the resolution of the frame, object by object, by the edge network."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch

import ifc_resources
from ifc_core.errors import DeviceMemoryError
from ifc_core.inference.device_arithmetic import device_arithmetic
from ifc_core.inference.device_memory import is_out_of_memory, let_go_after
from ifc_core.inference.edge_motion import FrameMotion
from ifc_core.inference.fast_model import float_dtype
from ifc_core.inference.flow_chain import sample
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.results import EncodedMask
from ifc_core.models.edge_network import (
    CROP_SIDE,
    EdgeAnswer,
    EdgeNetwork,
    read_edge_network,
)
from ifc_core.models.registry import check_bundled_file
from ifc_core.structures import RLEMask

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

_MARGIN = 0.35
"""Of the object's longer side, on every side of it."""
_NARROWEST = 0.5
"""Shorter side of a crop as a share of its longer one."""
_ISLAND_SHARE = 0.1
"""Of the mask's cells; smaller islands do not widen the crop."""
SURE = 4.0
"""Logits of a decided mask beyond it are as good as certain."""
_LEAST_QUALITY = 1e-6
"""An estimate is never certain, neither the network's nor one that is bounded by an overlap."""
_LEAST_IOU = 0.1
"""With the coarse mask; what departs further is another thing. Coarse masks that are half right,
or less, are where the network helps most."""
_AGREED = 0.8
"""IoU of the network's answer with the prior, from which on that was good and nothing is left to
decide. Under it the network looks again, told its own answer."""
_SAME_VIEW = 0.7
"""IoU of the crop around the network's answer with the crop that it saw, under which it looks
again there: the coarse mask was too small or too large by a sixth of a side and more."""
_MOST_CROPS = 32
"""That pass the network at once, unless memory runs out."""


@dataclass(frozen=True, slots=True)
class CropBox:
    """Part of a frame, in pixels; ``bottom`` and ``right`` are the first ones outside."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def xywh(self) -> tuple[int, int, int, int]:
        """The same as (x, y, width, height)."""
        return self.left, self.top, self.right - self.left, self.bottom - self.top

    def iou(self, other: CropBox) -> float:
        """Intersection over union of two boxes that are not empty."""
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        width = min(self.right, other.right) - max(self.left, other.left)
        shared = max(0, height) * max(0, width)
        return shared / (math.prod(self.size) + math.prod(other.size) - shared)


def crop_around(
    logits: Floats,
    size: tuple[int, int],
    within: CropBox | None = None,
    room: tuple[float, float] | None = None,
) -> CropBox | None:
    """What the edge network is shown of a frame for one mask.

    Args:
        logits: (h, w) float32 on a grid.
        size: (height, width) of the frame.
        within: What the grid covers of it; by default all.
        room: Least margin in pixels down and across; by default a cell of the grid.

    Returns:
        A box with a margin around the mask's main parts, inside the frame; ``None`` for an
        empty mask.
    """
    positive = (logits > 0).astype(np.uint8)
    count, _, parts, _ = cv2.connectedComponentsWithStats(positive, connectivity=8)
    if count < 2:
        return None
    parts = parts[1:]
    is_large = parts[:, cv2.CC_STAT_AREA] >= _ISLAND_SHARE * positive.sum()
    parts = parts[is_large] if is_large.any() else parts  # of specks alone all count
    first = parts[:, (cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT)].min(axis=0)
    extent = parts[:, (cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH)]
    last = (parts[:, (cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT)] + extent).max(axis=0)
    grid = within or CropBox(0, 0, *size)
    cell = np.array(grid.size) / logits.shape  # pixels
    start, stop = first * cell, last * cell
    margin = _MARGIN * (stop - start).max() + (cell if room is None else np.array(room))
    sides = stop - start + 2 * margin
    sides = np.maximum(sides, _NARROWEST * sides.max())
    middle = (start + stop) / 2 + (grid.top, grid.left)
    top, left = np.maximum(np.floor(middle - sides / 2), 0).astype(int)
    bottom, right = np.minimum(np.ceil(middle + sides / 2), size).astype(int)
    return CropBox(int(top), int(left), int(bottom), int(right))


def crop_picture(frame: npt.NDArray[np.uint8], box: CropBox, side: int) -> Image:
    """(side, side, ...) uint8: a part of a frame or mask, stretched to a square."""
    part = np.ascontiguousarray(frame[box.top : box.bottom, box.left : box.right])
    shrinks = min(part.shape[:2]) >= side
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (side, side), interpolation=way), dtype=np.uint8)


def crop_logits(logits: Floats, size: tuple[int, int], box: CropBox, side: int) -> Floats:
    """(side, side) float32: the same part of a grid that covers a frame of ``size``."""
    return sample(logits, crop_places(logits.shape, size, box, side))


def crop_motion(motion: FrameMotion, size: tuple[int, int], box: CropBox, prior: Floats) -> Floats:
    """What motion says about a mask in a crop, as :meth:`FrameMotion.seen`.

    Args:
        motion: Of a frame of ``size``.
        size: (height, width) of the frame.
        box: The crop.
        prior: (S, S) float32, logits of the mask in it.

    Returns:
        (S/2, S/2, 8) float32.
    """
    return motion.seen(crop_places(motion.now.shape, size, box, len(prior)), prior > 0)


def crop_places(grid: tuple[int, ...], size: tuple[int, int], box: CropBox, side: int) -> Floats:
    """(side, side, 2) float32, (x, y) of a crop's cells on a grid that covers a frame."""
    height, width = box.size
    places = (np.arange(side) + 0.5) / side
    rows = (box.top + places * height) * grid[0] / size[0] - 0.5
    columns = (box.left + places * width) * grid[1] / size[1] - 0.5
    return np.stack(np.meshgrid(columns, rows), axis=-1).astype(np.float32)


def places_in_crop(
    places_xy: Floats, grid: tuple[int, ...], size: tuple[int, int], box: CropBox, side: int
) -> Floats:
    """(h, w, 2) float32, (x, y) in a crop's cells of places on a grid; undoes :func:`crop_places`.

    Args:
        places_xy: (h, w, 2) float32, (x, y) on a grid that covers a frame of ``size``.
        grid: (height, width) of the grid.
        size: (height, width) of the frame.
        box: The crop.
        side: Cells of its side.
    """
    scale = (size[1] / grid[1], size[0] / grid[0])
    first, extent = (box.left, box.top), (box.right - box.left, box.bottom - box.top)
    found = np.empty(places_xy.shape, np.float32)
    for axis in (0, 1):
        pixels = (places_xy[..., axis] + 0.5) * scale[axis]
        found[..., axis] = (pixels - first[axis]) * (side / extent[axis]) - 0.5
    return found


@dataclass(frozen=True, slots=True)
class DecidedMask:
    """What the network says of one mask.

    Attributes:
        encoded: The mask that is taken, and its estimated IoU.
        box: What the network was shown of the part that the grid covers.
        logits: (S, S) float32 over the box, of the mask that is taken; cut at :data:`SURE`.
        is_fine: Whether that is the network's; where it departs too far, the coarse one stays.
    """

    encoded: EncodedMask
    box: CropBox
    logits: Floats
    is_fine: bool

    def __post_init__(self) -> None:
        """Cut logits, which grow with training where nothing is left to decide."""
        object.__setattr__(self, "logits", self.logits.clip(-SURE, SURE))


@dataclass(frozen=True, slots=True)
class _Look:
    """What the network is shown of one mask.

    Attributes:
        box: In the part that the grid covers.
        prior: (S, S) float32 logits over it.
    """

    box: CropBox
    prior: Floats


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the network says of a look.

    Attributes:
        look: What it was shown.
        logits: (S, S) float32 over the same box.
        quality: The IoU that it expects of them.
    """

    look: _Look
    logits: Floats
    quality: float

    @property
    def agreement(self) -> float:
        """IoU of the mask with the prior."""
        mask, prior = self.logits > 0, self.look.prior > 0
        return float((mask & prior).sum() / max(1, (mask | prior).sum()))

    def is_cut(self, size: tuple[int, int]) -> bool:
        """Whether the mask reaches a side of the box that lies inside a picture of this size."""
        inside = self.logits > 0
        sides = (
            (self.look.box.top > 0, inside[0]),
            (self.look.box.left > 0, inside[:, 0]),
            (self.look.box.bottom < size[0], inside[-1]),
            (self.look.box.right < size[1], inside[:, -1]),
        )
        return any(is_within and bool(side.any()) for is_within, side in sides)


def _decided(
    answer: _Answer, coarse: RLEMask | None, size: tuple[int, int], origin_xy: tuple[int, int]
) -> DecidedMask | None:
    """The network's mask, or the coarse one where the two hardly meet.

    Args:
        answer: What the network says.
        coarse: The mask that it was told, in the frame.
        size: (height, width) of the frame.
        origin_xy: Of the part of it in which the answer's box lies.
    """
    if coarse is None:
        return None
    look = answer.look
    left, top, across, down = look.box.xywh
    box = (origin_xy[0] + left, origin_xy[1] + top, across, down)
    mask = encode_logits(answer.logits, size, box)
    agreement = 0.0 if mask is None else mask.iou(coarse)
    if mask is None or agreement < _LEAST_IOU:
        bound = max(agreement, _LEAST_QUALITY)
        kept = EncodedMask(coarse, min(bound, answer.quality))  # also of what is no number
        return DecidedMask(kept, look.box, np.nan_to_num(look.prior), is_fine=False)
    return DecidedMask(EncodedMask(mask, answer.quality), look.box, answer.logits, is_fine=True)


def _coarse_look(coarse: Floats, size: tuple[int, int], box: CropBox) -> _Look:
    """At a mask on a grid that covers a picture of ``size``."""
    return _Look(box, crop_logits(coarse, size, box, CROP_SIDE))


def _second_look(answer: _Answer, coarse: Floats, size: tuple[int, int]) -> _Look | None:
    """What the network is shown after its answer; ``None`` where that leaves nothing to decide.

    Elsewhere it is told the coarse mask again, since its answer came of another view.

    Args:
        answer: To the first look.
        coarse: (h, w) float32 logits that the first look was at.
        size: (height, width) of the picture that they cover.
    """
    seen = answer.look.box
    cell = (size[0] / coarse.shape[0], size[1] / coarse.shape[1])
    view = crop_around(answer.logits, size, seen, cell)
    if view is None:
        return None
    if view.iou(seen) >= _SAME_VIEW:
        return _Look(seen, answer.logits) if answer.agreement < _AGREED else None
    return _coarse_look(coarse, size, view)


class EdgeRefiner:
    """Decides masks of frames again.

    Args:
        network: In eval mode; it is moved to ``device``.
        device: Where it runs.
        precision: Of the run: ``fp32``, ``bf16``, ``fp16`` or ``int8``; see ``float_dtype``.
        notices: A sentence is added when memory ran out.
    """

    def __init__(
        self,
        network: EdgeNetwork,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        notices: list[str] | None = None,
    ) -> None:
        self._device = torch.device(device)
        self._network = network.to(self._device).to(memory_format=torch.channels_last)
        self._dtype = float_dtype(precision, self._device)
        self._notices = [] if notices is None else notices
        self._most_crops = self._said_crops = _MOST_CROPS

    def for_run(self, precision: str, notices: list[str]) -> EdgeRefiner:
        """One with the same network; see the constructor."""
        return EdgeRefiner(self._network, self._device, precision, notices)

    def decide(
        self,
        logits: Floats,
        frame: Image,
        region_xywh: tuple[int, int, int, int] | None = None,
        motion: FrameMotion | None = None,
    ) -> list[DecidedMask | None]:
        """Masks of one frame from their coarse logits, each with an estimate of its IoU.

        Args:
            logits: (N, h, w) float32 on a grid.
            frame: (H, W, 3) uint8 RGB.
            region_xywh: Part of the frame that the grid covers; all of it by default.
            motion: Of that part, where it is known.

        Returns:
            N masks of the size of the frame, ``None`` for one without a pixel. Where the network
            departs far from the coarse mask, that one stays, with a quality of at most their IoU.

        Raises:
            DeviceMemoryError: Not even one crop fits into the device's memory.
        """
        size = (int(frame.shape[0]), int(frame.shape[1]))
        x, y, width, height = region_xywh or (0, 0, size[1], size[0])
        part = frame[y : y + height, x : x + width]
        coarse = [encode_logits(row, size, region_xywh) for row in logits]
        boxes = {
            number: box
            for number, row in enumerate(logits)
            if coarse[number] is not None and (box := crop_around(row, (height, width)))
        }
        found: list[DecidedMask | None] = [None] * len(coarse)
        looks = {n: _coarse_look(logits[n], (height, width), box) for n, box in boxes.items()}
        again: dict[int, _Look] = {}
        for number, answer in self._answers(looks, part, motion).items():
            found[number] = mask = _decided(answer, coarse[number], size, (x, y))
            look = _second_look(answer, logits[number], (height, width))
            if look is not None and mask is not None and mask.is_fine:
                again[number] = look
        for number, answer in self._answers(again, part, motion).items():
            mask = _decided(answer, coarse[number], size, (x, y))
            is_elsewhere = answer.look.box != boxes[number]
            is_cut = is_elsewhere and answer.is_cut((height, width))
            if mask is not None and mask.is_fine and not is_cut:
                found[number] = mask
        return found

    def _answers(
        self, looks: dict[int, _Look], picture: Image, motion: FrameMotion | None
    ) -> dict[int, _Answer]:
        """What the network says, by the number of the mask."""
        size = (int(picture.shape[0]), int(picture.shape[1]))
        numbers = list(looks)
        answers: dict[int, _Answer] = {}
        while some := numbers[len(answers) : len(answers) + self._most_crops]:
            shown = [looks[n] for n in some]
            pictures = [crop_picture(picture, look.box, CROP_SIDE) for look in shown]
            moving = None
            if motion is not None:
                moving = [crop_motion(motion, size, look.box, look.prior) for look in shown]
            answer = self._attempt(pictures, [look.prior for look in shown], moving)
            if answer is None:
                continue
            masks, quality = answer.masks.cpu().numpy(), answer.quality.sigmoid().tolist()
            for n, look, mask, judged in zip(some, shown, masks, quality, strict=True):
                answers[n] = _Answer(look, mask, judged)
        return answers

    def _attempt(
        self, pictures: Sequence[Image], priors: Sequence[Floats], motion: Sequence[Floats] | None
    ) -> EdgeAnswer | None:
        """The network's answer; ``None`` where fewer crops are to be tried at once."""
        try:
            answer = self._run(pictures, priors, motion)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if len(pictures) == 1:
                device = str(self._device)
                raise DeviceMemoryError(
                    f"There is too little memory on {device} to decide the edges of masks; close "
                    "other programs, or choose other edges.",
                    device=device,
                ) from error
            let_go_after(error, self._device)
            self._most_crops = max(1, len(pictures) // 2)
            return None
        if self._most_crops < self._said_crops:  # said once it is enough
            self._said_crops = self._most_crops
            several = f"of {self._most_crops} masks" if self._most_crops > 1 else "of one mask"
            self._notices.append(f"Memory ran out, so edges {several} are now decided at a time.")
        return answer

    @torch.inference_mode()
    def _run(
        self, pictures: Sequence[Image], priors: Sequence[Floats], motion: Sequence[Floats] | None
    ) -> EdgeAnswer:
        prior = torch.from_numpy(np.stack(priors)).to(self._device)
        moving = None if motion is None else self._channels_first(motion)
        is_low = self._dtype != torch.float32
        # As many crops as there are masks, so that searching kernels for each number never ends.
        exact = nullcontext() if is_low else device_arithmetic(self._device, exact=True)
        with exact, torch.autocast(self._device.type, self._dtype, enabled=is_low):
            answer: EdgeAnswer = self._network(self._channels_first(pictures), prior, moving)
        return EdgeAnswer(answer.masks.float(), answer.quality.float())

    def _channels_first(self, images: Sequence[Image] | Sequence[Floats]) -> torch.Tensor:
        stacked = torch.from_numpy(np.stack(images)).to(self._device).permute(0, 3, 1, 2)
        return stacked.contiguous(memory_format=torch.channels_last)


def bundled_edges_sha256() -> str:
    """Hash of the edge network's weights that ship with the program."""
    return str(_bundled()["sha256"])


def _bundled() -> dict[str, str]:
    entry: dict[str, str] = json.loads(ifc_resources.path("models.json").read_text("utf-8"))[
        "edges"
    ]
    return entry


@lru_cache(maxsize=2)
def load_edge_refiner(device: str) -> EdgeRefiner:
    """The network that ships with the program, ready on a device.

    Args:
        device: As torch names it.

    Raises:
        CheckpointError: The file is missing or damaged.
    """
    entry = _bundled()
    path = ifc_resources.root() / entry["file"]
    check_bundled_file(path, entry["sha256"])
    return EdgeRefiner(read_edge_network(path).fuse(), device)
