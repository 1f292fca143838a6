"""What a fine-tuning judges by where whole frames do not show the objects: parts of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ifc_core.data.labelled_video import LabelledVideo, cut_out
from ifc_core.data.small_objects import judging_windows
from ifc_core.training.held_out_split import restrict, some_frames

_MOST_WINDOWS = 4  # of a frame


def judged_parts(
    videos: Sequence[LabelledVideo], most: int, short_side: int
) -> tuple[LabelledVideo, ...]:
    """At most so many frames, or parts of frames whose objects are too small for all of it.

    Args:
        videos: Labelled.
        most: Frames and parts together.
        short_side: To which whole frames are brought, in pixels.
    """
    parts = close_views(tuple(some_frames(videos, most)), short_side)
    return tuple(some_frames(parts, most))


def close_views(videos: Sequence[LabelledVideo], short_side: int) -> tuple[LabelledVideo, ...]:
    """The videos, with parts in place of those frames whose objects are all too small.

    A run in tiles sees such objects as the parts show them; on the whole frame no model finds
    them, so that nothing learnt of them would count.

    Args:
        videos: Labelled.
        short_side: To which whole frames are brought, in pixels.
    """
    return tuple(view for video in videos for view in _views(video, short_side))


def _views(video: LabelledVideo, short_side: int) -> Iterator[LabelledVideo]:
    frames = video.labelled_frames
    windows = {f: judging_windows(video, f, short_side, _MOST_WINDOWS) for f in frames}
    whole = [frame for frame in frames if not windows[frame]]
    if whole:
        yield video if len(whole) == len(frames) else restrict(video, whole)
    for frame in frames:
        for window in windows[frame]:
            yield cut_out(video, window, [frame])
