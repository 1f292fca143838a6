"""What the window says of an approval, and where one is after deleting tracks and going far."""

from __future__ import annotations

import pytest
from fake_engine import SIZE, disc
from qtpy.QtWidgets import QLabel

from ifc_core.annotation import Scope
from ifc_core.annotation.edits import (
    Batch,
    ClearMasks,
    DeleteTracks,
    ExtendTrack,
    MarkAbsent,
    NewTrack,
)
from ifc_core.errors import IFCError
from napari_ifc.controllers.frame_words import frame_of
from napari_ifc.controllers.session import Session
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.views.goto_dialog import GoToDialog

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


def test_approving_a_frame_and_taking_it_back_are_both_told(desk):
    desk.studio.layers.go_to(4)
    assert desk.studio.run_action("frame.approve")
    assert desk.said == "Frame 4 is approved."
    assert desk.studio.run_action("frame.approve")
    assert desk.said == "The approval of frame 4 was taken back."
    assert not desk.editor.frame_is_approved()


@pytest.fixture
def tracks(desk):
    """Ids of forty tracks, more than the list has room for; nothing is selected."""
    ids = []
    for column in range(40):
        desk.editor.select(())
        ids += desk.editor.commit_rle(disc(SIZE, (20, 10 + column), 4), "Paint").tracks_added
    desk.studio.select(())
    return ids


def test_after_a_deletion_the_next_line_is_selected_and_undo_selects_what_came_back(desk, tracks):
    studio, table = desk.studio, desk.studio.panel.tracks
    studio.select((tracks[4], tracks[3]))
    assert studio.run_action("track.delete")
    assert desk.editor.selected == table.selected() == (tracks[5],)
    assert desk.said == (
        f"Deleted 2 tracks with 2 masks. Track {tracks[5]} is selected now; strokes change it."
    )
    assert studio.run_action("track.delete")
    assert desk.editor.selected == (tracks[6],)
    assert studio.run_action("edit.undo")
    assert desk.editor.selected == table.selected() == (tracks[5],)
    assert studio.run_action("edit.undo")
    assert set(table.selected()) == set(desk.editor.selected) == {tracks[3], tracks[4]}
    assert studio.run_action("edit.redo")
    assert desk.editor.selected == (tracks[5],)


def test_frames_without_the_object_are_no_masks_that_are_deleted(desk):
    track_id = desk.corrected(3)
    desk.editor.apply(MarkAbsent(track_id, Scope(5, 7)))
    assert desk.studio.run_action("track.delete")
    assert desk.said == "Deleted 1 track with 1 mask."


def test_the_next_line_is_the_one_that_is_seen_next(desk, tracks):
    table = desk.studio.panel.tracks
    table.view.sortByColumn(0, table.view.horizontalHeader().sortIndicatorOrder().DescendingOrder)
    desk.studio.select((tracks[7],))
    assert desk.studio.run_action("track.delete")
    assert desk.editor.selected == (tracks[6],)
    desk.studio.select((tracks[0],))  # the last line
    assert desk.studio.run_action("track.delete")
    assert desk.editor.selected == (tracks[1],)
    table.view.sortByColumn(0, table.view.horizontalHeader().sortIndicatorOrder().AscendingOrder)


def test_undoing_a_merge_selects_what_was_merged(desk, tracks):
    desk.studio.select((tracks[2], tracks[9]))
    assert desk.studio.run_action("track.merge")
    assert desk.editor.selected == (tracks[2],)
    assert desk.studio.run_action("edit.undo")
    assert desk.editor.selected == (tracks[2], tracks[9])


def test_undoing_a_split_selects_what_was_split(desk):
    track_id = desk.corrected(2)
    desk.editor.apply(ExtendTrack(track_id, 6))
    desk.studio.layers.go_to(4)
    assert desk.studio.run_action("track.split")
    (rest,) = desk.editor.selected
    assert rest != track_id
    assert desk.studio.run_action("edit.undo")
    assert desk.editor.selected == desk.studio.panel.tracks.selected() == (track_id,)
    assert desk.studio.run_action("edit.redo")
    assert desk.editor.selected == (track_id,)  # it is still there
    desk.studio.select(())
    assert desk.studio.run_action("edit.undo")
    assert desk.editor.selected == ()  # nothing was, so nothing is missed


def test_redoing_a_merge_selects_what_its_tracks_went_into(desk, tracks):
    mask = disc(SIZE, (20, 20), 4)
    desk.editor.commit_rle(mask, "Paint", track_id=tracks[9], frame_index=1)
    desk.studio.select((tracks[2], tracks[9]))
    assert desk.studio.run_action("track.merge")
    assert desk.studio.run_action("edit.undo")
    desk.studio.select((tracks[9],))
    assert desk.studio.run_action("edit.redo")
    assert desk.editor.selected == (tracks[2],)


def test_undoing_what_moved_the_masks_of_very_many_tracks_selects_none_of_them(desk, tracks):
    new = NewTrack(desk.video_id, desk.project.track(tracks[0]).category_id)
    for count, expected in ((3, tuple(tracks[:3])), (30, ())):
        steps = (ClearMasks(tuple(tracks[:count]), Scope.whole()), new)
        added = desk.editor.apply(Batch(steps, label="Clear")).tracks_added
        desk.studio.select(added)
        assert desk.studio.run_action("edit.undo")
        assert desk.editor.selected == expected


def test_the_list_stays_where_it_was_scrolled_to(desk, tracks, qtbot):
    table = desk.studio.panel.tracks
    table.resize(300, 400)
    table.show()
    qtbot.waitUntil(lambda: table.view.verticalScrollBar().maximum() > 20)
    desk.studio.select((tracks[0],))
    table.view.verticalScrollBar().setValue(20)
    desk.editor.apply(DeleteTracks((tracks[39],)))
    assert table.selected() == (tracks[0],)
    assert table.view.verticalScrollBar().value() == 20


def test_a_frame_is_gone_to_by_number_by_time_and_ten_at_once(desk):
    studio = desk.studio
    assert studio.run_action("frame.ten_on")
    assert studio.layers.frame_index == 9, "the last one"
    assert studio.run_action("frame.ten_back")
    assert studio.layers.frame_index == 0
    studio.timeline_panel._place.click()
    (dialog,) = studio.panel.findChildren(GoToDialog)
    dialog.field.setText("10")
    dialog.button.click()
    assert dialog.problem.text() == "The video has frames 0 to 9 only."
    assert studio.layers.frame_index == 0
    dialog.field.setText("7")
    dialog.button.click()
    assert studio.layers.frame_index == 7


@pytest.mark.parametrize(
    ("text", "frame"), [("12", 12), (" 0 ", 0), ("0:02", 50), ("1:00.04", 1501), ("1:00:00", 90000)]
)
def test_what_is_typed_is_a_number_or_a_time(text, frame):
    assert frame_of(text, 100_000, 25.0) == frame


def test_nothing_is_said_of_times_where_the_rate_is_not_known(desk):
    assert desk.studio.workspace.summary().facts.endswith("10 frames")
    assert desk.studio.feature(TimelineLink)._panel._place.text() == "0 / 9"
    with pytest.raises(IFCError, match="Nobody knows the times"):
        frame_of("0:02", 100, 0.0)
    with pytest.raises(IFCError, match=r"^Type a frame number\.$"):
        frame_of("a", 100, 0.0)


@pytest.mark.parametrize("fps", [0.0, 25.0])
def test_a_time_is_asked_for_only_where_the_rate_is_known(desk, monkeypatch, fps):
    monkeypatch.setattr(Session, "fps", property(lambda session: fps))
    desk.studio.timeline_panel._place.click()
    (dialog,) = desk.studio.panel.findChildren(GoToDialog)
    words = [label.text() for label in dialog.findChildren(QLabel)]
    assert ("A frame number, or a time such as 1:05." in words) is (fps > 0)
    assert ("A frame number." in words) is (fps == 0)
    assert dialog.field.accessibleName() == ("Frame or time" if fps else "Frame")
    dialog.field.setText("a")
    dialog.button.click()
    assert ("time" in dialog.problem.text()) is (fps > 0)
    dialog.close()


@pytest.mark.parametrize("text", ["", "-1", "1.5", "a", "1:2:3:4", "100", "0:04"])
def test_other_words_and_frames_outside_are_refused(text):
    with pytest.raises(IFCError, match=r"Type a frame number|has frames 0 to 99 only"):
        frame_of(text, 100, 25.0)
