"""Losses with partial labels, and the assignment."""

import numpy as np
import torch

from ifc_core.data.sample import BatchTargets, ClipSample, make_target
from ifc_core.training.criterion import Criterion, LayerOutput, unreviewed_queries
from ifc_core.training.matcher import HungarianMatcher

SIZE = (64, 96)


def square(y, x, num_frames=2, side=16):
    mask = np.zeros((num_frames, *SIZE), dtype=np.bool_)
    mask[:, y : y + side, x : x + side] = True
    return mask


ANIMALS = [square(8, 8), square(8, 40), square(8, 72), square(40, 8), square(40, 40)]


def sample(masks, *, valid=None, exhaustive=(True, True)):
    masks = np.stack(masks) if masks else np.zeros((0, 2, *SIZE), dtype=np.bool_)
    count = len(masks)
    return ClipSample(
        frames=np.zeros((2, *SIZE, 3), dtype=np.uint8),
        masks=masks,
        labels=np.zeros(count, dtype=np.int64),
        valid=np.ones((count, 2), dtype=np.bool_) if valid is None else np.array(valid),
        exhaustive=np.array(exhaustive),
    )


def logits_for(masks, num_queries):
    """Confident mask logits at 1/4 of ``masks``; other queries are empty."""
    out = torch.full((1, num_queries, 2, SIZE[0] // 4, SIZE[1] // 4), -8.0)
    for row, mask in enumerate(masks):
        out[0, row][torch.from_numpy(mask[:, ::4, ::4].copy())] = 8.0
    return out


def class_gradient(target, num_queries=8):
    """How the losses would change each query's (object, no-object) logits."""
    classes = torch.zeros(1, num_queries, 2, requires_grad=True)
    masks = logits_for(ANIMALS, num_queries)
    Criterion()([LayerOutput(classes, masks)], [target]).total.backward()
    return classes.grad[0]


def test_four_unlabelled_animals_are_not_taught_away():
    target = make_target(sample(ANIMALS[:1], exhaustive=(False, False)), SIZE, 4)
    gradient = class_gradient(target)
    assert gradient[0, 0] < 0, "the labelled animal is taught as an object"
    torch.testing.assert_close(gradient[1:5], torch.zeros(4, 2))


def test_the_same_animals_are_taught_away_where_the_frames_are_exhaustive():
    target = make_target(sample(ANIMALS[:1]), SIZE, 4)
    gradient = class_gradient(target)
    assert (gradient[1:5, 1] < 0).all(), "no-object gains where everything is annotated"


def test_training_with_one_label_keeps_the_other_animals():
    """Ten steps of gradient descent: exhaustive labels suppress the four, partial ones do not."""
    confidence = {}
    for exhaustive in (True, False):
        target = make_target(sample(ANIMALS[:1], exhaustive=(exhaustive,) * 2), SIZE, 4)
        classes = torch.full((1, 5, 2), 0.0)
        classes[..., 0] = 2.0
        classes.requires_grad_(True)
        step = torch.optim.SGD([classes], lr=5.0)
        for _ in range(10):
            step.zero_grad()
            layer = LayerOutput(classes, logits_for(ANIMALS, 5))
            Criterion()([layer], [target]).total.backward()
            step.step()
        confidence[exhaustive] = classes.detach().softmax(-1)[0, 1:, 0]
    assert (confidence[False] > 0.85).all()
    assert (confidence[True] < 0.5).all()


def test_a_second_query_on_a_labelled_animal_is_taught_away():
    target = make_target(sample(ANIMALS[:1], exhaustive=(False, False)), SIZE, 4)
    twice = logits_for([ANIMALS[0], ANIMALS[0]], 3)[0]
    assert unreviewed_queries(twice[None], BatchTargets.of([target]))[0].tolist() == [
        False,
        False,
        True,
    ]


def test_unknown_frames_of_a_track_carry_no_mask_loss():
    wrong_later = ANIMALS[0].copy()
    wrong_later[1] = ANIMALS[4][1]
    target = make_target(
        sample([ANIMALS[0]], valid=[[True, False]], exhaustive=(True, False)), SIZE, 4
    )
    for mask in (ANIMALS[0], wrong_later):
        masks = logits_for([mask], 3).requires_grad_(True)
        result = Criterion()([LayerOutput(torch.zeros(1, 3, 2), masks)], [target])
        result.total.backward()
        assert result.terms["loss_dice"] < 0.01
        assert masks.grad[0, 0, 1].abs().max() == 0


def test_a_track_that_was_seen_to_be_absent_is_pushed_away_there():
    absent_later = ANIMALS[0].copy()
    absent_later[1] = False
    target = make_target(sample([absent_later]), SIZE, 4)
    masks = logits_for([ANIMALS[0]], 3).requires_grad_(True)
    Criterion()([LayerOutput(torch.zeros(1, 3, 2), masks)], [target]).total.backward()
    assert masks.grad[0, 0, 1].max() > 0


def test_a_clip_without_objects_teaches_no_object_only():
    target = make_target(sample([]), SIZE, 4)
    classes = torch.zeros(1, 4, 2, requires_grad=True)
    masks = logits_for([], 4).requires_grad_(True)
    result = Criterion()([LayerOutput(classes, masks)], [target])
    result.total.backward()
    assert result.terms["loss_mask"] == 0
    assert (classes.grad[0, :, 1] < 0).all()
    assert masks.grad.abs().max() == 0


def test_assignment_follows_geometry():
    target = make_target(sample([ANIMALS[4], ANIMALS[1]]), SIZE, 4)
    matcher = HungarianMatcher()
    pairs = matcher(torch.zeros(1, 5, 2), logits_for(ANIMALS, 5), [target])[0]
    assert dict(zip(pairs.queries.tolist(), pairs.tracks.tolist(), strict=True)) == {1: 1, 4: 0}


def test_assignment_weighs_class_against_shape():
    target = make_target(sample([ANIMALS[0]]), SIZE, 4)
    classes = torch.zeros(1, 2, 2)
    classes[0, 1, 0] = 10.0
    near = [ANIMALS[0], square(8, 8, side=20)]
    assert HungarianMatcher(1.0)(classes, logits_for(near, 2), [target])[0].queries.tolist() == [1]
    assert HungarianMatcher(9.0)(classes, logits_for(near, 2), [target])[0].queries.tolist() == [0]
