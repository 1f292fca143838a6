"""Runs the network on frames and clips, and makes do with less when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ifc_core.errors import DeviceMemoryError
from ifc_core.inference.device_arithmetic import device_arithmetic
from ifc_core.inference.device_graphs import GraphedWork, GraphMemory
from ifc_core.inference.device_memory import is_out_of_memory, let_go_after
from ifc_core.inference.frame_input import resize_frames
from ifc_core.models.ifc import IFC, FrameFeatures
from ifc_core.tracking.duplicates import KEEP_ALL, without_duplicates
from ifc_core.tracking.video_tracker import ClipInstances

SMALLEST_SHORT_SIDE = 96
"""Resolution is lowered down to this short side when memory runs out."""

NO_CONTINUATION = 1.0
"""The score at which only queries that survive take part, as published."""

_UNSURE, _SURVIVES = 1, 2

_Result = TypeVar("_Result")
_Stage = Literal["frames", "clips"]  # encoded, decoded


@dataclass(slots=True)
class CachedFrame:
    """A frame that some clip to come may hold.

    Attributes:
        image: (h, w, 3) uint8 at the network's size, to encode it again at a smaller one; on
            the device where it was resized there.
        features: Its share of the network, or ``None`` where it was not encoded yet.
        encoded_at: (height, width) at which it was; features of another size than the one
            that the network is fed now are made again.
    """

    image: npt.NDArray[np.uint8] | Tensor
    features: FrameFeatures | None = None
    encoded_at: tuple[int, int] | None = None


@dataclass(slots=True)
class PendingClips:
    """Clips that the device is still working on; :meth:`ClipRunner.finish` waits for them.

    Attributes:
        windows: Frames of each clip, to run it again with less memory.
        indices: Frame numbers of each clip.
        class_probs: (B, Q, K + 1).
        mask_weights: (B, Q, C).
        mask_features: (B, T, C, h, w).
        standing: (B, Q) uint8 on the host, valid once ``decided`` has passed; see
            :func:`standing_of`.
        queries: Queries to take instead of those that survive.
        decided: An event of the device, or ``None`` where all is done already.
    """

    windows: Sequence[Sequence[CachedFrame]]
    indices: Sequence[tuple[int, ...]]
    class_probs: Tensor
    mask_weights: Tensor
    mask_features: Tensor
    standing: Tensor
    queries: Sequence[tuple[int, ...]] | None = None
    decided: Any = None


@dataclass(slots=True)
class ClipRunner:
    """The network, the size of its batches, and the fallbacks.

    Args:
        model: In eval mode on its device.
        frame_batch: Frames encoded at once.
        clip_group: Clips decoded at once.
        is_exact: Whether float32 products are to stay exact on a CUDA device.
        duplicate_iou: Instances of a clip that overlap this much are one thing, of which the
            surest mask stays; see ``without_duplicates``.
        continuation_score: Queries that do not survive may continue a track if their best class is
            at least so probable; :data:`NO_CONTINUATION` leaves them out.

    Attributes:
        notices: What was given up for want of memory, one sentence each.
        mask_grid: (h, w) of the mask logits of the first clip; later ones are brought to it.
        input_size: (height, width) that the network is fed now; ``None`` before the first
            frame.
    """

    model: IFC
    frame_batch: int = 1
    clip_group: int = 1
    is_exact: bool = True
    duplicate_iou: float = KEEP_ALL
    continuation_score: float = NO_CONTINUATION
    notices: list[str] = field(default_factory=list)
    mask_grid: tuple[int, int] | None = None
    input_size: tuple[int, int] | None = None
    _encoding: GraphedWork | None = None
    _decoding: dict[tuple[int, tuple[int, int]], GraphedWork] = field(default_factory=dict)
    _graphs: GraphMemory | None = field(default_factory=GraphMemory)  # None: no more of them
    _after: Any = None  # the stream of what follows the network
    _unsaid: dict[str, str] = field(default_factory=dict)  # what was given up and not yet told
    _depth: int = 0  # of attempts within attempts
    _at_once: dict[str, int] = field(default_factory=dict)  # of other work, where not all fits

    def clips(
        self,
        windows: Sequence[Sequence[CachedFrame]],
        indices: Sequence[tuple[int, ...]],
        queries: Sequence[tuple[int, ...]] | None = None,
    ) -> list[ClipInstances]:
        """Surviving instances of windows of one length.

        Args:
            windows: Frames of each window; missing features are computed here.
            indices: Frame numbers of each window.
            queries: Take these queries of each window instead of those that survive.

        Raises:
            DeviceMemoryError: Not even one clip at the smallest size fits.
        """
        done: list[ClipInstances] = []
        while len(done) < len(windows):
            place = len(done)
            asked = None if queries is None else queries[place:]
            pending = self._begin_group(windows[place:], indices[place:], asked)
            done += self.finish(pending)
        return done

    def begin(
        self,
        windows: Sequence[Sequence[CachedFrame]],
        indices: Sequence[tuple[int, ...]],
        queries: Sequence[tuple[int, ...]] | None = None,
    ) -> list[PendingClips]:
        """:meth:`clips` without waiting for the device; follow with :meth:`finish` for each."""
        begun: list[PendingClips] = []
        done = 0
        while done < len(windows):
            asked = None if queries is None else queries[done:]
            begun.append(self._begin_group(windows[done:], indices[done:], asked))
            done += len(begun[-1].indices)
        return begun

    def _begin_group(
        self,
        windows: Sequence[Sequence[CachedFrame]],
        indices: Sequence[tuple[int, ...]],
        queries: Sequence[tuple[int, ...]] | None,
    ) -> PendingClips:
        """As many of the first windows as go at once."""
        result = None
        while result is None:
            count = self.clip_group
            held = windows[:count]

            def work(
                held: Sequence[Sequence[CachedFrame]] = held, count: int = count
            ) -> PendingClips:
                self.encode([frame for window in held for frame in window])
                asked = None if queries is None else queries[:count]
                return self._decode(held, indices[:count], asked)

            result = self._attempt("clips", work)
        return result

    def finish(self, pending: PendingClips) -> list[ClipInstances]:
        """Wait until it is known which queries survive, and compute their masks.

        What it gives belongs to the current stream: see :meth:`after_network`.

        Raises:
            DeviceMemoryError: Not even one clip at the smallest size fits.
        """
        result = self._attempt("clips", lambda: self._finish(pending))
        if result is None:  # too little memory for the masks: the clips again, with less of it
            self._wait_for_all()
            result = self.clips(pending.windows, pending.indices, pending.queries)
            self._wait_for_all()  # features made on this stream are for the other one too
        return result

    def _wait_for_all(self) -> None:
        if self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)

    def after_network(self) -> AbstractContextManager[Any]:
        """Where work on finished clips runs: beside the network's next clips on a GPU.

        :meth:`finish` and everything that uses its clips must be inside.
        """
        if self.model.device.type != "cuda":
            return nullcontext()
        if self._after is None:
            self._after = torch.cuda.Stream(self.model.device, priority=-1)
        return torch.cuda.stream(self._after)

    def encode(self, frames: Sequence[CachedFrame]) -> None:
        """Compute the features of the frames that have none of the present size yet."""
        while pending := list({id(f): f for f in frames if self._is_stale(f)}.values()):
            batch = pending[: self.frame_batch]

            def work(batch: list[CachedFrame] = batch) -> bool:
                self._encode(batch)
                return True

            self._attempt("frames", work)  # with less memory all may have to be done again

    def _is_stale(self, frame: CachedFrame) -> bool:
        return frame.features is None or frame.encoded_at != self.input_size

    @torch.inference_mode()
    def _encode(self, frames: Sequence[CachedFrame]) -> None:
        images = self._stacked([f.image for f in frames])
        if self.input_size is None:
            self.input_size = (int(images.shape[1]), int(images.shape[2]))
        images = resize_frames(images, self.input_size)
        with device_arithmetic(self.model.device, self.is_exact):
            features = self._encoded(images)
        for number, frame in enumerate(frames):
            frame.features = features[number : number + 1]
            frame.encoded_at = self.input_size

    @torch.inference_mode()
    def _decode(
        self,
        windows: Sequence[Sequence[CachedFrame]],
        indices: Sequence[tuple[int, ...]],
        queries: Sequence[tuple[int, ...]] | None = None,
    ) -> PendingClips:
        parts = [f.features for window in windows for f in window if f.features is not None]
        features = FrameFeatures.concatenate(parts)
        with device_arithmetic(self.model.device, self.is_exact):
            class_logits, weights, maps = self._decoded(features, len(windows))
        probs = class_logits.float().softmax(-1)  # (B, Q, K + 1)
        standing = standing_of(probs, self.continuation_score)  # (B, Q)
        if not probs.is_cuda:
            return PendingClips(windows, indices, probs, weights, maps, standing.cpu(), queries)
        on_host = torch.empty(standing.shape, dtype=torch.uint8, pin_memory=True)
        on_host.copy_(standing, non_blocking=True)
        decided = torch.cuda.Event()
        decided.record(torch.cuda.current_stream(probs.device))
        return PendingClips(windows, indices, probs, weights, maps, on_host, queries, decided)

    @torch.inference_mode()
    def _finish(self, pending: PendingClips) -> list[ClipInstances]:
        tensors = (pending.class_probs, pending.mask_weights, pending.mask_features)
        if pending.decided is not None:
            pending.decided.synchronize()
        results = []
        with device_arithmetic(self.model.device, self.is_exact):
            if pending.decided is not None:
                stream = torch.cuda.current_stream(self.model.device)
                stream.wait_event(pending.decided)
                for tensor in tensors:  # they belong to the network's stream
                    tensor.record_stream(stream)
            for clip, frame_indices in enumerate(pending.indices):
                unsure: frozenset[int] = frozenset()
                if pending.queries is None:
                    standing = [value for value in pending.standing[clip].tolist() if value]
                    unsure = frozenset(n for n, v in enumerate(standing) if v == _UNSURE)
                    rows = pending.standing[clip].nonzero()[:, 0].tolist()
                else:
                    rows = list(pending.queries[clip])
                probs, weights, maps = (tensor[clip] for tensor in tensors)
                kept = torch.tensor(rows, dtype=torch.long, device=probs.device)
                chosen = weights[kept]
                masks = self.model.mask_logits(chosen[None], maps[None])[0]
                masks = self._on_grid(masks.float())  # (N, T, h, w)
                results.append(
                    ClipInstances(frame_indices, probs[kept], masks, tuple(rows), chosen, unsure)
                )
        if pending.queries is not None:  # asked for by name, as when a run goes on
            return results
        return without_duplicates(results, self.duplicate_iou)

    def _stacked(self, images: Sequence[npt.NDArray[np.uint8] | Tensor]) -> Tensor:
        if any(isinstance(image, Tensor) for image in images):  # some were read before a pause
            return torch.stack([torch.as_tensor(i, device=self.model.device) for i in images])
        tensor = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
        if self.model.device.type != "cuda":
            return tensor.to(self.model.device)
        return tensor.pin_memory().to(self.model.device, non_blocking=True)

    def _encoded(self, images: Tensor) -> FrameFeatures:
        """``encode_frames``, recorded as a graph on a GPU."""
        if self.model.device.type != "cuda" or self._graphs is None:
            return self.model.encode_frames(self.model.normalize(images))
        if self._encoding is None:
            self._encoding = GraphedWork(self._encode_tensors, memory=self._graphs)
        state, position, lateral4, lateral3 = self._encoding(images)
        grid = _grid_32(images)
        return FrameFeatures(state, position, lateral4, lateral3, None, grid)

    def _encode_tensors(self, images: Tensor) -> tuple[Tensor, ...]:
        found = self.model.encode_frames(self.model.normalize(images))
        return found.state, found.position, found.lateral4, found.lateral3

    def _decoded(self, features: FrameFeatures, num_clips: int) -> tuple[Tensor, ...]:
        """Class logits, mask weights and mask features; recorded as a graph on a GPU."""
        grid = features.grid_size  # the recorded work must not hold the features themselves

        def work(state: Tensor, position: Tensor, res4: Tensor, res3: Tensor) -> tuple[Tensor, ...]:
            given = FrameFeatures(state, position, res4, res3, None, grid)
            out = self.model.decode_clip(given, num_clips)
            return out.class_logits, out.mask_weights, out.mask_features

        tensors = (features.state, features.position, features.lateral4, features.lateral3)
        if self.model.device.type != "cuda" or self._graphs is None:
            return work(*tensors)
        key = (num_clips, grid)
        if key not in self._decoding:
            self._decoding[key] = GraphedWork(work, memory=self._graphs)
        return self._decoding[key](*tensors)

    def _on_grid(self, masks: Tensor) -> Tensor:
        grid = (int(masks.shape[-2]), int(masks.shape[-1]))
        if self.mask_grid is None:
            self.mask_grid = grid
        if grid == self.mask_grid or masks.shape[0] == 0:
            return masks.reshape(*masks.shape[:2], *self.mask_grid)
        return F.interpolate(masks, self.mask_grid, mode="bilinear", align_corners=False)

    def _attempt(self, stage: _Stage, work: Callable[[], _Result]) -> _Result | None:
        """Run ``work``; out of memory, step down and give ``None`` (try again)."""
        self._depth += 1
        try:
            result = work()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if not (self._let_go(error) or self._step_down(stage)):
                device = str(self.model.device)
                raise DeviceMemoryError(
                    f"There is too little memory on {device} even for one clip at the smallest "
                    "size; choose a shorter clip length or close other programs.",
                    device=device,
                ) from error
            return None
        finally:
            self._depth -= 1
        if self._depth:  # frames that had to be read again for clips that may not fit yet
            return result
        # Said once it is enough: one sentence for all steps that it took.
        self.notices += [f"Memory ran out, so {what}." for what in self._unsaid.values()]
        self._unsaid.clear()
        return result

    def with_room(self, work: Callable[[int], _Result], most: int = 1, what: str = "") -> _Result:
        """Run what else the run asks of the device; out of memory, make room and try again.

        Args:
            work: Is told how much to do at once. It must leave nothing behind where it fails.
            most: How much at once if memory allows. It is tried again as it is, then in halves.
            what: What is done now, such as ``masks are now made``, for the sentence about it.

        Raises:
            RuntimeError: Of the library, as it is where not even one fits.
        """
        most = min(most, self._at_once.get(what, most))
        tries = [most, *(most >> halvings for halvings in range(most.bit_length()))]
        for at_once in tries[:-1]:
            try:
                result = work(at_once)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._let_go(error)
            else:
                break
        else:
            at_once, result = tries[-1], work(tries[-1])
        if at_once < most:
            self._at_once[what] = at_once
            self.notices.append(f"Memory ran out, so {what} {at_once} at a time.")
        return result

    def _let_go(self, error: BaseException) -> bool:
        """Free what failed and all recorded graphs, for good; whether there were any."""
        self._wait_for_all()  # for what still uses them, and for memory that other streams hold
        recorded = [work for work in (self._encoding, *self._decoding.values()) if work is not None]
        found = [graphed.release() for graphed in recorded]
        self._encoding, self._graphs = None, None
        self._decoding.clear()
        let_go_after(error, self.model.device)
        return any(found)

    def _step_down(self, stage: _Stage) -> bool:
        """Halve what is too much, then the other batch, then lower the resolution."""
        steps = [self._halve_batch, self._halve_group]
        if stage == "clips":
            steps.reverse()
        return any(step() for step in (*steps, self._lower_resolution))

    def _halve_batch(self) -> bool:
        if self.frame_batch == 1:
            return False
        self.frame_batch //= 2
        self._unsaid["frames"] = f"frames are now read {self.frame_batch} at a time"
        return True

    def _halve_group(self) -> bool:
        if self.clip_group == 1:
            return False
        self.clip_group //= 2
        self._unsaid["clips"] = f"clips are now run {self.clip_group} at a time"
        return True

    def _lower_resolution(self) -> bool:
        if self.input_size is None or min(self.input_size) <= SMALLEST_SHORT_SIDE:
            return False
        scale = max(0.75, SMALLEST_SHORT_SIDE / min(self.input_size))
        height, width = (max(1, int(side * scale + 0.5)) for side in self.input_size)
        self.input_size = (height, width)
        self._unsaid["size"] = f"frames are now looked at in {width} by {height} pixels"
        return True


def standing_of(class_probs: Tensor, continuation_score: float) -> Tensor:
    """What becomes of each query of a clip.

    Args:
        class_probs: (..., K + 1), the last one of no-object.
        continuation_score: Least probability of the best class with which a query that does not
            survive may still continue a track.

    Returns:
        (...) uint8: 2 survives (its best class is not no-object), 1 may continue a track, 0
        neither.
    """
    survives = class_probs.argmax(-1) != class_probs.shape[-1] - 1
    unsure = class_probs[..., :-1].amax(-1) >= continuation_score
    if continuation_score >= NO_CONTINUATION:
        unsure = torch.zeros_like(unsure)
    return torch.where(survives, _SURVIVES, unsure.to(torch.uint8) * _UNSURE)


def _grid_32(images: Tensor) -> tuple[int, int]:
    """(h, w) of the backbone's last map for (N, H, W, 3) images."""
    return -(-int(images.shape[1]) // 32), -(-int(images.shape[2]) // 32)
