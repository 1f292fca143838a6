"""COCO count strings of many masks at once, made where the masks are.

A person's masks have hundreds of runs each, those of an untrained network thousands. Turned into
text on the device, only that text leaves it, and no thread of the host has to keep up.
"""

from __future__ import annotations

import torch
from torch import Tensor

_MOST_DIGITS = 7  # of one number: 35 bits


def count_strings(masks: Tensor) -> list[bytes]:
    """Encode masks.

    Args:
        masks: (n, pixels) bool in column-major order.

    Returns:
        The compressed counts of each mask, as ``RLEMask.counts``; ``b""`` for one without a pixel.
    """
    count, pixels = masks.shape
    if not count:
        return []
    differs = torch.empty_like(masks)
    differs[:, 0] = masks[:, 0]
    torch.ne(masks[:, 1:], masks[:, :-1], out=differs[:, 1:])
    places = differs.flatten().nonzero()[:, 0]  # waits for the device
    values, first, last = _numbers(places, count, pixels)
    text, stops = _text(values)
    ends = [0, *stops[last].tolist()]  # waits again
    whole = text.cpu().numpy().tobytes()
    sizes = (last - first).tolist()
    return [
        whole[begin:end] if size else b""
        for begin, end, size in zip(ends[:-1], ends[1:], sizes, strict=True)
    ]


def _numbers(places: Tensor, count: int, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """What a count string spells, for all masks in a row.

    Args:
        places: Ascending places in all masks, one after the other, where a pixel differs from
            the one before it.
        count: n.
        pixels: Of one mask.

    Returns:
        The numbers, and the first and the last of each mask.
    """
    device = places.device
    numbers = torch.arange(count, device=device)
    owners = places // pixels
    before = torch.searchsorted(places, torch.arange(count + 1, device=device) * pixels)
    # A mask ends its last run itself, so each one before a change adds an edge.
    edges = torch.full((len(places) + count,), pixels, dtype=torch.long, device=device)
    edges[torch.arange(len(places), device=device) + owners] = places - owners * pixels
    first, last = before[:-1] + numbers, before[1:] + numbers
    runs = edges.clone()
    runs[1:] -= edges[:-1]
    runs[first] = edges[first]
    own = first.repeat_interleave(last - first + 1, output_size=len(edges))
    place = torch.arange(len(edges), device=device) - own
    # From its fourth run on a mask stores the difference to the run before the last.
    return torch.where(place > 2, runs - runs.roll(2), runs), first, last


def _text(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each number in groups of five bits, lowest first, its sign in the last; and where it ends."""
    lengths = torch.ones_like(values)
    for digits in range(1, _MOST_DIGITS):
        bound = 1 << (5 * digits - 1)
        lengths += (values < -bound) | (values >= bound)
    stops = lengths.cumsum(0)
    total = int(stops[-1])
    text = torch.empty(total + 1, dtype=torch.uint8, device=values.device)
    for group in range(_MOST_DIGITS):
        digit = (values >> (5 * group)) & 31
        more = (lengths > group + 1).long() << 5
        target = torch.where(lengths > group, stops - lengths + group, total)
        text[target] = ((digit | more) + 48).to(torch.uint8)
    return text[:total], stops
