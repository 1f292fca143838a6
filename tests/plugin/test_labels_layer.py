"""A Labels layer of napari becomes tracks of the video that is shown."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE

from ifc_core.errors import InputError
from ifc_core.jobs import JobContext
from ifc_core.structures import FrameState, TrackState
from napari_ifc.labels_export import labels_to_proposals

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


class Unreadable:
    """A computed layer whose second frame fails."""

    ndim, shape = 3, (NUM_FRAMES, *SIZE)

    def __getitem__(self, index):
        if index:
            raise OSError("gone")
        return np.zeros(SIZE, np.int32)


@pytest.fixture
def labels():
    """Two objects, 3 on all frames and 70000 on the first two alone."""
    data = np.zeros((NUM_FRAMES, *SIZE), np.int32)
    data[:, 5:15, 5:25] = 3
    data[:2, 20:30, 5:25] = 70_000
    return data


def begin(desk, data):
    layer = desk.studio.viewer.add_labels(data, name="cells")
    desk.studio.viewer.layers.selection.active = layer
    return desk.studio.run_action("file.import_labels")


def test_each_label_becomes_a_proposed_track_and_one_undo_takes_all_back(desk, labels, qtbot):
    before = desk.project.undo_label
    assert begin(desk, labels)
    qtbot.waitUntil(lambda: len(desk.project.tracks(desk.video_id)) == 2)
    first, second = desk.project.tracks(desk.video_id)
    assert [first.name, second.name] == ["3", "70000"]
    assert {first.state, second.state} == {TrackState.PROPOSED}
    frames = desk.project.track_frames(second.id)
    assert [f.frame_index for f in frames] == [0, 1]  # the others are not annotated
    assert {f.state for f in frames} == {FrameState.PROPOSED}
    mask = desk.project.mask(first.id, 4).rle.to_array()
    np.testing.assert_array_equal(mask, labels[4] == 3)
    assert "Imported 2 tracks with 12 masks." in desk.said
    assert desk.project.undo_label == "Import 2 tracks from cells"
    desk.studio.run_action("edit.undo")
    assert desk.project.tracks(desk.video_id) == []
    assert desk.project.undo_label == before


@pytest.mark.parametrize("shape", [(NUM_FRAMES - 1, *SIZE), (NUM_FRAMES, 8, 8), SIZE])
def test_labels_of_other_frames_are_refused_with_both_shapes(desk, shape):
    assert not begin(desk, np.ones(shape, np.int32))
    assert "cells is " + " × ".join(map(str, shape)) in desk.said
    assert desk.project.tracks(desk.video_id) == []


def test_nothing_to_import_is_a_sentence(desk, labels, qtbot):
    action = desk.studio.actions["file.import_labels"]
    assert action.why_not() == "Open a Labels layer in napari first."  # our own is none
    assert begin(desk, np.zeros_like(labels))
    qtbot.waitUntil(lambda: desk.said == "The layer cells holds no labels.")
    desk.studio.close_project()
    assert action.why_not() == "Open a video first."


def test_labels_that_cannot_be_computed_are_told_of():
    with pytest.raises(InputError, match=r"Frame 1 of the layer cells cannot be read: gone\."):
        labels_to_proposals(Unreadable(), "cells", "object", JobContext())
