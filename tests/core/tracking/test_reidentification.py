"""An instance that was away is known again; two that live side by side never become one."""

import torch

from ifc_core.tracking.reidentification import Reidentifier
from ifc_core.tracking.video_tracker import ClipInstances, VideoTracker

PLACES = {"left": slice(0, 6), "right": slice(14, 20)}
WEIGHTS = {"cat": [1.0, 0.1, 0.0], "dog": [0.0, 1.0, 0.1]}
PROBS = {"cat": [0.8, 0.1, 0.1], "dog": [0.1, 0.8, 0.1]}


def clip(first, *objects):
    """A clip of two frames; objects are (place, weight, class)."""
    masks = torch.full((len(objects), 2, 4, 20), -6.0)
    for row, (place, _, _) in enumerate(objects):
        masks[row, :, :, PLACES[place]] = 6.0
    weights = torch.tensor([WEIGHTS[w] for _, w, _ in objects]).reshape(-1, 3)
    probs = torch.tensor([PROBS[c] for _, _, c in objects]).reshape(-1, 3)
    return ClipInstances((first, first + 1), probs, masks, mask_weights=weights)


def run(*clips, reidentify=True):
    tracker = VideoTracker(2, reidentifier=Reidentifier() if reidentify else None)
    return [tracker.update(c).identities for c in clips]


def test_it_keeps_its_number_after_an_absence():
    seen = [clip(0, ("left", "cat", "cat")), clip(2), clip(4), clip(6, ("right", "cat", "cat"))]
    assert run(*seen) == [(0,), (), (), (0,)]
    assert run(*seen, reidentify=False) == [(0,), (), (), (1,)]


def test_class_and_weight_must_both_agree():
    first = clip(0, ("left", "cat", "cat"))
    assert run(first, clip(2), clip(4, ("left", "dog", "cat"))) == [(0,), (), (1,)]
    assert run(first, clip(2), clip(4, ("left", "cat", "dog"))) == [(0,), (), (1,)]


def test_two_that_live_side_by_side_stay_two():
    both = [("left", "cat", "cat"), ("right", "cat", "cat")]
    assert run(*(clip(t, *both) for t in range(4))) == [(0, 1)] * 4
    newcomer = run(clip(0, both[0]), clip(1, both[0]), clip(2, *both), clip(3, *both))
    assert newcomer[2:] == [(0, 1), (0, 1)]


def test_one_that_is_still_in_the_clip_is_no_candidate():
    moved = run(clip(0, ("left", "cat", "cat")), clip(1, ("right", "cat", "cat")))
    assert moved == [(0,), (1,)]


def test_of_two_that_come_back_each_gets_its_own_number():
    cat, dog = ("left", "cat", "cat"), ("right", "dog", "dog")
    swapped = [("right", "cat", "cat"), ("left", "dog", "dog")]
    seen = run(clip(0, cat, dog), clip(2), clip(4, *swapped[::-1]))
    assert seen == [(0, 1), (), (1, 0)]


def test_one_identity_is_given_to_one_newcomer():
    twins = [("left", "cat", "cat"), ("right", "cat", "cat")]
    seen = run(clip(0, twins[0]), clip(2), clip(4, *twins))
    assert sorted(seen[2]) == [0, 1]
