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


def key_event(kind, at, *, repeat=False):
    made = QKeyEvent(kind, Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier, "", repeat)
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


def test_a_held_key_does_small_steps_again_and_again(desk, canvas):
    window, actions = desk.studio.window, desk.studio.actions
    window._held.is_held = True
    for action_id in ("frame.next", "frame.next", "track.delete"):
        window._on_key(None, actions[action_id])
    assert desk.studio.layers.frame_index == 2
    assert num_tracks(desk) == 3
