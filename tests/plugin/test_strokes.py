"""What happens while the button is down: a stroke goes to the mask it was begun on."""

import pytest
from fake_engine import SIZE, disc
from fake_pointer import pointer
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from qtpy.QtWidgets import QApplication

from ifc_core.annotation import Project, edits
from ifc_core.engine.protocol import JobEnd, JobStatus
from napari_ifc.engine_bridge import EngineBridge


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


FAR = (60.5, 44.5)  # off all discs


class Stroke:
    """A stroke of one pixel at a time with the button still down, begun at (5, 5)."""

    def __init__(self, desk, tool="paint"):
        self.layer = desk.layer
        assert desk.studio.run_action(f"tool.{tool}")
        self.layer.brush_size = 1
        mouse_press_callbacks(self.layer, pointer("mouse_press", (5.5, 5.5)))
        self.move((6.5, 5.5))

    def move(self, xy):
        mouse_move_callbacks(self.layer, pointer("mouse_move", xy))

    def release(self, xy=FAR):
        self.move(xy)
        mouse_release_callbacks(self.layer, pointer("mouse_release", xy))
        QApplication.processEvents()


def has_stroke(record, *, to_far=False):
    """Whether a mask holds the pixels under the stroke."""
    mask = record.rle.to_array()
    return bool(mask[5, 5] and mask[5, 6]) and bool(mask[44, 60]) == to_far


@pytest.fixture
def two(desk):
    """Two tracks on frame 3, the first one selected."""
    first = desk.corrected()
    desk.studio.select(())
    second = desk.editor.commit_rle(disc(SIZE, (36, 12), 5), "Paint").tracks_added[0]
    desk.studio.select((first,))
    return first, second


def test_an_answer_that_comes_during_a_stroke_waits_for_its_end(desk, qtbot):
    track_id = desk.corrected()
    before, found = desk.project.mask(track_id, 3).rle, disc(SIZE, (36, 12), 5)
    desk.engine.answer = {"rle": found.to_coco()}
    desk.studio.select(())
    assert desk.studio.run_action("tool.box")
    desk.drag((7, 31), (17, 41))
    desk.studio.select((track_id,))
    stroke = Stroke(desk)
    desk.engine.jobs[-1].thread.join()
    QApplication.processEvents()
    assert desk.editor.selected == (track_id,)
    assert desk.correction.questions.num_asked == 1
    stroke.release()
    qtbot.waitUntil(lambda: not desk.correction.questions.num_asked)
    mine, other = desk.project.tracks(desk.video_id)
    assert (mine.id, desk.project.mask(other.id, 3).rle) == (track_id, found)
    record = desk.project.mask(track_id, 3)
    assert has_stroke(record, to_far=True)
    assert (record.rle.to_array() >= before.to_array()).all()
    assert desk.sentences == []


def test_selecting_another_track_ends_the_stroke_on_its_own(desk, two):
    first, second = two
    untouched = desk.project.mask(second, 3)
    stroke = Stroke(desk)
    desk.studio.select((second,))
    stroke.release()
    assert has_stroke(desk.project.mask(first, 3))
    assert desk.project.mask(second, 3) == untouched
    assert desk.studio.layers.edited_mask()[5, 5] == 0
    assert not desk.studio.layers.is_drawing


def test_undo_during_a_stroke_takes_back_the_stroke(desk, two):
    before = desk.project.mask(two[0], 3).rle
    stroke = Stroke(desk)
    assert desk.studio.run_action("edit.undo")
    stroke.release()
    assert desk.project.mask(two[0], 3).rle == before
    assert desk.project.redo_label.startswith("Paint")
    assert len(desk.project.tracks(desk.video_id)) == 2


def press(layer, key):
    """Do what a layer does at a key."""
    {str(known): call for known, call in layer.keymap.items()}[key](layer)


@pytest.mark.parametrize("tool", ["paint", "erase", "smart_erase"])
def test_escape_during_a_stroke_drops_it(desk, two, tool):
    first = two[0]
    before, told = desk.project.mask(first, 3), desk.project.history()
    stroke = Stroke(desk, tool)
    stroke.move((30.5, 20.5))  # through the mask
    assert (desk.studio.layers.edited_mask() != before.rle.to_array()).any()
    press(stroke.layer, "Escape")
    assert not desk.studio.layers.is_drawing
    assert (desk.studio.layers.edited_mask() == before.rle.to_array()).all()
    stroke.release()
    assert desk.project.mask(first, 3) == before
    assert (desk.studio.layers.edited_mask() == before.rle.to_array()).all()
    assert desk.project.history() == told


def test_escape_is_given_back_after_a_stroke(desk, two):
    calls = []
    desk.studio.layers.hold_keys({"Escape": lambda: calls.append(1)})
    Stroke(desk).release()
    press(desk.layer, "Escape")
    assert calls == [1]
    assert has_stroke(desk.project.mask(two[0], 3), to_far=True)
    desk.studio.layers.hold_keys({})
    assert "Escape" not in map(str, desk.layer.keymap)


def test_a_track_that_is_deleted_during_a_stroke_does_not_return(desk, two):
    stroke = Stroke(desk)
    assert desk.studio.run_action("track.delete")
    stroke.release()
    assert [t.id for t in desk.project.tracks(desk.video_id)] == [two[1]]
    assert desk.studio.run_action("edit.undo")
    assert has_stroke(desk.project.mask(two[0], 3))


def test_going_to_a_step_of_the_history_ends_the_stroke_before(desk, two):
    stroke = Stroke(desk)
    first = desk.project.history()[-2].seq
    desk.studio.panel.history.step_requested.emit(first)
    stroke.release()
    assert next(e.seq for e in desk.project.history() if not e.undone) == first
    assert desk.project.history()[0].label.startswith("Paint")


def test_a_stroke_on_a_track_that_was_taken_away_is_dropped_with_a_sentence(desk, two):
    stroke = Stroke(desk)
    desk.editor.apply(edits.DeleteTracks((two[0],)))  # not through the window
    stroke.release()
    assert desk.sentences == [f"Track {two[0]} is gone, so what was just drawn on it was dropped."]
    assert [t.id for t in desk.project.tracks(desk.video_id)] == [two[1]]
    assert desk.editor.selected == (
        two[1],
    )  # under the brush is that one's mask, without the stroke
    assert (desk.studio.layers.edited_mask() == desk.editor.mask_to_edit()).all()


def test_a_stroke_that_another_frame_ended_draws_nothing_there(desk, two):
    stroke = Stroke(desk)
    desk.studio.layers.go_to(6)
    stroke.release()
    assert has_stroke(desk.project.mask(two[0], 3))
    assert desk.project.mask(two[0], 6) is None


def test_what_is_drawn_when_the_window_closes_is_stored(desk, two):
    Stroke(desk)
    folder = desk.project.folder
    desk.studio.close()
    with Project.open(folder) as project:
        assert has_stroke(project.mask(two[0], 3))


def test_strokes_that_follow_at_once_go_on_with_the_track_that_the_first_began(desk):
    for _ in range(2):
        stroke = Stroke(desk)
        mouse_release_callbacks(stroke.layer, pointer("mouse_release", (6.5, 5.5)))
    desk.studio.layers.flush()
    assert len(desk.project.tracks(desk.video_id)) == 1


def test_an_end_that_was_held_comes_though_another_video_is_shown_by_then(desk, two, second, qtbot):
    taken = []
    end = JobEnd(1, JobStatus.SUCCEEDED, {})
    Stroke(desk)
    desk.studio.deliver(taken.append)(end)
    QApplication.processEvents()
    assert taken == []
    assert desk.studio.show_video(second)
    assert taken == []  # what it brings finds the other video shown
    qtbot.waitUntil(lambda: bool(taken))
    assert taken == [end]
    assert desk.studio.workspace.session.entry.id == second


def test_ends_of_jobs_that_were_held_come_in_their_order(qtbot):
    holds, taken = [True], []
    bridge = EngineBridge(lambda: bool(holds))
    post = bridge.deliver(taken.append)
    ends = [JobEnd(number, JobStatus.SUCCEEDED, {}) for number in (1, 2)]
    for event in (*ends, "progress"):
        post(event)
    QApplication.processEvents()
    assert taken == ["progress"]
    bridge.let_go()
    assert taken == ["progress"]
    holds.clear()
    bridge.let_go()
    assert taken == ["progress", *ends]
    bridge.close()
