"""Colours of tracks that touch: told apart at a glance, and changed as little as possible."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from ifc_core.annotation import EditResult, Project, VideoEntry, edits
from ifc_core.annotation.edits import Edit
from ifc_core.structures import Track
from ifc_core.structures.palette import OKABE_ITO, track_color
from napari_ifc.controllers.editing import EditController

RGB = tuple[int, int, int]
_NUM_COLORS = 3 * len(OKABE_ITO)
_FRAMES_LOOKED_AT = 40
_NEAR_PX = 3.0
_HUES = {track_color(i): i % len(OKABE_ITO) for i in range(_NUM_COLORS)}


def make_neighbours_differ(
    project: Project, entry: VideoEntry, editor: EditController
) -> EditResult | None:
    """Give tracks that touch another one of their hue a hue of their own, in one edit.

    Args:
        project: The project.
        entry: The video.
        editor: Makes the edit.

    Returns:
        What changed, or ``None`` where all that touch differ already.
    """
    tracks = project.tracks(entry.id, include_rejected=False)
    steps: list[Edit] = [
        edits.SetTrack(track_id, color_rgb=color)
        for track_id, color in differing_colors(tracks, neighbours(project, entry)).items()
    ]
    return editor.apply(edits.Batch(tuple(steps), label="Recolour tracks")) if steps else None


def neighbours(project: Project, entry: VideoEntry) -> dict[int, set[int]]:
    """Tracks whose boxes touch on any of some frames spread over the video, by track."""
    touching: dict[int, set[int]] = defaultdict(set)
    step = max(1, entry.num_frames // _FRAMES_LOOKED_AT)
    for frame_index in range(0, entry.num_frames, step):
        boxes = sorted(
            (*record.rle.bbox_xywh, record.track_id)
            for record in project.masks_at(entry.id, frame_index)
            if record.rle is not None
        )
        for place, (x, y, w, h, track_id) in enumerate(boxes):
            for other_x, other_y, _, other_h, other_id in boxes[place + 1 :]:
                if other_x > x + w + _NEAR_PX:
                    break
                if other_y <= y + h + _NEAR_PX and y <= other_y + other_h + _NEAR_PX:
                    touching[track_id].add(other_id)
                    touching[other_id].add(track_id)
    return touching


def differing_colors(tracks: Sequence[Track], touching: dict[int, set[int]]) -> dict[int, RGB]:
    """New colours for the tracks that look like one they touch; the others keep theirs.

    Args:
        tracks: The tracks; of two that look alike the later one changes.
        touching: Which touch, by track.
    """
    colors = {track.id: track.color_rgb for track in tracks}
    used = Counter(colors.values())
    changed: dict[int, RGB] = {}
    for track in sorted(tracks, key=lambda t: t.id):
        near = [colors[i] for i in touching.get(track.id, ()) if i in colors]
        earlier = [colors[i] for i in touching.get(track.id, ()) if i < track.id and i in colors]
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
