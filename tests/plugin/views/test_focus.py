"""Keys go to the canvas once the button that had them can be pressed no more."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QDockWidget, QLabel, QLineEdit, QMainWindow, QSpinBox

from napari_ifc.correction_state import SpreadView
from napari_ifc.rows import RunView, TrackRow
from napari_ifc.views.panel import StudioPanel
from napari_ifc.views.spread_strip import SpreadStrip

ROW = TrackRow(1, (230, 159, 0), "dog", 0.9, 3, 0, 2, "proposed")


@pytest.fixture
def main(qtbot):
    """A window that is seen."""
    made = QMainWindow()
    made.setCentralWidget(QLabel("canvas"))
    qtbot.addWidget(made)
    made.resize(900, 900)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def panel(main):
    """The panel docked in it, beside the canvas."""
    made = StudioPanel()
    dock = QDockWidget("Studio", main)
    dock.setWidget(made)
    main.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    return made


def on_canvas(panel):
    return panel.window().focusWidget() is panel.window().centralWidget()


def test_the_button_that_was_pressed_is_disabled(panel):
    panel.show_page("propose")
    panel.propose.button.setFocus()
    panel.run.show_view(RunView(True, "Starting the engine"))
    panel.propose.show_state(reason="A run is going on.", button_text="Propose", estimate="")
    assert on_canvas(panel)  # else Space presses Pause


def test_a_run_ends_whose_button_has_the_keys(panel):
    panel.run.show_view(RunView(True, "Finding instances"))
    panel.run.cancel.setFocus()
    panel.run.show_view(RunView())
    assert on_canvas(panel)  # else Space opens the system's window


def test_a_propagation_takes_the_place_of_its_button(panel):
    strip = SpreadStrip()
    panel.add_strip(strip)
    strip.start.setFocus()
    strip.show_run(SpreadView(True, "Propagating track 7", "5 of 79", 0.1))
    assert on_canvas(panel)
    strip.pause.setFocus()
    strip.show_run(SpreadView(True, "Propagating track 7", "6 of 79", 0.1))
    assert strip.pause is panel.window().focusWidget()  # what is there still keeps them


def test_a_list_runs_empty(panel):
    panel.tracks.set_rows([ROW], ())
    panel.tracks.view.setFocus()
    panel.tracks.show_empty("No tracks yet", "", "Propose", "propose.start")
    panel.tracks.set_rows([], ())
    assert on_canvas(panel)  # else Space starts a run


def test_tab_goes_on_as_ever(panel, qtbot):
    panel.order_focus()
    panel.show_page("propose")
    panel.propose.button.setFocus()
    before = panel.window().focusWidget()
    qtbot.keyClick(before, Qt.Key.Key_Tab)
    after = panel.window().focusWidget()
    assert after is not before
    assert not on_canvas(panel)


def test_a_panel_in_a_window_of_its_own_keeps_the_keys(qtbot):
    panel = StudioPanel()
    qtbot.addWidget(panel)
    panel.show_page("propose")
    panel.show()
    qtbot.waitExposed(panel)
    panel.propose.button.setFocus()
    panel.propose.show_state(reason="A run is going on.", button_text="Propose", estimate="")
    assert panel.focusWidget() is panel


def visible(panel, kind):
    return next(x for x in panel.findChildren(kind) if x.isVisible() and x.isEnabled())


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter])
@pytest.mark.parametrize(("page", "kind"), [("tracks", QLineEdit), ("propose", QSpinBox)])
def test_a_field_gives_the_keys_back(panel, page, kind, key):
    """Letters are typed there, so that no key of a tool leads out of it."""
    panel.tracks.set_rows([ROW], ())
    panel.show_page(page)
    field = visible(panel, kind)
    field.setFocus()
    QTest.keyClick(field, key)
    assert on_canvas(panel)


def test_escape_gives_back_the_keys_of_a_box_and_return_does_not(panel):
    panel.show_page("propose")
    box = visible(panel, QComboBox)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert panel.window().focusWidget() is box
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert on_canvas(panel)


def test_down_leads_from_the_search_to_what_was_found(panel):
    tracks = panel.tracks
    tracks.set_rows([ROW], ())
    panel.show_page("tracks")
    search = tracks.filters.search
    search.setFocus()
    QTest.keyClicks(search, "dog")
    QTest.keyClick(search, Qt.Key.Key_Down)
    assert panel.window().focusWidget() is tracks.view
    assert [index.row() for index in tracks.view.selectionModel().selectedRows()] == [0]
    search.setFocus()
    QTest.keyClicks(search, "x")
    QTest.keyClick(search, Qt.Key.Key_Down)  # nothing was found
    assert panel.window().focusWidget() is search
