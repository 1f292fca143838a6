"""From displayed frames to what the network is fed: region, resizing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ifc_core.errors import ConfigError

_LARGEST_PART_BYTES = 256 << 20  # of frames in float32, resized at once on a GPU


def resize_frames(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize bilinearly with antialiasing, in 8 bits as PIL does (to within one grey level).

    Args:
        frames: (N, H, W, 3) uint8.
        size: (height, width) wanted.

    Returns:
        (N, height, width, 3) uint8.
    """
    if tuple(frames.shape[1:3]) == size:
        return frames
    if frames.device.type == "cpu":
        planes = frames.permute(0, 3, 1, 2)  # (N, 3, H, W), channels last in memory
        small = F.interpolate(planes, size, mode="bilinear", antialias=True, align_corners=False)
        return small.permute(0, 2, 3, 1).contiguous()
    # The 8-bit kernel exists on the CPU only; real numbers take four times the memory.
    at_once = max(1, _LARGEST_PART_BYTES // (4 * frames[0].numel()))
    return torch.cat([_resize_real(part, size) for part in frames.split(at_once)])


def _resize_real(frames: Tensor, size: tuple[int, int]) -> Tensor:
    planes = frames.permute(0, 3, 1, 2).float()
    small = F.interpolate(planes, size, mode="bilinear", antialias=True, align_corners=False)
    return small.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def cut_region(
    frame: npt.NDArray[np.uint8], region_xywh: tuple[int, int, int, int] | None
) -> npt.NDArray[np.uint8]:
    """The part of a frame that is looked at.

    Raises:
        ConfigError: The region does not lie in the frame.
    """
    if region_xywh is None:
        return frame
    x, y, width, height = region_xywh
    if x + width > frame.shape[1] or y + height > frame.shape[0]:
        raise ConfigError(
            f"The region {region_xywh} (x, y, width, height) does not lie in a frame of "
            f"{frame.shape[1]} by {frame.shape[0]} pixels.",
            name="region_xywh",
            value=region_xywh,
        )
    return frame[y : y + height, x : x + width]
