"""Binary masks as COCO run-length encodings, the truth of every annotation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError

MAX_SIDE_PX = 1 << 16
"""Pixels along either side of a mask at most."""
MAX_PIXELS = (1 << 31) - 1
"""Pixels of its frame at most: run lengths and areas are kept in 32 bits."""


def decode_counts(counts: bytes) -> list[int]:
    """Expand a COCO compressed count string into run lengths.

    The string is checked byte by byte, because pycocotools neither checks for its end nor
    for the sum of the runs and may hang or crash on garbage.

    Args:
        counts: The compressed string, each byte 48 to 111.

    Returns:
        Run lengths, the first one of background (column-major order).

    Raises:
        FormatError: The string is not a COCO count string.
    """
    runs: list[int] = []
    position = 0
    while position < len(counts):
        value = shift = 0
        more = True
        while more:
            if position >= len(counts) or shift > 30:
                raise FormatError("An RLE count string ends inside a number.", actual=counts[:40])
            byte = counts[position] - 48
            if not 0 <= byte < 64:
                raise FormatError("An RLE count string holds a foreign byte.", actual=counts[:40])
            value |= (byte & 0x1F) << shift
            more = bool(byte & 0x20)
            position += 1
            shift += 5
            if not more and byte & 0x10:
                value |= -1 << shift
        if len(runs) > 2:
            value += runs[-2]
        if value < 0:
            raise FormatError("An RLE run is negative.", actual=value)
        runs.append(value)
    return runs


def _is_possible(size: tuple[int, int]) -> bool:
    return min(size) > 0 and max(size) <= MAX_SIDE_PX and size[0] * size[1] <= MAX_PIXELS


def _codec() -> Any:
    """Pycocotools' codec, loaded when it is needed: training on generated clips does without."""
    from pycocotools import mask

    return mask


@dataclass(frozen=True, slots=True)
class RLEMask:
    """A binary mask in COCO compressed RLE, column-major.

    Attributes:
        size: (height, width) in pixels.
        counts: COCO compressed counts.
    """

    size: tuple[int, int]
    counts: bytes

    def __post_init__(self) -> None:
        """Check the size; :meth:`from_coco` checks strings of foreign origin."""
        if not _is_possible(self.size):
            raise FormatError("A mask has an impossible size.", actual=self.size)
        if not self.counts:
            raise FormatError("A mask has an empty RLE string.", actual=self.counts)

    @classmethod
    def from_array(cls, mask: npt.NDArray[Any]) -> RLEMask:
        """Encode an array.

        Args:
            mask: (H, W) bool, or integers where non-zero is foreground.

        Returns:
            The encoded mask.
        """
        if mask.ndim != 2:
            raise FormatError("A mask must be two-dimensional.", actual=mask.shape)
        binary = mask if mask.dtype in (np.bool_, np.uint8) else mask != 0
        if binary.dtype == np.uint8 and binary.max(initial=0) > 1:
            binary = binary != 0
        coded = _codec().encode(np.asfortranarray(binary.view(np.uint8)))
        return cls((int(mask.shape[0]), int(mask.shape[1])), coded["counts"])

    @classmethod
    def empty(cls, size: tuple[int, int]) -> RLEMask:
        """A mask of ``size`` (height, width) without foreground."""
        return cls.from_array(np.zeros(size, dtype=np.uint8))

    @classmethod
    def from_coco(cls, value: object) -> RLEMask:
        """Read a COCO RLE object of unknown origin, compressed or uncompressed.

        Args:
            value: ``{"size": [height, width], "counts": str | bytes | list[int]}``.

        Returns:
            The mask, checked.

        Raises:
            FormatError: The object is not an RLE, or its runs do not fill its size.
        """
        if not isinstance(value, dict) or "size" not in value or "counts" not in value:
            raise FormatError("An RLE needs the keys 'size' and 'counts'.", actual=type(value))
        size = value["size"]
        if (
            not isinstance(size, list | tuple)
            or len(size) != 2
            or not all(isinstance(s, int) and not isinstance(s, bool) for s in size)
        ):
            raise FormatError("An RLE size must be [height, width].", actual=repr(size)[:80])
        height, width = int(size[0]), int(size[1])
        if not _is_possible((height, width)):
            raise FormatError("An RLE has an impossible size.", actual=(height, width))
        counts = value["counts"]
        if isinstance(counts, list):
            return cls._from_runs(height, width, counts)
        if isinstance(counts, str):
            try:
                counts = counts.encode("ascii")
            except UnicodeEncodeError as error:
                raise FormatError("An RLE count string must be ASCII.") from error
        if not isinstance(counts, bytes) or not counts:
            raise FormatError("An RLE needs a count string.", actual=repr(counts)[:80])
        total = sum(decode_counts(counts))
        if total != height * width:
            raise FormatError(
                f"An RLE covers {total} pixels where its size has {height * width}.",
                expected=height * width,
                actual=total,
            )
        return cls((height, width), counts)

    @classmethod
    def _from_runs(cls, height: int, width: int, runs: list[Any]) -> RLEMask:
        valid = all(isinstance(r, int) and not isinstance(r, bool) and r >= 0 for r in runs)
        if not valid or sum(runs) != height * width:
            raise FormatError(
                f"Uncompressed RLE counts must be non-negative and sum to {height * width}.",
                expected=height * width,
            )
        coded = _codec().frPyObjects({"size": [height, width], "counts": runs}, height, width)
        return cls((height, width), coded["counts"])

    def to_coco(self) -> dict[str, Any]:
        """The COCO object, with ``counts`` as text so that it can go into JSON."""
        return {"size": list(self.size), "counts": self.counts.decode("ascii")}

    def _native(self) -> dict[str, Any]:
        return {"size": list(self.size), "counts": self.counts}

    def to_array(self) -> npt.NDArray[np.bool_]:
        """Decode to a (H, W) bool array (column-major in memory)."""
        decoded: npt.NDArray[np.uint8] = _codec().decode(self._native())
        return decoded.view(np.bool_)

    @property
    def area(self) -> int:
        """Foreground pixels."""
        return int(_codec().area(self._native()))

    @property
    def bbox_xywh(self) -> tuple[float, float, float, float]:
        """Tight box (x, y, width, height) in pixels; all zero for an empty mask."""
        x, y, w, h = (float(v) for v in _codec().toBbox(self._native()))
        if x >= self.size[1]:  # of runs of nothing alone, as files may hold, it gives garbage
            return (0.0, 0.0, 0.0, 0.0)
        return (x, y, w, h)

    def iou(self, other: RLEMask) -> float:
        """Intersection over union with a mask of the same size; 0 where both are empty."""
        value = _codec().iou([other._native()], [self._native()], [0])
        return float(value[0, 0])

    @staticmethod
    def ious(masks: Sequence[RLEMask]) -> npt.NDArray[np.float64]:
        """(N, N) intersection over union of each of N masks of one size with each."""
        items = [m._native() for m in masks]
        if not items:
            return np.zeros((0, 0))
        return np.asarray(_codec().iou(items, items, [0] * len(items)), dtype=np.float64)

    @staticmethod
    def union(masks: Iterable[RLEMask]) -> RLEMask:
        """Union of at least one mask, all of the same size."""
        items = [m._native() for m in masks]
        merged = _codec().merge(items, intersect=False)
        return RLEMask((int(merged["size"][0]), int(merged["size"][1])), merged["counts"])
