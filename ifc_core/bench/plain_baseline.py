"""Inference the plain way: what the ratios of ``ifc-studio bench`` are measured against.

float32, contiguous, eager; the backbone once over the whole video, everything else clip by clip;
soft IoU element by element over buffers of (V, 50, V, h, w); one full-size mask a result row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ifc_core.inference.clip_plan import clip_windows
from ifc_core.models.ifc import IFC
from ifc_core.tracking.clip_matching import MATCH_THRESHOLD

MOST_INSTANCES = 50
ROW_THRESHOLD = 0.01


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage.

    Attributes:
        seconds: Stage -> seconds so far.
        clock: Seconds, monotonic.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.perf_counter

    def add(self, stage: str, began: float) -> float:
        """Count the time since ``began`` to ``stage`` and give the time now."""
        now = self.clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - began
        return now


class BufferTracker:
    """The tracker with a slot for every (clip, instance, frame).

    Args:
        clip_length: T.
        num_frames: V; the buffers grow with its square.
        num_classes: K.
        grid: (h, w) of the masks.
        device: Where the buffers are.
    """

    def __init__(
        self,
        clip_length: int,
        num_frames: int,
        num_classes: int,
        grid: tuple[int, int],
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (num_frames, MOST_INSTANCES, num_frames)
        self.logits = torch.zeros(*shape, *grid, device=device)
        self.probs = torch.zeros(*shape, *grid, device=device)
        self.valid = torch.zeros(shape, dtype=torch.bool, device=device)
        self.classes = torch.zeros(num_frames, MOST_INSTANCES, num_classes + 1, device=device)
        self.clip_length = clip_length
        self.num_clips = self.num_instances = 0
        self.seen: set[int] = set()

    def update(self, frames: list[int], class_probs: Tensor, logits: Tensor) -> list[int]:
        """Link the rows of a clip to known instances and store them."""
        probs = logits.sigmoid()
        ids = [-1] * len(probs)
        shared = [f for f in frames if f in self.seen]
        if shared and self.num_instances and len(probs):
            here = [frames.index(f) for f in shared]
            scores = self._scores(probs[:, here], shared)
            scores[scores <= MATCH_THRESHOLD] = 0
            known, rows = linear_sum_assignment(scores.cpu().numpy(), maximize=True)
            for instance, row in zip(known, rows, strict=True):
                if scores[instance, row] > 0:
                    ids[row] = int(instance)
        for row, instance in enumerate(ids):
            if instance < 0:
                ids[row] = self.num_instances
                self.num_instances += 1
            slot = (self.num_clips, ids[row])
            self.logits[slot][frames] = logits[row]
            self.probs[slot][frames] = probs[row]
            self.valid[slot][frames] = True
            self.classes[slot] = class_probs[row]
        self.seen.update(frames)
        self.num_clips += 1
        return ids

    def _scores(self, new: Tensor, shared: list[int]) -> Tensor:
        first = max(0, self.num_clips - self.clip_length)
        window = (slice(first, self.num_clips), slice(0, self.num_instances))
        old = self.probs[window][:, :, shared].flatten(3)[:, :, None]  # (C, S, 1, F, P)
        valid = self.valid[window][:, :, shared][:, :, None, :, None]
        new = new.flatten(2)[None, None]  # (1, 1, N, F, P)
        intersection = (old * new * valid).sum((-1, -2))  # (C, S, N)
        union = ((old + new - old * new) * valid).sum((-1, -2))
        clips = (valid.flatten(2).sum(2) > 0).sum(0)  # (S,)
        total: Tensor = (intersection / (union + 1e-6)).sum(0) / (clips[:, None] + 1e-6)
        return total

    def result(self) -> tuple[Tensor, Tensor]:
        """Class probabilities (N, K + 1) and mean logits (N, V, h, w)."""
        window = (slice(0, self.num_clips), slice(0, self.num_instances))
        count = self.valid[window].sum(0)[..., None, None]
        logits = self.logits[window].sum(0) / count
        clips = (self.valid[window].sum(2) > 0).sum(0)
        return self.classes[window].sum(0) / clips[:, None], logits.nan_to_num(nan=-1.0)


@torch.inference_mode()
def run_plain(
    model: IFC,
    frames: npt.NDArray[np.uint8],
    clip_length: int,
    clip_stride: int,
    output_size: tuple[int, int],
) -> tuple[dict[str, float], list[list[int]], int]:
    """A whole video the plain way.

    Args:
        model: In float32.
        frames: (V, H, W, 3) uint8 at the network's size.
        clip_length: T.
        clip_stride: S.
        output_size: (height, width) of the masks.

    Returns:
        Seconds by stage, identities by clip, number of result rows.
    """
    watch = Stopwatch()
    began = watch.clock()
    features = model.encode_frames(model.normalize(frames))
    _wait(model.device)
    began = watch.add("backbone", began)
    tracker = None
    identities = []
    for window in clip_windows(len(frames), clip_length, clip_stride):
        out = model.decode_clip(features[window.start : window.stop])
        logits = model.mask_logits(out.mask_weights, out.mask_features)[0]
        probs = out.class_logits.softmax(-1)[0]
        kept = probs.argmax(-1) != probs.shape[-1] - 1
        _wait(model.device)
        began = watch.add("clips", began)
        if tracker is None:
            grid = (int(logits.shape[-2]), int(logits.shape[-1]))
            tracker = BufferTracker(
                clip_length, len(frames), probs.shape[-1] - 1, grid, model.device
            )
        identities.append(tracker.update(list(window), probs[kept], logits[kept]))
        began = watch.add("tracker", began)
    if tracker is None:
        return watch.seconds, identities, 0
    classes, logits = tracker.result()
    rows = [(i, k) for i, p in enumerate(classes) for k in torch.where(p[:-1] > ROW_THRESHOLD)[0]]
    for instance, _ in rows:
        large = F.interpolate(logits[instance][None], output_size, mode="bilinear")[0] > 0
        large.cpu().numpy()
    watch.add("masks", began)
    return watch.seconds, identities, len(rows)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
