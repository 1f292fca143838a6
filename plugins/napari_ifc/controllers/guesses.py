"""A mask that was found in a box a person drew: theirs is the box, the mask is a guess.

It enters as a proposal that derives from the person's work: proposing again leaves it, a
propagation goes out from it, and until it is corrected or approved nothing learns from it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import (
    EditResult,
    FrameColumns,
    Project,
    Scope,
    StagedInstance,
    StagedMask,
    VideoEntry,
    edits,
)
from ifc_core.annotation.schema import SOURCE_CODE, STATE_CODE
from ifc_core.errors import IFCError
from ifc_core.structures import FrameState, MaskSource, RLEMask
from napari_ifc.controllers.editing import EditController

KIND = "propagate box"  # the store takes what such a run stages as derived
_NEVER_MATCH = 2.0  # no IoU reaches it: the guess begins a track of its own
Box = tuple[float, float, float, float]


def are_box_guesses(frames: FrameColumns) -> npt.NDArray[np.bool_]:
    """(n,) bool, which masks of a track are guesses for boxes that nobody decided on yet.

    What else derives from a person's masks has no link score: that of a guess says how well
    its own box fits the one that was drawn.
    """
    proposed = frames.state == STATE_CODE[FrameState.PROPOSED]
    derived = frames.source == SOURCE_CODE[MaskSource.DERIVED]
    return np.asarray(proposed & derived & ~np.isnan(frames.link_score), dtype=np.bool_)


def take_guess(
    project: Project,
    entry: VideoEntry,
    editor: EditController,
    rle: RLEMask,
    box_xyxy: Box,
    *,
    track_id: int | None,
    frame_index: int,
    confidence: float = 1.0,
) -> EditResult | None:
    """Take the mask for a box in as one edit; what stood there gives way, as was asked for.

    Args:
        project: The project.
        entry: The video.
        editor: Makes the edit.
        rle: The mask.
        box_xyxy: What the person drew, (x0, y0, x1, y1) in pixels.
        track_id: The track, or ``None`` for a new one, which is selected.
        frame_index: 0-based.
        confidence: How sure whoever found the mask is of it, 0 to 1. A new track scores this
            times how well the mask's box fits the drawn one: it is no person's mask, which
            would score 1.

    Returns:
        What changed; ``None`` where nothing is left of the mask or it is there already.

    Raises:
        EditError: It cannot be taken in; nothing was changed.
    """
    rle = editor.off_others(rle, track_id, frame_index)
    before = None if track_id is None else project.mask(track_id, frame_index)
    if not rle.area or (before is not None and before.rle == rle):
        return None
    number = 0 if track_id is None else track_id
    run_id = project.begin_run(KIND, entry.id, {"box_xyxy": list(box_xyxy)}, "")
    try:
        link = _box_iou(rle, box_xyxy)
        project.stage(run_id, frame_index, [StagedMask(number, rle, link_score=link)])
        label = editor.default_class()
        score = link * min(1.0, max(0.0, confidence))
        project.stage_instances(run_id, [StagedInstance(number, label, score, track_id)])
        project.finish_run(run_id)
        edit = _edit(project, entry, run_id, track_id, frame_index)
        return editor.apply(edit, select_added=track_id is None)
    except IFCError:
        project.discard_run(run_id)
        raise


def _edit(
    project: Project, entry: VideoEntry, run_id: int, track_id: int | None, frame_index: int
) -> edits.Edit:
    here = Scope.this_frame(frame_index)
    steps: list[edits.Edit] = []
    if project.frame_is_exhaustive(entry.id, frame_index):  # a guess on it is still to be seen
        steps.append(edits.UnapproveFrames(entry.id, here))
    if track_id is None:
        steps.append(edits.AcceptRun(run_id, replace_proposals=False, match_iou=_NEVER_MATCH))
        return edits.Batch(tuple(steps), label="New track")
    if project.mask(track_id, frame_index) is not None:
        steps.append(edits.ClearMasks((track_id,), here))
    steps.append(edits.AcceptPropagation(run_id))
    name = project.track(track_id).name
    named = f"track {track_id} ({name})" if name else f"track {track_id}"
    return edits.Batch(tuple(steps), label=f"Box {named}, frame {frame_index}")


def _box_iou(rle: RLEMask, box_xyxy: Box) -> float:
    """IoU of a mask's box with a drawn one, 0 to 1."""
    x, y, width, height = (float(value) for value in rle.bbox_xywh)
    x0, y0, x1, y1 = box_xyxy
    wide = max(0.0, min(x + width, x1) - max(x, x0))
    high = max(0.0, min(y + height, y1) - max(y, y0))
    shared = wide * high
    whole = width * height + (x1 - x0) * (y1 - y0) - shared
    return min(1.0, shared / max(1e-6, whole))
