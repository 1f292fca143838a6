"""What a clip is unsure of continues a track that nothing surer continues, and begins none."""

import pytest
import torch

from ifc_core.tracking.video_tracker import CONTINUE_THRESHOLD, ClipInstances, VideoTracker

SURE = (0.9, 0.1)
UNSURE = (0.2, 0.8)


def bar(left, width=10):
    """Two frames of 10 x 60 with a standing bar from column ``left`` on."""
    logits = torch.full((2, 10, 60), -20.0)
    logits[..., left : left + width] = 20.0
    return logits


def clip(start, *rows):
    """A clip of rows (mask, class probabilities)."""
    masks = torch.stack([mask for mask, _ in rows])
    probs = torch.tensor([p for _, p in rows])
    unsure = frozenset(n for n, (_, p) in enumerate(rows) if p == UNSURE)
    return ClipInstances(
        (start, start + 1), probs, masks, tuple(range(len(rows))), masks.flatten(1), unsure
    )


def test_an_unsure_one_continues_the_track_before_it():
    tracker = VideoTracker(2)
    tracker.update(clip(0, (bar(0), SURE), (bar(30), SURE)))
    found = tracker.update(clip(1, (bar(31), UNSURE), (bar(1), SURE)))
    assert found.identities == (1, 0)
    assert found.link_scores == (pytest.approx(9 / 11, abs=1e-3),) * 2
    assert [frame.instance_ids for frame in tracker.finish()] == [(0, 1)] * 3


def test_it_begins_no_track():
    tracker = VideoTracker(2)
    assert tracker.update(clip(0, (bar(0), UNSURE))).identities == ()
    found = tracker.update(clip(1, (bar(0), UNSURE), (bar(40), SURE)))
    assert found.identities == (0,)
    ((kept, _), *_) = tracker.held(2)
    assert kept.queries == (1,)
    assert kept.unsure == frozenset()
    assert kept.mask_weights.shape[0] == kept.class_probs.shape[0] == 1
    assert tracker.num_instances == 1


def test_what_is_sure_goes_first_even_where_it_fits_less():
    tracker = VideoTracker(2)
    tracker.update(clip(0, (bar(0), SURE)))
    found = tracker.update(clip(1, (bar(0), UNSURE), (bar(5), SURE)))
    assert found.identities == (0,)
    ((_, _), (kept, _)) = tracker.held(0)
    assert kept.queries == (1,)


def test_it_has_to_fit_better_than_what_is_sure():
    for left, links in ((4, True), (5, False)):  # soft IoU 6 / 14 and 5 / 15
        tracker = VideoTracker(2)
        tracker.update(clip(0, (bar(0), SURE)))
        found = tracker.update(clip(1, (bar(left), UNSURE)))
        assert bool(found.identities) is links, left
    assert 5 / 15 < CONTINUE_THRESHOLD < 6 / 14


def test_its_class_scores_do_not_count():
    tracker = VideoTracker(2)
    tracker.update(clip(0, (bar(0), SURE)))
    tracker.update(clip(1, (bar(0), UNSURE)))
    assert tracker.class_totals(0) == ([pytest.approx(0.9), pytest.approx(0.1)], 1)


def test_a_clip_keeps_its_parts_together():
    given = clip(3, (bar(0), SURE), (bar(20), UNSURE), (bar(40), SURE))
    kept = given.only([2, 1])
    assert kept.queries == (2, 1)
    assert kept.unsure == frozenset({1})
    assert torch.equal(kept.mask_logits, given.mask_logits[[2, 1]])
    assert torch.equal(kept.mask_weights, given.mask_weights[[2, 1]])
    assert given.only([0, 1, 2]) is given
