"""Which labelled frames training never sees, so that a model can be judged by them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ifc_core.data.labelled_video import LabelledVideo

_SEVERAL_CLIPS = 3
_BLOCK_GAP_FRAMES = 5
_BLOCK_LENGTH_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model that training begins with, and those before it, know of a video.

    Attributes:
        trained_on: Frames that one of them was trained on.
        held_out: Frames that one of them was judged by.
    """

    trained_on: frozenset[int] = frozenset()
    held_out: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Split:
    """Labelled frames in two parts, of the same videos.

    Attributes:
        training: Videos with the annotation that training sees.
        held_out: Videos with the annotation that it does not.
        num_seen: Held-out frames that a model before was trained on, or on a near twin.
    """

    training: tuple[LabelledVideo, ...]
    held_out: tuple[LabelledVideo, ...]
    num_seen: int = 0


def split_held_out(
    videos: Sequence[LabelledVideo], share: float, seed: int, seen: Sequence[Seen] = ()
) -> Split:
    """Keep a share of the labelled frames aside.

    Where there are three clips or more, whole clips are kept aside; else blocks of time, spread
    over the clip: frames that lie close together are one block. Labelled frames fewer than five
    frames from a held-out one are in neither part, so that none has a near twin among the
    training frames.

    What a model before was judged by stays aside, and what is new is taken from frames that none
    was trained on. Only where there are none at all, those that were have to do (``num_seen``).

    Args:
        videos: With labelled frames.
        share: Of the labelled frames, 0 to 0.5.
        seed: Of the choice of clips.
        seen: What is known of each video; by default nothing.

    Returns:
        The two parts. Every class of the held-out part occurs in the training part, and a
        single labelled frame is never kept aside.
    """
    if share <= 0:
        return Split(tuple(videos), ())
    known = list(seen) or [Seen()] * len(videos)
    split = _parts(videos, _choose(videos, share, seed, known))
    if split.held_out or not any(one.trained_on for one in known):
        return split
    aside = _choose(videos, share, seed, [Seen()] * len(videos))
    near = (_near(kept, one.trained_on) for kept, one in zip(aside, known, strict=True))
    return replace(_parts(videos, aside), num_seen=sum(map(len, near)))


def _parts(videos: Sequence[LabelledVideo], aside: Sequence[Collection[int]]) -> Split:
    """What is left to train on, and the frames kept aside of each video."""
    pairs = list(zip(videos, aside, strict=True))
    held_out = (restrict(video, sorted(kept)) for video, kept in pairs if kept)
    return Split(tuple(_training(videos, aside)), tuple(held_out))


def _training(
    videos: Sequence[LabelledVideo], aside: Sequence[Collection[int]]
) -> Iterator[LabelledVideo]:
    for video, kept in zip(videos, aside, strict=True):
        left = restrict(video, _apart(video.labelled_frames, kept)) if kept else video
        if left.labelled_frames:
            yield left


def _choose(
    videos: Sequence[LabelledVideo], share: float, seed: int, seen: Sequence[Seen]
) -> list[set[int]]:
    """Frames of each video to keep aside: those kept so far, whole clips, blocks of time."""
    aside = _kept_so_far(videos, seen)
    total = sum(len(video.labelled_frames) for video in videos)
    clips = set[int]()
    if len(videos) >= _SEVERAL_CLIPS:
        clips = _choose_clips(videos, share, seed, seen, aside)
        for number in clips:
            aside[number] = set(videos[number].labelled_frames)
    has_few = any(one.trained_on for one in seen) and sum(map(len, aside)) < share * total / 2
    if not clips or has_few:
        for number in {*range(len(videos))} - clips:
            aside[number] = _choose_blocks(videos[number], share, seen[number], aside[number])
    return aside


def _kept_so_far(videos: Sequence[LabelledVideo], seen: Sequence[Seen]) -> list[set[int]]:
    """What the models before were judged by, unless a class occurs nowhere else by now."""
    pairs = list(zip(videos, seen, strict=True))
    aside = [set(v.labelled_frames) & one.held_out - one.trained_on for v, one in pairs]
    while missing := _classes(videos) - _classes(list(_training(videos, aside))):
        for kept, video in zip(aside, videos, strict=True):
            tracks = (track for track in video.tracks if track.label in missing)
            needed = {f for track in tracks for f, rle in track.masks.items() if rle}
            kept -= _near(kept, needed)
    return aside


def _classes(videos: Sequence[LabelledVideo]) -> set[int]:
    return {t.label for v in videos for t in v.tracks if any(t.masks.values())}


def _choose_clips(
    videos: Sequence[LabelledVideo],
    share: float,
    seed: int,
    seen: Sequence[Seen],
    kept: Sequence[set[int]],
) -> set[int]:
    """Clips with masks that come nearest to the share from below, classes covered.

    Clips of which frames were kept aside so far come first.
    """
    total = sum(len(v.labelled_frames) for v in videos)
    chosen: set[int] = set()
    frames = sum(map(len, kept))
    order = np.random.default_rng(seed).permutation(len(videos)).tolist()
    for number in sorted(order, key=lambda n: not kept[n]):
        labelled = videos[number].labelled_frames
        count = len(labelled) - len(kept[number])
        with_it = chosen | {number}
        aside = [set(v.labelled_frames) if n in with_it else kept[n] for n, v in enumerate(videos)]
        covers = _classes(list(_training(videos, aside))) >= _classes(videos)
        fits = bool(kept[number]) or frames + count <= share * total or not frames
        judges = bool(_classes([videos[number]]))  # one without an object tells no J
        is_new = not seen[number].trained_on
        if is_new and judges and covers and fits and len(labelled) <= total / 2:
            chosen.add(number)
            frames += count
    return chosen


def _choose_blocks(video: LabelledVideo, share: float, seen: Seen, kept: set[int]) -> set[int]:
    """Whole blocks of labelled frames, evenly spread over the clip, with those kept so far.

    Where that would take the last frames of a class from the training, the next blocks are tried.
    """
    blocks = time_blocks(video.labelled_frames)
    known = _near(video.labelled_frames, seen.trained_on) | kept
    free = time_blocks([f for f in video.labelled_frames if f not in known])
    count = max(1, round(share * len(blocks))) - sum(not kept.isdisjoint(b) for b in blocks)
    count = min(count, len(free))
    if len(blocks) <= 3 or count < 1:
        return kept
    places = [int((n + 0.5) * len(free) / count) for n in range(count)]
    for shift in range(len(free)):
        aside = kept | {f for place in places for f in free[(place + shift) % len(free)]}
        rest = restrict(video, _apart(video.labelled_frames, aside))
        if _classes([rest]) >= _classes([video]):
            return aside
    return kept


def _apart(frames: Sequence[int], kept: Collection[int]) -> list[int]:
    """Frames that are neither kept aside nor near those that are."""
    near = _near(frames, kept)
    return [f for f in frames if f not in near]


def _near(frames: Collection[int], others: Collection[int]) -> set[int]:
    """Those of some frames that are among others, or a few frames from one of them."""
    reach = range(1 - _BLOCK_GAP_FRAMES, _BLOCK_GAP_FRAMES)
    return set(frames) & {f + d for f in others for d in reach}


def time_blocks(frames: Sequence[int]) -> list[list[int]]:
    """Group sorted frames that lie within a few frames of each other, at most ten long."""
    blocks: list[list[int]] = []
    for frame in frames:
        near = bool(blocks) and frame - blocks[-1][-1] < _BLOCK_GAP_FRAMES
        if near and frame - blocks[-1][0] < _BLOCK_LENGTH_FRAMES:
            blocks[-1].append(frame)
        else:
            blocks.append([frame])
    return blocks


def restrict(video: LabelledVideo, frames: Sequence[int]) -> LabelledVideo:
    """The same video with its annotation on some frames only."""
    wanted = set(frames)
    tracks = [
        replace(t, masks={f: rle for f, rle in t.masks.items() if f in wanted})
        for t in video.tracks
    ]
    kept = tuple(track for track in tracks if track.masks)
    return replace(video, tracks=kept, exhaustive=video.exhaustive & wanted)


def some_frames(videos: Sequence[LabelledVideo], most: int) -> Iterator[LabelledVideo]:
    """The videos with at most so many of their labelled frames, evenly spread over all."""
    places = [(n, f) for n, video in enumerate(videos) for f in video.labelled_frames]
    count = min(most, len(places))
    chosen = {places[(2 * k + 1) * len(places) // (2 * count)] for k in range(count)}
    for number, video in enumerate(videos):
        frames = [f for f in video.labelled_frames if (number, f) in chosen]
        if frames:
            yield restrict(video, frames)
