"""Convolutions and linear layers whose products are of 8-bit numbers, and what tells their scales.

A processor multiplies two to four times as many 8-bit numbers as it does floats. Weights get a
scale for each output channel, activations one for each tensor; sums are exact in 32 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

_MOST = 255
_FULL_WEIGHT = 127
_SAFE_WEIGHT = 63
"""A processor without VNNI adds pairs of products in 16 bits: 2 * 255 * 63 fits in, and
2 * 255 * 127 does not."""


@dataclass(frozen=True, slots=True)
class Uint8Code:
    """How floats are told in 8 bits: ``value = scale * (code - zero_point)``.

    Attributes:
        scale: Of one step, more than 0.
        zero_point: The code of 0, 0 to 255.
    """

    scale: float
    zero_point: int

    @classmethod
    def for_range(cls, lowest: float, highest: float) -> Uint8Code:
        """The code whose ends are the ends of a range; 0 is always in it."""
        low, high = min(0.0, lowest), max(0.0, highest)
        scale = max(high - low, 1e-6) / _MOST
        return cls(scale, round(-low / scale))

    def encode(self, x: Tensor) -> Tensor:
        """Floats to uint8 codes; what lies outside goes to the nearest end."""
        codes = x.mul(1.0 / self.scale).add_(self.zero_point).round_().clamp_(0, _MOST)
        return codes.to(torch.uint8)

    def decode(self, codes: Tensor) -> Tensor:
        """uint8 codes to float32."""
        return codes.float().sub_(self.zero_point).mul_(self.scale)


class Int8Conv(nn.Module):
    """A convolution of uint8 codes with 8-bit weights.

    Args:
        weight: (O, I / groups, kh, kw), of any float type.
        bias: (O,) or ``None``.
        code: Of its input.
        stride: Of both directions.
        padding: Zeros around the input, of both directions.
    """

    _levels: Tensor
    _scales: Tensor
    _zeros: Tensor
    _bias: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        code: Uint8Code,
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
    ) -> None:
        super().__init__()
        self.code = code
        levels, scales = _as_levels(weight)
        self.register_buffer("_levels", levels)
        self.register_buffer("_scales", scales)
        self.register_buffer("_zeros", torch.zeros(len(levels), dtype=torch.long))
        self.register_buffer("_bias", None if bias is None else bias.detach().float())
        self._form = (list(stride), list(padding), [1, 1], 1)
        self._packed: Tensor | None = None

    @classmethod
    def of(cls, conv: nn.Conv2d, code: Uint8Code) -> Int8Conv:
        """What computes as a convolution does, up to the codes."""
        if isinstance(conv.padding, str) or conv.groups != 1 or conv.dilation != (1, 1):
            raise ValueError("only plain convolutions have an 8-bit kind here")
        return cls(conv.weight, conv.bias, code, conv.stride, conv.padding)

    def to_float(self, codes: Tensor, dtype: torch.dtype, relu: bool = False) -> Tensor:
        """(N, I, H, W) uint8 to floats of a type."""
        return self._run(codes, None, dtype, relu)

    def to_codes(self, codes: Tensor, result: Uint8Code, relu: bool = False) -> Tensor:
        """(N, I, H, W) uint8 to the codes of the result."""
        return self._run(codes, result, torch.uint8, relu)

    def add_relu(
        self, codes: Tensor, other: Tensor, other_code: Uint8Code, result: Uint8Code
    ) -> Tensor:
        """Codes of ``relu(conv(codes) + other)``; ``other`` is used up."""
        out: Tensor = torch.ops.onednn.qconv2d_pointwise.binary(
            codes,
            self.code.scale,
            self.code.zero_point,
            self._weights_for(codes),
            self._scales,
            self._zeros,
            other,
            self._bias,
            *self._form,
            result.scale,
            result.zero_point,
            torch.uint8,
            other_code.scale,
            other_code.zero_point,
            "sum",
            1.0,
            "relu",
            [],
            "",
        )
        return out

    def _run(
        self, codes: Tensor, result: Uint8Code | None, dtype: torch.dtype, relu: bool
    ) -> Tensor:
        scale, zero_point = (1.0, 0) if result is None else (result.scale, result.zero_point)
        out: Tensor = torch.ops.onednn.qconv_pointwise(
            codes,
            self.code.scale,
            self.code.zero_point,
            self._weights_for(codes),
            self._scales,
            self._zeros,
            self._bias,
            *self._form,
            scale,
            zero_point,
            dtype,
            "relu" if relu else "none",
            [],
            "",
        )
        return out

    def _weights_for(self, codes: Tensor) -> Tensor:
        """The weights in the order that the kernel wants, which it is asked once.

        Where it wants another one for another shape it sees to that itself; mostly it does not, and
        in tiles two shapes take turns, so that asking for each would take as long as the network.
        """
        if self._packed is None:
            self._packed = torch.ops.onednn.qconv_prepack(
                self._levels,
                self._scales,
                self.code.scale,
                self.code.zero_point,
                *self._form,
                list(codes.shape),
            )
        return self._packed


class Int8Linear(nn.Module):
    """A linear layer of uint8 codes with 8-bit weights.

    Args:
        linear: Whose weights it takes over.
        code: Of its input.
    """

    _levels: Tensor
    _scales: Tensor
    _zeros: Tensor
    _bias: Tensor

    def __init__(self, linear: nn.Linear, code: Uint8Code) -> None:
        super().__init__()
        self.code = code
        levels, scales = _as_levels(linear.weight)
        self.register_buffer("_levels", levels)
        self.register_buffer("_scales", scales)
        self.register_buffer("_zeros", torch.zeros(len(levels), dtype=torch.long))
        self.register_buffer("_bias", linear.bias.detach().float())
        self._packed: Tensor | None = None

    def to_float(self, codes: Tensor) -> Tensor:
        """(N, I) uint8 to (N, O) float32."""
        return self._run(codes, None)

    def relu_to_codes(self, codes: Tensor, result: Uint8Code) -> Tensor:
        """(N, I) uint8 to (N, O) codes of what a ReLU leaves of the result."""
        return self._run(codes, result)

    def _run(self, codes: Tensor, result: Uint8Code | None) -> Tensor:
        if self._packed is None:  # as of a convolution
            self._packed = torch.ops.onednn.qlinear_prepack(self._levels, list(codes.shape))
        scale, zero_point = (1.0, 0) if result is None else (result.scale, result.zero_point)
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            codes,
            self.code.scale,
            self.code.zero_point,
            self._packed,
            self._scales,
            self._zeros,
            self._bias,
            scale,
            zero_point,
            torch.float32 if result is None else torch.uint8,
            "none" if result is None else "relu",
            [],
            "",
        )
        return out


def _as_levels(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(O, ...) floats as int8 levels and (O,) scales."""
    floats, most = weight.detach().float(), weight_levels()
    scales = floats.flatten(1).abs().amax(dim=1).clamp(min=1e-8) / most
    by_row = scales.view(-1, *[1] * (floats.dim() - 1))
    return (floats / by_row).round_().clamp_(-most, most).to(torch.int8), scales


def has_int8_kernels() -> bool:
    """Whether this build of PyTorch has the kernels, on this processor."""
    return _exact_levels() > 0


def weight_levels() -> int:
    """The largest weight level with which sums are exact here: 127, or 63 without VNNI."""
    return _exact_levels() or _SAFE_WEIGHT


@cache
def _exact_levels() -> int:
    for most in (_FULL_WEIGHT, _SAFE_WEIGHT):
        if _sums_are_exact(most):
            return most
    return 0


def _sums_are_exact(most: int) -> bool:
    """Ask the kernel for a sum of the largest products, which saturates where 16 bits hold it."""
    channels = 32
    codes = torch.full((1, channels, 4, 4), _MOST, dtype=torch.uint8)
    levels = torch.full((channels, channels, 3, 3), most, dtype=torch.int8)
    ones, zeros = torch.ones(channels), torch.zeros(channels, dtype=torch.long)
    form = ([1, 1], [1, 1], [1, 1], 1)
    try:
        packed = torch.ops.onednn.qconv_prepack(levels, ones, 1.0, 0, *form, list(codes.shape))
        out = torch.ops.onednn.qconv_pointwise(
            codes, 1.0, 0, packed, ones, zeros, None, *form, 1.0, 0, torch.float32, "none", [], ""
        )
    except (AttributeError, RuntimeError, TypeError):  # a build without them, or with others
        return False
    return float(out[0, 0, 1, 1]) == float(_MOST * most * channels * 9)
