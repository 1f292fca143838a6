"""A small network that looks at one object closely and decides its mask again.

IFC decides masks on a grid of 1/8 of a small picture. This network sees the object's surroundings
at the frame's own resolution, with that coarse mask as a further channel, and says what of it
belongs to the object: limbs that the grid merged, holes, islands that are something else. Having
looked closely, it also says how well its mask is likely to fit.

Source: an addition to the paper. The idea of refining a coarse mask from the picture with a
network of its own follows Cheng et al., "CascadePSP", CVPR 2020; that of estimating a mask's IoU,
Huang et al., "Mask Scoring R-CNN", CVPR 2019. The architecture is a plain U-Net with residual
blocks, which is told what the first stages of IFC's own backbone see of the crop.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ifc_core.errors import CheckpointError
from ifc_core.io.atomic import atomic_output
from ifc_core.models.backbone import Backbone
from ifc_core.models.config import IFCConfig
from ifc_core.models.names import DEFAULT_MODEL
from ifc_core.models.registry import load_model
from ifc_core.models.safetensors_file import check_header, check_values, save_tensors
from ifc_core.models.unfilled import unfilled

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
_FORMAT_VERSION = 5
_STAGES_CONFIG = IFCConfig(backbone="resnet18", frozen_batch_norm=True)


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
    to what lies inside or to what lies outside nearby (:func:`nearest_side`). On its way down it
    is told the same of the maps of a backbone that has learnt to find things, and these maps.

    Attributes:
        stages: Of that backbone; they do not learn.
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
        self.stages = FrozenStages()
        self.adapters = nn.ModuleList(_adapter(width) for width in FrozenStages.widths)
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
        known = self._known(pictures, inside)
        for down, adapted in zip_longest(self.down, known):
            assert isinstance(down, nn.Sequential)  # noqa: S101 - for the type checker
            x = down[0](maps[-1])
            maps.append(down[1](x if adapted is None else x + adapted))
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

    def _known(self, pictures: Tensor, inside: Tensor) -> list[Tensor]:
        """What the backbone's stages see, at 1/4, 1/8 and 1/16 of the crop."""
        known = []
        for adapter, seen in zip(self.adapters, self.stages(pictures), strict=True):
            share = F.adaptive_avg_pool2d(inside, seen.shape[-2:])
            alike = nearest_side(F.normalize(seen.float(), dim=1), share)
            known.append(adapter(torch.cat([seen, alike, 2 * share - 1], dim=1)))
        return known

    def _judged(self, maps: Tensor, told: Tensor, masks: Tensor) -> Tensor:
        """(N,) logits of the IoU."""
        shapes = torch.cat([told, torch.tanh(masks / 2)[:, None]], dim=1)
        stride = told.shape[-1] // maps.shape[-1]
        x = self.judge(torch.cat([maps, F.avg_pool2d(shapes, stride)], dim=1))
        quality: Tensor = self.quality(x.mean((2, 3)))[:, 0]
        return quality

    @torch.no_grad()
    def fuse(self) -> EdgeNetwork:
        """Merge batch norms into the convolutions beside them; for inference only.

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
        self.stages.backbone.fold_batch_norm()
        for adapter in self.adapters:
            assert isinstance(adapter, nn.Sequential)  # noqa: S101 - for the type checker
            norm, projection = adapter[0], adapter[1]
            if isinstance(norm, nn.BatchNorm2d) and isinstance(projection, nn.Conv2d):
                adapter[0], adapter[1] = nn.Identity(), _with_norm_before(norm, projection)
        return self


class FrozenStages(nn.Module):
    """The first three stages of a ResNet-18 that IFC was trained with, as they are.

    Attributes:
        widths: Channels of res2, res3 and res4.
    """

    widths = (64, 128, 256)
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone(_STAGES_CONFIG, num_stages=3)
        for name in ("pixel_mean", "pixel_std"):  # in no file, and so filled at once
            values = torch.tensor(getattr(_STAGES_CONFIG, name), device="cpu").view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)
        self.requires_grad_(False)

    def copy_from(self, backbone: Backbone) -> None:
        """Take over the stages of a trained ResNet-18."""
        given = backbone.state_dict()
        self.backbone.load_state_dict({name: given[name] for name in self.backbone.state_dict()})

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of (N, 3, S, S) RGB, 0 to 255, at 1/4, 1/8 and 1/16 of their size."""
        normalised = (pictures.float() - self.pixel_mean) / self.pixel_std
        res2, res3 = self.backbone.early_maps(normalised)
        return res2, res3, self.backbone.layer3(res3)


def _adapter(width: int) -> nn.Sequential:
    """From a stage's maps, with what they say of each place, to maps of the U-Net; zero at first.

    A norm comes first, since stages differ in how large their maps are.
    """
    channels = width + len(_REACHES) + 1
    projection = nn.Conv2d(channels, width, 1, bias=False)
    nn.init.zeros_(projection.weight)
    return nn.Sequential(nn.BatchNorm2d(channels, affine=False), projection)


def _with_norm_before(norm: nn.BatchNorm2d, projection: nn.Conv2d) -> nn.Conv2d:
    """A 1x1 convolution that does the work of the norm before it too."""
    assert norm.running_mean is not None  # noqa: S101 - for the type checker
    assert norm.running_var is not None  # noqa: S101
    scale = torch.rsqrt(norm.running_var + norm.eps)
    both = nn.Conv2d(projection.in_channels, projection.out_channels, 1)
    both.weight.copy_(projection.weight * scale[:, None, None])
    assert both.bias is not None  # noqa: S101
    both.bias.copy_(-(both.weight[:, :, 0, 0] @ norm.running_mean))
    return both.to(projection.weight.device)


def nearest_side(picture: Tensor, inside: Tensor) -> Tensor:
    """Whether each pixel looks more like what is inside or what is outside a mask nearby.

    Args:
        picture: (N, C, H, W) float, even sides: colours, velocities or maps of a backbone.
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
    # Not joined to one tensor: channels that come last, as those of maps do, would not stay so.
    room = _mean_within(weight, reach)
    means = _mean_within(coarse * weight, reach) / (room + 1e-3)
    if reach is not None:
        size = picture.shape[-2:]
        means = F.interpolate(means, size, mode="bilinear", align_corners=False)
        room = F.interpolate(room, size, mode="bilinear", align_corners=False)
    squared = (picture - means).square().sum(1, keepdim=True)
    return squared + _UNSEEN / (room + _UNSEEN)


def _mean_within(maps: Tensor, reach: int | None) -> Tensor:
    """(N, C, H, W) means of the cells within reach of each, or (N, C, 1, 1) of all."""
    if reach is None:
        return maps.mean((2, 3), keepdim=True)
    half = reach // 2
    along = F.avg_pool2d(maps, (reach, 1), 1, (half, 0), count_include_pad=False)
    # One axis after the other is faster.
    return F.avg_pool2d(along, (1, reach), 1, (0, half), count_include_pad=False)


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


def new_edge_network() -> EdgeNetwork:
    """One that has learnt nothing, with the stages of the bundled model.

    Raises:
        CheckpointError: That model is missing or damaged.
    """
    network = EdgeNetwork()
    network.stages.copy_from(load_model(DEFAULT_MODEL).backbone)
    return network


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
            f"{path} is of an older IFC Studio, whose edge network was another one.", path=path
        )
    if version > _FORMAT_VERSION:
        raise CheckpointError(f"{path} was written by a newer IFC Studio.", path=path)
    with unfilled():
        network = EdgeNetwork()
    if _shapes(tensors) != _shapes(network.state_dict()):
        raise CheckpointError(f"The tensors of {path} are not those of an edge network.", path=path)
    check_values(path, tensors)
    whole = {n: v.float() if v.is_floating_point() else v for n, v in tensors.items()}
    network.load_state_dict(whole, assign=True)
    network.provenance = provenance
    return network.eval()


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def _stored(tensor: Tensor) -> Tensor:
    plain = tensor.detach().cpu()
    return (plain.half() if plain.dim() > 1 else plain).contiguous().clone()
