"""Frames whose masks the edge network decides: what moves beside them, and what those masks say.

The network's answers on neighbouring frames err each in its own way. Along the flow of the picture
the masks of a track are put together over three frames, which fit better than each of them alone
and flicker less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.edge_motion import FrameMotion, flow_picture
from ifc_core.inference.edge_refiner import (
    SURE,
    DecidedMask,
    EdgeRefiner,
    crop_places,
    places_in_crop,
)
from ifc_core.inference.flow_chain import sample
from ifc_core.inference.frame_input import cut_region
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.results import EncodedMask
from ifc_core.tracking.video_tracker import TrackedFrame

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Region = tuple[int, int, int, int]
FinishedMasks = tuple[TrackedFrame, list[EncodedMask | None]]

_NEIGHBOUR_WEIGHT = 1.0
_LEAST_AGREEMENT = 0.7
"""IoU of a mask beside, carried along the flow, with the frame's own where that is fairly sure:
if an object moves by much of its size, flow does not find it again."""
_FAIRLY_SURE = 1.5


@dataclass(frozen=True, slots=True)
class _Decided:
    frame: TrackedFrame
    size: tuple[int, int]  # of the image
    masks: list[DecidedMask | None]
    motion: FrameMotion | None

    @property
    def position(self) -> int:
        return self.frame.frame_index

    def mask_of(self, instance_id: int) -> DecidedMask | None:
        try:
            return self.masks[self.frame.instance_ids.index(instance_id)]
        except ValueError:
            return None


class RefinedFrames:
    """Decides the masks of a run's frames, one after the other.

    A frame waits for the one after it, unless another shot begins there.

    Args:
        refiner: Of the run's device.
        region_xywh: Part of the frame that the masks' grid covers; ``None`` for all of it.
        waits: Otherwise each frame is finished at once, by the one before it alone.
    """

    def __init__(
        self, refiner: EdgeRefiner, region_xywh: Region | None, *, waits: bool = True
    ) -> None:
        self._refiner = refiner
        self._region = region_xywh
        self._waits = waits
        self._images: dict[int, Image] = {}
        self._pictures: dict[int, Image] = {}  # what motion is looked for in
        self._cuts: set[int] = set()  # first frames of shots
        self._past: _Decided | None = None
        self._waiting: _Decided | None = None

    def begin(self, precision: str, notices: list[str]) -> None:
        """Let the network do as the run does; see :meth:`FrameMasks.begin`."""
        self._refiner = self._refiner.for_run(precision, notices)

    def note(self, position: int, image: Image, *, begins_shot: bool) -> None:
        """Keep a frame until it is decided; see :meth:`FrameMasks.note`."""
        self._images[position] = image
        if begins_shot:
            self._cuts.add(position)

    def has(self, position: int, size: tuple[int, int]) -> bool:
        """Whether a frame is there, at the size of the masks."""
        image = self._images.get(position)
        return image is not None and image.shape[:2] == size

    def forget(self, position: int) -> None:
        """Let go of a frame that needs no masks, but for what the next one asks of it."""
        if position in self._images:
            self._picture(position)
            self._let_go(position)

    def add(self, frame: TrackedFrame) -> Iterator[FinishedMasks]:
        """Decide a frame that was noted.

        Args:
            frame: The next one of the run.

        Yields:
            Frames that wait for no further one now, with their masks.
        """
        decided = self._decide(frame)
        if self._waiting is not None:
            yield self._finished(self._waiting, decided)
        self._waiting = decided
        if not self._waits or decided.position + 1 in self._cuts:
            yield from self.finish()

    def finish(self) -> Iterator[FinishedMasks]:
        """What waits, where no further frame comes."""
        if self._waiting is not None:
            yield self._finished(self._waiting, None)
            self._waiting = None

    def recall(self, frame: TrackedFrame) -> None:
        """Decide a noted frame again whose masks were given out before an interruption."""
        self._past = self._decide(frame)

    def _decide(self, frame: TrackedFrame) -> _Decided:
        position, image = frame.frame_index, self._images[frame.frame_index]
        now = self._picture(position)  # needed for the next frame even if nothing is here
        motion = None
        if now is not None and frame.instance_ids:
            before = None if position in self._cuts else self._picture(position - 1)
            after = None if position + 1 in self._cuts else self._picture(position + 1)
            motion = FrameMotion.between(before, now, after)
        logits = frame.mask_logits.cpu().numpy()
        masks = self._refiner.decide(logits, image, self._region, motion)
        self._let_go(position)
        return _Decided(frame, (int(image.shape[0]), int(image.shape[1])), masks, motion)

    def _finished(self, decided: _Decided, after: _Decided | None) -> FinishedMasks:
        """A frame's masks, put together with those of the frames beside it in its shot."""
        position = decided.position
        near = {-1: self._past, 1: after}
        beside = {
            direction: other
            for direction, other in near.items()
            if other is not None
            and other.position == position + direction
            and max(position, other.position) not in self._cuts
        }
        masks: list[EncodedMask | None] = []
        for instance_id, mask in zip(decided.frame.instance_ids, decided.masks, strict=True):
            others = [
                (direction, there)
                for direction, other in beside.items()
                if (there := other.mask_of(instance_id)) is not None
            ]
            masks.append(None if mask is None else self._agreed(mask, decided, others))
        self._past = decided
        return decided.frame, masks

    def _agreed(
        self, mask: DecidedMask, decided: _Decided, others: Sequence[tuple[int, DecidedMask]]
    ) -> EncodedMask:
        """A mask with what the same track's masks beside it say."""
        if decided.motion is None or not others or not mask.is_fine:
            return mask.encoded
        x, y, width, height = self._region or (0, 0, decided.size[1], decided.size[0])
        total = mask.logits.copy()
        for direction, other in others:
            carried = _carried(other, mask, direction, decided.motion, (height, width))
            if _agree(carried, mask.logits):
                total += _NEIGHBOUR_WEIGHT * carried
        left, top, across, down = mask.box.xywh
        rle = encode_logits(total, decided.size, (x + left, y + top, across, down))
        return mask.encoded if rle is None else EncodedMask(rle, mask.encoded.quality)

    def _picture(self, position: int) -> Image | None:
        image = self._images.get(position)
        if position not in self._pictures and image is not None:
            self._pictures[position] = flow_picture(cut_region(image, self._region))
        return self._pictures.get(position)

    def _let_go(self, position: int) -> None:
        """Forget a frame, and what was kept of those before it; the last of them may wait yet."""
        self._images.pop(position, None)
        self._cuts = {cut for cut in self._cuts if cut >= position - 1}
        for past in [p for p in self._pictures if p < position]:
            del self._pictures[past]


def _agree(carried: Floats, own: Floats) -> bool:
    sure = np.abs(own) > _FAIRLY_SURE
    one, other = (carried > 0) & sure, (own > 0) & sure
    return int((one & other).sum()) >= _LEAST_AGREEMENT * int((one | other).sum())


def _carried(
    other: DecidedMask,
    mask: DecidedMask,
    direction: int,
    motion: FrameMotion,
    size: tuple[int, int],
) -> Floats:
    """(S, S) logits of a mask of a frame beside, along the flow, in another mask's crop.

    Args:
        other: The mask of the frame beside.
        mask: Whose crop is meant.
        direction: -1 where ``other`` is of the frame before, 1 where it is of the one after.
        motion: Of the frame.
        size: (height, width) of what the grid covers.
    """
    flow = motion.flow(direction)
    if flow is None:
        return np.zeros_like(mask.logits)
    places = crop_places(motion.now.shape, size, mask.box, len(mask.logits))
    there = places + sample(flow, places)
    at = places_in_crop(there, motion.now.shape, size, other.box, len(other.logits))
    at = _held_by_borders(at, other, size)
    carried = cv2.remap(
        other.logits,
        at,
        None,  # type: ignore[call-overload]
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=-SURE,
    )
    return np.asarray(carried, np.float32)


def _held_by_borders(at: Floats, mask: DecidedMask, size: tuple[int, int]) -> Floats:
    """(S, S, 2), places in a mask's crop: what leaves the picture is not gone at its border."""
    box, last = mask.box, len(mask.logits) - 1
    lowest = [0 if side == 0 else -np.inf for side in (box.left, box.top)]
    highest = [
        last if side == end else np.inf
        for side, end in zip((box.right, box.bottom), size[::-1], strict=True)
    ]
    return np.asarray(np.clip(at, lowest, highest), np.float32)
