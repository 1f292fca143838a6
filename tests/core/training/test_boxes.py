"""The box-based assignment and its losses: predicted boxes, not boxes of masks."""

import pytest
import torch
from torchvision.ops import box_convert, generalized_box_iou

from ifc_core.data.sample import ClipTarget
from ifc_core.training.boxes import (
    generalised_iou,
    paired_box_losses,
    pairwise_box_likeness,
    track_boxes,
)
from ifc_core.training.criterion import Criterion, LayerOutput
from ifc_core.training.matcher import AssignmentCost, HungarianMatcher
from ifc_core.training.starting import build_model
from ifc_core.training.trainer import layers_of


@pytest.fixture
def target():
    """Two tracks on 3 frames of 10 x 20; the second is absent from frame 1."""
    masks = torch.zeros(2, 3, 10, 20)
    masks[0, :, 2:6, 4:12] = 1
    masks[1, :, 5:10, 10:20] = 1
    masks[1, 1] = 0
    return ClipTarget(
        torch.zeros(2, dtype=torch.int64),
        masks,
        torch.ones(2, 3, dtype=torch.bool),
        torch.ones(3, dtype=torch.bool),
    )


def test_boxes_are_tight_and_relative(target):
    found = track_boxes(target.masks, target.valid)
    torch.testing.assert_close(found.boxes[0, 2], torch.tensor([0.4, 0.4, 0.4, 0.4]))
    torch.testing.assert_close(found.boxes[1, 0], torch.tensor([0.75, 0.75, 0.5, 0.5]))
    assert found.present.tolist() == [[True, True, True], [True, False, True]]
    unknown = target.valid.clone()
    unknown[0, 0] = False
    assert not track_boxes(target.masks, unknown).present[0, 0]


def test_generalised_iou_is_torchvisions():
    torch.manual_seed(0)
    a, b = torch.rand(6, 4) / 2 + 0.1, torch.rand(5, 4) / 2 + 0.1
    corners = [box_convert(x, "cxcywh", "xyxy") for x in (a, b)]
    torch.testing.assert_close(
        generalised_iou(a[:, None], b[None]), generalized_box_iou(*corners), atol=1e-6, rtol=1e-5
    )


def test_likeness_and_losses_count_frames_with_a_box_only(target):
    truth = track_boxes(target.masks, target.valid)
    boxes = truth.boxes.clone()
    boxes[1, 1] = torch.tensor([0.1, 0.1, 0.1, 0.1])  # absent there, so it must not matter
    likeness = pairwise_box_likeness(boxes, truth)
    torch.testing.assert_close(likeness.diagonal(), torch.full((2,), 2.0))
    assert likeness[0, 1] < 0
    for loss in paired_box_losses(boxes, truth):
        torch.testing.assert_close(loss, torch.zeros(2))
    boxes[0, 0, 0] += 0.1
    distance, miss = paired_box_losses(boxes, truth)
    assert distance[0] == pytest.approx(0.1 / 3, abs=1e-6)
    assert miss[0] > 0


def test_assignment_follows_the_predicted_boxes_and_not_the_masks(target):
    truth = track_boxes(target.masks, target.valid)
    boxes = torch.rand(1, 4, 3, 4) * 0.1
    boxes[0, 3], boxes[0, 1] = truth.boxes[0], truth.boxes[1]
    masks = torch.full((1, 4, 3, 10, 20), -8.0)
    masks[0, 0], masks[0, 2] = target.masks[0] * 16 - 8, target.masks[1] * 16 - 8
    classes = torch.zeros(1, 4, 2)
    by_box = HungarianMatcher(cost=AssignmentCost.BOX)(classes, masks, [target], boxes)[0]
    by_mask = HungarianMatcher()(classes, masks, [target], boxes)[0]
    assert (by_box.queries.tolist(), by_box.tracks.tolist()) == ([1, 3], [1, 0])
    assert (by_mask.queries.tolist(), by_mask.tracks.tolist()) == ([0, 2], [0, 1])
    with pytest.raises(ValueError, match="box head"):
        HungarianMatcher(cost=AssignmentCost.BOX)(classes, masks, [target])


def test_no_tracks_no_loss(target):
    nothing = ClipTarget(target.labels[:0], target.masks[:0], target.valid[:0], target.exhaustive)
    boxes = torch.rand(1, 4, 3, 4, requires_grad=True)
    layer = LayerOutput(torch.zeros(1, 4, 2), torch.zeros(1, 4, 3, 10, 20), boxes)
    result = Criterion(HungarianMatcher(cost=AssignmentCost.BOX))([layer], [nothing])
    result.total.backward()
    assert result.terms["loss_box"] == result.terms["loss_giou"] == 0
    assert boxes.grad.abs().max() == 0


def test_a_network_learns_its_boxes(toy_config, target):
    """The setting reaches network, assignment and losses of every decoder layer."""
    config = toy_config(matching={"cost": "box"})
    model = build_model(config)
    assert model.config.assignment == "box"
    model.train()
    criterion = Criterion(HungarianMatcher(cost=config.matching.cost))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    frames = torch.randn(1, 3, 3, 40, 80)
    losses = []
    for _ in range(12):
        result = criterion(layers_of(model(frames)), [target])
        losses.append(float(result.terms["loss_box"]))
        optimizer.zero_grad()
        result.total.backward()
        optimizer.step()
    assert {"loss_box", "loss_giou", "loss_box_0", "loss_giou_0"} <= result.terms.keys()
    assert losses[-1] < 0.7 * losses[0]
