"""Injected swaps are found, and tracks left alone raise no alarm."""

import numpy as np
import pytest

from ifc_core.data.synthetic import ClipSpec, render_clip
from ifc_core.inference.identity_swaps import TrackedMask, suspected_swaps
from ifc_core.inference.object_looks import look_distance, look_of
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import RLEMask

NUM_FRAMES = 30
COLORS = ((220, 60, 40), (50, 90, 220))


def crossing(colors=COLORS, hidden=()):
    """Two discs that pass each other on one line: frames and {track: {frame: RLE}}."""
    yy, xx = np.mgrid[:60, :160]
    frames = np.full((NUM_FRAMES, 60, 160, 3), 128, np.uint8)
    masks = {1: {}, 2: {}}
    for t in range(NUM_FRAMES):
        for track, x in ((1, 15 + 4.5 * t), (2, 145 - 4.5 * t)):
            disc = (yy - 30) ** 2 + (xx - x) ** 2 < 100
            frames[t][disc] = colors[track - 1]
            if (track, t) not in hidden:
                masks[track][t] = RLEMask.from_array(disc)
    return frames, masks


def stream(masks, swap_at=None, links=None):
    for t in range(NUM_FRAMES):
        row = []
        for track, by_frame in masks.items():
            if t in by_frame:
                other = 3 - track if swap_at is not None and t >= swap_at else track
                row.append(TrackedMask(other, by_frame[t], (links or {}).get((track, t))))
        yield t, row


def test_tracks_that_pass_each_other_raise_no_alarm():
    frames, masks = crossing()
    assert suspected_swaps(stream(masks), frames.__getitem__) == []
    assert suspected_swaps(stream(masks)) == []


@pytest.mark.parametrize("swap_at", [10, 15, 22])
def test_a_swap_is_found_where_it_happens(swap_at):
    frames, masks = crossing()
    found = suspected_swaps(stream(masks, swap_at), frames.__getitem__)
    assert len(found) == 1
    assert (found[0].track_a, found[0].track_b) == (1, 2)
    assert abs(found[0].frame_index - swap_at) <= 2
    assert found[0].score > 0.8


def test_colours_decide_where_one_was_hidden_for_a_while():
    hidden = {(2, t) for t in range(11, 20)}
    frames, masks = crossing(hidden=hidden)
    assert suspected_swaps(stream(masks), frames.__getitem__) == []
    found = suspected_swaps(stream(masks, 20), frames.__getitem__)
    assert [(f.track_a, f.track_b) for f in found] == [(1, 2)]
    assert found[0].frame_index == 20


def test_only_the_pair_that_changed_places_is_named_in_a_crowd():
    """Forty discs in rows, all moving alike; two neighbours are exchanged."""
    yy, xx = np.mgrid[:90, :170]
    rows = []
    for t in range(20):
        row = []
        for track in range(40):
            y, x = 10 + 20 * (track // 10), 12 + 15 * (track % 10) + 0.5 * t
            rle = RLEMask.from_array((yy - y) ** 2 + (xx - x) ** 2 < 25)
            other = {13: 14, 14: 13}.get(track, track) if t >= 9 else track
            row.append(TrackedMask(other, rle))
        rows.append(row)
    found = suspected_swaps(enumerate(rows))
    assert [(f.frame_index, f.track_a, f.track_b) for f in found] == [(9, 13, 14)]


def test_a_weak_link_raises_the_score():
    _frames, masks = crossing()
    weak = {(1, 15): 0.1, (2, 15): 0.1}
    plain = suspected_swaps(stream(masks, 15), threshold=0.0)
    linked = suspected_swaps(stream(masks, 15, weak), threshold=0.0)
    at = {f.frame_index: f.score for f in plain}
    assert {f.frame_index: f.score for f in linked}[15] > at.get(15, 0.0)


def test_frames_are_read_only_where_there_is_doubt():
    frames, masks = crossing()
    read = []

    def read_frame(index):
        read.append(index)
        return frames[index]

    suspected_swaps(stream(masks), read_frame)
    assert read == []
    suspected_swaps(stream(masks, 15), read_frame)
    assert read
    assert len(read) == len(set(read))
    assert min(read) > 4
    assert max(read) < NUM_FRAMES - 3


def test_nothing_in_gives_nothing_and_it_can_be_cancelled():
    assert suspected_swaps(iter(())) == []
    context = JobContext()
    context.cancel()
    with pytest.raises(JobCancelled):
        suspected_swaps(stream(crossing()[1]), context=context)


def test_recall_and_false_alarms_on_generated_clips():
    """Pairs at their closest, exchanged from there on; a test-sized part of the measured set."""
    hits = events = alarms = 0
    for seed in (1, 3, 5, 6, 7, 8):
        spec = ClipSpec(height=64, width=112, num_frames=24, frame_gap=1.0, max_objects=5)
        clip = render_clip(seed, spec)
        tracks = {
            i: {t: RLEMask.from_array(m) for t, m in enumerate(track) if m.sum() > 20}
            for i, track in enumerate(clip.masks)
        }
        tracks = {i: by_frame for i, by_frame in tracks.items() if len(by_frame) == 24}
        rows = [[TrackedMask(i, m[t]) for i, m in tracks.items()] for t in range(24)]
        alarms += len(suspected_swaps(enumerate(rows), clip.frames.__getitem__))
        pair = closest_pair(tracks)
        if pair is None:
            continue
        exchanged = dict((pair, pair[::-1]))
        events += 1
        swapped = [
            [TrackedMask(exchanged.get(m.track_id, m.track_id), m.rle) for m in row]
            if t >= 12
            else row
            for t, row in enumerate(rows)
        ]
        found = suspected_swaps(enumerate(swapped), clip.frames.__getitem__)
        hits += any(
            (f.track_a, f.track_b) == tuple(sorted(pair)) and abs(f.frame_index - 12) <= 4
            for f in found
        )
    assert events >= 4
    assert hits >= 0.8 * events
    assert alarms == 0


def closest_pair(tracks):
    centres = {}
    for i, by_frame in tracks.items():
        x, y, width, height = by_frame[12].bbox_xywh
        centres[i] = np.array([x + width / 2, y + height / 2])
    pairs = [
        (np.linalg.norm(centres[a] - centres[b]), a, b) for a in tracks for b in tracks if a < b
    ]
    return min(pairs)[1:] if pairs else None


def test_looks():
    image = np.zeros((20, 40, 3), np.uint8)
    image[:, :20] = (120, 170, 100)
    image[:, 20:] = (90, 90, 160)
    left, right = np.zeros((20, 40), bool), np.zeros((20, 40), bool)
    left[:, :20], right[:, 20:] = True, True
    a, b = look_of(image, left, None), look_of(image, right, None)
    assert look_distance(a, a) < 1e-3
    assert look_distance(a, b) > 0.9
    assert look_of(image, np.zeros((20, 40), bool), None) is None
    shared = left & (np.arange(40) >= 10)
    assert look_distance(a, look_of(image, left | right, right)) < 1e-3
    assert look_of(image, left, shared) is not None


def test_it_stops_between_the_frames_it_reads():
    frames, masks = crossing()
    context, read = JobContext(), []

    def read_frame(index):
        read.append(index)
        context.cancel()
        return frames[index]

    with pytest.raises(JobCancelled):
        suspected_swaps(stream(masks, 15), read_frame, context=context)
    assert len(read) == 1
