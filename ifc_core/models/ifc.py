"""The whole network, from normalised frames to class and mask logits of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ifc_core.models.backbone import Backbone
from ifc_core.models.config import IFCConfig
from ifc_core.models.decoder import ClipDecoder
from ifc_core.models.encoder import ClipEncoder
from ifc_core.models.input_size import COARSEST_STRIDE
from ifc_core.models.layers import MLP
from ifc_core.models.mask_head import BoxHead, SpatialDecoder, mask_logits
from ifc_core.models.position_encoding import sine_position_code
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category, ClipPrediction


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """All work that a frame needs once, whatever clips it is part of.

    Attributes:
        state: (N, L + M, C) tokens after the first Encode-Receive, memory tokens last.
        position: (N or 1, L, C) position code.
        lateral4: (N, C, ceil(H / 16), ceil(W / 16)).
        lateral3: (N, C, ceil(H / 8), ceil(W / 8)).
        padding: (N, L) bool, true for padding, or ``None`` where there is none.
        grid_size: (h, w) with L = h * w, at 1/32.
    """

    state: Tensor
    position: Tensor
    lateral4: Tensor
    lateral3: Tensor
    padding: Tensor | None
    grid_size: tuple[int, int]

    def __len__(self) -> int:
        """N."""
        return int(self.state.shape[0])

    def __getitem__(self, frames: slice | Sequence[int]) -> FrameFeatures:
        """Features of some of the frames; a slice copies nothing."""
        index = frames if isinstance(frames, slice) else list(frames)
        shared = self.position.shape[0] == 1
        return FrameFeatures(
            self.state[index],
            self.position if shared else self.position[index],
            self.lateral4[index],
            self.lateral3[index],
            None if self.padding is None else self.padding[index],
            self.grid_size,
        )

    @staticmethod
    def concatenate(parts: Sequence[FrameFeatures]) -> FrameFeatures:
        """Features of the frames of all ``parts``, encoded at one size and without padding."""
        first = parts[0]
        if any(p.padding is not None or p.grid_size != first.grid_size for p in parts):
            raise ValueError("only frames of one size and without padding can be joined")
        return FrameFeatures(
            torch.cat([p.state for p in parts]),
            first.position[:1],
            torch.cat([p.lateral4 for p in parts]),
            torch.cat([p.lateral3 for p in parts]),
            None,
            first.grid_size,
        )

    @property
    def num_bytes(self) -> int:
        """Memory that the features hold."""
        tensors = (self.state, self.position, self.lateral4, self.lateral3)
        return sum(t.element_size() * t.nelement() for t in tensors)


class ClipOutput(NamedTuple):
    """What the decoder says about B clips, before any mask is computed.

    Attributes:
        class_logits: (B, Q, K + 1), the last column is no-object.
        mask_weights: (B, Q, C), dynamic weight of each query.
        mask_features: (B, T, C, h, w) at 1/8.
        boxes: (B, Q, T, 4) as (cx, cy, w, h) in 0..1 with box-based assignment, else ``None``.
        aux: Outputs of the earlier decoder layers, first layer first; empty unless asked for.
        query_embeddings: (B, Q, C), the decoder's last output.
        memory: (B, T, M, C) memory tokens after the encoder.
        tokens: (B, T, h32 * w32, C) frame tokens after the encoder.
    """

    class_logits: Tensor
    mask_weights: Tensor
    mask_features: Tensor
    boxes: Tensor | None
    aux: tuple[AuxOutput, ...]
    query_embeddings: Tensor
    memory: Tensor
    tokens: Tensor


class AuxOutput(NamedTuple):
    """Output of one earlier decoder layer; fields as in :class:`IFCOutput`.

    ``mask_logits`` is ``None`` in a :class:`ClipOutput`.
    """

    class_logits: Tensor
    mask_weights: Tensor
    mask_logits: Tensor | None
    boxes: Tensor | None


class IFCOutput(NamedTuple):
    """What the network says about B clips.

    Attributes:
        class_logits: (B, Q, K + 1), the last column is no-object.
        mask_logits: (B, Q, T, h, w) at ceil(H / 8), ceil(W / 8).
        aux: Earlier decoder layers, first layer first, when training (or asked for).
        mask_weights: (B, Q, C).
        mask_features: (B, T, C, h, w).
        boxes: (B, Q, T, 4) as (cx, cy, w, h) in 0..1, or ``None``.
    """

    class_logits: Tensor
    mask_logits: Tensor
    aux: tuple[AuxOutput, ...]
    mask_weights: Tensor
    mask_features: Tensor
    boxes: Tensor | None


class IFC(nn.Module):
    """Inter-Frame Communication Transformer.

    Args:
        config: The architecture.
        categories: The K classes, where their names are known.

    Attributes:
        config: The architecture.
        categories: As given; () where unknown.
        preferences: How it is best used, where nobody asks for something else.
        provenance: Where the weights come from; empty for a new network.
        sha256: Hash of the weights as loaded; empty for a new network.

    Source: Hwang et al., NeurIPS 2021, section 3.1. Without padding, frames of a clip may be
    permuted and the outputs permute with them: there is no temporal position code.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, config: IFCConfig, categories: Sequence[Category] = ()) -> None:
        super().__init__()
        self.config = config
        self.categories = tuple(categories)
        dim = config.hidden_dim
        self.backbone = Backbone(config)
        res3_channels, res4_channels, res5_channels = self.backbone.channels
        self.input_proj = nn.Conv2d(res5_channels, dim, 1)
        self.input_norm = nn.GroupNorm(32, dim) if config.input_norm else None
        self.encoder = ClipEncoder(config)
        self.decoder = ClipDecoder(config)
        self.class_head = MLP(dim, dim, config.num_classes + 1)
        self.mask_weight_head = MLP(dim, dim, dim, dim)
        self.spatial_decoder = SpatialDecoder(config, res4_channels, res3_channels)
        self.box_head = BoxHead(config) if config.assignment == "box" else None
        self.preferences = ModelPreferences()
        self.provenance: dict[str, Any] = {}
        self.sha256 = ""
        for name in ("pixel_mean", "pixel_std"):  # in no checkpoint, and so filled at once
            values = torch.tensor(getattr(config, name), device="cpu").view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    # ---- stages -------------------------------------------------------------------------

    def encode_frames(self, frames: Tensor, padding_mask: Tensor | None = None) -> FrameFeatures:
        """Backbone, projections and first Encode-Receive: all that needs one frame only.

        Args:
            frames: (N, 3, H, W) from :meth:`normalize`.
            padding_mask: (N, H, W) bool, true for padding at the bottom and right, or ``None``.
        """
        res3, res4, res5 = self.backbone(frames)
        x = self.input_proj(res5)  # (N, C, h, w)
        if self.input_norm is not None:
            x = self.input_norm(x)
        grid_size = (int(x.shape[-2]), int(x.shape[-1]))
        padding = None
        if padding_mask is None:
            grid = torch.zeros(1, *x.shape[-2:], dtype=torch.bool, device=x.device)
        else:
            grid = padding_mask[:, ::COARSEST_STRIDE, ::COARSEST_STRIDE]
            padding = grid.flatten(1)
        code = sine_position_code(grid, self.config.hidden_dim)
        position = code.flatten(2).transpose(1, 2).to(x.dtype)  # (N or 1, L, C)
        tokens = x.flatten(2).transpose(1, 2)  # (N, L, C)
        if self.config.token_position:
            tokens = tokens + position
        return FrameFeatures(
            self.encoder.start(tokens, position, padding),
            position,
            self.spatial_decoder.lateral4(res4),
            self.spatial_decoder.lateral3(res3),
            padding,
            grid_size,
        )

    def decode_clip(
        self, features: FrameFeatures, num_clips: int = 1, aux: bool = False
    ) -> ClipOutput:
        """The rest of the encoder, the decoder and the mask features of ``num_clips`` clips.

        Args:
            features: Frames of all clips, clip after clip, T each.
            num_clips: B.
            aux: Also give the outputs of the earlier decoder layers.
        """
        num_frames = features.state.shape[0] // num_clips
        tokens, memory = self.encoder.finish(
            features.state, features.position, features.padding, num_frames
        )
        outputs = self._read_clip(tokens, memory, features, num_clips, aux)
        encoded = tokens.transpose(1, 2).unflatten(2, features.grid_size)
        maps = self.spatial_decoder(encoded, features.lateral4, features.lateral3)
        placed = tokens + features.position
        layers = [self._heads(x, placed, features.padding) for x in outputs]
        last = layers[-1]
        return ClipOutput(
            last.class_logits,
            last.mask_weights,
            maps.unflatten(0, (num_clips, num_frames)),
            last.boxes,
            tuple(layers[:-1]),
            outputs[-1],
            memory.unflatten(0, (num_clips, num_frames)),
            tokens.unflatten(0, (num_clips, num_frames)),
        )

    def mask_logits(self, mask_weights: Tensor, mask_features: Tensor) -> Tensor:
        """Masks (B, Q', T, h, w) of weights (B, Q', C) over features (B, T, C, h, w); eq. 5."""
        return mask_logits(mask_weights, mask_features)

    def forward(
        self, frames: Tensor, padding_mask: Tensor | None = None, aux: bool | None = None
    ) -> IFCOutput:
        """Classes and masks of B clips.

        Args:
            frames: (B, T, 3, H, W) from :meth:`normalize`, zero where padded.
            padding_mask: Bool, true for padding: (B, H, W), or (B, T, H, W) where clips differ
                in length too (a frame that is all padding takes no part); ``None`` without any.
            aux: Also give the earlier decoder layers; by default when training.
        """
        num_clips, num_frames = frames.shape[:2]
        if padding_mask is not None:
            if padding_mask.dim() == 3:
                padding_mask = padding_mask[:, None].expand(-1, num_frames, -1, -1)
            padding_mask = padding_mask.flatten(0, 1)
        features = self.encode_frames(frames.flatten(0, 1), padding_mask)
        return self.with_masks(
            self.decode_clip(features, num_clips, self.training if aux is None else aux)
        )

    def with_masks(self, out: ClipOutput) -> IFCOutput:
        """The masks of all queries, of the earlier decoder layers too."""
        maps = out.mask_features
        return IFCOutput(
            out.class_logits,
            mask_logits(out.mask_weights, maps),
            tuple(a._replace(mask_logits=mask_logits(a.mask_weights, maps)) for a in out.aux),
            out.mask_weights,
            maps,
            out.boxes,
        )

    def guided_mask_weights(
        self, out: ClipOutput, features: FrameFeatures, position: Tensor, content: Tensor
    ) -> list[Tensor]:
        """Mask weights (B, P, C) of queries other than the learnt ones, layer by layer.

        Args:
            out: Of the clips.
            features: That ``out`` was decoded from.
            position: (B, P, C) of the queries.
            content: (B, P, C) that they start from.
        """
        tokens, memory = out.tokens.flatten(0, 1), out.memory.flatten(0, 1)
        guide = (position, content)
        outputs = self._read_clip(tokens, memory, features, len(out.tokens), True, guide)
        return [self.mask_weight_head(x) * self.config.mask_logit_scale for x in outputs]

    def _read_clip(
        self,
        tokens: Tensor,
        memory: Tensor,
        features: FrameFeatures,
        num_clips: int,
        aux: bool,
        guide: tuple[Tensor, Tensor] | tuple[()] = (),
    ) -> list[Tensor]:
        """Decoder over all T * L frame tokens and T * M memory tokens of each clip."""
        position = features.position.expand(tokens.shape[0], -1, -1)
        memory_position = self.encoder.memory_position.expand(memory.shape[0], -1, -1)
        values = torch.cat((_by_clip(tokens, num_clips), _by_clip(memory, num_clips)), dim=1)
        keys = values + torch.cat(
            (_by_clip(position, num_clips), _by_clip(memory_position, num_clips)), dim=1
        )
        padding = None
        if features.padding is not None:
            absent = features.padding.all(dim=1, keepdim=True).expand(-1, memory.shape[1])
            parts = (features.padding.view(num_clips, -1), absent.reshape(num_clips, -1))
            padding = torch.cat(parts, dim=1)
        decoded: list[Tensor] = self.decoder(values, keys, padding, aux, *guide)
        return decoded

    def _heads(self, x: Tensor, placed: Tensor, padding: Tensor | None) -> AuxOutput:
        boxes = None if self.box_head is None else self.box_head(x, placed, padding)
        weights = self.mask_weight_head(x) * self.config.mask_logit_scale
        return AuxOutput(self.class_head(x), weights, None, boxes)

    # ---- input --------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.input_proj.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the weights, and of the input."""
        return self.input_proj.weight.dtype

    def normalize(self, frames: Tensor | npt.NDArray[np.uint8]) -> Tensor:
        """Frames as the network wants them.

        Args:
            frames: (..., H, W, 3) uint8 RGB.

        Returns:
            (..., 3, H, W) in the model's colour order, on its device and of its type.
        """
        x = torch.as_tensor(frames).to(self.device)
        if self.config.color_order == "bgr":
            x = x.flip(-1)
        x = x.movedim(-1, -3).float()
        return ((x - self.pixel_mean.float()) / self.pixel_std.float()).to(self.dtype)

    @torch.inference_mode()
    def predict_clip(self, frames: npt.NDArray[np.uint8]) -> ClipPrediction:
        """Raw output for one clip as it is, without resizing.

        Args:
            frames: (T, H, W, 3) uint8 RGB, T >= 1.

        Returns:
            The prediction; masks at ceil(H / 8), ceil(W / 8).

        Raises:
            ValueError: The array is of another shape or type.
        """
        array = np.asarray(frames)
        if array.ndim != 4 or array.shape[-1] != 3 or array.dtype != np.uint8 or not array.size:
            raise ValueError(f"frames must be (T, H, W, 3) uint8, got {array.shape} {array.dtype}")
        training = self.training
        self.eval()
        try:
            out = self.forward(self.normalize(np.ascontiguousarray(array))[None], aux=False)
        finally:
            self.train(training)
        return ClipPrediction(
            frame_indices=np.arange(array.shape[0], dtype=np.int64),
            class_logits=_to_numpy(out.class_logits),
            mask_logits=_to_numpy(out.mask_logits),
            mask_weights=_to_numpy(out.mask_weights),
        )

    # ---- training and deployment --------------------------------------------------------

    def fold_batch_norm(self) -> IFC:
        """Merge batch norms into convolutions for faster inference; see ``Backbone``."""
        self.backbone.fold_batch_norm()
        return self


def batch_clips(clips: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """One batch of clips that may differ in size and length, padded with zeros.

    Args:
        clips: Normalised clips (T, 3, H, W).

    Returns:
        (B, T, 3, H, W) of the largest sizes, and the padding mask (B, T, H, W), or ``None``
        where nothing was padded.

    Source: published code pads after normalising, to the largest size, not to 32.
    """
    size = [max(clip.shape[axis] for clip in clips) for axis in (0, 2, 3)]
    frames = clips[0].new_zeros(len(clips), size[0], 3, size[1], size[2])
    padding = torch.ones(len(clips), *size, dtype=torch.bool, device=frames.device)
    for index, clip in enumerate(clips):
        length, _, height, width = clip.shape
        frames[index, :length, :, :height, :width] = clip
        padding[index, :length, :height, :width] = False
    return frames, padding if bool(padding.any()) else None


def _by_clip(x: Tensor, num_clips: int) -> Tensor:
    """(B * T, I, C) to (B, T * I, C)."""
    return x.reshape(num_clips, -1, x.shape[-1])


def _to_numpy(x: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = x[0].float().cpu().numpy()
    return array
