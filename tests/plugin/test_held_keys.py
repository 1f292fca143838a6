"""A key that is held repeats small steps only, in the panels and on the canvas."""

import pytest
from fake_engine import SIZE, disc
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence, QShortcut
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


REPEATED = {
    *("frame.next", "frame.previous", "frame.ten_on", "frame.ten_back"),
    *("event.next", "event.previous", "track.next", "track.previous"),
    *("range.mark_left", "range.mark_right"),
    *("mask.grow", "mask.shrink", "brush.smaller", "brush.larger"),
    *("edit.undo", "edit.redo"),
}


def test_only_small_steps_repeat_in_the_panels(desk):
    studio = desk.studio
    keys = {QKeySequence(a.shortcut).toString(): a.id for a in studio.actions if a.shortcut}
    for widget in studio.window._widgets:
        bound = [s for s in widget.findChildren(QShortcut) if s.parent() is widget]
        repeated = {keys[s.key().toString()] for s in bound if s.autoRepeat()}
        assert {keys[s.key().toString()] for s in bound} == set(keys.values())
        assert repeated == REPEATED


NO_MODIFIER = Qt.KeyboardModifier.NoModifier


def key_event(kind, at, *, repeat=False, key=Qt.Key.Key_Delete, modifiers=NO_MODIFIER):
    made = QKeyEvent(kind, key, modifiers, "", repeat)
    made.setTimestamp(at)
    return made


@pytest.fixture
def canvas(desk):
    """The canvas beside three tracks, as a place to press Delete in."""
    for column in (10, 25, 40):
        desk.studio.select(())
        desk.editor.commit_rle(disc(SIZE, (20, column), 4), "Paint")
    main = desk.studio.panel.window()
    assert main.winId()  # a window that was never shown has none
    canvas = main.centralWidget().findChild(QOpenGLWidget)

    def press(at, *, repeat=False):
        override = key_event(QEvent.Type.ShortcutOverride, at, repeat=repeat)
        QApplication.sendEvent(main.windowHandle(), override)
        QApplication.sendEvent(canvas, key_event(QEvent.Type.KeyPress, at, repeat=repeat))

    def release(at):
        QApplication.sendEvent(main.windowHandle(), key_event(QEvent.Type.KeyRelease, at))
        QApplication.sendEvent(canvas, key_event(QEvent.Type.KeyRelease, at))

    return press, release


def num_tracks(desk):
    return len(desk.project.tracks(desk.video_id))


def test_held_delete_deletes_once_on_the_canvas(desk, canvas):
    press, _ = canvas
    for held in (False, True, True):
        press(1000 + held, repeat=held)
    assert num_tracks(desk) == 2


def test_a_key_that_x11_releases_and_presses_at_one_instant_is_held(desk, canvas):
    press, release = canvas
    press(1000)
    for at in (1660, 1700):
        release(at)
        press(at)
    assert num_tracks(desk) == 2
    release(1750)
    press(1900)
    assert num_tracks(desk) == 1


@pytest.fixture
def floating(desk, canvas):
    """The timeline in a window of its own, once Right was held in the main one."""
    main, dock = desk.studio.panel.window(), desk.studio.docks["timeline"]
    desk.studio.window._held.watch(main)
    for repeat in (False, True):
        override = key_event(QEvent.Type.ShortcutOverride, 100, repeat=repeat, key=Qt.Key.Key_Right)
        QApplication.sendEvent(main.windowHandle(), override)
    dock.setFloating(True)
    dock.show()
    desk.studio.select((desk.project.tracks(desk.video_id)[0].id,))
    yield dock
    dock.setFloating(False)


def delete_in(dock):
    """What Qt does for Delete in a dock once it has looked for who overrides it."""
    of_dock = [s for s in dock.widget().findChildren(QShortcut) if s.parent() is dock.widget()]
    next(s for s in of_dock if s.key() == QKeySequence("Del")).activated.emit()


@pytest.mark.parametrize("seen", [False, True])
def test_a_key_that_was_held_elsewhere_swallows_none(desk, floating, seen):
    if seen:
        release = key_event(QEvent.Type.KeyRelease, 200, key=Qt.Key.Key_Right)
        QApplication.sendEvent(desk.studio.panel.window().windowHandle(), release)
    delete_in(floating)
    assert num_tracks(desk) == 2
    override = key_event(QEvent.Type.ShortcutOverride, 300, repeat=True)
    QApplication.sendEvent(floating.windowHandle(), override)
    desk.studio.select((desk.project.tracks(desk.video_id)[0].id,))
    delete_in(floating)
    assert num_tracks(desk) == 2  # now it is held


def test_a_released_key_is_held_no_more(desk, canvas):
    press, release = canvas
    for repeat in (False, True):
        press(100, repeat=repeat)
    assert desk.studio.window._held.is_held
    release(200)
    assert not desk.studio.window._held.is_held


CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def hold(desk, key, modifiers=NO_MODIFIER, *, on=None):
    """Press a key on the canvas, or on what hands it its keys, and hold it for two repeats."""
    main = desk.studio.panel.window()
    canvas = main.centralWidget().findChild(QOpenGLWidget) if on is None else on
    for repeat in (False, True, True):
        for kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            to = canvas if kind == QEvent.Type.KeyPress else main.windowHandle()
            event = key_event(kind, 100, repeat=repeat, key=key, modifiers=modifiers)
            QApplication.sendEvent(to, event)
        QApplication.processEvents()  # the timeline takes the frame from it


@pytest.mark.parametrize("around", [False, True])
def test_held_keys_do_small_steps_again_and_again_on_the_canvas(desk, canvas, around):
    studio, on = desk.studio, desk.studio.panel.window().centralWidget() if around else None
    hold(desk, Qt.Key.Key_Right, on=on)
    assert studio.layers.frame_index == 3  # once for each
    hold(desk, Qt.Key.Key_Right, SHIFT, on=on)
    assert studio.layers.frame_index == 6
    hold(desk, Qt.Key.Key_Z, CTRL, on=on)
    assert num_tracks(desk) == 0
    hold(desk, Qt.Key.Key_Z, CTRL | SHIFT, on=on)
    assert num_tracks(desk) == 3


def test_held_keys_mean_what_they_did_on_a_layer_of_ones_own(desk, canvas):
    own, pressed = desk.studio.viewer.add_points(), []
    own.bind_key("Control-Z", pressed.append)
    desk.studio.viewer.layers.selection.active = own
    hold(desk, Qt.Key.Key_Z, CTRL)
    assert (len(pressed), num_tracks(desk)) == (1, 3)
