"""Mask logits to full-size encodings on the device: only run lengths leave it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ifc_core.inference.device_runs import count_strings
from ifc_core.structures.mask import RLEMask

_LARGEST_PART_BYTES = 256 << 20  # of float32 masks in full size, held at once


@torch.inference_mode()
def encode_many(
    logits: Sequence[Tensor],
    size: tuple[int, int],
    region_xywh: tuple[int, int, int, int] | None = None,
) -> list[list[RLEMask | None]]:
    """What ``encode_logits`` gives for each mask, for all masks of several frames at once.

    Args:
        logits: (n, h, w) float32 of each frame, all on one device.
        size: (height, width) of the masks.
        region_xywh: Part of the frame that the logits cover; all of it by default.

    Returns:
        n masks a frame, ``None`` for those without a pixel. Upsampled by another kernel than on
        the CPU, a pixel on the very edge may differ.
    """
    counts = [int(frame.shape[0]) for frame in logits]
    found: list[RLEMask | None] = []
    if sum(counts):
        together = torch.cat(list(logits))
        most = max(1, _LARGEST_PART_BYTES // (4 * size[0] * size[1]))
        for part in together.split(most):
            found += _encode_part(part, size, region_xywh)
    masks = iter(found)
    return [[next(masks) for _ in range(count)] for count in counts]


def _encode_part(
    logits: Tensor, size: tuple[int, int], region_xywh: tuple[int, int, int, int] | None
) -> list[RLEMask | None]:
    height, width = size if region_xywh is None else (region_xywh[3], region_xywh[2])
    # Transposed, so that memory is in the column-major order of the encoding.
    large = F.interpolate(logits.transpose(-1, -2)[None].float(), (width, height), mode="bilinear")[
        0
    ]
    masks = large > 0  # (n, W, H)
    if region_xywh is not None:
        x, y, _, _ = region_xywh
        whole = masks.new_zeros(masks.shape[0], size[1], size[0])
        whole[:, x : x + width, y : y + height] = masks
        masks = whole
    strings = count_strings(masks.flatten(1))
    return [RLEMask(size, counts) if counts else None for counts in strings]
