"""COCO count strings of many masks at once, from the places where their pixels change."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MOST_BYTES = 7  # of one number: 35 bits


def count_strings(
    changes: npt.NDArray[np.integer], owners: npt.NDArray[np.integer], num_masks: int, pixels: int
) -> list[bytes]:
    """Encode masks that are given by their changes.

    Args:
        changes: (K,) places in column-major order, ascending in each mask, at which a pixel
            differs from the one before it; before the first pixel there is background.
        owners: (K,) ascending, the mask of each change, 0 to ``num_masks`` - 1.
        num_masks: Masks; those without a change are empty.
        pixels: Of one mask.

    Returns:
        The compressed counts of each mask, as ``RLEMask.counts``.
    """
    per_mask = np.bincount(owners, minlength=num_masks)
    stops = np.cumsum(per_mask + 1)  # the run after the last change ends with the mask
    starts = stops - per_mask - 1
    edges = np.full(int(stops[-1]) if num_masks else 0, pixels, dtype=np.int64)
    own = np.ones(len(edges), dtype=bool)
    own[stops - 1] = False
    edges[own] = changes
    runs = np.diff(edges, prepend=0)
    runs[starts] = edges[starts]
    # From its fourth run on a mask stores the difference to the run before the last.
    place = np.arange(len(runs)) - np.repeat(starts, per_mask + 1)
    late = np.flatnonzero(place > 2)
    values = runs.copy()
    values[late] -= runs[late - 2]
    text, lengths = _digits(values)
    ends = np.cumsum(lengths)[stops - 1]
    whole = text.tobytes()
    return [whole[a:b] for a, b in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=False)]


def _digits(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Each number in groups of five bits, lowest first, with its sign in the last group."""
    lengths = np.ones(len(values), dtype=np.int64)
    for count in range(1, _MOST_BYTES):
        bound = 1 << (5 * count - 1)
        lengths += (values < -bound) | (values >= bound)
    first = np.cumsum(lengths) - lengths
    text = np.empty(int(lengths.sum()), dtype=np.uint8)
    for group in range(int(lengths.max(initial=0))):
        chosen = np.flatnonzero(lengths > group)
        digit = (values[chosen] >> (5 * group)) & 31
        more = (lengths[chosen] > group + 1) << 5
        text[first[chosen] + group] = (digit | more) + 48
    return text, lengths
