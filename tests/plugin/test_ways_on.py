"""Where the window leads on: after a propagation, with a marked range, at the next start."""

from __future__ import annotations

import pytest
from desk import Desk
from fake_engine import NUM_FRAMES
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from ifc_core.inference.review_queue import Reason
from napari_ifc.features.review import Review
from napari_ifc.rows import FrameRange
from napari_ifc.search_words import SEARCH_WORDS
from napari_ifc.views.command_palette import CommandPalette
from napari_ifc.views.timeline_painter import RULER_PX

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


LEFT = Qt.MouseButton.LeftButton


def test_the_end_of_a_propagation_stays_and_leads_to_what_was_lost(desk, qtbot):
    track_id = desk.corrected()
    with qtbot.waitSignal(desk.correction.signals.spread_finished):
        assert desk.studio.run_action("correct.propagate")
    banner, queue = desk.studio.panel.banner, desk.studio.feature(Review).controller
    assert "taken to" in desk.said or "found on 7 frames" in desk.said
    assert not banner._timer.isActive()
    desk.studio.layers.go_to(1)  # looking about
    assert banner._button.text() == "Lost on 2 frames: Look"
    qtbot.waitUntil(lambda: not queue.is_busy)
    QTest.mouseClick(banner._button, LEFT)
    assert desk.studio.panel.current_page == "review"
    assert queue.current.reason is Reason.LOST
    assert (queue.current.track_id, queue.current.first, queue.current.last) == (track_id, 8, 9)
    assert desk.studio.layers.frame_index == 8
    page = desk.studio.feature(Review).page
    assert page._filters.currentText() == "Lost or not reached"


def test_where_nothing_was_lost_the_end_stays_without_a_button(desk, qtbot):
    desk.corrected()
    desk.correction.strip.choose("backward", "light")
    with qtbot.waitSignal(desk.correction.signals.spread_finished):
        assert desk.studio.run_action("correct.propagate")
    banner = desk.studio.panel.banner
    assert "taken to 3 frames" in banner.text
    assert not banner._timer.isActive()
    assert banner._button.isHidden()


def test_a_marked_range_is_proposed_on_from_the_page(desk, qtbot):
    panel, strip = desk.studio.panel, desk.studio.timeline_panel
    timeline, button = desk.studio.timeline, panel.propose.button
    assert button.text() == "Propose 10 frames"
    first, last = (QPoint(int(timeline.x_of(f + 0.5)), RULER_PX // 2) for f in (2, 4))
    view, shift = timeline.viewport(), Qt.KeyboardModifier.ShiftModifier
    QTest.mousePress(view, LEFT, shift, first)
    QTest.mouseMove(view, last)
    QTest.mouseRelease(view, LEFT, shift, last)
    assert timeline.marked == FrameRange(2, 4)
    again = desk.studio.actions["range.repropose"]
    assert button.text() == again.text_now() == "Propose frames 2 to 4"
    assert strip._buttons["range.repropose"].text() == "Propose"
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        QTest.mouseClick(button, LEFT)
    assert ended.args == ["succeeded"]
    tracks = desk.project.tracks(desk.video_id)
    assert tracks
    for track in tracks:
        assert [f.frame_index for f in desk.project.track_frames(track.id)] == [2, 3, 4]
    # There is something now: it would be proposed again, and the page means the whole video.
    qtbot.waitUntil(lambda: button.text() == "Propose 10 frames")
    assert strip._buttons["range.repropose"].text() == "Re-propose"
    assert desk.studio.run_action("edit.undo")
    qtbot.waitUntil(lambda: button.text() == "Propose frames 2 to 4")
    timeline.mark(None)
    assert button.text() == "Propose 10 frames"
    with qtbot.waitSignal(desk.studio.run_finished):
        QTest.mouseClick(button, LEFT)
    track = desk.project.tracks(desk.video_id)[0]
    assert len(desk.project.track_frames(track.id)) == NUM_FRAMES


def test_key_menu_and_palette_mean_what_the_button_of_the_page_says(desk, qtbot):
    button, timeline = desk.studio.panel.propose.button, desk.studio.timeline
    start = desk.studio.actions["propose.start"]
    assert start.menu_text() == "Propose tracks\tShift+P"
    timeline.mark(FrameRange(2, 4))
    assert button.text() == "Propose frames 2 to 4"
    assert start.menu_text() == "Propose frames 2 to 4\tShift+P"
    palette = CommandPalette(desk.studio.actions, desk.studio.panel)
    palette.field.setText("propose tracks")
    listed = [palette.list.item(row).text() for row in range(palette.list.count())]
    assert listed[0] == "Propose: Propose frames 2 to 4    Shift+P"
    palette.reject()
    with qtbot.waitSignal(desk.studio.run_finished) as ended:
        assert desk.studio.run_action("propose.start")
    assert ended.args == ["succeeded"]
    (track, *_) = desk.project.tracks(desk.video_id)
    assert [f.frame_index for f in desk.project.track_frames(track.id)] == [2, 3, 4]
    qtbot.waitUntil(lambda: button.text() == "Propose 10 frames")
    assert start.menu_text() == "Propose tracks\tShift+P"
    with qtbot.waitSignal(desk.studio.run_finished):  # there is something in the range now
        assert desk.studio.run_action("propose.start")
    (track, *_) = desk.project.tracks(desk.video_id)
    assert len(desk.project.track_frames(track.id)) == NUM_FRAMES


def test_a_marked_range_that_is_approved_without_masks_is_not_proposed_on(desk):
    timeline, button = desk.studio.timeline, desk.studio.panel.propose.button
    timeline.mark(FrameRange(2, 4))
    assert desk.studio.run_action("range.approve")
    desk.studio.presenter.propose(desk.studio.why_not_propose())
    assert button.text() == "Propose frames 2 to 4"
    assert not button.isEnabled()
    assert "3 marked frames are approved" in button.toolTip()
    timeline.mark(None)
    assert button.isEnabled()


def test_the_window_comes_back_to_the_frame_at_which_it_was_left(desk, clear_viewer, clip):
    desk.studio.layers.go_to(6)
    folder = desk.project.folder
    desk.studio.close()
    again = Desk(clear_viewer, folder.parent, clip)  # another start of the program
    assert again.project.folder == folder
    assert again.studio.layers.frame_index == 6
    assert again.studio.timeline._frame_index == 6
    again.studio.layers.go_to(0)
    again.studio.close_project()
    assert again.studio.open_path(folder)
    assert again.studio.layers.frame_index == 0
    again.studio.close()
    again.engine.close()


def test_the_palette_knows_the_words_of_many_trades(desk):
    actions = desk.studio.actions
    assert [name for name in SEARCH_WORDS if name not in actions] == []
    for word, name in (
        ("film", "file.export_overlay"),
        ("trim", "track.begin_here"),
        ("trim", "track.end_here"),
        ("identity", "track.swap"),
        ("union", "track.merge"),
        ("crop", "track.end_here"),
        ("lock", "frame.approve"),
        ("lock", "track.approve"),
    ):
        assert name in [action.id for action in actions.search(word)], (word, name)
