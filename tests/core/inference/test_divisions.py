"""Cells that divide are found, whatever the tracker made of them; other births raise no alarm."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ifc_core.data.synthetic import ClipSpec, render_clip
from ifc_core.inference.divisions import (
    APART,
    GAP,
    DivisionFinder,
    SuspectedDivision,
    suspected_divisions,
)
from ifc_core.inference.identity_swaps import TrackedMask
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import RLEMask

SIZE = (80, 120)
NUM_FRAMES = 16
YY, XX = np.mgrid[: SIZE[0], : SIZE[1]]


def ellipse(y, x, tall=10.0, wide=10.0):
    return RLEMask.from_array(((YY - y) / tall) ** 2 + ((XX - x) / wide) ** 2 < 1)


def dividing(at=8, y=40.0, x=60.0, ids=(1, 2, 3), gap=0):
    """{track: {frame: mask}}: a cell stretches, and two of half its area move apart."""
    mother, left, right = ids
    tracks = {i: {} for i in ids}
    for t in range(NUM_FRAMES):
        if t < at - gap:
            tracks[mother][t] = ellipse(y, x, 9, 11 + 0.3 * t)
        if t >= at:
            for track, side in ((left, -1), (right, 1)):
                tracks[track][t] = ellipse(y, x + side * (7.5 + 0.3 * (t - at)), 8, 7)
    return tracks


def kept(tracks, mother, daughter):
    """The same where the tracker goes on with the mother's number on a daughter."""
    rest = {i: by_frame for i, by_frame in tracks.items() if i not in (mother, daughter)}
    return rest | {mother: tracks[mother] | tracks[daughter]}


def stream(*parts, step=1):
    tracks = {track: by_frame for part in parts for track, by_frame in part.items()}
    for t in range(NUM_FRAMES):
        row = [TrackedMask(i, by_frame[t]) for i, by_frame in tracks.items() if t in by_frame]
        if row:
            yield t * step, row


def found(*parts, **options):
    divisions = suspected_divisions(stream(*parts, **options))
    return [(d.frame_index, d.parent_id, d.daughter_ids) for d in divisions]


def still(track, y, x, frames=range(NUM_FRAMES), **shape):
    return {track: {t: ellipse(y, x, **shape) for t in frames}}


@pytest.mark.parametrize("at", [1, 4, 8, NUM_FRAMES - 1])
def test_a_cell_that_ends_as_two_begin_in_its_place_divided(at):
    (division,) = suspected_divisions(stream(dividing(at)))
    assert dataclasses.replace(division, score=0) == SuspectedDivision(at, 1, (2, 3), 0)
    assert 0.8 < division.score <= 1


@pytest.mark.parametrize("at", [1, 4, 8, NUM_FRAMES - 1])
@pytest.mark.parametrize("daughter", [2, 3])
def test_a_mother_whose_track_goes_on_as_one_of_her_daughters_is_one_of_them(at, daughter):
    other = 5 - daughter
    assert found(kept(dividing(at), 1, daughter)) == [(at, 1, (1, other))]


@pytest.mark.parametrize("early", [-2, -1, 1, 2])
def test_the_mother_is_divided_where_her_own_track_loses_half(early):
    """The other daughter's track begins some frames before or after."""
    tracks = kept(dividing(), 1, 2)
    other = {t: mask for t, mask in dividing(at=6)[3].items() if t >= 8 + early}
    assert found(tracks | {3: other}) == [(8, 1, (1, 3))]


def test_some_frames_may_lie_between_as_the_video_is_annotated():
    assert found(dividing(gap=2)) == [(8, 1, (2, 3))]
    assert found(dividing(gap=4)) == []
    assert found(dividing(gap=1), step=5) == [(40, 1, (2, 3))]


def test_a_long_time_without_any_mask_is_no_division():
    rows = [(t if t < 8 else t + 300, masks) for t, masks in stream(dividing())]
    assert suspected_divisions(rows) == []


def test_nothing_is_read_into_what_is_there_from_the_start():
    daughters = {i: m for i, m in dividing(at=0).items() if i != 1}
    assert found(daughters, still(9, 10, 10)) == []


def test_a_cell_that_leaves_and_others_that_come_in_are_no_family():
    leaving = {1: {t: ellipse(40, 118 + 1.5 * t, 9, 9) for t in range(6)}}
    coming = {
        2: {t: ellipse(22, 125 - 1.5 * (t - 4), 7, 7) for t in range(6, NUM_FRAMES)},
        3: {t: ellipse(-2 + t, 100, 7, 7) for t in range(5, NUM_FRAMES)},
    }
    assert found(leaving, coming) == []


def test_a_cell_that_loses_half_at_the_border_beside_one_that_comes_in_did_not_divide():
    leaving = {1: {t: ellipse(40, 112 + (8 if t >= 7 else 0), 9, 9) for t in range(NUM_FRAMES)}}
    assert found(leaving, still(2, 58, 116, range(7, NUM_FRAMES), tall=8, wide=8)) == []


def test_one_that_begins_beside_another_is_not_its_daughter():
    assert found(still(1, 40, 50), still(2, 40, 68, range(7, NUM_FRAMES), tall=7, wide=7)) == []
    ending = still(1, 40, 50, range(7))
    born = still(2, 40, 68, range(7, NUM_FRAMES)) | still(3, 58, 55, range(7, NUM_FRAMES))
    assert found(ending, born) == []


def test_a_track_that_breaks_off_goes_on_as_one_and_did_not_divide():
    assert found(still(1, 40, 50, range(7)), still(2, 40, 51, range(7, NUM_FRAMES))) == []


def test_two_tracks_over_one_thing_are_no_daughters():
    """One holds most of it, the other all of it or another part that overlaps."""
    after = range(8, NUM_FRAMES)
    whole = still(1, 40, 60, range(8), wide=14)
    assert found(whole, still(2, 40, 60, after, wide=14), still(3, 40, 65, after, wide=8)) == []
    assert found(whole, still(2, 40, 57, after, wide=11), still(3, 40, 63, after, wide=11)) == []
    assert found(still(1, 40, 60, wide=14), still(3, 40, 65, after, wide=8)) == []


def test_a_mask_cut_into_two_is_no_division_of_what_stays_in_its_place():
    whole = ellipse(40, 60, 10, 14)
    left = RLEMask.from_array(whole.to_array() & (XX < 60))
    right = RLEMask.from_array(whole.to_array() & (XX >= 60))
    parts = {2: dict.fromkeys(range(8, 16), left), 3: dict.fromkeys(range(8, 16), right)}
    (division,) = suspected_divisions(stream({1: dict.fromkeys(range(8), whole)}, parts), 0.0)
    (true,) = suspected_divisions(stream(dividing()))
    assert division.score < true.score


def test_a_mother_who_comes_back_did_not_divide():
    tracks = dividing(at=6)
    tracks[1][14] = ellipse(20, 20)
    assert found(tracks) == []


def test_daughters_that_vanish_at_once_are_none():
    tracks = dividing()
    tracks[3] = {8: tracks[3][8]}
    assert found(tracks) == []


@pytest.mark.parametrize("length", [2, 9])
def test_two_cells_that_were_one_mask_for_a_while_come_apart_without_dividing(length):
    """One track takes in the other's cell, which comes out under a new number."""
    apart = 13 - length
    tracks = {1: {}, 2: {}, 3: {}}
    for t in range(NUM_FRAMES):
        left, right = ellipse(40, 52, 8, 8), ellipse(40, 68, 8, 8)
        if 13 - length <= t < 13:
            tracks[1][t] = RLEMask.union([left, right])
        else:
            tracks[1][t] = left
            tracks[2 if t < apart else 3][t] = right
    assert found(tracks) == []


def test_a_track_has_one_mother_and_divides_once_at_a_time():
    """Two cells side by side divide on one frame, each into the nearest two."""
    first, second = dividing(y=25, ids=(1, 2, 3)), dividing(y=47, ids=(4, 5, 6))
    assert found(first, second) == [(8, 1, (2, 3)), (8, 4, (5, 6))]
    extra = {7: {t: ellipse(36, 69, 7, 6) for t in range(8, NUM_FRAMES)}}
    assert found(first, second, extra) == [(8, 1, (2, 3)), (8, 4, (5, 6))]


def test_a_daughter_may_divide_again():
    tracks = dividing(at=4)
    again = dividing(at=11, x=52.5, ids=(2, 4, 5))
    tracks[2] = {t: mask for t, mask in tracks[2].items() if t < 11}
    for track, side in ((4, -1), (5, 1)):
        again[track] = {t: ellipse(40 + 5 * side, 50.5, 5, 6) for t in range(11, NUM_FRAMES)}
    assert found(tracks, {4: again[4], 5: again[5]}) == [(4, 1, (2, 3)), (11, 2, (4, 5))]


def twice(first, second, is_kept=True):
    """{track: {frame: mask}}: 1 divides and goes on as a daughter, who divides, too."""
    tracks = {i: {} for i in (1, 2, 3, 4)}
    for t in range(NUM_FRAMES):
        if t < first:
            tracks[1][t] = ellipse(40, 60, 14, 14)
            continue
        tracks[2][t] = ellipse(40, 72, 9.8, 9.8)
        if t < second:
            tracks[1][t] = ellipse(40, 50, 9.8, 9.8)
        else:
            tracks[1 if is_kept else 4][t] = ellipse(40, 42, 6.8, 6.8)
            tracks[3][t] = ellipse(40, 57, 6.8, 6.8)
    return tracks


@pytest.mark.parametrize("first", [2, 3, 7])
@pytest.mark.parametrize("later", [APART, APART + 3])
@pytest.mark.parametrize("step", [1, 5])
def test_a_track_that_goes_on_as_a_daughter_divides_again(first, later, step):
    second = first + later
    start = (first * step, 1, (1, 2))
    assert found(twice(first, second), step=step) == [start, (second * step, 1, (1, 3))]
    ended = twice(first, second, is_kept=False)
    assert found(ended, step=step) == [start, (second * step, 1, (3, 4))]


@pytest.mark.parametrize("is_kept", [True, False])
def test_one_moment_is_no_two_divisions(is_kept):
    for later in range(1, APART):
        (division,) = found(twice(5, 5 + later, is_kept))
        assert division[1] == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_is_joined_where_it_grew_over_what_just_ended(seed):
    """Or began over two of those: as one looks at every pair."""
    rng, finder, last, joined = np.random.default_rng(seed), DivisionFinder(), {}, 0
    for t in range(NUM_FRAMES):
        row = [
            TrackedMask(int(i), ellipse(*rng.integers(20, 60, 2), *rng.integers(3, 16, 2)))
            for i in rng.choice(12 + t, 8, replace=False)
        ]
        finder.add(t, row)
        shown = {mask.track_id for mask in row}
        gone = [seen for track, (at, seen) in last.items() if track not in shown and at >= t - 3]
        for track, rle in ((mask.track_id, mask.rle) for mask in row):
            x, y, width, height = rle.bbox_xywh
            over = sum(x <= a <= x + width and y <= b <= y + height for _, a, b in gone)
            before = next((s for s in reversed(finder._seen[track]) if s.at < t), None)
            if before is None or rle.area >= 1.3 * before.area:
                expected = over >= (1 if before else 2)
            else:
                expected = before.is_joined and rle.area > before.area / 1.3
            assert finder._seen[track][-1].is_joined == expected
            joined += expected
        for mask in row:
            x, y, width, height = mask.rle.bbox_xywh
            last[mask.track_id] = (t, (mask.track_id, x + width / 2, y + height / 2))
    assert joined


crowd = st.lists(
    st.tuples(st.integers(1, NUM_FRAMES - 1), st.sampled_from(["end", "left", "right", "none"])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(crowd, st.randoms(use_true_random=False))
def test_all_of_a_crowd_are_found_in_any_order_of_masks(cells, random):
    """Up to four cells in a row of their own, which divide, or do not, when they like."""
    tracks, expected = {}, []
    for number, (at, kind) in enumerate(cells):
        mother, left, right = (10 * number + i for i in (1, 2, 3))
        family = dividing(at, y=10 + 20 * number, ids=(mother, left, right))
        if kind == "none":
            family = still(mother, 10 + 20 * number, 60, tall=9, wide=12)
        elif kind == "end":
            expected.append((at, mother, (left, right)))
        else:
            daughter, other = (left, right) if kind == "left" else (right, left)
            family = kept(family, mother, daughter)
            expected.append((at, mother, (mother, other)))
        tracks |= family
    rows = list(stream(tracks))
    plain = suspected_divisions(rows)
    for _, masks in rows:
        random.shuffle(masks)
    assert suspected_divisions(rows) == plain
    assert [(d.frame_index, d.parent_id, d.daughter_ids) for d in plain] == sorted(expected)


def test_a_higher_threshold_gives_some_of_the_same():
    rows = list(stream(dividing(y=20), dividing(at=5, y=60, ids=(4, 5, 6), gap=1)))
    every = suspected_divisions(rows, 0.0)
    scores = sorted(d.score for d in every)
    assert len(scores) == 2
    assert suspected_divisions(rows, scores[1]) == [d for d in every if d.score == scores[1]]


def test_nothing_in_gives_nothing_and_empty_masks_are_nothing():
    assert suspected_divisions(iter(())) == []
    empty = {i: dict.fromkeys(range(NUM_FRAMES), RLEMask.empty(SIZE)) for i in (7, 8)}
    assert found(empty) == []
    assert found(empty, dividing()) == [(8, 1, (2, 3))]


def test_it_can_be_cancelled_between_frames():
    context, seen = JobContext(), []

    def rows():
        for row in stream(dividing()):
            seen.append(row)
            if len(seen) == 5:
                context.cancel()
            yield row

    with pytest.raises(JobCancelled):
        suspected_divisions(rows(), context=context)
    assert len(seen) == 5


def test_watching_hands_on_every_frame_and_looks_at_the_chosen_tracks():
    rows = list(stream(dividing(), dividing(y=70, ids=(4, 5, 6))))
    finder = DivisionFinder()
    assert list(finder.watch(iter(rows), {1, 2, 3})) == rows
    assert [d.parent_id for d in finder.finish()] == [1]


def test_memory_does_not_grow_with_the_video():
    finder, most = DivisionFinder(), 0
    for t in range(300):
        finder.add(t, [TrackedMask(t // 10, ellipse(40, 60)), TrackedMask(1000, ellipse(10, 10))])
        most = max(most, sum(map(len, finder._seen.values())))
    assert most < 60


def test_generated_clips_of_things_raise_no_alarm():
    for seed in range(8):
        spec = ClipSpec(height=64, width=112, num_frames=16, frame_gap=1.0, max_objects=6)
        clip = render_clip(seed, spec)
        rows = [
            (t, [TrackedMask(i, RLEMask.from_array(m)) for i, m in enumerate(clip.masks[:, t])])
            for t in range(16)
        ]
        assert suspected_divisions(rows) == []


@pytest.mark.parametrize("frames", [1, GAP])
def test_a_mother_whose_mask_lingers_beside_her_daughters_divided(frames):
    tracks = dividing()
    for t in range(8, 8 + frames):
        tracks[1][t] = tracks[1][7]
    assert found(tracks) == [(8, 1, (2, 3))]


def test_one_that_stays_beside_two_that_begin_is_no_mother():
    tracks = dividing()
    for last, expected in ((8 + GAP, []), (NUM_FRAMES - 1, [])):
        longer = {1: tracks[1] | dict.fromkeys(range(8, last + 1), tracks[1][7])}
        assert found(tracks | longer) == expected
    late = dividing(at=NUM_FRAMES - 1)  # nobody knows yet whether she stays
    late[1][NUM_FRAMES - 1] = late[1][NUM_FRAMES - 2]
    assert found(late) == []
    away = {1: tracks[1] | {8: ellipse(40, 20, 9, 11)}}  # a cell that runs off
    assert found(tracks | away) == []
    again = {1: tracks[1] | {8: tracks[1][7], 13: tracks[1][7]}}  # she comes back
    assert found(tracks | again) == []


@pytest.mark.parametrize("daughter", [None, 2, 3])
@pytest.mark.parametrize("step", [1, 5])
def test_a_mother_may_be_seen_on_one_frame_alone_however_far_apart_these_are(daughter, step):
    tracks = dividing()
    tracks[1] = {7: tracks[1][7]}
    tracks |= still(4, 20, 20)  # there are frames before
    daughters, family = (2, 3), tracks
    if daughter is not None:
        daughters, family = (1, 5 - daughter), kept(tracks, 1, daughter)
    assert found(family, step=step) == [(8 * step, 1, daughters)]


def test_a_mother_seen_once_long_before_is_none():
    rows = dict(stream(dividing(), step=1))
    rows = [(0, rows[7]), *((20 + t, rows[t]) for t in range(8, NUM_FRAMES))]
    assert suspected_divisions(rows) == []
    assert len(suspected_divisions([(27, rows[0][1]), *rows[1:]])) == 1
