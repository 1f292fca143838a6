"""Clicks and strokes as Qt sends them to the canvas, with and without keys held."""

from __future__ import annotations

import pytest
from fake_engine import SIZE, disc
from real_pointer import CONTROL, SHIFT, RealPointer

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


FIRST, SECOND, BESIDE = (15.5, 24.5), (45.5, 24.5), (2.5, 2.5)


@pytest.fixture(scope="module")
def shared_viewer(qapp):
    """A window that is seen: into another one OpenGL may refuse a click, since it has no canvas."""
    import napari

    viewer = napari.Viewer()
    viewer.window.resize(1400, 900)  # with room beside the panel
    yield viewer
    viewer.close()


@pytest.fixture
def pointer(desk, qtbot):
    qtbot.waitUntil(desk.studio.panel.window().isVisible)
    return RealPointer(desk.studio, qtbot)


@pytest.fixture
def two_tracks(desk):
    """Two discs side by side on frame 0; nothing is selected."""
    ids = []
    for x, y in (FIRST, SECOND):
        desk.editor.select(())
        found = desk.editor.commit_rle(disc(SIZE, (y - 0.5, x - 0.5), 8), "Paint")
        ids += found.tracks_added
    desk.studio.select(())
    return ids


@pytest.mark.parametrize("key", [SHIFT, CONTROL], ids=["Shift", "Control"])
def test_a_click_with_a_key_adds_and_takes_out(desk, pointer, two_tracks, key):
    first, second = two_tracks
    pointer.click(FIRST)
    assert desk.editor.selected == (first,)
    pointer.click(SECOND, key)
    assert desk.editor.selected == (second, first)
    pointer.click(FIRST, key)
    assert desk.editor.selected == (second,)
    pointer.click(FIRST)
    assert desk.editor.selected == (first,)


@pytest.mark.parametrize("key", [SHIFT, CONTROL], ids=["Shift", "Control"])
def test_a_click_beside_all_masks_clears_without_a_key_only(desk, pointer, two_tracks, key):
    desk.studio.select(tuple(two_tracks))
    pointer.click(BESIDE, key)
    pointer.click((-3.5, 24.5), key)  # and beside the picture
    assert desk.editor.selected == tuple(two_tracks)
    pointer.click(BESIDE)
    assert desk.editor.selected == ()


@pytest.mark.parametrize(
    ("tool", "key", "side"),
    [
        ("scribble", None, "positive"),
        ("scribble", SHIFT, "negative"),
        ("unscribble", None, "negative"),
        ("unscribble", SHIFT, "positive"),
    ],
)
def test_shift_turns_a_scribble_to_the_other_side(desk, pointer, qtbot, tool, key, side):
    desk.corrected(0)
    desk.engine.answer = {"rle": disc(SIZE, (20, 30), 5).to_coco()}
    desk.studio.layers.set_mode(tool)
    with qtbot.waitSignal(desk.correction.signals.answered):
        pointer.drag((20.5, 20.5), (24.5, 20.5), (26.5, 22.5), **({"keys": key} if key else {}))
    asked = desk.asked("scribble")
    (stroke,) = asked[side]
    assert stroke["points_xy"][0] == pytest.approx((20.5, 20.5), abs=0.2)
    assert asked["negative" if side == "positive" else "positive"] == []
