"""Products of 8-bit numbers stand for those of floats."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ifc_core.errors import ConfigError
from ifc_core.inference import fast_model as fast_module
from ifc_core.inference import int8_layers as module
from ifc_core.inference.fast_model import choose_dtype, fast_model, float_dtype, has_precision
from ifc_core.inference.int8_layers import Int8Conv, Int8Linear, Uint8Code, has_int8_kernels
from ifc_core.inference.int8_model import SeenRanges, _max_pool, range_clip
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.run_setup import precision_to_go_on
from ifc_core.inference.settings import ProposeSettings

needs_kernels = pytest.mark.skipif(
    not has_int8_kernels(), reason="PyTorch has no 8-bit kernels on this processor"
)
CPU = torch.device("cpu")


@pytest.mark.parametrize(("low", "high"), [(0.0, 3.0), (-1.0, 3.0), (-2.0, -1.0), (0.5, 2.0)])
def test_codes_are_half_a_step_off_at_most(low, high):
    code = Uint8Code.for_range(low, high)
    values = torch.linspace(low, high, 1001)
    assert (code.decode(code.encode(values)) - values).abs().max() <= 0.5001 * code.scale
    assert code.decode(code.encode(torch.zeros(1))).item() == 0.0  # padding must be exact
    beyond = code.decode(code.encode(torch.tensor([low - 9, high + 9])))
    torch.testing.assert_close(beyond, torch.tensor([min(low, 0), max(high, 0)]), atol=0.02, rtol=0)


def test_a_range_of_nothing_has_a_code():
    assert Uint8Code.for_range(0.0, 0.0).encode(torch.zeros(3)).tolist() == [0, 0, 0]


def plain_weight(layer):
    """What the 8-bit weights stand for."""
    return layer._levels.float() * layer._scales.view(-1, *[1] * (layer._levels.dim() - 1))


def random_case(size, stride, low):
    conv = nn.Conv2d(16, 24, size, stride, padding=size // 2).requires_grad_(False)
    x = torch.rand(2, 16, 13, 18) * (3.0 - low) + low
    code = Uint8Code.for_range(low, 3.0)
    return conv, code, code.encode(x).contiguous(memory_format=torch.channels_last)


@needs_kernels
@pytest.mark.parametrize("low", [0.0, -1.5])
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (3, 2), (7, 2), (2, 1)])
def test_convolution_of_codes_is_exact(size, stride, low):
    conv, code, codes = random_case(size, stride, low)
    ours = Int8Conv.of(conv, code)
    weight = plain_weight(ours)
    assert (weight - conv.weight).abs().max() <= 0.51 * ours._scales.max()
    exact = F.conv2d(code.decode(codes), weight, conv.bias, stride, size // 2)
    torch.testing.assert_close(ours.to_float(codes, torch.float32), exact, atol=1e-4, rtol=1e-4)
    low_float = ours.to_float(codes, torch.bfloat16, relu=True)
    assert low_float.dtype == torch.bfloat16
    torch.testing.assert_close(low_float.float(), exact.relu(), atol=0.02, rtol=0.01)
    result = Uint8Code.for_range(float(exact.min()), float(exact.max()))
    again = result.decode(ours.to_codes(codes, result))
    assert (again - exact).abs().max() <= 0.51 * result.scale


@needs_kernels
@pytest.mark.parametrize("first", [(1, 2, 3), (2, 13, 18), (5, 40, 61)])
def test_a_shape_that_changes_is_no_matter_and_packs_no_weights_anew(first):
    conv, code, codes = random_case(3, 1, -1.0)
    ours = Int8Conv.of(conv, code)
    shapes = [(n, 16, height, width) for n, height, width in (first, (5, 40, 61), (1, 1, 1))]
    ours.to_float(torch.zeros(shapes[0], dtype=torch.uint8), torch.float32)
    packed = ours._packed
    weight = plain_weight(ours)
    for given in (codes, codes[:1], *(torch.randint(0, 256, shape).byte() for shape in shapes)):
        exact = F.conv2d(code.decode(given), weight, conv.bias, 1, 1)
        torch.testing.assert_close(ours.to_float(given, torch.float32), exact, atol=1e-4, rtol=1e-4)
    assert ours._packed is packed


@needs_kernels
def test_sum_with_a_shortcut():
    conv, code, codes = random_case(3, 1, 0.0)
    ours = Int8Conv.of(conv, code)
    other_code = Uint8Code.for_range(-2.0, 2.0)
    other = other_code.encode(torch.rand(2, 24, 13, 18) * 4 - 2)
    other = other.contiguous(memory_format=torch.channels_last)
    alone = ours.to_float(codes, torch.float32)
    exact = (alone + other_code.decode(other)).relu()
    result = Uint8Code.for_range(0.0, float(exact.max()))
    found = result.decode(ours.add_relu(codes, other, other_code, result))
    assert (found - exact).abs().max() <= 0.51 * result.scale


@needs_kernels
def test_linear_layer_of_codes_is_exact():
    linear = nn.Linear(32, 48).requires_grad_(False)
    code = Uint8Code.for_range(-1.0, 2.0)
    ours = Int8Linear(linear, code)
    packed = None
    for rows in (7, 20, 1, 3000):
        codes = code.encode(torch.rand(rows, 32) * 3 - 1)
        exact = F.linear(code.decode(codes), plain_weight(ours), linear.bias)
        torch.testing.assert_close(ours.to_float(codes), exact, atol=1e-4, rtol=1e-4)
        result = Uint8Code.for_range(0.0, float(exact.max()))
        found = result.decode(ours.relu_to_codes(codes, result))
        assert (found - exact.relu()).abs().max() <= 0.51 * result.scale
        packed = ours._packed if packed is None else packed
        assert ours._packed is packed


def test_only_plain_convolutions_have_an_8_bit_kind():
    code = Uint8Code(1.0, 0)
    for conv in (nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 3, dilation=2)):
        with pytest.raises(ValueError, match="plain"):
            Int8Conv.of(conv, code)


@pytest.mark.parametrize("size", [(12, 20), (13, 20), (12, 7), (1, 1), (2, 3), (300, 301)])
def test_largest_codes(size):
    codes = torch.randint(0, 256, (1, 2, *size), dtype=torch.uint8)
    expected = F.max_pool2d(codes.float(), 3, 2, 1)
    assert torch.equal(_max_pool(codes).float(), expected)


def test_weights_are_smaller_where_the_processor_adds_in_16_bits(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "_sums_are_exact", lambda most: asked.append(most) or most == 63)
    module._exact_levels.cache_clear()
    try:
        assert module.weight_levels() == 63
        assert has_int8_kernels()
        assert asked == [127, 63]
        conv = nn.Conv2d(4, 4, 3)
        assert Int8Conv.of(conv, Uint8Code(1.0, 0))._levels.abs().max() == 63
        monkeypatch.setattr(module, "_sums_are_exact", lambda most: False)
        module._exact_levels.cache_clear()
        assert not has_int8_kernels()
    finally:
        module._exact_levels.cache_clear()


def test_kernels_that_are_not_there_are_no_error(monkeypatch):
    monkeypatch.setattr(module.torch.ops, "onednn", object(), raising=False)
    assert not module._sums_are_exact(127)


def test_ranges_are_those_of_all_that_was_seen():
    conv = nn.Conv2d(1, 1, 1, bias=False).requires_grad_(False)
    conv.weight.fill_(2.0)
    ranges = SeenRanges()
    with ranges.watching(nn.ModuleDict({"first": conv})):
        conv(torch.tensor([[[[1.0]]], [[[3.0]]]]))
        conv(torch.tensor([[[[-1.0]]]]))
    conv(torch.tensor([[[[100.0]]]]))  # not watched any more
    again = copy.deepcopy(conv)
    codes = ranges.codes_of(nn.ModuleDict({"second": again}))
    assert codes.given == codes.result == {}  # of another name
    codes = ranges.codes_of(nn.ModuleDict({"first": again}))
    assert codes.given[again] == Uint8Code.for_range(-1.0, 3.0)
    assert codes.result[again] == Uint8Code.for_range(-2.0, 6.0)


def test_the_clip_that_ranges_are_taken_from():
    assert tuple(range_clip(64).shape) == (5, 64, 114, 3)
    assert tuple(range_clip(720).shape[:2]) == (5, 216)
    assert range_clip(64).dtype == torch.uint8


@needs_kernels
def test_ranges_are_looked_for_once_a_model(tiny_model, monkeypatch):
    monkeypatch.setattr(fast_module, "_RANGES", {})
    looked = []
    see = fast_module.see_ranges
    monkeypatch.setattr(fast_module, "see_ranges", lambda *a: looked.append(1) or see(*a))
    frames = range_clip(64)
    first, second = (outputs(fast_model(tiny_model, torch.int8), frames) for _ in range(2))
    assert looked == [1]
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one, other)


def outputs(model, frames):
    with torch.inference_mode():
        out = model.decode_clip(model.encode_frames(model.normalize(frames)))
        masks = model.mask_logits(out.mask_weights, out.mask_features)
        return out.class_logits.softmax(-1), masks


@needs_kernels
@pytest.mark.parametrize("native", [None, torch.bfloat16])
@pytest.mark.parametrize("size", [(64, 96), (50, 71)])
def test_the_network_stays_close(tiny_model, scene, monkeypatch, size, native):
    monkeypatch.setattr(fast_module, "_native_low_precision", lambda device: native)
    frames = scene[:3, : size[0], : size[1]]
    probs, masks = outputs(tiny_model, frames)
    fast_probs, fast_masks = outputs(fast_model(tiny_model, torch.int8), frames)
    assert fast_probs.dtype == fast_masks.dtype == torch.float32
    assert 0 < (fast_probs - probs).abs().max() < 0.1
    assert ((fast_masks > 0) == (masks > 0)).float().mean() > 0.95


@needs_kernels
def test_a_run_in_8_bits(tiny_model, scene):
    settings = ProposeSettings(
        clip_length=3, score_threshold=0.0, edges="off", lookahead=0, precision="fp32"
    )
    exact = predict_video(tiny_model, enumerate(scene[:6]), settings)
    areas = [sum(m.rle.area for m in frame.masks) for frame in exact]
    quick = predict_video(
        tiny_model,
        enumerate(scene[:6]),
        ProposeSettings(**settings.to_json() | {"precision": "int8"}),
    )
    found = [sum(m.rle.area for m in frame.masks) for frame in quick]
    assert quick.checkpoint().precision == "int8"
    assert len(found) == len(areas) == 6
    assert found == pytest.approx(areas, rel=0.2)


def test_where_it_can_be_asked_for(tiny_model, monkeypatch):
    monkeypatch.setattr(fast_module, "has_int8_kernels", lambda: True)
    assert choose_dtype(tiny_model, "int8") == torch.int8
    assert not has_precision(torch.device("cuda"), "int8")
    monkeypatch.setattr(fast_module, "has_int8_kernels", lambda: False)
    with pytest.raises(ConfigError, match="does not have on this processor; choose fp32 or auto"):
        choose_dtype(tiny_model, "int8")
    notices: list[str] = []
    assert precision_to_go_on(CPU, "int8", notices) == "fp32"
    assert "begun in int8" in notices[0]


def test_what_stays_in_floats(monkeypatch):
    for native, expected in ((None, torch.float32), (torch.bfloat16, torch.bfloat16)):
        monkeypatch.setattr(fast_module, "_native_low_precision", lambda device, n=native: n)
        assert float_dtype("int8", CPU) == expected
    assert float_dtype("fp32", CPU) == torch.float32
    assert float_dtype("fp16", CPU) == torch.float16
