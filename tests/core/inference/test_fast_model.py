"""The fast copy of the network computes what the network computes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ifc_core.errors import ConfigError
from ifc_core.inference import fast_model as module
from ifc_core.inference.fast_model import choose_dtype, fast_model
from ifc_core.inference.split_decoder import SplitSpatialDecoder, UpsampledConv


@pytest.mark.parametrize("height", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_convolution_of_an_upsampled_map(height, width):
    conv = nn.Conv2d(3, 4, 3, padding=1)
    with torch.inference_mode():
        x = torch.randn(2, 3, -(-height // 2), -(-width // 2))
        base = torch.randn(2, 4, height, width)
        large = F.interpolate(x, size=(height, width), mode="nearest")
        expected = base + F.conv2d(large, conv.weight, padding=1)
        torch.testing.assert_close(UpsampledConv(conv)(x, base), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(64, 96), (50, 70), (33, 40), (24, 31)])
def test_split_decoder_equals_the_whole(tiny_model, size):
    whole, split = tiny_model.spatial_decoder, SplitSpatialDecoder(tiny_model.spatial_decoder)
    grid = {s: tuple(-(-side // s) for side in size) for s in (8, 16, 32)}
    channels = tiny_model.backbone.channels
    with torch.inference_mode():
        encoded = torch.randn(2, 32, *grid[32])
        res4, res3 = torch.randn(2, channels[1], *grid[16]), torch.randn(2, channels[0], *grid[8])
        expected = whole(encoded, whole.lateral4(res4), whole.lateral3(res3))
        found = split(encoded, split.lateral4(res4), split.lateral3(res3))
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def outputs(model, frames):
    with torch.inference_mode():
        out = model.decode_clip(model.encode_frames(model.normalize(frames)))
        masks = model.mask_logits(out.mask_weights, out.mask_features)
        return out.class_logits.softmax(-1), masks


def test_float32_copy_is_exact_to_rounding(tiny_model, scene):
    probs, masks = outputs(tiny_model, scene[:3])
    fast_probs, fast_masks = outputs(fast_model(tiny_model), scene[:3])
    torch.testing.assert_close(fast_probs, probs, atol=1e-5, rtol=0)
    torch.testing.assert_close(fast_masks, masks, atol=1e-4, rtol=0)


def test_low_precision_stays_close(tiny_model, scene):
    probs, masks = outputs(tiny_model, scene[:3])
    fast_probs, fast_masks = outputs(fast_model(tiny_model, torch.bfloat16), scene[:3])
    assert fast_probs.dtype == fast_masks.dtype == torch.float32
    assert (fast_probs - probs).abs().max() < 0.03
    assert ((fast_masks > 0) == (masks > 0)).float().mean() > 0.98
    assert not torch.equal(fast_masks, masks)


@pytest.mark.parametrize("size", [(64, 96), (50, 71)])
def test_what_is_made_for_a_gpu_computes_the_same(tiny_model, scene, size):
    frames = scene[:3, : size[0], : size[1]]
    probs, masks = outputs(tiny_model, frames)
    exact_probs, exact_masks = outputs(fast_model(tiny_model, for_gpu=True), frames)
    torch.testing.assert_close(exact_probs, probs, atol=1e-5, rtol=0)
    torch.testing.assert_close(exact_masks, masks, atol=1e-4, rtol=0)
    low_probs, low_masks = outputs(fast_model(tiny_model, torch.bfloat16, for_gpu=True), frames)
    assert low_probs.dtype == low_masks.dtype == torch.float32
    assert 0 < (low_probs - probs).abs().max() < 0.05
    assert ((low_masks > 0) == (masks > 0)).float().mean() > 0.97


def test_attention_is_lowered_for_a_gpu_only(tiny_model):
    kinds = {
        for_gpu: {
            parameter.dtype
            for layer in fast_model(tiny_model, torch.bfloat16, for_gpu).encoder.frame_layers
            for parameter in layer.attention.parameters()
        }
        for for_gpu in (False, True)
    }
    assert kinds == {False: {torch.float32}, True: {torch.bfloat16}}


def test_precision_by_name(tiny_model, monkeypatch):
    assert choose_dtype(tiny_model, "fp32") == torch.float32
    assert choose_dtype(tiny_model, "bf16") == torch.bfloat16
    for bad in ("fp16", "fp8"):
        with pytest.raises(ConfigError):
            choose_dtype(tiny_model, bad)


@pytest.mark.parametrize(
    ("native", "difference", "expected"),
    [
        (None, 0.0, torch.float32),
        (torch.bfloat16, 0.0, torch.bfloat16),
        (torch.bfloat16, 0.2, torch.float32),
    ],
)
def test_auto_needs_the_hardware_and_a_passed_check(
    tiny_model, monkeypatch, native, difference, expected
):
    monkeypatch.setattr(module, "_native_low_precision", lambda device: native)
    monkeypatch.setattr(module, "_CHECKED", {})
    asked = []
    monkeypatch.setattr(module, "_check_difference", lambda *_: asked.append(1) or difference)
    assert choose_dtype(tiny_model, "auto") == expected
    assert choose_dtype(tiny_model, "auto") == expected
    assert len(asked) == (native is not None)


def test_the_check_compares_real_outputs(tiny_model):
    difference = module._check_difference(tiny_model, torch.bfloat16)
    assert 0 < difference < 0.05
