"""A small network that looks at one object closely and decides its mask again.

IFC decides masks on a grid of 1/8 of a small picture. This network sees the object's surroundings
at the frame's own resolution, with that coarse mask as a further channel, and says what of it
belongs to the object: limbs that the grid merged, holes, islands that are something else. Having
looked closely, it also says how well its mask is likely to fit.

Source: an addition to the paper. The idea of refining a coarse mask from the picture with a
network of its own follows Cheng et al., "CascadePSP", CVPR 2020; that of estimating a mask's IoU,
Huang et al., "Mask Scoring R-CNN", CVPR 2019. The architecture is a plain U-Net with residual
blocks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ifc_core.errors import CheckpointError
from ifc_core.io.atomic import atomic_output
from ifc_core.models.safetensors_file import check_header, check_values, save_tensors

CROP_SIDE = 128
"""Pixels of a crop's side in use; training sees others as well."""

_WIDTHS = (32, 64, 128, 256, 256)
_BLOCK_CHANNELS = 16  # 2 x 2 pixels of red, green, blue and the prior
MOTION_CHANNELS = 8
"""For the frame before and the one after: velocity (x, y), gaps of the outside and the inside."""
_REACHES = (5, 13, None)
"""Cells of 1/4 of the crop over which colours are looked at, ``None`` for all of it."""
_COLOUR_NOISE = 0.1
_VELOCITY_SCALE = 0.5
_GAP = 32.0  # grey levels
_GAP_NOISE = 0.2
_MOTION_MAPS = MOTION_CHANNELS + 1
_UNSEEN = 0.02
_LEVEL = 0.45
_CONTRAST = 0.25
_SURE = 4.0
"""Prior logits beyond it are as good as certain."""
_KEEP = 0.5
"""Of the prior that the answer starts from."""
_JUDGE_WIDTH = 64
_METADATA_KEY = "ifc_studio_edges"
_FORMAT_VERSION = 4


class EdgeAnswer(NamedTuple):
    """What the edge network says of N crops.

    Attributes:
        masks: (N, S, S) float, logits.
        quality: (N,) float, logits of the IoU of ``masks > 0`` with the true object in the crop.
    """

    masks: Tensor
    quality: Tensor


class EdgeNetwork(nn.Module):
    """A U-Net from 1/2 to 1/32 of the crop; its answer is a change to the prior.

    Beside the picture and the prior it is told, at three ranges, whether a pixel's colour is closer
    to what lies inside or to what lies outside nearby (:func:`nearest_side`).

    Attributes:
        provenance: How the weights were made, JSON values.
    """

    def __init__(self) -> None:
        super().__init__()
        first = _WIDTHS[0]
        self.stem = nn.Sequential(
            _conv(_BLOCK_CHANNELS + 2 * len(_REACHES) + _MOTION_MAPS, first),
            _conv(first, first),
        )
        steps = list(pairwise(_WIDTHS))
        self.down = nn.ModuleList(
            nn.Sequential(_conv(coarse, fine, stride=2), _Residual(fine)) for coarse, fine in steps
        )
        self.deepest = _Residual(_WIDTHS[-1])
        self.lateral = nn.ModuleList(
            nn.Conv2d(deep, shallow, 1, bias=False) for shallow, deep in steps
        )
        self.up = nn.ModuleList(_conv(width, width) for width in _WIDTHS[:-1])
        self.answer = nn.Conv2d(first, 4, 3, padding=1)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)  # type: ignore[arg-type]
        # The first maps on the way up, the mask as it was and as it is now.
        self.judge = nn.Sequential(
            _conv(_WIDTHS[-2] + 2, _JUDGE_WIDTH), _conv(_JUDGE_WIDTH, _JUDGE_WIDTH, stride=2)
        )
        self.quality = nn.Linear(_JUDGE_WIDTH, 1)
        self.provenance: dict[str, Any] = {}

    def forward(self, pictures: Tensor, prior: Tensor, motion: Tensor | None = None) -> EdgeAnswer:
        """Decide the masks of N crops and estimate how well they fit.

        Args:
            pictures: (N, 3, S, S) RGB, 0 to 255, float or uint8; S a multiple of 32.
            prior: (N, S, S) float, logits of the coarse mask.
            motion: (N, 8, S/2, S/2) float, as
                :meth:`~ifc_core.inference.edge_motion.FrameMotion.seen`; none where nothing is
                known of it.
        """
        seen = (pictures.float() / 255 - _LEVEL) / _CONTRAST
        told = torch.tanh(prior.clamp(-2 * _SURE, 2 * _SURE) / 2)[:, None]
        # Blocks of 2 x 2 pixels as channels: all of the crop, without layers at its full size.
        blocks = F.pixel_unshuffle(torch.cat([seen, told], dim=1), 2)  # (N, 16, S/2, S/2)
        inside = F.avg_pool2d((told + 1) / 2, 2)
        evidence = nearest_side(F.avg_pool2d(seen, 2), inside)
        if motion is None:
            motion = inside.new_zeros(len(inside), MOTION_CHANNELS, *inside.shape[2:])
        maps = [self.stem(torch.cat([blocks, evidence, _moving(motion, inside)], dim=1))]
        for down in self.down:
            maps.append(down(maps[-1]))
        x = self.deepest(maps.pop())
        on_the_way_up = []
        for lateral, up in zip(reversed(self.lateral), reversed(self.up), strict=True):
            fine = maps.pop()
            size = fine.shape[-2:]
            x = F.interpolate(lateral(x), size=size, mode="bilinear", align_corners=False)
            x = up(x + fine)
            on_the_way_up.append(x)
        change = F.pixel_shuffle(self.answer(x), 2)[:, 0]  # (N, S, S)
        masks = change + _KEEP * prior.clamp(-_SURE, _SURE)
        return EdgeAnswer(masks, self._judged(on_the_way_up[0], told, masks.detach()))

    def _judged(self, maps: Tensor, told: Tensor, masks: Tensor) -> Tensor:
        """(N,) logits of the IoU."""
        shapes = torch.cat([told, torch.tanh(masks / 2)[:, None]], dim=1)
        stride = told.shape[-1] // maps.shape[-1]
        x = self.judge(torch.cat([maps, F.avg_pool2d(shapes, stride)], dim=1))
        quality: Tensor = self.quality(x.mean((2, 3)))[:, 0]
        return quality

    @torch.no_grad()
    def fuse(self) -> EdgeNetwork:
        """Merge batch norms into the convolutions before them; for inference only.

        Returns:
            The network itself, in eval mode.
        """
        self.eval()
        for block in list(self.modules()):
            if not isinstance(block, nn.Sequential):
                continue
            convolution, norm = block[0], block[1]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[0], block[1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
        return self


def nearest_side(picture: Tensor, inside: Tensor) -> Tensor:
    """Whether each pixel's colour is closer to that inside or outside a mask nearby.

    Args:
        picture: (N, C, H, W) float, even sides: colours, or velocities.
        inside: (N, 1, H, W) float, the share of a pixel that is inside, 0 to 1.

    Returns:
        (N, 3, H, W) float between -1 (outside) and 1: by the mean colours around the pixel at
        two ranges, and by those of the whole crop.
    """
    coarse, share = F.avg_pool2d(picture, 2), F.avg_pool2d(inside, 2)
    told = []
    for reach in _REACHES:
        inner = _distance_to_mean(picture, coarse, share, reach)
        outer = _distance_to_mean(picture, coarse, 1 - share, reach)
        told.append((outer - inner) / (outer + inner + _COLOUR_NOISE))
    return torch.cat(told, dim=1)


def _distance_to_mean(picture: Tensor, coarse: Tensor, weight: Tensor, reach: int | None) -> Tensor:
    """(N, 1, H, W): squared distance to the weighted mean of the colours within reach.

    It is larger where little of that side is in reach.
    """
    sums = torch.cat([coarse * weight, weight], dim=1)
    if reach is None:
        sums = sums.mean((2, 3), keepdim=True).expand_as(sums)
    else:
        for size in ((reach, 1), (1, reach)):  # one axis after the other is faster
            half = (size[0] // 2, size[1] // 2)
            sums = F.avg_pool2d(sums, size, 1, half, count_include_pad=False)
    means = torch.cat([sums[:, :-1] / (sums[:, -1:] + 1e-3), sums[:, -1:]], dim=1)
    means = F.interpolate(means, picture.shape[-2:], mode="bilinear", align_corners=False)
    squared = (picture - means[:, :-1]).square().sum(1, keepdim=True)
    return squared + _UNSEEN / (means[:, -1:] + _UNSEEN)


def _moving(motion: Tensor, inside: Tensor) -> Tensor:
    """(N, 12, H, W) of (N, 8, H, W) motion."""
    steps = motion.unflatten(1, (2, 4))  # before and after
    velocity = torch.asinh(steps[:, :, :2].flatten(1, 2)) * _VELOCITY_SCALE
    gaps = (steps[:, :, 2:] / _GAP).clamp(max=2)  # (N, 2, 2, H, W)
    outer, inner = gaps.amin(1).split(1, dim=1)
    told = (outer - inner) / (outer + inner + _GAP_NOISE)
    return torch.cat([nearest_side(velocity, inside), velocity, gaps.flatten(1, 2), told], dim=1)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width, is_last=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _conv(source: int, width: int, *, stride: int = 1, is_last: bool = False) -> nn.Sequential:
    """A 3x3 convolution with batch norm, and ReLU unless it is the last of a residual block."""
    convolution = nn.Conv2d(source, width, 3, stride, padding=1, bias=False)
    after = nn.Identity() if is_last else nn.ReLU(inplace=True)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), after)


def write_edge_network(
    path: Path | str, tensors: Mapping[str, Tensor], provenance: Mapping[str, Any]
) -> None:
    """Write weights, filters in half precision, whole or not at all.

    Args:
        path: Target, ``.safetensors`` by habit.
        tensors: A state dictionary of :class:`EdgeNetwork`.
        provenance: JSON values.

    Raises:
        CheckpointError: A value is not finite.
        OutputError: The target cannot be written.
    """
    path = Path(path)
    stored = {name: _stored(value) for name, value in tensors.items()}
    check_values(path, stored)
    about = {"version": _FORMAT_VERSION, "provenance": dict(provenance)}
    with atomic_output(path) as temporary:
        save_tensors(stored, temporary, {"format": "pt", _METADATA_KEY: json.dumps(about)})


def read_edge_network(path: Path | str) -> EdgeNetwork:
    """Read weights as if a stranger had made them.

    Returns:
        The network in eval mode, float32.

    Raises:
        CheckpointError: The file is missing, damaged, or of another kind.
    """
    path = Path(path)
    check_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})[_METADATA_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        version, provenance = int(about["version"]), dict(about["provenance"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} holds no edge network of ours.", path=path) from error
    if version < _FORMAT_VERSION:
        raise CheckpointError(
            f"{path} is of an older IFC Studio, whose edge network was a smaller one.", path=path
        )
    if version > _FORMAT_VERSION:
        raise CheckpointError(f"{path} was written by a newer IFC Studio.", path=path)
    network = EdgeNetwork()
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if wanted != {name: tuple(value.shape) for name, value in tensors.items()}:
        raise CheckpointError(f"The tensors of {path} are not those of an edge network.", path=path)
    check_values(path, tensors)
    network.load_state_dict(tensors)
    network.provenance = provenance
    return network.eval()


def _stored(tensor: Tensor) -> Tensor:
    plain = tensor.detach().cpu()
    return (plain.half() if plain.dim() > 1 else plain).contiguous().clone()
