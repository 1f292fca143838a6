"""Which frames a correction is taken to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, get_args

import numpy as np

from ifc_core.errors import ConfigError
from ifc_core.inference.clip_plan import canonical_window

Scope = Literal["clip", "forward", "backward", "both", "next", "gap"]

DEFAULT_CLIP_LENGTH = 5

DEFAULT_REACH = 150
"""Frames further than this from every correction get no mask."""


def scope_frames(
    scope: str,
    frame_index: int,
    num_frames: int,
    fixed: Collection[int] = (),
    clip_length: int = DEFAULT_CLIP_LENGTH,
    frame_step: int = 1,
    annotated: Collection[int] = (),
) -> range:
    """Frames of a scope, the corrected one among them.

    Args:
        scope: ``clip``: the clip of the canonical plan that centres the frame best;
            ``forward``, ``backward``, ``both``: to the ends of the video; ``next``: both ways,
            up to (and without) the next fixed frame on each side; ``gap``: the frames around it
            on which nothing is annotated.
        frame_index: The frame that was corrected, 0-based.
        num_frames: V.
        fixed: Frames that a person corrected or approved, in any order.
        clip_length: T, for ``clip``.
        frame_step: Distance of the frames of a clip, for ``clip``.
        annotated: Frames on which the track has a mask or is absent, for ``gap``.

    Returns:
        A range of step 1.

    Raises:
        ConfigError: The scope is unknown or the frame does not exist.
    """
    if scope not in get_args(Scope):
        raise ConfigError(
            f"The scope {scope!r} is unknown; choose one of {', '.join(get_args(Scope))}.",
            name="scope",
            value=scope,
        )
    if not 0 <= frame_index < num_frames:
        raise ConfigError(
            f"There is no frame {frame_index} in a video of {num_frames} frames.",
            name="frame_index",
            value=frame_index,
        )
    if scope == "clip":
        looked_at = range(frame_index % frame_step, num_frames, frame_step)
        window = canonical_window(looked_at.index(frame_index), len(looked_at), clip_length)
        return range(looked_at[window[0]], looked_at[window[-1]] + 1)
    if scope in ("next", "gap"):
        ends = {*fixed, *annotated} if scope == "gap" else fixed
        before = max((f for f in ends if f < frame_index), default=-1)
        after = min((f for f in ends if f > frame_index), default=num_frames)
        return range(before + 1, after)
    start = frame_index if scope == "forward" else 0
    stop = frame_index + 1 if scope == "backward" else num_frames
    return range(start, stop)


def within_reach(
    frames: Iterable[int], corrected: Collection[int], reach: int = DEFAULT_REACH
) -> list[int]:
    """Frames that a correction is taken to: not corrected, and near enough to one that is.

    Args:
        frames: Of the scope.
        corrected: Corrected frames, in any order.
        reach: The largest distance in frames.

    Returns:
        Those of ``frames``, in their order.
    """
    known = np.unique(np.fromiter(corrected, dtype=np.int64))
    asked = np.fromiter(frames, dtype=np.int64)
    if not len(known):
        return []
    place = np.searchsorted(known, asked)
    before, after = known[np.maximum(place - 1, 0)], known[np.minimum(place, len(known) - 1)]
    distance = np.minimum(np.abs(asked - before), np.abs(asked - after))
    near: list[int] = asked[(distance > 0) & (distance <= reach)].tolist()
    return near
