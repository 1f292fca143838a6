"""Identity switches: true instances whose predicted track changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are loaded when they are first asked for

from ifc_core.io.ytvis import YtvisTrack
from ifc_core.structures import RLEMask


@dataclass(frozen=True, slots=True)
class IdentitySwitch:
    """A true instance that is followed by another predicted track than before.

    Attributes:
        truth_id: The true track.
        frame_index: First frame of the new predicted track.
        before_id: Predicted track until then.
        after_id: Predicted track from then on.
    """

    truth_id: int
    frame_index: int
    before_id: int
    after_id: int


def identity_switches(
    predicted: Sequence[YtvisTrack], truth: Sequence[YtvisTrack], min_iou: float = 0.5
) -> list[IdentitySwitch]:
    """Follow each true instance through the video and note where its track changes.

    On each frame, pairs from the frame before are kept where they still overlap by
    ``min_iou``; the rest is assigned to maximise IoU. Frames without a match do not count as
    a change.

    Source: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008
    (the correspondence rule of CLEAR MOT, with mask IoU).

    Args:
        predicted: Tracks of one video.
        truth: True tracks of the same video and length.
        min_iou: Least IoU of a match.

    Returns:
        The switches by frame.
    """
    num_frames = max((len(t.segmentations) for t in (*predicted, *truth)), default=0)
    last: dict[int, int] = {}  # place in truth -> place in predicted, at its last match
    switches: list[IdentitySwitch] = []
    for frame in range(num_frames):
        ious = _frame_ious(predicted, truth, frame)
        for t, p in _match_frame(ious, last, min_iou):
            if t in last and last[t] != p:
                switches.append(
                    IdentitySwitch(truth[t].id, frame, predicted[last[t]].id, predicted[p].id)
                )
            last[t] = p
    return switches


def _frame_ious(
    predicted: Sequence[YtvisTrack], truth: Sequence[YtvisTrack], frame: int
) -> dict[tuple[int, int], float]:
    """(place in truth, place in predicted) -> IoU, where it is not 0."""
    ious: dict[tuple[int, int], float] = {}
    for t, true_track in enumerate(truth):
        wanted = _mask_at(true_track, frame)
        if wanted is None:
            continue
        for p, track in enumerate(predicted):
            found = _mask_at(track, frame)
            if found is not None:
                iou = found.iou(wanted)
                if iou > 0:
                    ious[t, p] = iou
    return ious


def _mask_at(track: YtvisTrack, frame: int) -> RLEMask | None:
    return track.segmentations[frame] if frame < len(track.segmentations) else None


def _match_frame(
    ious: dict[tuple[int, int], float], last: dict[int, int], min_iou: float
) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    used_truth: set[int] = set()
    used_predicted: set[int] = set()
    for t, p in sorted(last.items(), key=lambda pair: -ious.get(pair, 0.0)):
        if ious.get((t, p), 0.0) >= min_iou and p not in used_predicted:
            kept.append((t, p))
            used_truth.add(t)
            used_predicted.add(p)
    free = {
        pair: iou
        for pair, iou in ious.items()
        if iou >= min_iou and pair[0] not in used_truth and pair[1] not in used_predicted
    }
    rows = sorted({t for t, _ in free})
    columns = sorted({p for _, p in free})
    gain = np.zeros((len(rows), len(columns)))
    for (t, p), iou in free.items():
        gain[rows.index(t), columns.index(p)] = iou
    chosen = zip(*scipy.optimize.linear_sum_assignment(gain, maximize=True), strict=True)
    return kept + [(rows[r], columns[c]) for r, c in chosen if gain[r, c] > 0]
