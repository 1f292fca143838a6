"""Which frame is meant by what a person types: a number, or a time."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from ifc_core.errors import IFCError
from napari_ifc.language import tr

_NUMBER = re.compile(r"[0-9]{1,12}")
_TIME = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-9]{1,2}(?:\.[0-9]{1,6})?)")


def frame_of(text: str, num_frames: int, fps: float, times: Sequence[float] = ()) -> int:
    """The frame that is meant.

    Args:
        text: A frame number, or m:ss or h:mm:ss, where a second may have decimals.
        num_frames: Of the video.
        fps: Its frames a second; 0 where they are unknown.
        times: Seconds of each frame after the first one, where they are known; the rate may vary.
            A time means the frame that is shown then.

    Raises:
        IFCError: It is neither, or lies outside the video.
    """
    text = text.strip()
    time = _TIME.fullmatch(text)
    if _NUMBER.fullmatch(text):
        frame = int(text)
    elif time and fps > 0:
        seconds = 3600 * int(time[1] or 0) + 60 * int(time[2]) + float(time[3])
        frame = _shown_at(seconds, fps, times)
    elif time:
        raise IFCError(tr("Nobody knows the times of these frames; type a frame number."))
    elif fps > 0:
        raise IFCError(tr("Type a frame number, or a time such as 1:05."))
    else:
        raise IFCError(tr("Type a frame number."))
    if frame >= num_frames:
        text = tr("The video has frames 0 to {last} only.")
        raise IFCError(text.format(last=num_frames - 1))
    return frame


def _shown_at(seconds: float, fps: float, times: Sequence[float]) -> int:
    if not len(times):
        return int(seconds * fps + 1e-6)
    if seconds >= times[-1] + 1 / fps:  # the last frame is over by then
        return len(times)
    return max(0, bisect_right(times, seconds + 1e-6) - 1)
