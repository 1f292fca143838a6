"""The widgets by themselves: they show what they are given and say what was asked."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QLabel, QPushButton

from ifc_core.annotation import Scope, TrackFilter
from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings
from napari_ifc.actions import Action, ActionTable
from napari_ifc.rows import (
    FrameRange,
    HistoryRow,
    Lane,
    QueueRow,
    Span,
    SpanKind,
    Spans,
    Summary,
    TimelineData,
    TrackRow,
)
from napari_ifc.views.banner import Banner
from napari_ifc.views.class_dialog import ClassDialog
from napari_ifc.views.command_palette import CommandPalette
from napari_ifc.views.dialogs import ExportDialog
from napari_ifc.views.filter_bar import FilterBar
from napari_ifc.views.header import Header
from napari_ifc.views.history_list import HistoryList
from napari_ifc.views.icons import icon, icon_names
from napari_ifc.views.lane_picture import LANE_PX
from napari_ifc.views.panel import StudioPanel
from napari_ifc.views.propose_panel import CUSTOM, OFFLINE, ProposePanel
from napari_ifc.views.review_page import ReviewPage
from napari_ifc.views.theme import palette_for
from napari_ifc.views.timeline import Timeline
from napari_ifc.views.timeline_painter import HEAD_PX, LABEL_PX, RULER_PX
from napari_ifc.views.timeline_scale import nice_step
from napari_ifc.views.tools import ToolRow
from napari_ifc.views.track_table import TrackTable
from napari_ifc.views.transport import clock_text, range_text

ORANGE = (230, 159, 0)


def row(track_id, score=0.5, name="fish", state="proposed"):
    return TrackRow(track_id, ORANGE, name, score, 3, 2, 4, state)


def contrast(first, second):
    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_text_can_be_read(theme):
    p = palette_for(theme)
    for text in (p.text, p.muted, p.error, p.warning, p.good):
        for ground in (p.background, p.surface):
            assert contrast(text, ground) >= 4.0, (text, ground)
    assert contrast(p.on_accent, p.accent) >= 3.0


def test_icons_have_a_faint_form_for_disabled_buttons(qapp):
    for name in icon_names():
        made = icon(name, "#ffffff")
        strong = made.pixmap(20, made.Mode.Normal).toImage()
        faint = made.pixmap(20, made.Mode.Disabled).toImage()
        alphas = [
            max(i.pixelColor(x, y).alpha() for x in range(i.width()) for y in range(i.height()))
            for i in (strong, faint)
        ]
        assert alphas[0] > 2 * alphas[1] > 0, name


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


class TestTrackTable:
    @pytest.fixture
    def table(self, qtbot):
        made = TrackTable()
        qtbot.addWidget(made)
        made.resize(340, 300)
        made.show()
        made.set_rows([row(1, 0.3), row(2, 0.9, "cat"), row(3, 0.6)], ())
        return made

    def test_sorting_and_filtering(self, table):
        shown = table.view.model()
        table.view.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        assert [shown.index(i, 0).data() for i in range(3)] == ["2", "3", "1"]
        table._filter.setText("CAT")
        assert shown.rowCount() == 1

    def test_showing_a_selection_asks_for_nothing(self, table, qtbot):
        with qtbot.assertNotEmitted(table.selection_changed):
            table.select((3, 1))
        assert set(table.selected()) == {1, 3}
        assert table.selected()[0] == 3

    def test_a_changed_row_keeps_the_selection(self, table):
        table.select((2,))
        table.set_rows([row(1), row(2, 0.1, "dog"), row(3)], (2,))
        assert table.selected() == (2,)
        assert table.model.row_at(1).class_name == "dog"
        table.set_rows([row(2), row(3)], (2,))
        assert table.selected() == (2,)

    def test_a_click_selects_and_jumps(self, table, qtbot):
        selected, jumped = [], []
        table.selection_changed.connect(selected.append)
        table.jump_requested.connect(jumped.append)
        index = table.view.model().index(1, 1)
        place = table.view.visualRect(index).center()
        qtbot.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert selected == [(2,)]
        assert jumped == [2]

    def test_an_empty_table_offers_the_next_action(self, table, qtbot):
        table.set_rows([], ())
        table.show_empty("No tracks yet", "Let the model propose.", "Propose", "propose.start")
        with qtbot.waitSignal(table.action_requested) as asked:
            qtbot.mouseClick(table.empty_button, Qt.MouseButton.LeftButton)
        assert asked.args == ["propose.start"]


class TestProposePanel:
    @pytest.fixture
    def form(self, qtbot):
        made = ProposePanel()
        qtbot.addWidget(made)
        return made

    def choose(self, form, mode):
        form._mode.setCurrentIndex(form._mode.findData(mode))

    def test_modes_give_their_settings(self, form):
        assert (form.settings().clip_length, form.settings().clip_stride) == (5, 1)
        self.choose(form, OFFLINE)
        assert form.settings().offline
        self.choose(form, CUSTOM)
        form._length.setValue(9)
        form._stride.setValue(4)
        form._step.setValue(5)
        chosen = form.settings()
        assert (chosen.clip_length, chosen.clip_stride, chosen.frame_step) == (9, 4, 5)
        assert not chosen.offline

    def test_settings_come_back_as_they_were_shown(self, form):
        self.choose(form, CUSTOM)
        form._length.setValue(7)
        form._stride.setValue(2)
        wanted = form.settings()
        other = ProposePanel()
        other.show_settings(wanted)
        assert other.settings() == wanted
        other.deleteLater()

    def test_what_is_folded_away_is_chosen_all_the_same(self, form):
        assert form._more_rows.isHidden()
        form.more.click()
        assert not form._more_rows.isHidden()
        assert form._custom_rows.isHidden()
        form.show_settings(ProposeSettings(tiles="4x2", edges="fast", reidentify=True))
        chosen = form.settings()
        assert (chosen.tiles, chosen.edges, chosen.reidentify) == ("4x2", "fast", True)
        assert form._tiles.currentText() == "4 × 2 tiles"

    def test_the_stride_never_exceeds_the_length(self, form):
        self.choose(form, CUSTOM)
        form._length.setValue(3)
        form._stride.setValue(9)
        assert form.settings().clip_stride == 3
        assert form.fault() == ""

    def test_a_disabled_button_says_why(self, form, qtbot):
        form.show_state(reason="Open a video first.", button_text="Propose", estimate="")
        assert not form.button.isEnabled()
        assert form.button.toolTip() == "Open a video first."
        with qtbot.assertNotEmitted(form.propose_requested):
            qtbot.mouseClick(form.button, Qt.MouseButton.LeftButton)

    def test_a_fault_is_a_sentence(self, form, monkeypatch):
        def refuse():
            raise ConfigError("That does not fit.", name="x", value=1)

        monkeypatch.setattr(form, "settings", refuse)
        assert form.fault() == "That does not fit."


def test_banner_shows_one_sentence_and_its_button(qtbot):
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_message("Keep it?", "warning", "Keep", "run.keep")
    assert banner.text == "Keep it?"
    with qtbot.waitSignal(banner.action_requested) as asked:
        qtbot.mouseClick(banner._button, Qt.MouseButton.LeftButton)
    assert asked.args == ["run.keep"]
    qtbot.mouseClick(banner.close_button, Qt.MouseButton.LeftButton)
    assert banner.text == ""


def test_news_goes_by_itself_and_errors_stay(qtbot):
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_message("Done.")
    assert banner._timer.isActive()
    banner.show_message("Failed.", "error")
    assert not banner._timer.isActive()


def test_header_ticks_the_steps(qtbot):
    header = Header()
    qtbot.addWidget(header)
    header.show_summary(Summary("clip", "640 × 360", "/p", 3, 10, (True, False, False, False)))
    shown = [*header.findChildren(QLabel), *header.findChildren(QPushButton)]
    texts = [widget.text() for widget in shown]
    assert "✓ Propose" in texts
    assert "Fix" in texts
    assert "3 / 10 approved" in texts


def test_history_lists_steps_and_asks_for_one(qtbot):
    history = HistoryList()
    qtbot.addWidget(history)
    history.set_rows([HistoryRow(3, "Delete", undone=True), HistoryRow(2, "Paint")])
    assert history.list.count() == 2
    assert history.undo.isEnabled()
    assert history.redo.isEnabled()
    with qtbot.waitSignal(history.step_requested) as asked:
        history.list.itemActivated.emit(history.list.item(1))
    assert asked.args == [2]


def test_tools_ask_and_show(qtbot):
    tools = ToolRow()
    qtbot.addWidget(tools)
    tools.apply_palette(palette_for("dark"))
    tools.show_tool("pan_zoom", drawing_possible=True, why_not="")
    with qtbot.waitSignal(tools.tool_requested) as asked:
        qtbot.mouseClick(tools._buttons["erase"], Qt.MouseButton.LeftButton)
    assert asked.args == ["erase"]
    tools.show_tool("paint", drawing_possible=False, why_not="Read only.")
    assert not tools._buttons["paint"].isEnabled()
    assert tools._buttons["paint"].toolTip() == "Read only."
    with qtbot.assertNotEmitted(tools.brush_size_requested):
        tools.show_brush_size(33)
    tools.show_undo("Paint track 2", "")
    assert "Paint track 2" in tools._buttons["undo"].toolTip()
    assert not tools._buttons["redo"].isEnabled()


def test_palette_finds_and_runs_only_what_is_possible(qtbot):
    actions = ActionTable()
    actions.add(Action("a.one", "Delete tracks", lambda: None, group="Track"))
    actions.add(
        Action("a.two", "Delete project", lambda: None, group="File", why_not=lambda: "Not now.")
    )
    palette = CommandPalette(actions)
    qtbot.addWidget(palette)
    palette.field.setText("delete")
    assert palette.list.count() == 2
    assert "Not now." in palette.list.item(1).text()
    palette.list.setCurrentRow(1)
    with qtbot.assertNotEmitted(palette.action_requested):
        qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    qtbot.keyClick(palette.field, Qt.Key.Key_Up)
    with qtbot.waitSignal(palette.action_requested) as asked:
        qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert asked.args == ["a.one"]


def test_class_dialog_takes_a_new_name(qtbot):
    dialog = ClassDialog(["fish", "cat"], "cat")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert dialog.box.currentText() == "cat"
    dialog.box.setCurrentText("  seahorse ")
    with qtbot.waitSignal(dialog.chosen) as asked:
        dialog.buttons.accepted.emit()
    assert asked.args == ["seahorse", "track"]


def test_export_never_replaces_unasked(qtbot, tmp_path):
    target = tmp_path / "out.json"
    target.write_text("mine")
    dialog = ExportDialog(target)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    with qtbot.assertNotEmitted(dialog.export_requested):
        dialog.button.click()
    assert "exists already" in dialog.report.text()
    dialog.replace.setChecked(True)
    with qtbot.waitSignal(dialog.export_requested) as asked:
        dialog.button.click()
    assert asked.args == [str(target), "reviewed", 1, "ytvis"]


def test_pages_can_be_added_and_brought_to_the_front(qtbot):
    panel = StudioPanel()
    qtbot.addWidget(panel)
    page = QLabel("more")
    panel.add_page("more", "More", page)
    assert panel.page_names()[-1] == "more"
    with qtbot.waitSignal(panel.page_changed) as asked:
        panel.show_page("more")
    assert asked.args == ["more"]
    assert panel.current_page == "more"


class TestReviewPage:
    @pytest.fixture
    def page(self, qtbot):
        made = ReviewPage(("Everything", "Suspected swaps"))
        qtbot.addWidget(made)
        made.apply_palette(palette_for("dark"))
        made.resize(360, 700)
        made.show()
        return made

    def test_a_hundred_thousand_entries_are_made_only_when_seen(self, page):
        asked = set()

        def row_at(place):
            asked.add(place)
            return QueueRow(f"Track {place}", "frame 0", "Unsure", "Accept.", "label", 0.5, True)

        page.show_queue(100_000, row_at, 50_000, 100_000, "")
        page.view.viewport().grab()
        assert 50_000 in asked
        assert len(asked) < 100
        assert page.model.rowCount() == 100_000

    def test_clicking_an_entry_asks_for_it_but_showing_does_not(self, page, qtbot):
        def row_at(place):
            return QueueRow(f"Track {place}", "frame 0", "Unsure", "Accept.", "label", 0.5, False)

        with qtbot.assertNotEmitted(page.entry_requested):
            page.show_queue(3, row_at, 0, 3, "")
        place = page.view.visualRect(page.model.index(2)).center()
        with qtbot.waitSignal(page.entry_requested) as asked:
            qtbot.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert asked.args == [2]
        text = page.model.data(page.model.index(1), Qt.ItemDataRole.AccessibleTextRole)
        assert text == "Track 1, frame 0: Unsure. Need 50%."


class TestFilterBar:
    def test_it_says_which_tracks_are_meant(self, qtbot):
        bar = FilterBar()
        qtbot.addWidget(bar)
        assert bar.value().is_open
        bar.set_classes([(4, "fish"), (7, "bird")])
        with qtbot.waitSignal(bar.changed):
            bar._score[1].setValue(0.5)
        bar._area[0].setValue(100)
        bar._class.setCurrentIndex(2)
        bar.show_range(FrameRange(3, 9))
        bar._in_range.setChecked(True)
        value = bar.value()
        assert value == TrackFilter(
            score_below=0.5, mean_area_at_least_px=100, category_ids=(7,), scope=Scope(3, 9)
        )
        bar.set_classes([(7, "bird")])
        assert bar.value().category_ids == (7,)
        bar.show_count(1, 30)
        assert bar._count.text() == "1 of 30 tracks"
        bar.show_range(None)
        assert bar.value().scope is None
        bar.clear_button.click()
        assert bar.value().is_open


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
