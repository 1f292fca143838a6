"""The count of frames that would be learned from is what a snapshot takes, whatever came since."""

from pathlib import Path

import numpy as np

from ifc_core.annotation import Scope, StagedMask, edits
from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.structures import Category, RLEMask, TrackKind
from napari_ifc.controllers.finetune import material_of


def _square(size: tuple[int, int], top: int, left: int) -> RLEMask:
    mask = np.zeros(size, bool)
    mask[top : top + 12, left : left + 12] = True
    return RLEMask.from_array(mask)


def test_frames_that_are_complete_no_more_are_not_counted_as_such(session, tmp_path: Path) -> None:
    """A proposal that came since is not known to be right; a region that was rejected is none."""
    project, video = session.project, session.entry
    here, corner = Scope.this_frame(4), _square(video.size, 0, 0)
    project.apply(edits.SetCategory(Category(1, "square")))
    project.apply(edits.NewTrack(video.id, 1, 4, _square(video.size, 20, 20)))
    run = project.begin_run("propose", video.id, {})
    project.stage(run, 4, [StagedMask(1, corner)])
    project.finish_run(run)
    (proposed,) = project.apply(edits.AcceptRun(run)).tracks_added
    region = edits.NewTrack(video.id, 1, 4, corner, kind=TrackKind.CROWD)
    (region_id,) = project.apply(region).tracks_added
    project.apply(edits.ApproveFrames(video.id, here))
    steps = (
        (edits.SetTrack(proposed, name="one"), 0),
        (edits.RejectMasks((region_id,), here), 1),
        (edits.RejectMasks((proposed,), here), 1),
        (edits.RestoreTracks((proposed,)), 0),
    )
    for number, (edit, complete) in enumerate(steps):
        project.apply(edit)
        (copied,) = make_snapshot(project, tmp_path / f"run-{number}").videos
        assert material_of(project).exhaustive == len(copied.exhaustive) == complete
