"""Clip windows: the definition, the stream, and the canonical plan."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.inference.clip_plan import (
    WindowStream,
    canonical_window,
    canonical_windows,
    clip_windows,
    within_shot,
)


def windows_by_definition(num_frames, clip_length, stride):
    """Starts 0, S, 2S, ... until a clip reaches the end, which is pulled back."""
    windows = []
    for start in range(0, num_frames, stride):
        if start + clip_length >= num_frames:
            windows.append(range(max(0, num_frames - clip_length), num_frames))
            break
        windows.append(range(start, start + clip_length))
    return windows


lengths = st.tuples(st.integers(1, 60), st.integers(1, 20)).flatmap(
    lambda vt: st.tuples(st.just(vt[0]), st.just(vt[1]), st.integers(1, vt[1]))
)


@given(lengths)
def test_windows_follow_the_paper(values):
    num_frames, clip_length, stride = values
    windows = list(clip_windows(num_frames, clip_length, stride))
    assert windows == windows_by_definition(num_frames, clip_length, stride)
    assert {f for w in windows for f in w} == set(range(num_frames))


@given(lengths)
def test_a_settled_frame_is_in_no_later_window(values):
    num_frames, clip_length, stride = values
    stream = WindowStream(clip_length, stride)
    settled = 0
    for _ in range(num_frames):
        window = stream.push()
        assert window is None or window.start >= settled
        assert stream.settled_before >= settled
        settled = stream.settled_before
    last = stream.close()
    assert last is None or last.start >= settled


shot_lists = st.tuples(st.lists(st.integers(1, 25), min_size=1, max_size=5), st.integers(1, 12))


@given(shot_lists.flatmap(lambda v: st.tuples(st.just(v[0]), st.just(v[1]), st.integers(1, v[1]))))
def test_the_windows_of_a_shot_are_those_of_the_shot_alone(values):
    shot_lengths, clip_length, stride = values
    stream = WindowStream(clip_length, stride)
    windows, expected, settled, start = [], [], 0, 0

    def check(window):
        if window is not None:
            assert window.start >= settled
            windows.append(window)

    for number, length in enumerate(shot_lengths):
        if number:
            check(stream.close())
            stream.begin_shot()
            assert stream.settled_before == start
        for _ in range(length):
            check(stream.push())
            assert stream.settled_before >= settled
            settled = stream.settled_before
            again = WindowStream(clip_length, stride)
            again.restore(stream.state)
            assert again.settled_before == settled
            stream = again
        for window in windows_by_definition(length, clip_length, stride):
            expected.append(range(window.start + start, window.stop + start))
        start += length
    check(stream.close())
    assert windows == expected
    assert {f for w in windows for f in w} == set(range(start))


def test_with_stride_one_a_frame_is_settled_as_soon_as_its_last_clip_is_in():
    stream = WindowStream(5, 1)
    settled = []
    for _ in range(8):
        stream.push()
        settled.append(stream.settled_before)
    assert settled == [0, 0, 0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("num_frames", "clip_length", "stride", "expected"),
    [
        (3, 5, 1, [(0, 3)]),
        (5, 5, 1, [(0, 5)]),
        (11, 5, 3, [(0, 5), (3, 8), (6, 11)]),
        (12, 5, 3, [(0, 5), (3, 8), (6, 11), (7, 12)]),
        (0, 5, 1, []),
    ],
)
def test_windows_by_example(num_frames, clip_length, stride, expected):
    windows = clip_windows(num_frames, clip_length, stride)
    assert [(w.start, w.stop) for w in windows] == expected


def test_a_stride_over_the_length_is_refused():
    with pytest.raises(ValueError, match="S <= T"):
        WindowStream(3, 4)


@given(st.integers(1, 80), st.integers(1, 12))
def test_canonical_window_centres_best(num_frames, clip_length):
    windows = canonical_windows(num_frames, clip_length)
    for position in range(num_frames):
        best = min(
            (w for w in windows if position in w),
            key=lambda w: (abs(position - (w.start + w.stop - 1) / 2), w.start),
        )
        assert canonical_window(position, num_frames, clip_length) == best


def test_neighbouring_canonical_windows_share_a_frame():
    windows = canonical_windows(30, 5)
    assert all(a.stop - b.start >= 1 for a, b in itertools.pairwise(windows))
    with pytest.raises(IndexError):
        canonical_window(30, 30, 5)


@pytest.mark.parametrize("num_frames", [1, 4, 9, 23])
@pytest.mark.parametrize("clip_length", [1, 2, 5])
def test_windows_are_moved_into_their_shot(num_frames, clip_length):
    for start in range(num_frames):
        for stop in range(start + 1, num_frames + 1):
            moved = []
            for position in range(start, stop):
                window = canonical_window(position, num_frames, clip_length)
                near = range(
                    max(start, window.start - clip_length + 1),
                    min(stop, window.stop + clip_length - 1),
                )
                moved.append(within_shot(window, near, clip_length))
                assert moved[-1] == within_shot(window, range(start, stop), clip_length)
                assert position in moved[-1]
                assert start <= moved[-1].start < moved[-1].stop <= stop
                assert len(moved[-1]) == min(clip_length, stop - start)
                if start <= window.start and window.stop <= stop:
                    assert moved[-1] == window
            if clip_length > 1:  # neighbours share a frame, on which weights can be fitted
                assert all(b.start <= a.stop - 1 for a, b in itertools.pairwise(moved))
