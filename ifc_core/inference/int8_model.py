"""The parts of a network that take most of its products, with 8-bit numbers in place of floats.

The backbone, the laterals and the spatial decoder are nine tenths of the operations. Between the
convolutions of a ResNet nothing but codes is written; what is left of the network sees floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import ifc_resources
from ifc_core.inference.frame_input import resize_frames
from ifc_core.inference.int8_layers import Int8Conv, Int8Linear, Uint8Code
from ifc_core.inference.split_decoder import SplitSpatialDecoder, UpsampledConv
from ifc_core.io.video import open_video
from ifc_core.models.backbone import Backbone, BackboneFeatures
from ifc_core.models.ifc import IFC
from ifc_core.models.input_size import input_size
from ifc_core.models.layers import FeedForward
from ifc_core.models.residual_blocks import BasicBlock, Bottleneck

Range = tuple[float, float]
"""The lowest and the highest value."""

_WATCHED = (nn.Conv2d, nn.Linear, nn.Sequential, BasicBlock, Bottleneck, UpsampledConv)


class SeenRanges:
    """The lowest and highest values that the parts of a network were given and gave.

    They are kept by the names of the parts, so that they hold for every copy of the network.
    """

    def __init__(self) -> None:
        self._given: dict[str, Range] = {}
        self._result: dict[str, Range] = {}

    def codes_of(self, network: nn.Module) -> PartCodes:
        """The codes for the parts of a copy."""
        seen = [(part, name) for name, part in network.named_modules() if name in self._given]
        return PartCodes(
            {part: Uint8Code.for_range(*self._given[name]) for part, name in seen},
            {part: Uint8Code.for_range(*self._result[name]) for part, name in seen},
        )

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        """Note the ranges of what has an 8-bit kind during the block."""
        hooks = [
            part.register_forward_hook(partial(self._note, name))
            for name, part in network.named_modules()
            if isinstance(part, _WATCHED)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _note(self, name: str, _: nn.Module, given: tuple[Any, ...], result: Any) -> None:
        self._given[name] = _wider(self._given.get(name), given[0])
        self._result[name] = _wider(self._result.get(name), result)


@dataclass(frozen=True, slots=True)
class PartCodes:
    """The codes for the parts of one network.

    Attributes:
        given: For what a part is given.
        result: For what it gives.
    """

    given: dict[nn.Module, Uint8Code]
    result: dict[nn.Module, Uint8Code]


def _wider(known: Range | None, x: Tensor) -> Range:
    low, high = (float(value) for value in torch.aminmax(x))
    return (low, high) if known is None else (min(low, known[0]), max(high, known[1]))


@torch.inference_mode()
def see_ranges(fast: IFC, frames: Tensor) -> SeenRanges:
    """Look at a folded float32 network with a :class:`SplitSpatialDecoder` at work.

    Args:
        fast: On the CPU.
        frames: (T, H, W, 3) uint8 RGB, one clip.
    """
    ranges = SeenRanges()
    images = fast.normalize(frames).contiguous(memory_format=torch.channels_last)
    with ranges.watching(fast):
        fast.decode_clip(fast.encode_frames(images))
    return ranges


def quantize(fast: IFC, ranges: SeenRanges, dtype: torch.dtype) -> None:
    """Put 8-bit parts in the place of a network's own.

    Args:
        fast: On the CPU, in float32, norms folded, with a :class:`SplitSpatialDecoder`.
        ranges: Of this network or a copy of it.
        dtype: Of the floats between 8-bit parts.
    """
    decoder: nn.Module = fast.spatial_decoder
    assert isinstance(decoder, SplitSpatialDecoder)  # noqa: S101 - for the type checker
    codes = ranges.codes_of(fast)
    fast.backbone = Int8Backbone(fast.backbone, codes)  # type: ignore[assignment]
    fast.spatial_decoder = Int8SpatialDecoder(decoder, codes, dtype)  # type: ignore[assignment]
    for layer in (*fast.encoder.frame_layers, *fast.encoder.exchange_layers):
        layer.feedforward = Int8FeedForward(layer.feedforward, codes)


def range_clip(short_side: int) -> Tensor:
    """(T, H, W, 3) uint8 of ordinary video, whose activations tell how far they reach.

    The same for every video, so that a run that goes on has the scales it was begun with; on real
    clips scales taken from the clip itself came no closer to float32 (``docs/performance.md``).

    Args:
        short_side: Wanted, in pixels; at most 216 are taken, since more take longer.
    """
    frames = _sample_frames()
    size = input_size((int(frames.shape[1]), int(frames.shape[2])), min(short_side, _RANGE_SIDE))
    return resize_frames(frames, size)


_RANGE_SIDE = 216
_RANGE_LAST, _RANGE_STEP = 20, 5  # frames of the sample


@cache
def _sample_frames() -> Tensor:
    with open_video(ifc_resources.path("sample/bedroom.mp4")) as reader:
        images = [image for _, image in reader.iter_frames(0, _RANGE_LAST + 1)]
    return torch.from_numpy(np.stack(images[::_RANGE_STEP]))


class Int8Backbone(nn.Module):
    """A folded ResNet on codes.

    Args:
        backbone: After ``fold_batch_norm``.
        codes: Of its parts.
    """

    def __init__(self, backbone: Backbone, codes: PartCodes) -> None:
        super().__init__()
        self._stem = Int8Conv.of(backbone.conv1, codes.given[backbone.conv1])
        stages = (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4)
        self._code = codes.given[backbone.layer1[0]]
        self._result = codes.result[backbone.layer4[-1]]
        self._stages = [[Int8Block(block, codes) for block in stage] for stage in stages]
        self.blocks = nn.ModuleList(block for stage in self._stages for block in stage)

    def forward(self, images: Tensor) -> BackboneFeatures:
        """As :meth:`Backbone.forward`; res3 and res4 are codes, as the laterals want them."""
        stem = self._stem
        x = _max_pool(stem.to_codes(stem.code.encode(images), self._code, relu=True))
        maps = []
        for stage in self._stages:
            for block in stage:
                x = block(x)
            maps.append(x)
        return BackboneFeatures(maps[1], maps[2], self._result.decode(maps[3]))


class Int8Block(nn.Module):
    """A folded bottleneck or basic block on codes.

    Args:
        block: Of floats, norms folded.
        codes: Of its parts.
    """

    def __init__(self, block: nn.Module, codes: PartCodes) -> None:
        super().__init__()
        if not isinstance(block, Bottleneck | BasicBlock):
            raise TypeError("a ResNet is made of bottlenecks or basic blocks")
        self._result = codes.result[block]
        convs = [block.conv1, block.conv2]
        if isinstance(block, Bottleneck):
            convs.append(block.conv3)
        made = [Int8Conv.of(conv, codes.given[conv]) for conv in convs]
        self._first: list[Int8Conv] = made[:-1]
        self.first, self.last = nn.ModuleList(self._first), made[-1]
        self._between = [conv.code for conv in made[1:]]
        self._shortcut: Int8Conv | None = None
        self._shortcut_code = codes.given[block]
        if block.downsample is not None:
            shortcut = block.downsample[0]
            assert isinstance(shortcut, nn.Conv2d)  # noqa: S101 - for the type checker
            self._shortcut = Int8Conv.of(shortcut, self._shortcut_code)
            self._shortcut_code = codes.result[block.downsample]

    def forward(self, x: Tensor) -> Tensor:
        """Codes to codes; ``x`` is used up."""
        y = x
        for conv, code in zip(self._first, self._between, strict=True):
            y = conv.to_codes(y, code, relu=True)
        if self._shortcut is not None:
            x = self._shortcut.to_codes(x, self._shortcut_code)
        return self.last.add_relu(y, x, self._shortcut_code, self._result)


class Int8SpatialDecoder(nn.Module):
    """A split spatial decoder whose convolutions, but for the one by channels, are of 8 bits.

    Args:
        decoder: Of floats.
        codes: Of its parts.
        dtype: Of laterals and norms.
    """

    def __init__(self, decoder: SplitSpatialDecoder, codes: PartCodes, dtype: torch.dtype) -> None:
        super().__init__()
        self.lateral4 = _Int8Lateral(decoder.lateral4, codes, dtype)
        self.lateral3 = _Int8Lateral(decoder.lateral3, codes, dtype)
        self._conv1 = Int8Conv.of(decoder.conv1, codes.given[decoder.conv1])
        self._pointwise = Int8Conv.of(decoder.pointwise, codes.given[decoder.pointwise])
        self.norm1, self.norm2, self.norm3 = (
            norm.to(dtype) for norm in (decoder.norm1, decoder.norm2, decoder.norm3)
        )
        self.up2 = _Int8UpsampledConv(decoder.up2, codes.given[decoder.up2], dtype)
        self.up3 = _Int8UpsampledConv(decoder.up3, codes.given[decoder.up3], dtype)
        self.depthwise = decoder.depthwise.to(dtype)
        self._dtype = dtype

    def forward(self, encoded: Tensor, lateral4: Tensor, lateral3: Tensor) -> Tensor:
        """As :meth:`SplitSpatialDecoder.forward`, in float32."""
        x = self._conv1.to_float(self._conv1.code.encode(encoded), self._dtype)
        x = self.norm2(self.up2(self.norm1(x), lateral4))
        x = F.relu(self.norm3(self.up3(x, lateral3)), inplace=True)
        x = F.relu(self.depthwise(x), inplace=True)
        return self._pointwise.to_float(self._pointwise.code.encode(x), torch.float32, relu=True)


class Int8FeedForward(nn.Module):
    """Two linear layers with a ReLU between them, floats in and out.

    Args:
        floats: Whose place it takes.
        codes: Of its parts.
    """

    def __init__(self, floats: FeedForward, codes: PartCodes) -> None:
        super().__init__()
        first, last = floats.linear1, floats.linear2
        self.linear1 = Int8Linear(first, codes.given[first])
        self.linear2 = Int8Linear(last, codes.given[last])

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) to (..., C) float32."""
        codes = self.linear1.code.encode(x.flatten(0, -2))
        inner = self.linear1.relu_to_codes(codes, self.linear2.code)
        return self.linear2.to_float(inner).view(x.shape)


class _Int8Lateral(nn.Module):
    """A lateral and the 3 x 3 convolution that follows it: codes in, floats out."""

    def __init__(self, lateral: nn.Sequential, codes: PartCodes, dtype: torch.dtype) -> None:
        super().__init__()
        narrow, wide = lateral
        assert isinstance(narrow, nn.Conv2d)  # noqa: S101 - for the type checker
        assert isinstance(wide, nn.Conv2d)  # noqa: S101 - for the type checker
        self._narrow = Int8Conv.of(narrow, codes.given[narrow])
        self._wide = Int8Conv.of(wide, codes.given[wide])
        self._dtype = dtype

    def forward(self, codes: Tensor) -> Tensor:
        between = self._narrow.to_codes(codes, self._wide.code)
        return self._wide.to_float(between, self._dtype)


class _Int8UpsampledConv(UpsampledConv):
    """The same, with its four small convolutions in 8 bits."""

    def __init__(self, floats: UpsampledConv, code: Uint8Code, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.register_buffer("weight", floats.weight.to(dtype))
        self._phases = Int8Conv(floats.phases, None, code, padding=(1, 1))

    def _by_phase(self, x: Tensor) -> Tensor:
        return self._phases.to_float(self._phases.code.encode(x), x.dtype)


def _max_pool(codes: Tensor) -> Tensor:
    """The largest of 3 x 3 codes at every second place, as the stem of a ResNet is followed by.

    PyTorch's own does not take bytes of this many places. Codes are of values that a ReLU left, so
    that zeros around the map change nothing.
    """
    height, width = codes.shape[-2:]
    x = F.pad(codes, (1, width % 2, 1, height % 2))
    x = torch.maximum(torch.maximum(x[:, :, 0:-1:2], x[:, :, 1::2]), x[:, :, 2::2])
    columns = torch.maximum(x[:, :, :, 0:-1:2], x[:, :, :, 1::2])
    return torch.maximum(columns, x[:, :, :, 2::2])
