"""Blocks made for fused kernels compute what the folded blocks compute."""

import copy

import pytest
import torch

from ifc_core.inference.fused_layers import _UNFUSED, FusedBackbone
from ifc_core.models.backbone import Backbone
from ifc_core.models.config import IFCConfig


@pytest.fixture(params=["resnet18", "resnet50"])
def folded(request):
    torch.manual_seed(2)
    backbone = Backbone(IFCConfig(backbone=request.param)).eval()
    for module in backbone.modules():
        if hasattr(module, "running_var"):
            module.running_var.uniform_(0.8, 1.2)
            module.running_mean.uniform_(-0.1, 0.1)
            module.bias.data.uniform_(-0.1, 0.1)
    backbone.fold_batch_norm()
    return backbone.requires_grad_(False)


def assert_alike(device, dtype, folded, tolerance):
    images = torch.randn(2, 3, 45, 70)
    expected = folded(images)
    fused = FusedBackbone(copy.deepcopy(folded)).to(device=device, dtype=dtype)
    fused = fused.to(memory_format=torch.channels_last)
    found = fused(images.to(device, dtype).contiguous(memory_format=torch.channels_last))
    for ours, theirs in zip(found, expected, strict=True):
        difference = (ours.float().cpu() - theirs).square().mean().sqrt()
        assert difference < tolerance * theirs.std()


@torch.inference_mode()
def test_on_a_cpu(folded):
    assert_alike("cpu", torch.float32, folded, 1e-5)


@pytest.mark.cuda
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 3e-3), (torch.float16, 0.01), (torch.bfloat16, 0.05)],
    ids=str,
)
@torch.inference_mode()
def test_on_a_gpu(folded, dtype, tolerance):
    refused = len(_UNFUSED)
    assert_alike("cuda", dtype, folded, tolerance)
    assert len(_UNFUSED) == refused
