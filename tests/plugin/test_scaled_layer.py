"""A napari layer with a scale and an offset is worked on where it lies."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE, FakeEngine
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)

from ifc_core.annotation import edits
from ifc_core.structures import Category, RLEMask
from napari_ifc.features.correction import Correction
from napari_ifc.gestures import Gesture
from napari_ifc.region_layer import RegionLayer
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio

pytestmark = pytest.mark.window

STEP, ORIGIN = 0.25, (100.0, -60.0)
PLACE = {"scale": (2.0, STEP, STEP), "translate": (30.0, *ORIGIN)}


def world(row, column):
    return (ORIGIN[0] + STEP * row, ORIGIN[1] + STEP * column)


@pytest.fixture
def studio(clear_viewer, tmp_path):
    """A studio with nothing open yet."""
    engine = FakeEngine(SIZE, NUM_FRAMES)
    made = Studio(
        clear_viewer,
        engine_factory=lambda: engine,
        settings=StudioSettings(projects_folder=tmp_path / "projects"),
    )
    yield made
    made.close()
    engine.close()


@pytest.fixture
def own(studio):
    """A layer of a person's own."""
    return studio.viewer.add_image(np.zeros((4, *SIZE), np.uint8), name="cells", **PLACE)


def annotate(studio, own, qtbot):
    studio.viewer.layers.selection.active = own
    assert studio.run_action("file.open_layer")
    qtbot.waitUntil(lambda: studio.workspace is not None and not studio.tasks.is_running)


def corners(layer):
    """Where the rim of a layer's picture lies in the world."""
    sides = layer.extent.data[:, -2:] + [[-0.5], [0.5]]  # napari gives middles of pixels
    ends = [layer.data_to_world([0] * (layer.ndim - 2) + list(end)) for end in sides]
    return [np.asarray(end[-2:]) for end in ends]


def press(layer, row, column, keys=()):
    """A click, as napari tells of it."""
    event = SimpleNamespace(
        type="mouse_press", position=(0.0, *world(row, column)), pos=(10, 10), modifiers=keys
    )
    for callback in layer.mouse_drag_callbacks:
        going = callback(layer, event)
        if going is None:  # napari's own, which have no end
            continue
        next(going, None)
        event.type = "mouse_release"
        next(going, None)
        event.type = "mouse_press"


def drag(layer, start, end):
    """A drag from one pixel to another, as napari tells of it."""
    steps = (
        (mouse_press_callbacks, "mouse_press", start),
        (mouse_move_callbacks, "mouse_move", end),
        (mouse_release_callbacks, "mouse_release", end),
    )
    for call, kind, (row, column) in steps:
        event = SimpleNamespace(
            type=kind,
            position=(0.0, *world(row, column)),
            is_dragging=kind == "mouse_move",
            modifiers=(),
            button=1,
            dims_displayed=[1, 2],
            view_direction=None,
            up_direction=None,
        )
        call(layer, ReadOnlyWrapper(event, exceptions=("handled",)))


def test_our_layers_lie_exactly_over_it(studio, own, qtbot):
    annotate(studio, own, qtbot)
    studio.layers.show_heat(np.zeros((5, 4), np.float32))
    expected = [world(-0.5, -0.5), world(SIZE[0] - 0.5, SIZE[1] - 0.5)]
    assert np.allclose(corners(own), expected)
    assert len(studio.layers.layers) == 4
    for layer in studio.layers.layers:
        assert np.allclose(corners(layer), expected), layer.name


def test_time_stays_frames_and_the_whole_picture_is_fitted(studio, own, qtbot):
    annotate(studio, own, qtbot)
    camera, canvas = studio.viewer.scene.camera, studio.viewer.canvas
    assert camera.center[-2:] == pytest.approx(world((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2))
    rooms = [c / s for c, s in zip(canvas.size, SIZE, strict=True)]
    assert camera.zoom * STEP == pytest.approx(0.95 * min(rooms))
    assert studio.layers._fitted.is_fitted
    studio.layers.go_to(3)
    qtbot.waitUntil(lambda: studio.viewer.dims.point[0] == 3)
    assert studio.layers.picture_index == 3
    studio.viewer.canvas.size = tuple(side * 2 for side in canvas.size)
    assert camera.zoom * STEP == pytest.approx(2 * 0.95 * min(rooms))


@pytest.mark.parametrize("place", [{"scale": (1, 0.5, 2)}, {"scale": (1, 3, 3), "rotate": 30}])
def test_a_picture_that_is_stretched_or_turned_is_fitted_too(studio, qtbot, place):
    own = studio.viewer.add_image(np.zeros((4, *SIZE), np.uint8), **place)
    annotate(studio, own, qtbot)
    assert np.allclose(corners(studio.layers.layers[0]), corners(own))
    assert studio.layers._fitted.is_fitted


def test_a_rectangle_that_is_dragged_is_told_in_pixels(studio, own, qtbot):
    annotate(studio, own, qtbot)
    told = []
    region = RegionLayer(studio.viewer, studio.layers, on_picked=told.append, on_ended=lambda: None)
    region.pick()
    layer = studio.viewer.layers.selection.active
    drag(layer, (4, 6), (14, 30))
    qtbot.waitUntil(lambda: bool(told))
    assert told == [(6, 4, 25, 11)]
    region.show(told[0])
    (shown,) = [x for x in studio.viewer.layers if x.name == "Region"]
    assert shown.data_to_world(shown.data[0][0]) == pytest.approx(world(3.5, 5.5))
    region.clear()


def test_clicks_and_strokes_meet_the_pixels_that_are_seen(studio, own, qtbot):
    annotate(studio, own, qtbot)
    picture = np.zeros(SIZE, bool)
    picture[5:12, 20:30] = True
    editor = studio.workspace.editor
    editor.apply(edits.SetCategory(Category(1, "cell")))
    entry = studio.workspace.session.entry
    editor.apply(edits.NewTrack(entry.id, 1, 0, RLEMask.from_array(picture)))
    (track,) = studio.project.tracks(entry.id)
    studio.select(())
    press(studio.viewer, 8, 25)
    assert editor.selected == (track.id,)
    layer = next(x for x in studio.layers.layers if x.name == "Edit")
    assert layer.world_to_data((0, *world(8, 25)))[-2:] == pytest.approx((8, 25))
    gestures = []
    studio.layers.on_gesture = gestures.append
    studio.layers.set_mode("box")
    press(layer, 8, 25)
    assert gestures[0].points_xy[0] == pytest.approx((25.5, 8.5))


@pytest.mark.parametrize("over", [1, -1])
def test_the_box_that_is_drawn_is_the_one_that_is_asked_of_a_turned_picture(studio, qtbot, over):
    turned = {"scale": (1, 3, 3), "rotate": 30, "translate": (0, 20, 9)}
    own = studio.viewer.add_image(np.zeros((4, *SIZE), np.uint8), **turned)
    annotate(studio, own, qtbot)

    def seen_at(x, y):
        row, column = own.data_to_world((0, y - 0.5, x - 0.5))[-2:]
        return (400 + 2 * column, 300 + over * 2 * row)

    ends = ((10.5, 12.5), (30.5, 20.5))
    tool = studio.feature(Correction)._pointer
    studio.layers.on_gesture(Gesture("box", ends, tuple(seen_at(*end) for end in ends), False))
    drawn = [(corner.x(), corner.y()) for corner in tool._marks._box]
    corners = [ends[0], (30.5, 12.5), ends[1], (10.5, 20.5)]
    assert np.allclose(drawn, [seen_at(*corner) for corner in corners])


def test_a_region_is_given_in_pixels_and_shown_where_it_is(studio, own, qtbot):
    from napari.layers import Shapes

    annotate(studio, own, qtbot)
    shown = Shapes([np.array([[5, 6], [5, 20], [15, 20], [15, 6]])], shape_type="rectangle")
    studio.layers.add_extra(shown, active=False)
    assert shown.data_to_world((5, 6)) == pytest.approx(world(5, 6))
    studio.layers.drop_extra(shown)


def test_without_the_layer_a_video_lies_plainly(studio, own, qtbot, clip):
    annotate(studio, own, qtbot)
    folder = studio.project.folder
    assert studio.open_path(clip)  # another video
    assert np.allclose(corners(studio.layers.layers[0])[0], (-0.5, -0.5))
    assert studio.open_path(folder)  # the layer's again
    assert np.allclose(corners(studio.layers.layers[0])[0], world(-0.5, -0.5))
    studio.close_project()
    studio.viewer.layers.remove(own)
    del own
    gc.collect()
    assert studio.open_path(folder)
    assert np.allclose(corners(studio.layers.layers[0])[0], (-0.5, -0.5))


def test_layers_that_are_put_back_lie_over_it_too(studio, own, qtbot):
    annotate(studio, own, qtbot)
    for layer in studio.layers.layers:
        studio.viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: all(x in studio.viewer.layers for x in studio.layers.layers))
    for layer in studio.layers.layers:
        assert np.allclose(corners(layer)[0], world(-0.5, -0.5)), layer.name
        layer.affine = np.eye(layer.ndim + 1)  # napari's Transform
        assert np.allclose(corners(layer)[0], world(-0.5, -0.5)), layer.name


@pytest.mark.parametrize("place", [PLACE, {}])
def test_labels_that_lie_elsewhere_are_taken_by_pixels_and_told_of(studio, own, qtbot, place):
    annotate(studio, own, qtbot)
    data = np.zeros((4, *SIZE), np.int32)
    data[:, 5:15, 5:25] = 3
    labels = studio.viewer.add_labels(data, name="seeds", **place)
    studio.viewer.layers.selection.active = labels
    assert studio.run_action("file.import_labels")
    entry = studio.workspace.session.entry
    qtbot.waitUntil(lambda: len(studio.project.tracks(entry.id)) == 1)
    qtbot.waitUntil(lambda: "Imported 1 track" in studio.panel.banner.text)
    (mask,) = studio.project.masks_at(entry.id, 2)
    assert np.array_equal(mask.rle.to_array(), data[2] == 3)
    told = "The layer seeds lies elsewhere on the canvas than the video" in studio.panel.banner.text
    assert told == (not place)
