"""The masks of the frame that is shown are those of the project, however it was edited."""

import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import Scope, edits
from napari_ifc.controllers.canvas import FrameRecords
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.tracks import TrackIndex

FRAME = 3


@pytest.fixture
def shown(session, monkeypatch):
    """What is kept of frame 3 with two tracks on it, and how often all of a frame was read."""
    project, entry = session.project, session.entry
    editor = EditController(
        project, entry, TrackIndex(project, entry.id), on_changed=lambda result: None
    )
    for column in (15, 40):
        editor.select(())
        editor.commit_rle(disc(SIZE, (20, column), 8), "Paint", frame_index=FRAME)
    reads = []
    whole = project.masks_at

    def masks_at(video_id, frame_index, **more):
        reads.append(frame_index)
        return whole(video_id, frame_index, **more)

    monkeypatch.setattr(project, "masks_at", masks_at)
    kept = FrameRecords(project, entry.id)
    project.subscribe(kept.take)
    return editor, kept, reads, lambda: whole(entry.id, FRAME)


def test_a_stroke_has_one_mask_read_again(shown):
    editor, kept, reads, truth = shown
    assert kept.at(FRAME) == truth()
    for radius in (5, 6, 7):
        editor.commit_rle(disc(SIZE, (24, 20), radius), "Paint", track_id=1, frame_index=FRAME)
        assert kept.at(FRAME) == kept.known(FRAME) == truth()
    editor.commit_rle(disc(SIZE, (24, 20), 4), "Paint", track_id=1, frame_index=FRAME + 1)
    assert kept.at(FRAME) == truth()
    assert reads == [FRAME]
    assert kept.known(FRAME + 1) == []
    kept.at(FRAME + 1)
    assert reads == [FRAME, FRAME + 1]


def test_it_is_the_projects_after_every_kind_of_edit_and_its_undoing(shown, session):
    editor, kept, _, truth = shown
    here = Scope.this_frame(FRAME)
    video_id = session.entry.id
    changes = [
        edits.MarkAbsent(1, here),
        edits.SetMask(1, FRAME, disc(SIZE, (10, 10), 4)),
        edits.RejectTracks((2,)),
        edits.SetZOrder(video_id, (2, 1)),
        edits.SwapIdentities(1, 2, Scope.from_here(0)),
        edits.NewTrack(video_id, 1, FRAME, disc(SIZE, (30, 30), 5)),
        edits.ClearMasks((1,), here),
        edits.ApproveFrames(video_id, here),
        edits.DeleteTracks((2,)),
    ]
    for change in changes:
        editor.apply(change)
        assert kept.at(FRAME) == truth(), change
    for step in (editor.undo, editor.redo):
        for _ in changes:
            step()
            assert kept.at(FRAME) == truth()


def test_of_a_project_that_somebody_else_writes_nothing_is_kept(session):
    session.project.read_only = True
    kept = FrameRecords(session.project, session.entry.id)
    kept.at(FRAME)
    assert kept.known(FRAME) == []
