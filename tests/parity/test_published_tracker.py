"""The tracker against the published code's numbers (tracker.npz)."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ifc_core.inference.mask_output import encode_logits
from ifc_core.structures.mask import RLEMask
from ifc_core.tracking.video_tracker import ClipInstances, VideoTracker

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def fixture():
    with np.load(HERE / "data" / "tracker.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def case(fixture):
    spec = importlib.util.spec_from_file_location("ifc_weights", HERE / "ifc_weights.py")
    inputs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inputs)
    meta = json.loads(str(fixture["case0_meta"]))
    clips = inputs.make_tracker_case(meta["seed"], meta["V"], meta["T"], meta["stride"])
    assert [inputs.checksum(c["mask_logits"]) for c in clips] == meta["logits_crc32"]
    return meta, clips


@pytest.fixture(scope="module")
def tracked(case):
    meta, clips = case
    tracker = VideoTracker(meta["T"])
    identities, frames = [], []
    for clip in clips:
        instances = ClipInstances(
            tuple(clip["frame_idx"]),
            torch.from_numpy(clip["cls_probs"]),
            torch.from_numpy(clip["mask_logits"]),
        )
        identities.append(list(tracker.update(instances).identities))
        frames += tracker.release(clip["frame_idx"][0] + 1)
    frames += tracker.finish()
    return tracker, identities, frames


def test_identities_are_equal(fixture, tracked):
    assert tracked[1] == json.loads(str(fixture["case0_identity"]))


def test_class_probabilities(fixture, tracked):
    tracker = tracked[0]
    probs = np.stack([tracker.class_probs(i).numpy() for i in range(tracker.num_instances)])
    np.testing.assert_allclose(probs, fixture["case0_out_cls"], atol=1e-6)


def test_masks_are_within_two_pixels_a_frame(case, fixture, tracked):
    size = tuple(case[0]["out_size"])
    expected = json.loads(str(fixture["case0_mask_rle"]))
    assert [f.frame_index for f in tracked[2]] == list(range(case[0]["V"]))
    for frame in tracked[2]:
        for i, rows in enumerate(expected):
            mask = np.zeros(size, bool)
            if i in frame.instance_ids:
                row = frame.instance_ids.index(i)
                rle = encode_logits(frame.mask_logits[row].numpy(), size)
                mask = mask if rle is None else rle.to_array()
            wanted = RLEMask.from_coco(rows[frame.frame_index]).to_array()
            assert (mask != wanted).sum() <= 2
