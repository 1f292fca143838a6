"""Recorded rows against attention computed apart from the network's own kernels."""

import numpy as np
import pytest
import torch

from ifc_core.models.attention import attend_clip, record_attention
from ifc_core.models.attention_rows import heat_map, mask_coverage, rank_memory_tokens
from ifc_core.models.layers import MultiHeadAttention

TOLERANCE = 1e-5


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (3, 70, 100, 3), dtype=np.uint8)


@pytest.fixture
def attended(make_model, frames):
    return attend_clip(make_model(num_memory_tokens=4), frames)[1]


def test_shapes(attended):
    assert attended.grid_size == (3, 4)
    assert [a.shape for a in attended.encode_receive] == [(3, 4, 16, 16)] * 2
    assert [a.shape for a in attended.gather_communicate] == [(4, 4, 3, 3)] * 2
    assert [a.shape for a in attended.decoder] == [(4, 6, 3 * 12 + 3 * 4)] * 2


def test_rows_sum_to_one_with_memory_columns(attended):
    for rows in (*attended.encode_receive, *attended.gather_communicate, *attended.decoder):
        np.testing.assert_allclose(rows.sum(-1), 1, atol=1e-5)
    token = attended.memory_to_pixels(1, 2, 3).sum() + attended.memory_to_memory(1, 2, 3).sum()
    pixel = (
        attended.pixel_to_pixels(0, 1, (2, 3)).sum() + attended.pixel_to_memory(0, 1, (2, 3)).sum()
    )
    query = attended.query_to_pixels(1, 5, 0).sum() + attended.query_to_memory(1, 5, 0).sum()
    np.testing.assert_allclose([token, pixel, query], 1, atol=1e-5)
    np.testing.assert_allclose(attended.memory_over_time(0, 1, 2).sum(1), 1, atol=1e-5)


def _plain_rows(module, inputs):
    """Softmax rows from the inputs of an attention module, head by head, in float64."""
    query, key = (x.detach().double().numpy() for x in inputs[:2])
    weight = module.in_proj_weight.detach().double().numpy()
    bias = module.in_proj_bias.detach().double().numpy()
    dim, heads = query.shape[-1], module.num_heads
    q = (query @ weight[:dim].T + bias[:dim]).reshape(*query.shape[:2], heads, -1)
    k = (key @ weight[dim : 2 * dim].T + bias[dim : 2 * dim]).reshape(*key.shape[:2], heads, -1)
    rows = np.exp(np.einsum("nihd,njhd->nhij", q, k) / np.sqrt(dim / heads))
    return rows / rows.sum(-1, keepdims=True)


def test_rows_equal_a_plain_softmax(make_model, frames):
    model = make_model(num_memory_tokens=4)
    seen = {}

    def watch(name):
        def hook(module, inputs, _):
            seen[name] = _plain_rows(module, inputs)

        return hook

    hooks = [
        module.register_forward_hook(watch(name))
        for name, module in model.named_modules()
        if isinstance(module, MultiHeadAttention)
    ]
    attention = attend_clip(model, frames)[1]
    for hook in hooks:
        hook.remove()
    for layer in range(2):
        for name, rows in (
            (f"encoder.frame_layers.{layer}.attention", attention.encode_receive[layer]),
            (f"encoder.exchange_layers.{layer}.attention", attention.gather_communicate[layer]),
            (f"decoder.layers.{layer}.cross_attention", attention.decoder[layer][None]),
        ):
            np.testing.assert_allclose(rows, seen[name], atol=TOLERANCE)


def test_accessors_pick_the_right_rows(attended):
    rows = attended.encode_receive[1][2]  # layer 1, frame 2: (heads, L + M, L + M)
    np.testing.assert_array_equal(
        attended.memory_to_pixels(1, 2, 3, 0).ravel(), rows[0, 12 + 3, :12]
    )
    np.testing.assert_array_equal(attended.memory_to_memory(1, 2, 3, 0), rows[0, 12 + 3, 12:])
    np.testing.assert_array_equal(
        attended.pixel_to_pixels(1, 2, (1, 2), 3).ravel(), rows[3, 1 * 4 + 2, :12]
    )
    np.testing.assert_allclose(
        attended.pixel_to_memory(1, 2, (1, 2)), rows[:, 6, 12:].mean(0), atol=1e-7
    )
    row = attended.decoder[0][2, 4]
    np.testing.assert_array_equal(attended.query_to_pixels(0, 4, 2)[1].ravel(), row[12:24])
    np.testing.assert_array_equal(attended.query_to_memory(0, 4, 2)[2], row[36 + 8 :])


def test_unified_memory_over_time(make_model, frames):
    model = make_model(memory_grouping="unified")
    attention = attend_clip(model, frames)[1]
    rows = attention.gather_communicate[0]
    assert rows.shape == (1, 4, 6, 6)
    np.testing.assert_allclose(rows.sum(-1), 1, atol=1e-5)
    over_time = attention.memory_over_time(0, 1, 3)
    assert over_time.shape == (3, 3)
    assert over_time[0, 2] == rows[0, 3, 0 * 2 + 1, 2 * 2 + 1]


def test_recording_changes_nothing_and_ends(make_model, frames):
    model = make_model()
    before = model.predict_clip(frames)
    during, _ = attend_clip(model, frames)
    np.testing.assert_allclose(during.mask_logits, before.mask_logits, atol=1e-4)
    with pytest.raises(ZeroDivisionError), record_attention(model):
        _ = 1 / 0
    sinks = [m.sink for m in model.modules() if isinstance(m, MultiHeadAttention)]
    assert sinks == [None] * len(sinks)


def test_nothing_is_kept_outside_the_block(make_model, frames):
    model = make_model()
    with record_attention(model) as record:
        pass
    model.predict_clip(frames)
    assert record.encode_receive == record.gather_communicate == record.decoder == []


@pytest.mark.parametrize("encoder", ["full", "decomposed"])
def test_encoders_without_memory_tokens_are_refused(make_model, frames, encoder):
    with pytest.raises(ValueError, match=encoder):
        attend_clip(make_model(encoder=encoder), frames)


def test_ranking_finds_the_token_that_looks_inside(attended):
    mask = np.zeros((70, 100), bool)
    mask[:32, :32] = True
    ranks = rank_memory_tokens(attended, 0, 1, mask)
    corner = {t: float(attended.memory_to_pixels(0, 1, t)[0, 0]) for t in range(4)}
    assert [r.token for r in ranks] == sorted(corner, key=corner.get, reverse=True)
    for rank in ranks:
        assert rank.mass == pytest.approx(corner[rank.token], abs=1e-6)
        pixels = attended.memory_to_pixels(0, 1, rank.token).sum()
        assert rank.share == pytest.approx(corner[rank.token] / pixels, abs=1e-5)


def test_mask_coverage_at_the_border_and_at_other_resolutions():
    full = mask_coverage(np.ones((140, 200), bool), (70, 100))
    np.testing.assert_allclose(full, np.ones((3, 4)))
    half = np.zeros((140, 200), bool)
    half[:, :32] = True  # 16 pixels of the 100 that the network saw
    np.testing.assert_allclose(mask_coverage(half, (70, 100))[:, :2], [[0.5, 0]] * 3, atol=1e-6)


def test_heat_map_says_its_scale(attended):
    maps = np.stack([attended.memory_to_pixels(0, t, 0) for t in range(3)])
    for scale, maximum in (("frame", maps[1].max()), ("clip", maps.max()), ("absolute", 1.0)):
        heat = heat_map(maps, 1, attended.frame_size, scale)
        assert heat.values.shape == (70, 100)
        assert heat.maximum == pytest.approx(float(maximum))
        assert heat.values[16, 16] * heat.maximum == pytest.approx(maps[1, 0, 0], rel=0.05)
        assert f"{heat.maximum:.3g}" in heat.legend


def test_batches_are_recorded_too(make_model):
    model = make_model()
    with record_attention(model) as record, torch.inference_mode():
        model(torch.randn(2, 3, 3, 40, 72), torch.zeros(2, 40, 72, dtype=torch.bool))
    assert record.encode_receive[0].shape == (6, 4, 8, 8)
    assert record.decoder[-1].shape == (2, 4, 6, 3 * 8)
