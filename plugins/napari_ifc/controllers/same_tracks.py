"""Which tracks beside a range the instances of a run on that range go on."""

from __future__ import annotations

from ifc_core.annotation import Project, Scope, VideoEntry

_BESIDE = 5  # frames on either side of a range that tell which track goes on in it
_SAME_OBJECT_IOU = 0.5


def same_tracks(project: Project, entry: VideoEntry, run_id: int, scope: Scope) -> dict[int, int]:
    """Tracks by the instances of a run that go them on.

    Args:
        project: With what the run staged, beside the range too.
        entry: The video.
        run_id: The run.
        scope: Frames that the run may change; for all of them nothing is the same.

    Returns:
        Each instance and each track once at most, those first that agree best.
    """
    if scope.is_whole:
        return {}
    first, last = scope.bounds(entry.num_frames)
    overlaps: dict[tuple[int, int], list[float]] = {}
    for frame in (*range(max(0, first - _BESIDE), first), *range(last + 1, last + 1 + _BESIDE)):
        shown = project.masks_at(entry.id, frame)
        for staged in project.staged_masks_at(run_id, frame):
            for record in shown:
                if staged.rle is not None and record.rle is not None:
                    pair = (staged.instance_id, record.track_id)
                    overlaps.setdefault(pair, []).append(staged.rle.iou(record.rle))
    found: dict[int, int] = {}
    best = sorted(overlaps.items(), key=lambda item: -sum(item[1]) / len(item[1]))
    for (instance_id, track_id), ious in best:
        free = instance_id not in found and track_id not in found.values()
        if free and sum(ious) / len(ious) >= _SAME_OBJECT_IOU:
            found[instance_id] = track_id
    return found
