"""Frames far from a key frame: the nearest picture first, never taken for the right one."""

from __future__ import annotations

import queue
import threading

import numpy as np
import pytest

from ifc_core.errors import VideoError
from napari_ifc.frame_cache import FrameCache

NUM_FRAMES, KEY_DISTANCE = 400, 100


class SparseReader:
    """A key frame every hundred frames; reading can be held up."""

    def __init__(self, broken=None):
        self.reads = []
        self.broken = broken
        self.gate = threading.Event()
        self.gate.set()

    def read(self, frame_index):
        self.gate.wait(10)
        self.reads.append(frame_index)
        if frame_index == self.broken:
            raise VideoError("broken", path="x", frame_index=frame_index)
        return np.full((4, 6, 3), frame_index % 251, np.uint8)

    def keyframe_before(self, frame_index):
        return frame_index // KEY_DISTANCE * KEY_DISTANCE

    def close(self):
        self.reads.append(None)


@pytest.fixture
def made():
    reader = SparseReader()
    cache = FrameCache(reader, NUM_FRAMES, quick_seconds=0.0)
    yield reader, cache
    reader.gate.set()
    cache.close()


def told(cache, frame_index):
    answers = queue.Queue()
    cache.ask(frame_index, answers.put)
    return answers


def test_the_key_frame_comes_first_and_then_the_exact_one(made):
    reader, cache = made
    assert not cache.is_quick(250)
    answers = told(cache, 250)
    assert answers.get(timeout=10).shown == 200
    last = answers.get(timeout=10)
    assert (last.asked, last.shown, last.error) == (250, 250, None)
    assert cache.holds(250)
    assert cache.is_quick(250)
    assert reader.reads[:2] == [200, 208]
    assert answers.empty()


def test_going_on_inside_a_group_does_not_go_back_to_its_key_frame(made):
    reader, cache = made
    answers = told(cache, 250)
    while answers.get(timeout=10).shown != 250:
        pass
    before = len(reader.reads)
    answers = told(cache, 280)
    assert answers.get(timeout=10).shown == 280
    assert 200 not in reader.reads[before:]


def test_a_newer_wish_ends_the_one_before(made):
    reader, cache = made
    reader.gate.clear()
    old = told(cache, 399)
    new = told(cache, 120)
    reader.gate.set()
    assert [new.get(timeout=10).shown, new.get(timeout=10).shown] == [100, 120]
    assert 399 not in reader.reads
    assert all(answer.shown == 300 for answer in list(old.queue))


def test_a_broken_frame_is_told_with_its_error():
    reader = SparseReader(broken=150)
    cache = FrameCache(reader, NUM_FRAMES, quick_seconds=0.0)
    answers = told(cache, 150)
    assert answers.get(timeout=10).shown == 100
    assert isinstance(answers.get(timeout=10).error, VideoError)
    cache.close()


def test_what_takes_a_moment_is_not_asked_of_the_thread():
    reader = SparseReader()
    cache = FrameCache(reader, NUM_FRAMES, quick_seconds=1e9)
    cache.get(0)
    assert cache.is_quick(399)
    cache.close()


def test_a_place_to_play_from_is_decoded_ahead(made):
    cache = made[1]
    cache.plan(40)
    deadline = threading.Event()
    for _ in range(1500):
        if cache.holds(47):
            break
        deadline.wait(0.02)
    assert all(cache.holds(frame) for frame in range(40, 48))


class OddReader(SparseReader):
    """Some frames raise what no video reader does, as a computed layer may."""

    def read(self, frame_index):
        if frame_index in (3, 150):
            raise KeyError("chunk")
        return super().read(frame_index)


def test_the_thread_outlives_an_error_of_any_kind():
    cache = FrameCache(OddReader(), NUM_FRAMES, quick_seconds=0.0)
    cache.plan(2)  # decodes ahead over frame 3
    answers = told(cache, 150)
    while (answer := answers.get(timeout=10)).shown != 150:
        pass
    assert isinstance(answer.error, VideoError)
    assert answer.error.frame_index == 150
    assert "chunk" in str(answer.error)
    later = told(cache, 250)
    assert [later.get(timeout=10).shown, later.get(timeout=10).shown] == [200, 250]
    with pytest.raises(VideoError, match="Frame 3 cannot be read: 'chunk'"):
        cache.get(3)
    cache.close()


def test_nobody_left_to_tell_does_not_end_the_thread():
    cache = FrameCache(SparseReader(), NUM_FRAMES, quick_seconds=0.0)

    def gone(fetched):
        raise RuntimeError("deleted")

    cache.ask(150, gone)
    for _ in range(1500):
        if cache.holds(150):
            break
        threading.Event().wait(0.02)
    later = told(cache, 250)
    assert later.get(timeout=10).shown == 200
    cache.close()
