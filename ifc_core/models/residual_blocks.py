"""The blocks of a ResNet, with their tensors named as in torchvision's checkpoints.

torchvision has them too, but its import brings PyTorch's compiler along, which takes as long as
all else that a process needs before its first frame.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

MakeNorm = Callable[[int], nn.Module]
"""A normalisation of so many channels."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    Args:
        in_channels: Of its input.
        planes: Of its convolutions, and of its result.
        stride: Of the first convolution and of the shortcut.
        make_norm: What follows each convolution.

    Source: He et al. 2016, figure 5, left.
    """

    expansion = 1

    def __init__(self, in_channels: int, planes: int, stride: int, make_norm: MakeNorm) -> None:
        super().__init__()
        self.downsample = _shortcut(in_channels, planes, stride, make_norm)
        self.conv1 = _conv(in_channels, planes, 3, stride)
        self.bn1 = make_norm(planes)
        self.conv2 = _conv(planes, planes, 3)
        self.bn2 = make_norm(planes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, planes, H / stride, W / stride), rounded up."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)).add_(shortcut), inplace=True)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two of 1x1, beside a shortcut.

    Args:
        in_channels: Of its input.
        planes: Of its first two convolutions; its result has four times as many.
        stride: Of one convolution and of the shortcut.
        make_norm: What follows each convolution.
        stride_in_1x1: Stride in the first convolution, as the original (MSRA) did, and not in the
            3x3 one.

    Source: He et al. 2016, figure 5, right.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        planes: int,
        stride: int,
        make_norm: MakeNorm,
        stride_in_1x1: bool = False,
    ) -> None:
        super().__init__()
        out_channels = self.expansion * planes
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        self.downsample = _shortcut(in_channels, out_channels, stride, make_norm)
        self.conv1 = _conv(in_channels, planes, 1, first)
        self.bn1 = make_norm(planes)
        self.conv2 = _conv(planes, planes, 3, second)
        self.bn2 = make_norm(planes)
        self.conv3 = _conv(planes, out_channels, 1)
        self.bn3 = make_norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, 4 planes, H / stride, W / stride), rounded up."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        return F.relu(self.bn3(self.conv3(x)).add_(shortcut), inplace=True)


def _conv(in_channels: int, out_channels: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, size, stride, padding=size // 2, bias=False)


def _shortcut(
    in_channels: int, out_channels: int, stride: int, make_norm: MakeNorm
) -> nn.Sequential | None:
    """What brings the input to the shape of the result; ``None`` where it has it."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(_conv(in_channels, out_channels, 1, stride), make_norm(out_channels))
