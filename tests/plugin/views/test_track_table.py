"""The table of tracks and its filter."""

from dataclasses import replace

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QRegion, QWheelEvent
from qtpy.QtWidgets import QApplication

from ifc_core.annotation import Scope, TrackFilter
from napari_ifc.rows import (
    FrameRange,
    TrackRow,
)
from napari_ifc.views.filter_bar import FilterBar
from napari_ifc.views.theme import palette_for, style_sheet
from napari_ifc.views.track_table import TrackTable

ORANGE = (230, 159, 0)
ToolTip = Qt.ItemDataRole.ToolTipRole


def row(track_id, score=0.5, name="fish", state="proposed"):
    return TrackRow(track_id, ORANGE, name, score, 3, 2, 4, state)


class TestTrackTable:
    @pytest.fixture
    def table(self, qtbot):
        made = TrackTable()
        qtbot.addWidget(made)
        made.resize(340, 300)
        made.show()
        made.set_rows([row(1, 0.3), row(2, 0.9, "cat"), row(3, 0.6)], ())
        return made

    def test_the_focus_goes_from_the_empty_page_into_the_list(self, table, qtbot):
        table.set_rows([], ())
        table.show_empty("No tracks yet", "", "Propose", "propose.start")
        table.activateWindow()
        table.empty_button.setFocus()
        qtbot.waitUntil(table.empty_button.hasFocus)
        table.set_rows([row(1)], ())
        assert table.view.hasFocus()  # and not the filter, which would take keys for words

    def test_sorting_and_filtering(self, table):
        shown = table.view.model()
        table.view.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        assert [shown.index(i, 0).data() for i in range(3)] == ["2", "3", "1"]
        table.filters.search.setText("CAT")
        assert shown.rowCount() == 1

    def test_how_many_match_is_seen_beside_the_search_with_the_filter_open(self, table):
        table.show_filters(shown=True)
        table.resize(340, 180)
        count = table._matches
        assert not count.isVisible()  # all do
        table.filters.search.setText("cat")
        QApplication.processEvents()
        assert count.text() == "1 of 3"
        assert count.visibleRegion() == QRegion(count.rect())
        assert not table._below_search.isAncestorOf(count)
        table.filters.search.setText("cow")
        assert count.text() == "0 of 3"
        table.set_rows([row(1), row(2, name="cow"), row(3)], ())  # one becomes what is searched
        assert count.text() == "1 of 3"
        table.set_rows([row(2, name="cow"), row(3)], ())
        assert count.text() == "1 of 2"
        table.show_only(frozenset({3}))
        assert count.text() == "0 of 2"
        table.show_only(None)
        table.filters.search.clear()
        assert not count.isVisible()

    def test_a_list_in_which_nothing_matches_says_so(self, table):
        table.filters.search.setText("cow")
        assert table.view.model().rowCount() == 0
        assert table._none.isVisible()
        table._all_button.click()
        assert table.view.model().rowCount() == 3
        assert table.filters.search.text() == ""
        assert not table._none.isVisible()

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

    def test_a_low_window_scrolls_the_open_filter_and_squeezes_nothing(self, table, qtbot):
        bar = table.filters
        fields = (bar._class, *bar._score, *bar._area, *bar._length, bar._count)
        table.resize(340, 190)
        table.show_filters(True)
        scroll = table._below_search.verticalScrollBar()
        qtbot.waitUntil(lambda: scroll.maximum() > 0)
        assert all(field.height() >= field.minimumSizeHint().height() for field in fields)
        rows = [field.geometry() for field in (bar._class, bar._score[0], bar._area[0])]
        assert rows[0].bottom() < rows[1].top() <= rows[1].bottom() < rows[2].top()
        assert not bar._class.visibleRegion().isEmpty()
        scroll.setValue(scroll.maximum())
        first = table.view.visualRect(table.view.model().index(0, 0))
        assert table.view.viewport().visibleRegion().contains(first.center())
        table.show_filters(False)
        qtbot.waitUntil(lambda: scroll.maximum() == 0)

    @pytest.mark.parametrize(("height", "num_tracks"), [(300, 2), (262, 1)])
    def test_a_laptop_screen_shows_conditions_buttons_and_tracks(
        self, table, qtbot, height, num_tracks
    ):
        table.setStyleSheet(style_sheet(palette_for("dark")))
        table.resize(340, height)
        table.show_filters(True)
        area, bar = table._below_search, table.filters
        qtbot.waitUntil(lambda: bar.height() < bar.sizeHint().height())
        QApplication.processEvents()
        assert area.verticalScrollBar().maximum() == 0
        for widget in (bar._class, bar.clear_button, *bar._buttons.values()):
            assert widget.visibleRegion().boundingRect() == widget.rect()
        line = table.view.visualRect(table.view.model().index(num_tracks - 1, 0))
        assert table.view.viewport().visibleRegion().contains(line.center())
        bar._scroll.ensureWidgetVisible(bar._length[0])
        assert not bar._length[0].visibleRegion().isEmpty()

    def test_a_window_800_pixels_high_shows_all_conditions(self, table, qtbot):
        table.setStyleSheet(style_sheet(palette_for("dark")))
        table.resize(372, 390)  # 400 there, where the fields are a little higher
        table.show_filters(True)
        bar = table.filters
        qtbot.waitUntil(lambda: bar.height() == bar.sizeHint().height())
        QApplication.processEvents()
        assert bar._scroll.verticalScrollBar().maximum() == 0
        assert table._below_search.verticalScrollBar().maximum() == 0
        assert bar._untouched.visibleRegion().boundingRect() == bar._untouched.rect()
        line = table.view.visualRect(table.view.model().index(1, 0))
        assert table.view.viewport().visibleRegion().contains(line.center())

    def test_a_high_window_shows_filter_and_list_at_once(self, table, qtbot):
        table.resize(340, 560)
        table.show_filters(True)
        qtbot.waitUntil(lambda: table.filters.height() == table.filters.sizeHint().height())
        assert table._below_search.verticalScrollBar().maximum() == 0
        assert table.view.height() > 150

    def test_the_class_is_read_before_score_and_state(self, table, qtbot):
        view = table.view
        table.set_rows([row(1, name="mouse", state="approved")], ())
        metrics = view.fontMetrics()
        assert view.columnWidth(0) < 70
        assert view.columnWidth(1) > metrics.horizontalAdvance("mouse") + 16
        assert not any(view.isColumnHidden(column) for column in range(5))
        table.set_rows([row(1, name="mouse with a long tail", state="approved")], ())
        assert view.isColumnHidden(2)
        assert view.columnWidth(1) > metrics.horizontalAdvance("mouse with a")
        assert "score 0.50" in table.model.data(table.model.index(0, 1), ToolTip)
        view.sortByColumn(2, Qt.SortOrder.DescendingOrder)  # what it is sorted by stays
        assert not view.isColumnHidden(2)
        table.resize(900, 300)
        assert not any(view.isColumnHidden(column) for column in range(5))

    def test_a_name_makes_room_before_score_and_state_go(self, table, qtbot):
        view, (score, state, name) = table.view, (2, 4, 6)
        named = replace(row(1), name="the one with the long name")
        table.set_rows([named], ())
        table.resize(900, 300)
        full, seen = view.columnWidth(name), []
        for width in range(900, 250, -10):
            table.resize(width, 300)
            QApplication.processEvents()
            hidden = (view.isColumnHidden(score), view.isColumnHidden(state))
            seen.append((hidden, view.columnWidth(name), view.columnWidth(1)))
        assert ((False, False), full) in {(hidden, width) for hidden, width, _ in seen}
        assert any(not any(hidden) and width < full for hidden, width, _ in seen)
        few = [(width, class_px) for hidden, width, class_px in seen if any(hidden)]
        assert all(60 <= width <= full for width, _ in few)
        assert any(60 < width < full for width, _ in few)
        wanted = view._wanted[1]  # what a column leaves goes to the name, as far as it asks for it
        assert all(width == full or class_px <= wanted for width, class_px in few)
        assert all(width == 60 or class_px >= wanted for width, class_px in few)
        assert all(hidden[0] for hidden, *_ in seen if hidden[1])

    def test_a_long_name_of_a_class_pushes_nothing_out_of_sight(self, table, qtbot):
        name = "mouse with an implant behind the left ear, seen from above; " + "m" * 30
        assert len(name) == 90
        table.resize(340, 560)
        table.setStyleSheet(style_sheet(palette_for("dark")))
        table.set_rows([row(1, 0.3, name), row(2, 0.9, "cat")], ())
        bar = table.filters
        bar.set_classes([(1, name), (2, "cat")])
        table.show_filters(True)
        area = table._below_search
        assert area.widget().minimumSizeHint().width() <= area.viewport().width()
        QApplication.processEvents()  # until all is laid out
        for field in (bar._state, bar._score[1], *bar._buttons.values(), bar.clear_button):
            assert field.visibleRegion().boundingRect() == field.rect()
        header = table.view.horizontalHeader()
        assert header.sectionViewportPosition(4) + header.sectionSize(4) <= table.view.width()
        bar._class.setCurrentIndex(1)
        assert bar._class.toolTip() == name
        bar._class.showPopup()
        assert bar._class.view().width() > 2 * bar._class.width()
        bar._class.hidePopup()


class TestFilterBar:
    def test_the_wheel_scrolls_and_turns_a_field_only_where_the_focus_is(self, qtbot):
        bar = FilterBar()
        qtbot.addWidget(bar)
        bar.show()
        bar.activateWindow()
        spin = bar._score[1]
        place = QPointF(5, 5)
        wheel = QWheelEvent(
            place,
            QPointF(spin.mapToGlobal(QPoint(5, 5))),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(spin, wheel)
        assert bar.value().is_open
        spin.setFocus()
        qtbot.waitUntil(spin.hasFocus)
        QApplication.sendEvent(spin, wheel)
        assert bar.value() == TrackFilter(score_below=0.0)

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
