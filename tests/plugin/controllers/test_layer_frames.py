"""Image layers of napari as frames: axes, contrast, 16-bit, colour."""

import numpy as np
import pytest

from ifc_core.errors import InputError, VideoError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
from napari_ifc.controllers.layer_frames import LayerReader, LayerSource, write_frames


def test_grey_frames_are_as_the_contrast_limits_show_them():
    stack = np.array([[[100, 200, 300, 400]]], np.uint16)
    source = LayerSource("cells", stack, rgb=False, contrast_limits=(200, 400))
    assert source.frame(0)[0, :, 0].tolist() == [0, 0, 128, 255]
    assert (source.frame(0)[..., 0] == source.frame(0)[..., 2]).all()


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (np.full((2, 3, 3), 77, np.uint8), 77),
        (np.full((2, 3, 4), 0.5, np.float32), 128),
        (np.full((2, 3, 3), 65535, np.uint16), 255),
    ],
)
def test_colour_becomes_eight_bit(picture, expected):
    source = LayerSource("one", picture, rgb=True)
    assert source.num_frames == 1
    assert source.frame(0).shape == (2, 3, 3)
    assert (source.frame(0) == expected).all()


def test_nan_is_black():
    stack = np.array([[[np.nan, 1.0]]], np.float32)
    source = LayerSource("nan", stack, rgb=False, contrast_limits=(0.0, 1.0))
    assert source.frame(0)[0, :, 0].tolist() == [0, 255]


def test_too_many_axes_and_empty_limits_are_refused():
    with pytest.raises(InputError, match="has 4 axes"):
        LayerSource("zstack", np.zeros((2, 3, 4, 5)), rgb=False)
    with pytest.raises(InputError, match="contrast limits"):
        LayerSource("flat", np.zeros((2, 4, 5)), rgb=False, contrast_limits=(1, 1))


def test_the_copy_opens_as_a_video_and_is_made_once(tmp_path):
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 4000, (4, 40, 60), dtype=np.uint16)
    source = LayerSource("my/stack", stack, rgb=False, contrast_limits=(0, 4000))
    told = []
    folder = write_frames(source, tmp_path / "new", JobContext(told.append))
    with open_video(folder) as reader:
        assert reader.video.num_frames == 4
        np.testing.assert_array_equal(reader.read(2), source.frame(2))
    assert [progress.done for progress in told] == [0, 1, 2, 3]
    assert write_frames(source, tmp_path / "new", JobContext(told.append)) == folder
    assert {progress.message for progress in told[4:]} == {"Looking through the layer"}
    brighter = LayerSource("my/stack", stack, rgb=False, contrast_limits=(0, 2000))
    assert write_frames(brighter, tmp_path / "new", JobContext()) != folder
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_a_stack_that_was_changed_anywhere_is_copied_anew(tmp_path):
    stack = np.zeros((9, 32, 32), np.uint8)
    first = write_frames(LayerSource("stack", stack, rgb=False), tmp_path, JobContext())
    stack[2] = 200
    second = write_frames(LayerSource("stack", stack, rgb=False), tmp_path, JobContext())
    with open_video(second) as reader:
        assert reader.read(2).max() == 200
    with open_video(first) as reader:
        assert reader.read(2).max() == 0


def test_a_cancelled_copy_leaves_nothing(tmp_path):
    source = LayerSource("stack", np.zeros((5, 20, 20), np.uint8), rgb=False)
    context = JobContext(lambda progress: context.cancel() if progress.done == 2 else None)
    with pytest.raises(JobCancelled):
        write_frames(source, tmp_path, context)
    assert list(tmp_path.iterdir()) == []


class Stack:
    """A (T, Y, X) array that is in no memory; notes which frames were made."""

    def __init__(self, shape, broken=None):
        self.shape, self.dtype = shape, np.dtype(np.uint16)
        self.made, self.broken = [], broken

    def __getitem__(self, index):
        self.made.append(index)
        if index == self.broken:
            raise OSError("page 2 is damaged")
        return np.full(self.shape[1:], 100 * index, np.uint16)


def test_frames_are_made_when_they_are_looked_at_and_one_at_a_time(tmp_path):
    stack = Stack((5000, 20, 30))
    source = LayerSource("long", stack, rgb=False, contrast_limits=(0, 1000))
    reader = LayerReader(source, tmp_path / "long")
    assert (reader.video.num_frames, reader.video.size) == (5000, (20, 30))
    assert stack.made == []
    assert reader.read(5)[0, 0].tolist() == [128, 128, 128]
    assert stack.made == [5]
    with pytest.raises(VideoError, match="no frame 5000"):
        reader.read(5000)


def test_a_damaged_frame_is_one_sentence_and_leaves_no_half_copy(tmp_path):
    source = LayerSource("bad", Stack((4, 8, 8), broken=2), rgb=False, contrast_limits=(0, 9))
    with pytest.raises(VideoError, match="Frame 2 of the layer bad cannot be read: page 2"):
        write_frames(source, tmp_path, JobContext())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyError("chunk"), TypeError("x"), IndexError(), MemoryError()])
def test_an_error_of_any_kind_is_told_as_a_frame_s(error):
    class Odd(Stack):
        def __getitem__(self, index):
            raise error

    source = LayerSource("odd", Odd((4, 8, 8)), rgb=False, contrast_limits=(0, 9))
    said = str(error) or type(error).__name__
    with pytest.raises(VideoError, match=f"Frame 1 of the layer odd cannot be read: {said}"):
        source.frame(1)
