"""Lanes, ruler and ranges of the timeline."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_ifc.rows import (
    FrameRange,
    Lane,
    Span,
    SpanKind,
    Spans,
    TimelineData,
)
from napari_ifc.views.lane_picture import LANE_PX
from napari_ifc.views.theme import palette_for
from napari_ifc.views.timeline import Timeline
from napari_ifc.views.timeline_painter import HEAD_PX, KIND_WORDS, LABEL_PX, RULER_PX
from napari_ifc.views.timeline_scale import nice_step
from napari_ifc.views.transport import clock_text, range_text

ORANGE = (230, 159, 0)

ORANGE = (230, 159, 0)


class TestTimeline:
    @pytest.fixture
    def timeline(self, qtbot):
        made = Timeline()
        made.resize(LABEL_PX + 8 + 400, 160)
        qtbot.addWidget(made)
        made.show()
        lanes = tuple(
            Lane(i, ORANGE, str(i), Spans.of([Span(10, 40, SpanKind.PROPOSED)]))
            for i in range(1, 31)
        )
        counts = np.full(100, 30, dtype=np.int32)
        made.set_data(TimelineData(100, 25.0, lanes, counts, counts // 10, ((0, 10),)))
        return made

    def test_clicks_seek_to_the_frame_under_them(self, timeline, qtbot):
        for frame in (0, 37, 99):
            x = int(timeline.x_of(frame + 0.5))
            with qtbot.waitSignal(timeline.seek_requested) as asked:
                qtbot.mouseClick(
                    timeline.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, RULER_PX // 2)
                )
            assert asked.args == [frame]

    def test_a_click_on_a_lane_selects_its_track(self, timeline, qtbot):
        lane = timeline.lane_at(HEAD_PX + LANE_PX * 2 + 3)
        assert lane.track_id == 3
        place = QPoint(LABEL_PX + 50, HEAD_PX + LANE_PX * 2 + 3)
        with qtbot.waitSignal(timeline.track_requested) as asked:
            qtbot.mouseClick(timeline.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert asked.args == [3, False]

    @pytest.mark.parametrize("key", ["ShiftModifier", "ControlModifier"])
    def test_a_click_on_a_lane_with_shift_or_ctrl_adds_its_track(self, timeline, qtbot, key):
        place = QPoint(LABEL_PX + 50, HEAD_PX + LANE_PX * 2 + 3)
        held = getattr(Qt.KeyboardModifier, key)
        with qtbot.waitSignal(timeline.track_requested) as asked:
            qtbot.mouseClick(timeline.viewport(), Qt.MouseButton.LeftButton, held, place)
        assert asked.args == [3, True]

    def test_zoom_keeps_the_frame_under_the_pointer(self, timeline):
        timeline.set_frame(50)
        before = timeline.x_of(50.5)
        timeline.zoom(2.0)
        assert timeline.x_of(50.5) == pytest.approx(before, abs=1)
        assert timeline.frame_at(LABEL_PX) > 0
        timeline.zoom(0.001)
        assert timeline.frame_at(LABEL_PX) == 0

    def test_the_cursor_is_kept_in_sight(self, timeline):
        timeline.zoom(5.0, 10)
        timeline.set_frame(90)
        assert LABEL_PX <= timeline.x_of(90) <= timeline.viewport().width()

    def test_a_selected_lane_is_scrolled_into_view(self, timeline):
        assert timeline.verticalScrollBar().maximum() > 0
        timeline.set_selected((30,))
        assert timeline.verticalScrollBar().value() == timeline.verticalScrollBar().maximum()

    def test_it_draws_spans_where_they_are(self, timeline):
        timeline.apply_palette(palette_for("dark"))
        picture = timeline.viewport().grab().toImage()
        y = HEAD_PX + 9
        inside = picture.pixelColor(int(timeline.x_of(25.5)), y)
        outside = picture.pixelColor(int(timeline.x_of(70.5)), y)
        assert inside.red() > 100 > outside.red()

    def test_the_cursor_covers_no_number_of_the_ruler(self, timeline):
        def numbers(frame):
            timeline.set_frame(frame)
            picture = timeline.viewport().grab().toImage()
            return picture.copy(0, 0, picture.width(), RULER_PX - 8)

        beside = numbers(7)
        assert numbers(0) == numbers(20) == beside

    def test_arrow_keys_step(self, timeline, qtbot):
        timeline.set_frame(0)
        with qtbot.waitSignal(timeline.seek_requested) as asked:
            qtbot.keyClick(timeline, Qt.Key.Key_Right)
        assert asked.args == [1]
        with qtbot.waitSignal(timeline.seek_requested) as asked:
            qtbot.keyClick(timeline, Qt.Key.Key_Left)
        assert asked.args == [0]

    def drag(self, timeline, qtbot, start, end, keys=Qt.KeyboardModifier.NoModifier):
        view = timeline.viewport()
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, keys, QPoint(*start))
        qtbot.mouseMove(view, QPoint(*end))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, keys, QPoint(*end))

    def test_dragging_over_lanes_marks_their_frames(self, timeline, qtbot):
        left, right = (int(timeline.x_of(f + 0.5)) for f in (20, 35))
        y = HEAD_PX + LANE_PX // 2
        with qtbot.assertNotEmitted(timeline.seek_requested):
            self.drag(timeline, qtbot, (right, y), (left, y + 2 * LANE_PX))
        assert timeline.marked == FrameRange(20, 35, (1, 2, 3))
        with qtbot.waitSignal(timeline.range_changed) as told:
            qtbot.mouseClick(timeline.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(left, y))
        assert told.args == [None]

    def test_shift_on_the_ruler_marks_frames_of_no_track(self, timeline, qtbot):
        left, right = (int(timeline.x_of(f + 0.5)) for f in (5, 9))
        shift = Qt.KeyboardModifier.ShiftModifier
        self.drag(timeline, qtbot, (left, 8), (right, 8), shift)
        assert timeline.marked == FrameRange(5, 9)

    def test_shift_and_arrows_mark_and_unmark(self, timeline, qtbot):
        timeline.seek_requested.connect(timeline.set_frame)
        timeline.set_selected((4,))
        timeline.set_frame(50)
        shift = Qt.KeyboardModifier.ShiftModifier
        for _ in range(3):
            qtbot.keyClick(timeline, Qt.Key.Key_Right, shift)
        assert timeline.marked == FrameRange(50, 53, (4,))
        qtbot.keyClick(timeline, Qt.Key.Key_Left, shift)
        assert timeline.marked == FrameRange(50, 52, (4,))
        qtbot.keyClick(timeline, Qt.Key.Key_Escape)
        assert timeline.marked is None

    def test_up_and_down_change_the_lane(self, timeline, qtbot):
        timeline.set_selected((3,))
        with qtbot.waitSignal(timeline.track_requested) as asked:
            qtbot.keyClick(timeline, Qt.Key.Key_Down)
        assert asked.args == [4, False]
        with qtbot.waitSignal(timeline.track_requested) as asked:
            qtbot.keyClick(timeline, Qt.Key.Key_Up)
        assert asked.args == [2, False]

    def test_scrubbing_draws_the_lanes_only_once(self, timeline):
        timeline.viewport().grab()
        picture = timeline._picture
        for frame in (3, 70, 99):
            timeline.set_frame(frame)
            timeline.viewport().grab()
        assert timeline._picture is picture

    def test_a_double_click_shows_the_whole_track(self, timeline, qtbot):
        place = QPoint(LABEL_PX + 60, HEAD_PX + 5)
        qtbot.mouseDClick(timeline.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert timeline.frame_at(LABEL_PX) == 10
        qtbot.keyClick(timeline, Qt.Key.Key_0)
        assert timeline.frame_at(LABEL_PX) == 0

    def test_an_empty_one_is_drawn_and_asks_for_nothing(self, qtbot):
        empty = Timeline()
        qtbot.addWidget(empty)
        assert not empty.grab().isNull()
        with qtbot.assertNotEmitted(empty.seek_requested):
            qtbot.mouseClick(empty.viewport(), Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(("frames_per_pixel", "step"), [(0.01, 1), (0.2, 20), (1, 100), (9, 1000)])
def test_ticks_are_round_numbers(frames_per_pixel, step):
    assert nice_step(frames_per_pixel) == step


@pytest.mark.parametrize(
    ("marked", "text"),
    [
        (FrameRange(3, 3), "Frame 3"),
        (FrameRange(3, 8, (5,)), "Frames 3 to 8, track 5"),
        (FrameRange(3, 8, (5, 6)), "Frames 3 to 8, 2 tracks"),
    ],
)
def test_a_marked_range_in_words(marked, text):
    assert range_text(marked) == text


def test_time_in_words():
    assert clock_text(65.5) == "1:05.50"
    assert clock_text(3725.25) == "1:02:05.25"


def test_frames_of_a_run_lie_over_the_stretches_of_a_track():
    spans = Spans.of([Span(2, 6, SpanKind.PROPOSED), Span(8, 9, SpanKind.APPROVED)])
    shown = spans.overlaid(np.array([5, 4, 11], np.int32), SpanKind.PROVISIONAL)
    assert list(shown) == [
        Span(2, 4, SpanKind.PROPOSED),
        Span(4, 6, SpanKind.PROVISIONAL),
        Span(8, 9, SpanKind.APPROVED),
        Span(11, 12, SpanKind.PROVISIONAL),
    ]
    assert list(Spans().overlaid(np.array([0], np.int32), SpanKind.PROVISIONAL)) == [
        Span(0, 1, SpanKind.PROVISIONAL)
    ]
    assert spans.overlaid(np.zeros(0, np.int32), SpanKind.PROVISIONAL) is spans


def with_absence(first, stop):
    """Masks on some frames; absent before and after, as truth that was imported says."""
    absent = SpanKind.ABSENT
    spans = (Span(0, first, absent), Span(first, stop, SpanKind.APPROVED), Span(stop, 100, absent))
    return Spans.of([span for span in spans if span.stop > span.start])


def test_a_track_is_seen_where_it_has_masks():
    assert with_absence(50, 80).seen() == (50, 80)
    assert Spans.of([Span(0, 9, SpanKind.ABSENT), Span(9, 12, SpanKind.REJECTED)]).seen() is None
    assert Spans().seen() is None


def test_a_line_joins_the_end_of_a_mother_to_the_beginning_of_her_daughters(qtbot):
    def picture(parent_id):
        timeline = Timeline()
        qtbot.addWidget(timeline)
        timeline.resize(LABEL_PX + 8 + 400, HEAD_PX + 4 * LANE_PX + 20)
        timeline.apply_palette(palette_for("dark"))
        lanes = (
            Lane(1, ORANGE, "1", with_absence(0, 30)),
            Lane(2, ORANGE, "2", Spans.of([Span(90, 99, SpanKind.PROPOSED)])),
            Lane(3, ORANGE, "3", with_absence(50, 80), parent_id=parent_id),
        )
        timeline.set_data(TimelineData(100, 25.0, lanes, np.ones(100, np.int32)))
        timeline.show()
        image = timeline.viewport().grab().toImage()
        return timeline, image

    timeline, linked = picture(1)
    _, apart = picture(None)
    _, lost = picture(77)
    ratio = linked.devicePixelRatio()

    def changed(frame, lane):
        x, y = timeline.x_of(frame), HEAD_PX + lane * LANE_PX + 8
        around = [
            (int((x + i) * ratio), int((y + j) * ratio)) for i in (-1, 0, 1) for j in (-1, 0, 1)
        ]
        return any(linked.pixel(*place) != apart.pixel(*place) for place in around)

    assert changed(40, 0)  # from the end of the mother
    assert changed(50, 1)  # down past the lane between
    assert not changed(60, 0)
    assert not changed(40, 1)
    assert lost == apart  # the mother is not shown


def test_all_selected_lanes_come_into_sight_where_there_is_room(qtbot):
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(500, HEAD_PX + 5 * LANE_PX)
    timeline.show()
    lanes = tuple(
        Lane(i, ORANGE, str(i), Spans.of([Span(10, 40, SpanKind.PROPOSED)])) for i in range(1, 31)
    )
    timeline.set_data(TimelineData(100, 25.0, lanes, np.ones(100, np.int32)))

    def in_sight():
        offset = timeline.verticalScrollBar().value()
        room = timeline.viewport().height() - HEAD_PX
        return {i for i in range(1, 31) if offset <= (i - 1) * LANE_PX <= offset + room - LANE_PX}

    timeline.set_selected((12, 11, 13))
    assert {11, 12, 13} <= in_sight()
    timeline.set_selected((20, 2))
    assert 20 in in_sight()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_selected_lane_is_marked_at_its_name_and_has_no_ground_like_a_bar(qtbot, theme):
    timeline = Timeline()
    timeline.resize(LABEL_PX + 8 + 400, 160)
    qtbot.addWidget(timeline)
    timeline.apply_palette(palette_for(theme))
    timeline.show()
    lanes = tuple(
        Lane(i, (0, 114, 178), str(i), Spans.of([Span(10, 40, SpanKind.PROPOSED)])) for i in (1, 2)
    )
    counts = np.ones(100, dtype=np.int32)
    timeline.set_data(TimelineData(100, 25.0, lanes, counts, counts, ()))
    timeline.set_selected((1,))
    picture = timeline.viewport().grab().toImage()

    def color(x, lane):
        seen = picture.pixelColor(int(x), HEAD_PX + lane * LANE_PX + 2 + 6)
        return np.array([seen.red(), seen.green(), seen.blue()], float)

    def apart(one, other):
        return np.abs(one - other).sum()

    empty, bar = timeline.x_of(70), timeline.x_of(20)
    assert 0 < apart(color(empty, 0), color(empty, 1)) < 0.3 * apart(color(bar, 1), color(empty, 1))
    assert apart(color(LABEL_PX - 6, 0), color(LABEL_PX - 6, 1)) > 50


def test_what_a_lane_shows_is_said_in_the_language_of_the_window():
    assert set(KIND_WORDS) == set(SpanKind)
