"""The helps that only training has: guided queries, pixel queries and the position probe."""

import pytest
import torch

from ifc_core.data.sample import ClipTarget
from ifc_core.errors import ConfigError
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.training.guide import (
    GuidedNetwork,
    TrainingGuide,
    anchor_boxes,
    guided_losses,
    guided_targets,
)
from ifc_core.training.trainer import Trainer


def target_of(*boxes, size=(24, 32), num_frames=2):
    """A target whose tracks are rectangles (y0, y1, x0, x1), the same in each frame."""
    masks = torch.zeros(len(boxes), num_frames, *size)
    for row, (y0, y1, x0, x1) in enumerate(boxes):
        masks[row, :, y0:y1, x0:x1] = 1.0
    return ClipTarget(
        torch.zeros(len(boxes), dtype=torch.long),
        masks,
        torch.ones(len(boxes), num_frames, dtype=torch.bool),
        torch.ones(num_frames, dtype=torch.bool),
    )


def test_every_query_is_told_a_place_on_its_own_track():
    torch.manual_seed(0)
    target = target_of((2, 10, 4, 12), (14, 22, 20, 30))
    guided = guided_targets([target, target_of()], 6)
    assert guided.tracks[0].bincount().tolist() == [3, 3]
    assert guided.tracks[1].tolist() == [-1] * 6
    for (t, y, x), (cx, cy, w, h), track in zip(
        guided.pixels[0], guided.boxes[0], guided.tracks[0], strict=True
    ):
        assert target.masks[track, int(t * 2), int(y * 24), int(x * 32)] == 1
        truth = ((8 / 32, 6 / 24, 8 / 32, 8 / 24), (25 / 32, 18 / 24, 10 / 32, 8 / 24))[track]
        assert abs(cx - truth[0]) <= 0.2 * truth[2] + 1e-6
        assert abs(cy - truth[1]) <= 0.2 * truth[3] + 1e-6
        assert 0.6 * truth[2] - 1e-6 <= w <= 1.4 * truth[2] + 1e-6
        assert 0.6 * truth[3] - 1e-6 <= h <= 1.4 * truth[3] + 1e-6


def test_the_losses_vanish_for_the_right_masks_alone():
    torch.manual_seed(0)
    targets = [target_of((2, 10, 4, 12), (14, 22, 20, 30)), target_of()]
    guided = guided_targets(targets, 2)
    right = torch.zeros(2, 2, 2, 24, 32)
    right[0] = targets[0].masks[guided.tracks[0]] * 40 - 20
    focal, dice = guided_losses([right, -right], guided, targets)
    assert focal.shape == dice.shape == (2,)
    assert focal[0] < 1e-6
    assert dice[0] < 1e-3
    assert dice[1] > 0.9
    nothing = guided_losses([right[1:]], guided_targets(targets[1:], 2), targets[1:])
    assert [float(x) for x in nothing] == [0.0, 0.0]


def test_guided_queries_leave_the_output_as_it_is():
    torch.manual_seed(0)
    model = IFC(IFCConfig.preset("tiny")).eval()
    guide = TrainingGuide(model.config.hidden_dim, model.config.mask_logit_scale)
    frames = torch.randn(2, 2, 3, 64, 96)
    with torch.no_grad():
        out = GuidedNetwork(model, guide)(frames, None, torch.rand(2, 5, 4), torch.rand(2, 5, 3))
        plain = model(frames, aux=True)
    assert torch.equal(out.output.mask_logits, plain.mask_logits)
    assert torch.equal(out.output.class_logits, plain.class_logits)
    layers = model.config.num_decoder_layers
    assert [tuple(x.shape) for x in out.guided_logits] == [(2, 5, 2, 8, 12)] * (1 + layers)


def test_a_guided_run_resumes_to_the_bit_and_ships_no_guide(toy_config, toy_source):
    whole = Trainer(toy_config("whole", guided_queries=3), source=toy_source)
    expected = [report.loss for report in whole.run()]
    parts = Trainer(toy_config("parts", guided_queries=3), source=toy_source)
    reports = parts.run()
    seen = [next(reports).loss]
    parts.save_state()
    reports.close()
    resumed = Trainer(toy_config("parts", guided_queries=3), source=toy_source)
    seen += [report.loss for report in resumed.run()]
    assert seen == expected
    assert not any("guide" in name for name in resumed.averaged_weights())
    assert resumed.guide is not None
    for name, value in whole.guide.state_dict().items():
        assert torch.equal(value, resumed.guide.state_dict()[name]), name


def test_the_probe_learns_where_a_feature_lies():
    torch.manual_seed(0)
    guide = TrainingGuide(32, 1.0)
    y, x = torch.meshgrid(torch.linspace(0, 1, 6), torch.linspace(0, 1, 8), indexing="ij")
    waves = torch.pi * torch.arange(1, 5)[:, None, None]
    known = torch.cat([(waves * v).sin() for v in (y, x)] + [(waves * v).cos() for v in (y, x)])
    features = torch.zeros(1, 1, 32, 6, 8)
    features[0, 0, :16] = known
    optimizer = torch.optim.Adam(guide.probe.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        guide.position_error(features).backward()
        optimizer.step()
    assert guide.position_error(features) < 0.01
    assert guide.position_error(torch.zeros_like(features)) > 0.2


def test_anchor_boxes_cover_the_frame_at_every_size():
    boxes = anchor_boxes(37)  # four whole layers of the pyramid
    assert boxes.shape == (37, 4)
    corners = torch.cat((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), dim=1)
    assert corners.min() > -1e-6
    assert corners.max() < 1 + 1e-6
    assert torch.unique(boxes, dim=0).shape == boxes.shape
    places = torch.rand(500, 1, 2, generator=torch.manual_seed(0))
    for layer in (boxes[1:5], boxes[5:17], boxes[17:37]):
        inside = ((places - layer[:, :2]).abs() <= layer[:, 2:] / 2).all(-1)
        assert inside.any(1).all()
    assert torch.equal(anchor_boxes(40)[:37], boxes)


def test_learnt_queries_take_over_from_guided_ones():
    torch.manual_seed(0)
    model = IFC(IFCConfig.preset("tiny", query_content=True)).eval()
    guide = TrainingGuide(model.config.hidden_dim, model.config.mask_logit_scale)
    anchors = anchor_boxes(model.config.num_queries)[None]
    frames = torch.randn(1, 2, 3, 64, 96)
    changed = guide.anchor_queries(model)
    assert set(changed) == {"decoder.query_position.weight", "decoder.query_content.weight"}
    with torch.no_grad():
        told = GuidedNetwork(model, guide)(frames, None, anchors, torch.rand(1, 6, 3))
        learnt = model(frames).mask_logits
    assert torch.allclose(learnt, told.guided_logits[-1], atol=1e-5)


def test_a_stage_with_anchor_queries_sets_them_once_and_resumes_to_the_bit(toy_config, toy_source):
    stage = {"iterations": 2, "num_frames": [1], "batch_size": 4, "sizes": [[48, 64]]}
    changes = {
        "model": {"preset": "tiny", "query_content": True},
        "guided_queries": 3,
        "stages": [stage, stage | {"anchor_queries": True}],
    }
    whole = Trainer(toy_config("whole", **changes), source=toy_source)
    content = whole.model.decoder.query_content.weight
    reports, expected, moved = whole.run(), [], []
    for report in reports:
        expected.append(report.loss)
        moved.append(float(content.detach().abs().max()))
    assert moved[1] < 0.01 < 0.05 < moved[2]  # two steps of 1e-3 from 0, then the anchors
    parts = Trainer(toy_config("parts", **changes), source=toy_source)
    reports = parts.run()
    seen = [next(reports).loss for _ in range(3)]
    parts.save_state()
    reports.close()
    resumed = Trainer(toy_config("parts", **changes), source=toy_source)
    assert seen + [report.loss for report in resumed.run()] == expected


def test_anchor_queries_need_guided_ones(toy_config):
    with pytest.raises(ConfigError, match="guided_queries"):
        toy_config(stages=[{"iterations": 1, "anchor_queries": True}])
