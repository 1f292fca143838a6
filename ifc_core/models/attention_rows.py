"""Attention rows of a clip and what is read off them: maps, rankings, heat maps. No torch.

The window's process, which never imports torch, shows these; :mod:`ifc_core.models.attention`
records them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.structures import ClipPrediction

Array = npt.NDArray[np.float32]
HeatScale = Literal["frame", "clip", "absolute"]

TOKEN_STRIDE_PX = 32


@dataclass(frozen=True, slots=True)
class ClipAttention:
    """Attention rows of one clip; every row, memory columns included, sums to 1.

    Attributes:
        frame_size: (H, W) of the frames that the network saw, in pixels.
        grid_size: (h, w) of the token grid, L = h * w, one token for 32 x 32 pixels.
        num_frames: T.
        num_memory_tokens: M.
        encode_receive: A layer each: (T, heads, L + M, L + M) float32, pixels first.
        gather_communicate: A layer each: (M, heads, T, T), or (1, heads, T * M, T * M) with
            unified memory.
        decoder: A layer each: (heads, Q, T * L + T * M), frame tokens first.
        unified: Whether Gather-Communicate ran over all memory tokens at once.

    Source: paper section 3.1 and Fig. 3. For the ``ifc`` encoder (and ``none``, with M = 0).
    """

    frame_size: tuple[int, int]
    grid_size: tuple[int, int]
    num_frames: int
    num_memory_tokens: int
    encode_receive: tuple[Array, ...]
    gather_communicate: tuple[Array, ...]
    decoder: tuple[Array, ...]
    unified: bool = False

    @property
    def num_pixels(self) -> int:
        """L, tokens of one frame's grid."""
        return self.grid_size[0] * self.grid_size[1]

    def memory_to_pixels(
        self, layer: int, frame: int, token: int, head: int | None = None
    ) -> Array:
        """(h, w) attention of a memory token to the pixels of its frame; mean over heads."""
        row = self._frame_row(layer, frame, self.num_pixels + token, head)
        return row[: self.num_pixels].reshape(self.grid_size)

    def memory_to_memory(
        self, layer: int, frame: int, token: int, head: int | None = None
    ) -> Array:
        """(M,) attention of a memory token to the memory tokens of its frame."""
        return self._frame_row(layer, frame, self.num_pixels + token, head)[self.num_pixels :]

    def pixel_to_pixels(
        self, layer: int, frame: int, cell: tuple[int, int], head: int | None = None
    ) -> Array:
        """(h, w) attention of the grid cell (y, x) to the pixels of its frame."""
        row = self._frame_row(layer, frame, self._index(cell), head)
        return row[: self.num_pixels].reshape(self.grid_size)

    def pixel_to_memory(
        self, layer: int, frame: int, cell: tuple[int, int], head: int | None = None
    ) -> Array:
        """(M,) attention of the grid cell (y, x) to the memory tokens of its frame."""
        return self._frame_row(layer, frame, self._index(cell), head)[self.num_pixels :]

    def memory_over_time(self, layer: int, token: int, head: int | None = None) -> Array:
        """(T, T) attention of a memory token in frame i to itself in frame j.

        With unified memory the part of the rows that stays on the token; its sum is below 1.
        """
        rows = self.gather_communicate[layer]
        if self.unified:
            own = slice(token, None, self.num_memory_tokens)
            return _over_heads(rows[0][:, own, own], head)
        return _over_heads(rows[token], head)

    def query_to_pixels(self, layer: int, query: int, head: int | None = None) -> Array:
        """(T, h, w) attention of an object query to the pixels of all frames."""
        row: Array = _over_heads(self.decoder[layer], head)[query]
        return row[: self.num_frames * self.num_pixels].reshape(-1, *self.grid_size)

    def query_to_memory(self, layer: int, query: int, head: int | None = None) -> Array:
        """(T, M) attention of an object query to the memory tokens of all frames."""
        row: Array = _over_heads(self.decoder[layer], head)[query]
        return row[self.num_frames * self.num_pixels :].reshape(self.num_frames, -1)

    def _frame_row(self, layer: int, frame: int, query: int, head: int | None) -> Array:
        return _over_heads(self.encode_receive[layer][frame][:, query], head)

    def _index(self, cell: tuple[int, int]) -> int:
        return cell[0] * self.grid_size[1] + cell[1]


@dataclass(frozen=True, slots=True)
class FrameAttention:
    """What was attended to around a frame.

    Attributes:
        frame_index: The frame of the video that was asked for.
        position: Its place in the clip.
        prediction: What the network says about the clip; its ``frame_indices`` are the video's.
        attention: Rows of the clip.
    """

    frame_index: int
    position: int
    prediction: ClipPrediction
    attention: ClipAttention


@dataclass(frozen=True, slots=True)
class TokenMass:
    """How much a memory token looks inside a mask.

    Attributes:
        token: Index of the memory token.
        mass: Attention inside the mask, 0 to 1 of the whole row.
        share: The same as a share of the row's attention to pixels.
    """

    token: int
    mass: float
    share: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Attention as an image, with the scale said.

    Attributes:
        values: (H, W) float32 in 0..1, pixel-aligned with the frame the network saw.
        scale: What 1.0 stands for: this frame's largest value, the clip's, or probability 1.
        maximum: Attention (probability a grid cell) that is shown as 1.0.
    """

    values: Array
    scale: HeatScale
    maximum: float

    @property
    def legend(self) -> str:
        """The scale in words, for the screen."""
        where = {"frame": "per frame", "clip": "per clip", "absolute": "absolute"}[self.scale]
        return f"{where}: 0 to {self.maximum:.3g} of the attention a cell"


def rank_memory_tokens(
    attention: ClipAttention,
    layer: int,
    frame: int,
    mask: npt.NDArray[np.bool_],
    head: int | None = None,
) -> list[TokenMass]:
    """Memory tokens by how much of their attention lies inside a mask, most first.

    Args:
        attention: Of the clip.
        layer: Encode-Receive layer.
        frame: Position in the clip.
        mask: (H', W') bool over the whole frame, at any resolution.
        head: One head, or the mean of all.
    """
    inside = mask_coverage(mask, attention.frame_size)
    ranks = []
    for token in range(attention.num_memory_tokens):
        row = attention.memory_to_pixels(layer, frame, token, head)
        mass, pixels = float((row * inside).sum()), float(row.sum())
        ranks.append(TokenMass(token, mass, mass / pixels if pixels else 0.0))
    return sorted(ranks, key=lambda r: (-r.mass, r.token))


def mask_coverage(mask: npt.NDArray[np.bool_], frame_size: tuple[int, int]) -> Array:
    """Share of each grid cell's pixels that lie in a mask.

    Args:
        mask: (H', W') bool, stretched over the frame.
        frame_size: (H, W) of the frame that the network saw.

    Returns:
        (ceil(H / 32), ceil(W / 32)) float32; cells at the border count pixels of the frame only.
    """
    height, width = frame_size
    resized = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    valid = np.ones(frame_size, np.float32)
    covered: Array = _block_sums(resized) / _block_sums(valid)
    return covered


def heat_map(
    maps: Array, frame: int, frame_size: tuple[int, int], scale: HeatScale = "frame"
) -> HeatMap:
    """Attention over the grid as an image over the frame.

    Args:
        maps: (T, h, w) attention to the pixels of each frame of the clip.
        frame: Which of them to show.
        frame_size: (H, W) of the frame that the network saw.
        scale: Divide by the frame's maximum, the clip's maximum, or not at all.
    """
    of = {"frame": maps[frame], "clip": maps, "absolute": np.ones(1)}[scale]
    maximum = float(of.max())
    grid = maps[frame].astype(np.float32) / (maximum or 1.0)
    size = (grid.shape[1] * TOKEN_STRIDE_PX, grid.shape[0] * TOKEN_STRIDE_PX)
    image = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR)
    values: Array = image[: frame_size[0], : frame_size[1]]
    return HeatMap(values, scale, maximum)


def _block_sums(image: npt.NDArray[Any]) -> Array:
    pad = [(0, -size % TOKEN_STRIDE_PX) for size in image.shape]
    padded = np.pad(image, pad)
    height, width = (size // TOKEN_STRIDE_PX for size in padded.shape)
    sums: Array = padded.reshape(height, TOKEN_STRIDE_PX, width, TOKEN_STRIDE_PX).sum(axis=(1, 3))
    return sums


def _over_heads(rows: Array, head: int | None) -> Array:
    """Pick a head from the first axis, or average over it."""
    picked: Array = rows.mean(axis=0) if head is None else rows[head]
    return picked
