"""The strip around the timeline, while one frame follows the other."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject, QPoint
from qtpy.QtWidgets import QApplication, QPushButton

from napari_ifc.rows import FrameRange, Lane, ProgressView, Spans, TimelineData
from napari_ifc.views.lane_picture import LANE_PX
from napari_ifc.views.theme import palette_for
from napari_ifc.views.timeline_painter import HEAD_PX
from napari_ifc.views.transport import _JUMPS, _RANGE, _STEPS, _ZOOMS, TimelinePanel

pytestmark = pytest.mark.window


class Layouts(QObject):
    """Counts how often anything asks to be laid out anew."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def eventFilter(self, watched, event):  # noqa: N802 - Qt's name
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


@pytest.fixture
def panel(qtbot):
    made = TimelinePanel()
    qtbot.addWidget(made)
    made.apply_palette(palette_for("dark"))
    made.resize(900, 200)
    made.show()
    return made


def place_of(panel):
    return next(
        x for x in panel.findChildren(QPushButton) if x.accessibleName() == "Frame and time"
    )


def test_going_from_frame_to_frame_lays_nothing_out_anew(panel, qapp):
    panel.show_place(0, 2000, 30.0)
    qapp.processEvents()
    layouts = Layouts()
    QApplication.instance().installEventFilter(layouts)
    for frame_index in (1, 8, 88, 999, 1999):
        panel.show_place(frame_index, 2000, 30.0)
        qapp.processEvents()
    QApplication.instance().removeEventFilter(layouts)
    assert layouts.count == 0
    assert place_of(panel).text() == "1999 / 1999   1:06.63"
    panel.show_place(1999, 2000, 30.0, 70.5)  # by the file, where the rate varies
    assert place_of(panel).text() == "1999 / 1999   1:10.50"


def test_the_number_of_the_frame_begins_at_one_place(panel):
    place, begins = place_of(panel), set()
    for frame_index in (0, 11, 111, 1111):  # all begin with the same stroke but the first
        panel.show_place(frame_index, 2000, 30.0)
        picture = place.grab().toImage()
        ground = picture.pixelColor(0, 0)
        columns = range(picture.width())
        begins.add(
            next(
                x
                for x in columns
                if any(picture.pixelColor(x, y) != ground for y in range(picture.height()))
            )
        )
    assert max(begins) - min(begins) <= 2


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_place_of_a_longer_video_fits(panel, theme):
    panel.show_place(3, 10, 0.0)
    panel.apply_palette(palette_for(theme))
    for frame_index in (4, 120_000, 344_444, 388_888):
        panel.show_place(frame_index, 400_000, 25.0)
        label = place_of(panel)
        assert label.sizeHint().width() <= label.width()
    assert label.text() == "388888 / 399999   4:19:15.52"


def test_a_narrow_window_squeezes_the_progress_and_not_what_is_beside_it(panel):
    panel.show_progress(ProgressView(num_frames=2000, approved_frames=70))
    panel.show_place(0, 2000, 30.0)
    assert panel.minimumSizeHint().width() < 600


MARKED = FrameRange(120_012, 120_028, (3, 4, 9))


def seen(panel, action_id):
    """Whether all of a button is in sight."""
    button = panel._buttons[action_id]
    return button.isVisible() and button.visibleRegion().boundingRect() == button.rect()


def test_a_marked_range_asks_for_no_more_room_and_gives_it_back(panel, qapp):
    before = panel.minimumSizeHint()
    panel.show_range(MARKED)
    panel.show_waiting(120_012, 120_000)
    assert panel.minimumSizeHint() == before
    assert before.width() < 365  # beside the list of videos in the narrowest window


@pytest.mark.parametrize("width", [345, 480, 580, 900])
def test_what_has_no_room_stands_in_a_menu(panel, qapp, width):
    panel.show_place(0, 2000, 30.0)
    panel.show_range(MARKED)
    panel.resize(width, 220)
    qapp.processEvents()
    assert seen(panel, "range.clear")
    assert all(seen(panel, action_id) for action_id, _ in _STEPS)
    for actions in (_RANGE, _JUMPS + _ZOOMS):
        row = panel._buttons[actions[0][0]].parentWidget()
        out = [action_id for action_id, _ in actions if not panel._buttons[action_id].isVisible()]
        assert all(seen(panel, action_id) for action_id, _ in actions if action_id not in out)
        assert row.more.isVisible() == bool(out)
        row._menu.aboutToShow.emit()
        assert len(row._menu.actions()) == len(out)
        asked = []
        panel.action_requested.connect(asked.append)
        for entry in row._menu.actions():
            entry.trigger()
        assert asked == out
        panel.action_requested.disconnect(asked.append)
    assert panel._range_text.toolTip() == "Frames 120012 to 120028, 3 tracks"
    assert bool(out) == (width < 580)


def test_the_last_lane_is_not_hidden_by_what_can_be_done_with_its_range(panel, qapp):
    lanes = tuple(Lane(i, (9, 9, 9), str(i), Spans.of([])) for i in range(1, 31))
    counts = np.zeros(50, dtype=np.int32)
    panel.timeline.set_data(TimelineData(50, 25.0, lanes, counts, counts, ()))
    panel.timeline.range_changed.connect(panel.show_range)
    qapp.processEvents()
    view = panel.timeline.viewport()
    above, top = view.mapTo(panel, QPoint()), panel.timeline.lane_at(HEAD_PX)
    last = panel.timeline.lane_at(view.height() - LANE_PX - 1)
    panel.timeline.mark(FrameRange(2, 4, (top.track_id,)))
    qapp.processEvents()
    assert view.mapTo(panel, QPoint()) == above
    assert panel.timeline.lane_at(HEAD_PX) is top
    panel.timeline.mark(None)
    panel.timeline.mark(FrameRange(2, 4, (last.track_id,)))
    qapp.processEvents()
    assert panel.timeline.lane_at(view.height() - 2) is last


def test_lanes_keep_their_width_where_the_bar_of_a_range_makes_them_scroll(panel, qapp, qtbot):
    panel.resize(900, 260)
    qapp.processEvents()
    count = panel.timeline._lanes_height() // LANE_PX  # as many as there is room for
    lanes = tuple(Lane(i, (9, 9, 9), str(i), Spans.of([])) for i in range(1, count + 1))
    counts = np.zeros(50, dtype=np.int32)
    panel.timeline.set_data(TimelineData(50, 25.0, lanes, counts, counts, ()))
    panel.timeline.range_changed.connect(panel.show_range)
    qapp.processEvents()
    bar, before = panel.timeline.verticalScrollBar(), panel.timeline.scale()
    assert not bar.isVisible()
    panel.timeline.mark(FrameRange(2, 4, (1,)))
    qtbot.waitUntil(bar.isVisible)
    assert panel.timeline.scale() == before
    assert before.left + before.width <= panel.timeline.viewport().width()
    panel.timeline.mark(None)
    qtbot.waitUntil(lambda: not bar.isVisible())
    assert panel.timeline.scale() == before
