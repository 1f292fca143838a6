"""Keys of other layouts, and keys that napari has no name for, on the canvas."""

import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence, QShortcut
from qtpy.QtWidgets import QApplication, QMenu

from napari_ifc.canvas_keys import napari_key
from napari_ifc.features.preferences import PreferencesFeature

pytestmark = pytest.mark.window
NONE = Qt.KeyboardModifier.NoModifier
CYRILLIC_B = 0x0418  # what B types there


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def keys(desk):
    """Gives the key sequences that the canvas itself takes once a key was pressed."""
    main = desk.studio.panel.window()
    center = main.centralWidget()
    assert main.winId()  # a window that was never shown has none
    desk.studio.window._held.watch(main)

    def press(key, text=""):
        for to in (main.windowHandle(), center):
            event = QKeyEvent(QEvent.Type.ShortcutOverride, int(key), NONE, text)
            QApplication.sendEvent(to, event)
        found = [s for s in center.findChildren(QShortcut) if s.parent() is center]
        return {s.key().toString(): s for s in found if s.isEnabled()}

    yield press
    desk.studio.window._held.pressed = QKeySequence()


def test_letters_of_another_alphabet_are_looked_up_by_qt(desk, keys):
    taken = set(keys(CYRILLIC_B, "и"))
    assert {"B", "A", "Shift+A", "Ctrl+Z"} <= taken
    assert not keys(Qt.Key.Key_B, "b")  # napari knows it, and Backspace while a polygon is drawn
    assert not keys(Qt.Key.Key_Backspace)


def test_keys_on_a_layer_of_ones_own_are_left_to_it(desk, keys):
    own = desk.studio.viewer.add_points()
    desk.studio.viewer.layers.selection.active = own
    assert not keys(CYRILLIC_B, "и")
    desk.studio.viewer.layers.remove(own)


@pytest.mark.parametrize("key", ["Ö", "+", "Ctrl++", "Shift+1", "F13", "?", "Num+1"])
def test_a_key_that_was_chosen_means_its_action_on_the_canvas_and_no_other_key_does(
    desk, keys, key
):
    """napari took a key without a name for any other one: "!" deleted what "Ö" was to delete."""
    studio = desk.studio
    preferences = studio.feature(PreferencesFeature)
    preferences._set_shortcut("track.new", key)
    assert studio.actions["track.new"].shortcut == key
    assert QKeySequence(key).toString() in keys(Qt.Key.Key_Exclam, "!")
    nameless = napari_key(key) is None
    assert nameless == (key != "Shift+1")
    assert not [k for k in studio.layers._keys if "Unknown" in repr(k) or not str(k)[-1:]]
    preferences._set_shortcut("track.new", "N")


@pytest.mark.parametrize(
    ("key", "name"),
    [("Del", "Delete"), ("Return", "Enter"), ("Esc", "Escape"), ("Ctrl+Ins", "Ctrl+Insert")],
)
def test_napari_has_other_words_for_some_keys(key, name):
    assert str(napari_key(key)) == name


def test_the_key_of_another_action_is_refused_as_qt_writes_it(desk):
    """Delete, pressed in the settings, is "Del" to Qt; it was given to two actions."""
    actions = desk.studio.actions
    for action in actions:
        portable = QKeySequence.SequenceFormat.PortableText
        assert QKeySequence(action.shortcut).toString(portable) == action.shortcut
    preferences = desk.studio.feature(PreferencesFeature)
    said = preferences.controller.set_shortcut(
        actions, preferences._usual, "track.clear", QKeySequence(Qt.Key.Key_Delete).toString()
    )
    assert "Delete tracks" in said


def test_the_sign_that_is_typed_goes_before_what_else_its_key_stands_for(desk, keys):
    """AltGr+8 types a bracket on a German keyboard; it gave selected tracks the class of 8."""
    studio = desk.studio
    size = studio.layers.brush_size
    keys(Qt.Key.Key_BracketRight, "]")
    eight = next(
        s for s in studio.panel.findChildren(QShortcut) if s.key().toString() == "8"
    )  # the one that Qt finds first
    eight.activated.emit()
    assert studio.layers.brush_size > size


def test_a_key_of_the_number_pad_goes_before_the_digit_that_it_types(desk, keys):
    """The action of 1 was done instead, whatever Num+1 was chosen for."""
    studio = desk.studio
    preferences = studio.feature(PreferencesFeature)
    preferences._set_shortcut("brush.larger", "Num+1")
    size = studio.layers.brush_size
    keys(Qt.Key.Key_1, "1")
    assert studio.actions.holder_of("1") is not None
    pad = next(s for s in studio.panel.findChildren(QShortcut) if s.key().toString() == "Num+1")
    pad.activated.emit()
    assert studio.layers.brush_size > size
    preferences._set_shortcut("brush.larger", "]")


def test_the_brush_grows_and_shrinks_by_a_tenth(desk):
    studio = desk.studio
    studio.layers.set_brush_size(50)
    assert studio.run_action("brush.larger")
    assert studio.layers.brush_size == 55
    for _ in range(60):
        studio.run_action("brush.smaller")
    assert studio.layers.brush_size == 1
    assert studio.run_action("brush.larger")
    assert studio.layers.brush_size == 2


def test_a_key_that_is_pressed_in_an_open_menu_is_no_action(desk, qtbot):
    """Delete deleted tracks behind the menu, Ctrl+Z undid there."""
    studio = desk.studio
    size = studio.layers.brush_size
    larger = next(s for s in studio.panel.findChildren(QShortcut) if s.key().toString() == "]")
    menu = QMenu(studio.panel)
    menu.addAction("Something")
    menu.popup(studio.panel.mapToGlobal(QPoint(5, 5)))
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is menu)
    larger.activated.emit()
    canvas_key = next(k for k in studio.layers._keys if str(k) == "]")
    studio.layers._keys[canvas_key]()
    assert studio.layers.brush_size == size
    menu.close()
    larger.activated.emit()
    assert studio.layers.brush_size > size
