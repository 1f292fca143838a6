"""A loss that teaches the backbone's early maps to know the places of a thing again.

A correction is taken to other frames by comparing places (:mod:`ifc_core.inference.far_match`):
does a place look more like one of the object or one beside it? The maps that are compared come
from a backbone that was trained for something else, so training asks the same question: places of
one frame of a clip are told apart by those of another frame of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ifc_core.data.sample import BatchTargets
from ifc_core.inference.far_match import LEAST_SPREAD
from ifc_core.models.backbone import Backbone

_SHARPNESS = 6.0
_LEAST_SHARE = 1e-4


@contextmanager
def early_maps(backbone: Backbone) -> Iterator[list[Tensor]]:
    """Collect res2 and res3 of the frames that go through a backbone meanwhile."""
    found: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> None:
        del module, inputs
        found.append(output)

    hooks = [layer.register_forward_hook(keep) for layer in (backbone.layer1, backbone.layer2)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def describe_places(res2: Tensor, res3: Tensor) -> Tensor:
    """What each place at 1/8 looks like, on one scale for the frames of a clip.

    Args:
        res2: (B, T, C2, H / 4, W / 4).
        res3: (B, T, C3, H / 8, W / 8).

    Returns:
        (B, T, h * w, C2 + C3) float32; squared distances add up over both maps, each weighing
        alike, as in :func:`ifc_core.inference.far_match.scaled`.
    """
    size = (int(res3.shape[-2]), int(res3.shape[-1]))
    coarse = F.adaptive_avg_pool2d(res2.flatten(0, 1).float(), size).unflatten(0, res2.shape[:2])
    parts = []
    for one in (coarse, res3.float()):
        places = one.flatten(3).transpose(2, 3)  # (B, T, h * w, C)
        mean = places.mean((1, 2), keepdim=True)
        spread = places.std((1, 2), keepdim=True) + LEAST_SPREAD
        parts.append((places - mean) / spread / places.shape[-1] ** 0.5)
    return torch.cat(parts, dim=-1)


def place_labels(targets: BatchTargets, size: tuple[int, int]) -> Tensor:
    """Whose each place is: (B, T, h * w, 1 + N) shares that sum to 1, the first for no track's."""
    known = targets.masks * targets.valid[..., None, None]  # (B, N, T, h', w')
    coarse = F.adaptive_avg_pool2d(known.flatten(0, 2)[:, None], size)[:, 0]
    shares = coarse.flatten(1).unflatten(0, known.shape[:3]).permute(0, 2, 3, 1)  # (B, T, hw, N)
    total = shares.sum(-1, keepdim=True)
    shares = shares / total.clamp(min=1)  # tracks of photographs may overlap
    return torch.cat([(1 - total).clamp(min=0), shares], dim=-1)


def _known_in(targets: BatchTargets, frame: int) -> Tensor:
    """(B, 1 + N) whether no track's places, and each track's, are known on a frame.

    On a frame that is not exhaustive an object that nobody annotated is no ground.
    """
    return torch.cat([targets.exhaustive[:, frame, None], targets.valid[:, :, frame]], dim=1)


def matching_loss(maps: list[Tensor], targets: BatchTargets) -> Tensor:
    """How badly places of one frame tell whose the places of another are.

    Args:
        maps: Res2 and res3 of all frames, (B * T, C, h, w) each.
        targets: Of the B clips; T is at least 2.

    Returns:
        (): cross-entropy of a soft nearest neighbour, a mean over the classes of a clip (each
        track that is known on both frames, and what is none's where both are exhaustive), then
        over clips.
    """
    num_clips, num_frames = targets.exhaustive.shape
    res2, res3 = (one.unflatten(0, (num_clips, num_frames)) for one in maps)
    size = (int(res3.shape[-2]), int(res3.shape[-1]))
    here, there = torch.randperm(num_frames)[:2].tolist()
    places, labels = describe_places(res2, res3), place_labels(targets, size)
    gaps = torch.cdist(places[:, here], places[:, there]).square()  # (B, hw, hw)
    unit = gaps.detach().amin(2).mean(1).clamp(min=1e-4)[:, None, None]
    said = (-_SHARPNESS * gaps / unit).softmax(2) @ labels[:, there]  # (B, hw, 1 + N)
    asked = _known_in(targets, here) & _known_in(targets, there)  # (B, 1 + N)
    asked &= labels[:, there].sum(1) > 0  # seen in both
    truth = labels[:, here] * asked[:, None]
    wrong = -(truth * said.clamp(min=_LEAST_SHARE).log()).sum(1)  # (B, 1 + N)
    weight = truth.sum(1)
    shown = weight > 0.5
    each = torch.where(shown, wrong / weight.clamp(min=0.5), 0.0)
    return (each.sum(1) / shown.sum(1).clamp(min=1)).mean()
