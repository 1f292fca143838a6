"""A suspected division on the review page of a real window: its buttons, keys and ghost."""

import pytest
from fake_engine import NUM_FRAMES, SIZE, disc
from qtpy.QtCore import Qt

from ifc_core.annotation import StagedInstance, StagedMask, edits
from ifc_core.inference.review_queue import Reason
from ifc_core.structures import FrameState
from napari_ifc.features.review import Review

AT = 5
MOTHER = disc(SIZE, (24, 32), 11)

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def review(desk, qtbot):
    """The page in front, on a cell that divides; its first entry is the division."""
    project = desk.project
    run = project.begin_run("propose", desk.video_id, {}, "")
    for frame in range(NUM_FRAMES):
        row = [(0, MOTHER)]
        if frame >= AT:
            row = [(1, disc(SIZE, (24, 24), 7.5)), (2, disc(SIZE, (24, 40), 7.5))]
        project.stage(run, frame, [StagedMask(i, rle, 0.9, 0.05, 0.95) for i, rle in row])
    project.stage_instances(run, [StagedInstance(i, "cell", 0.9) for i in range(3)])
    project.finish_run(run)
    desk.editor.apply(edits.AcceptRun(run))
    desk.studio.panel.show_page("review")
    found = desk.studio.feature(Review)
    idle(found, qtbot)
    desk.studio.run_action("review.next")
    assert found.controller.current.reason is Reason.DIVISION
    return found


def idle(review, qtbot):
    qtbot.waitUntil(lambda: not review.controller.is_busy, timeout=60_000)


def press(desk, key):
    (action,) = [action for action in desk.studio.actions if action.shortcut == key]
    assert desk.studio.run_action(action.id)


def parents(desk):
    return [t.parent_id for t in desk.project.tracks(desk.video_id) if t.parent_id is not None]


def ghosts(review, frame_index):
    return [(mask.track_id, mask.rle) for mask in review._ghosts(frame_index) if mask.ghost]


def test_space_links_and_undo_comes_back(desk, review, qtbot):
    entry, page = review.controller.current, review.page
    mother, low, high = entry.parent_id, *sorted((entry.track_id, entry.other_id))
    assert page._buttons["review.accept"].text() == "Link  Space"
    assert page._buttons["review.accept"].property("role") == "primary"
    assert page._buttons["review.fix"].isHidden()
    assert page._buttons["review.reject"].text() == "Not a division  U"
    assert all(page._buttons[f"review.{name}"].isEnabled() for name in ("accept", "reject"))
    row = page.model.data(page.model.index(0), Qt.ItemDataRole.UserRole)
    assert (row.title, row.icon) == (f"Track {mother} → {low}, {high}", "divide")
    assert page._why.text().startswith("May have divided here. Link makes them mother")
    assert desk.studio.layers.frame_index == AT
    assert set(desk.editor.selected) == {mother, low, high}
    press(desk, "Space")
    assert desk.said == f"Track {mother} divides into {low} and {high}."
    assert parents(desk) == [mother] * 2
    idle(review, qtbot)
    assert review.controller.current.reason is not Reason.DIVISION
    assert page._buttons["review.accept"].text() == "Accept  Space"
    assert desk.studio.run_action("edit.undo")
    idle(review, qtbot)
    assert review.controller.current.key == entry.key
    assert desk.studio.layers.frame_index == AT


def test_the_other_key_turns_it_down_and_approves_nothing(desk, review, qtbot):
    entry = review.controller.current
    press(desk, "U")
    assert desk.said.startswith(f"Track {entry.parent_id} did not divide into ")
    assert parents(desk) == []
    assert desk.project.mask(entry.track_id, AT).state is FrameState.PROPOSED
    assert desk.project.history()[0].label == f"No division of track {entry.parent_id}, frame {AT}"
    idle(review, qtbot)
    reasons = [
        review.controller.entries["reason"][n] for n in range(len(review.controller.entries))
    ]
    assert [*Reason].index(Reason.DIVISION) not in reasons


def test_the_mother_is_seen_as_a_ghost_while_the_division_is_looked_at(desk, review, qtbot):
    mother = review.controller.current.parent_id
    assert ghosts(review, AT) == [(mother, MOTHER)]
    assert ghosts(review, AT + 1) == []
    desk.studio.run_action("review.next")
    desk.studio.layers.go_to(AT)
    assert ghosts(review, AT) == []
    desk.studio.run_action("review.previous")
    desk.editor.apply(edits.DeleteTracks((mother,)))
    idle(review, qtbot)
    assert ghosts(review, AT) == []
