"""What is kept aside to judge a fine-tuned model by."""

import dataclasses

import numpy as np
import pytest

from ifc_core.data.labelled_video import LabelledTrack, LabelledVideo
from ifc_core.structures import RLEMask
from ifc_core.training.held_out_split import Seen, some_frames, split_held_out, time_blocks


def test_frames_to_judge_by_are_spread_over_the_videos():
    videos = [labelled(range(0, 100, 10)), labelled([5], name="w"), labelled(range(9))]
    assert frames_of(some_frames(videos, 99)) == frames_of(videos)
    few = list(some_frames(videos, 5))
    assert sum(len(v.labelled_frames) for v in few) == 5
    assert {v.name for v in few} <= {"v", "w"}
    assert min(len(v.labelled_frames) for v in few) >= 1


def labelled(frames, label=0, name="v"):
    masks = {f: RLEMask.from_array(np.ones((8, 8), dtype=np.bool_)) for f in frames}
    track = LabelledTrack(label, masks)
    return LabelledVideo(name, None, 1000, 8, 8, (track,), frozenset(frames))


def frames_of(videos):
    return {(v.name, f) for v in videos for f in v.labelled_frames}


def test_time_blocks_keep_neighbours_together():
    assert time_blocks([0, 1, 2, 30, 33, 50]) == [[0, 1, 2], [30, 33], [50]]
    assert max(map(len, time_blocks(range(100)))) == 10


@pytest.mark.parametrize("count", [1, 2, 4, 5, 20, 90])
def test_one_clip_is_split_by_blocks_of_time(count):
    video = labelled(range(count))
    split = split_held_out([video], 0.2, 0)
    kept = frames_of(split.held_out)
    trained = frames_of(split.training)
    assert all(abs(f - g) >= 5 for _, f in kept for _, g in trained)
    between = {f for f in range(count) if any(0 < abs(f - g) < 5 for _, g in kept)}
    assert kept | trained | {("v", f) for f in between} == frames_of([video])
    assert len(kept) <= len(trained)
    if count > 40:
        assert kept
        assert len(kept) == pytest.approx(0.2 * count, abs=10)


def test_five_frames_far_apart_keep_one_aside():
    split = split_held_out([labelled([5, 15, 25, 35, 45])], 0.2, 0)
    assert frames_of(split.held_out) == {("v", 25)}


def test_the_only_frame_of_a_class_is_not_kept_aside_but_another_one_is():
    often, once = labelled([5, 15, 25, 35, 45]).tracks[0], labelled([25], 1).tracks[0]
    video = dataclasses.replace(labelled([5, 15, 25, 35, 45]), tracks=(often, once))
    assert frames_of(split_held_out([video], 0.2, 0).held_out) == {("v", 35)}
    everywhere = [labelled([f], n).tracks[0] for n, f in enumerate((5, 15, 25, 35, 45))]
    video = dataclasses.replace(video, tracks=tuple(everywhere))
    assert not split_held_out([video], 0.2, 0).held_out


def test_several_clips_are_split_by_clip():
    videos = [labelled(range(5), name=f"v{n}") for n in range(5)]
    split = split_held_out(videos, 0.2, 0)
    names = [{v.name for v in part} for part in (split.training, split.held_out)]
    assert len(names[1]) == 1
    assert not names[0] & names[1]


def test_the_only_clip_of_a_class_is_never_held_out():
    videos = [
        labelled(range(5), name="a"),
        labelled(range(5), name="b"),
        labelled(range(5), 1, "c"),
    ]
    for seed in range(10):
        held_out = split_held_out(videos, 0.34, seed).held_out
        assert "c" not in {v.name for v in held_out}


@pytest.mark.parametrize("seed", range(4))
def test_a_clip_without_objects_is_not_what_a_model_is_judged_by(seed):
    bare = dataclasses.replace(labelled(range(0, 100, 20), name="bare"), tracks=())
    videos = [labelled(range(0, 200, 20), name="a"), labelled(range(0, 200, 20), name="b"), bare]
    split = split_held_out(videos, 0.2, seed)
    assert sum(len(track.masks) for video in split.held_out for track in video.tracks) == 10
    assert bare in split.training


# ---- what models before were trained on and judged by ---------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_a_model_before_was_trained_on_is_not_judged_by(count):
    videos = [labelled(range(n, 200, 10), name=f"v{n}") for n in range(count)]
    first = split_held_out(videos, 0.2, 0)
    assert first.held_out
    more = [labelled(range(n, 400, 10), name=f"v{n}") for n in range(count)]
    second = split_held_out(more, 0.2, 0, known(more, first))
    assert not frames_of(second.held_out) & frames_of(first.training)
    assert frames_of(second.held_out) >= frames_of(first.held_out)
    assert len(frames_of(second.held_out)) > len(frames_of(first.held_out))
    assert not frames_of(second.held_out) & frames_of(second.training)
    assert second.num_seen == 0


def known(videos, split):
    trained, held_out = frames_of(split.training), frames_of(split.held_out)
    return [
        Seen(*(frozenset(f for name, f in part if name == v.name) for part in (trained, held_out)))
        for v in videos
    ]


def test_nothing_near_a_frame_that_was_trained_on_is_new():
    seen = Seen(trained_on=frozenset(range(0, 100, 10)))
    near = [f + d for f in range(0, 100, 10) for d in (0, 3)]
    split = split_held_out([labelled([*near, 150, 160])], 0.2, 0, [seen])
    assert frames_of(split.held_out) == {("v", 150), ("v", 160)}


def test_where_all_was_trained_on_the_frames_to_judge_by_count_as_seen():
    video = labelled(range(0, 100, 10))
    split = split_held_out([video], 0.2, 0, [Seen(trained_on=frozenset(range(100)))])
    assert split.held_out == split_held_out([video], 0.2, 0).held_out
    assert split.num_seen == 2


def test_a_class_that_only_frames_kept_aside_show_is_learned_after_all():
    video = labelled(range(0, 100, 10))
    tracks = (*video.tracks, *labelled([50], 1).tracks)
    video = dataclasses.replace(video, tracks=tracks)
    seen = Seen(frozenset([0, 10, 20, 30, 40, 60, 80, 90]), frozenset([50, 70]))
    split = split_held_out([video], 0.2, 0, [seen])
    assert frames_of(split.held_out) == {("v", 70)}
    assert ("v", 50) in frames_of(split.training)


def test_a_clip_kept_aside_stays_so_with_what_is_new_of_it():
    videos = [labelled(range(0, 100, 10), name=name) for name in "abcd"]
    first = split_held_out(videos, 0.25, 0)
    (name,) = {video.name for video in first.held_out}
    more = [labelled(range(0, 200 if v.name == name else 100, 10), name=v.name) for v in videos]
    second = split_held_out(more, 0.25, 0, known(more, first))
    assert frames_of(second.held_out) == {(name, f) for f in range(0, 200, 10)}
