"""A video in a napari that holds layers of a person's own: over, under and beside ours."""

import numpy as np
import pytest
from fake_engine import SIZE

pytestmark = pytest.mark.window

STACK = np.zeros((4, *SIZE), np.uint8)


@pytest.fixture
def studio(empty_desk):
    """A studio with nothing open yet."""
    return empty_desk.studio


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


def seen(studio):
    """The frame whose picture napari shows, by its colour."""
    return (255 - int(np.asarray(studio.layers.layers[0]._data_view)[0, 0, 0])) // 20


@pytest.mark.parametrize("place", [{"scale": (0.5, 1, 1)}, {"translate": (-3, 0, 0)}])
def test_the_picture_is_the_chosen_frame_s_whatever_time_is_to_others(studio, clip, qtbot, place):
    viewer = studio.viewer
    own = viewer.add_image(STACK, **place)
    assert studio.open_path(clip)
    studio.layers.go_to(5)
    qtbot.waitUntil(lambda: viewer.dims.point[0] == 5)
    assert (studio.layers.picture_index, seen(studio)) == (5, 5)
    assert own.world_to_data(viewer.dims.point)[0] == (10 if "scale" in place else 8)
    viewer.dims.set_current_step(0, 8)
    frame = 4 if "scale" in place else 5
    assert (studio.layers.frame_index, seen(studio)) == (frame, frame)


def test_a_layer_that_comes_with_another_time_leaves_the_frame(desk, qtbot):
    desk.studio.layers.go_to(5)
    qtbot.waitUntil(lambda: desk.studio.viewer.dims.point[0] == 5)
    desk.studio.viewer.add_points([[0.0, 1, 1]], scale=(0.25, 1, 1), translate=(-2, 0, 0))
    assert (desk.studio.layers.frame_index, seen(desk.studio)) == (5, 5)


def test_beside_a_layer_of_four_axes_a_video_opens_and_is_worked_on(studio, clip, qtbot):
    viewer = studio.viewer
    viewer.add_image(np.zeros((2, 4, *SIZE), np.uint8))
    viewer.dims.axis_labels = ("c", "z", "y", "x")
    assert studio.open_path(clip)
    assert viewer.dims.axis_labels == ("c", "t", "y", "x")
    camera = viewer.scene.camera
    assert tuple(camera.center[-2:]) == ((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2)
    rooms = [c / s for c, s in zip(viewer.canvas.size, SIZE, strict=True)]
    assert camera.zoom == pytest.approx(0.95 * min(rooms))
    studio.layers.go_to(5)
    qtbot.waitUntil(lambda: viewer.dims.point[1] == 5)
    assert viewer.dims.point[0] == 0
    assert seen(studio) == 5
    viewer.dims.set_current_step(1, 7)
    assert (studio.layers.frame_index, seen(studio)) == (7, 7)
    viewer.canvas.grid.enabled = True
    camera.zoom = 0.1
    studio.run_action("view.fit")
    viewer.canvas.grid.enabled = False
    assert camera.zoom != 0.1


def test_a_video_comes_above_images_and_below_what_is_drawn_on_them(studio, clip):
    viewer = studio.viewer
    points = viewer.add_points(ndim=3)
    image = viewer.add_image(STACK)
    labels = viewer.add_labels(STACK)
    assert studio.open_path(clip)
    assert list(viewer.layers) == [points, image, *studio.layers.layers, labels]


def test_an_image_that_is_lifted_over_the_video_stays_and_ours_come_together(studio, clip, qtbot):
    viewer = studio.viewer
    low, high = viewer.add_image(STACK), viewer.add_image(STACK)
    assert studio.open_path(clip)
    viewer.layers.move(0, 5)
    qtbot.waitUntil(lambda: not studio.layers._repair_timer.isActive())
    assert list(viewer.layers) == [high, *studio.layers.layers, low]
    viewer.layers.move(3, 0)  # the layer that is drawn on, below everything
    qtbot.waitUntil(lambda: not studio.layers._repair_timer.isActive())
    assert list(viewer.layers) == [high, *studio.layers.layers, low]


def test_no_layer_of_ours_is_dragged_away_from_the_picture(desk):
    layers = desk.studio.layers.layers
    moved = np.array([[1, 0, 30], [0, 1, 30], [0, 0, 1]])
    for layer in layers:
        layer.mode = "transform"
        layer.affine = moved
        still = np.eye(layer.ndim + 1)
        assert np.array_equal(layer.affine.affine_matrix, still), layer.name
    desk.studio.layers.set_mode("paint")
    desk.drag((5, 5), (9, 9))
    desk.studio.layers.flush()
    (mask,) = desk.project.masks_at(desk.video_id, 0)
    assert mask.rle.to_array()[5, 5]


def test_a_tool_shows_the_layer_that_it_draws_on(desk):
    desk.layer.visible = False
    desk.studio.layers.set_mode("pan_zoom")
    assert not desk.layer.visible
    desk.studio.layers.set_mode("paint")
    assert desk.layer.visible


def test_the_video_s_layer_can_be_duplicated_and_outlives_the_studio_s(desk, clip):
    from napari.layers._layer_actions import _duplicate_layer

    viewer, video = desk.studio.viewer, desk.studio.layers.layers[0]
    viewer.layers.selection = {video}
    _duplicate_layer(viewer.layers)
    copy = viewer.layers[f"{video.name} copy"]
    desk.studio.layers.go_to(7)
    desk.studio.close_project()
    assert copy.data[5][0, 0, 0] == 155
    assert copy.data[-1][0, 0, 0] == 75


def test_who_clears_all_layers_stays_on_the_frame(desk, qtbot):
    studio, viewer = desk.studio, desk.studio.viewer
    viewer.add_points(ndim=3)
    studio.layers.go_to(2)
    qtbot.waitUntil(lambda: viewer.dims.point[0] == 2)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: list(viewer.layers) == list(studio.layers.layers))
    assert (studio.layers.frame_index, seen(studio), viewer.dims.point[0]) == (2, 2, 2)
    assert viewer.dims.axis_labels == ("t", "y", "x")
    viewer.dims.set_current_step(0, 6)  # napari's slider leads again
    assert (studio.layers.frame_index, seen(studio)) == (6, 6)


@pytest.mark.parametrize(
    ("units", "expected", "told"),
    [
        (("ms", "nm", "nm"), (0.65, 2.0), "1 pixel is 650 nm, and there are 2 frames a second"),
        (("pixel", "um", "um"), (650.0, None), "1 pixel is 650 µm."),
        (("ms", "pixel", "pixel"), (None, 2.0), "there are 2 frames a second."),
        (("pixel", "pixel", "pixel"), (None, None), ""),
    ],
)
def test_what_a_layer_says_of_size_and_time_is_taken_over_once(
    studio, qtbot, units, expected, told
):
    own = studio.viewer.add_image(STACK, scale=(500, 650, 650), units=units)

    def annotate():
        studio.viewer.layers.selection.active = own
        assert studio.run_action("file.open_layer")
        qtbot.waitUntil(lambda: studio.workspace is not None and not studio.tasks.is_running)
        return studio.workspace.session.entry.id

    def measures(video_id):
        video = studio.project.video(video_id)
        return (video.um_per_px, video.given_fps)

    video_id = annotate()
    assert measures(video_id) == pytest.approx(expected)
    assert told in studio.panel.banner.text
    if told:
        assert studio.run_action("edit.undo")
        assert measures(video_id) == (None, None)
        studio.close_project()
        assert measures(annotate()) == (None, None)  # who took it away does not get it again


@pytest.mark.parametrize("end", ["close_project", "close"])
def test_an_annotated_layer_is_seen_again_once_the_project_is_closed(studio, qtbot, end):
    other = studio.viewer.add_image(STACK, visible=False)
    own = studio.viewer.add_image(STACK)
    studio.viewer.layers.selection.active = own
    assert studio.run_action("file.open_layer")
    qtbot.waitUntil(lambda: studio.workspace is not None)
    assert not own.visible
    getattr(studio, end)()
    assert own.visible
    assert not other.visible  # what a person hid stays so
