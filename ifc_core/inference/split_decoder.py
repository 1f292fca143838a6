"""The spatial decoder with everything that needs one frame only taken out of the clip.

``conv(lateral + up(x)) = conv(lateral) + conv(up(x))``: the first term belongs to the frame and
is computed once. In the second, ``up`` repeats each cell 2 x 2, so each of the four positions
inside a cell sees only 2 x 2 distinct cells: four 2 x 2 convolutions on the small map do the
work of one 3 x 3 on the large one with 4/9 of the operations. All of it is exact up to rounding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ifc_core.models.mask_head import SpatialDecoder


class UpsampledConv(nn.Module):
    """``base + conv(nearest_upsample(x))`` for a 3 x 3 convolution with padding 1.

    Args:
        conv: The convolution; its bias is left to whoever makes ``base``.
    """

    weight: Tensor
    phases: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        weight = conv.weight.detach()
        # Rows of the kernel that fall on the cell before and on the cell itself (even output
        # rows), or on the cell itself and the one after (odd rows); columns likewise.
        pairs = weight.new_tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
        phases = torch.einsum("ajk,blm,ockm->abocjl", pairs, pairs, weight)
        self.register_buffer("weight", weight)
        self.register_buffer("phases", phases.flatten(0, 2).contiguous())  # (4 * O, C, 2, 2)

    def forward(self, x: Tensor, base: Tensor) -> Tensor:
        """Convolve the upsampled map.

        Args:
            x: (N, C, h, w).
            base: (N, O, H, W) with H in (2h - 1, 2h) and W in (2w - 1, 2w).

        Returns:
            (N, O, H, W).
        """
        height, width = base.shape[-2:]
        if height < 2 or width < 2:
            return base + F.conv2d(_upsample(x, height, width), self.weight, padding=1)
        parts = self._by_phase(x).chunk(4, dim=1)  # 4 of (N, O, h + 1, w + 1)
        out = torch.empty_like(base)
        for number, part in enumerate(parts):
            row, column = divmod(number, 2)
            target = out[:, :, row::2, column::2]
            rows, columns = target.shape[-2:]
            part = part[:, :, row : row + rows, column : column + columns]
            torch.add(base[:, :, row::2, column::2], part, out=target)
        self._mend_edges(x, base, out)
        return out

    def _by_phase(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, 4 * O, h + 1, w + 1): all that each position in a cell sees."""
        return F.conv2d(x, self.phases, padding=1)

    def _mend_edges(self, x: Tensor, base: Tensor, out: Tensor) -> None:
        """Where H or W is odd, the last row or column must see zeros beyond the map."""
        height, width = base.shape[-2:]
        if height % 2:
            two = _upsample(x[:, :, -2:], 4, width, first_row=1)
            row = F.conv2d(two, self.weight[:, :, :2], padding=(0, 1))
            out[:, :, -1:] = base[:, :, -1:] + row
        if width % 2:
            two = _upsample(x[:, :, :, -2:], height, 4, first_column=1)
            column = F.conv2d(two, self.weight[:, :, :, :2], padding=(1, 0))
            out[:, :, :, -1:] = base[:, :, :, -1:] + column


def _upsample(
    x: Tensor, height: int, width: int, first_row: int = 0, first_column: int = 0
) -> Tensor:
    """Rows and columns [first, ...) of the nearest upsampling by two, cut to the odd size."""
    tall = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return tall[:, :, first_row : height - first_row, first_column : width - first_column]


class SplitSpatialDecoder(nn.Module):
    """Drop-in for :class:`SpatialDecoder` whose laterals include the convolution after them.

    Args:
        decoder: The decoder to take the weights from.
    """

    def __init__(self, decoder: SpatialDecoder) -> None:
        super().__init__()
        self.lateral4 = nn.Sequential(decoder.lateral4, decoder.conv2)
        self.lateral3 = nn.Sequential(decoder.lateral3, decoder.conv3)
        self.conv1, self.norm1 = decoder.conv1, decoder.norm1
        self.up2, self.norm2 = UpsampledConv(decoder.conv2), decoder.norm2
        self.up3, self.norm3 = UpsampledConv(decoder.conv3), decoder.norm3
        self.depthwise = decoder.depthwise
        self.pointwise = decoder.pointwise

    def forward(self, encoded: Tensor, lateral4: Tensor, lateral3: Tensor) -> Tensor:
        """Mask features of N frames; arguments and result as :class:`SpatialDecoder`'s."""
        x = self.norm1(self.conv1(encoded))
        x = self.norm2(self.up2(x, lateral4))
        x = F.relu(self.norm3(self.up3(x, lateral3)), inplace=True)
        x = F.relu(self.depthwise(x), inplace=True)
        return F.relu(self.pointwise(x), inplace=True)
