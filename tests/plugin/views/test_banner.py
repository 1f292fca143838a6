"""Room for messages: two lines at most, whatever they say, and all of it where it is asked for."""

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_ifc.rows import Summary
from napari_ifc.views.panel import StudioPanel
from napari_ifc.views.theme import palette_for

LONG = (
    "Exported 5 tracks, 5 masks on 1 frame to match.json. Left out as not reviewed or not chosen: "
    "119 frames, 2 tracks. Approve them, or choose everything in the form, to write them as well."
)


@pytest.fixture
def panel(qtbot):
    made = StudioPanel()
    qtbot.addWidget(made)
    made.apply_palette(palette_for("dark"))
    made.header.show_summary(Summary("clip", "640 × 360", "/p", 3, 10, hint="Next: fix."))
    made.resize(372, 760)
    made.show()
    qtbot.waitExposed(made)
    return made


def top_of_tools(panel):
    for _ in range(4):  # a layout asks for another one
        QApplication.processEvents()
    return panel.tools.mapTo(panel, QPoint(0, 0)).y()


@pytest.mark.parametrize(
    ("text", "button"),
    [
        ("Done.", ""),
        ("Wrote match.csv: 5 tracks, 5 masks on 1 frame.", "Show in folder"),
        (LONG, ""),
        (LONG, "Show in folder"),
        (f"{'a_long_name/of_a_file' * 12} cannot be read.", "Show in folder"),
    ],
)
def test_no_message_moves_what_is_below_it(panel, text, button):
    before = top_of_tools(panel)
    panel.banner.show_message(text, "error", button, "file.show")
    assert top_of_tools(panel) == before
    banner = panel.banner
    assert banner.text == text
    shown = banner._text.text().splitlines()
    metrics = banner._text.fontMetrics()
    assert len(shown) <= 2
    assert all(metrics.horizontalAdvance(line) <= banner._text.width() for line in shown)
    is_cut = shown[-1].endswith("…")
    assert is_cut == banner._more.isVisible() == (len(text) > 100)
    assert banner._text.toolTip() == (text if is_cut else "")
    parts = [w for w in (banner._button, banner._more, banner.close_button) if w.isVisible()]
    assert all(banner.rect().contains(part.geometry()) for part in parts)
    taken = [banner._text.x() + metrics.horizontalAdvance(shown[-1]), *(p.x() for p in parts)]
    if len(shown) == 2:
        assert min(taken[1:]) >= taken[0]  # no button lies on the words


def test_all_of_a_long_message_is_shown_where_it_is_asked_for(panel, qtbot):
    banner, before = panel.banner, top_of_tools(panel)
    banner.show_message(LONG, "warning", "Show in folder", "file.show")
    top_of_tools(panel)
    QTest.mouseClick(banner._more, Qt.MouseButton.LeftButton)
    assert top_of_tools(panel) > before
    assert banner._text.text() == LONG
    assert banner.rect().contains(banner._button.geometry())
    with qtbot.waitSignal(banner.action_requested) as asked:
        QTest.mouseClick(banner._button, Qt.MouseButton.LeftButton)
    assert asked.args == ["file.show"]
    QTest.mouseClick(banner._more, Qt.MouseButton.LeftButton)
    assert top_of_tools(panel) == before
    banner._more.click()
    banner.show_message(LONG, "error")  # the next one begins short
    assert top_of_tools(panel) == before


@pytest.mark.parametrize("text", ["Done.", LONG])
def test_all_that_is_shown_has_room_and_buttons_stand_on_the_last_line(panel, text):
    banner = panel.banner
    banner.show_message(text, "warning", "Show in folder", "file.show")
    top_of_tools(panel)
    line, lines = banner._text.fontMetrics().lineSpacing(), len(banner._text.text().splitlines())
    room = banner._text.contentsRect()
    assert room.size() == banner._text.size()  # all that was counted can be drawn on
    assert room.height() >= line * lines
    words_foot = banner._text.y() + (room.height() - line * lines) // 2 + line * lines
    for button in (banner._button, banner._more):
        if button.isVisible():
            assert button.y() + (button.height() - line) // 2 + line == words_foot
    assert banner.height() >= banner.heightForWidth(banner.width())


def test_a_frame_around_the_message_takes_no_room_from_it(panel):
    banner = panel.banner
    banner.setStyleSheet('QFrame[role="banner"] { border: 3px solid red; }')
    banner.show_message(LONG, "warning")
    top_of_tools(panel)
    line = banner._text.fontMetrics().lineSpacing()
    assert banner._text.contentsRect().height() >= 2 * line
    assert banner.contentsRect().contains(banner._text.geometry())


def test_the_style_of_the_window_takes_no_room_from_the_message(panel):
    banner = panel.banner
    panel.window().setStyleSheet("QLabel { margin: 1px; padding: 1px; }")  # as napari's does
    banner.show_message(LONG, "warning", "Show in folder", "file.show")
    top_of_tools(panel)
    assert banner._text.contentsRect().size() == banner._text.size()
