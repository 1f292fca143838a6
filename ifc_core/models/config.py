"""The architecture of one IFC network, as data."""

from __future__ import annotations

import dataclasses
import sys
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, get_args

from ifc_core.errors import ConfigError

LEAST_DUPLICATE_IOU = 0.1
"""Masks that overlap less are not taken for one thing: at 0 a clip would hold a single mask."""

MOST_LOOKAHEAD = 200
"""Frames; the masks of the clips of twice as many wait in memory."""

EDGES = ("off", "fast", "best")
"""How the edges of masks are decided again at the size of the frame: not at all, by the colours
nearby, or by the edge network."""

BackboneName = Literal["resnet18", "resnet34", "resnet50", "resnet101"]
EncoderKind = Literal["ifc", "none", "full", "decomposed"]
MemoryGrouping = Literal["decomposed", "unified"]
Assignment = Literal["mask", "box"]
ColorOrder = Literal["rgb", "bgr"]

_MOST = 1_000_000
"""Of numbers that scale or shift; more are a fault, and no tensor may be able to hold them."""
_INTEGER_LIMITS: dict[str, tuple[int, int]] = {
    "num_classes": (1, 10_000),
    "num_queries": (1, 2_000),
    "hidden_dim": (32, 1_024),
    "num_memory_tokens": (0, 32),
    "num_encoder_layers": (1, 24),
    "num_decoder_layers": (1, 24),
    "feedforward_dim": (1, 16_384),
    "num_heads": (1, 64),
    "base_width": (8, 64),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "backbone": get_args(BackboneName),
    "encoder": get_args(EncoderKind),
    "memory_grouping": get_args(MemoryGrouping),
    "assignment": get_args(Assignment),
    "color_order": get_args(ColorOrder),
}
_FLAGS = (
    "stride_in_1x1",
    "frozen_batch_norm",
    "pre_norm",
    "input_norm",
    "token_position",
    "query_content",
)


@dataclass(frozen=True, slots=True)
class IFCConfig:
    """Everything that decides the shapes and the arithmetic of an IFC network.

    The defaults are the published ResNet-50 model.

    Attributes:
        backbone: Depth of the ResNet.
        num_classes: K, without the no-object class.
        num_queries: Q, object queries of a clip.
        hidden_dim: C, width of the transformer; a multiple of 32.
        num_memory_tokens: M, memory tokens a frame, 0 to 32; used by the ``ifc`` encoder only.
        num_encoder_layers: N_E, blocks of Encode-Receive and Gather-Communicate.
        num_decoder_layers: N_D.
        feedforward_dim: Inner width of the feed-forward layers.
        num_heads: Attention heads; divides ``hidden_dim``.
        encoder: ``ifc``; ``none`` (each frame on its own); ``full`` (space-time attention);
            ``decomposed`` (space, then time, N_E and N_E - 1 layers).
        memory_grouping: Gather-Communicate over T for each slot (``decomposed``), or over
            all T x M memory tokens (``unified``).
        assignment: What training matches by; ``box`` adds a head for a box a frame.
        stride_in_1x1: Whether a bottleneck strides in its first 1x1 (MSRA) or in its 3x3.
        frozen_batch_norm: Whether batch norms keep their statistics and affine in training.
        base_width: Channels of the backbone's stem and first stage; 64 is ResNet.
        dropout: Probability in the transformer while training.
        pre_norm: Layer norm before instead of after each sub-layer.
        input_norm: Group norm after the projection of res5; helps training from scratch.
        token_position: Add the position code to the frame tokens themselves, not to queries and
            keys alone, so that mask features say where they are from the start.
        query_content: Object queries start from a learnt content rather than from 0, so that what
            a query looks for reaches the values of attention in the first layer already.
        mask_logit_scale: Factor on the dynamic mask weights; below 1 helps training from scratch.
        color_order: Order of the input channels the network was trained with.
        pixel_mean: Subtracted from 0..255 input, in ``color_order``.
        pixel_std: Divides the input afterwards, in ``color_order``.

    Source: paper section 3.1 and 4.1; published configuration files.
    """

    backbone: BackboneName = "resnet50"
    num_classes: int = 40
    num_queries: int = 100
    hidden_dim: int = 256
    num_memory_tokens: int = 8
    num_encoder_layers: int = 3
    num_decoder_layers: int = 3
    feedforward_dim: int = 2048
    num_heads: int = 8
    encoder: EncoderKind = "ifc"
    memory_grouping: MemoryGrouping = "decomposed"
    assignment: Assignment = "mask"
    stride_in_1x1: bool = False
    frozen_batch_norm: bool = True
    base_width: int = 64
    dropout: float = 0.1
    pre_norm: bool = False
    input_norm: bool = False
    token_position: bool = False
    query_content: bool = False
    mask_logit_scale: float = 1.0
    color_order: ColorOrder = "rgb"
    pixel_mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    pixel_std: tuple[float, float, float] = (58.395, 57.12, 57.375)

    def __post_init__(self) -> None:
        """Check types and ranges.

        Raises:
            ConfigError: A field is of the wrong type or out of range.
        """
        for name, (low, high) in _INTEGER_LIMITS.items():
            _check_integer(name, getattr(self, name), low, high)
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                _refuse(name, value, "one of " + ", ".join(choices))
        for name in _FLAGS:
            if not isinstance(getattr(self, name), bool):
                _refuse(name, getattr(self, name), "true or false")
        self._check_numbers()

    def _check_numbers(self) -> None:
        if self.hidden_dim % 32:
            _refuse("hidden_dim", self.hidden_dim, "a multiple of 32")
        if self.hidden_dim % self.num_heads:
            _refuse("num_heads", self.num_heads, f"a divisor of hidden_dim, {self.hidden_dim}")
        if not (_is_finite(self.dropout) and 0.0 <= self.dropout < 1.0):
            _refuse("dropout", self.dropout, "from 0 to below 1")
        if not (_is_finite(self.mask_logit_scale) and 0 < self.mask_logit_scale <= _MOST):
            _refuse("mask_logit_scale", self.mask_logit_scale, f"positive, up to {_MOST:,}")
        for name in ("pixel_mean", "pixel_std"):
            values = getattr(self, name)
            good = isinstance(values, tuple) and len(values) == 3 and all(map(_is_finite, values))
            if good:
                good = max(map(abs, values)) <= _MOST
            if not good or (name == "pixel_std" and min(values) <= 0):
                _refuse(name, values, f"three numbers up to {_MOST:,}, positive for pixel_std")
        if self.stride_in_1x1 and self.backbone in ("resnet18", "resnet34"):
            _refuse("stride_in_1x1", True, "false for resnet18 and resnet34")
        if self.base_width != 64 and self.backbone in ("resnet50", "resnet101"):
            _refuse("base_width", self.base_width, "64 for resnet50 and resnet101")

    @property
    def memory_tokens(self) -> int:
        """Memory tokens a frame in effect: M for the ``ifc`` encoder, else 0."""
        return self.num_memory_tokens if self.encoder == "ifc" else 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields; tuples become lists."""
        fields = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> IFCConfig:
        """The configuration that :meth:`to_dict` wrote; what is not given keeps its default.

        Raises:
            ConfigError: A field is unknown, of the wrong type or out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        for name, value in fields.items():
            if name not in known:
                _refuse(name, value, "absent: no such model setting exists")
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()
        }
        return cls(**values)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> IFCConfig:
        """A named architecture of ``presets.toml``, with fields replaced by ``changes``.

        Raises:
            ConfigError: The preset or a field does not exist.
        """
        presets = _presets()
        if name not in presets:
            _refuse("preset", name, "one of " + ", ".join(presets))
        return cls.from_dict({**presets[name], **changes})


def preset_names() -> tuple[str, ...]:
    """Names that :meth:`IFCConfig.preset` knows."""
    return tuple(_presets())


def _presets() -> dict[str, dict[str, Any]]:
    text = resources.files("ifc_core.models").joinpath("presets.toml").read_text("utf-8")
    return tomllib.loads(text)


def _check_integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        _refuse(name, value, f"a whole number from {low} to {high}")


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # no float is made of an integer of any length


def _refuse(name: str, value: object, expected: str) -> None:
    shown = repr(value)[:60]
    raise ConfigError(
        f"The model setting {name} is {shown}; it must be {expected}.", name=name, value=value
    )
