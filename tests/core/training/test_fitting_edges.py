"""Whether a version's edges are decided again: only where that does not spoil what it learnt."""

from types import SimpleNamespace

import numpy as np
import pytest

from ifc_core.data.labelled_video import LabelledTrack, LabelledVideo
from ifc_core.inference.results import FrameMask, FrameResult
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import RLEMask
from ifc_core.training import fitting_edges as module
from ifc_core.training.fitting_edges import fitting_edges
from ifc_core.training.judging import FrameCount

SIZE = (20, 100)
NUM_FRAMES = 30


def box(column, width):
    mask = np.zeros(SIZE, np.bool_)
    mask[:, column : column + width] = True
    return RLEMask.from_array(mask)


def clip(*frames, objects=2):
    tracks = [LabelledTrack(0, {f: box(30 * n, 20) for f in frames}) for n in range(objects)]
    return LabelledVideo("clip", "clip.mp4", NUM_FRAMES, *SIZE, tuple(tracks), frozenset())


class Store:
    """Frames that are their own index; some cannot be decoded."""

    def __init__(self, broken=()):
        self.broken = broken

    def read(self, video, frame, size):
        assert size == SIZE
        return np.full((*size, 3), frame, np.uint8)

    def is_broken(self, video, frame):
        return frame in self.broken


class Run:
    """A run of Propose that finds both objects, this many pixels wide, and knows of one more."""

    def __init__(self, frames, width):
        self.instances = [SimpleNamespace(instance_id=n, label=0, score=0.9) for n in range(2)]
        self._frames, self._width = frames, width

    def __iter__(self):
        for frame, picture in self._frames:
            assert (picture == frame).all()
            masks = [FrameMask(n, box(30 * n, self._width), None, None, 0.9, 0) for n in range(3)]
            yield FrameResult(frame, tuple(masks))


@pytest.fixture
def chosen(monkeypatch):
    """A function that chooses for a model whose masks are so wide with each kind of edges."""

    def choose(widths, videos, own="best", broken=(), context=None, count=None):
        asked = []

        def predict(model, frames, settings, job):
            frames = list(frames)
            asked.append((settings.edges, [frame for frame, _ in frames]))
            assert settings.short_side == 64
            return Run(frames, widths[settings.edges])

        monkeypatch.setattr(module, "predict", predict)
        model = SimpleNamespace(preferences=ModelPreferences(edges=own))
        found = fitting_edges(model, videos, 64, Store(broken), context or JobContext(), count)
        return found, asked

    return choose


FOUR = [clip(0, 10, 20, 29)]  # eight masks


def test_masks_that_fit_better_as_they_are_are_left_so(chosen):
    found, asked = chosen({"off": 20, "best": 18}, FOUR)
    assert found == "off"
    around = [[0, 1], [9, 10, 11], [19, 20, 21], [28, 29]]
    assert asked == [(edges, frames) for frames in around for edges in ("best", "off")]


@pytest.mark.parametrize("widths", [(20, 20), (18, 20)], ids=str)
def test_otherwise_edges_are_decided_as_by_the_parent(chosen, widths):
    as_it_is, again = widths
    assert chosen({"off": as_it_is, "fast": again}, FOUR, own="fast")[0] == "fast"


def test_a_parent_without_edges_and_too_few_masks_change_nothing(chosen):
    assert chosen({"off": 20, "best": 5}, FOUR, own="off") == ("off", [])
    assert chosen({"off": 20, "best": 5}, [clip(0, 10, 20)]) == ("best", [])
    assert chosen({"off": 20, "best": 5}, []) == ("best", [])


def test_frames_that_cannot_be_decoded_say_nothing(chosen):
    assert chosen({"off": 20, "best": 18}, FOUR, broken=(0, 10, 20, 29))[0] == "best"
    assert chosen({"off": 20, "best": 18}, FOUR, broken=(0, 10, 20))[0] == "off"


def test_every_frame_is_told_and_it_can_be_stopped(chosen):
    told = []
    job = JobContext(lambda progress: told.append(progress.done))
    chosen({"off": 20, "best": 18}, FOUR, count=FrameCount(job, "judging", (4,)))
    assert told == [0, 1, 2, 3, 4]
    job.cancel()
    with pytest.raises(JobCancelled):
        chosen({"off": 20, "best": 18}, FOUR, context=job)
