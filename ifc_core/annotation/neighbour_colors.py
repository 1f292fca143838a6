"""Colours of tracks that touch: told apart at a glance, and changed as little as possible."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.frame_columns import boxes_of
from ifc_core.annotation.pointer_tables import AREA, FRAME, MASK, TRACK
from ifc_core.annotation.transaction import EditTransaction
from ifc_core.structures import Track
from ifc_core.structures.palette import OKABE_ITO, track_color

RGB = tuple[int, int, int]
FRAMES_LOOKED_AT = 40
_NUM_COLORS = 3 * len(OKABE_ITO)
_NEAR_PX = 3.0
_HUES = {track_color(i): i % len(OKABE_ITO) for i in range(_NUM_COLORS)}


def touching_boxes(
    frames: npt.NDArray[np.int64], track_ids: npt.NDArray[np.int64], boxes: npt.NDArray[np.float32]
) -> dict[int, set[int]]:
    """Tracks whose boxes touch on any of some frames.

    Args:
        frames: (n,) frame of each box.
        track_ids: (n,) its track.
        boxes: (n, 4) x, y, width, height in pixels.

    Returns:
        Track -> the tracks it touches.
    """
    touching: dict[int, set[int]] = defaultdict(set)
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:] + _NEAR_PX
    for frame in np.unique(frames):
        here = np.flatnonzero(frames == frame)
        meets = (low[here, None] <= high[None, here]).all(axis=-1)
        for first, second in np.argwhere(np.triu(meets & meets.T, 1)):
            one, other = int(track_ids[here[first]]), int(track_ids[here[second]])
            if one != other:
                touching[one].add(other)
                touching[other].add(one)
    return touching


def color_fresh_tracks(tx: EditTransaction, video_id: int, fresh: Collection[int]) -> None:
    """Give new tracks that look like one they touch another colour; others keep theirs.

    Args:
        tx: The edit that made them.
        video_id: Their video.
        fresh: Ids of the new tracks.
    """
    tracks = tx.tracks(video_id)
    shown = tx.pointer_table(video_id, [track.id for track in tracks])
    frames = np.unique(shown[np.isin(shown[:, TRACK], np.array(sorted(fresh))), FRAME])
    some = frames[:: max(1, len(frames) // FRAMES_LOOKED_AT)]
    shown = shown[np.isin(shown[:, FRAME], some) & (shown[:, AREA] > 0)]
    boxes = boxes_of(tx.db, tx.folder, shown[:, MASK].tolist(), tx.video(video_id).size)
    near = touching_boxes(shown[:, FRAME], shown[:, TRACK], boxes)
    colors = differing_colors(tracks, near, fresh)
    for track in tracks:
        if track.id in colors:
            tx.put_track(replace(track, color_rgb=colors[track.id]))


def differing_colors(
    tracks: Sequence[Track],
    touching: dict[int, set[int]],
    changeable: Collection[int] | None = None,
) -> dict[int, RGB]:
    """New colours for the tracks that look like one they touch; the others keep theirs.

    Args:
        tracks: The tracks; of two that look alike the later one changes.
        touching: Which touch, by track.
        changeable: Only these may change; all where left out.
    """
    colors = {track.id: track.color_rgb for track in tracks}
    used = Counter(colors.values())
    changed: dict[int, RGB] = {}
    for track in sorted(tracks, key=lambda t: t.id):
        near = [colors[i] for i in touching.get(track.id, ()) if i in colors]
        earlier = [colors[i] for i in touching.get(track.id, ()) if i < track.id and i in colors]
        if changeable is not None and track.id not in changeable:
            continue
        if not any(_alike(track.color_rgb, other) for other in earlier):
            continue
        choices = [track_color(i) for i in range(_NUM_COLORS)]
        best = min(
            choices, key=lambda c: (sum(_alike(c, other) for other in near), c in near, used[c])
        )
        if best != track.color_rgb:
            used[best] += 1
            colors[track.id] = changed[track.id] = best
    return changed


def _alike(first: RGB, second: RGB) -> bool:
    """Whether two colours are forms of one hue."""
    if first == second:
        return True
    return first in _HUES and _HUES[first] == _HUES.get(second)
