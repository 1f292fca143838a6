"""A key that is held repeats small steps only, in the panels and on the canvas."""

import pytest
from fake_engine import SIZE, disc
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence, QShortcut
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication

pytestmark = pytest.mark.window

REPEATED = {
    *("frame.next", "frame.previous", "frame.ten_on", "frame.ten_back"),
    *("event.next", "event.previous", "track.next", "track.previous"),
    *("range.mark_left", "range.mark_right"),
    *("mask.grow", "mask.shrink"),
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


def test_a_held_key_does_small_steps_again_and_again(desk, canvas):
    window, actions = desk.studio.window, desk.studio.actions
    window._held.is_held = True
    for action_id in ("frame.next", "frame.next", "track.delete"):
        window._on_key(None, actions[action_id])
    assert desk.studio.layers.frame_index == 2
    assert num_tracks(desk) == 3
