"""The loss that teaches early maps to know places again."""

import dataclasses

import pytest
import torch

from ifc_core.data.sample import BatchTargets, ClipTarget
from ifc_core.errors import ConfigError
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.training.place_matching import early_maps, matching_loss, place_labels
from ifc_core.training.trainer import Trainer


def targets_of(*masks):
    """One clip of two frames at 1/4, every track known."""
    stacked = torch.stack(masks).float()
    labels = torch.zeros(len(masks), dtype=torch.long)
    valid = torch.ones(len(masks), 2, dtype=torch.bool)
    return BatchTargets.of([ClipTarget(labels, stacked, valid, torch.ones(2, dtype=torch.bool))])


def square(x, size=(16, 24)):
    """(2, h, w): a square that moves by 4 cells from frame to frame."""
    mask = torch.zeros(2, *size)
    mask[0, 4:12, x : x + 8] = 1
    mask[1, 4:12, x + 4 : x + 12] = 1
    return mask


def maps_that_say(mask, noise=0.05):
    """Res2 and res3 whose values are what the mask says, and noise."""
    torch.manual_seed(0)
    fine = mask[:, None] + noise * torch.randn(2, 8, *mask.shape[-2:])
    coarse = torch.nn.functional.avg_pool2d(fine, 2)
    return [fine, coarse + noise * torch.randn_like(coarse)]


def test_maps_that_know_the_object_again_have_a_lower_loss():
    mask = square(2)
    targets = targets_of(mask)
    right = matching_loss(maps_that_say(mask), targets)
    wrong = matching_loss(maps_that_say(torch.zeros_like(mask)), targets)
    assert right < 0.3
    assert wrong > 2 * right


def test_training_on_it_separates_two_things():
    torch.manual_seed(0)
    model = IFC(IFCConfig.preset("tiny")).train()
    first, second = square(0), square(12)
    targets = targets_of(first, second)
    frames = torch.zeros(2, 3, 64, 96)
    grow = torch.nn.functional.interpolate
    for channel, mask in enumerate((first, second)):
        frames[:, channel] = 3 * grow(mask[None], size=(64, 96))[0]
    frames += 0.3 * torch.randn_like(frames)
    optimizer = torch.optim.Adam(model.backbone.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        with early_maps(model.backbone) as maps:
            model.backbone(frames)
        loss = matching_loss(maps, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < 0.7 * losses[0]


def test_a_track_that_one_frame_hides_is_not_asked_for():
    mask = square(2)
    mask[1] = 0
    loss = matching_loss(maps_that_say(mask), targets_of(mask))
    assert torch.isfinite(loss)
    assert loss < 0.3  # the ground alone is asked for, and it is easy


def test_ground_of_frames_that_are_not_exhaustive_is_not_asked_for():
    mask = square(2)
    whole = targets_of(mask)
    partly = dataclasses.replace(whole, exhaustive=torch.zeros(1, 2, dtype=torch.bool))
    maps = maps_that_say(torch.zeros_like(mask))
    maps[0][:, :, :, :12] += 3 * torch.randn(2, 8, 16, 12)  # ground that cannot be known again
    unknown = dataclasses.replace(partly, valid=torch.zeros(1, 1, 2, dtype=torch.bool))
    assert matching_loss(maps, unknown) == 0
    assert matching_loss(maps, partly) != matching_loss(maps, whole)


def test_shares_of_a_place_sum_to_one():
    mask = square(2)
    shares = place_labels(targets_of(mask, mask), (8, 12))
    assert torch.allclose(shares.sum(-1), torch.ones(1, 2, 96))
    assert shares[..., 1:].amax() == pytest.approx(0.5)


def test_hooks_are_gone_afterwards():
    model = IFC(IFCConfig.preset("tiny")).eval()
    with early_maps(model.backbone) as maps:
        model.backbone(torch.zeros(1, 3, 64, 64))
    assert [tuple(m.shape[-2:]) for m in maps] == [(16, 16), (8, 8)]
    model.backbone(torch.zeros(1, 3, 64, 64))
    assert len(maps) == 2


def test_a_run_reports_the_term(toy_config, toy_source):
    stage = {"iterations": 2, "num_frames": [2], "batch_size": 2, "sizes": [[48, 64]]}
    config = toy_config(guided_queries=2, matching_weight=0.5, stages=[stage])
    reports = list(Trainer(config, source=toy_source).run())
    assert all(report.terms["loss_matching"] > 0 for report in reports)


def test_without_guided_queries_it_is_refused(toy_config):
    with pytest.raises(ConfigError, match="guided_queries"):
        toy_config(matching_weight=0.5)
