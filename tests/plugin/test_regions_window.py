"""Regions to ignore in a real window: made, seen, left alone, and objects again."""

import numpy as np
import pytest
from fake_engine import SIZE, disc
from qtpy.QtCore import Qt

from ifc_core.structures import TrackKind
from napari_ifc.controllers.track_look import own_color
from napari_ifc.views.track_view import STATE

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def two(desk):
    """Two tracks, of which the second is selected and so under the brush."""
    first = desk.corrected()
    desk.studio.select(())
    (second,) = desk.editor.commit_rle(disc(SIZE, (30, 45), 5), "Paint").tracks_added
    return first, second


def shown(desk, track_id):
    """The texts of a track's line, and whether it is slanted."""
    desk.studio.presenter.lists()
    model = desk.studio.panel.tracks.model
    line = model.line_of(track_id)
    font = model.index(line, 0).data(Qt.ItemDataRole.FontRole)
    return model.index(line, STATE).data(), font is not None and font.italic()


def test_a_region_is_grey_and_hatched_and_becomes_an_object_again(desk, two):
    first, second = two
    desk.studio.select((second, first))
    before = desk.picture.copy()
    menu = desk.studio.actions
    assert menu["track.ignore"].menu_text()
    assert not menu["track.not_ignored"].menu_text()
    desk.studio.select((first,))
    assert desk.studio.run_action("track.ignore")
    desk.studio.select((second, first))
    assert desk.project.track(first).kind is TrackKind.IGNORE
    assert f"Track {first} is a region to ignore" in desk.said
    assert shown(desk, first) == ("ignored", True)
    assert shown(desk, second) == ("corrected", False)
    grey = own_color(desk.project.track(first))
    assert len(set(grey)) == 1
    assert desk.studio.workspace.color_of(first) == grey
    lanes = {lane.track_id: lane for lane in desk.studio.timeline._data.lanes}
    assert lanes[first].color_rgb == grey
    assert "ignored" in lanes[first].detail
    scale = desk.picture.shape[1] / SIZE[1]
    inside = np.s_[round(17 * scale) : round(23 * scale), round(27 * scale) : round(33 * scale), 3]
    assert (before[inside] > 0).all()
    assert 0 < (desk.picture[inside] > 0).mean() < 1  # stripes
    desk.studio.select((first,))
    assert not menu["track.ignore"].menu_text()
    assert not desk.studio.run_action("track.ignore")
    assert "ignored already" in desk.said
    assert desk.studio.run_action("track.not_ignored")
    assert desk.project.track(first).kind is TrackKind.OBJECT
    desk.studio.select((second, first))
    assert np.array_equal(desk.picture, before)
    assert desk.studio.run_action("edit.undo")
    assert desk.studio.run_action("edit.undo")
    assert desk.project.track(first).kind is TrackKind.OBJECT
    assert desk.project.history()[1].label == f"Make track {first} a region to ignore"


def test_a_selected_region_is_hatched_too_and_is_drawn_on_as_any_track(desk, two):
    first, _ = two
    scale = desk.picture.shape[1] / SIZE[1]
    inside = np.s_[round(17 * scale) : round(23 * scale), round(27 * scale) : round(33 * scale), 3]
    desk.studio.select((first,))
    assert not desk.picture[inside].any()  # the layer under the brush fills it
    tint = desk.layer.colormap.color_dict[1][3]
    assert desk.studio.run_action("track.ignore")
    assert desk.editor.selected == (first,)
    assert 0 < (desk.picture[inside] > 0).mean() < 1  # stripes
    assert 0 < desk.layer.colormap.color_dict[1][3] < tint / 2  # which are seen through it
    assert desk.layer.data[20, 30] == 1
    assert desk.studio.run_action("edit.undo")
    assert desk.layer.colormap.color_dict[1][3] == tint
    assert not desk.picture[inside].any()


def test_several_are_one_step_and_are_found_by_other_words(desk, two):
    desk.studio.select(two)
    steps = len(desk.project.history())
    assert desk.studio.run_action("track.ignore")
    assert len(desk.project.history()) == steps + 1
    assert {desk.project.track(i).kind for i in two} == {TrackKind.IGNORE}
    assert f"Tracks {two[0]} and {two[1]} are regions" in desk.said
    for words in ("ignore", "exclude region", "spectators"):
        assert "track.ignore" in [action.id for action in desk.studio.actions.search(words)]
    assert desk.studio.run_action("edit.undo")
    assert {desk.project.track(i).kind for i in two} == {TrackKind.OBJECT}


def test_the_colours_of_classes_leave_a_region_grey(desk, two):
    first, _ = two
    desk.studio.select((first,))
    assert desk.studio.run_action("track.ignore")
    assert desk.studio.run_action("view.by_class")
    assert desk.studio.workspace.color_of(first) == own_color(desk.project.track(first))
    assert desk.studio.run_action("view.by_class")


def test_it_needs_a_track(desk):
    for action_id in ("track.ignore", "track.not_ignored"):
        assert not desk.studio.run_action(action_id)
        assert "Select a track" in desk.said
