"""ResNet features at strides 8, 16 and 32."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ifc_core.models.config import IFCConfig
from ifc_core.models.residual_blocks import BasicBlock, Bottleneck

_LAYOUT: dict[str, tuple[type[BasicBlock | Bottleneck], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
}


class BackboneFeatures(NamedTuple):
    """Maps of N images; sizes are the input's divided by the stride and rounded up.

    Attributes:
        res3: (N, C3, ceil(H / 8), ceil(W / 8)).
        res4: (N, C4, ceil(H / 16), ceil(W / 16)).
        res5: (N, C5, ceil(H / 32), ceil(W / 32)).
    """

    res3: Tensor
    res4: Tensor
    res5: Tensor


class BatchNorm(nn.Module):
    """Batch norm that can be frozen and still stores its statistics.

    Published checkpoints train with frozen batch norm, models from scratch with a live one;
    both keep the same four tensors, so either loads into the other and infers alike.

    Args:
        num_channels: Channels.
        frozen: Keep statistics and affine as they are, in training too.
        eps: Added to the variance.
        momentum: Weight of a new batch in the running statistics.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, num_channels: int, frozen: bool = False, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_channels), requires_grad=not frozen)
        self.bias = nn.Parameter(torch.zeros(num_channels), requires_grad=not frozen)
        self.register_buffer("running_mean", torch.zeros(num_channels))
        self.register_buffer("running_var", torch.ones(num_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` (N, C, H, W)."""
        live = self.training and not self.frozen
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=live,
            momentum=self.momentum,
            eps=self.eps,
        )


class Backbone(nn.Module):
    """A ResNet without its classifier; tensors are named as in torchvision's checkpoints.

    Args:
        config: Of the whole network.
        num_stages: Residual stages that are made, 2 to 4; :meth:`forward` needs all of them.

    Source: He et al. 2016; bottlenecks stride in the 3x3 as torchvision's do, or in the first
    1x1 as the original (MSRA) did, which the published R101 uses.
    """

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, config: IFCConfig, num_stages: int = 4) -> None:
        super().__init__()
        block, depths = _LAYOUT[config.backbone]
        make_norm = partial(BatchNorm, frozen=config.frozen_batch_norm)
        strided = {"stride_in_1x1": True} if config.stride_in_1x1 else {}
        width = config.base_width
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = make_norm(width)
        channels = width
        for stage, depth in enumerate(depths[:num_stages]):
            blocks = []
            for place in range(depth):
                stride = 2 if stage and not place else 1
                blocks.append(block(channels, width << stage, stride, make_norm, **strided))
                channels = block.expansion * (width << stage)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        widest = block.expansion * (width << 3)
        self.channels = (widest // 4, widest // 2, widest)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> BackboneFeatures:
        """Maps of normalised ``images`` (N, 3, H, W) in the model's colour order."""
        res3 = self.early_maps(images)[1]
        res4 = self.layer3(res3)
        return BackboneFeatures(res3, res4, self.layer4(res4))

    def early_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Res2 at stride 4 and res3 at stride 8: what a place looks like, not yet what it is."""
        x = F.relu(self.bn1(self.conv1(images)), inplace=True)
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)  # (N, 64, H/4, W/4)
        res2 = self.layer1(x)
        return res2, self.layer2(res2)

    def freeze_stages(self, count: int) -> None:
        """Stop training the first ``count`` stages (1 is the stem, 2 adds res2, ...).

        The published recipe freezes 2.
        """
        stages = (
            (self.conv1, self.bn1),
            (self.layer1,),
            (self.layer2,),
            (self.layer3,),
            (self.layer4,),
        )
        for stage in stages[:count]:
            for module in stage:
                module.requires_grad_(False)
                for child in module.modules():
                    if isinstance(child, BatchNorm):
                        child.frozen = True

    @torch.no_grad()
    def fold_batch_norm(self) -> None:
        """Merge every batch norm into the convolution before it, for inference.

        The maths stays within float rounding; the tensors' names change, so a folded
        backbone is not for saving or training.
        """
        for module in self.modules():
            for conv_name, norm_name in _PAIRS:
                conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
                if isinstance(conv, nn.Conv2d) and isinstance(norm, BatchNorm):
                    setattr(module, conv_name, _folded(conv, norm))
                    setattr(module, norm_name, nn.Identity())


_PAIRS = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1"))


def _folded(conv: nn.Conv2d, norm: BatchNorm) -> nn.Conv2d:
    # In float64 on the CPU: some devices have no float64.
    gain, shift, mean, variance, weight = (
        x.detach().cpu().double()
        for x in (norm.weight, norm.bias, norm.running_mean, norm.running_var, conv.weight)
    )
    scale = gain / torch.sqrt(variance + norm.eps)
    folded = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        device=conv.weight.device,
        dtype=conv.weight.dtype,
    )
    assert folded.bias is not None  # noqa: S101 - for the type checker
    folded.weight.copy_(weight * scale[:, None, None, None])
    folded.bias.copy_(shift - mean * scale)
    return folded.requires_grad_(False)
