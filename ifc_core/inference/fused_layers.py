"""Residual blocks whose bias, sum and ReLU run inside the convolution's kernel on a CUDA device.

A folded ResNet spends more time on reading and writing maps than on multiplying: a bias, a sum
and a ReLU are a pass over memory each. cuDNN does them while the result is still in registers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ifc_core.models.backbone import Backbone, BackboneFeatures


@torch.inference_mode()
def fusing_works(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the device runs fused convolutions in an arithmetic, and rightly."""
    conv = nn.Conv2d(32, 32, 3, padding=1, device=device, dtype=dtype)
    conv = conv.to(memory_format=torch.channels_last)
    x = torch.randn(1, 32, 16, 16, device=device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last)
    expected = F.relu(conv(x) + x)
    try:
        found = conv_add_relu(conv, x, x)
    except RuntimeError:
        return False
    return bool((found.float() - expected.float()).abs().max() < 0.05)


def conv_relu(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """``relu(conv(x))`` in one kernel where the device has it."""
    if not x.is_cuda:
        return F.relu(conv(x), inplace=True)
    out: Tensor = torch.cudnn_convolution_relu(
        x, conv.weight, conv.bias, conv.stride, _padding(conv), conv.dilation, conv.groups
    )
    return out


def conv_add_relu(conv: nn.Conv2d, x: Tensor, residual: Tensor) -> Tensor:
    """``relu(conv(x) + residual)`` in one kernel where the device has it."""
    if not x.is_cuda:
        return F.relu(conv(x).add_(residual), inplace=True)
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
        self.conv1 = backbone.conv1
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
        x = conv_relu(self.conv1, images)
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        res2 = self.layer1(x)
        return res2, self.layer2(res2)


class FusedBlock(nn.Module):
    """A folded bottleneck or basic block.

    Args:
        block: Batch norms folded; its convolutions are taken over.
    """

    def __init__(self, block: Bottleneck | BasicBlock) -> None:
        super().__init__()
        convs: list[nn.Conv2d] = [block.conv1, block.conv2]
        if isinstance(block, Bottleneck):
            convs.append(block.conv3)
        self._first: list[nn.Conv2d] = convs[:-1]
        self.first, self.last = nn.ModuleList(self._first), convs[-1]
        self.downsample: nn.Conv2d | None = None
        if block.downsample is not None:
            self.downsample = block.downsample[0]
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
