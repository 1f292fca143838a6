"""Matching and losses against the published code's numbers (losses.npz)."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ifc_core.data.sample import ClipSample, make_target
from ifc_core.training.criterion import Criterion, LayerOutput

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def fixture():
    with np.load(HERE / "data" / "losses.npz") as arrays:
        return {name.removeprefix("case0_"): value for name, value in arrays.items()}


@pytest.fixture(scope="module")
def case(fixture):
    spec = importlib.util.spec_from_file_location("ifc_weights", HERE / "ifc_weights.py")
    inputs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inputs)
    meta = json.loads(str(fixture["meta"]))
    predictions, videos = inputs.make_loss_case(meta["seed"], tuple(meta["num_instances"]))
    checksums = [[inputs.checksum(array) for array in layer] for layer in predictions]
    assert checksums == meta["preds_crc32"]
    return predictions, [_target(frames) for frames in videos]


def _target(frames):
    """Targets of per-frame ground truth in which an absent instance has the id -1."""
    masks = np.stack([frame["gt_masks"] for frame in frames], axis=1)
    present = np.stack([frame["gt_ids"] >= 0 for frame in frames], axis=1)  # (N, T)
    classes = np.stack([frame["gt_classes"] for frame in frames], axis=1)
    labels = np.array(
        [row[seen][0] if seen.any() else 0 for row, seen in zip(classes, present, strict=True)]
    )
    pixels = np.zeros((*masks.shape[1:], 3), dtype=np.uint8)
    sample = ClipSample.fully_labelled(pixels, masks, labels.astype(np.int64))
    return make_target(sample, masks.shape[2:], stride=4)


@pytest.fixture(scope="module")
def outcome(case):
    predictions, targets = case
    layers = [
        LayerOutput(torch.tensor(c, requires_grad=True), torch.tensor(m, requires_grad=True))
        for c, m in predictions
    ]
    results = [Criterion()([layer], targets) for layer in layers]
    total = Criterion()(layers, targets)
    total.total.backward()
    return layers, total, [result.assignments for result in results]


def test_targets_are_the_published_soft_masks(fixture, case):
    _, targets = case
    assert [t.labels.tolist() for t in targets] == json.loads(str(fixture["target_labels"]))
    for number, target in enumerate(targets):
        np.testing.assert_array_equal(target.masks.numpy(), fixture[f"target_masks_{number}"])


def test_assignments_of_every_layer_are_equal(fixture, outcome):
    found = [
        [[pairs.queries.tolist(), pairs.tracks.tolist()] for pairs in layer] for layer in outcome[2]
    ]
    assert found == json.loads(str(fixture["indices"]))


def test_losses_agree(fixture, outcome):
    result = outcome[1]
    raw = json.loads(str(fixture["raw"]))
    assert set(result.terms) < set(raw)
    for name, value in result.terms.items():
        assert value.item() == pytest.approx(raw[name], rel=1e-5), name
    assert result.total.item() == pytest.approx(float(fixture["total"]), rel=1e-5)


def test_gradients_agree(fixture, outcome):
    for number, layer in enumerate(outcome[0]):
        np.testing.assert_allclose(
            layer.class_logits.grad.numpy(), fixture["grad_logits"][number], rtol=1e-4, atol=1e-7
        )
        masks = layer.mask_logits.grad.numpy()
        np.testing.assert_allclose(
            np.abs(masks).max((-1, -2)), fixture["grad_masks_absmax"][number], rtol=1e-4, atol=1e-9
        )
        np.testing.assert_allclose(
            masks.mean((-1, -2)), fixture["grad_masks_mean"][number], rtol=1e-4, atol=1e-9
        )
