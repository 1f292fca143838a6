"""Residual blocks whose bias, sum and ReLU run inside the convolution's kernel on a CUDA device.

A folded ResNet spends more time on reading and writing maps than on multiplying: a bias, a sum
and a ReLU are a pass over memory each. cuDNN does them while the result is still in registers.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ifc_core.models.backbone import Backbone, BackboneFeatures
from ifc_core.models.residual_blocks import BasicBlock, Bottleneck


def conv_relu(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """``relu(conv(x))`` in one kernel where the device has it."""
    if x.is_cuda and conv not in _UNFUSED:
        with _noting_refusal(conv):
            out: Tensor = torch.cudnn_convolution_relu(
                x, conv.weight, conv.bias, conv.stride, _padding(conv), conv.dilation, conv.groups
            )
            return out
    return F.relu(conv(x), inplace=True)


def conv_add_relu(conv: nn.Conv2d, x: Tensor, residual: Tensor) -> Tensor:
    """``relu(conv(x) + residual)`` in one kernel where the device has it."""
    if x.is_cuda and conv not in _UNFUSED:
        with _noting_refusal(conv):
            out: Tensor = torch.cudnn_convolution_add_relu(
                x,
                conv.weight,
                residual,
                1.0,
                conv.bias,
                conv.stride,
                _padding(conv),
                conv.dilation,
                conv.groups,
            )
            return out
    return F.relu(conv(x).add_(residual), inplace=True)


_UNFUSED: weakref.WeakSet[nn.Conv2d] = weakref.WeakSet()
"""Convolutions of which the library has no fused kind."""


@contextmanager
def _noting_refusal(conv: nn.Conv2d) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:
        if torch.cuda.is_current_stream_capturing():
            raise
        _UNFUSED.add(conv)


def _padding(conv: nn.Conv2d) -> tuple[int, ...]:
    if isinstance(conv.padding, str):
        raise ValueError(f"padding {conv.padding!r} is not spelt out in numbers")
    return conv.padding


class FusedBackbone(nn.Module):
    """A folded backbone of fused blocks.

    Args:
        backbone: After ``fold_batch_norm``; its convolutions are taken over.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.conv1 = BlockStem(backbone.conv1)
        stages = (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4)
        fused = [nn.Sequential(*(FusedBlock(block) for block in stage)) for stage in stages]
        self.layer1, self.layer2, self.layer3, self.layer4 = fused
        self.channels = backbone.channels

    def forward(self, images: Tensor) -> BackboneFeatures:
        """As :meth:`Backbone.forward`."""
        res3 = self.early_maps(images)[1]
        res4 = self.layer3(res3)
        return BackboneFeatures(res3, res4, self.layer4(res4))

    def early_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`Backbone.early_maps`."""
        x = self.conv1(images)
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        res2 = self.layer1(x)
        return res2, self.layer2(res2)


class BlockStem(nn.Module):
    """The first convolution and its ReLU, on blocks of 2 x 2 pixels.

    Three channels leave a matrix unit mostly idle. A 7 x 7 convolution of stride 2 is one of
    4 x 4 and stride 1 over 12 channels, those of the four pixels of each block, padded to 16.

    Args:
        conv: 7 x 7, stride 2, padding 3, norm folded.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        if conv.kernel_size != (7, 7) or conv.stride != (2, 2) or _padding(conv) != (3, 3):
            raise ValueError("the stem must be a 7 x 7 convolution of stride 2 and padding 3")
        weight = F.pad(conv.weight.detach(), (1, 0, 1, 0))  # (O, 3, 8, 8): begins a pixel earlier
        blocks = weight.unflatten(2, (4, 2)).unflatten(4, (4, 2))  # (O, 3, 4, 2, 4, 2)
        blocks = blocks.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)  # (O, 12, 4, 4)
        self.channels = -(-blocks.shape[1] // 16) * 16
        self.conv = nn.Conv2d(
            self.channels, conv.out_channels, 4, device=weight.device, dtype=weight.dtype
        ).requires_grad_(False)
        self.conv.weight.copy_(F.pad(blocks, (0, 0, 0, 0, 0, self.channels - blocks.shape[1])))
        self.conv.bias = conv.bias

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, O, ceil(H / 2), ceil(W / 2))."""
        count, depth, height, width = images.shape
        rows, columns = -(-height // 2), -(-width // 2)
        if height % 2 or width % 2:
            images = F.pad(images, (0, width % 2, 0, height % 2))
        pixels = images.permute(0, 2, 3, 1).unflatten(1, (rows, 2)).unflatten(3, (columns, 2))
        # Two blocks of zeros before and one after stand for the padding.
        placed = images.new_zeros(count, rows + 3, columns + 3, self.channels)
        inside = placed[:, 2 : rows + 2, 2 : columns + 2, : 4 * depth]
        inside.unflatten(3, (2, 2, depth)).copy_(pixels.transpose(2, 3))
        return conv_relu(self.conv, placed.permute(0, 3, 1, 2))


class FusedBlock(nn.Module):
    """A folded bottleneck or basic block.

    Args:
        block: Batch norms folded; its convolutions are taken over.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        if not isinstance(block, Bottleneck | BasicBlock):
            raise TypeError("a ResNet is made of bottlenecks or basic blocks")
        convs: list[nn.Conv2d] = [block.conv1, block.conv2]
        if isinstance(block, Bottleneck):
            convs.append(block.conv3)
        self._first: list[nn.Conv2d] = convs[:-1]
        self.first, self.last = nn.ModuleList(self._first), convs[-1]
        self.downsample: nn.Conv2d | None = None
        if block.downsample is not None:
            shortcut = block.downsample[0]
            if not isinstance(shortcut, nn.Conv2d):
                raise TypeError("a block's shortcut begins with a convolution")
            self.downsample = shortcut
            self._join_biases()

    @torch.no_grad()
    def _join_biases(self) -> None:
        """The bias of the shortcut goes into the last convolution, which both are summed with."""
        shortcut, last = self.downsample, self.last
        if shortcut is None or shortcut.bias is None or last.bias is None:
            raise ValueError("batch norms must be folded first")
        last.bias.add_(shortcut.bias)
        shortcut.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """The block's result."""
        shortcut = x if self.downsample is None else self.downsample(x)
        for conv in self._first:
            x = conv_relu(conv, x)
        return conv_add_relu(self.last, x, shortcut)
