"""The head of the panel, its tools, messages, history and pages."""

import datetime

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QTabBar

from napari_ifc.controllers.run_words import brief_duration_text
from napari_ifc.correction_state import SpreadView
from napari_ifc.rows import (
    HistoryRow,
    RunView,
    Summary,
)
from napari_ifc.views.banner import Banner
from napari_ifc.views.header import Header, RunStrip
from napari_ifc.views.history_list import HistoryList, time_text
from napari_ifc.views.panel import StudioPanel
from napari_ifc.views.spread_strip import SpreadStrip
from napari_ifc.views.theme import palette_for
from napari_ifc.views.tools import ToolRow

ORANGE = (230, 159, 0)


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


def test_what_happens_next_outdates_news_but_not_what_is_to_be_answered(qtbot):
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_message("Done.")
    banner.outdate()
    assert not banner.is_shown
    banner.show_message("Keep it?", "warning", "Keep", "run.keep")
    banner.outdate()
    assert banner.text == "Keep it?"


class TestWhatStands:
    @pytest.fixture
    def banner(self, qtbot):
        made = Banner()
        qtbot.addWidget(made)
        made.show_message("v1 is ready.", "done", "Look", "model.finetune", "In full.", stands=True)
        return made

    def test_it_comes_back_whole_after_news_and_errors(self, banner, qtbot):
        for end in (banner._timer.timeout.emit, banner.outdate, banner.clear):
            banner.show_message("Approved 3 masks.")
            assert banner.text == "Approved 3 masks."
            end()
            qtbot.waitUntil(lambda: banner.text == "v1 is ready.")
        banner.show_message("Failed.", "error")
        qtbot.mouseClick(banner.close_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: banner.text == "v1 is ready.")
        assert banner.property("kind") == "done"
        assert not banner._timer.isActive()
        assert banner._button.text() == "Look"
        assert banner._text.toolTip() == "In full."
        with qtbot.waitSignal(banner.action_requested) as asked:
            banner._button.click()
        assert asked.args == ["model.finetune"]

    def test_it_gives_way_to_what_is_shown_at_once(self, banner):
        banner.clear()
        assert banner.text == ""  # what is asked now is not joined to it
        banner.show_message("Go on?", "warning", "Continue", "run.continue")
        QApplication.processEvents()
        assert banner.text == "Go on?"

    def test_closed_or_withdrawn_it_comes_back_no_more(self, banner, qtbot):
        banner.show_message("Turned.", "info", "Back", "view.flat", stands=True)
        banner.show_message("Approved 3 masks.")
        banner.withdraw("Turned.")  # beneath another
        assert banner.text == "Approved 3 masks."
        banner.clear()
        qtbot.waitUntil(lambda: banner.text == "v1 is ready.")
        qtbot.mouseClick(banner.close_button, Qt.MouseButton.LeftButton)
        QApplication.processEvents()
        assert not banner.is_shown


def test_header_ticks_the_steps(qtbot):
    header = Header(Banner())
    qtbot.addWidget(header)
    header.show_summary(Summary("clip", "640 × 360", "/p", 3, 10, (True, False, False, False)))
    shown = [*header.findChildren(QLabel), *header.findChildren(QPushButton)]
    texts = [widget.text() for widget in shown]
    assert "✓ Find" in texts  # painted and imported tracks tick it too
    assert "Fix" in texts
    assert "3 / 10 frames complete" in texts
    header.show_summary(Summary("clip", "", "/p", 0, 10, approved_tracks=6, num_tracks=7))
    texts = [label.text() for label in header.findChildren(QLabel)]
    assert "0 / 10 frames complete · 6 / 7 tracks" in texts  # approving tracks counts, too
    many = Summary("clip", "", "/p", 99_999, 100_000, approved_tracks=1000, num_tracks=2000)
    header.show_summary(many)
    assert header.minimumSizeHint().width() < 362  # as narrow as the panel can be


def test_what_comes_and_goes_moves_nothing(qtbot):
    panel = StudioPanel()
    qtbot.addWidget(panel)
    panel.apply_palette(palette_for("dark"))
    strip = SpreadStrip()
    panel.add_strip(strip)
    panel.header.show_summary(
        Summary("clip", "640 × 360", "/p", 3, 10, (True, False, False, False), hint="Next: fix.")
    )
    panel.resize(372, 760)
    panel.show()
    qtbot.waitExposed(panel)

    def places():
        QApplication.processEvents()
        parts = (panel.tools, strip, panel._tabs)
        return [part.mapTo(panel, QPoint(0, 0)).y() for part in parts]

    before = places()
    panel.banner.show_message("Track 1 has a guess from the box here: correct it, or approve it.")
    panel.run.show_view(RunView(True, "Finding instances", "1 of 60 frames", 0.1))
    panel.task.show_view(RunView(True, "Exporting"))
    strip.show_run(SpreadView(True, "Propagating track 7", "5 of 79", 0.1))
    assert places() == before
    hints = [label.text() for label in panel.header.findChildren(QLabel) if label.isVisible()]
    assert "Next: fix." not in hints  # the message stands in its place
    panel.banner.clear()
    panel.run.hide()
    strip.show_run(SpreadView())
    assert places() == before


def test_the_panel_never_asks_for_more_height_than_a_low_screen_has(qtbot):
    panel = StudioPanel()
    qtbot.addWidget(panel)
    panel.apply_palette(palette_for("dark"))
    panel.resize(372, 700)
    panel.show()
    before = panel.minimumSizeHint()
    panel.banner.show_message("A long message. " * 12, "warning")
    panel.run.show_view(RunView(True, "Finding instances", "1 of 60 frames", 0.1))
    panel.task.show_view(RunView(True, "Exporting"))
    QApplication.processEvents()
    assert panel.minimumSizeHint() == before
    assert before.height() < 600
    assert panel.status.geometry().bottom() < panel.height()


def test_a_run_takes_one_line_of_a_low_panel(qtbot):
    panel = StudioPanel()
    qtbot.addWidget(panel)
    panel.apply_palette(palette_for("dark"))
    panel.resize(362, 576)
    panel.show()
    qtbot.waitExposed(panel)
    strip, detail = panel.training, "iteration 40 of 300, about 3 hours and 20 minutes left"
    strip.show_view(RunView(True, "Fine-tuning", detail, 0.13, left="3 h 20 min"))
    QApplication.processEvents()
    parts = [strip._text, strip._brief, strip.cancel]
    middles = [part.geometry().center().y() for part in parts]
    assert max(middles) - min(middles) <= 1
    assert all(part.isVisible() and strip.rect().contains(part.geometry()) for part in parts)
    assert strip.height() < 45
    assert strip._brief.text() == "13% · 3 h 20 min"
    assert strip._brief.toolTip() == f"Fine-tuning · {detail}"
    assert not strip._bar.isVisible()
    panel.task.show_view(RunView(True, "Exporting", fraction=0.5))
    assert panel.task._brief.text() == "50%"  # the bar would have said it
    panel.resize(362, 760)
    QApplication.processEvents()
    assert strip._detail.isVisible()
    assert strip._bar.isVisible()
    assert not strip._brief.isVisible()


def test_how_far_a_run_is_stays_in_sight_where_its_words_do_not_fit(qtbot):
    strip = RunStrip(can_pause=True)
    qtbot.addWidget(strip)
    strip.show_low(low=True)
    strip.resize(340, 36)
    strip.show_view(RunView(True, "Reading the first clip of all", "0 of 80 frames", 0.0))
    QApplication.processEvents()
    assert strip._brief.text() == "0%"
    strip.show_view(RunView(True, "Finding instances in it", "15 of 80 frames", 0.19, left="5 min"))
    QApplication.processEvents()
    assert strip._brief.text() == "19% · 5 min"
    assert strip._brief.width() >= strip._brief.sizeHint().width()
    assert strip._text.text().endswith("…")
    strip.show_view(RunView(True, "Loading the model"))
    assert not strip._brief.isVisible()


def test_pause_is_offered_once_something_would_be_kept(qtbot):
    strip = RunStrip(can_pause=True)
    qtbot.addWidget(strip)
    strip.show_view(RunView(True, "Starting the engine", why_not_pause="Too little is known."))
    assert not strip.pause.isEnabled()
    assert strip.pause.toolTip() == "Too little is known."
    strip.show_view(RunView(True, "Finding instances"))
    assert strip.pause.isEnabled()
    assert "go on later" in strip.pause.toolTip()


def test_a_long_title_is_shortened_anew_for_each_width(qtbot):
    header = Header(Banner())
    qtbot.addWidget(header)
    header.add_corner(QPushButton("Menu"))
    name = "a_recording_with_quite_a_long_name_of_the_second_of_november.mp4"
    header.resize(760, 200)
    header.show()
    header.show_summary(Summary(name, "640 × 360", "/p", 3, 10))
    label = header._title
    for width in (760, 460, 362, 760):
        header.resize(width, 200)
        QApplication.processEvents()
        assert header.width() == width
        assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()
        assert ("…" in label.text()) == (width < 700)
        assert label.text().endswith("mp4")


def test_a_step_says_when_it_was_made():
    now = datetime.datetime(2026, 11, 28, 15, 30)
    today = datetime.datetime(2026, 11, 28, 9, 5).timestamp()
    earlier = datetime.datetime(2026, 11, 27, 9, 5).timestamp()
    assert "05" in time_text(today, now)
    assert time_text(earlier, now).endswith(" " + time_text(today, now))
    assert time_text(0.0, now) == ""


def test_history_lists_steps_and_asks_for_one(qtbot):
    history = HistoryList()
    qtbot.addWidget(history)
    history.set_rows([HistoryRow(3, "Delete", undone=True), HistoryRow(2, "Paint")])
    assert history.list.count() == 2
    assert not history.undo.isEnabled()
    history.show_reasons("", "There is nothing to redo.")
    assert history.undo.isEnabled()
    assert not history.redo.isEnabled()
    assert history.redo.toolTip() == "There is nothing to redo."
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


def test_pages_can_be_added_and_brought_to_the_front(qtbot):
    panel = StudioPanel()
    qtbot.addWidget(panel)
    page = QLabel("more")
    panel.add_page("more", "More", page)
    assert panel.page_names()[-1] == "more"
    assert panel.findChild(QTabBar).accessibleName() == "Pages"
    with qtbot.waitSignal(panel.page_changed) as asked:
        panel.show_page("more")
    assert asked.args == ["more"]
    assert panel.current_page == "more"


def test_the_panel_is_wide_enough_for_all_tabs_where_text_is_large(qtbot):
    panel = StudioPanel()
    qtbot.addWidget(panel)
    for name in ("Review", "Attention", "Fine-tune"):
        panel.add_page(name.lower(), name, QLabel())
    panel.apply_palette(palette_for("dark"))
    bar = panel.findChild(QTabBar)
    assert (panel.minimumWidth(), panel.sizeHint().width()) == (362, 372)
    assert bar.sizeHint().width() <= 362
    panel.setStyleSheet(panel.styleSheet() + "QTabBar::tab { font-size: 12pt; }")
    panel._fit_tabs()
    assert 362 < bar.sizeHint().width() == panel.minimumWidth() < panel.sizeHint().width()
    panel.setStyleSheet(panel.styleSheet() + "QTabBar::tab { font-size: 40pt; }")
    panel._fit_tabs()
    assert panel.minimumWidth() == 560


def test_how_long_a_propagation_still_takes_is_read_in_the_narrowest_panel(qtbot):
    panel, strip = StudioPanel(), SpreadStrip()
    qtbot.addWidget(panel)
    panel.add_strip(strip)
    panel.apply_palette(palette_for("dark"))
    panel.resize(362, 760)
    panel.show()
    left = f"{brief_duration_text(134)} left"
    strip.show_run(SpreadView(True, "Propagating track 1234", f"{left} · 1170 of 12179", 0.1))
    QApplication.processEvents()
    label, metrics = strip._detail, strip._detail.fontMetrics()
    assert metrics.horizontalAdvance(f"{left} · …") <= label.contentsRect().width()
    assert metrics.horizontalAdvance(label.text()) > label.contentsRect().width()
    assert label.toolTip() == label.text()  # what is cut, with an ellipsis, is told by the tip
    assert strip.minimumSizeHint().width() <= 362
