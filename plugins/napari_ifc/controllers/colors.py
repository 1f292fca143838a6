"""Colours of tracks that touch: told apart at a glance, and changed as little as possible."""

from __future__ import annotations

import numpy as np

from ifc_core.annotation import EditResult, Project, VideoEntry, edits
from ifc_core.annotation.edits import Edit
from ifc_core.annotation.neighbour_colors import (
    FRAMES_LOOKED_AT,
    differing_colors,
    touching_boxes,
)
from napari_ifc.controllers.editing import EditController


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
    step = max(1, entry.num_frames // FRAMES_LOOKED_AT)
    found = [
        (frame_index, record.track_id, *record.rle.bbox_xywh)
        for frame_index in range(0, entry.num_frames, step)
        for record in project.masks_at(entry.id, frame_index)
        if record.rle is not None
    ]
    table = np.array(found, dtype=np.float64).reshape(-1, 6)
    frames, ids = table[:, :2].astype(np.int64).T
    return touching_boxes(frames, ids, table[:, 2:].astype(np.float32))
