"""Masks of finished frames in the frame's own size, with their edges as the person wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch

from ifc_core.inference.device_masks import encode_many
from ifc_core.inference.edge_refiner import load_edge_refiner
from ifc_core.inference.edges import refine_edges
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.refined_frames import FinishedMasks, RefinedFrames
from ifc_core.inference.results import EncodedMask
from ifc_core.structures import RLEMask
from ifc_core.tracking.video_tracker import TrackedFrame, VideoTracker

Image = npt.NDArray[np.uint8]
Run = tuple[int, ...]
"""Neighbouring frames that the same clips hold."""


def in_batches(runs: Sequence[Run], least: int) -> Iterator[list[Run]]:
    """Runs put together until they hold that many frames; the last ones may hold fewer."""
    batch: list[Run] = []
    for run in runs:
        batch.append(run)
        if sum(len(part) for part in batch) >= least:
            yield batch
            batch = []
    if batch:
        yield batch


class FrameMasks:
    """Makes the masks of one run's frames.

    Args:
        edges: One of ``EDGES``.
        region_xywh: Part of the frame that the masks' grid covers; ``None`` for all of it.
        device: Of the network.
        low_delay: Let no frame wait for the one after it.

    Raises:
        CheckpointError: The edge network that ships with the program is damaged.
    """

    def __init__(
        self,
        edges: str,
        region_xywh: tuple[int, int, int, int] | None,
        device: torch.device,
        *,
        low_delay: bool = False,
    ) -> None:
        self._method = edges
        self._region = region_xywh
        self._on_device = device.type == "cuda"
        self._waits = not low_delay
        self._refined: RefinedFrames | None = None
        if edges == "best":
            refiner = load_edge_refiner(str(device))
            self._refined = RefinedFrames(refiner, region_xywh, waits=self._waits)
        self._images: dict[int, Image] = {}  # position -> frame, where "fast" will look at it

    def begin(self, precision: str, notices: list[str]) -> None:
        """Do as the run does, before the first frame.

        Args:
            precision: Of the run: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
            notices: What is given up for want of memory is added to it, a sentence each.
        """
        if self._refined is not None:
            self._refined.begin(precision, notices)

    @property
    def frames_ahead(self) -> int:
        """Frames that must have been noted after one before its masks are asked for.

        Where the video or the shot goes on, that is.
        """
        return 1 if self._refined is not None and self._waits else 0

    @property
    def frames_behind(self) -> int:
        """Frames before one that its masks depend on: who goes on later must note them again."""
        return 0 if self._refined is None else 2

    def note(self, position: int, image: Image, *, begins_shot: bool = False) -> None:
        """Keep a frame for its edges, where they are decided by it.

        Args:
            position: As in ``TrackedFrame.frame_index``.
            image: (H, W, 3) uint8 RGB.
            begins_shot: It has nothing to do with the frame before.
        """
        if self._refined is not None:
            self._refined.note(position, image, begins_shot=begins_shot)
        elif self._method == "fast":
            self._images[position] = image

    def forget(self, position: int) -> None:
        """Let go of a frame whose masks were made by an earlier part of the run."""
        self._images.pop(position, None)
        if self._refined is not None:
            self._refined.forget(position)

    def recall(self, frame: TrackedFrame, size: tuple[int, int]) -> None:
        """Know again the last frame that an earlier part of the run gave out.

        Args:
            frame: It was noted again, and those before and after it.
            size: (height, width) of the masks.
        """
        if self._refined is not None and self._refined.has(frame.frame_index, size):
            self._refined.recall(frame)

    def of_runs(
        self, tracker: VideoTracker, runs: Sequence[Run], size: tuple[int, int], at_once: int
    ) -> Iterator[FinishedMasks]:
        """The masks of settled frames, of so many frames at once, as :meth:`encode` gives them.

        Nothing has changed where it fails for want of memory.

        Args:
            tracker: Averages the clips that hold the frames.
            runs: As the tracker gives them, in order.
            size: (height, width) of the masks.
            at_once: Frames averaged and encoded at a time.
        """
        parts = [run[i : i + at_once] for run in runs for i in range(0, len(run), at_once)]
        encoded = []
        for some in in_batches(parts, at_once):
            frames = [frame for part in some for frame in tracker.merge(part)]
            encoded.append(self.encode(frames, size))
        return chain.from_iterable(encoded)

    def encode(
        self, frames: Sequence[TrackedFrame], size: tuple[int, int]
    ) -> Iterator[FinishedMasks]:
        """The masks of frames, ``None`` for one without a pixel; each frame is forgotten.

        Args:
            frames: On the tracker's device, in order.
            size: (height, width) of the masks.

        Returns:
            Frames in their order, with a list of masks each: made at once where the device can, or
            one after the other. The last may stay behind, until the one after it comes or
            :meth:`finish` is asked.
        """
        if self._refined is not None:
            # At once: logits belong to the stream that is current now.
            on_host = [replace(f, mask_logits=f.mask_logits.cpu()) for f in frames]
            return self._by_network(self._refined, on_host, size)
        if self._on_device:
            many = encode_many([frame.mask_logits for frame in frames], size, self._region)
            pairs = zip(frames, many, strict=True)
            return ((frame, self._by_colours(frame, plain, size)) for frame, plain in pairs)
        return (
            (frame, self._by_colours(frame, self._plain(frame, size), size)) for frame in frames
        )

    def finish(self) -> Iterator[FinishedMasks]:
        """What :meth:`encode` kept, where no further frame comes."""
        if self._refined is not None:
            yield from self._refined.finish()

    def _by_network(
        self, refined: RefinedFrames, frames: Sequence[TrackedFrame], size: tuple[int, int]
    ) -> Iterator[FinishedMasks]:
        for frame in frames:
            if refined.has(frame.frame_index, size):
                yield from refined.add(frame)
                continue
            yield from refined.finish()
            refined.forget(frame.frame_index)
            yield frame, EncodedMask.unjudged(self._plain(frame, size))

    def _plain(self, frame: TrackedFrame, size: tuple[int, int]) -> list[RLEMask | None]:
        logits = frame.mask_logits.cpu().numpy()
        return [encode_logits(row, size, self._region) for row in logits]

    def _by_colours(
        self, frame: TrackedFrame, masks: list[RLEMask | None], size: tuple[int, int]
    ) -> list[EncodedMask | None]:
        """Masks with the edges that ``fast`` gives, where it is meant and the frame is there."""
        image = self._images.pop(frame.frame_index, None)
        if image is None or image.shape[:2] != size:
            return EncodedMask.unjudged(masks)
        height = size[0] if self._region is None else self._region[3]
        cell_px = height / frame.mask_logits.shape[-2]
        fine = (mask and refine_edges(mask, image, cell_px) for mask in masks)
        return EncodedMask.unjudged(fine)
