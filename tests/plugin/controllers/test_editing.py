import numpy as np
import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation import Scope, edits
from ifc_core.errors import EditError
from ifc_core.structures import FrameState
from napari_ifc.controllers.editing import Aim, EditController
from napari_ifc.controllers.tracks import TrackIndex


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def desk(session):
    """An edit controller, what it told, and its clock."""
    index = TrackIndex(session.project, session.entry.id)
    told = []
    clock = Clock()
    editor = EditController(session.project, session.entry, index, told.append, clock)
    return editor, session.project, told, clock


def paint(editor, center, radius=5):
    mask = disc(SIZE, center, radius).to_array()
    return editor.commit_mask(mask | (editor.mask_to_edit() != 0), "Paint")


def test_the_first_stroke_begins_a_track_with_a_class(desk):
    editor, project, told, _ = desk
    result = paint(editor, (20, 20))
    assert editor.selected == result.tracks_added
    assert [c.name for c in project.categories()] == ["object"]
    assert told == [result]
    editor.undo()
    assert project.categories() == []
    assert editor.selected == ()


def test_the_second_stroke_adds_to_the_first(session):
    """Whoever is told of the first stroke puts the new track's mask under the brush."""
    index = TrackIndex(session.project, session.entry.id)
    under_the_brush = []
    editor = EditController(
        session.project,
        session.entry,
        index,
        lambda _: under_the_brush.append(editor.mask_to_edit()),
        Clock(),
    )
    paint(editor, (20, 20))
    assert under_the_brush[-1][20, 20]
    drawn = under_the_brush[-1] | disc(SIZE, (34, 44), 5).to_array().view(np.uint8)
    editor.commit_mask(drawn, "Paint")
    mask = session.project.mask(editor.current, 0).rle.to_array()
    assert mask[20, 20]
    assert mask[34, 44]


def test_a_stroke_goes_to_the_mask_it_was_drawn_on_whatever_is_selected_by_its_end(desk):
    editor, project, _, _ = desk
    first = paint(editor, (20, 20)).tracks_added[0]
    editor.select(())
    second = paint(editor, (30, 50)).tracks_added[0]
    editor.select((first,))
    aim, drawn = editor.aim, disc(SIZE, (22, 20), 6)
    editor.select((second,))
    editor.go_to(4)
    editor.commit_mask(drawn.to_array(), "Paint", aim)
    assert project.mask(first, 0).rle == drawn
    assert project.mask(second, 0).rle == disc(SIZE, (30, 50), 5)
    assert editor.selected == (second,)
    assert editor.commit_mask(drawn.to_array(), "Paint", Aim(None, 2)).tracks_added == (3,)
    assert project.mask(3, 2).rle == drawn


def test_a_stroke_on_a_track_that_is_gone_is_dropped_with_a_sentence(desk):
    editor, project, _, _ = desk
    paint(editor, (20, 20))
    aim = editor.aim
    editor.delete()
    with pytest.raises(EditError, match="Track 1 is gone"):
        editor.commit_mask(disc(SIZE, (20, 20), 9).to_array(), "Paint", aim)
    assert project.tracks(1) == []


def test_a_stroke_that_changes_nothing_is_no_edit(desk):
    editor, project, told, _ = desk
    assert editor.commit_mask(np.zeros(SIZE), "Paint") is None
    paint(editor, (20, 20))
    count = len(project.history())
    assert editor.commit_mask(editor.mask_to_edit(), "Paint") is None
    editor.go_to(3)
    assert editor.commit_mask(np.zeros(SIZE), "Erase") is None
    assert len(project.history()) == count
    assert len(told) == 1


def test_a_rejected_mask_is_nothing_that_a_stroke_starts_from(desk):
    editor, project, _, _ = desk
    track = paint(editor, (20, 20)).tracks_added[0]
    project.apply(edits.RejectMasks((track,), Scope(0, 0)))
    assert not editor.mask_to_edit().any()
    assert editor.why_not_reshape() == "The current track has no mask on this frame."
    assert editor.commit_mask(np.zeros(SIZE), "Erase") is None
    assert project.mask(track, 0).state is FrameState.REJECTED
    paint(editor, (34, 44), 4)
    assert project.mask(track, 0).rle == disc(SIZE, (34, 44), 4)
    project.apply(edits.RejectMasks((track,), Scope(0, 0)))
    editor.commit_mask(disc(SIZE, (34, 44), 4).to_array(), "Paint")  # the same one after all
    assert project.mask(track, 0).state is FrameState.CORRECTED


def test_time_spent_is_stored_and_a_coffee_break_is_not(desk):
    editor, project, _, clock = desk
    clock.now = 4.0
    paint(editor, (20, 20))
    track = editor.current
    assert seconds_spent(project, track) == pytest.approx(4.0)
    clock.now = 4000.0
    paint(editor, (30, 30))
    assert seconds_spent(project, track) <= 60.0


def seconds_spent(project, track_id):
    """What the database keeps of how long the mask on the first frame took."""
    query = "SELECT seconds_spent FROM masks WHERE id = ?"
    return project._db.execute(query, (project.mask(track_id, 0).id,)).fetchone()[0]


def test_approving_a_frame_twice_takes_it_back(desk):
    editor, project, _, _ = desk
    paint(editor, (20, 20))
    editor.approve_frame()
    assert editor.frame_is_approved()
    assert project.mask(editor.current, 0).state is FrameState.APPROVED
    editor.approve_frame()
    assert not editor.frame_is_approved()


def test_every_refusal_has_a_sentence(desk):
    editor, _, _, _ = desk
    assert editor.why_not_redo()
    assert editor.why_not_selected() == "Select a track first."
    paint(editor, (20, 20))
    assert not editor.why_not_selected()
    assert "two or more" in editor.why_not_merge()
    assert "exactly two" in editor.why_not_swap()
    assert "inside the track" in editor.why_not_split()
    editor.go_to(1)
    paint(editor, (20, 22))
    assert not editor.why_not_split()
    assert not editor.why_not_undo()


def test_relabel_makes_a_class_once(desk):
    editor, project, _, _ = desk
    paint(editor, (20, 20))
    editor.relabel("fish")
    editor.relabel("fish")
    assert sorted(c.name for c in project.categories()) == ["fish", "object"]
    assert project.track(editor.current).category_id == 2


def test_going_to_a_step_and_back(desk):
    editor, project, _, _ = desk
    paint(editor, (20, 20))
    for column in (25, 30, 35):
        paint(editor, (20, column))
    rows = editor.history()
    final = project.mask(editor.current, 0).rle
    track = editor.current
    first_paint = rows[2].number
    editor.go_to_step(first_paint)
    assert [r.undone for r in editor.history()[:3]] == [True, True, False]
    assert project.mask(track, 0).rle != final
    editor.go_to_step(rows[0].number)
    assert not any(r.undone for r in editor.history())
    assert project.mask(track, 0).rle == final


def test_the_shown_video_is_never_undone(desk):
    editor, project, _, _ = desk
    assert editor.why_not_undo() == "There is nothing to undo."
    with pytest.raises(EditError, match="brought the video in"):
        editor.undo()
    assert len(project.videos()) == 1
    paint(editor, (20, 20))
    assert not editor.why_not_undo()
    editor.go_to_step(project.history()[-1].seq)
    assert len(project.videos()) == 1
    assert editor.why_not_undo()
