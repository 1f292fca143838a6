"""Masks of finished frames in the frame's own size, with their edges as the person wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ifc_core.inference.device_masks import encode_many
from ifc_core.inference.edge_refiner import EdgeRefiner, load_edge_refiner
from ifc_core.inference.edges import refine_edges
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.results import EncodedMask
from ifc_core.structures import RLEMask
from ifc_core.tracking.video_tracker import TrackedFrame

Image = npt.NDArray[np.uint8]
Masks = list[EncodedMask | None]


class FrameMasks:
    """Makes the masks of one run's frames.

    Args:
        edges: One of ``EDGES``.
        region_xywh: Part of the frame that the masks' grid covers; ``None`` for all of it.
        device: Of the network.

    Raises:
        CheckpointError: The edge network that ships with the program is damaged.
    """

    def __init__(
        self,
        edges: str,
        region_xywh: tuple[int, int, int, int] | None,
        device: torch.device,
    ) -> None:
        self._method = edges
        self._region = region_xywh
        self._on_device = device.type == "cuda"
        self._refiner: EdgeRefiner | None = None
        if self._method == "best":
            self._refiner = load_edge_refiner(str(device))
        self._images: dict[int, Image] = {}  # position -> frame, until it is finished

    def note(self, position: int, image: Image) -> None:
        """Keep a frame for its edges, where they are decided by it.

        Args:
            position: As in ``TrackedFrame.frame_index``.
            image: (H, W, 3) uint8 RGB.
        """
        if self._method != "off":
            self._images[position] = image

    def forget(self, position: int) -> None:
        """Let go of a frame whose masks were made by an earlier part of the run."""
        self._images.pop(position, None)

    def encode(self, frames: Sequence[TrackedFrame], size: tuple[int, int]) -> Iterable[Masks]:
        """The masks of frames, ``None`` for one without a pixel; each frame is forgotten.

        Args:
            frames: On the tracker's device.
            size: (height, width) of the masks.

        Returns:
            A list a frame: all at once where the device can, or one frame after the other.
        """
        if self._on_device and self._refiner is None:
            masks = encode_many([frame.mask_logits for frame in frames], size, self._region)
            return (self._refined(*pair, size) for pair in zip(frames, masks, strict=True))
        return self._one_by_one(frames, size)

    def _one_by_one(self, frames: Sequence[TrackedFrame], size: tuple[int, int]) -> Iterator[Masks]:
        for frame in frames:
            logits = frame.mask_logits.cpu().numpy()
            image = self._images.get(frame.frame_index)
            if self._refiner is not None and image is not None and image.shape[:2] == size:
                self.forget(frame.frame_index)
                yield self._refiner.encode(logits, image, self._region)
                continue
            plain = [encode_logits(row, size, self._region) for row in logits]
            yield self._refined(frame, plain, size)

    def _refined(
        self, frame: TrackedFrame, masks: list[RLEMask | None], size: tuple[int, int]
    ) -> Masks:
        """Masks with the edges that ``fast`` gives, where it is meant and the frame is there."""
        image = self._images.pop(frame.frame_index, None)
        if image is None or image.shape[:2] != size or self._method != "fast":
            return EncodedMask.unjudged(masks)
        height = size[0] if self._region is None else self._region[3]
        cell_px = height / frame.mask_logits.shape[-2]
        fine = (mask and refine_edges(mask, image, cell_px) for mask in masks)
        return EncodedMask.unjudged(fine)
