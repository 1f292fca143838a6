import threading

import numpy as np
import pytest

from ifc_core.errors import VideoError
from napari_ifc.frame_cache import FrameCache
from napari_ifc.lazy_video import LazyVideo


class Reader:
    """Frames whose pixels are their index; remembers what was decoded and by whom."""

    def __init__(self, broken=None):
        self.reads = []
        self.threads = set()
        self.closed = 0
        self.broken = broken
        self.inside = 0

    def read(self, frame_index):
        self.inside += 1
        assert self.inside == 1, "two threads read at once"
        self.reads.append(frame_index)
        self.threads.add(threading.current_thread().name)
        self.inside -= 1
        if frame_index == self.broken:
            raise VideoError("broken", path="x", frame_index=frame_index)
        return np.full((4, 6, 3), frame_index, np.uint8)

    def keyframe_before(self, frame_index):
        return frame_index

    def close(self):
        self.closed += 1


def lazy(reader, **options):
    cache = FrameCache(reader, 50, **options)
    return LazyVideo(cache, 50, (4, 6)), cache


def test_indexes_like_numpy_and_decodes_only_what_is_asked_for():
    reader = Reader()
    video, cache = lazy(reader, prefetch=False)
    assert (video.shape, video.ndim, video.size) == ((50, 4, 6, 3), 4, 50 * 4 * 6 * 3)
    assert video[7].shape == (4, 6, 3)
    assert video[7][0, 0].tolist() == [7, 7, 7]
    assert video[np.int64(-1)][0, 0, 0] == 49
    assert video[3, 1:3, :, 0].shape == (2, 6)
    assert video[(slice(2, 5), slice(None), 0)].shape == (3, 4, 3)
    assert video[[1, 9]][:, 0, 0, 0].tolist() == [1, 9]
    assert video[5:5].shape == (0, 4, 6, 3)
    assert reader.reads == [7, 49, 3, 2, 4, 1, 9]
    with pytest.raises(IndexError):
        video[50]
    cache.close()


def test_memory_is_bounded_and_the_oldest_go_first():
    reader = Reader()
    frame = 4 * 6 * 3
    video, cache = lazy(reader, max_bytes=3 * frame, prefetch=False)
    for index in (0, 1, 2, 0, 3):
        video[index]
    assert cache.nbytes == 3 * frame
    assert reader.reads == [0, 1, 2, 3]
    video[0]
    assert reader.reads == [0, 1, 2, 3]
    video[1]
    assert reader.reads == [0, 1, 2, 3, 1]
    cache.close()
    assert reader.closed == 1


def test_frames_cannot_be_written_to():
    video, cache = lazy(Reader(), prefetch=False)
    with pytest.raises(ValueError, match="read-only"):
        video[0][0, 0] = 1
    cache.close()


def test_prefetch_follows_the_direction_of_travel_and_ends_with_the_cache():
    reader = Reader()
    video, cache = lazy(reader)
    before = threading.active_count()
    for index in (20, 21):
        video[index]
    arrived = threading.Event()
    for _ in range(1500):
        if 29 in reader.reads:
            arrived.set()
            break
        arrived.wait(0.02)
    assert arrived.is_set()
    assert max(reader.reads) == 29
    assert "ifc-frame-prefetch" in reader.threads
    cache.close()
    cache.close()
    assert threading.active_count() == before - 1
    assert reader.closed == 1


def test_a_broken_frame_ahead_hurts_only_when_it_is_asked_for():
    reader = Reader(broken=3)
    video, cache = lazy(reader)
    assert video[0][0, 0, 0] == 0
    assert video[1][0, 0, 0] == 1
    with pytest.raises(VideoError):
        video[3]
    assert video[4][0, 0, 0] == 4
    cache.close()
