"""Lower precision stays within its stated tolerance, and the network can be exported."""

import numpy as np
import pytest
import torch

from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC

# Root mean square of the difference to float32, as a share of the outputs' deviation.
TOLERANCE = {torch.bfloat16: 0.06, torch.float16: 0.01}


def _relative(low, full):
    return float(np.sqrt(np.square(low - full).mean()) / full.std())


def _compare(config, device, dtype):
    torch.manual_seed(0)
    model = IFC(config).eval()
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    full = model.predict_clip(frames)
    low = model.to(device=device, dtype=dtype).predict_clip(frames)
    assert low.mask_logits.dtype == np.float32
    return [
        _relative(getattr(low, name), getattr(full, name))
        for name in ("class_logits", "mask_logits")
    ]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("encoder", ["ifc", "full"])
def test_low_precision_on_the_cpu(dtype, encoder):
    config = IFCConfig.preset("tiny", encoder=encoder, num_queries=20)
    assert max(_compare(config, "cpu", dtype)) < TOLERANCE[dtype]


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, *TOLERANCE], ids=str)
def test_cuda_agrees_with_the_cpu(dtype):
    config = IFCConfig(backbone="resnet50", num_queries=20)
    assert max(_compare(config, "cuda", dtype)) < TOLERANCE.get(dtype, 1e-3)


def test_export_of_the_clip_forward(make_model):
    model = make_model()
    frames = torch.randn(1, 3, 3, 48, 80)
    dynamic = {"frames": {1: torch.export.Dim("num_frames", min=2, max=36)}}
    program = torch.export.export(model, (frames,), dynamic_shapes=dynamic)
    for length in (3, 5):
        clip = torch.randn(1, length, 3, 48, 80)
        with torch.inference_mode():
            exported, eager = program.module()(clip), model(clip)
        torch.testing.assert_close(exported[0], eager.class_logits)
        torch.testing.assert_close(exported[1], eager.mask_logits)


def test_export_with_a_padding_mask(make_model):
    model = make_model()
    frames = torch.randn(2, 2, 3, 48, 80)
    padding = torch.zeros(2, 48, 80, dtype=torch.bool)
    padding[1, 32:] = True
    program = torch.export.export(model, (frames, padding))
    with torch.inference_mode():
        torch.testing.assert_close(
            program.module()(frames, padding)[1], model(frames, padding).mask_logits
        )
