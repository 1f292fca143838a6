"""Clips that wait until it is certain who is who in them."""

import numpy as np
import pytest
import torch

from ifc_core.tracking.linking import DirectLinker, LookaheadLinker
from ifc_core.tracking.video_tracker import ClipInstances, VideoTracker

SIZE = (6, 24)


def square(left):
    """(h, w) logits, sure inside a square whose left edge is given."""
    logits = torch.full(SIZE, -9.0)
    logits[1:5, max(0, left) : left + 6] = 9.0
    return logits


def clip(first, *instances):
    """Two frames; each instance is (probability of an object, left edge in frame 0, speed)."""
    masks = [torch.stack([square(a + v * (first + t)) for t in (0, 1)]) for _, a, v in instances]
    probs = torch.tensor([[p, 1 - p] for p, _, _ in instances]).reshape(-1, 2)
    logits = torch.stack(masks) if masks else torch.zeros(0, 2, *SIZE)
    unsure = frozenset(row for row, (p, _, _) in enumerate(instances) if p < 0.5)
    return ClipInstances((first, first + 1), probs, logits, unsure=unsure)


def linked(clips, lookahead, **values):
    """Identities of every clip, in order, and the tracker."""
    tracker = VideoTracker(2)
    linker = LookaheadLinker(tracker, lookahead, **values)
    for one in clips:
        linker.add(one)
    linker.finish()
    return [who.identities for _, who in tracker.held(0)], tracker


TWO = [clip(t, (0.9, 0, 1), (0.9, 14, 0)) for t in range(8)]


def test_the_direct_linker_is_the_tracker():
    linker, plain = DirectLinker(VideoTracker(2)), VideoTracker(2)
    for one in TWO:
        assert linker.add(one) == 1
        plain.update(one)
        assert linker.undecided_from is None
    assert linker.finish() == 0
    assert [w.identities for _, w in linker.tracker.held(0)] == [
        w.identities for _, w in plain.held(0)
    ]


@pytest.mark.parametrize("lookahead", [1, 2, 3, 20])
def test_two_objects_are_two_tracks_however_far_it_looks(lookahead):
    identities, tracker = linked(TWO, lookahead)
    assert identities == [(0, 1)] * 8
    assert tracker.num_instances == 2
    totals, num_clips = tracker.class_totals(0)
    assert num_clips == 8
    assert totals == pytest.approx([7.2, 0.8], rel=1e-5)


def test_clips_are_decided_half_a_stretch_at_a_time():
    linker = LookaheadLinker(VideoTracker(2), 3)
    assert [linker.add(one) for one in TWO] == [0, 0, 0, 0, 0, 3, 0, 0]
    assert linker.undecided_from == 3
    assert linker.finish() == 5
    assert linker.undecided_from is None


def test_a_query_that_slides_off_does_not_keep_the_track():
    # The object moves on; its first query stays behind and grows unsure, a second one follows.
    def at(t):
        behind = (0.9 if t < 3 else 0.2, 0, 1 if t < 3 else 0)
        follows = (0.6 if t < 2 else 0.95, 1, 1)
        return clip(t, behind, follows) if t >= 1 else clip(t, behind)

    identities, tracker = linked([at(t) for t in range(9)], 4)
    assert [ids[-1] for ids in identities] == [0] * 9
    assert tracker.num_instances == 1


def test_unsure_instances_go_on_with_a_track_and_begin_none():
    clips = [clip(t, (0.9 if t not in (3, 4) else 0.4, 3, 0), (0.3, 14, 0)) for t in range(8)]
    identities, tracker = linked(clips, 2)
    assert identities == [(0,)] * 8
    assert tracker.class_totals(0)[1] == 6  # the unsure clips do not count


def test_a_glimpse_is_no_track_but_in_a_short_video():
    clips = [clip(t, (0.9, 0, 0), *([(0.9, 14, 0)] if t == 3 else [])) for t in range(8)]
    assert linked(clips, 4, least_clips=4)[1].num_instances == 1
    assert linked(clips, 4)[1].num_instances == 2
    assert linked(clips[3:4], 4, least_clips=4)[1].num_instances == 2


def test_what_comes_shortly_before_the_end_needs_the_clips_that_are_left():
    def instances(seen, count=12):
        clips = [clip(t, (0.9, 0, 0), *([(0.9, 14, 0)] if t in seen else [])) for t in range(count)]
        return linked(clips, 3, least_clips=5)[1].num_instances

    assert instances({9, 10, 11}) == 2
    assert instances({9, 10, 11}, count=20) == 1
    assert instances({7, 8, 9}) == 1  # two clips more could have seen it
    assert instances({11}) == 1  # one clip decides nothing


def test_a_glimpse_is_no_track_after_an_interruption_either():
    tracker = VideoTracker(2)
    linker = LookaheadLinker(tracker, 4, least_clips=4)
    for t in range(4):
        known = clip(t, (0.9, 0, 0))
        identities = tracker.take(known, [None if t == 0 else 0], [None]).identities
        linker.recall(known, identities)
    linker.add(clip(4, (0.9, 0, 0), (0.9, 14, 0)))
    linker.finish()
    assert tracker.num_instances == 1


def test_empty_clips_are_decided_too():
    identities, tracker = linked([clip(t) for t in range(5)], 2)
    assert identities == [()] * 5
    assert tracker.num_instances == 0


def test_no_path_begins_with_an_instance_whose_best_class_is_no_object():
    # Among several classes the object may be likely while no single class is.
    probs = torch.tensor([[0.3, 0.3, 0.4]])
    masks = torch.stack([square(3), square(3)])[None]
    clips = [ClipInstances((t, t + 1), probs, masks, unsure=frozenset({0})) for t in range(4)]
    assert linked(clips, 2)[1].num_instances == 0


def test_a_lower_score_asks_for_tracks_that_no_clip_is_sure_of():
    clips = [clip(t, (0.9, 0, 1), (0.3, 14, 0)) for t in range(8)]
    assert linked(clips, 2)[1].num_instances == 1
    assert linked(clips, 2, least_prob=0.5)[1].num_instances == 1
    identities, tracker = linked(clips, 2, least_prob=0.2)
    assert [sorted(ids) for ids in identities] == [[0, 1]] * 8
    totals, num_clips = tracker.class_totals(1)
    assert num_clips == 8
    assert totals == pytest.approx([2.4, 5.6], rel=1e-5)


@pytest.mark.parametrize("lookahead", [1, 2, 4])
def test_a_track_that_clips_grow_sure_of_stays_the_same_one(lookahead):
    clips = [clip(t, (0.3 if t < 8 else 0.9, 2, 0)) for t in range(16)]
    identities, tracker = linked(clips, lookahead, least_clips=2, least_prob=0.1)
    assert identities == [(0,)] * 16
    assert tracker.num_instances == 1


def of_four_classes(t, is_sure=False):
    """A clip of a thing that stands still; what is best of several may be under a half."""
    probs = [0.7, 0.05, 0.05, 0.2] if is_sure else [0.35, 0.05, 0.2, 0.4]
    masks = torch.stack([square(3), square(3)])[None]
    unsure = frozenset() if is_sure else frozenset({0})
    return ClipInstances((t, t + 1), torch.tensor([probs]), masks, unsure=unsure)


@pytest.mark.parametrize("lookahead", [1, 2, 4])
def test_what_no_clip_is_sure_of_among_several_classes_is_one_track(lookahead):
    clips = [of_four_classes(t) for t in range(24)]
    identities, tracker = linked(clips, lookahead, least_clips=2, least_prob=0.2)
    assert identities == [(0,)] * 24
    assert not tracker.is_certain(0)
    totals, num_clips = tracker.class_totals(0)
    assert (num_clips, totals[0]) == (24, pytest.approx(24 * 0.35, rel=1e-5))
    clips = [of_four_classes(t, is_sure=t >= 8) for t in range(16)]
    identities, tracker = linked(clips, lookahead, least_clips=2, least_prob=0.2)
    assert identities == [(0,)] * 16
    totals, num_clips = tracker.class_totals(0)
    assert (num_clips, totals[0]) == (8, pytest.approx(8 * 0.7, rel=1e-5))  # the sure ones


def test_tracks_that_somebody_is_sure_of_are_the_same_whatever_else_is_asked_for():
    def at(t):
        loses = (0.9 if t not in (4, 5) else 0.3, 0, 1)
        return clip(t, loses, (0.3, 14, 0), (0.9, 1, 1), (0.45, 15, 0))

    clips = [at(t) for t in range(10)]
    wanted, few = linked(clips, 3)
    found, many = linked(clips, 3, least_prob=0.1)
    assert few.num_instances < many.num_instances
    assert [ids[: len(own)] for own, ids in zip(wanted, found, strict=True)] == wanted


def test_a_glimpse_that_no_clip_is_sure_of_is_no_track():
    clips = [clip(t, (0.9, 0, 0), *([(0.3, 14, 0)] if t == 3 else [])) for t in range(8)]
    assert linked(clips, 4, least_clips=4, least_prob=0.1)[1].num_instances == 1


def test_tracks_that_cross_keep_their_clips_apart():
    clips = [clip(t, (0.9, 0, 2), (0.9, 16, -2)) for t in range(9)]
    identities, tracker = linked(clips, 5)
    assert tracker.num_instances == 2
    assert {len(set(ids)) for ids in identities} <= {1, 2}
    assert all(np.array_equal(ids, sorted(set(ids), key=ids.index)) for ids in identities)


@pytest.mark.parametrize("lookahead", [1, 3])
def test_after_the_end_of_a_shot_nothing_is_known_of_it(lookahead):
    tracker = VideoTracker(2)
    linker = LookaheadLinker(tracker, lookahead, least_clips=2)
    count = sum(linker.add(one) for one in TWO) + linker.finish()
    assert count == len(TWO)
    assert linker.undecided_from is None
    single = clip(9, (0.9, 9, 1))  # too few for a track, were there any before it
    assert linker.add(single) + linker.finish() == 1
    assert [who.identities for _, who in tracker.held(0)][-1] == (2,)
