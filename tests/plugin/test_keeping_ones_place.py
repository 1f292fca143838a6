"""What the window says of an approval, and where one is after deleting tracks and going far."""

from __future__ import annotations

import pytest
from fake_engine import SIZE, disc

from ifc_core.annotation.edits import DeleteTracks

pytestmark = pytest.mark.window


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
    assert studio.run_action("track.delete")
    assert desk.editor.selected == (tracks[6],)
    assert studio.run_action("edit.undo")
    assert desk.editor.selected == table.selected() == (tracks[5],)
    assert studio.run_action("edit.undo")
    assert set(table.selected()) == set(desk.editor.selected) == {tracks[3], tracks[4]}
    assert studio.run_action("edit.redo")
    assert desk.editor.selected == (tracks[5],)


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
