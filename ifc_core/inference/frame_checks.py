"""Frames that other programs hand to a run, looked at before the network sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ifc_core.errors import InputError

_WANTED = "frames are pairs of (frame index, (H, W, 3) uint8 RGB)"


def checked_frames(frames: Iterable[Any]) -> Iterator[Any]:
    """The same frames, one by one.

    Args:
        frames: Of a reader, a camera or a person's own loop.

    Yields:
        Each as it came.

    Raises:
        InputError: One is no pair, has another kind or shape than a frame, another size than the
            first one, or an index that is not above the one before.
    """
    first: tuple[int, ...] = ()
    before: int | None = None
    for frame in frames:
        try:
            index, image = frame
            number = int(index)
        except (TypeError, ValueError):
            raise InputError(f"A frame came as {_kind(frame)}; {_WANTED}.") from None
        shape, dtype = tuple(getattr(image, "shape", ())), str(getattr(image, "dtype", ""))
        if len(shape) != 3 or shape[2] != 3 or dtype.removeprefix("torch.") != "uint8":
            raise InputError(f"Frame {number} came as {_kind(image)}; {_WANTED}.")
        first = first or shape
        if shape != first:
            raise InputError(
                f"Frame {number} is {shape[1]} x {shape[0]} pixels, those before it {first[1]} x "
                f"{first[0]}; bring all frames of a run to one size."
            )
        if before is not None and number <= before:
            raise InputError(
                f"Frame {number} came after frame {before}; the indices of frames must ascend."
            )
        before = number
        yield frame


def _kind(value: object) -> str:
    """What something is, in words."""
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    return f"a {type(value).__name__}"
