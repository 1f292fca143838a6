"""Correcting in a real window: propagate, candidates, boxes, scribbles, tools and classes."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, disc
from fake_pointer import pointer
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks

from ifc_core.annotation import edits
from ifc_core.structures import Category, FrameState, MaskSource
from napari_ifc.controllers import spread_astray
from napari_ifc.features.classes import Classes
from napari_ifc.features.preferences import PreferencesFeature
from napari_ifc.rows import FrameRange

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


def frames_of(desk, track_id):
    return {f.frame_index for f in desk.project.track_frames(track_id)}


def test_correct_propagate_cancel_and_undo(desk, qtbot):
    track_id = desk.corrected()
    signals, strip = desk.correction.signals, desk.correction.strip
    qtbot.waitUntil(strip.start.isEnabled)
    desk.engine.pause_after = 3
    strip.start.click()
    qtbot.waitUntil(lambda: len(desk.correction.spreader.staged_frames) == 4)
    assert frames_of(desk, track_id) == {3}

    def lane():
        return next(x for x in desk.studio.timeline.data.lanes if x.track_id == track_id)

    qtbot.waitUntil(lambda: {s.kind.value for s in lane().spans} >= {"provisional", "corrected"})
    desk.studio.layers.go_to(1)
    assert desk.picture.any()  # provisional masks are seen as they come
    with qtbot.waitSignal(signals.spread_finished) as ended:
        strip.cancel.click()
    assert ended.args == ["cancelled"]
    assert frames_of(desk, track_id) == {3}
    assert not desk.picture.any()

    desk.engine.pause_after = None
    desk.studio.layers.go_to(3)
    with qtbot.waitSignal(signals.spread_finished) as ended:
        assert desk.studio.run_action("correct.propagate")
    assert ended.args == ["succeeded"]
    assert frames_of(desk, track_id) == set(range(8))
    assert "found on 7 frames; on the others it was not seen." in desk.studio.panel.banner.text
    assert desk.studio.run_action("edit.undo")
    assert frames_of(desk, track_id) == {3}
    assert desk.studio.run_action("edit.redo")
    assert frames_of(desk, track_id) == set(range(8))
    assert desk.sentences == []


def test_scope_and_method_go_to_the_engine(desk, qtbot):
    desk.corrected()
    desk.correction.strip.choose("forward", "flow")
    with qtbot.waitSignal(desk.correction.signals.spread_finished):
        assert desk.studio.run_action("correct.propagate")
    params = desk.asked("spread")
    assert (params["start"], params["stop"]) == (3, NUM_FRAMES)
    assert params["correct"] == {"method": "flow"}
    assert "settings" not in params


def test_pause_and_resume(desk, qtbot):
    track_id = desk.corrected()
    desk.engine.pause_after = 2
    assert desk.studio.run_action("correct.propagate")
    qtbot.waitUntil(lambda: len(desk.correction.spreader.staged_frames) == 3)
    desk.correction.strip.pause.click()
    assert desk.correction.spreader.is_paused
    assert desk.studio.run_action("correct.pause") is True
    desk.engine.release()
    qtbot.waitUntil(lambda: frames_of(desk, track_id) == set(range(8)))


def test_each_correction_is_propagated_in_the_background(desk, qtbot):
    desk.correction._auto_timer.setInterval(1)
    assert desk.studio.run_action("correct.auto")
    with qtbot.waitSignal(desk.correction.signals.spread_finished):
        track_id = desk.corrected()
    assert frames_of(desk, track_id) == set(range(8))
    assert not desk.studio.panel.banner.text.startswith("Track")  # nobody asked for a message

    desk.engine.pause_after = 1
    spreads = [k for k, _ in desk.engine.requests].count("spread")
    desk.editor.commit_rle(disc(SIZE, (22, 30), 6), "Paint")
    qtbot.waitUntil(lambda: desk.correction.spreader.is_quiet)
    desk.editor.commit_rle(disc(SIZE, (24, 30), 6), "Paint")  # makes the first one stale
    with qtbot.waitSignal(desk.correction.signals.spread_finished):
        desk.engine.release()
    assert [k for k, _ in desk.engine.requests].count("spread") == spreads + 2
    assert desk.project.mask(track_id, 5).rle == disc(SIZE, (24, 30), 6)
    assert desk.studio.run_action("edit.undo")
    assert not desk.correction._auto_timer.isActive()  # an undo is no correction


@pytest.fixture
def proposed(desk, qtbot):
    """A desk with two proposed tracks; the first is selected, and frame 1 is shown."""
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    track_id = desk.project.tracks(desk.video_id)[0].id
    desk.studio.select((track_id,))
    desk.studio.layers.go_to(1)
    return desk, track_id


def propagate(desk, qtbot, **action):
    with qtbot.waitSignal(desk.correction.signals.spread_finished) as ended:
        assert desk.studio.run_action(action.get("by", "correct.propagate"))
    assert ended.args == ["succeeded"]


def test_proposals_stay_where_a_propagation_came_astray_until_one_says_so(proposed, qtbot):
    desk, track_id = proposed
    place = desk.project.mask(track_id, 3)  # like the proposals nearby
    desk.editor.commit_rle(place.rle, "Paint")
    astray = disc(SIZE, (6, 6), 3)
    desk.engine.lost_at, desk.engine.astray = 4, astray
    assert not desk.studio.run_action("correct.take_left")
    assert "left no proposals" in desk.said
    before = {f: desk.project.mask(track_id, f).id for f in range(4, NUM_FRAMES)}
    propagate(desk, qtbot)
    assert {f: desk.project.mask(track_id, f).id for f in before} == before
    assert desk.project.mask(track_id, 2).rle == place.rle
    assert desk.said.startswith(  # what the button is about, as the message is cut
        "Proposals were kept where the new masks hardly overlap them and are less sure: 5 frames."
    )
    steps = len(desk.project.history())
    banner = desk.studio.panel.banner
    banner.action_requested.emit("correct.take_left")
    assert {desk.project.mask(track_id, f).rle for f in range(5, NUM_FRAMES)} == {astray}
    assert desk.project.mask(track_id, 4).id == before[4]
    assert len(desk.project.history()) == steps + 1
    assert not desk.correction.spreader.has_left
    assert desk.studio.run_action("edit.undo")
    assert {f: desk.project.mask(track_id, f).id for f in before} == before


def test_the_end_of_a_propagation_reads_no_mask_again(proposed, qtbot, monkeypatch):
    desk, track_id = proposed
    desk.editor.commit_rle(desk.project.mask(track_id, 3).rle, "Paint")
    desk.engine.lost_at, desk.engine.astray = 4, disc(SIZE, (6, 6), 3)
    before = {f: desk.project.mask(track_id, f).id for f in range(4, NUM_FRAMES)}

    def refuse(*args):
        raise AssertionError(args)

    monkeypatch.setattr(spread_astray, "_compared_now", refuse)
    propagate(desk, qtbot)
    assert desk.correction.spreader.has_left
    assert {f: desk.project.mask(track_id, f).id for f in before} == before


def test_nothing_is_left_of_a_propagation_while_it_is_undone(proposed, qtbot):
    desk, track_id = proposed
    desk.editor.commit_rle(desk.project.mask(track_id, 3).rle, "Paint")
    desk.engine.lost_at, desk.engine.astray = 4, disc(SIZE, (6, 6), 3)
    propagate(desk, qtbot)
    assert desk.studio.run_action("edit.undo")
    assert not desk.studio.run_action("correct.take_left")
    assert "left no proposals" in desk.said
    assert desk.studio.run_action("edit.redo")
    assert desk.studio.run_action("correct.take_left")
    assert desk.project.mask(track_id, 7).rle == desk.engine.astray


def test_proposals_of_something_else_are_replaced_all_the_same(proposed, qtbot):
    desk, track_id = proposed
    desk.editor.commit_rle(disc(SIZE, (40, 60), 3), "Paint")  # they are all wrong, it says
    desk.engine.lost_at, desk.engine.astray = 4, disc(SIZE, (6, 6), 3)
    propagate(desk, qtbot)
    assert desk.project.mask(track_id, 7).rle == desk.engine.astray
    assert not desk.correction.spreader.has_left


def test_in_a_marked_range_all_is_replaced(proposed, qtbot):
    desk, track_id = proposed
    desk.editor.commit_rle(desk.project.mask(track_id, 3).rle, "Paint")
    desk.engine.lost_at, desk.engine.astray = 4, disc(SIZE, (6, 6), 3)
    desk.studio.timeline.mark(FrameRange(1, 8, (track_id,)))
    propagate(desk, qtbot, by="range.propagate")
    assert desk.project.mask(track_id, 7).rle == desk.engine.astray
    assert desk.project.mask(track_id, 9).source is MaskSource.MODEL


def candidates(*names):
    return {
        "candidates": [
            {
                "source": "network",
                "score": 0.5,
                "category": name,
                "masks": [
                    {"frame_index": f, "rle": disc(SIZE, (20, 20 + 8 * place), 5).to_coco()}
                    for f in range(5)
                ],
            }
            for place, name in enumerate(names)
        ]
    }


def test_a_click_lists_candidates_and_one_key_accepts(desk, qtbot):
    desk.engine.answer = candidates("fish", "cat")
    assert desk.studio.run_action("tool.candidates")
    assert desk.studio.layers.mode == "candidates"
    desk.drag((20.5, 20.5))
    prompts = desk.correction.prompts
    qtbot.waitUntil(lambda: prompts.view.count == 2)
    assert desk.picture.any()
    desk.studio.run_action("tool.candidates")  # the tool's key again: the next one
    assert prompts.view.place == 1
    press = {str(key): call for key, call in desk.layer.keymap.items()}
    press["Enter"](desk.layer)
    (track,) = desk.project.tracks(desk.video_id)
    assert [c.name for c in desk.project.categories()] == ["cat"]
    assert desk.editor.selected == (track.id,)
    assert "Enter" not in {str(key) for key in desk.layer.keymap}
    assert desk.studio.run_action("edit.undo")
    desk.drag((10, 10), (30, 30))
    qtbot.waitUntil(lambda: prompts.view.count == 2)
    assert desk.asked("candidates")["box_xyxy"] == [10.0, 10.0, 30.0, 30.0]
    {str(key): call for key, call in desk.layer.keymap.items()}["Escape"](desk.layer)
    assert not prompts.view.active
    assert desk.project.tracks(desk.video_id) == []


def test_candidates_go_when_another_clip_is_shown(desk, qtbot):
    desk.engine.answer = candidates("fish")
    desk.studio.layers.set_mode("candidates")
    desk.drag((20.5, 20.5))
    qtbot.waitUntil(lambda: desk.correction.prompts.view.count == 1)
    desk.studio.layers.go_to(4)
    assert desk.correction.prompts.view.active
    desk.studio.layers.go_to(7)
    assert not desk.correction.prompts.view.active


def test_a_box_and_scribbles_draw_the_mask(desk, qtbot):
    answered = desk.correction.signals.answered
    found = disc(SIZE, (20, 20), 7)
    desk.engine.answer = {"rle": found.to_coco()}
    assert desk.studio.run_action("tool.box")
    with qtbot.waitSignal(answered):
        desk.drag((12, 12), (28, 28))
    (track,) = desk.project.tracks(desk.video_id)
    assert desk.project.mask(track.id, 0).rle == found
    assert np.array_equal(desk.studio.layers.edited_mask() != 0, found.to_array())
    smaller = disc(SIZE, (20, 20), 4)
    desk.engine.answer = {"rle": smaller.to_coco()}
    desk.studio.layers.set_mode("scribble")
    with qtbot.waitSignal(answered):
        desk.drag((12, 12), (14, 12), (16, 13), modifiers=("Shift",))
    assert desk.project.mask(track.id, 0).rle == smaller
    params = desk.asked("scribble")
    assert params["positive"] == []
    assert params["negative"][0]["points_xy"][0] == [12.0, 12.0]
    assert desk.correction._pointer._marks.is_empty
    desk.studio.layers.set_mode("paint")
    assert desk.layer.mode == "paint"
    assert desk.sentences == []


def test_a_stroke_in_progress_is_not_painted_over(desk, qtbot):
    track_id = desk.corrected()
    desk.studio.layers.set_mode("paint")
    layer = desk.layer
    layer.brush_size = 1
    mouse_press_callbacks(layer, pointer("mouse_press", (5.5, 5.5)))
    assert layer.data[5, 5]
    desk.studio.presenter.canvas()  # a provisional mask comes in
    assert layer.data[5, 5]
    mouse_release_callbacks(layer, pointer("mouse_release", (5.5, 5.5)))
    qtbot.waitUntil(lambda: desk.project.mask(track_id, 3).rle.to_array()[5, 5])
    assert not desk.studio.layers.is_drawing


def test_a_frame_change_during_a_stroke_ends_it_on_its_frame(desk):
    track_id = desk.corrected()
    desk.studio.layers.set_mode("paint")
    desk.layer.brush_size = 1
    mouse_press_callbacks(desk.layer, pointer("mouse_press", (5.5, 5.5)))
    desk.studio.layers.go_to(6)
    assert desk.project.mask(track_id, 3).rle.to_array()[5, 5]
    mouse_release_callbacks(desk.layer, pointer("mouse_release", (5.5, 5.5)))
    desk.studio.layers.flush()
    assert desk.project.mask(track_id, 6) is None


def test_a_smart_eraser_stores_what_is_meant(desk):
    track_id = desk.corrected()
    assert desk.studio.run_action("tool.smart_erase")
    assert (desk.studio.layers.mode, desk.layer.mode) == ("smart_erase", "erase")
    with desk.layer.block_history():
        desk.layer.paint((20, 30), 0)
    desk.studio.layers.flush()
    assert desk.project.history()[0].label.startswith("Smart erase")
    left = desk.project.mask(track_id, 3).rle
    assert 0 < left.area < disc(SIZE, (20, 30), 8).area


def test_tidying_and_ghost_and_look(desk):
    desk.corrected()
    before = desk.project.mask(desk.editor.current, 3).rle.area
    assert desk.studio.run_action("mask.grow")
    assert desk.project.mask(desk.editor.current, 3).rle.area > before
    desk.studio.layers.go_to(4)
    assert not desk.studio.run_action("mask.grow")
    assert "no mask" in desk.studio.panel.banner.text
    assert not desk.picture.any()
    assert desk.studio.run_action("view.ghost")
    assert desk.picture.any()
    look = desk.studio.panel.tools.look
    look.show_look(0.45, 2, True, True)
    look.opacity.setValue(80)
    assert desk.studio.layers.style.opacity == pytest.approx(0.8)
    assert desk.layer.opacity == pytest.approx(0.8)
    look.ghost.setChecked(False)
    assert not desk.picture.any()


def test_two_things_in_one_mask_are_parted_with_the_eraser_and_separated(desk):
    both = np.zeros(SIZE, np.uint8)
    both[10:20, 10:30] = 1
    for frame in (3, 4):
        desk.studio.layers.go_to(frame)
        desk.editor.commit_mask(both, "Paint")
    track_id = desk.editor.current
    desk.studio.layers.go_to(3)
    assert desk.studio.run_action("mask.separate")
    assert "in one piece" in desk.said
    assert [t.id for t in desk.project.tracks(desk.video_id)] == [track_id]
    assert desk.studio.run_action("tool.erase")
    desk.studio.layers.set_brush_size(3)
    desk.drag((18, 5), (18, 25))  # a line across it
    assert desk.studio.run_action("mask.separate_onward")
    other = next(t.id for t in desk.project.tracks(desk.video_id) if t.id != track_id)
    assert desk.said.startswith(f"Track {track_id} keeps the larger piece; ")
    assert f"track {other} now" in desk.said
    assert "From frame 4 on" in desk.said  # there nobody parted them
    assert desk.project.mask(track_id, 3).rle.bbox_xywh[0] > 18
    assert desk.project.mask(other, 3).rle.bbox_xywh[0] == 10
    assert desk.project.mask(track_id, 4).rle.area == both.sum()
    assert desk.studio.run_action("edit.undo")
    assert [t.id for t in desk.project.tracks(desk.video_id)] == [track_id]


@pytest.mark.parametrize("words", ["divide", "split", "separate", "cut mask"])
def test_the_palette_finds_separating_by_what_people_call_it(desk, words):
    assert "mask.separate" in [action.id for action in desk.studio.actions.search(words)]


def test_overlap_rules_are_chosen_in_the_menu(desk):
    desk.corrected()
    desk.studio.select(())
    assert desk.studio.run_action("overlap.forbid")
    desk.editor.commit_rle(disc(SIZE, (20, 36), 8), "Paint")
    first, second = desk.project.tracks(desk.video_id)
    masks = [desk.project.mask(t.id, 3).rle.to_array() for t in (first, second)]
    assert not (masks[0] & masks[1]).any()
    assert desk.studio.actions["overlap.forbid"].checked()


def test_digits_assign_classes(desk, qtbot):
    track_id = desk.corrected()
    desk.editor.apply(edits.SetCategory(Category(2, "cat", "animal", (1, 2, 3), "7")))
    assert desk.studio.run_action("class.7")
    assert desk.project.track(track_id).category_id == 2
    assert not desk.studio.run_action("class.9")
    bar = desk.studio.feature(Classes).bar
    assert [b.text() for b in bar._buttons] == ["1 object", "7 cat"]
    assert [b.isChecked() for b in bar._buttons] == [False, True]
    desk.studio.select(())
    bar._buttons[1].click()
    desk.editor.commit_rle(disc(SIZE, (30, 50), 5), "Paint")
    assert desk.project.track(desk.editor.current).category_id == 2


@pytest.mark.parametrize("action_id", ["track.extend", "track.copy_before", "track.end_here"])
def test_track_operations_have_keys_and_reasons(desk, action_id):
    action = desk.studio.actions[action_id]
    assert action.shortcut
    assert action.why_not() == "Select a track first."
    desk.corrected()
    desk.studio.layers.go_to(5)
    if action_id == "track.end_here":
        assert "end here or earlier" in action.why_not()
        return
    assert desk.studio.run_action(action_id), desk.sentences
    record = desk.project.mask(desk.editor.current, 5)
    assert record.rle == disc(SIZE, (20, 30), 8)
    proposed = action_id == "track.extend"
    assert record.state is (FrameState.PROPOSED if proposed else FrameState.CORRECTED)


def test_the_menus_say_what_is_possible(desk):
    tools = desk.studio.panel.tools
    for menu in tools._menus.values():
        menu.aboutToShow.emit()
        assert menu.actions()
        for entry in menu.actions():
            assert entry.isSeparator() or entry.isEnabled() or entry.toolTip().endswith(".")


def test_undo_and_redo_say_what_they_did(desk):
    desk.studio.inform("Track 7 was approved.")
    desk.corrected()
    assert desk.said == ""  # what was said before is outdated
    desk.studio.layers.go_to(8)
    assert desk.studio.run_action("frame.approve")
    assert desk.studio.run_action("edit.undo")
    assert desk.said == "Undone: Approve frame 8."
    assert desk.studio.run_action("edit.undo")
    assert desk.said == "Undone: New track."
    assert desk.studio.run_action("edit.redo")
    assert desk.said == "Done again: New track."


def test_f1_lists_every_key(desk, qtbot):
    actions = desk.studio.actions
    assert actions["help.keys"].shortcut == "F1"
    assert desk.studio.run_action("help.keys")
    dialog = desk.studio.feature(PreferencesFeature)._dialog
    keys = dialog.keys
    rows = [[keys.item(row, c).text() for c in range(3)] for row in range(keys.rowCount())]
    listed = {key for _, _, key in rows}
    assert {action.shortcut for action in actions} <= listed
    assert ["Unmark", "Timeline", "Escape"] in rows
    keys.selectRow(len(rows) - 1)  # of the focus, so not to be changed
    assert not dialog._set.isEnabled()
    dialog.close()


def test_a_video_without_tracks_opens_on_the_page_of_the_first_step(desk):
    panel, path = desk.studio.panel, desk.project.folder
    for page, shown in (("history", "tracks"), ("propose", "propose")):
        panel.show_page(page)
        assert desk.studio.open_path(path)
        assert panel.current_page == shown
