"""A whole video against the published code's numbers (video_V11_T5_s1.npz)."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from ifc_core.inference.predictor import predict_video
from ifc_core.inference.results import result_rows
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.published_names import published_to_ours
from ifc_core.structures.mask import RLEMask

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def inputs():
    spec = importlib.util.spec_from_file_location("ifc_weights", HERE / "ifc_weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fixture():
    with np.load(HERE / "data" / "video_V11_T5_s1.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def predicted(inputs, fixture):
    meta = json.loads(str(fixture["meta"]))
    state = inputs.fill_state_dict(inputs.load_shapes(HERE / "data" / "official_keys_R50.json"))
    inputs.bias_no_object(state, meta["no_object_bias"])
    model = IFC(IFCConfig()).eval()
    del state["criterion.empty_weight"]
    model.load_state_dict({published_to_ours(name): tensor for name, tensor in state.items()})
    frames = inputs.make_frames(meta["seed"], meta["V"], meta["height"], meta["width"])
    assert inputs.checksum(frames) == meta["frames_crc32"]
    settings = ProposeSettings(
        clip_length=meta["T"],
        clip_stride=meta["clip_stride"],
        short_side=meta["height"],
        score_threshold=0.0,
        precision="fp32",
    )
    run = predict_video(model, enumerate(frames), settings, output_size=tuple(meta["out_size"]))
    results = list(run)
    return meta, results, run.instances


def test_identities_are_as_many_and_every_frame_comes(fixture, predicted):
    meta, results, instances = predicted
    assert [r.frame_index for r in results] == list(range(meta["V"]))
    assert [i.instance_id for i in instances] == list(range(len(fixture["out_cls"])))
    probs = np.array([i.class_probs for i in instances])
    np.testing.assert_allclose(probs, fixture["out_cls"], atol=1e-4)


def test_result_rows_have_the_published_labels_and_scores(fixture, predicted):
    meta, _, instances = predicted
    rows = result_rows(instances, meta["apply_cls_thres"])
    assert [r.instance_id for r in rows] == fixture["row_instance"].tolist()
    assert [r.label for r in rows] == fixture["pred_labels"].tolist()
    np.testing.assert_allclose([r.score for r in rows], fixture["pred_scores"], atol=1e-4)


def test_masks_overlap_by_99_percent(fixture, predicted):
    meta, results, _ = predicted
    expected = json.loads(str(fixture["mask_rle"]))
    found = {(r.frame_index, m.instance_id): m.rle for r in results for m in r.masks}
    empty = RLEMask.empty(tuple(meta["out_size"]))
    for instance, row in enumerate(expected):
        for frame, coco in enumerate(row):
            wanted = RLEMask.from_coco(coco)
            mask = found.get((frame, instance), empty)
            assert wanted.area == mask.area == 0 or wanted.iou(mask) >= 0.99
