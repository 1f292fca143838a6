"""A copy of the network made for inference: folded norms, channels last, low precision.

Low precision is mixed: convolutions and feed-forward layers, nine tenths of the operations, run
in bf16 or fp16; attention, norms, residual sums and the heads stay in float32. On a CUDA device,
where float32 products are slow, attention runs in low precision too. On a CPU convolutions and
feed-forward layers can multiply 8-bit numbers, with attention in bf16 where the processor has that.
"""

from __future__ import annotations

import copy
import weakref

import torch
from torch import Tensor, nn

from ifc_core.errors import ConfigError
from ifc_core.inference.fused_layers import FusedBackbone
from ifc_core.inference.int8_layers import has_int8_kernels
from ifc_core.inference.int8_model import SeenRanges, quantize, range_clip, see_ranges
from ifc_core.inference.split_decoder import SplitSpatialDecoder
from ifc_core.models.backbone import BackboneFeatures
from ifc_core.models.decoder import DecoderLayer
from ifc_core.models.ifc import IFC
from ifc_core.models.layers import MultiHeadAttention

_LOW_PRECISION = {"bf16": torch.bfloat16, "fp16": torch.float16}
PRECISION_OF = {torch.float32: "fp32", torch.int8: "int8"} | {
    dtype: name for name, dtype in _LOW_PRECISION.items()
}
"""The setting that stands for each arithmetic; ``auto`` is chosen by :func:`choose_dtype`."""

LARGEST_CHECK_DIFFERENCE = 0.05
"""``auto`` keeps float32 where low precision moves a class probability further than this."""

_CHECKED: weakref.WeakKeyDictionary[IFC, float] = weakref.WeakKeyDictionary()
_RANGES: weakref.WeakKeyDictionary[IFC, SeenRanges] = weakref.WeakKeyDictionary()


@torch.no_grad()
def fast_model(model: IFC, dtype: torch.dtype = torch.float32, for_gpu: bool | None = None) -> IFC:
    """A copy of ``model`` that infers faster; the original stays as it is.

    Args:
        model: On its device.
        dtype: Arithmetic of convolutions and feed-forward layers.
        for_gpu: Fused blocks, and attention in low precision too; by default on a CUDA device.
            Not for int8, which is a CPU's.

    Returns:
        The copy, in eval mode. In float32 it computes the same up to rounding.
    """
    fast = copy.deepcopy(model).float().eval().requires_grad_(False)
    fast.fold_batch_norm()
    if for_gpu is None:
        for_gpu = fast.device.type == "cuda"
    if for_gpu:
        fast.backbone = FusedBackbone(fast.backbone)  # type: ignore[assignment]
    split = SplitSpatialDecoder(fast.spatial_decoder)
    between = float_dtype(PRECISION_OF[dtype], fast.device)
    if dtype == torch.int8:
        fast.spatial_decoder = split  # type: ignore[assignment]
        if model not in _RANGES:
            _RANGES[model] = see_ranges(fast, range_clip(model.preferences.short_side))
        quantize(fast, _RANGES[model], between)
    elif dtype == torch.float32:
        fast.spatial_decoder = split  # type: ignore[assignment]
    else:
        fast.backbone = _LowPrecisionBackbone(fast.backbone, dtype)  # type: ignore[assignment]
        fast.spatial_decoder = _LowPrecisionDecoder(split, dtype)  # type: ignore[assignment]
        for layer in (*fast.encoder.frame_layers, *fast.encoder.exchange_layers):
            layer.feedforward = _LowPrecision(layer.feedforward, dtype)
    if between != torch.float32 and (for_gpu or dtype == torch.int8):
        _lower_attention(fast, between)
    return fast.to(memory_format=torch.channels_last)


def _lower_attention(fast: IFC, dtype: torch.dtype) -> None:
    for module in list(fast.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, MultiHeadAttention):
                setattr(module, name, _LowPrecisionAttention(child, dtype))
    for layer in fast.decoder.layers:
        if isinstance(layer, DecoderLayer):
            layer.feedforward = _LowPrecision(layer.feedforward, dtype)  # type: ignore[assignment]


def has_precision(device: torch.device, precision: str) -> bool:
    """Whether a device computes in ``fp32``, ``bf16``, ``fp16`` or ``int8`` in acceptable time."""
    if precision == "int8":
        return device.type == "cpu" and has_int8_kernels()
    return precision != "fp16" or device.type != "cpu"


def float_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The arithmetic of what stays in floats: beside 8-bit numbers the CPU's own low precision.

    Args:
        precision: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        device: Where it runs.
    """
    if precision == "int8":
        return _native_low_precision(device) or torch.float32
    return _LOW_PRECISION.get(precision, torch.float32)


def choose_dtype(model: IFC, precision: str) -> torch.dtype:
    """The arithmetic behind a ``precision`` setting.

    Args:
        model: The network on its device.
        precision: One of ``settings.PRECISIONS``. ``auto`` takes low precision where the
            hardware multiplies it natively and a short check on this model stays close.

    Raises:
        ConfigError: The precision is unknown, or the device does not have it.
    """
    device = model.device
    if precision == "fp32":
        return torch.float32
    if not has_precision(device, precision):
        raise ConfigError(_why_not(device, precision), name="precision", value=precision)
    if precision == "int8":
        return torch.int8
    if precision in _LOW_PRECISION:
        return _LOW_PRECISION[precision]
    if precision != "auto":
        raise ConfigError(f"The precision {precision!r} is unknown.", name="precision", value=0)
    dtype = _native_low_precision(device)
    if dtype is None:
        return torch.float32
    if model not in _CHECKED:
        _CHECKED[model] = _check_difference(model, dtype)
    return dtype if _CHECKED[model] <= LARGEST_CHECK_DIFFERENCE else torch.float32


def _why_not(device: torch.device, precision: str) -> str:
    if precision == "fp16":
        return "fp16 is slow on a CPU; choose bf16, fp32 or auto."
    if device.type != "cpu":
        return "int8 is for a CPU; choose bf16, fp16, fp32 or auto on this device."
    return "int8 needs kernels that PyTorch does not have on this processor; choose fp32 or auto."


def _native_low_precision(device: torch.device) -> torch.dtype | None:
    if device.type == "cuda":
        with torch.cuda.device(device):
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if device.type == "cpu":
        known = (torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported)
        return torch.bfloat16 if any(ask() for ask in known) else None
    return None


@torch.inference_mode()
def _check_difference(model: IFC, dtype: torch.dtype) -> float:
    """Largest change of a class probability on a small seeded clip."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 8, 12, generator=generator) * 255
    clip = nn.functional.interpolate(coarse, (96, 144), mode="bilinear").to(torch.uint8)
    frames = clip.permute(0, 2, 3, 1)  # (2, 96, 144, 3)
    probs = []
    for variant in (fast_model(model), fast_model(model, dtype)):
        out = variant.decode_clip(variant.encode_frames(variant.normalize(frames)))
        probs.append(out.class_logits.float().softmax(-1))
    difference = (probs[0] - probs[1]).abs().max()
    return float(difference.nan_to_num(nan=1.0))


class _LowPrecision(nn.Module):
    """A module in low precision between float32 neighbours."""

    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = inner.to(dtype)
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inner(x.to(self.dtype))
        return out.float()


class _LowPrecisionAttention(nn.Module):
    """Attention in low precision between float32 neighbours."""

    def __init__(self, inner: MultiHeadAttention, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = inner.to(dtype)
        self.dtype = dtype

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None
    ) -> Tensor:
        low = query.to(self.dtype)
        low_key = low if key is query else key.to(self.dtype)  # projected together
        out: Tensor = self.inner(low, low_key, value.to(self.dtype), key_padding_mask)
        return out.float()


class _LowPrecisionBackbone(nn.Module):
    """The backbone in low precision; only the map for the transformer comes back in float32."""

    def __init__(self, backbone: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = backbone.to(dtype)
        self.dtype = dtype

    def forward(self, images: Tensor) -> BackboneFeatures:
        res3, res4, res5 = self.inner(images.to(self.dtype))
        return BackboneFeatures(res3, res4, res5.float())


class _LowPrecisionDecoder(nn.Module):
    """The spatial decoder in low precision, mask features in float32 for the last product."""

    def __init__(self, decoder: SplitSpatialDecoder, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner = decoder.to(dtype)
        self.lateral4, self.lateral3 = decoder.lateral4, decoder.lateral3
        self.dtype = dtype

    def forward(self, encoded: Tensor, lateral4: Tensor, lateral3: Tensor) -> Tensor:
        out: Tensor = self.inner(encoded.to(self.dtype), lateral4, lateral3)
        return out.float()
