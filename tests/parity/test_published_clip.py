"""One clip against the published code's numbers, and other clips against a plain restatement."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ifc_core.models.config import IFCConfig
from ifc_core.models.convert import convert_checkpoint
from ifc_core.models.ifc import IFC, batch_clips

HERE = Path(__file__).parent
BAR = 1e-3


def _load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


inputs = _load("ifc_weights")
plain = _load("plain_ifc")


def _shapes(depth, num_memory_tokens=8):
    shapes = inputs.load_shapes(HERE / "data" / f"official_keys_{depth}.json")
    for name in ("memory_bus", "memory_pos"):
        shapes[f"detr.transformer.{name}"] = (num_memory_tokens, 256)
    return shapes


def _published(tmp_path, depth, num_memory_tokens=8) -> tuple[dict, IFC]:
    state = inputs.fill_state_dict(_shapes(depth, num_memory_tokens))
    path = tmp_path / "published.pth"
    torch.save({"model": state, "iteration": 5999}, path)
    return state, convert_checkpoint(path).build()


@pytest.fixture(scope="module")
def published_r50(tmp_path_factory):
    return _published(tmp_path_factory.mktemp("published"), "R50")


@pytest.fixture(scope="module")
def fixture():
    with np.load(HERE / "data" / "clip_r50_T5_96x160.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def frames(fixture):
    meta = json.loads(str(fixture["meta"]))
    made = inputs.make_frames(meta["seed"], meta["T"], meta["height"], meta["width"])
    assert inputs.checksum(made) == meta["frames_crc32"]
    return made


def _worst(ours, theirs) -> float:
    return float(np.abs(np.asarray(ours, dtype=np.float64) - np.asarray(theirs)).max())


def test_clip_outputs(published_r50, fixture, frames):
    prediction = published_r50[1].predict_clip(frames)
    assert _worst(prediction.class_logits, fixture["pred_logits"]) < BAR
    assert _worst(prediction.mask_logits, fixture["pred_masks"]) < BAR


def test_clip_outputs_with_folded_batch_norm(published_r50, fixture, frames):
    model = IFC(published_r50[1].config)
    model.load_state_dict(published_r50[1].state_dict())
    folded = model.fold_batch_norm().predict_clip(frames)
    exact = published_r50[1].predict_clip(frames)
    assert _worst(folded.class_logits, exact.class_logits) < 1e-4
    assert _worst(folded.mask_logits, exact.mask_logits) < 1e-4


def test_every_stage(published_r50, fixture, frames):
    model = published_r50[1]
    with torch.inference_mode():
        normalised = model.normalize(frames)
        res3, res4, res5 = model.backbone(normalised)
        features = model.encode_frames(normalised)
        out = model.decode_clip(features)
        projected = model.input_proj(res5)
    assert _worst(res3.mean((2, 3)), fixture["res3_mean"]) < BAR
    assert _worst(res4.mean((2, 3)), fixture["res4_mean"]) < BAR
    assert _worst(res5, fixture["res5"].astype(np.float32)) < 0.02  # stored as float16
    assert _worst(projected, fixture["input_proj"]) < BAR
    code = features.position[0].T.reshape(256, *features.grid_size)
    assert _worst(code, fixture["pos_frame0"]) < 1e-5
    assert _worst(out.tokens[0].transpose(0, 1), fixture["encoder_tokens"]) < BAR
    assert _worst(out.memory[0].transpose(0, 1), fixture["encoder_bus"]) < BAR
    assert _worst(out.query_embeddings[0], fixture["decoder_out"]) < BAR


def test_number_of_parameters(published_r50):
    model = published_r50[1]
    frozen = sum(p.numel() for n, p in model.named_parameters() if ".bn" in n or "sample.1" in n)
    assert sum(p.numel() for p in model.parameters()) - frozen == 39_148_009


@pytest.mark.parametrize(
    ("length", "height", "width"), [(1, 40, 72), (2, 97, 161), (3, 33, 31), (7, 64, 48)]
)
def test_other_sizes_and_lengths(published_r50, length, height, width):
    state, model = published_r50
    clip = inputs.make_frames(length, length, height, width)
    with torch.inference_mode():
        classes, masks = plain.run(state, model.normalize(clip))
    prediction = model.predict_clip(clip)
    assert prediction.mask_logits.shape[-2:] == (-(-height // 8), -(-width // 8))
    assert _worst(prediction.class_logits, classes) < BAR
    assert _worst(prediction.mask_logits, masks) < BAR


def test_the_longest_clip(published_r50):
    state, model = published_r50
    clip = inputs.make_frames(36, 36, 40, 64)
    with torch.inference_mode():
        classes, masks = plain.run(state, model.normalize(clip))
    prediction = model.predict_clip(clip)
    assert _worst(prediction.class_logits, classes) < BAR
    assert _worst(prediction.mask_logits, masks) < BAR


def test_padded_batch_of_unequal_clips(published_r50):
    state, model = published_r50
    sizes = [(70, 100), (96, 65), (41, 130)]
    clips = [model.normalize(inputs.make_frames(i, 2, *size)) for i, size in enumerate(sizes)]
    batch, padding = batch_clips(clips)
    assert batch.shape == (3, 2, 3, 96, 130)
    with torch.inference_mode():
        out = model(batch, padding)
        for index, size in enumerate(sizes):
            classes, masks = plain.run(state, batch[index], valid_size=size)
            assert _worst(out.class_logits[index], classes) < BAR
            assert _worst(out.mask_logits[index], masks) < BAR


def test_r101_takes_bgr_and_strides_early(tmp_path):
    state, model = _published(tmp_path, "R101")
    assert model.config.color_order == "bgr"
    clip = inputs.make_frames(5, 2, 72, 104)
    mean = torch.tensor([103.53, 116.28, 123.675])
    bgr = torch.from_numpy(clip[..., ::-1].copy()).float() - mean
    with torch.inference_mode():
        classes, masks = plain.run(state, bgr.permute(0, 3, 1, 2), stride_in_1x1=True)
    prediction = model.predict_clip(clip)
    assert _worst(prediction.class_logits, classes) < BAR
    assert _worst(prediction.mask_logits, masks) < BAR


def test_32_memory_tokens(tmp_path):
    state, model = _published(tmp_path, "R50", num_memory_tokens=32)
    assert model.config == IFCConfig(num_memory_tokens=32)
    assert model.categories[0].name == "airplane"  # YTVIS 2021
    clip = inputs.make_frames(6, 4, 64, 96)
    with torch.inference_mode():
        classes, masks = plain.run(state, model.normalize(clip))
    prediction = model.predict_clip(clip)
    assert _worst(prediction.class_logits, classes) < BAR
    assert _worst(prediction.mask_logits, masks) < BAR
