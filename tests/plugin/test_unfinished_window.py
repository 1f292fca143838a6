"""No frame is approved without the masks that a run shows on it, unless a person means it."""

import pytest

from napari_ifc.rows import FrameRange

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def spreading(desk, qtbot):
    """A propagation from frame 3 that waits: frames 0, 1, 2 and 4 show its masks."""
    track_id = desk.corrected()
    qtbot.waitUntil(desk.correction.strip.start.isEnabled)
    desk.engine.pause_after = 3
    desk.correction.strip.start.click()
    qtbot.waitUntil(lambda: len(desk.correction.spreader.staged_frames) == 4)
    yield track_id
    if desk.correction.spreader.staged_frames:
        desk.correction.strip.cancel.click()
        qtbot.waitUntil(lambda: not desk.correction.spreader.staged_frames)


def test_a_frame_with_masks_of_a_propagation_is_approved_when_asked_again(desk, spreading, qtbot):
    studio = desk.studio
    studio.layers.go_to(1)
    studio.run_action("frame.approve")
    assert desk.said == (
        "1 mask of a run that is not done is seen here, and not stored yet; press A again to "
        "approve without it."
    )
    assert not desk.editor.frame_is_approved()
    studio.layers.go_to(2)
    studio.run_action("frame.approve")  # it is asked on each frame
    assert not desk.editor.frame_is_approved()
    studio.run_action("frame.approve")
    assert desk.editor.frame_is_approved()
    studio.run_action("frame.approve")  # taking it back asks for nothing
    assert not desk.editor.frame_is_approved()
    studio.run_action("frame.approve")
    studio.run_action("frame.approve")
    studio.layers.go_to(6)
    studio.run_action("frame.approve")  # the run has not come here
    assert desk.editor.frame_is_approved()
    with qtbot.waitSignal(desk.correction.signals.spread_finished):
        desk.engine.release()
    frames = {f.frame_index for f in desk.project.track_frames(spreading)}
    assert frames == {0, 1, 3, 4, 5, 7}  # why it was asked
    studio.layers.go_to(1)
    studio.run_action("frame.approve")  # they are stored
    assert desk.editor.frame_is_approved()


def test_it_is_asked_anew_during_another_run(desk, spreading, qtbot):
    studio, strip = desk.studio, desk.correction.strip
    studio.layers.go_to(1)
    studio.run_action("frame.approve")
    strip.cancel.click()
    qtbot.waitUntil(lambda: not desk.correction.spreader.staged_frames)
    studio.layers.go_to(3)
    strip.start.click()
    qtbot.waitUntil(lambda: len(desk.correction.spreader.staged_frames) == 4)
    studio.layers.go_to(1)
    studio.run_action("frame.approve")
    assert "not stored yet" in desk.said
    assert not desk.editor.frame_is_approved()


def test_marked_frames_with_masks_of_a_propagation_are_approved_when_asked_again(desk, spreading):
    timeline = desk.studio.timeline
    timeline.mark(FrameRange(0, 2, ()))
    desk.studio.run_action("range.approve")
    assert "3 masks of a run that is not done" in desk.said
    assert not desk.project.exhaustive_frames(desk.video_id)
    desk.studio.run_action("range.approve")
    assert set(desk.project.exhaustive_frames(desk.video_id)) == {0, 1, 2}


def test_a_frame_with_proposals_of_a_run_is_approved_when_asked_again(desk, qtbot):
    studio = desk.studio
    desk.engine.pause_after = 4
    studio.run_action("propose.start")
    proposer = studio.workspace.proposer
    qtbot.waitUntil(lambda: proposer.num_provisional(range(10)) == 10)
    studio.layers.go_to(2)
    studio.run_action("frame.approve")
    assert "2 masks of a run that is not done are seen here" in desk.said
    assert not desk.editor.frame_is_approved()
    studio.run_action("frame.approve")
    assert desk.editor.frame_is_approved()


def test_masks_beside_the_frames_that_are_proposed_on_anew_are_not_waited_for(desk, qtbot):
    studio = desk.studio
    desk.engine.pause_after = 8
    studio.timeline.mark(FrameRange(2, 3, ()))
    studio.run_action("range.repropose")
    proposer = studio.workspace.proposer
    qtbot.waitUntil(lambda: proposer.num_provisional(range(10)) == 4)
    qtbot.waitUntil(lambda: bool(proposer.provisional_at(7)))  # looked at, and dropped at the end
    studio.layers.go_to(7)
    studio.run_action("frame.approve")
    assert desk.editor.frame_is_approved()
    studio.layers.go_to(3)
    studio.run_action("frame.approve")
    assert not desk.editor.frame_is_approved()
