"""The network's shapes and symmetries, for every variant, at toy size."""

import numpy as np
import pytest
import torch

from ifc_core.models.ifc import FrameFeatures, batch_clips

VARIANTS = [
    {"encoder": "ifc"},
    {"encoder": "ifc", "num_memory_tokens": 0},
    {"encoder": "ifc", "num_memory_tokens": 32},
    {"encoder": "ifc", "memory_grouping": "unified"},
    {"encoder": "none"},
    {"encoder": "full"},
    {"encoder": "decomposed"},
    {"encoder": "ifc", "assignment": "box"},
    {"encoder": "full", "assignment": "box", "pre_norm": True},
    {"encoder": "ifc", "pre_norm": True, "dropout": 0.1},
    {"encoder": "ifc", "token_position": True, "input_norm": True, "query_content": True},
    {"num_encoder_layers": 1, "num_decoder_layers": 1, "feedforward_dim": 16, "num_queries": 3},
    {"backbone": "resnet34"},
]


def _loss(out):
    terms = [out.class_logits.square().mean(), out.mask_logits.square().mean()]
    if out.boxes is not None:
        terms.append(out.boxes.square().mean())
    return sum(terms) + sum(_loss(a._replace(mask_weights=None)) for a in getattr(out, "aux", ()))


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_every_variant_trains(make_model, changes):
    model = make_model(**changes).train()
    clips = [torch.randn(2, 3, 40, 50), torch.randn(3, 3, 64, 33)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    losses = []
    for _ in range(6):
        out = model(*batch_clips(clips))
        loss = _loss(out)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    config = model.config
    assert out.class_logits.shape == (2, config.num_queries, 4)
    assert out.mask_logits.shape == (2, config.num_queries, 3, 8, 7)
    assert len(out.aux) == config.num_decoder_layers - 1
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_image_mode_and_stages(make_model, changes):
    """T = 1, and the stages in turn give what forward gives."""
    model = make_model(**changes)
    frames = torch.randn(1, 1, 3, 40, 72)
    with torch.inference_mode():
        whole = model(frames)
        clip = model.decode_clip(model.encode_frames(frames[0]))
        masks = model.mask_logits(clip.mask_weights[:, 1:3], clip.mask_features)
    torch.testing.assert_close(masks, whole.mask_logits[:, 1:3])
    torch.testing.assert_close(clip.class_logits, whole.class_logits)
    assert whole.aux == ()


@pytest.mark.parametrize("encoder", ["ifc", "none", "full", "decomposed"])
@pytest.mark.parametrize("grouping", ["decomposed", "unified"])
def test_permuting_frames_permutes_masks(make_model, encoder, grouping):
    model = make_model(encoder=encoder, memory_grouping=grouping)
    frames = torch.randn(1, 4, 3, 48, 64)
    order = [2, 0, 3, 1]
    with torch.inference_mode():
        out, permuted = model(frames), model(frames[:, order])
    torch.testing.assert_close(permuted.class_logits, out.class_logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        permuted.mask_logits, out.mask_logits[:, :, order], atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("changes", "communicates"),
    [
        ({"encoder": "ifc"}, True),
        ({"encoder": "ifc", "memory_grouping": "unified"}, True),
        ({"encoder": "ifc", "num_memory_tokens": 0}, False),
        ({"encoder": "none"}, False),
        ({"encoder": "full"}, True),
        ({"encoder": "decomposed"}, True),
    ],
    ids=str,
)
def test_frames_communicate_where_they_should(make_model, changes, communicates):
    """The tokens of frame 0 depend on frame 1 if and only if the encoder communicates."""
    model = make_model(**changes)
    frames = torch.randn(2, 3, 48, 64)
    other = frames.clone()
    other[1] = torch.randn(3, 48, 64)
    with torch.inference_mode():
        tokens = [model.decode_clip(model.encode_frames(f)).tokens[0, 0] for f in (frames, other)]
    changed = float((tokens[0] - tokens[1]).abs().max())
    assert (changed > 1e-3) == communicates
    assert communicates or changed < 1e-5


def test_frame_features_are_encoded_once_for_overlapping_clips(make_model):
    model = make_model()
    frames = torch.randn(6, 3, 40, 72)
    with torch.inference_mode():
        parts = [model.encode_frames(frames[i : i + 1]) for i in range(6)]
        cached = FrameFeatures.concatenate(parts)
        for window in (slice(0, 4), slice(2, 6)):
            clip = model.decode_clip(cached[window])
            whole = model(frames[window][None])
            masks = model.mask_logits(clip.mask_weights, clip.mask_features)
            torch.testing.assert_close(masks, whole.mask_logits, atol=1e-5, rtol=1e-4)
    assert len(cached) == 6
    assert len(cached[[1, 4]]) == 2
    assert cached.num_bytes > sum(t.nbytes for t in (cached.state, cached.lateral3))


@pytest.mark.parametrize("encoder", ["ifc", "full", "decomposed"])
def test_absent_frames_of_shorter_clips_take_no_part(make_model, encoder):
    model = make_model(encoder=encoder)
    clips = [torch.randn(2, 3, 64, 64), torch.randn(4, 3, 64, 64)]
    frames, padding = batch_clips(clips)
    with torch.inference_mode():
        out = model(frames, padding)
        alone = model(clips[0][None])
    torch.testing.assert_close(out.class_logits[:1], alone.class_logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out.mask_logits[:1, :, :2], alone.mask_logits, atol=1e-4, rtol=1e-4)
    assert out.mask_logits.isfinite().all()


def test_an_empty_padding_mask_changes_nothing(make_model):
    model = make_model()
    frames = torch.randn(2, 2, 3, 40, 72)
    with torch.inference_mode():
        plain = model(frames)
        masked = model(frames, torch.zeros(2, 40, 72, dtype=torch.bool))
    torch.testing.assert_close(plain.mask_logits, masked.mask_logits, atol=1e-5, rtol=1e-4)


def test_batch_clips_without_padding():
    frames, padding = batch_clips([torch.ones(2, 3, 8, 8), torch.ones(2, 3, 8, 8)])
    assert frames.shape == (2, 2, 3, 8, 8)
    assert padding is None


def test_predict_clip(make_model):
    model = make_model().train()
    frames = np.random.default_rng(0).integers(0, 256, (3, 41, 66, 3), dtype=np.uint8)
    prediction = model.predict_clip(frames)
    assert prediction.class_logits.shape == (6, 4)
    assert prediction.mask_logits.shape == (6, 3, 6, 9)
    assert prediction.mask_weights.dtype == np.float32
    assert model.training  # left as it was


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((3, 41, 66, 3), np.float32),
        np.zeros((3, 41, 66, 4), np.uint8),
        np.zeros((41, 66, 3), np.uint8),
        np.zeros((0, 41, 66, 3), np.uint8),
    ],
)
def test_predict_clip_refuses_other_arrays(make_model, frames):
    with pytest.raises(ValueError, match="uint8"):
        make_model().predict_clip(frames)


def test_normalize_orders_the_colours(make_model):
    frames = np.zeros((1, 2, 2, 3), np.uint8)
    frames[..., 0] = 200  # red
    means, stds = (10.0, 20.0, 30.0), (1.0, 2.0, 4.0)
    rgb = make_model(pixel_mean=means, pixel_std=stds).normalize(frames)
    bgr = make_model(pixel_mean=means, pixel_std=stds, color_order="bgr").normalize(frames)
    assert rgb[0, :, 0, 0].tolist() == [190.0, -10.0, -7.5]
    assert bgr[0, :, 0, 0].tolist() == [-10.0, -10.0, 42.5]
    assert rgb.shape == (1, 3, 2, 2)


def test_boxes_lie_in_the_frame(make_model):
    model = make_model(assignment="box")
    with torch.inference_mode():
        out = model(torch.randn(2, 3, 3, 40, 72))
    assert out.boxes.shape == (2, 6, 3, 4)
    assert ((out.boxes > 0) & (out.boxes < 1)).all()
    assert (out.boxes[:, :, 0] - out.boxes[:, :, 1]).abs().max() > 1e-4  # a box a frame


def test_mask_logit_scale(make_model):
    frames = torch.randn(1, 2, 3, 40, 72)
    with torch.inference_mode():
        one, tenth = (make_model(mask_logit_scale=s)(frames) for s in (1.0, 0.1))
    torch.testing.assert_close(one.mask_logits * 0.1, tenth.mask_logits, atol=1e-5, rtol=1e-4)
